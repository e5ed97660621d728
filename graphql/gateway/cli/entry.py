"""Entry point of the installed command: says so when it is run in the edge agent's environment."""

from __future__ import annotations

import sys
from importlib.util import find_spec

_WRONG_ENVIRONMENT = (
    "priorlink: this is not the hub's environment: make it with `make setup` (or install the extra `hub` in an "
    "environment of its own) and run .venv/bin/priorlink; here there is only priorlink-edge\n"
)


def main() -> None:
    """Run one command and end with its exit code."""
    if find_spec("strawberry") is None:
        sys.stderr.write(_WRONG_ENVIRONMENT)
        sys.exit(2)
    from gateway.cli.app import run

    sys.exit(run())
