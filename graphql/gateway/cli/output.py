"""How commands speak: one JSON document or nothing on stdout, words and progress on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

JsonOption = Annotated[bool, typer.Option("--json", help="print one JSON document on stdout")]
ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="configuration file; default: priorlink.toml here, if there is one")
]


def fail(text: str, code: int) -> int:
    """One clear line on stderr; returns the exit code."""
    sys.stderr.write(f"priorlink: {text}\n")
    return code


def say(text: str) -> None:
    """A line for people."""
    sys.stderr.write(f"{text}\n")


def emit(document: Any) -> None:
    """The one JSON document."""
    sys.stdout.write(json.dumps(document, ensure_ascii=False, default=str) + "\n")
    sys.stdout.flush()


@contextmanager
def progress(title: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A progress bar on stderr where that is a terminal; the yielded function takes the number done so far."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=total)
        yield lambda done: bar.update(task, completed=done)
