"""Throw-away servers for the integration tests."""

from tests.servers.postgres import postgres_cluster, postgres_url
from tests.servers.rabbitmq import rabbitmq_url
from tests.servers.redis import redis_url

__all__ = ["postgres_cluster", "postgres_url", "rabbitmq_url", "redis_url"]
