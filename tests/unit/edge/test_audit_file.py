"""The site's audit file: appended to, bound line by line, held by one agent."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.audit_file import AuditEntry, AuditFile, verify
from edge.errors import AuditBroken, ServiceMissing


def entry(patient: str) -> AuditEntry:
    return AuditEntry("2026-03-10T12:00:00.000+00:00", "priorlink-hub", "priorStudies", "answered", patient=patient)


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "audit.jsonl"
    for numbers in (("1", "2"), ("3",)):
        audit = AuditFile(path)
        for number in numbers:
            audit.append(entry(f"NGH|{number}"))
        audit.close()
    return path


def test_lines_of_several_runs_are_one_chain(written: Path) -> None:
    assert verify(written) == 3
    assert written.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("line", [1, 2, 3])
def test_a_changed_line_is_found(written: Path, line: int) -> None:
    lines = written.read_text().splitlines()
    lines[line - 1] = lines[line - 1].replace(f"NGH|{line}", "NGH|9")
    written.write_text("\n".join(lines) + "\n")
    with pytest.raises(AuditBroken, match=f"line {line} "):
        verify(written)


def test_a_removed_line_is_found(written: Path) -> None:
    lines = written.read_text().splitlines()
    written.write_text("\n".join([lines[0], lines[2]]) + "\n")
    with pytest.raises(AuditBroken, match="line 2 "):
        verify(written)


@pytest.mark.parametrize("tail", ["{}\n", "half a line", "\n"])
def test_a_foreign_last_line_stops_the_agent(written: Path, tail: str) -> None:
    with written.open("a") as file:
        file.write(tail)
    with pytest.raises(AuditBroken):
        AuditFile(written)


def test_two_agents_never_share_a_file(written: Path) -> None:
    first = AuditFile(written)
    try:
        with pytest.raises(ServiceMissing, match="another agent"):
            AuditFile(written)
    finally:
        first.close()
