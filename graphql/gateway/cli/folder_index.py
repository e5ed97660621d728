"""``priorlink sites index``: read a site's folder of DICOM files before the first question does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from federation.errors import SourceError, UnknownSite
from gateway.cli.csv_files import write_table
from gateway.cli.output import ConfigOption, JsonOption, emit, progress, say
from gateway.errors import InputRefused, ServiceMissing
from gateway.settings import load_settings

if TYPE_CHECKING:
    from adapters.dicom.folder.index import IndexReport
    from adapters.dicom.folder.source import FolderSource


def index_site(
    site: Annotated[str, typer.Argument(help="id of a site whose archive is a folder")],
    problems: Annotated[
        Path | None, typer.Option("--problems", help="write the files that could not be read to this CSV")
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> int:
    """Read what is new in a site's folder; exit 1 if a file could not be read."""
    from adapters.dicom.folder.source import FolderSource
    from gateway.bootstrap import build_hub

    hub = build_hub(load_settings(config))
    try:
        source = hub.directory.sources.get(hub.directory.site(site).site_id)
        if not isinstance(source, FolderSource):
            raise InputRefused(f"the archive of site {site} is no folder")
        report = _index(source)
    except UnknownSite as error:
        raise InputRefused(f"no site {site} is registered") from error
    except SourceError as error:
        raise ServiceMissing(f"site {site}: {error.reason}") from error
    finally:
        asyncio.run(hub.aclose())
    if problems is not None:
        rows = ({"path": _readable(path), "reason": reason} for path, reason in sorted(report.problems.items()))
        write_table(problems, ("path", "reason"), rows)
    _tell(report, as_json=as_json)
    return 1 if report.problems else 0


def _index(source: FolderSource) -> IndexReport:
    """Index with a progress bar, which can begin only once the number of files is known."""
    with ExitStack() as stack:
        bars: list[Callable[[int], None]] = []

        def start(total: int) -> None:
            bars.append(stack.enter_context(progress("reading files", total)))

        def tell(done: int) -> None:
            bars[0](done)

        return source.index_now(on_start=start, on_progress=tell)


def _readable(path: str) -> str:
    """A file name that is not UTF-8 is written with escapes."""
    return path.encode("utf-8", "backslashreplace").decode()


def _tell(report: IndexReport, *, as_json: bool) -> None:
    if as_json:
        emit(
            {
                "files": report.file_count,
                "read": report.read_count,
                "removed": report.removed_count,
                "problems": report.problem_counts,
                "unassigned": [{"study_instance_uid": uid, "files": count} for uid, count in report.unassigned],
            }
        )
        return
    say(f"{report.file_count} files, {report.read_count} read now, {report.removed_count} gone")
    for reason, count in report.problem_counts.items():
        say(f"{count} {reason}")
    if report.unassigned:
        say(f"{len(report.unassigned)} studies name no patient: they are in nobody's history")
