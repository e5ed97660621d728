"""Prints the agent's published contract: ``python -m edge.print_schema [--check]``.

Without an argument it writes ``graphql/edge.graphql``; with ``--check`` it exits 1 when the file says otherwise.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from graphql import lexicographic_sort_schema, print_schema

from edge.schema import build_schema

SCHEMA_FILE = Path(__file__).resolve().parents[1] / "edge.graphql"
_HEAD = "# Printed from the code by `python -m edge.print_schema`. Edit the code, not this file.\n\n"


def schema_text() -> str:
    """The schema in SDL, sorted, so that a change of order in the code changes nothing here."""
    return _HEAD + print_schema(lexicographic_sort_schema(build_schema())) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Write the file, or compare with it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--check", action="store_true", help="exit 1 when the file is not current")
    chosen = parser.parse_args(arguments)
    text = schema_text()
    if not chosen.check:
        SCHEMA_FILE.write_text(text, encoding="utf-8")
        return 0
    if SCHEMA_FILE.is_file() and SCHEMA_FILE.read_text(encoding="utf-8") == text:
        return 0
    sys.stderr.write("graphql/edge.graphql is not current: run python -m edge.print_schema in .venv-edge\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
