"""What a listener is told of: that something kept was changed, in a numbered log. Ids only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class ChangeKind(Enum):
    """What was changed."""

    ALERT = "alert"
    REVIEW_ITEM = "review_item"


@dataclass(frozen=True, slots=True)
class Change:
    """One entry. ``key`` is the id of what changed, ``version`` its sequence or version after it.

    Numbers go up but may become visible out of order: whoever wrote 11 may commit before whoever wrote 10.
    """

    number: int
    kind: ChangeKind
    key: str
    version: int
