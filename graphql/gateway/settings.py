"""All configuration of the hub, in one frozen object. Nothing else reads the environment.

Sources, later wins: defaults, ``priorlink.toml`` (or ``--config FILE``), ``PRIORLINK_*`` variables
(``PRIORLINK_HTTP__PORT=8420``). Secrets belong in variables or files, never in the toml.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from gateway.access_settings import AuthSettings, ConsentSettings
from gateway.archive_settings import Archive, Part
from gateway.errors import ConfigurationError
from gateway.sign_in_settings import EhrSettings, OidcSettings

DEFAULT_CONFIG_FILE = Path("priorlink.toml")


class StoreSettings(Part):
    """Where the index is kept."""

    url: str = Field("sqlite:///priorlink.db", description="SQLAlchemy URL: sqlite:///FILE or postgresql://...")


class HttpSettings(Part):
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


class SubscriptionSettings(Part):
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


class MllpSettings(Part):
    """The HL7 v2 listener. With a certificate it speaks TLS and nothing else."""

    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(2575, ge=0, le=65535, description="TCP port; 0 = any free one (printed)")
    max_frame_bytes: int = Field(16_777_216, ge=1_048_576, description="largest message, bytes")
    idle_timeout_seconds: float = Field(600.0, gt=0, description="a silent connection is closed after this")
    max_connections: int = Field(64, gt=0, description="connections at once")
    certificate_file: Path | None = Field(None, description="PEM certificate (with its chain); none = no TLS")
    key_file: Path | None = Field(None, description="PEM private key of that certificate")
    client_ca_file: Path | None = Field(
        None, description="PEM of the authority that signed senders' certificates; none = senders show none"
    )

    @model_validator(mode="after")
    def _certificate_is_whole(self) -> Self:
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError("certificate_file and key_file go together")
        if self.client_ca_file is not None and self.certificate_file is None:
            raise ValueError("client_ca_file needs certificate_file and key_file")
        return self


class AuthoritySettings(Part):
    """A registered assigning authority."""

    name: str = Field(min_length=1, description="namespace id as it stands in PID-3.4")
    oid: str | None = Field(None, description="universal id of the same authority")
    fhir_system: str | None = Field(
        None, min_length=1, description="FHIR Identifier.system of the same authority; none = urn:oid: and its OID"
    )
    strong: bool = Field(False, description="one number to a person across sites (a national id)")


class SiteSettings(Part):
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
    notify_secret_file: Path | None = Field(
        None, description="file with the secret that signs the site's notices to /notify/ID; none = no notices"
    )
    archive: Archive | None = Field(None, description="how its archive is asked; none = identities only")


class AgentsSettings(Part):
    """How edge agents know this hub."""

    hub_id: str = Field("priorlink-hub", min_length=1, description="iss of our tokens to agents, aud of theirs to us")
    signing_key_file: Path | None = Field(None, description="the hub's private key (priorlink sites new-key)")


class TasksSettings(Part):
    """Background work."""

    broker_url: str | None = Field(None, description="redis://... or amqp://...; none = inside the hub's process")
    threads: int = Field(2, ge=1, le=64, description="worker threads")


class AuditSettings(Part):
    """How long audit entries are kept, and where the head of their chain is kept outside of the store."""

    retention_days: int | None = Field(
        None, ge=30, description="entries older than this may be pruned (priorlink audit prune), days; none = for ever"
    )
    head_file: Path | None = Field(
        None, description="file that heads of the chain are added to, best on another machine; none = nowhere"
    )
    head_every_seconds: float = Field(60.0, gt=0, le=86_400, description="how often serve adds the head, seconds")


class AlertSettings(Part):
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


class WebSettings(Part):
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
    oidc: OidcSettings | None = Field(None, description="where people sign in; none = nowhere else")
    ehrs: tuple[EhrSettings, ...] = Field((), description="EHRs that open the pages on a patient (SMART App Launch)")

    @model_validator(mode="after")
    def _has_an_address_to_come_back_to(self) -> Self:
        if (self.oidc is not None or self.ehrs) and self.public_url is None:
            raise ValueError("public_url is needed with oidc or ehrs: people are sent back to it")
        for field in ("id", "iss"):
            if len({getattr(ehr, field) for ehr in self.ehrs}) != len(self.ehrs):
                raise ValueError(f"ehrs: two have the same {field}")
        return self


class CdsClientSettings(Part):
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


class CdsHooksSettings(Part):
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


class FederationSettings(Part):
    """How sites are asked and orders judged."""

    deadline_ms: int = Field(4000, ge=100, le=30_000, description="default deadline of a look-up, milliseconds")
    rules_file: Path | None = Field(None, description="a site's own rule-set (TOML); none = dup-rules/1")
    refresh_events: tuple[str, ...] = Field(
        ("A01", "A04", "A05", "R01"),
        description="HL7 trigger events after which the patient's archives are asked in the background",
    )
    patience_ms: int = Field(
        15_000, ge=1_000, le=120_000, description="how long a late site is awaited behind the answer, milliseconds"
    )
    questions_at_once: int = Field(8, ge=1, le=64, description="questions put to one site at the same time")
    circuit_failures: int = Field(5, ge=1, le=100, description="failures in a row after which a site is left alone")
    circuit_open_seconds: float = Field(
        15.0, gt=0, le=3_600, description="how long it is left alone, seconds; doubled up to 16-fold"
    )


class UsefulnessSettings(Part):
    """What the usefulness report counts with: a site's own tables."""

    dose_table: Path | None = Field(None, description="typical doses (TOML); none = doses/1, which ships")
    cost_table: Path | None = Field(None, description="CSV: site, exam_class, regions, cost, currency, as_of")
    orderer_groups: Path | None = Field(None, description="CSV: orderer, group")


class SurvivorshipSettings(Part):
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
    consent: ConsentSettings = ConsentSettings()
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
