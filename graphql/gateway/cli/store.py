"""``priorlink db``: bring the store up to date, and see whether it is."""

from __future__ import annotations

import typer

from gateway.cli.output import ConfigOption, JsonOption, emit, say
from gateway.errors import ServiceMissing
from gateway.settings import load_settings

app = typer.Typer(help="the store", no_args_is_help=True)


@app.command("upgrade")
def upgrade(config: ConfigOption = None, as_json: JsonOption = False) -> int:
    """Migrate the store to this version's schema."""
    from adapters.store.migrate import current_revision
    from gateway.bootstrap import open_store

    engine = open_store(load_settings(config), migrate=True)
    revision = current_revision(engine)
    if as_json:
        emit({"revision": revision})
    else:
        say(f"store is at {revision}")
    return 0


@app.command("check")
def check(config: ConfigOption = None, as_json: JsonOption = False) -> int:
    """Report drift between the store and this version; exit 1 if there is any."""
    import sqlalchemy as sa

    from adapters.store.engine import make_engine
    from adapters.store.migrate import check as schema_problems

    engine = make_engine(load_settings(config).store.url)
    try:
        problems = schema_problems(engine)
    except sa.exc.DBAPIError as error:
        raise ServiceMissing("store: the database does not answer") from error
    if as_json:
        emit({"problems": problems})
    else:
        for problem in problems:
            say(problem)
        say("store is up to date" if not problems else f"{len(problems)} problems")
    return 1 if problems else 0
