"""What an HTTP answer of an archive means: a body to read, or which kind of failure.

Source: DICOM PS3.18 8.5 (status codes), 10.6 (search transaction).
"""

from __future__ import annotations

import re

import httpx2

from federation.errors import (
    SourceError,
    SourceProtocolError,
    SourceTimedOut,
    SourceUnauthorised,
    SourceUnavailable,
)

_RETRYABLE = frozenset({404, 408, 425, 429})
_SAYS_THERE_IS_MORE = re.compile(r"^\s*299\b.*(additional|remaining|more results|truncat)", re.IGNORECASE | re.DOTALL)


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
        raise SourceProtocolError("redirect_refused", "the archive sends us elsewhere; that is not followed")
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


def says_there_is_more(headers: httpx2.Headers) -> bool:
    """Whether a Warning header announces rows that were not sent. Source: PS3.18 8.3.4.4."""
    return any(_SAYS_THERE_IS_MORE.search(warning) for warning in headers.get_list("warning"))
