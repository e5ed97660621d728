"""Speed of the pure engines: scoring pairs, linking a file, judging priors, normalising descriptions, HL7 messages.

Each figure is the median of several runs; the input lies in a folder `shared` beside the checkout, or is made here.
"""

from __future__ import annotations

import csv
import gzip
import json
import statistics
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

from federation.imaging.duplicate_rules import assess
from federation.imaging.procedure_normalizer import normalize_procedure
from federation.imaging.rule_set import default_rule_set
from federation.imaging.scenarios import parse_scenarios
from mpi.identity.patient_rows import patient_row
from mpi.matching.blocking import blocking_keys
from mpi.matching.link_batch import LinkRow, link_records
from mpi.matching.match_model import default_model
from mpi.matching.normalize import normalize_record
from mpi.matching.scoring import score_pair

SHARED = Path(__file__).resolve().parents[2] / "shared"
RUNS = 5


def run() -> dict[str, object]:
    """Rates per second on one core."""
    return {**_matching(), **_judging()}


def _matching() -> dict[str, object]:
    path = SHARED / "cases" / "linkage" / "records.csv.gz"
    with gzip.open(path, "rt", encoding="utf-8", newline="") as stream:
        patients = [patient_row(row) for row in csv.DictReader(stream)]
    strong = frozenset({"NATIONAL"})
    rows = [
        LinkRow(p.record_id, normalize_record([p.identifier] if p.identifier else [], p.demographics,
                                              strong_authorities=strong))
        for p in patients
    ]  # fmt: skip
    model = default_model()
    pairs = list(pairwise(rows))
    return {
        "normalize_record_per_s": _rate(
            len(patients),
            lambda: [normalize_record([], p.demographics, strong_authorities=strong) for p in patients],
        ),
        "blocking_keys_per_s": _rate(len(rows), lambda: [blocking_keys(r.record) for r in rows]),
        "score_pair_per_s": _rate(len(pairs), lambda: [score_pair(a.record, b.record, model) for a, b in pairs]),
        "link_records_per_s": _rate(len(rows), lambda: link_records(rows, model)),
        "linked_records": len(rows),
    }


def _judging() -> dict[str, object]:
    clinical = SHARED / "clinical"
    rules = default_rule_set()
    scenarios = parse_scenarios(json.loads((clinical / "duplicate_scenarios.json").read_text(encoding="utf-8")))
    judged = sum(len(s.priors) for s in scenarios)
    with (clinical / "procedures.csv").open(encoding="utf-8", newline="") as stream:
        procedures = list(csv.DictReader(stream))
    new = _never_seen(procedures)
    seen = [(p["description"], p["dicom_modality"], p["body_part_examined"]) for p in procedures] * 50
    return {
        "order_prior_pairs_per_s": _rate(
            judged * 20, lambda: [assess(s.order, s.priors, rules) for s in scenarios for _ in range(20)]
        ),
        "descriptions_new_per_s": _rate(len(procedures), lambda: _normalize(next(new))),
        "descriptions_seen_per_s": _rate(len(seen), lambda: _normalize(seen)),
    }


def _never_seen(procedures: list[dict[str, str]]) -> Iterator[list[tuple[str, str, str]]]:
    """The same descriptions with a number that no cache has met."""
    run = 0
    while True:
        run += 1
        yield [
            (f"{p['description']} #{run}{number}", p["dicom_modality"], p["body_part_examined"])
            for number, p in enumerate(procedures)
        ]


def _normalize(descriptions: list[tuple[str, str, str]]) -> None:
    for description, modality, body_part in descriptions:
        normalize_procedure(description, dicom_modality=modality, body_part_examined=body_part)


def _rate(count: int, act: Callable[[], object]) -> int:
    act()
    seconds = []
    for _ in range(RUNS):
        started = time.perf_counter()
        act()
        seconds.append(time.perf_counter() - started)
    return round(count / statistics.median(seconds))
