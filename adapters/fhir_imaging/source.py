"""Asks a FHIR server for the ImagingStudy resources of one patient number, page after page.

Source: FHIR R4 3.1.1 (search, paging), ImagingStudy (search parameters ``patient``, ``subject``, ``endpoint``).
"""

from __future__ import annotations

import asyncio
import datetime as dt
import re
import time
from collections.abc import AsyncIterator, Callable

from adapters.connection.so_far import SoFar
from adapters.fhir_imaging.bundle import Bundle, read_bundle, read_json, same_origin_url
from adapters.fhir_imaging.collector import Collector
from adapters.fhir_imaging.fhir_client import FhirClient, Parameters
from adapters.fhir_imaging.fhir_probe import NOBODY, declared, probed
from adapters.fhir_imaging.patients import KnownPatients, Question
from adapters.fhir_imaging.settings import FhirSettings, PatientSearch
from federation.errors import SourceError, SourceProtocolError, SourceTimedOut
from federation.ports import SiteAnswer, SiteProbe
from federation.sites.issuers import check_identifier
from federation.sites.site import Site, SiteId
from mpi.identity.identifiers import PatientIdentifier

_LARGE_BODY_BYTES = 512 * 1024
"""From this size on a body is parsed in a thread, so that the other sites' answers are not held up."""
_MAX_PATIENT_READS = 20
_PATIENT_REFERENCE = re.compile(r"Patient/[A-Za-z0-9.\-]{1,64}")


class FhirSource:
    """A ``PriorSource`` over FHIR search. One instance a site; connections are kept and reused.

    ``next`` links are followed as sent, on the server's own origin only, each once.
    """

    protocol = "FHIR"

    def __init__(
        self,
        site: Site,
        settings: FhirSettings,
        *,
        clock: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
    ) -> None:
        self._site = site
        self._settings = settings
        self._base_url = settings.base_url.rstrip("/")
        self._client = FhirClient(settings)
        self._clock = clock
        self._so_far = SoFar()
        self._includes_endpoints = settings.includes_endpoints

    @property
    def site_id(self) -> SiteId:
        return self._site.site_id

    async def search_for_studies(self, identifier: PatientIdentifier, *, timeout_seconds: float) -> SiteAnswer:
        """See ``PriorSource``. What arrived before a failure or the deadline is kept: the answer is partial."""
        check_identifier(identifier)
        settings = self._settings
        question = Question(self._site, identifier, self._clock(), settings.issuers, settings.identifier_systems)
        patients = KnownPatients(question, self._base_url)
        collector = Collector(question, patients, self._base_url)
        try:
            with self._so_far.hearing(identifier, collector.so_far):
                async with asyncio.timeout(timeout_seconds):
                    if settings.patient_search is PatientSearch.CHAINED:
                        await self._ask_chained(question, collector)
                    else:
                        await self._ask_in_two_steps(question, collector)
        except TimeoutError:
            if collector.is_empty:
                raise SourceTimedOut("deadline") from None
            collector.cut("deadline")
        return collector.answer()

    def said_so_far(self, identifier: PatientIdentifier) -> SiteAnswer | None:
        """See ``HearsInParts``: of the pages that have come, what is proved to be the patient's."""
        return self._so_far.of(identifier)

    async def check(self, *, timeout_seconds: float) -> SiteProbe:
        """Read the capability statement, then ask what the server supports."""
        started = time.monotonic()
        reason: str | None = None
        details: tuple[tuple[str, str], ...] = ()
        try:
            async with asyncio.timeout(timeout_seconds):
                details = declared(read_json(await self._client.get(f"{self._base_url}/metadata")))
                details = (*details, *sorted((await self._supported()).items()))
        except TimeoutError:
            reason = None if details else "deadline"
            details = (*details, ("probe", "deadline")) if details else ()
        except SourceError as error:
            reason = error.reason
        return SiteProbe(self.site_id, reason is None, int((time.monotonic() - started) * 1000), details, reason)

    async def aclose(self) -> None:
        """See ``PriorSource``."""
        await self._client.aclose()

    async def _supported(self) -> dict[str, str]:
        async def ask(resource_type: str, parameters: Parameters) -> Bundle:
            return await self._read_page(f"{self._base_url}/{resource_type}", parameters, resource_type)

        number = self._settings.test_patient_id
        return await probed(
            ask, self._settings, self._question(NOBODY), None if number is None else self._question(number)
        )

    def _question(self, local_patient_id: str) -> Question:
        identifier = PatientIdentifier(self._site.assigning_authority, local_patient_id)
        settings = self._settings
        return Question(self._site, identifier, self._clock(), settings.issuers, settings.identifier_systems)

    async def _ask_in_two_steps(self, question: Question, collector: Collector) -> None:
        """First the patients with the number, then their studies. Nobody with it: nothing was found."""
        parameters = (("identifier", question.search_value), ("_count", str(self._settings.page_size)))
        async for page in self._pages("Patient", parameters, collector):
            collector.remark(page)
            for patient in page.of_type("Patient"):
                if not collector.patients.add(patient, page.full_url(patient)):
                    collector.warn("unrequested_patient")
        references = collector.patients.references
        if references:
            await self._ask_for_studies(((self._settings.patient_parameter, ",".join(references)),), collector)

    async def _ask_chained(self, question: Question, collector: Collector) -> None:
        """One search; then whoever the studies refer to and the server did not include is read."""
        parameter = self._settings.patient_parameter
        chain = (f"{parameter}.identifier" if parameter == "patient" else f"{parameter}:Patient.identifier",)
        wanted = ((*chain, question.search_value), ("_include", f"ImagingStudy:{parameter}"))
        await self._ask_for_studies(wanted, collector)
        for number, reference in enumerate(tuple(collector.unknown_patients())):
            if number == _MAX_PATIENT_READS or not _PATIENT_REFERENCE.fullmatch(reference):
                collector.cut("unverified_patient")
                break
            try:
                collector.patients.add(read_json(await self._client.get(f"{self._base_url}/{reference}")))
            except SourceError:
                collector.cut("unverified_patient")

    async def _ask_for_studies(self, wanted: Parameters, collector: Collector) -> None:
        """A server that refuses the wish for endpoints is asked without it, from then on."""
        parameters = (*wanted, ("_count", str(self._settings.page_size)))
        try:
            if self._includes_endpoints:
                endpoints = ("_include", "ImagingStudy:endpoint")
                async for page in self._pages("ImagingStudy", (*parameters, endpoints), collector):
                    collector.add(page)
                return
        except SourceProtocolError as refusal:
            if refusal.reason != "http_400":
                raise
            self._includes_endpoints = False
        async for page in self._pages("ImagingStudy", parameters, collector):
            collector.add(page)

    async def _pages(self, resource_type: str, parameters: Parameters, collector: Collector) -> AsyncIterator[Bundle]:
        """The pages of one search. What goes wrong after the first makes the collector's answer partial."""
        url = f"{self._base_url}/{resource_type}"
        asked: set[str] = set()
        match_count = 0
        for number in range(self._settings.max_pages):
            try:
                page = await self._read_page(url, () if number else parameters, resource_type)
            except SourceError:
                if number == 0:
                    raise
                collector.cut("page_failed")
                return
            yield page
            match_count += page.match_count
            if page.next_link is None:
                if page.total is not None and match_count < page.total:
                    collector.cut("fewer_than_total")
                return
            asked.add(url)
            following = same_origin_url(page.next_link, self._base_url)
            if following is None or following in asked:
                collector.cut("next_link_refused" if following is None else "paging_ignored")
                return
            url = following
        collector.cut("too_many_pages")

    async def _read_page(self, url: str, parameters: Parameters, resource_type: str) -> Bundle:
        body = await self._client.get(url, parameters)
        if len(body) > _LARGE_BODY_BYTES:
            return await asyncio.to_thread(read_bundle, body, resource_type)
        return read_bundle(body, resource_type)
