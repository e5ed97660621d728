"""Prints the authorisation matrix: ``python -m gateway.print_access_matrix [--check]``.

Without an argument it writes ``docs/access-matrix.md``; with ``--check`` it exits 1 when an operation or a route has no
rule, or the file says otherwise.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from joserfc.jwk import ECKey
from starlette.routing import BaseRoute

from gateway.access_matrix import matrix_markdown, problems
from gateway.access_settings import AuthSettings, ServiceTokenSettings
from gateway.archive_settings import EdgeArchive
from gateway.bootstrap import build_hub
from gateway.schema.build import build_schema
from gateway.serving import hub_app
from gateway.settings import AgentsSettings, CdsHooksSettings, HttpSettings, Settings, SiteSettings, StoreSettings

MATRIX_FILE = Path(__file__).resolve().parents[2] / "docs" / "access-matrix.md"


def every_route() -> Sequence[BaseRoute]:
    """The routes of a hub in which every door is open that settings can open."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        key = ECKey.generate_key("P-256", auto_kid=True)
        (folder / "key.pem").write_bytes(key.as_pem(private=True))
        (folder / "agent.json").write_text(json.dumps({"keys": [key.as_dict(private=False)]}), encoding="utf-8")
        (folder / "secret").write_text("not a secret", encoding="utf-8")
        archive = EdgeArchive(protocol="edge", agent_jwks_file=folder / "agent.json")
        settings = Settings(
            store=StoreSettings(url=f"sqlite:///{folder / 'empty.db'}"),
            http=HttpSettings(graphiql=True),
            cds_hooks=CdsHooksSettings(base_url="https://hub.example"),
            auth=AuthSettings(
                service=ServiceTokenSettings(url="https://hub.example/oauth/token", signing_key_file=folder / "key.pem")
            ),
            agents=AgentsSettings(signing_key_file=folder / "key.pem"),
            sites=(
                SiteSettings(
                    id="SITE",
                    name="Site",
                    assigning_authority="SITE",
                    archive=archive,
                    notify_secret_file=folder / "secret",
                ),
            ),
        )
        hub = build_hub(settings, migrate=True)
        try:
            return hub_app(hub, is_stopping=lambda: True).routes
        finally:
            hub.engine.dispose()


def main(arguments: list[str] | None = None) -> int:
    """Write the file, or compare with it; in either case say what has no rule."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--check", action="store_true", help="exit 1 when the file is not current")
    chosen = parser.parse_args(arguments)
    schema = build_schema()
    missing = problems(schema, every_route())
    if missing:
        sys.stderr.write("".join(f"access: {one}\n" for one in missing))
        return 1
    text = matrix_markdown(schema)
    if not chosen.check:
        MATRIX_FILE.write_text(text, encoding="utf-8")
        return 0
    if MATRIX_FILE.is_file() and MATRIX_FILE.read_text(encoding="utf-8") == text:
        return 0
    sys.stderr.write("docs/access-matrix.md is not current: run python -m gateway.print_access_matrix\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
