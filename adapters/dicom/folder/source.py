"""Asks a folder of DICOM files. It is looked at for changes when asked; only changed files are read."""

from __future__ import annotations

import asyncio
import datetime as dt
import math
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from adapters.dicom.folder.files import find_files
from adapters.dicom.folder.index import FolderEmptied, FolderIndex, IndexClosed, IndexReport, matters
from adapters.dicom.folder.index_rows import study_rows
from adapters.dicom.folder.settings import FolderSettings
from adapters.dicom.question import Question
from adapters.dicom.quiet_libraries import silence_pydicom
from adapters.dicom.row_collector import RowCollector
from federation.errors import SourceProtocolError, SourceTimedOut, SourceUnavailable
from federation.ports import SiteAnswer, SiteProbe
from federation.sites.issuers import check_identifier
from federation.sites.site import Site, SiteId
from mpi.identity.identifiers import PatientIdentifier

_ANSWERING_SHARE = 0.8
"""Of a question's time, this much may be spent on looking for changes; the rest is for answering."""


class FolderSource:
    """A ``PriorSource`` over a folder. One instance a folder; questions at once share one look at it."""

    protocol = "FOLDER"

    def __init__(
        self,
        site: Site,
        settings: FolderSettings,
        *,
        clock: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
    ) -> None:
        silence_pydicom()
        self._site = site
        self._settings = settings
        self._clock = clock
        self._index = FolderIndex(settings)
        self._worker = ThreadPoolExecutor(1, thread_name_prefix=f"folder-{site.site_id}")
        self._one_look_at_a_time = threading.Lock()
        self._look: Future[IndexReport] | None = None
        self._looked_at = -float("inf")
        self._is_closed = False

    @property
    def site_id(self) -> SiteId:
        return self._site.site_id

    async def search_for_studies(self, identifier: PatientIdentifier, *, timeout_seconds: float) -> SiteAnswer:
        """See ``PriorSource``. While many new files are being read, what is known already is a partial answer."""
        check_identifier(identifier)
        if self._is_closed:
            raise SourceUnavailable("closed")
        question = Question(self._site, identifier, self._clock(), self._settings.issuers)
        try:
            report = await self._refresh(timeout_seconds * _ANSWERING_SHARE)
            async with asyncio.timeout(timeout_seconds):
                collector = await asyncio.to_thread(self._collect, question)
        except TimeoutError:
            raise SourceTimedOut("deadline") from None
        except (sqlite3.Error, IndexClosed) as error:
            raise SourceUnavailable("index_failed") from error
        if report is None:
            collector.warn("index_behind")
            if collector.is_empty:
                raise SourceTimedOut("indexing")
            return collector.answer(is_complete=False)
        return _judge(collector, report)

    async def check(self, *, timeout_seconds: float) -> SiteProbe:
        """Whether the folder can be read, how many files are in it, and how its index stands."""
        started = time.monotonic()
        reason: str | None = None
        details: tuple[tuple[str, str], ...] = ()
        try:
            async with asyncio.timeout(timeout_seconds):
                found = await asyncio.to_thread(find_files, self._settings.path)
                details = (("files", str(len(found.files))), ("unreachable", str(len(found.problems))))
                details = (*details, *await asyncio.to_thread(self._how_the_index_stands))
        except TimeoutError:
            reason = "deadline"
        except OSError:
            reason = "folder_missing"
        except (sqlite3.Error, IndexClosed):
            reason = "index_failed"
        return SiteProbe(self.site_id, reason is None, int((time.monotonic() - started) * 1000), details, reason)

    async def aclose(self) -> None:
        """See ``PriorSource``."""
        self._is_closed = True
        await asyncio.to_thread(self._close)

    def index_now(
        self, *, on_start: Callable[[int], None] = lambda _: None, on_progress: Callable[[int], None] = lambda _: None
    ) -> IndexReport:
        """Look at the folder and read what changed, now; ``on_start`` gets the number of files to read.

        Raises:
            SourceError: the folder or the index cannot be used.
        """
        try:
            with self._one_look_at_a_time:
                changes = self._index.find_changes()
                on_start(len(changes.to_read))
                report = self._index.take(changes, on_progress=on_progress)
        except FolderEmptied as error:
            raise SourceUnavailable("folder_emptied", "the folder held files and holds none now") from error
        except (sqlite3.Error, IndexClosed) as error:
            raise SourceUnavailable("index_failed") from error
        except OSError as error:
            raise SourceUnavailable("folder_missing") from error
        self._looked_at = time.monotonic()
        return report

    async def _refresh(self, seconds: float) -> IndexReport | None:
        """The report of a look that is recent enough; ``None`` when looking takes longer than that."""
        look = self._look
        is_recent = time.monotonic() - self._looked_at < self._settings.poll_seconds
        if look is None or (look.done() and (not is_recent or look.exception() is not None)):
            look = self._look = self._worker.submit(self.index_now)
        try:
            return await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(look)), seconds)
        except TimeoutError:
            return None

    def _how_the_index_stands(self) -> tuple[tuple[str, str], ...]:
        """Counts, and the seconds since the last look; no file's name."""
        report = self._index.report()
        found = {
            "indexed": str(report.file_count),
            "of_a_study": str(report.readable_count),
            "unassigned_studies": str(len(report.unassigned)),
            "index_age_seconds": self._index_age(),
            **{f"problem_{reason}": str(count) for reason, count in report.problem_counts.items()},
        }
        return tuple(found.items())

    def _index_age(self) -> str:
        """``never`` while this process has not looked at the folder."""
        seconds = time.monotonic() - self._looked_at
        return "never" if math.isinf(seconds) else str(int(seconds))

    def _collect(self, question: Question) -> RowCollector:
        collector = RowCollector(question)
        collector.add_all(study_rows(self._index.files_of(question.identifier.local_patient_id)))
        return collector

    def _close(self) -> None:
        self._index.close()
        self._worker.shutdown(wait=True)


def _judge(collector: RowCollector, report: IndexReport) -> SiteAnswer:
    """Files that may hide a study make the answer partial; if nothing at all could be read it is an error."""
    reasons = set(report.problems.values())
    if report.problems and not report.readable_count:
        raise SourceProtocolError("no_readable_file")
    if not matters(reasons):
        return collector.answer(is_complete=True)
    collector.warn("unreadable_file")
    return collector.answer(is_complete=False)
