"""A refusal that comes and ends the connection before the library has looked whether the connection stands."""

from __future__ import annotations

import threading
import time

import pytest
from pynetdicom import evt
from pynetdicom.association import Association

from adapters.dicom.dimse_association import Call, open_association
from adapters.dicom.settings import DimseSettings
from adapters.simulated.bad_line import BadLine, Trouble
from federation.errors import SourceError, SourceUnauthorised, SourceUnavailable
from tests.integration.fault_troubles import DIMSE_CASES

SECONDS = 10.0


class SlowCall(Call):
    """The thread that asks goes on only when the connection is over, as on a machine with too much to do."""

    def attach(self, association: Association) -> None:
        super().attach(association)
        is_over = threading.Event()
        association.bind(evt.EVT_CONN_CLOSE, lambda _: is_over.set())
        association.bind(evt.EVT_REQUESTED, lambda _: is_over.wait(SECONDS))


def failure_of(trouble: Trouble | None) -> SourceError:
    line = BadLine()
    line.set(trouble)
    call = SlowCall(time.monotonic() + 2 * SECONDS)
    try:
        with pytest.raises(SourceError) as failure:
            open_association(DimseSettings("127.0.0.1", line.port, "ARCHIVE"), call)
        return failure.value
    finally:
        line.stop()


@pytest.mark.parametrize("name", ["rejects_our_title", "rejects_its_title", "rejects_for_lack_of_room"])
def test_a_refusal_is_read_however_late_the_thread_comes_to_it(name: str) -> None:
    case = DIMSE_CASES[name]
    failure = failure_of(case.trouble)
    assert isinstance(failure, case.outcome.kind or SourceError)
    assert failure.reason in case.outcome.reasons


def test_an_abort_stays_an_abort() -> None:
    failure = failure_of(DIMSE_CASES["aborts_at_once"].trouble)
    assert isinstance(failure, SourceUnavailable)
    assert not isinstance(failure, SourceUnauthorised)
    assert failure.reason == "association_aborted"
