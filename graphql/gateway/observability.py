"""What the log may say: constant event names and a short list of keys, as JSON lines on stderr. No patient data.

An allow-list, not a deny-list: a key that is not named here is dropped and counted, and so is a value that is not a
number or a short word. Records of libraries keep their logger's name and level; their text is kept only for loggers
whose texts are known, and then the template, never what was filled in.
"""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from types import TracebackType
from typing import Any, TextIO

import structlog

__all__ = ["DROPPED_KEYS", "configure_logging", "get_logger"]

ALLOWED_KEYS = frozenset(
    {
        "event", "level", "timestamp", "logger",
        "enterprise_id", "site_id", "message_control_id", "review_item_id", "correlation_id",
        "operation", "outcome", "state", "reason", "status", "error_type", "error_at", "path", "port", "dropped_keys",
    }
)  # fmt: skip
_MEASURES = ("_count", "_ms", "_seconds", "_bytes")
_WORD = re.compile(r"[A-Za-z0-9_.:/\-]{1,200}")
_TRUSTED_LOGGERS = ("uvicorn.error", "gateway", "mpi", "federation", "adapters")
_SILENCED = {
    "uvicorn.access": logging.CRITICAL,
    "httpx2": logging.WARNING,
    "httpcore2": logging.WARNING,
    "pynetdicom": logging.CRITICAL,
    "pydicom": logging.CRITICAL,
    "strawberry.execution": logging.CRITICAL,
    "dramatiq": logging.WARNING,
    "asyncio": logging.WARNING,
    "sqlalchemy": logging.WARNING,
    "alembic": logging.WARNING,
}
"""Loggers whose records hold addresses, queries, arguments or data sets, with the least level that is heard."""


class DroppedKeys:
    """How many keys the log refused since the process began."""

    def __init__(self) -> None:
        self.total = 0


DROPPED_KEYS = DroppedKeys()


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger; its event names are constants in snake_case."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


def configure_logging(stream: TextIO | None = None, *, level: int = logging.INFO) -> None:
    """Send every log record of the process, ours and the libraries', through the allow-list to one stream."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.filter_by_level,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream if stream is not None else sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.contextvars.merge_contextvars, _template_only],
            processors=[
                _name_the_source,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                _type_of_error,
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                allow_listed,
                structlog.processors.JSONRenderer(sort_keys=True),
            ],
        )
    )
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    _close_leaks()
    logging.captureWarnings(True)


def _close_leaks() -> None:
    for name, least in _SILENCED.items():
        logger = logging.getLogger(name)
        logger.setLevel(least)
        logger.handlers.clear()
        logger.propagate = True
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True


def allow_listed(_: Any, __: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """The processor that drops what may not be said and counts it."""
    kept = {key: value for key, value in event.items() if _may_say(key, value)}
    dropped = len(event) - len(kept)
    if dropped:
        DROPPED_KEYS.total += dropped
        kept["dropped_keys"] = dropped
    kept.setdefault("event", "event_refused")
    return kept


def _may_say(key: str, value: object) -> bool:
    if key.endswith(_MEASURES):
        return isinstance(value, int | float)
    if key not in ALLOWED_KEYS:
        return False
    if key == "event":
        return isinstance(value, str)
    return value is None or isinstance(value, int | float) or _WORD.fullmatch(str(value)) is not None


def _template_only(logger: logging.Logger, _: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Of a library's record: the template for loggers we know, else a constant name."""
    record = event.get("_record")
    is_known = record is not None and record.name.startswith(_TRUSTED_LOGGERS) and isinstance(record.msg, str)
    event["event"] = record.msg if is_known and record is not None else "library_record"
    return event


def _name_the_source(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    record = event.get("_record")
    if record is not None:
        event["level"] = record.levelname.lower()
        event["logger"] = record.name
    return event


def _type_of_error(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """An exception becomes its type and the line it was raised on; its text and the locals may hold anything."""
    info = event.pop("exc_info", None)
    record = event.get("_record")
    if not info and record is not None:
        info = record.exc_info
    if info is True:
        info = sys.exc_info()
    if isinstance(info, BaseException):
        info = (type(info), info, info.__traceback__)
    if isinstance(info, tuple) and info[0] is not None:
        event["error_type"] = info[0].__name__
        event["error_at"] = _raised_at(info[2])
    event.pop("stack_info", None)
    return event


def _raised_at(trace: TracebackType | None) -> str:
    frames = traceback.extract_tb(trace)
    if not frames:
        return "unknown"
    last = frames[-1]
    return f"{last.filename.rsplit('/', 1)[-1]}:{last.lineno}"
