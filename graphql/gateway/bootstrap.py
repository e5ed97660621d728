"""Builds the hub's parts from settings: the one place where adapters meet use cases.

settings -> store (engine, units of work) -> directory of sites (sources) -> matcher, rules, normaliser
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import sqlalchemy as sa

from adapters.connection.tls import TlsFiles
from adapters.dicom.dicomweb_source import DicomwebSource
from adapters.dicom.dimse_source import DimseSource
from adapters.dicom.folder.settings import FolderSettings
from adapters.dicom.folder.source import FolderSource
from adapters.dicom.settings import DicomwebSettings, DimseSettings
from adapters.edge.mailbox import Mailbox
from adapters.fhir_imaging.settings import FhirSettings, PatientSearch
from adapters.fhir_imaging.source import FhirSource
from adapters.store.engine import make_engine
from adapters.store.migrate import check, upgrade
from adapters.store.unit_of_work import SqlUnitOfWork, unit_of_work_factory
from federation.asking.answer_keeper import AnswerKeeper
from federation.asking.asking import Asking
from federation.asking.rules import AskingRules
from federation.imaging.code_map import CodeMap
from federation.imaging.procedure_normalizer import normalize_procedure
from federation.imaging.procedures import Procedure
from federation.imaging.rule_set import RuleSet
from federation.imaging.studies import SiteStudy
from federation.ports import PriorSource
from federation.sites.circuit import CircuitRules
from federation.sites.consent import ConsentPolicy, StudyClass
from federation.sites.directory import SiteDirectory
from federation.sites.issuers import IssuerNames
from federation.sites.site import Site, SiteId
from gateway.archive_settings import DicomwebArchive, DimseArchive, EdgeArchive, FhirArchive, FolderArchive
from gateway.clock import new_id, utc_now
from gateway.edge_agents import edge_source
from gateway.errors import ConfigurationError, ServiceMissing
from gateway.model_folder import ModelFolder
from gateway.settings import Settings, SiteSettings
from gateway.site_files import load_code_map, load_model, load_rules, read_text
from mpi.identity.identifiers import AssigningAuthority, AuthorityRegistry
from mpi.matching.match_model import MatchModel
from mpi.usecases.matcher import Matcher


@dataclass(frozen=True, slots=True)
class Hub:
    """Everything a door (HTTP, MLLP, worker, command line) needs."""

    settings: Settings
    engine: sa.Engine
    units: Callable[[], SqlUnitOfWork]
    read: Callable[[], SqlUnitOfWork]
    directory: SiteDirectory
    matcher: Matcher
    rules: RuleSet
    code_maps: Mapping[SiteId, CodeMap]
    mailbox: Mailbox

    def procedure_of(self, study: SiteStudy) -> Procedure:
        """The canonical procedure of a study, the site's own code map first."""
        return normalize_procedure(
            study.description or "",
            dicom_modality=study.imaging_modalities or study.modalities,
            body_part_examined=study.body_part_examined,
            code=study.procedure_code,
            code_system=study.procedure_code_system,
            code_map=self.code_maps.get(study.site_id),
        )

    def normalize_order(
        self,
        *,
        site_id: str,
        description: str,
        modality: str | None = None,
        body_part: str | None = None,
        code: str | None = None,
        code_system: str | None = None,
    ) -> Procedure:
        """The canonical procedure that is ordered."""
        return normalize_procedure(
            description,
            dicom_modality=modality,
            body_part_examined=body_part,
            code=code,
            code_system=code_system,
            code_map=self.code_maps.get(SiteId(site_id)),
        )

    async def aclose(self) -> None:
        """Give up connections to archives and the database."""
        await self.directory.aclose()
        self.engine.dispose()


def build_hub(settings: Settings, *, migrate: bool = False, mailbox: Mailbox | None = None) -> Hub:
    """Connect to the store and build every part. With ``migrate`` the store is brought up to date first.

    ``mailbox`` is that of another hub in this process: agents that dial out fetch from one place.

    Raises:
        ConfigurationError: a setting or a file named in it cannot be used.
        ServiceMissing: the store is not there, or is not up to date.
    """
    matcher = Matcher(_model(settings), authority_registry(settings))
    rules = load_rules(settings.federation.rules_file)
    sites = {SiteId(s.id): _site(s) for s in settings.sites}
    if len(sites) != len(settings.sites):
        raise ConfigurationError("sites: two sites have the same id")
    mailbox = mailbox or Mailbox()
    sources = {
        SiteId(s.id): source
        for s in settings.sites
        if (source := _source(settings, s, sites[SiteId(s.id)], matcher.authorities, mailbox)) is not None
    }
    code_maps = {SiteId(s.id): load_code_map(s.code_map) for s in settings.sites if s.code_map is not None}
    engine = open_store(settings, migrate=migrate)
    return Hub(
        settings=settings,
        engine=engine,
        units=unit_of_work_factory(engine),
        read=lambda: SqlUnitOfWork(engine, read_only=True),
        directory=SiteDirectory(sites, sources, _asking(settings, engine), consent_policy(settings)),
        matcher=matcher,
        rules=rules,
        code_maps=code_maps,
        mailbox=mailbox,
    )


def consent_policy(settings: Settings) -> ConsentPolicy:
    """The study classes that the settings name.

    Raises:
        ConfigurationError: two have one name, or one names a site that is not registered.
    """
    listed = settings.consent.study_classes
    if len({one.name for one in listed}) != len(listed):
        raise ConfigurationError("consent.study_classes: two classes have the same name")
    known = {site.id for site in settings.sites}
    for one in listed:
        if not known.issuperset(one.sites):
            raise ConfigurationError(f"consent.study_classes.{one.name}.sites: no site is registered under this id")
    return ConsentPolicy(
        tuple(
            StudyClass(
                name=one.name,
                title=one.title or one.name,
                sites=frozenset(one.sites),
                codes=frozenset(one.codes),
                words=frozenset(one.words),
                confidentiality=frozenset(one.confidentiality),
                is_hidden=one.hidden,
            )
            for one in listed
        )
    )


def _asking(settings: Settings, engine: sa.Engine) -> Asking:
    """How sites are asked, with the study index behind them."""
    units, read = unit_of_work_factory(engine), unit_of_work_factory(engine, read_only=True)
    return Asking(
        rules=AskingRules(
            at_once=settings.federation.questions_at_once,
            patience_seconds=settings.federation.patience_ms / 1000,
            circuit=CircuitRules(
                failures_to_open=settings.federation.circuit_failures,
                open_seconds=settings.federation.circuit_open_seconds,
                longest_open_seconds=16 * settings.federation.circuit_open_seconds,
            ),
        ),
        read=read,
        keeper=AnswerKeeper(units, clock=utc_now, new_id=new_id),
    )


def open_store(settings: Settings, *, migrate: bool = False) -> sa.Engine:
    """The engine of a store that is there and up to date.

    Raises:
        ConfigurationError: the URL cannot be used.
        ServiceMissing: the database does not answer, or its schema is not this version's.
    """
    try:
        engine = make_engine(settings.store.url)
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError) as error:
        raise ConfigurationError("store.url: not a usable database URL") from error
    try:
        if migrate:
            upgrade(engine)
        problems = check(engine)
    except sa.exc.DBAPIError as error:
        raise ServiceMissing("store: the database does not answer") from error
    if problems:
        raise ServiceMissing("store: " + "; ".join(problems) + " (run: priorlink db upgrade)")
    return engine


def authority_registry(settings: Settings) -> AuthorityRegistry:
    """The registered authorities; a site's own one is registered by naming it there."""
    named = [AssigningAuthority(a.name, a.oid, a.strong) for a in settings.authorities]
    known = {a.name for a in named}
    own = {s.assigning_authority: AssigningAuthority(s.assigning_authority) for s in settings.sites}
    return AuthorityRegistry.of(*named, *(a for name, a in own.items() if name not in known))


def _model(settings: Settings) -> MatchModel:
    if settings.match_model is not None:
        return load_model(settings.match_model)
    return ModelFolder(settings.models_folder).current_model()


def _site(settings: SiteSettings) -> Site:
    try:
        ZoneInfo(settings.time_zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ConfigurationError(f"sites.{settings.id}.time_zone: not an IANA time zone") from error
    return Site(
        site_id=SiteId(settings.id),
        name=settings.name,
        assigning_authority=settings.assigning_authority,
        time_zone=settings.time_zone,
        sr_means_final_report=settings.sr_means_final_report,
        viewer_url_template=settings.viewer_url_template,
    )


def _source(
    hub: Settings, settings: SiteSettings, site: Site, authorities: AuthorityRegistry, mailbox: Mailbox
) -> PriorSource | None:
    archive = settings.archive
    if isinstance(archive, EdgeArchive):
        return edge_source(archive, site, hub.agents, mailbox)
    issuers = IssuerNames(authorities, frozenset(settings.issuer_aliases))
    if isinstance(archive, DicomwebArchive):
        return DicomwebSource(site, _dicomweb(archive, settings, issuers))
    if isinstance(archive, DimseArchive):
        return DimseSource(site, _dimse(archive, settings, issuers))
    if isinstance(archive, FhirArchive):
        return FhirSource(site, _fhir(archive, issuers))
    if isinstance(archive, FolderArchive):
        return FolderSource(
            site,
            FolderSettings(
                path=archive.path,
                index_file=archive.index_file,
                poll_seconds=archive.poll_seconds,
                fallback_charset=settings.fallback_charset,
                issuers=issuers,
            ),
        )
    return None


def _dicomweb(archive: DicomwebArchive, settings: SiteSettings, issuers: IssuerNames) -> DicomwebSettings:
    return DicomwebSettings(
        base_url=archive.url,
        bearer_token=_token(archive),
        token_file=archive.token_file,
        ca_file=archive.ca_file,
        client_certificate_file=archive.client_certificate_file,
        client_key_file=archive.client_key_file,
        fallback_charset=settings.fallback_charset,
        short_page_is_last=archive.short_page_is_last,
        asks_for_fields=archive.asks_for_fields,
        test_patient_id=archive.test_patient_id,
        issuers=issuers,
    )


def _dimse(archive: DimseArchive, settings: SiteSettings, issuers: IssuerNames) -> DimseSettings:
    tls = archive.tls
    return DimseSettings(
        host=archive.host,
        port=archive.port,
        called_ae_title=archive.called_ae_title,
        calling_ae_title=archive.calling_ae_title,
        max_associations=archive.max_associations,
        tls=None if tls is None else TlsFiles(tls.ca_file, tls.certificate_file, tls.key_file),
        server_name=None if tls is None else tls.server_name,
        fallback_charset=settings.fallback_charset,
        asks_optional_keys=archive.asks_optional_keys,
        test_patient_id=archive.test_patient_id,
        issuers=issuers,
    )


def _fhir(archive: FhirArchive, issuers: IssuerNames) -> FhirSettings:
    return FhirSettings(
        base_url=archive.url,
        patient_search=PatientSearch(archive.patient_search),
        patient_parameter=archive.patient_parameter,
        identifier_systems=archive.identifier_systems,
        includes_endpoints=archive.includes_endpoints,
        page_size=archive.page_size,
        test_patient_id=archive.test_patient_id,
        bearer_token=_token(archive),
        token_file=archive.token_file,
        ca_file=archive.ca_file,
        client_certificate_file=archive.client_certificate_file,
        client_key_file=archive.client_key_file,
        issuers=issuers,
    )


def _token(archive: DicomwebArchive | FhirArchive) -> str | None:
    """The token of a setting. One in a file is the source's to read; here it only has to be there."""
    if archive.token_file is not None:
        read_text(archive.token_file, "archive.token_file")
    return None if archive.token is None else archive.token.get_secret_value()
