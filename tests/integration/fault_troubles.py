"""The troubles of the fault matrix: what goes wrong on the line, and what an adapter must make of it."""

from __future__ import annotations

import gzip
import itertools
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from adapters.simulated import bad_line
from adapters.simulated.bad_line import Trouble, Visit
from federation.errors import (
    SourceError,
    SourceProtocolError,
    SourceTimedOut,
    SourceUnauthorised,
    SourceUnavailable,
)

HANG_SECONDS = 0.5
"""Budget of a question that nobody will answer."""
ANSWER_SECONDS = 10.0
"""Budget of one that is answered at once, however busy the machine is."""
LARGE_BYTES = 200 * 1024 * 1024
_BLANKS = b" " * 65_536


@dataclass(frozen=True, slots=True)
class Outcome:
    """What must come of it: a failure of this kind with one of these reasons, or an answer.

    ``kind`` ``None``: a complete answer. ``may_be_partial``: rows that came before the trouble may be shown as cut.
    """

    kind: type[SourceError] | None
    reasons: tuple[str, ...] = ()
    may_be_partial: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """One trouble. ``trouble`` ``None``: connections are refused.

    ``certificate`` names what the line shows over TLS, ``host`` is another name for it. ``is_large``: memory is
    watched.
    """

    trouble: Trouble | None
    outcome: Outcome
    seconds: float = ANSWER_SECONDS
    certificate: str | None = None
    host: str | None = None
    is_large: bool = False
    most_visits: int | None = None


def _hangs(reasons: tuple[str, ...] = ("deadline",), *, may_be_partial: bool = False) -> Outcome:
    return Outcome(SourceTimedOut, reasons, may_be_partial)


def _status(line: bytes, more: bytes = b"", body: bytes = b"") -> Trouble:
    head = b"HTTP/1.1 %s\r\n%sContent-Length: %d\r\n\r\n" % (line, more, len(body))
    return bad_line.says(hear_http, lambda: [head, body])


def hear_http(guest: socket.socket) -> bool:
    """Read one request to its end."""
    heard = b""
    while b"\r\n\r\n" not in heard:
        chunk = guest.recv(65_536)
        if not chunk:
            return False
        heard += chunk
    head, _, body = heard.partition(b"\r\n\r\n")
    lines = (line.partition(b":") for line in head.lower().split(b"\r\n"))
    length = next((int(value) for name, _, value in lines if name == b"content-length"), 0)
    while len(body) < length:
        body += guest.recv(65_536)
    return True


def hear_pdu(guest: socket.socket) -> bool:
    """Read one DICOM upper layer PDU to its end."""
    heard = b""
    while len(heard) < 6 or len(heard) < 6 + int.from_bytes(heard[2:6], "big"):
        chunk = guest.recv(65_536)
        if not chunk:
            return False
        heard += chunk
    return True


def _chunked(type_line: bytes, body: Callable[[], Iterable[bytes]]) -> Callable[[], Iterable[bytes]]:
    def words() -> Iterable[bytes]:
        yield b"HTTP/1.1 200 OK\r\n%sTransfer-Encoding: chunked\r\n\r\n" % type_line
        for chunk in body():
            yield b"%x\r\n%s\r\n" % (len(chunk), chunk)
        yield b"0\r\n\r\n"

    return words


def _blanks() -> Iterable[bytes]:
    """A list that begins and then is blank for 200 MB."""
    yield b"["
    yield from itertools.repeat(_BLANKS, LARGE_BYTES // len(_BLANKS))


_BOMB = gzip.compress(b" " * LARGE_BYTES, 1)


def _endless_headers() -> Iterable[bytes]:
    yield b"HTTP/1.1 200 OK\r\n"
    yield from (b"X-%d: %s\r\n" % (number, _BLANKS) for number in range(LARGE_BYTES // len(_BLANKS)))


def _to_headers(seen: bytes) -> int | None:
    end = seen.find(b"\r\n\r\n")
    return None if end < 0 else end + 4


def _into_body(seen: bytes) -> int | None:
    """Half-way into the first body."""
    end = _to_headers(seen)
    if end is None:
        return None
    length = int(seen[:end].lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or b"40")
    return end + length // 2 if len(seen) >= end + length // 2 else None


def _first(count: int) -> bad_line.Cut:
    return lambda seen: count if len(seen) >= count else None


_UNAVAILABLE = SourceUnavailable
_LOST = Outcome(_UNAVAILABLE, ("connection_lost",))
_LOST_OR_REFUSED = Outcome(_UNAVAILABLE, ("connection_lost", "connection_refused"))
_UNREADABLE = Outcome(SourceProtocolError)
_JSON = b"Content-Type: application/json\r\n"

HTTP_CASES: dict[str, Case] = {
    "refuses": Case(None, Outcome(_UNAVAILABLE, ("connection_refused",))),
    "hangs_before_headers": Case(bad_line.silent, _hangs(), HANG_SECONDS),
    "hangs_in_headers": Case(bad_line.cut_after(_first(20), Visit.wait_for_the_guest_to_leave), _hangs(), HANG_SECONDS),
    "hangs_after_headers": Case(
        bad_line.cut_after(_to_headers, Visit.wait_for_the_guest_to_leave), _hangs(), HANG_SECONDS
    ),
    "hangs_in_body": Case(bad_line.cut_after(_into_body, Visit.wait_for_the_guest_to_leave), _hangs(), HANG_SECONDS),
    "slow_drip": Case(bad_line.drip, _hangs(), HANG_SECONDS),
    "resets_at_once": Case(bad_line.reset, _LOST_OR_REFUSED),
    "resets_half_way": Case(bad_line.cut_after(_into_body, bad_line.reset), _LOST),
    "closes_half_way": Case(bad_line.cut_after(_into_body, bad_line.closed), _LOST),
    "status_401": Case(_status(b"401 Unauthorized"), Outcome(SourceUnauthorised, ("http_401", "agent_http_401"))),
    "status_403": Case(_status(b"403 Forbidden"), Outcome(SourceUnauthorised, ("http_403", "agent_http_403"))),
    "status_404": Case(_status(b"404 Not Found"), Outcome(_UNAVAILABLE, ("http_404", "agent_http_404"))),
    "status_429": Case(
        _status(b"429 Too Many Requests", b"Retry-After: 120\r\n"),
        Outcome(_UNAVAILABLE, ("http_429", "agent_http_429")),
        most_visits=1,
    ),
    "status_500": Case(_status(b"500 Oops"), Outcome(_UNAVAILABLE, ("http_500", "agent_http_500"))),
    "status_503_with_a_page": Case(
        _status(b"503 Unavailable", b"Content-Type: text/html\r\n", b"<html>later</html>"),
        Outcome(_UNAVAILABLE, ("http_503", "agent_http_503")),
    ),
    "redirects_elsewhere": Case(
        _status(b"302 Found", b"Location: http://127.0.0.1:9/login\r\n"),
        Outcome(SourceProtocolError, ("redirect_refused", "agent_http_302")),
    ),
    "login_page_with_200": Case(
        _status(b"200 OK", b"Content-Type: text/html\r\n", b"<html>please log in</html>"), _UNREADABLE
    ),
    "page_called_json": Case(_status(b"200 OK", _JSON, b"<html>please log in</html>"), _UNREADABLE),
    "another_media_type": Case(
        _status(b"200 OK", b"Content-Type: application/dicom+xml\r\n", b"<NativeDicomModel/>"), _UNREADABLE
    ),
    "json_called_a_page": Case(bad_line.rewritten(b"/dicom+json", b"/html"), Outcome(None)),
    "truncated_json": Case(_status(b"200 OK", _JSON, b'{"resourceType": "Bundle", "entry": [{"res'), _UNREADABLE),
    "json_of_something_else": Case(_status(b"200 OK", _JSON, b'{"message": "hello"}'), _UNREADABLE),
    "wrong_transfer_coding": Case(
        _status(b"200 OK", _JSON + b"Content-Encoding: gzip\r\n", b"not zipped at all"), _UNREADABLE
    ),
    "nonsense_instead_of_http": Case(
        bad_line.says(hear_http, lambda: [b"220 mail.example ESMTP\r\n\r\n"]),
        Outcome(_UNAVAILABLE, ("connection_lost",)),
    ),
    "endless_headers": Case(bad_line.says(hear_http, _endless_headers), _LOST, is_large=True),
    "answer_of_200_mb": Case(
        bad_line.says(hear_http, _chunked(_JSON, _blanks)),
        Outcome(SourceProtocolError, ("answer_too_large",)),
        is_large=True,
    ),
    "answer_of_200_mb_zipped": Case(
        bad_line.says(hear_http, _chunked(_JSON + b"Content-Encoding: gzip\r\n", lambda: [_BOMB])),
        Outcome(SourceProtocolError, ("answer_too_large",)),
        is_large=True,
    ),
}

_NOT_BELIEVED = Outcome(SourceUnauthorised, ("certificate_refused",))
ENCRYPTED_CASES: dict[str, Case] = {
    "certificate_good": Case(bad_line.none, Outcome(None), certificate="good"),
    "certificate_expired": Case(bad_line.none, _NOT_BELIEVED, certificate="expired"),
    "certificate_of_other_host": Case(bad_line.none, _NOT_BELIEVED, certificate="other_host"),
    "certificate_of_unknown_authority": Case(bad_line.none, _NOT_BELIEVED, certificate="unknown_authority"),
    "host_unknown": Case(
        bad_line.none,
        # the resolver may be slower than the time that a connection may take
        Outcome(SourceError, ("host_not_found", "connect_timeout")),
        host="archive.invalid",
    ),
}

_ABORTED = b"\x07\x00\x00\x00\x00\x04\x00\x00\x02\x00"


def _rejects(result: int, source: int, reason: int) -> Trouble:
    return bad_line.says(hear_pdu, lambda: [b"\x03\x00\x00\x00\x00\x04\x00", bytes((result, source, reason))])


def _to_acceptance(seen: bytes) -> int | None:
    """To the end of the first PDU."""
    length = 6 + int.from_bytes(seen[2:6], "big")
    return length if len(seen) >= max(7, length) else None


def _past_a_row(seen: bytes) -> int | None:
    """Some PDUs beyond the acceptance: within the rows."""
    start = _to_acceptance(seen)
    for _ in range(3):
        if start is None or len(seen) < start + 6:
            return None
        start += 6 + int.from_bytes(seen[start + 2 : start + 6], "big")
    return start + 3 if start is not None and len(seen) >= start + 3 else None


def _then(words: Callable[[], Iterable[bytes]]) -> Trouble:
    def trouble(visit: Visit) -> None:
        for chunk in words():
            visit.guest.sendall(chunk)
        visit.wait_for_the_guest_to_leave()

    return trouble


def _one_pdu_of_200_mb() -> Iterable[bytes]:
    yield b"\x04\x00" + LARGE_BYTES.to_bytes(4, "big")
    yield from itertools.repeat(_BLANKS, LARGE_BYTES // len(_BLANKS))


def _fragments_without_end() -> Iterable[bytes]:
    """Pieces of one data set (context 1), none of them the last."""
    piece = b"\x00" * 16_000
    fragment = (len(piece) + 2).to_bytes(4, "big") + b"\x01\x00" + piece
    return itertools.repeat(b"\x04\x00" + len(fragment).to_bytes(4, "big") + fragment, LARGE_BYTES // len(piece))


_ASSOCIATION_ABORTED = Outcome(_UNAVAILABLE, ("association_aborted", "association_lost"))
_QUERY_LOST = Outcome(_UNAVAILABLE, ("association_lost",), may_be_partial=True)
_TOO_LARGE = Outcome(SourceProtocolError, ("answer_too_large",))
_NO_ASSOCIATION = ("deadline", "association_timeout")

DIMSE_CASES: dict[str, Case] = {
    "refuses": Case(None, Outcome(_UNAVAILABLE, ("connection_refused",))),
    "hangs_before_acceptance": Case(bad_line.silent, _hangs(_NO_ASSOCIATION), HANG_SECONDS),
    "hangs_in_acceptance": Case(
        bad_line.cut_after(_first(20), Visit.wait_for_the_guest_to_leave), _hangs(_NO_ASSOCIATION), HANG_SECONDS
    ),
    "hangs_after_acceptance": Case(
        bad_line.cut_after(_to_acceptance, Visit.wait_for_the_guest_to_leave), _hangs(), HANG_SECONDS
    ),
    "hangs_in_rows": Case(
        bad_line.cut_after(_past_a_row, Visit.wait_for_the_guest_to_leave), _hangs(may_be_partial=True), HANG_SECONDS
    ),
    "slow_drip": Case(bad_line.drip, _hangs(_NO_ASSOCIATION), HANG_SECONDS),
    "resets_at_once": Case(bad_line.reset, Outcome(_UNAVAILABLE, ("association_aborted", "connection_refused"))),
    "resets_half_way": Case(bad_line.cut_after(_past_a_row, bad_line.reset), _QUERY_LOST),
    "closes_half_way": Case(bad_line.cut_after(_past_a_row, bad_line.closed), _QUERY_LOST),
    "rejects_our_title": Case(
        _rejects(1, 1, 3), Outcome(SourceUnauthorised, ("calling_ae_title_not_recognised",)), most_visits=1
    ),
    "rejects_its_title": Case(
        _rejects(1, 1, 7), Outcome(SourceUnauthorised, ("called_ae_title_not_recognised",)), most_visits=1
    ),
    "rejects_without_reason": Case(_rejects(1, 1, 1), Outcome(SourceUnauthorised, ("association_rejected",))),
    "rejects_for_lack_of_room": Case(_rejects(2, 3, 2), Outcome(_UNAVAILABLE, ("association_limit",)), most_visits=2),
    "aborts_at_once": Case(bad_line.says(hear_pdu, lambda: [_ABORTED]), _ASSOCIATION_ABORTED),
    "aborts_the_query": Case(bad_line.cut_after(_to_acceptance, _then(lambda: [_ABORTED])), _ASSOCIATION_ABORTED),
    "speaks_http": Case(bad_line.says(hear_pdu, lambda: [b"HTTP/1.1 400 Bad Request\r\n\r\n"]), _ASSOCIATION_ABORTED),
    "wrong_transfer_syntax": Case(
        bad_line.rewritten(b"1.2.840.10008.1.2", b"1.2.840.10008.9.9"),
        Outcome(SourceProtocolError, ("transfer_syntax_not_proposed",)),
    ),
    "pdu_of_200_mb": Case(bad_line.cut_after(_to_acceptance, _then(_one_pdu_of_200_mb)), _TOO_LARGE, is_large=True),
    "fragments_of_200_mb": Case(
        bad_line.cut_after(_to_acceptance, _then(_fragments_without_end)), _TOO_LARGE, is_large=True
    ),
}
