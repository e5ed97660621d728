"""Where a page of a list ends. A cursor holds a position (sort key and id), never an offset.

So a page goes on at the right place when rows before it came or went in the meantime. Clients treat cursors as opaque.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
from collections.abc import Sequence
from typing import Any, TypeAlias

import orjson

from federation.imaging.studies import PriorStudy
from federation.imaging.timeline import moment_of
from gateway.errors import InputRefused
from mpi.identity.identifiers import PatientIdentifier
from mpi.identity.review import ReviewItem

StudyPosition: TypeAlias = tuple[bool, dt.timedelta, str]
ReviewPosition: TypeAlias = tuple[int, float, dt.datetime, str]

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MAX_CURSOR_LENGTH = 512
_NUMBERS_END = 2**63


class InvalidCursor(InputRefused):
    """A cursor that this list did not give out."""


def study_position(study: PriorStudy) -> StudyPosition:
    """Place in a timeline: newest first, undated last, then by UID. The same order as ``in_timeline_order``."""
    if study.started is None:
        return True, dt.timedelta(), study.study_instance_uid
    return False, _EPOCH - moment_of(study.started), study.study_instance_uid


def study_cursor(study: PriorStudy) -> str:
    """The cursor of one study in a timeline."""
    undated, before_epoch, uid = study_position(study)
    return _pack(["study", None if undated else (_EPOCH - before_epoch).isoformat(), uid])


def read_study_cursor(cursor: str) -> StudyPosition:
    """The position that a cursor names.

    Raises:
        InvalidCursor: not a cursor of a timeline.
    """
    match _unpack(cursor):
        case ["study", None, str(uid)]:
            return True, dt.timedelta(), uid
        case ["study", str(moment), str(uid)]:
            return False, _EPOCH - _instant(moment), uid
    raise InvalidCursor("not a cursor of this list")


def review_position(item: ReviewItem) -> ReviewPosition:
    """Place in the review queue: most urgent first (priority, score, age, id)."""
    return -item.priority, float("inf") if item.score is None else -item.score, item.opened_at, item.review_item_id


def review_cursor(item: ReviewItem) -> str:
    """The cursor of one item in the queue."""
    return _pack(["review", item.priority, item.score, item.opened_at.isoformat(), item.review_item_id])


def read_review_cursor(cursor: str) -> ReviewPosition:
    """The position that a cursor names.

    Raises:
        InvalidCursor: not a cursor of the review queue.
    """
    match _unpack(cursor):
        case ["review", int(priority), (int() | float() | None) as score, str(opened), str(review_item_id)]:
            place = float("inf") if score is None else -float(score)
            return -priority, place, _instant(opened), review_item_id
    raise InvalidCursor("not a cursor of this list")


def held_cursor(identifier: PatientIdentifier) -> str:
    """The cursor of one held record in their list, by its number."""
    return _pack(["held", identifier.assigning_authority, identifier.local_patient_id])


def read_held_cursor(cursor: str) -> PatientIdentifier:
    """The number that a cursor names.

    Raises:
        InvalidCursor: not a cursor of the held records.
    """
    match _unpack(cursor):
        case ["held", str(authority), str(number)] if authority.strip() and number.strip():
            return PatientIdentifier(authority, number)
    raise InvalidCursor("not a cursor of this list")


def audit_cursor(number: int) -> str:
    """The cursor of one entry of the audit log, by its number in the chain."""
    return _pack(["audit", number])


def read_audit_cursor(cursor: str) -> int:
    """The number that a cursor names.

    Raises:
        InvalidCursor: not a cursor of the audit log.
    """
    match _unpack(cursor):
        case ["audit", int(number)] if 0 < number < _NUMBERS_END:
            return number
    raise InvalidCursor("not a cursor of this list")


def _instant(text: str) -> dt.datetime:
    try:
        instant = dt.datetime.fromisoformat(text)
    except ValueError:
        raise InvalidCursor("not a cursor of this list") from None
    if instant.tzinfo is None:
        raise InvalidCursor("not a cursor of this list")
    return instant


def _pack(position: Sequence[object]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(position)).decode().rstrip("=")


def _unpack(cursor: str) -> Any:
    if len(cursor) > _MAX_CURSOR_LENGTH:
        raise InvalidCursor("not a cursor of this list")
    try:
        return orjson.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        raise InvalidCursor("not a cursor of this list") from None
