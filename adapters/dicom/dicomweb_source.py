"""Asks an archive by QIDO-RS: studies of one patient id, page after page. Source: DICOM PS3.18 10.6."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from adapters.connection.bearer_token import BearerToken
from adapters.connection.http_archive import HttpAnswer, HttpArchive
from adapters.connection.so_far import SoFar
from adapters.connection.tls import TlsFiles
from adapters.dicom.attributes import KEYWORDS
from adapters.dicom.dicom_json import JsonRows, read_rows
from adapters.dicom.dicomweb_answer import says_there_is_more
from adapters.dicom.dicomweb_probe import probed
from adapters.dicom.question import Question
from adapters.dicom.row_collector import RowCollector
from adapters.dicom.settings import DicomwebSettings
from federation.errors import SourceError, SourceProtocolError, SourceTimedOut
from federation.ports import SiteAnswer, SiteProbe
from federation.sites.issuers import check_identifier
from federation.sites.site import Site, SiteId
from mpi.identity.identifiers import PatientIdentifier

_NOT_ASKED_FOR = {"SpecificCharacterSet", "PatientID", "CodeValue", "CodingSchemeDesignator", "UniversalEntityID"}
_INCLUDE_FIELDS = tuple(keyword for keyword in KEYWORDS if keyword not in _NOT_ASKED_FOR)
_LARGE_BODY_BYTES = 512 * 1024
"""From this size on a body is parsed in a thread, so that the other sites' answers are not held up."""


@dataclass(frozen=True, slots=True)
class _Dialect:
    """What this archive had to be asked differently, learnt from its refusals."""

    accept: str = "application/dicom+json, application/json;q=0.9"
    include_fields: tuple[str, ...] = _INCLUDE_FIELDS


@dataclass(frozen=True, slots=True, repr=False)
class _Page:
    rows: JsonRows
    answer: HttpAnswer


class DicomwebSource:
    """A ``PriorSource`` over QIDO-RS. One instance a site; connections are kept and reused.

    A short page is not the end: pages are read until one is empty. Redirects are not followed.
    """

    protocol = "DICOMweb"

    def __init__(
        self,
        site: Site,
        settings: DicomwebSettings,
        *,
        clock: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
    ) -> None:
        self._site = site
        self._settings = settings
        self._url = settings.base_url.rstrip("/") + "/studies"
        self._http = _http(settings)
        self._clock = clock
        self._so_far = SoFar()
        self._dialect = _Dialect() if settings.asks_for_fields else _Dialect(include_fields=())

    @property
    def site_id(self) -> SiteId:
        return self._site.site_id

    async def search_for_studies(self, identifier: PatientIdentifier, *, timeout_seconds: float) -> SiteAnswer:
        """See ``PriorSource``. Rows that arrived before a failure or the deadline are kept: the answer is partial."""
        check_identifier(identifier)
        collector = RowCollector(Question(self._site, identifier, self._clock(), self._settings.issuers))
        is_complete = False
        try:
            with self._so_far.hearing(identifier, partial(collector.answer, is_complete=False)):
                async with asyncio.timeout(timeout_seconds):
                    is_complete = await self._read_pages(identifier, collector)
        except TimeoutError:
            if collector.is_empty:
                raise SourceTimedOut("deadline") from None
            collector.warn("deadline")
        return collector.answer(is_complete=is_complete)

    def said_so_far(self, identifier: PatientIdentifier) -> SiteAnswer | None:
        """See ``HearsInParts``: the pages that have come."""
        return self._so_far.of(identifier)

    async def check(self, *, timeout_seconds: float) -> SiteProbe:
        """One row of anything, then what the archive supports. One that finds this too broad is there all the same."""
        started = time.monotonic()
        reason: str | None = "deadline"
        details: tuple[tuple[str, str], ...] = ()
        try:
            async with asyncio.timeout(timeout_seconds):
                page = await self._read_page({"limit": "1"})
                reason, details = None, _capabilities(page)
                details = (*details, *await self._supported(page))
        except TimeoutError:
            details = (*details, ("probe", "deadline")) if reason is None else ()
        except SourceError as error:
            reason = None if error.reason == "too_broad" else error.reason
        latency_ms = int((time.monotonic() - started) * 1000)
        return SiteProbe(self.site_id, reason is None, latency_ms, details, reason)

    async def _supported(self, first: _Page) -> tuple[tuple[str, str], ...]:
        async def ask(query: Mapping[str, str]) -> JsonRows:
            return (await self._fetch(dict(query), self._dialect)).rows

        field_list = "taken" if self._dialect.include_fields else "refused"
        return (("include_field", field_list), *await probed(ask, first.rows, self._settings.test_patient_id))

    async def aclose(self) -> None:
        """See ``PriorSource``."""
        await self._http.aclose()

    async def _read_pages(self, identifier: PatientIdentifier, collector: RowCollector) -> bool:
        """Fill the collector; true if the list is complete."""
        offset = 0
        more_was_announced = False
        for number in range(self._settings.max_pages):
            query = {
                "PatientID": identifier.local_patient_id,
                "limit": str(self._settings.page_size),
                "offset": str(offset),
            }
            try:
                page = await self._read_page(query)
            except SourceError:
                if number == 0:
                    raise
                collector.warn("page_failed")
                return False
            if page.rows.row_count == 0:
                return not more_was_announced
            if page.rows.bad_row_count:
                collector.warn("bad_row")
            if not collector.add_all(page.rows.rows):
                collector.warn("paging_ignored")
                return False
            offset += page.rows.row_count
            more_was_announced = says_there_is_more(page.answer)
            is_short = page.rows.row_count < self._settings.page_size
            if self._settings.short_page_is_last and is_short and not more_was_announced:
                return True
        collector.warn("too_many_pages")
        return False

    async def _read_page(self, query: dict[str, str]) -> _Page:
        """One page; an archive that refuses our way of asking is asked once more in a plainer one."""
        try:
            return await self._fetch(query, self._dialect)
        except SourceProtocolError as refusal:
            plainer = _plainer(self._dialect, refusal.reason)
            if plainer is None:
                raise
            page = await self._fetch(query, plainer)
            self._dialect = plainer
            return page

    async def _fetch(self, query: dict[str, str], dialect: _Dialect) -> _Page:
        parameters = [*query.items(), *(("includefield", name) for name in dialect.include_fields)]
        answer = await self._http.get(self._url, parameters, {"Accept": dialect.accept})
        if len(answer.body) > _LARGE_BODY_BYTES:
            rows = await asyncio.to_thread(read_rows, answer.body, fallback_charset=self._settings.fallback_charset)
        else:
            rows = read_rows(answer.body, fallback_charset=self._settings.fallback_charset)
        return _Page(rows, answer)


def _http(settings: DicomwebSettings) -> HttpArchive:
    has_token = settings.bearer_token is not None or settings.token_file is not None
    use_basic = settings.basic_user is not None and not has_token
    return HttpArchive(
        settings.base_url,
        BearerToken(settings.bearer_token, settings.token_file),
        settings.max_answer_bytes,
        settings.connect_timeout_seconds,
        tls=TlsFiles(settings.ca_file, settings.client_certificate_file, settings.client_key_file),
        basic_auth=(settings.basic_user or "", settings.basic_password or "") if use_basic else None,
    )


def _plainer(dialect: _Dialect, reason: str) -> _Dialect | None:
    """How to ask again after a refusal: without field list after 400, for plain JSON after 406."""
    if reason == "http_400" and dialect.include_fields:
        return replace(dialect, include_fields=())
    if reason == "http_406" and dialect.accept != "application/json":
        return replace(dialect, accept="application/json")
    return None


def _capabilities(page: _Page) -> tuple[tuple[str, str], ...]:
    media_type = page.answer.headers.get("content-type", "").partition(";")[0][:60]
    server = page.answer.headers.get("server", "")[:60]
    found = (("media_type", media_type), ("server", server))
    return tuple((name, text) for name, text in found if text)
