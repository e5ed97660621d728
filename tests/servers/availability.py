"""What happens when a test server cannot be had: a skip with its reason, or a failure where CI must have it."""

import os
import socket
from typing import NoReturn

import pytest


def unavailable(server: str, reason: str) -> NoReturn:
    """Skip the test, or fail it when the environment says ``CI=true``."""
    text = f"{server} cannot be had: {reason}"
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(text, pytrace=False)
    pytest.skip(text)


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
