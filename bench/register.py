"""Registering over HTTP: four clients feed Patients into a hub of its own (match, persist, audit: then the answer).

python -m bench.register --people 2000    tries it out and records nothing
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
REGISTRATIONS = 4_000
WARMING = 200
CLIENTS = 4


def run(sizes: Sequence[int] = PEOPLE, kinds: Sequence[str] = KINDS) -> dict[str, object]:
    """Half of the Patients are another record of somebody known, half are strangers."""
    return {kind: {f"at_{size}_people": _measure(kind, size) for size in sizes} for kind in kinds}


def _measure(kind: str, size: int) -> dict[str, object]:
    people = crowd(size, min(REGISTRATIONS, size // 4) + WARMING)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name, database(kind, Path(name)) as url:
        hub = make_hub(Path(name), url)
        people.write(hub.folder / "people.csv")
        hub.run("mpi", "load", hub.folder / "people.csv")
        bodies = [fhir_patient(row) for row in people.arriving]
        half = WARMING + (len(bodies) - WARMING) // 2
        with hub.running("serve") as ready:
            hub.wait_for_background_work()
            post_all(ready["http_port"], hub.token, "Patient", bodies[:WARMING], clients=CLIENTS)
            several = post_all(ready["http_port"], hub.token, "Patient", bodies[WARMING:half], clients=CLIENTS)
            hub.wait_for_background_work()
            alone = post_all(ready["http_port"], hub.token, "Patient", bodies[half:], clients=1)
    return {f"{CLIENTS}_clients": summary(several), "1_client": summary(alone), "records": len(people.known)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, nargs="+", default=[2_000])
    parser.add_argument("--on", choices=KINDS, nargs="+", default=["postgresql"])
    chosen = parser.parse_args()
    print(json.dumps(run(chosen.people, chosen.on), indent=2))
