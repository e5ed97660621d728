"""Lists without end over C-FIND: the peer is asked to stop; one that does not is cut off. Source: PS3.4 C.4.1.2.3."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pydicom.dataset import Dataset
from pynetdicom import evt

from adapters.dicom.dimse_association import STUDY_ROOT_FIND
from adapters.dicom.dimse_source import DimseSource
from adapters.dicom.settings import DimseSettings
from adapters.simulated.tidy_scp import TidyEntity
from federation.ports import SiteAnswer
from tests.servers.scripted_cfind import AE_TITLE, ScriptedCfind
from tests.unit.dicom.rows import ASKED, SITE

SECONDS = 30.0
LIMIT = 5


def _row(number: int) -> Dataset:
    dataset = Dataset()
    dataset.StudyInstanceUID, dataset.PatientID, dataset.StudyDate = f"1.{number}", "00412", "20240310"
    return dataset


async def ask(server: ScriptedCfind, times: int) -> SiteAnswer:
    source = DimseSource(SITE, DimseSettings("127.0.0.1", server.port, AE_TITLE, max_rows=LIMIT))
    try:
        for _ in range(times):
            answer = await source.search_for_studies(ASKED, timeout_seconds=SECONDS)
        return answer
    finally:
        await source.aclose()


def _comes_true(holds: Callable[[], bool], seconds: float = 20.0) -> bool:
    ends_at = time.monotonic() + seconds
    while time.monotonic() < ends_at:
        if holds():
            return True
        time.sleep(0.005)
    return False


@contextmanager
def streaming(row_count: int, *, heeds_cancel: bool) -> Iterator[ScriptedCfind]:
    """An SCP with many rows that stops when asked to, or does not."""
    running = ScriptedCfind(0, [])

    def on_connection(_: evt.Event) -> None:
        running.association_count += 1

    def on_find(event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        running.queries.append(event.identifier)
        for number in range(row_count):
            if heeds_cancel and number == 6 and _comes_true(lambda: event.is_cancelled):
                yield 0xFE00, None
                return
            yield 0xFF00, _row(number)
        yield 0x0000, None

    entity = TidyEntity(ae_title=AE_TITLE)
    entity.add_supported_context(STUDY_ROOT_FIND)
    running.port = entity.listen([(evt.EVT_CONN_OPEN, on_connection), (evt.EVT_C_FIND, on_find)])
    try:
        yield running
    finally:
        entity.shutdown()


def test_a_peer_is_asked_to_stop_at_the_limit_and_its_association_is_kept() -> None:
    with streaming(100_000, heeds_cancel=True) as server:
        answer = asyncio.run(ask(server, 2))
        assert len(answer.studies) == 5
        assert (answer.is_complete, answer.warnings) == (False, ("too_many_rows",))
        assert (len(server.queries), server.association_count) == (2, 1)


def test_a_peer_that_does_not_stop_is_cut_off() -> None:
    with streaming(100_000, heeds_cancel=False) as server:
        answer = asyncio.run(ask(server, 2))
        assert len(answer.studies) == 5
        assert (answer.is_complete, answer.warnings) == (False, ("too_many_rows",))
        assert server.association_count == 2


def test_a_list_as_long_as_the_limit_is_whole() -> None:
    with streaming(5, heeds_cancel=True) as server:
        answer = asyncio.run(ask(server, 1))
        assert (len(answer.studies), answer.is_complete, answer.warnings) == (5, True, ())
