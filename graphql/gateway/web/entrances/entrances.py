"""Every way in that the settings open, made once: the identity provider, and the listed EHRs by their address."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from federation.sites.site import SiteId
from gateway.errors import ConfigurationError
from gateway.resources import HubResources
from gateway.settings import WebSettings
from gateway.sign_in_settings import OidcSettings
from gateway.web.entrances.code_flow import CodeFlow, Registration
from gateway.web.entrances.ehrs import Ehr
from gateway.web.entrances.pending import PendingCookies
from gateway.web.seals import Seal

OIDC = "oidc"
SIGN_IN_CALLBACK, LAUNCH_CALLBACK = "/sign-in/callback", "/launch/callback"


@dataclass(frozen=True, slots=True)
class Provider:
    """The hospital's identity provider."""

    settings: OidcSettings
    flow: CodeFlow


@dataclass(frozen=True, slots=True)
class Entrances:
    """``ehrs`` by the address that each sends as ``iss``, without a slash at its end."""

    provider: Provider | None
    ehrs: Mapping[str, Ehr]
    sign_ins: PendingCookies
    launches: PendingCookies
    public_url: str = ""
    names: Mapping[str, Ehr] = field(default_factory=lambda: MappingProxyType({}))

    def ehr(self, iss: str) -> Ehr | None:
        """The EHR of this address, if it is listed."""
        return self.ehrs.get(iss.rstrip("/"))


def build_entrances(settings: WebSettings, resources: HubResources, *, leeway_seconds: int) -> Entrances:
    """What the settings open.

    Raises:
        ConfigurationError: an EHR's site is not registered, or a file cannot be used.
    """
    public_url = settings.public_url or ""

    def flow(registration: Registration) -> CodeFlow:
        return CodeFlow(registration, clock=resources.clock, leeway_seconds=leeway_seconds)

    ehrs = {}
    for one in settings.ehrs:
        site = resources.directory.sites.get(SiteId(one.site))
        if site is None:
            raise ConfigurationError(f"web.ehrs.{one.id}.site: no site is registered under this id")
        iss = one.iss.rstrip("/")
        registration = Registration(
            f"ehr:{one.id}", f"{iss}/.well-known/smart-configuration", None,
            f"{public_url}{LAUNCH_CALLBACK}", one.scopes, one,
        )  # fmt: skip
        ehrs[iss] = Ehr(one, flow(registration), site.assigning_authority)
    return Entrances(
        _provider(settings, flow),
        MappingProxyType(ehrs),
        PendingCookies(Seal(settings, "sign-in"), "/sign-in"),
        PendingCookies(Seal(settings, "launch"), "/launch"),
        public_url,
        MappingProxyType({ehr.entrance: ehr for ehr in ehrs.values()}),
    )


def _provider(settings: WebSettings, flow: Callable[[Registration], CodeFlow]) -> Provider | None:
    oidc = settings.oidc
    if oidc is None:
        return None
    metadata_url = f"{oidc.issuer.rstrip('/')}/.well-known/openid-configuration"
    registration = Registration(
        OIDC, metadata_url, oidc.issuer, f"{settings.public_url}{SIGN_IN_CALLBACK}", oidc.scopes, oidc
    )
    return Provider(oidc, flow(registration))
