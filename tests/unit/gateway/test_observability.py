"""What the log says and, above all, what it does not."""

from __future__ import annotations

import io
import json
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from gateway.observability import DROPPED_KEYS, configure_logging, get_logger

CANARY = "Quillfeather"


class Log:
    """The lines written since logging was configured."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]


@pytest.fixture
def log() -> Iterator[Log]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    written = Log()
    with warnings.catch_warnings():
        configure_logging(written.stream)
        yield written
        logging.captureWarnings(False)
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


def test_an_event_is_one_json_line_with_the_keys_that_may_be_said(log: Log) -> None:
    get_logger("gateway.test").info("order_checked", enterprise_id="e-1", site_id="NGH", study_count=3, duration_ms=12)
    (line,) = log.lines()
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "order_checked",
        "level": "info",
        "logger": "gateway.test",
        "enterprise_id": "e-1",
        "site_id": "NGH",
        "study_count": 3,
        "duration_ms": 12,
    }


def test_a_key_that_is_not_on_the_list_is_dropped_and_counted(log: Log) -> None:
    before = DROPPED_KEYS.total
    get_logger("gateway.test").warning("order_checked", family=CANARY, patient={"name": CANARY}, site_id="NGH")
    (line,) = log.lines()
    assert CANARY not in log.text
    assert line["dropped_keys"] == 2
    assert line["site_id"] == "NGH"
    assert DROPPED_KEYS.total == before + 2


@pytest.mark.parametrize("value", [f"{CANARY}, Ana", {"name": CANARY}, [CANARY], f"{CANARY} (F)", CANARY * 50])
def test_a_listed_key_takes_only_short_words_and_numbers(log: Log, value: object) -> None:
    get_logger("gateway.test").info("order_checked", reason=value)
    assert CANARY not in log.text
    assert log.lines()[0]["dropped_keys"] == 1


def test_a_count_is_a_number(log: Log) -> None:
    get_logger("gateway.test").info("order_checked", study_count=CANARY)
    assert CANARY not in log.text


def test_an_exception_is_its_type_and_place_and_never_its_text(log: Log) -> None:
    def fail() -> None:
        raise ValueError(CANARY)

    try:
        fail()
    except ValueError:
        get_logger("gateway.test").exception("order_failed")
        logging.getLogger("somewhere.else").exception("%s broke", CANARY)
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application\n")
    assert CANARY not in log.text
    assert "Traceback" not in log.text
    for line in log.lines():
        assert line["error_type"] == "ValueError"
        assert line["error_at"].startswith("test_observability.py:")


def test_a_librarys_record_keeps_its_name_and_level_but_not_its_text(log: Log) -> None:
    logging.getLogger("some.library").error(f"cannot parse {CANARY}")
    (line,) = log.lines()
    assert (line["event"], line["logger"], line["level"]) == ("library_record", "some.library", "error")


def test_of_a_known_library_the_template_is_kept_without_what_was_filled_in(log: Log) -> None:
    logging.getLogger("uvicorn.error").info('%s - "WebSocket %s" [accepted]', "10.0.0.1:999", f"/x?name={CANARY}")
    (line,) = log.lines()
    assert CANARY not in log.text
    assert "10.0.0.1" not in log.text
    assert line["event"] == '%s - "WebSocket %s" [accepted]'


@pytest.mark.parametrize(
    "name", ["httpx2", "httpcore2.http11", "pynetdicom.acse", "pydicom", "uvicorn.access", "strawberry.execution"]
)
def test_loggers_that_leak_are_not_heard_at_info(log: Log, name: str) -> None:
    logging.getLogger(name).info("GET /studies?PatientName=%s", CANARY)
    assert log.text == ""


def test_warnings_of_python_go_the_same_way(log: Log) -> None:
    warnings.simplefilter("always")
    warnings.warn(f"odd value {CANARY}", UserWarning, stacklevel=1)
    assert CANARY not in log.text
    assert log.lines()[0]["logger"] == "py.warnings"


def test_what_is_bound_to_the_request_stands_on_every_line(log: Log) -> None:
    with structlog.contextvars.bound_contextvars(correlation_id="c0ffee00", family=CANARY):
        get_logger("gateway.test").info("order_checked")
        logging.getLogger("some.library").warning("x")
    assert [line["correlation_id"] for line in log.lines()] == ["c0ffee00", "c0ffee00"]
    assert CANARY not in log.text
