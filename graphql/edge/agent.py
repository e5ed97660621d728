"""Builds the agent's parts from settings: the one place where adapters meet the desk."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from adapters.connection.tls import TlsFiles
from adapters.dicom.dicomweb_source import DicomwebSource
from adapters.dicom.dimse_source import DimseSource
from adapters.dicom.settings import DicomwebSettings, DimseSettings
from adapters.edge.errors import TokenRefused
from adapters.edge.keys import KeySetFile
from adapters.edge.tokens import Machine, TokenGate
from edge.audit_file import AuditFile
from edge.desk import Desk
from edge.errors import ConfigurationError
from edge.graphql_door import GraphqlDoor
from edge.policy_lists import PolicyLists
from edge.schema import Context
from edge.settings import ArchiveTls, DicomwebArchive, Settings
from federation.ports import PriorSource
from federation.sites.issuers import IssuerNames
from federation.sites.site import Site, SiteId
from mpi.identity.identifiers import AssigningAuthority, AuthorityRegistry

_PAGE_ROWS = 200
_MOST_ROWS = 1_000
_LARGEST_ANSWER_BYTES = 4 * 1024 * 1024
"""What keeps the agent below 120 MB whatever its archive sends; a longer list is cut, and says so."""


@dataclass(frozen=True, slots=True)
class Agent:
    """Everything a way in needs."""

    settings: Settings
    gate: TokenGate
    desk: Desk
    door: GraphqlDoor

    async def answer(self, body: bytes, caller: Machine) -> bytes:
        """The GraphQL answer to a GraphQL request of a caller who was let in."""
        context = Context(self.desk, caller, utc_now, self.settings.archive.protocol, agent_version())
        return await self.door.answer(body, context)

    async def aclose(self) -> None:
        """Give up connections to the archive, and the audit file."""
        await self.desk.source.aclose()
        self.desk.audit.close()


def build_agent(settings: Settings) -> Agent:
    """The agent, with its audit file open.

    Raises:
        ConfigurationError: a setting or a file named in it cannot be used.
        ServiceMissing: the audit file cannot be written.
        PolicyUnavailable: a list of the policy cannot be read.
        AuditBroken: the audit file does not end as the agent left it.
    """
    keys = KeySetFile(settings.hub.jwks_file)
    try:
        keys.check()
    except TokenRefused as error:
        raise ConfigurationError(f"hub.jwks_file: {settings.hub.jwks_file}: no usable key set") from error
    lists = PolicyLists(settings.policy)
    lists.current()
    site = Site(
        site_id=SiteId(settings.site.id),
        name=settings.site.name,
        assigning_authority=settings.site.assigning_authority,
        time_zone=settings.site.time_zone,
        sr_means_final_report=settings.site.sr_means_final_report,
    )
    source = archive_source(settings, site)
    desk = Desk(site, source, lists.current, AuditFile(settings.audit.file), utc_now)
    gate = TokenGate(keys, issuer=settings.hub.id, audience=settings.site.id, clock=utc_now)
    return Agent(settings, gate, desk, GraphqlDoor(demo=settings.demo))


def archive_source(settings: Settings, site: Site) -> PriorSource:
    """How the archive is asked.

    Raises:
        ConfigurationError: the token file cannot be read.
    """
    archive = settings.archive
    own = AssigningAuthority(settings.site.assigning_authority)
    further = (AssigningAuthority(a.name, a.oid) for a in settings.authorities)
    issuers = IssuerNames(AuthorityRegistry.of(own, *further), frozenset(settings.site.issuer_aliases))
    if isinstance(archive, DicomwebArchive):
        return DicomwebSource(
            site,
            DicomwebSettings(
                base_url=archive.url,
                page_size=_PAGE_ROWS,
                max_pages=_MOST_ROWS // _PAGE_ROWS + 1,
                max_answer_bytes=_LARGEST_ANSWER_BYTES,
                bearer_token=_token(archive),
                token_file=archive.token_file,
                ca_file=archive.ca_file,
                client_certificate_file=archive.client_certificate_file,
                client_key_file=archive.client_key_file,
                fallback_charset=settings.site.fallback_charset,
                issuers=issuers,
            ),
        )
    return DimseSource(
        site,
        DimseSettings(
            host=archive.host,
            port=archive.port,
            called_ae_title=archive.called_ae_title,
            calling_ae_title=archive.calling_ae_title,
            max_associations=archive.max_associations,
            max_rows=_MOST_ROWS,
            max_answer_bytes=_LARGEST_ANSWER_BYTES,
            tls=_tls(archive.tls),
            server_name=None if archive.tls is None else archive.tls.server_name,
            fallback_charset=settings.site.fallback_charset,
            issuers=issuers,
        ),
    )


def utc_now() -> dt.datetime:
    """The only clock."""
    return dt.datetime.now(dt.UTC)


def agent_version() -> str:
    """The installed version."""
    try:
        return version("priorlink")
    except PackageNotFoundError:
        return "unknown"


def _token(archive: DicomwebArchive) -> str | None:
    if archive.token_file is None:
        return None if archive.token is None else archive.token.get_secret_value()
    try:
        return archive.token_file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"archive.token_file: {archive.token_file} cannot be read") from error


def _tls(files: ArchiveTls | None) -> TlsFiles | None:
    return None if files is None else TlsFiles(files.ca_file, files.certificate_file, files.key_file)
