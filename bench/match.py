"""``Patient/$match`` over HTTP: one client, a hub of its own, at two sizes of the index and on both databases.

python -m bench.match --people 2000    tries it out and records nothing
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.crowd import crowd, fhir_patient
from bench.hub import KINDS, database, make_hub
from bench.load_test import post_all, summary

PEOPLE = (10_000, 100_000)
QUESTIONS = 2_000
WARMING = 200


def run(sizes: Sequence[int] = PEOPLE, kinds: Sequence[str] = KINDS) -> dict[str, object]:
    """Milliseconds a question; half of them about somebody the index knows, with another desk's errors."""
    return {kind: _of_kind(kind, sizes) for kind in kinds}


def _of_kind(kind: str, sizes: Sequence[int]) -> dict[str, object]:
    found: dict[str, object] = {}
    medians = []
    for size in sizes:
        measured = _measure(kind, size)
        found[f"at_{size}_people"] = measured
        medians.append(measured)
    if len(medians) > 1:
        for name in ("p50_ms", "p95_ms"):
            found[f"ratio_of_{name}"] = round(medians[-1][name] / medians[0][name], 2)
    return found


def _measure(kind: str, size: int) -> dict[str, float]:
    asked = min(QUESTIONS, size // 4)
    people = crowd(size, asked + WARMING)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name, database(kind, Path(name)) as url:
        hub = make_hub(Path(name), url)
        people.write(hub.folder / "people.csv")
        load_seconds, _ = hub.run("mpi", "load", hub.folder / "people.csv")
        bodies = [fhir_patient(row) for row in people.arriving]
        with hub.running("serve") as ready:
            hub.wait_for_background_work()
            post_all(ready["http_port"], hub.token, "Patient/$match", bodies[:WARMING], clients=1)
            timed = post_all(ready["http_port"], hub.token, "Patient/$match", bodies[WARMING:], clients=1)
    return {**summary(timed), "records": len(people.known), "load_records_per_s": len(people.known) / load_seconds}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, nargs="+", default=[2_000])
    parser.add_argument("--on", choices=KINDS, nargs="+", default=["postgresql"])
    chosen = parser.parse_args()
    print(json.dumps(run(chosen.people, chosen.on), indent=2))
