"""The demo's identity provider and an EHR that opens the pages on a patient, and the settings that let both in."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass

from adapters.simulated.authorization_server import RegisteredClient
from adapters.simulated.identity_provider import IdentityProvider, Member
from adapters.simulated.launching_ehr import Chart, LaunchingEhr
from adapters.simulated.story import STORY
from gateway.demo.ehr import IDENTIFIER_SYSTEM
from gateway.permissions import Role
from gateway.settings import WebSettings
from gateway.sign_in_settings import EhrSettings, OidcSettings
from mpi.identity.identifiers import PatientIdentifier

PROVIDER, EHR = "the demo's provider", "the demo's EHR"
_CLIENT_ID = "priorlink-demo"
_SESSION_MINUTES = 12 * 60
_PEOPLE = {
    Role.PHYSICIAN: "Dr Adaeze Okafor",
    Role.RECORDS: "Cleo Lindqvist",
    Role.PRIVACY_OFFICER: "Ruth Farkas",
    Role.SITE_ADMIN: "Imre Sandoval",
    Role.ADMIN: "Priya Halloran",
}


@dataclass(frozen=True, slots=True)
class DemoEntrances:
    """Both servers run; ``settings`` are those of the hub's pages."""

    provider: IdentityProvider
    ehr: LaunchingEhr
    settings: WebSettings


def start_entrances(hub_url: str, stack: ExitStack) -> DemoEntrances:
    """A provider with one person a role, and an EHR of the ordering site with the people of the story."""
    members = [Member(f"demo-{role.value}", f"{name} ({role.value})", _claims(role)) for role, name in _PEOPLE.items()]
    provider = IdentityProvider("Demo identity provider", members)
    ehr = LaunchingEhr("Demo EHR of North General", _charts())
    for server in (provider, ehr):
        server.start()
        stack.callback(server.stop)
    provider.register(RegisteredClient(_CLIENT_ID, f"{hub_url}/sign-in/callback"))
    ehr.register(RegisteredClient(_CLIENT_ID, f"{hub_url}/launch/callback"))
    ehr.launch_url = f"{hub_url}/launch"
    settings = WebSettings(
        public_url=hub_url,
        token_sign_in=True,
        oidc=OidcSettings(
            issuer=provider.issuer, client_id=_CLIENT_ID, name=PROVIDER, session_minutes=_SESSION_MINUTES
        ),
        ehrs=(
            EhrSettings(
                id="demo-ehr",
                name=EHR,
                iss=ehr.iss,
                client_id=_CLIENT_ID,
                site=STORY.ordering_site,
                identifier_systems={IDENTIFIER_SYSTEM: STORY.marta_here.assigning_authority},
            ),
        ),
    )
    return DemoEntrances(provider, ehr, settings)


def _claims(role: Role) -> dict[str, object]:
    return {"roles": [role.value], "purpose_of_use": "TREAT"}


def _charts() -> list[Chart]:
    people: list[tuple[str, PatientIdentifier]] = [
        ("Marta Brandt", STORY.marta_here),
        ("Maria Brandt, her twin", STORY.maria_here),
        ("Tomasz", STORY.tomasz_here),
        ("Irene", STORY.irene_here),
    ]
    known = [
        Chart(f"chart-{i}", label, ((IDENTIFIER_SYSTEM, n.local_patient_id),)) for i, (label, n) in enumerate(people)
    ]
    return [*known, Chart("chart-new", "Somebody whom the hub does not know", ((IDENTIFIER_SYSTEM, "0000000"),))]
