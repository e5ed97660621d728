"""What an HTTP answer of a FHIR server means: a body to read, or which kind of failure. Source: FHIR R4 3.1.0."""

from __future__ import annotations

import logging

import httpx2

from federation.errors import (
    SourceError,
    SourceProtocolError,
    SourceTimedOut,
    SourceUnauthorised,
    SourceUnavailable,
)

_RETRYABLE = frozenset({404, 408, 410, 425, 429})
_NEVER = logging.CRITICAL + 1


def check_status(status: int) -> None:
    """Raise the failure that a status means; return for a success.

    Raises:
        SourceError: of the kind that fits the status; ``reason`` is ``http_<status>`` or says more.
    """
    if 200 <= status < 300:
        return
    reason = f"http_{status}"
    if status in (401, 403):
        raise SourceUnauthorised(reason)
    if 300 <= status < 400:
        raise SourceProtocolError("redirect_refused", "the server sends us elsewhere; that is not followed")
    if status == 413:
        raise SourceProtocolError("too_broad")
    if status in _RETRYABLE or status >= 500:
        raise SourceUnavailable(reason)
    raise SourceProtocolError(reason)


def as_source_error(error: httpx2.HTTPError | httpx2.InvalidURL) -> SourceError:
    """The client library's error as one of ours."""
    if isinstance(error, httpx2.ConnectTimeout):
        return SourceTimedOut("connect_timeout")
    if isinstance(error, httpx2.TimeoutException):
        return SourceTimedOut("deadline")
    if isinstance(error, httpx2.ConnectError):
        return SourceUnavailable("connection_refused")
    if isinstance(error, httpx2.DecodingError | httpx2.UnsupportedProtocol | httpx2.InvalidURL):
        return SourceProtocolError("unreadable_answer")
    return SourceUnavailable("connection_lost")


def silence_http_client() -> None:
    """Turn the HTTP client's logging off for the whole process: its lines hold whole URLs, with a patient id."""
    for name in ("httpx2", "httpcore2"):
        logging.getLogger(name).setLevel(_NEVER)
