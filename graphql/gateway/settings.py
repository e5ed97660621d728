"""All configuration of the hub, in one frozen object. Nothing else reads the environment.

Sources, later wins: defaults, ``priorlink.toml`` (or ``--config FILE``), ``PRIORLINK_*`` variables
(``PRIORLINK_HTTP__PORT=8420``). Secrets belong in variables or files, never in the toml.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from gateway.errors import ConfigurationError

DEFAULT_CONFIG_FILE = Path("priorlink.toml")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class StoreSettings(_Part):
    """Where the index is kept."""

    url: str = Field("sqlite:///priorlink.db", description="SQLAlchemy URL: sqlite:///FILE or postgresql://...")


class HttpSettings(_Part):
    """The HTTP hub."""

    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8420, ge=0, le=65535, description="TCP port; 0 = any free one (printed)")
    graphiql: bool = Field(False, description="serve the GraphiQL page at /graphql")
    max_request_bytes: int = Field(262_144, gt=0, description="largest request body, bytes")
    introspection: bool = Field(False, description="callers may ask for the schema here; graphiql needs and implies it")
    only_trusted_documents: bool = Field(
        False, description="carry out no GraphQL document but the published ones and those of trusted_documents_folder"
    )
    trusted_documents_folder: Path | None = Field(None, description="further trusted documents, .graphql files")
    client_requests_per_minute: int | None = Field(
        6_000, ge=1, description="requests of one client, by the subject of its token; none = without end"
    )
    address_requests_per_minute: int | None = Field(
        30_000, ge=1, description="requests from one address, with or without a token; none = without end"
    )
    anonymous_requests_per_minute: int | None = Field(
        120, ge=1, description="requests from one address without a good token, beyond that unaudited; none = all"
    )
    rates_url: str | None = Field(
        None, pattern=r"^rediss?://", description="where several hubs count requests together; none = each by itself"
    )
    tls_certificate_file: Path | None = Field(None, description="PEM; with it the hub speaks TLS 1.2 and newer only")
    tls_key_file: Path | None = Field(None, description="PEM private key of that certificate")
    allowed_origins: tuple[str, ...] = Field(
        (), description="origins (https://ehr.example) whose pages may call /graphql from a browser; none = no page"
    )
    trusted_proxies: tuple[str, ...] = Field(
        (), description="addresses of proxies whose X-Forwarded-For is believed; none = nobody's"
    )

    @model_validator(mode="after")
    def _certificate_with_its_key(self) -> Self:
        if (self.tls_certificate_file is None) != (self.tls_key_file is None):
            raise ValueError("tls_certificate_file and tls_key_file are needed together")
        return self


class SubscriptionSettings(_Part):
    """GraphQL subscriptions, over websockets (graphql-transport-ws) and server-sent events."""

    allowed_origins: tuple[str, ...] = Field(
        (), description="other origins whose pages may open a websocket, such as https://ehr.example; none = our own"
    )
    poll_ms: int = Field(500, ge=50, le=10_000, description="how often what was changed is looked for, milliseconds")
    recheck_seconds: float = Field(20.0, gt=0, le=50, description="how often an open one's token is checked again")
    queue_length: int = Field(256, ge=1, le=10_000, description="events that wait for a slow reader; then it is ended")
    max_open: int = Field(1000, ge=1, description="open subscriptions of this process")
    max_open_per_caller: int = Field(50, ge=1, description="open subscriptions of one caller")
    init_timeout_seconds: int = Field(10, ge=1, le=60, description="a websocket that says nothing is closed after this")


class MllpSettings(_Part):
    """The HL7 v2 listener."""

    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(2575, ge=0, le=65535, description="TCP port; 0 = any free one (printed)")
    max_frame_bytes: int = Field(16_777_216, ge=1_048_576, description="largest message, bytes")
    idle_timeout_seconds: float = Field(600.0, gt=0, description="a silent connection is closed after this")
    max_connections: int = Field(64, gt=0, description="connections at once")


class AuthSettings(_Part):
    """Whose tokens are taken. Exactly one of ``jwks_file`` and ``jwks_url``; without either nobody gets in."""

    issuer: str = Field("", description="iss claim that tokens must carry")
    audience: str = Field("priorlink", description="aud claim that tokens must carry")
    jwks_file: Path | None = Field(None, description="JSON Web Key Set file, read again when it changes")
    jwks_url: str | None = Field(
        None, pattern=r"^https?://", description="JSON Web Key Set address, fetched again every 5 minutes"
    )
    leeway_seconds: int = Field(30, ge=0, le=300, description="clock skew allowed, seconds")

    @model_validator(mode="after")
    def _one_source_of_keys_with_its_issuer(self) -> Self:
        if self.jwks_file is not None and self.jwks_url is not None:
            raise ValueError("jwks_file and jwks_url exclude each other")
        if (self.jwks_file is not None or self.jwks_url is not None) and not self.issuer:
            raise ValueError("issuer is needed with jwks_file or jwks_url")
        return self


class AuthoritySettings(_Part):
    """A registered assigning authority."""

    name: str = Field(min_length=1, description="namespace id as it stands in PID-3.4")
    oid: str | None = Field(None, description="universal id of the same authority")
    fhir_system: str | None = Field(
        None, min_length=1, description="FHIR Identifier.system of the same authority; none = urn:oid: and its OID"
    )
    strong: bool = Field(False, description="one number to a person across sites (a national id)")


class DicomwebArchive(_Part):
    """An archive asked by QIDO-RS."""

    protocol: Literal["dicomweb"]
    url: str = Field(pattern=r"^https?://", description="DICOMweb root, without /studies")
    token: SecretStr | None = Field(None, description="bearer token; better PRIORLINK_* or token_file")
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


class FhirArchive(_Part):
    """An archive asked by FHIR search for ImagingStudy: STU3, R4 or R5."""

    protocol: Literal["fhir"]
    url: str = Field(pattern=r"^https?://", description="FHIR root, without /ImagingStudy")
    identifier_systems: tuple[str, ...] = Field(
        (), description="systems (URIs) of the site's patient numbers there; none = urn:oid: and the authority's OID"
    )
    patient_search: Literal["two_step", "chained"] = Field(
        "two_step", description="Patient first and then its studies, or patient.identifier in one search"
    )
    patient_parameter: Literal["patient", "subject"] = Field("patient", description="search parameter of ImagingStudy")
    token: SecretStr | None = Field(None, description="bearer token; better PRIORLINK_* or token_file")
    token_file: Path | None = Field(None, description="file that holds the bearer token; read again after a 401")
    ca_file: Path | None = Field(None, description="PEM of the authority that signed its certificate; none = system's")
    client_certificate_file: Path | None = Field(None, description="PEM shown to an archive that asks for one")
    client_key_file: Path | None = Field(None, description="PEM private key of that certificate")


class FolderArchive(_Part):
    """A folder of DICOM files, with or without a DICOMDIR."""

    protocol: Literal["folder"]
    path: Path = Field(description="the folder; nothing outside of it is read")
    index_file: Path | None = Field(None, description="SQLite file of its index; none = in memory, read anew at start")
    poll_seconds: float = Field(5.0, ge=0, le=86_400, description="how old a look at the folder may be, seconds")


class EdgeArchive(_Part):
    """An archive behind an edge agent. With ``url`` the hub comes to the agent; without, the agent dials out."""

    protocol: Literal["edge"]
    url: str | None = Field(None, pattern=r"^https?://", description="the agent's address, without /graphql")
    ca_file: Path | None = Field(None, description="PEM of the authority that signed the agent's certificate")
    client_certificate_file: Path | None = Field(None, description="PEM shown to an agent that asks for one")
    client_key_file: Path | None = Field(None, description="PEM private key of that certificate")
    agent_jwks_file: Path | None = Field(None, description="public keys of an agent that dials out")

    @model_validator(mode="after")
    def _has_one_way(self) -> Self:
        if (self.url is None) == (self.agent_jwks_file is None):
            raise ValueError("one of url (the agent listens) and agent_jwks_file (it dials out) is needed")
        host = (self.url or "").partition("://")[2].partition("/")[0].rpartition("@")[2].rsplit(":", 1)[0]
        if self.url is not None and self.url.startswith("http:") and host not in ("127.0.0.1", "[::1]", "localhost"):
            raise ValueError("url must be https:// unless the agent is on this machine")
        if (self.client_certificate_file is None) != (self.client_key_file is None):
            raise ValueError("client_certificate_file and client_key_file go together")
        return self


Archive = Annotated[
    DicomwebArchive | DimseArchive | FhirArchive | FolderArchive | EdgeArchive, Field(discriminator="protocol")
]


class SiteSettings(_Part):
    """A hospital that takes part."""

    id: str = Field(pattern=r"^[A-Za-z0-9_-]{1,32}$", description="short stable name; its HL7 sending facility")
    name: str = Field(min_length=1)
    assigning_authority: str = Field(min_length=1)
    time_zone: str = Field("UTC", description="IANA name; times without offset are local there")
    issuer_aliases: tuple[str, ...] = Field((), description="other names of the issuer of its numbers in its archive")
    fallback_charset: str = Field("latin-1", description="for text that declares no character set")
    sr_means_final_report: bool = Field(False, description="the archive takes an SR only once the report is signed")
    viewer_url_template: str | None = Field(None, description="opens a study; holds {study_instance_uid}")
    code_map: Path | None = Field(None, description="CSV: the site's procedure codes")
    archive: Archive | None = Field(None, description="how its archive is asked; none = identities only")


class AgentsSettings(_Part):
    """How edge agents know this hub."""

    hub_id: str = Field("priorlink-hub", min_length=1, description="iss of our tokens to agents, aud of theirs to us")
    signing_key_file: Path | None = Field(None, description="the hub's private key (priorlink sites new-key)")


class TasksSettings(_Part):
    """Background work."""

    broker_url: str | None = Field(None, description="redis://... or amqp://...; none = inside the hub's process")
    threads: int = Field(2, ge=1, le=64, description="worker threads")


class AuditSettings(_Part):
    """How long audit entries are kept, and where the head of their chain is kept outside of the store."""

    retention_days: int | None = Field(
        None, ge=30, description="entries older than this may be pruned (priorlink audit prune), days; none = for ever"
    )
    head_file: Path | None = Field(
        None, description="file that heads of the chain are added to, best on another machine; none = nowhere"
    )
    head_every_seconds: float = Field(60.0, gt=0, le=86_400, description="how often serve adds the head, seconds")


class AlertSettings(_Part):
    """Whom to tell of alerts that were raised in the background (orders received as HL7 messages)."""

    webhook_url: str | None = Field(None, pattern=r"^https?://", description="receiver of signed POSTs; none = nobody")
    webhook_secret: SecretStr | None = Field(
        None, min_length=16, description="key of the HMAC-SHA256 signature; PRIORLINK_ALERTS__WEBHOOK_SECRET"
    )

    @model_validator(mode="after")
    def _signed_or_not_at_all(self) -> Self:
        if (self.webhook_url is None) != (self.webhook_secret is None):
            raise ValueError("webhook_url and webhook_secret are needed together")
        return self


class OidcSettings(_Part):
    """Signing in to the pages at the issuer of ``auth`` (OpenID Connect, authorization code with PKCE)."""

    client_id: str = Field(min_length=1, description="the hub's client id at the issuer")
    client_secret: SecretStr | None = Field(None, description="of a confidential client; better PRIORLINK_* or a file")
    client_secret_file: Path | None = Field(None, description="file that holds the client secret")
    scope: str = Field("openid", description="scopes asked for, separated by spaces")


class WebSettings(_Part):
    """The pages."""

    enabled: bool = Field(True, description="serve the pages at /")
    public_url: str | None = Field(
        None, pattern=r"^https?://[^/]+$", description="address people type; https makes cookies Secure"
    )
    session_key: SecretStr | None = Field(
        None, min_length=32, description="seals session cookies, the same in every process; none = new at every start"
    )
    session_key_file: Path | None = Field(None, description="file that holds the session key")
    idle_minutes: int = Field(30, ge=1, le=24 * 60, description="a session that is not used ends after this, minutes")
    token_sign_in: bool = Field(False, description="people may sign in by pasting a token (demo)")
    oidc: OidcSettings | None = None


class CdsClientSettings(_Part):
    """An ordering system that may call the CDS Hooks services."""

    issuer: str = Field(min_length=1, description="iss claim of its tokens")
    site: str = Field(min_length=1, description="id of the site whose orders it shows")
    jwks_file: Path | None = Field(None, description="its public keys, a JSON Web Key Set file")
    jwks_url: str | None = Field(None, pattern=r"^https?://", description="its public keys; also the only jku taken")
    fhir_servers: tuple[str, ...] = Field((), description="FHIR servers of it that may be asked for a patient")

    @model_validator(mode="after")
    def _one_source_of_keys(self) -> Self:
        if (self.jwks_file is None) == (self.jwks_url is None):
            raise ValueError("exactly one of jwks_file and jwks_url is needed")
        return self


class CdsHooksSettings(_Part):
    """Cards in the ordering system. Without ``base_url`` there are none."""

    base_url: str | None = Field(
        None, pattern=r"^https?://[^/]", description="public address of the hub; tokens name the endpoints under it"
    )
    deadline_ms: int = Field(400, ge=100, le=5_000, description="an answer is given after this, milliseconds")
    warm_seconds: int = Field(120, ge=0, le=900, description="how long an archive's answer is used again")
    warm_deadline_ms: int = Field(10_000, ge=100, le=60_000, description="how long an archive is asked behind a card")
    clients: tuple[CdsClientSettings, ...] = ()
    identifier_systems: dict[str, str] = Field(
        default_factory=dict, description="FHIR identifier.system to registered authority; urn:oid: needs no entry"
    )


class FederationSettings(_Part):
    """How sites are asked and orders judged."""

    deadline_ms: int = Field(4000, ge=100, le=30_000, description="default deadline of a look-up, milliseconds")
    rules_file: Path | None = Field(None, description="a site's own rule-set (TOML); none = dup-rules/1")
    patience_ms: int = Field(
        15_000, ge=1_000, le=120_000, description="how long a late site is awaited behind the answer, milliseconds"
    )
    questions_at_once: int = Field(8, ge=1, le=64, description="questions put to one site at the same time")
    circuit_failures: int = Field(5, ge=1, le=100, description="failures in a row after which a site is left alone")
    circuit_open_seconds: float = Field(
        15.0, gt=0, le=3_600, description="how long it is left alone, seconds; doubled up to 16-fold"
    )


class UsefulnessSettings(_Part):
    """What the usefulness report counts with: a site's own tables."""

    dose_table: Path | None = Field(None, description="typical doses (TOML); none = doses/1, which ships")
    cost_table: Path | None = Field(None, description="CSV: site, exam_class, regions, cost, currency, as_of")
    orderer_groups: Path | None = Field(None, description="CSV: orderer, group")


class SurvivorshipSettings(_Part):
    """Which site's values make the best view of a person. Without an order the newest value wins."""

    trusted_sites: tuple[str, ...] = Field((), description="site ids, most trusted first")
    by_field: dict[str, tuple[str, ...]] = Field(default_factory=dict, description="another order for single fields")


class Settings(BaseSettings):
    """The whole configuration."""

    model_config = SettingsConfigDict(
        env_prefix="PRIORLINK_",
        env_nested_delimiter="__",
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
    )

    store: StoreSettings = StoreSettings()
    http: HttpSettings = HttpSettings()
    subscriptions: SubscriptionSettings = SubscriptionSettings()
    mllp: MllpSettings = MllpSettings()
    auth: AuthSettings = AuthSettings()
    tasks: TasksSettings = TasksSettings()
    federation: FederationSettings = FederationSettings()
    alerts: AlertSettings = AlertSettings()
    audit: AuditSettings = AuditSettings()
    cds_hooks: CdsHooksSettings = CdsHooksSettings()
    web: WebSettings = WebSettings()
    usefulness: UsefulnessSettings = UsefulnessSettings()
    survivorship: SurvivorshipSettings = SurvivorshipSettings()
    agents: AgentsSettings = AgentsSettings()
    authorities: tuple[AuthoritySettings, ...] = ()
    sites: tuple[SiteSettings, ...] = ()
    match_model: Path | None = Field(None, description="match model file; none = the current one of models_folder")
    models_folder: Path = Field(Path("models"), description="folder of match models, one TOML file each")

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
    """Read the file (``priorlink.toml`` here, if there is one) and the environment.

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
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigurationError(f"{where}: {first['msg']}") from error
