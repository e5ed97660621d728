"""What goes wrong on the way to an HTTP server, as one of our errors."""

from __future__ import annotations

import socket
import ssl

import httpx2

from adapters.connection.tls import error_of_tls
from federation.errors import SourceError, SourceProtocolError, SourceTimedOut, SourceUnauthorised, SourceUnavailable

_RETRYABLE = frozenset({404, 408, 410, 425, 429})


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
    if isinstance(error, httpx2.DecodingError | httpx2.UnsupportedProtocol | httpx2.InvalidURL):
        return SourceProtocolError("unreadable_answer")
    cause = _first_cause(error)
    if isinstance(cause, ssl.SSLError):
        return error_of_tls(cause)
    if isinstance(cause, socket.gaierror):
        return SourceUnavailable("host_not_found")
    return SourceUnavailable("connection_refused" if isinstance(error, httpx2.ConnectError) else "connection_lost")


def _first_cause(error: BaseException) -> BaseException:
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return error
