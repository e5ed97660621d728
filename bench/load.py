"""`priorlink mpi load` of an export into an empty index, from start to exit, and the same file once more.

python -m bench.load --records 5000    tries it out and records nothing

Where the time goes (ADR 22): more than half in our process, the rest in PostgreSQL, of which the keys (some thirteen
a record, with two indexes and a foreign key) are a quarter. Starting the command counts, too: a second or two where
Python may not keep compiled modules (``PYTHONDONTWRITEBYTECODE``).
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.hub import KINDS, database, make_hub
from bench.patients import write_patients

RECORDS = 100_000


def run(records: int = RECORDS, kinds: Sequence[str] = KINDS) -> dict[str, object]:
    """Records a second; the second time nothing changes, because every row was taken before."""
    return {kind: _measure(kind, records) for kind in kinds} | {"records": records}


def _measure(kind: str, records: int) -> dict[str, object]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name, database(kind, Path(name)) as url:
        hub = make_hub(Path(name), url)
        write_patients(records, hub.folder / "records.csv", hub.folder / "truth.csv")
        first_seconds, first = hub.run("mpi", "load", hub.folder / "records.csv", "--json")
        again_seconds, _ = hub.run("mpi", "load", hub.folder / "records.csv", "--json")
    return {
        "first_seconds": round(first_seconds, 1),
        "first_per_second": round(records / first_seconds),
        "again_per_second": round(records / again_seconds),
        "effects": json.loads(first)["effects"],
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--records", type=int, default=5_000)
    parser.add_argument("--on", choices=KINDS, nargs="+", default=["postgresql"])
    chosen = parser.parse_args()
    print(json.dumps(run(chosen.records, chosen.on), indent=2))
