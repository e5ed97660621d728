"""How lists of texts, and rows of texts and numbers, are written for PostgreSQL.

The driver writes value by value, which for the thousands of keys of a batch takes its time; here it is one pass.
Source: PostgreSQL manual, 8.15.2 Array Value Input, and COPY, Text Format.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from psycopg.types.array import ListDumper
from sqlalchemy.pool import ConnectionPoolEntry

_IN_ARRAY = str.maketrans({'"': '\\"', "\\": "\\\\"})
_IN_COPY = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_BETWEEN = '","'


class TextListDumper(ListDumper):
    """As the driver's own, for a list of nothing but texts all at once."""

    def dump(self, obj: list[Any]) -> Any:
        if not obj or any(type(item) is not str for item in obj):
            return super().dump(obj)
        text = _BETWEEN.join(obj)
        if "\x00" in text:
            return super().dump(obj)  # the driver says why not
        if "\\" in text or text.count('"') != 2 * (len(obj) - 1):
            text = _BETWEEN.join(item.translate(_IN_ARRAY) for item in obj)
        return f'{{"{text}"}}'.encode()


def prepare_connection(connection: Any, _entry: ConnectionPoolEntry) -> None:
    """Listens to an engine of PostgreSQL: every new connection of the driver writes lists of texts in this way."""
    connection.adapters.register_dumper(list, TextListDumper)


def copy_lines(rows: Iterable[Sequence[str | int]]) -> str:
    """Rows of texts and whole numbers in COPY's text format."""
    return "".join(["\t".join([_copied(value) for value in row]) + "\n" for row in rows])


def _copied(value: str | int) -> str:
    if not isinstance(value, str):
        return str(value)
    # Nearly no text has any of these, and looking is quicker than writing it anew.
    return value if value.isprintable() and "\\" not in value else value.translate(_IN_COPY)
