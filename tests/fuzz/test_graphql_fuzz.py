"""The short form of the fuzzing of the whole schema; ``make fuzz`` runs two minutes, or as long as it is told."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import structlog

from tests.fuzz.graphql_fuzz import Fuzzer, fuzz
from tests.integration.hub_world import SURNAME, hub_of_ana
from tests.servers.postgres import postgres_cluster, postgres_url  # noqa: F401

SECONDS = 15.0


@pytest.fixture(autouse=True)
def _log_is_put_back() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    logging.captureWarnings(False)
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.parametrize("store", ["sqlite", pytest.param("postgresql", marks=pytest.mark.needs("postgres"))])
def test_nothing_that_the_schema_allows_makes_the_hub_stumble_or_talk(
    store: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path}/hub.db" if store == "sqlite" else request.getfixturevalue("postgres_url")
    found = fuzz(url, seconds=SECONDS, start=7)
    assert found.wrong == []
    assert found.requests >= 20
    assert set(found.statuses) <= {200, 400}


@pytest.mark.parametrize(
    ("status", "said", "what"),
    [
        (500, {}, "status 500"),
        (200, {"errors": [{"message": "x", "extensions": {"code": "INTERNAL_ERROR"}}]}, "an error of ours"),
        (200, {"errors": [{"message": "x"}]}, "an error without a code"),
        (200, {"errors": [{"message": SURNAME, "extensions": {"code": "BAD_REQUEST"}}]}, "a name in an error"),
        (400, {"errors": [{"message": "sqlalchemy.exc.DataError"}]}, "tells of our insides"),
        (200, {"data": {"person": {"family": SURNAME}}}, "a name shown to somebody without a role"),
    ],
)
def test_what_should_not_be_said_is_noticed(status: int, said: Any, what: str) -> None:
    fuzzer = Fuzzer(hub_of_ana(), "127.0.0.1:1", random.Random(7))
    fuzzer.judge(httpx2.Response(status, json=said), b"{}", ())
    fuzzer.close()
    assert any(what in line for line in fuzzer.findings.wrong)
