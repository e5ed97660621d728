"""Training a match model and linking with it, from the command line, on invented records of `bench.patients`."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.patients import write_patients

RECORDS = 100_000
PRIORLINK = Path(sys.executable).with_name("priorlink")


def run() -> dict[str, object]:
    """Seconds from start to exit of each command, reading and writing of files included."""
    with tempfile.TemporaryDirectory() as folder:
        records, truth, model = (Path(folder) / name for name in ("records.csv", "truth.csv", "bench-1.toml"))
        write_patients(RECORDS, records, truth)
        training, trained = _timed("mpi", "train", records, "--out", model)
        outputs = ("--clusters", Path(folder) / "clusters.csv", "--review", Path(folder) / "review.csv")
        linking, linked = _timed("mpi", "link", records, "--model", model, *outputs)
        counting, counted = _timed("mpi", "completeness", records, "--truth", truth)
    return {
        "records": RECORDS,
        "candidate_pairs": trained["candidate_pairs"],
        "train_seconds": training,
        "link_seconds": linking,
        "completeness_seconds": counting,
        "persons": linked["persons"],
        "review_pairs": linked["review_pairs"],
        "pair_completeness": counted["pair_completeness"],
    }


def _timed(*arguments: str | Path) -> tuple[float, dict[str, object]]:
    started = time.perf_counter()
    done = subprocess.run([PRIORLINK, *map(str, arguments), "--json"], check=True, capture_output=True, text=True)
    return round(time.perf_counter() - started, 1), json.loads(done.stdout)
