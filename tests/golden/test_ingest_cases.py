"""Every shared ingest case, and our own FHIR cases, through the real doors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.golden.ingest_judge import differences, load_file, post_resources

HERE = Path(__file__).resolve().parent
SHARED = HERE.parents[1].parent / "shared" / "cases" / "ingest"
OWN_AUTHORITIES = {"NGH": "2.999.1.1", "LKM": "2.999.1.2"}


def _lines(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


CASES = _lines(SHARED / "expected.jsonl")
OWN = _lines(HERE / "fhir" / "cases.jsonl")


def test_the_shared_cases_are_there() -> None:
    if not CASES:
        pytest.skip("no folder shared/cases/ingest beside the checkout")
    assert len(CASES) >= 6


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_shared_case(case: dict[str, Any], tmp_path: Path) -> None:
    source = SHARED / case["file"]
    expect, authorities = case["expect"], case["config"]["authorities"]
    if source.suffix == ".csv":
        result = load_file(source, authorities, tmp_path, write_rejects="export_escapes" in expect)
    else:
        result = post_resources([json.loads(source.read_text(encoding="utf-8"))], authorities)
    assert differences(expect, result) == []


@pytest.mark.parametrize("case", OWN, ids=[case["id"] for case in OWN])
def test_own_fhir_case(case: dict[str, Any]) -> None:
    result = post_resources(case["send"], OWN_AUTHORITIES)
    assert differences(case["expect"], result) == []


def test_the_judge_can_find_fault() -> None:
    result = post_resources([OWN[0]["send"][0]], OWN_AUTHORITIES)
    wrong = {"accepted": 2, "error": True, "identity_count": 3, "absent": ["NGH|00412"], "statuses": [200]}
    assert len(differences(wrong, result)) == 5


def test_a_semicolon_file_in_another_encoding_is_refused_naming_both(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_bytes("facility;mrn;family\nNGH;1;MÜLLER\n".encode("latin-1"))
    result = load_file(path, OWN_AUTHORITIES, tmp_path)
    assert "not UTF-8" in result.reason
    assert "commas" in result.reason


def test_damaged_text_and_dates_that_are_no_evidence(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    rows = ["NGH,1,A\x00B,Ana,1984-01-02", "NGH,2,M\ufffdller,Ana,1984-01-02", "NGH,3,Able,Ida,1900-01-01",
            "NGH,4,Baker,Ida,2999-01-01", "NGH,5,Clay,Ida,1984-02"]  # fmt: skip
    path.write_text("\n".join(["facility,mrn,family,given,birth_date", *rows]), encoding="utf-8")
    result = load_file(path, OWN_AUTHORITIES, tmp_path)
    expect = {
        "accepted": 3,
        "error": True,
        "absent": ["NGH|1", "NGH|2"],
        "identities": [
            {"id": "NGH|3", "birth_date": None, "birth_date_sent": "1900-01-01"},
            {"id": "NGH|4", "birth_date": None, "birth_date_sent": "2999-01-01"},
            {"id": "NGH|5", "birth_date": "1984-02"},
        ],
        "events_for": {"NGH|3": 1},
    }
    assert differences(expect, result) == []
