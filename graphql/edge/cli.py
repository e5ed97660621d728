"""The ``priorlink-edge`` command.

Exit codes: 0 done, 1 the check failed, 2 wrong use or configuration, 4 a needed service is not there. With ``--json``
stdout holds exactly one JSON document; people's text goes to stderr.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

_WRONG_ENVIRONMENT = (
    "priorlink-edge: this is not the edge agent's environment: make it with `make setup-edge` (or install the extra "
    "`edge` in an environment of its own) and run .venv-edge/bin/priorlink-edge\n"
)


def main() -> None:
    """Entry point of the installed command."""
    sys.exit(run())


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; every expected failure is one line on stderr."""
    chosen = _parser().parse_args(arguments)
    if find_spec("graphene") is None:
        sys.stderr.write(_WRONG_ENVIRONMENT)
        return 2
    from adapters.edge.errors import UnusableKey
    from edge.errors import AuditBroken, ConfigurationError, PolicyUnavailable, ServiceMissing
    from edge.logs import configure_logging

    configure_logging(sys.stderr)
    try:
        code: int = chosen.run(chosen)
    except (ConfigurationError, PolicyUnavailable, UnusableKey) as error:
        return _fail(str(error), 2)
    except AuditBroken as error:
        return _fail(str(error), 1)
    except ServiceMissing as error:
        return _fail(str(error), 4)
    except KeyboardInterrupt:
        return _fail("stopped", 130)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="priorlink-edge", description="The small server a hospital runs beside its PACS."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    serve = commands.add_parser("serve", help="answer the hub; one line of JSON on stdout tells when ready")
    serve.set_defaults(run=_serve)
    check = commands.add_parser("check", help="read settings, ask the archive, verify the audit file; exit 0 or 1")
    check.add_argument("--json", action="store_true", help="print one JSON document on stdout")
    check.set_defaults(run=_check)
    for command in (serve, check):
        command.add_argument("--config", type=Path, help="configuration file; default: priorlink-edge.toml here")
    new_key = commands.add_parser("new-key", help="make a private key, and the key set to hand to the other side")
    new_key.add_argument("private_file", type=Path)
    new_key.add_argument("public_file", type=Path)
    new_key.set_defaults(run=_new_key)
    return parser


def _serve(chosen: argparse.Namespace) -> int:
    from edge.agent import build_agent
    from edge.serving import serve
    from edge.settings import load_settings

    asyncio.run(serve(build_agent(load_settings(chosen.config))))
    return 0


def _check(chosen: argparse.Namespace) -> int:
    from edge.checking import check_agent
    from edge.settings import load_settings

    report = check_agent(load_settings(chosen.config))
    if chosen.json:
        sys.stdout.write(json.dumps(report) + "\n")
    else:
        for name, state in report.items():
            sys.stderr.write(f"{name:<14} {state}\n")
    return 0 if report["ok"] else 1


def _new_key(chosen: argparse.Namespace) -> int:
    from adapters.edge.keys import make_key_pair

    key_id = make_key_pair(chosen.private_file, chosen.public_file)
    sys.stderr.write(f"key {key_id}: keep {chosen.private_file}, hand {chosen.public_file} to the other side\n")
    return 0


def _fail(text: str, code: int) -> int:
    sys.stderr.write(f"priorlink-edge: {text}\n")
    return code
