"""Recorded answers of archives: the shared ones where they lie beside the checkout, and our own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.golden.imaging_judge import differences, play
from tests.golden.imaging_neighbours import NEIGHBOURS

_OWN = Path(__file__).parent / "imaging"
_SHARED = Path(__file__).resolve().parents[2] / ".." / "shared" / "cases" / "imaging"
_KINDS = ("qido", "cfind", "fhir", "dicom_file", "multi")


def _shared_cases() -> list[Any]:
    listing = _SHARED / "expected.jsonl"
    if not listing.is_file():
        skip = pytest.mark.skip(reason="the shared imaging cases do not lie beside this checkout")
        return [pytest.param({}, marks=skip, id="shared")]
    cases = [json.loads(line) for line in listing.read_text().splitlines()]
    return [pytest.param(case, id=case["id"]) for case in cases if case["kind"] in _KINDS]


def _input(case: dict[str, Any]) -> dict[str, Any]:
    """What is put in: beside the listing, or the listing itself for a DICOM file."""
    path = _SHARED / case["file"]
    document: dict[str, Any] = json.loads(path.read_text()) if path.suffix == ".json" else case["input"]
    return {**document, "path": str(path)}


@pytest.mark.parametrize("case", _shared_cases())
def test_shared_case(case: dict[str, Any], record_property: Callable[[str, object], None]) -> None:
    record_property("grade", f"imaging, {case['grade']}")
    found = differences(play(_input(case)), case["expect"])
    if found and case["grade"] == "should":
        pytest.xfail(f"a wish, not a demand: {found}")
    assert found == []


@pytest.mark.parametrize("path", sorted(_OWN.glob("*.json")), ids=lambda path: path.stem)
def test_own_case(path: Path) -> None:
    case = json.loads(path.read_text())
    assert differences(play(case["input"]), case["expect"]) == []


@pytest.mark.parametrize(("document", "expected"), [pytest.param(i, e, id=name) for name, i, e in NEIGHBOURS])
def test_neighbouring_case(document: dict[str, Any], expected: dict[str, Any]) -> None:
    assert differences(play(document), expected) == []
