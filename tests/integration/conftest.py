"""Throw-away servers for the integration tests, and what is logged while they run."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest
import structlog

from gateway.observability import configure_logging
from tests.servers.postgres import postgres_cluster, postgres_url
from tests.servers.rabbitmq import rabbitmq_url
from tests.servers.redis import redis_url

__all__ = ["postgres_cluster", "postgres_url", "rabbitmq_url", "redis_url"]


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything that is logged meanwhile, as the hub logs it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure_logging(stream, level=logging.DEBUG)
    yield stream
    logging.captureWarnings(False)
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)
