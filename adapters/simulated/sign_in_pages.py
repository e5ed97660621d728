"""Plain pages of the simulated provider and EHR."""

from __future__ import annotations

import html
from collections.abc import Mapping

_STYLE = """
body { font: 1rem/1.5 system-ui, sans-serif; background: #eef1f5; color: #1a2530; margin: 0; }
main { max-width: 34rem; margin: 3rem auto; background: #fff; border: 1px solid #d5dbe2; padding: 1.5rem; }
main { border-radius: 10px; }
h1 { font-size: 1.25rem; margin: 0 0 .5rem; }
form, ul { display: grid; gap: .5rem; padding: 0; list-style: none; }
button, a.button { font: inherit; text-align: left; padding: .625rem .875rem; border-radius: 7px; cursor: pointer; }
button, a.button { border: 1px solid #33518a; background: #33518a; color: #fff; text-decoration: none; }
button.plain { background: #fff; color: #1a2530; }
small { color: #52606d; }
"""


def page(title: str, body: str) -> str:
    """A whole page; ``body`` is HTML."""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>'
        f"<body><main><h1>{html.escape(title)}</h1>{body}"
        "<p><small>Simulated, with invented people.</small></p></main></body></html>"
    )


def form_fields(fields: Mapping[str, str]) -> str:
    """Hidden fields of a form."""
    return "".join(
        f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(value)}">'
        for name, value in fields.items()
    )
