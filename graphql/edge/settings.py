"""All configuration of the edge agent, in one frozen object. Nothing else reads the environment.

Sources, later wins: defaults, ``priorlink-edge.toml`` (or ``--config FILE``), ``PRIORLINK_EDGE_*`` variables
(``PRIORLINK_EDGE_HTTP__PORT=8443``). Secrets belong in variables or files, never in the toml.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from edge.errors import ConfigurationError

DEFAULT_CONFIG_FILE = Path("priorlink-edge.toml")
_LOOPBACK = frozenset({"127.0.0.1", "::1", "[::1]", "localhost"})


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class SiteSettings(_Part):
    """The hospital that the agent speaks for."""

    id: str = Field(pattern=r"^[A-Za-z0-9_-]{1,32}$", description="the site's id at the hub")
    name: str = Field(min_length=1)
    assigning_authority: str = Field(min_length=1, description="issuer of the numbers its archive files studies under")
    time_zone: str = Field("UTC", description="IANA name; times without offset are local there")
    issuer_aliases: tuple[str, ...] = Field((), description="other names of that issuer in its archive")
    fallback_charset: str = Field("latin-1", description="for text that declares no character set")
    sr_means_final_report: bool = Field(False, description="the archive takes an SR only once the report is signed")

    @field_validator("time_zone")
    @classmethod
    def _is_a_time_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError("not an IANA time zone") from error
        return name


class DicomwebArchive(_Part):
    """An archive asked by QIDO-RS."""

    protocol: Literal["dicomweb"]
    url: str = Field(pattern=r"^https?://", description="DICOMweb root, without /studies")
    token: SecretStr | None = Field(None, description="bearer token; better token_file")
    token_file: Path | None = Field(None, description="file that holds the bearer token; read again after a 401")
    ca_file: Path | None = Field(None, description="PEM of the authority that signed its certificate; none = system's")
    client_certificate_file: Path | None = Field(None, description="PEM shown to an archive that asks for one")
    client_key_file: Path | None = Field(None, description="PEM private key of that certificate")


class ArchiveTls(_Part):
    """An association by TLS (DICOM PS3.15 B.12)."""

    ca_file: Path | None = Field(None, description="PEM of the authority that signed its certificate; none = system's")
    certificate_file: Path | None = Field(None, description="PEM shown to an archive that asks for a certificate")
    key_file: Path | None = Field(None, description="PEM private key of that certificate")
    server_name: str | None = Field(None, description="name its certificate must hold; none = the host")

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError("certificate_file and key_file go together")
        return self


class DimseArchive(_Part):
    """An archive asked by C-FIND, study root."""

    protocol: Literal["dimse"]
    host: str
    port: int = Field(ge=1, le=65535)
    called_ae_title: str = Field(min_length=1, max_length=16)
    calling_ae_title: str = Field("PRIORLINK", min_length=1, max_length=16)
    max_associations: int = Field(4, ge=1, le=16, description="associations at once")
    tls: ArchiveTls | None = Field(None, description="speak TLS; none = not encrypted")


class HubSettings(_Part):
    """The one hub that may ask."""

    id: str = Field("priorlink-hub", min_length=1, description="iss claim of the hub's tokens; aud of ours")
    jwks_file: Path = Field(description="the hub's public keys, read again when the file changes")


class HttpSettings(_Part):
    """The door that the hub comes to. Without a certificate it opens on loopback only."""

    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8443, ge=0, le=65535, description="TCP port; 0 = any free one (printed)")
    certificate_file: Path | None = Field(None, description="PEM certificate chain")
    key_file: Path | None = Field(None, description="PEM private key of the certificate")
    client_ca_file: Path | None = Field(None, description="PEM: ask the hub for a certificate signed by this one, too")
    max_request_bytes: int = Field(16_384, gt=0, description="largest request body, bytes")

    @model_validator(mode="after")
    def _is_encrypted_beyond_this_machine(self) -> Self:
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError("certificate_file and key_file go together")
        if self.certificate_file is None and self.host not in _LOOPBACK:
            raise ValueError("certificate_file is needed when the host is not loopback")
        if self.client_ca_file is not None and self.certificate_file is None:
            raise ValueError("client_ca_file needs certificate_file")
        return self


class OutboundSettings(_Part):
    """Where nothing may come in: the agent dials out to the hub and fetches its questions."""

    hub_url: str = Field(pattern=r"^https?://", description="the hub's address")
    key_file: Path = Field(description="the agent's private key; its public half is registered at the hub")
    ca_file: Path | None = Field(None, description="PEM of the authority that signed the hub's certificate")
    lines: int = Field(4, ge=1, le=16, description="questions answered at once")
    wait_seconds: float = Field(25.0, gt=0, le=55, description="how long the hub may hold a poll open")

    @model_validator(mode="after")
    def _is_encrypted_beyond_this_machine(self) -> Self:
        host = self.hub_url.partition("://")[2].partition("/")[0].rpartition("@")[2].rsplit(":", 1)[0]
        if not self.hub_url.startswith("https://") and host not in _LOOPBACK:
            raise ValueError("hub_url must be https:// unless the hub is on this machine")
        return self


class PolicySettings(_Part):
    """What the site does not share. A withheld study leaves no trace in an answer."""

    excluded_modalities: tuple[str, ...] = Field((), description="studies with one of these, or with none known")
    excluded_patients_file: Path | None = Field(None, description="local patient ids, one a line")
    excluded_studies_file: Path | None = Field(None, description="study UIDs or accession numbers, one a line")
    shared_from: dt.date | None = Field(None, description="earlier and undated studies are withheld")
    shared_until: dt.date | None = Field(None, description="later and undated studies are withheld")
    sensitive_words: tuple[str, ...] = Field((), description="in description, body part or procedure code, any case")
    share_demographics: bool = Field(True, description="send name, birth date and sex, as proof of the right patient")


class AuditSettings(_Part):
    """Who asked about whom, on the site's side."""

    file: Path = Field(Path("priorlink-edge-audit.jsonl"), description="JSON lines, only ever appended to")


class AuthoritySettings(_Part):
    """A further issuer of numbers, for Other Patient IDs."""

    name: str = Field(min_length=1)
    oid: str | None = None


class Settings(BaseSettings):
    """The whole configuration."""

    model_config = SettingsConfigDict(
        env_prefix="PRIORLINK_EDGE_",
        env_nested_delimiter="__",
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
    )

    site: SiteSettings
    archive: Annotated[DicomwebArchive | DimseArchive, Field(discriminator="protocol")]
    hub: HubSettings
    http: HttpSettings | None = None
    outbound: OutboundSettings | None = None
    policy: PolicySettings = PolicySettings()
    audit: AuditSettings = AuditSettings()
    authorities: tuple[AuthoritySettings, ...] = ()
    demo: bool = Field(False, description="allow introspection and say what is wrong with a question")

    @model_validator(mode="after")
    def _has_a_way_to_the_hub(self) -> Self:
        if self.http is None and self.outbound is None:
            raise ValueError("one of [http] (the hub comes in) and [outbound] (the agent dials out) is needed")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Variables win over what is handed in (the toml file's contents)."""
        return (env_settings, init_settings)


def load_settings(config_file: Path | None = None) -> Settings:
    """Read the file (``priorlink-edge.toml`` here, if there is one) and the environment.

    Raises:
        ConfigurationError: the file is missing or broken, or a field is wrong; the text names the field.
    """
    chosen = config_file or DEFAULT_CONFIG_FILE
    if config_file is not None and not config_file.is_file():
        raise ConfigurationError(f"configuration file {config_file} does not exist")
    try:
        values: dict[str, Any] = TomlConfigSettingsSource(Settings, chosen)() if chosen.is_file() else {}
    except ValueError as error:
        raise ConfigurationError(f"{chosen}: {error}") from error
    try:
        return Settings(**values)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "settings"
        raise ConfigurationError(f"{where}: {first['msg']}") from error
