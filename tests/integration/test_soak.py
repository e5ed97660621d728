"""Some seconds of the soak (`bench/soak.py` runs for hours): nothing grows, every task and socket is given back."""

from __future__ import annotations

from pathlib import Path

from bench.soak import DEADLINE_SECONDS, soak

SECONDS = 20.0
ALLOWED_GROWTH_MIB = 24.0
GENEROUS_SECONDS = 10.0


def test_sites_that_fail_at_random_leave_nothing_behind(tmp_path: Path) -> None:
    record = soak(tmp_path, seconds=SECONDS)
    assert record.histories >= SECONDS * 5
    assert {"ANSWERED", "INDEXED"} <= record.states.keys()
    assert record.tasks_left == 0
    assert record.open_files_after <= record.open_files_before
    assert record.threads_after <= record.threads_before
    assert record.memory_growth_mib <= ALLOWED_GROWTH_MIB
    assert record.most_tasks < 500
    assert max(record.times_ms) <= (DEADLINE_SECONDS + GENEROUS_SECONDS) * 1000
