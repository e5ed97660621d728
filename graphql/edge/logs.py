"""The agent's log: JSON lines on stderr with constant event names, codes and counts. No patient data.

Records of libraries keep their logger's name and level; their text is never repeated.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import re
import sys
from typing import TextIO

_LOGGER = "edge"
_WORD = re.compile(r"[A-Za-z0-9_.:/\-]{1,120}")
_KEYS = frozenset({"site_id", "reason", "error_type", "outcome", "request_id", "status", "port"})
_MEASURES = ("_count", "_ms", "_seconds")


def log_event(event: str, *, level: int = logging.WARNING, **said: str | int | float) -> None:
    """Say one thing. Keys that are not on the list, and texts that are not single words, are left out."""
    logging.getLogger(_LOGGER).log(level, "%s", event, extra={"said": said})


def configure_logging(stream: TextIO | None = None) -> None:
    """Send every record of the process, ours and the libraries', through the list to one stream."""
    handler = logging.StreamHandler(stream if stream is not None else sys.stderr)
    handler.setFormatter(_JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger(_LOGGER).setLevel(logging.INFO)
    for name in ("uvicorn.access", "httpx2", "httpcore2", "pynetdicom", "pydicom"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    logging.captureWarnings(True)


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        is_ours = record.name == _LOGGER
        line: dict[str, object] = {
            "timestamp": dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage() if is_ours else "library_record",
        }
        said: dict[str, object] = getattr(record, "said", {}) if is_ours else {}
        line |= {key: value for key, value in said.items() if _may_say(key, value)}
        if record.exc_info and record.exc_info[0] is not None:
            line["error_type"] = record.exc_info[0].__name__
        return json.dumps(line, sort_keys=True)


def _may_say(key: str, value: object) -> bool:
    if key.endswith(_MEASURES):
        return isinstance(value, int | float)
    return key in _KEYS and (isinstance(value, int) or _WORD.fullmatch(str(value)) is not None)
