"""The ``priorlink`` command. Each group of commands has a file; this one puts them together.

Exit codes: 0 done, 1 the check failed, 2 wrong use, 3 input refused, 4 a needed service is not there.
With ``--json`` stdout holds exactly one JSON document; people's text and progress always go to stderr.
Commands import what they need when they run: a dry run of rules needs no database driver.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence

import typer

from gateway.cli import (
    alerts,
    archives,
    audit,
    checks,
    consent,
    identities,
    models,
    rematch,
    serving,
    store,
    tokens,
    training,
)
from gateway.cli.output import fail
from gateway.errors import ConfigurationError, InputRefused, ServiceMissing
from gateway.observability import configure_logging

app = typer.Typer(
    name="priorlink",
    help="Federated prior-study look-up and duplicate-scan prevention.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
serving.add_commands(app)
app.add_typer(store.app, name="db")
app.add_typer(consent.app, name="consent")
app.add_typer(tokens.app, name="tokens")
app.add_typer(archives.app, name="sites")
training.add_commands(identities.app)
rematch.add_commands(identities.app)
identities.app.add_typer(models.app, name="model")
app.add_typer(identities.app, name="mpi")
app.add_typer(checks.procedures_app, name="procedures")
app.add_typer(checks.rules_app, name="rules")
app.add_typer(archives.hl7_app, name="hl7")
app.add_typer(audit.app, name="audit")
app.add_typer(alerts.app, name="alerts")


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; every expected failure is one line on stderr."""
    configure_logging(sys.stderr, level=logging.WARNING)
    try:
        result = app(args=None if arguments is None else list(arguments), standalone_mode=False)
    except typer.exceptions.TyperException as error:
        return fail(error.format_message(), 2)
    except ConfigurationError as error:
        return fail(str(error), 2)
    except InputRefused as error:
        return fail(str(error), 3)
    except ServiceMissing as error:
        return fail(str(error), 4)
    except (KeyboardInterrupt, typer.Abort):
        return fail("stopped", 130)
    return result if isinstance(result, int) else 0
