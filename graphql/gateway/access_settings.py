"""The parts of the settings that say who is let in, and what is hidden. ``gateway.settings`` puts them together."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from gateway.archive_settings import Part


class ServiceClientSettings(Part):
    """A program that gets tokens of the hub for assertions signed with its own key (RFC 7523)."""

    client_id: str = Field(min_length=1, max_length=200, description="iss and sub of its assertions")
    jwks_file: Path | None = Field(None, description="its public keys, a JSON Web Key Set file")
    jwks_url: str | None = Field(None, pattern=r"^https?://", description="its public keys")
    roles: tuple[Literal["physician", "plugin", "records", "privacy_officer", "site_admin", "admin"], ...] = Field(
        ("plugin",), description="roles of its tokens"
    )
    scopes: tuple[str, ...] = Field((), description="SMART scopes it may ask for; none = its tokens carry none")
    sites: tuple[str, ...] | None = Field(None, description="sites of its tokens; none = they name none")
    purpose_of_use: str = Field("TREAT", pattern=r"^[A-Z]{2,16}$", description="purpose of its tokens")

    @model_validator(mode="after")
    def _one_source_of_keys(self) -> Self:
        if (self.jwks_file is None) == (self.jwks_url is None):
            raise ValueError("exactly one of jwks_file and jwks_url is needed")
        return self


class ServiceTokenSettings(Part):
    """Tokens that the hub itself gives to programs, at ``/oauth/token``. Without ``url`` it gives none."""

    url: str | None = Field(
        None, pattern=r"^https?://.+/oauth/token$", description="public address of the door; iss of its tokens"
    )
    signing_key_file: Path | None = Field(None, description="private key of its tokens, PEM or JWK: EC P-256")
    lifetime_seconds: int = Field(300, ge=60, le=900, description="how long a token is good, seconds")
    client_requests_per_minute: int | None = Field(
        30, ge=1, description="tokens that one client may ask for, each minute; none = without end"
    )
    address_requests_per_minute: int | None = Field(
        120, ge=1, description="requests for tokens from one address, good or not, each minute; none = without end"
    )
    clients: tuple[ServiceClientSettings, ...] = ()

    @model_validator(mode="after")
    def _has_a_key(self) -> Self:
        if (self.url is None) != (self.signing_key_file is None):
            raise ValueError("url and signing_key_file go together")
        return self


class AuthSettings(Part):
    """Whose tokens are taken. Exactly one of ``jwks_file`` and ``jwks_url``; without either nobody gets in."""

    issuer: str = Field("", description="iss claim that tokens must carry")
    audience: str = Field("priorlink", description="aud claim that tokens must carry")
    jwks_file: Path | None = Field(None, description="JSON Web Key Set file, read again when it changes")
    jwks_url: str | None = Field(
        None, pattern=r"^https?://", description="JSON Web Key Set address, fetched again every 5 minutes"
    )
    leeway_seconds: int = Field(30, ge=0, le=300, description="clock skew allowed, seconds")
    longest_token_hours: int = Field(24, ge=1, le=168, description="tokens that live longer are refused, hours")
    revocation_seconds: int = Field(15, ge=0, le=60, description="a revocation is noticed within this, seconds")
    service: ServiceTokenSettings = Field(default_factory=ServiceTokenSettings)

    @model_validator(mode="after")
    def _one_source_of_keys_with_its_issuer(self) -> Self:
        if self.jwks_file is not None and self.jwks_url is not None:
            raise ValueError("jwks_file and jwks_url exclude each other")
        if (self.jwks_file is not None or self.jwks_url is not None) and not self.issuer:
            raise ValueError("issuer is needed with jwks_file or jwks_url")
        return self


class StudyClassSettings(Part):
    """Studies that are sensitive in themselves: one of codes, words and confidentiality fits."""

    name: str = Field(pattern=r"^[a-z0-9_-]{1,64}$", description="short stable name")
    title: str = Field("", description="what people call it")
    sites: tuple[str, ...] = Field((), description="site ids; none = at every site")
    codes: tuple[str, ...] = Field((), description="procedure codes, a site's own or standard ones")
    words: tuple[str, ...] = Field((), description="whole words of a study's description")
    confidentiality: tuple[str, ...] = Field((), description="codes that an archive gives, such as R or V")
    hidden: bool = Field(True, description="hidden unless the person permits it; false: shown unless the person denies")


class ConsentSettings(Part):
    """What is hidden, whoever asks."""

    study_classes: tuple[StudyClassSettings, ...] = ()
