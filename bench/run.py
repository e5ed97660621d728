"""Run benchmarks and keep their record: `python -m bench.run [NAME ...]`, default all."""

from __future__ import annotations

import datetime as dt
import importlib
import json
import sys
from pathlib import Path

from bench.machine import machine

BENCHMARKS = (
    "access",
    "audit_chain",
    "cfind",
    "check_order",
    "engines",
    "fault_deadlines",
    "federation",
    "graphql_history",
    "linkage",
    "load",
    "match",
    "matching_life",
    "mllp",
    "namesakes",
    "normalizer",
    "order_sign",
    "orthanc_hub",
    "pages",
    "pages_large",
    "register",
)
ONLY_BY_NAME = ("soak",)
"""Runs as long as it is told to (`BENCH_SECONDS`), so not with the others."""
RESULTS = Path(__file__).with_name("results")


def main(names: list[str]) -> None:
    for name in names or BENCHMARKS:
        measured = importlib.import_module(f"bench.{name}").run()
        record = {
            "benchmark": name,
            "measured_on": dt.datetime.now(dt.UTC).date().isoformat(),
            "machine": machine(),
            "results": measured,
        }
        text = json.dumps(record, indent=2)
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{name}.json").write_text(text + "\n", encoding="utf-8")
        print(text)


if __name__ == "__main__":
    main(sys.argv[1:])
