"""``priorlink mpi model``: list match models, compare two, switch to one, go back to the one before."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.identities import DateFormatOption, OneToOneOption
from gateway.cli.output import ConfigOption, JsonOption, emit, progress, say
from gateway.cli.patients_file import read_link_rows, whole_file_in_memory
from gateway.clock import utc_now
from gateway.comparison_report import comparison_document, render_comparison
from gateway.errors import ConfigurationError
from gateway.model_folder import ModelFolder
from gateway.settings import Settings, load_settings
from gateway.site_files import load_model
from gateway.written_files import write_whole
from mpi.audit import AuditEvent, AuditOutcome
from mpi.matching.link_batch import LinkRow
from mpi.matching.match_model import MatchModel
from mpi.matching.model_comparison import compare_models

if TYPE_CHECKING:
    from gateway.bootstrap import Hub

app = typer.Typer(help="match models", no_args_is_help=True)

RECORDS_PER_PAGE = 1_000


@app.command("list")
def list_models(config: ConfigOption = None, as_json: JsonOption = False) -> int:
    """Every model of the folder, and which is current."""
    entries = ModelFolder(load_settings(config).models_folder).entries()
    if as_json:
        models = [{"model": e.name, "current": e.is_current, "problem": e.problem} for e in entries]
        emit({"models": models})
    else:
        for entry in entries:
            say(f"{'*' if entry.is_current else ' '} {entry.name}" + (f"  ({entry.problem})" if entry.problem else ""))
    return 1 if any(entry.problem for entry in entries) else 0


@app.command("compare")
def compare(
    before: Annotated[str, typer.Argument(help="a model of the folder by name, or a file")],
    after: Annotated[str, typer.Argument(help="the other one")],
    on: Annotated[Path | None, typer.Option("--on", help="patients CSV (gz too); default: the live index")] = None,
    report: Annotated[Path | None, typer.Option("--report", help="write a report (Markdown) here")] = None,
    one_to_one: OneToOneOption = False,
    date_format: DateFormatOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> int:
    """Run both models on the same records and say which pairs would link, part or go to staff. Nothing is stored."""
    settings = load_settings(config)
    first, second = _model(before, settings), _model(after, settings)
    with whole_file_in_memory(), progress("comparing", None) as advance:
        rows = _index_rows(settings) if on is None else read_link_rows(on, date_format)
        found = compare_models(rows, first, second, one_to_one=one_to_one, progress=lambda done, _total: advance(done))
    if report is not None:
        write_whole(report, render_comparison(found))
    if as_json:
        emit({"records": len(rows), **comparison_document(found)})
    else:
        say(render_comparison(found))
    return 0


@app.command("switch")
def switch(
    model: Annotated[str, typer.Argument(help="a model of the folder, by name")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> int:
    """Make a model the current one. Processes that run take it when they start again; old links keep their version."""
    return _change(load_settings(config), model, as_json)


@app.command("rollback")
def rollback(config: ConfigOption = None, as_json: JsonOption = False) -> int:
    """Go back to the model that was current before this one."""
    return _change(load_settings(config), None, as_json)


def _change(settings: Settings, name: str | None, as_json: bool) -> int:
    """The folder's record and the audit change together: if the audit cannot be written, the record is put back."""
    from adapters.store.unit_of_work import SqlUnitOfWork
    from gateway.bootstrap import open_store

    if settings.match_model is not None:
        raise ConfigurationError("match_model is set: it names the model whatever the folder says")
    # Not the whole hub: it would not start with a current model that is broken, which is when one goes back.
    engine, folder = open_store(settings), ModelFolder(settings.models_folder)
    remembered = folder.remembered()
    action = "mpi model switch" if name is not None else "mpi model rollback"
    with SqlUnitOfWork(engine) as uow:
        left, current = (folder.switch(name), name) if name is not None else folder.rollback()
        try:
            detail = f"from={left} to={current}"
            uow.audit.append(AuditEvent(utc_now(), "command-line", "", action, AuditOutcome.SUCCESS, detail=detail))
            uow.commit()
        except BaseException:
            folder.restore(*remembered)
            raise
    if as_json:
        emit({"before": left, "current": current})
    else:
        say(f"{current} is current (before: {left}); start serve, listen and work again")
    return 0


def _model(name: str, settings: Settings) -> MatchModel:
    path = Path(name)
    return load_model(path) if path.suffix == ".toml" else ModelFolder(settings.models_folder).load(name)


def _index_rows(settings: Settings) -> list[LinkRow]:
    from gateway.bootstrap import build_hub

    return index_rows(build_hub(settings))


def index_rows(hub: Hub) -> list[LinkRow]:
    """Every active record of the index that says something, by its identifier."""
    from mpi.usecases.companions import has_evidence

    rows: list[LinkRow] = []
    last = None
    with hub.read() as uow:
        while page := uow.records.active_after(last, limit=RECORDS_PER_PAGE):
            rows += [LinkRow(str(r.identifier), hub.matcher.comparable(r), r.site_id) for r in page if has_evidence(r)]
            last = page[-1].identifier
    return rows
