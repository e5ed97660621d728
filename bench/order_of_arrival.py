"""Do 2,000 records give the same persons in 20 orders of arrival? `python -m bench.order_of_arrival [N [SHUFFLES]]`.

Not a speed: ``different_outcomes`` must be 1. Reads the labelled records that the accuracy tests read; the short form
is ``tests/spec/test_order_of_arrival.py``.
"""

from __future__ import annotations

import json
import random
import sys
import time

from bench.machine import machine
from tests.linkage_cases import patient_rows
from tests.spec.test_order_of_arrival import arrive

RECORDS, SHUFFLES = 2_000, 20


def outcomes(records: int, shuffles: int) -> dict[str, object]:
    """How many different partitions into persons came out."""
    rows, began = list(patient_rows()[:records]), time.perf_counter()
    persons, questions = set(), set()
    for seed in range(shuffles):
        random.Random(seed).shuffle(rows)
        found, asked = arrive(rows)
        persons.add(found)
        questions.add(asked)
    return {
        "records": len(rows),
        "shuffles": shuffles,
        "different_outcomes": len(persons),
        "persons": sorted({len(found) for found in persons}),
        "open_questions": sorted(questions),
        "seconds": round(time.perf_counter() - began, 1),
    }


if __name__ == "__main__":
    asked = [int(text) for text in sys.argv[1:]]
    found = outcomes(*(asked + [RECORDS, SHUFFLES][len(asked) :]))
    print(json.dumps({"machine": machine(), **found}, indent=2))
    sys.exit(1 if found["different_outcomes"] != 1 else 0)
