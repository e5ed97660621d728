"""The parts of the settings that say where people sign in: the hospital's identity provider, and EHRs that open us."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator

from gateway.archive_settings import Part

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def is_safe_address(url: str) -> bool:
    """Whether what is sent there is sent encrypted, or stays on this machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)


class ClientSettings(Part):
    """How the hub is registered as a client. Its redirect address is made of ``web.public_url``, never of a request."""

    client_id: str = Field(min_length=1, max_length=200, description="the hub's client id there")
    client_secret: SecretStr | None = Field(
        None, description="its secret; none = a public client (PKCE is always used)"
    )
    client_secret_file: Path | None = Field(None, description="file that holds the secret")
    secret_sent_as: Literal["client_secret_basic", "client_secret_post"] = Field(
        "client_secret_basic", description="how the secret is shown at the token endpoint"
    )
    ca_file: Path | None = Field(None, description="PEM of the authority that signed its certificate; none = system's")
    timeout_seconds: float = Field(5.0, gt=0, le=30, description="one question to it is given up after this, seconds")

    @model_validator(mode="after")
    def _one_secret(self) -> Self:
        if self.client_secret is not None and self.client_secret_file is not None:
            raise ValueError("client_secret and client_secret_file exclude each other")
        return self


class OidcSettings(ClientSettings):
    """Sign-in at an OpenID provider. Its ID token's claims are read as a bearer token's are (``roles`` ...)."""

    issuer: str = Field(description="https address of the provider, without /.well-known/openid-configuration")
    name: str = Field("the hospital", min_length=1, max_length=60, description="what people call it, on the button")
    scopes: tuple[str, ...] = Field(("openid", "profile"), description="scopes to ask for; openid is needed")
    session_minutes: int | None = Field(
        None, ge=5, le=24 * 60, description="how long a sign-in lasts, minutes; none = as long as the ID token"
    )
    sign_out_there: bool = Field(True, description="signing out here ends the provider's session, too, if it can")

    @model_validator(mode="after")
    def _can_be_trusted(self) -> Self:
        if not is_safe_address(self.issuer):
            raise ValueError("issuer must be https:// unless it is on this machine")
        if "openid" not in self.scopes:
            raise ValueError("scopes must hold openid")
        return self


class EhrSettings(ClientSettings):
    """An EHR that opens the hub on a patient (SMART App Launch). Only EHRs that are listed may."""

    id: str = Field(
        pattern=r"^[A-Za-z0-9_-]{1,32}$", description="short stable name; stands before its users in audits"
    )
    name: str = Field(min_length=1, max_length=60, description="what people call it")
    iss: str = Field(description="its FHIR address, exactly as it sends it with a launch")
    site: str = Field(min_length=1, description="id of the site whose EHR it is")
    scopes: tuple[str, ...] = Field(
        ("launch", "openid", "fhirUser", "patient/Patient.rs"), description="SMART scopes to ask for"
    )
    role: Literal["physician", "plugin"] = Field("physician", description="role of everybody who comes from it")
    only_launched_patient: bool = Field(
        False, description="who comes from it sees the patient of the launch and nobody else"
    )
    session_minutes: int = Field(60, ge=5, le=24 * 60, description="how long a launch lasts at most, minutes")
    identifier_systems: dict[str, str] = Field(
        default_factory=dict, description="FHIR identifier.system to registered authority; urn:oid: needs no entry"
    )
    patient_id_is_number: bool = Field(
        False, description="the id of its Patient is the site's patient number: nothing is read from it"
    )

    @model_validator(mode="after")
    def _can_be_trusted(self) -> Self:
        if not is_safe_address(self.iss):
            raise ValueError("iss must be https:// unless it is on this machine")
        if not {"launch", "openid"} <= set(self.scopes):
            raise ValueError("scopes must hold launch and openid")
        return self
