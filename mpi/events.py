"""What happened to persons, told to whoever cares (``federation`` re-judges orders). Ids only, never demographics."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import Enum

from mpi.identity.identifiers import EnterpriseId


class IdentityChange(Enum):
    """How the set of records of a person changed."""

    RECORD_LINKED = "record_linked"
    RECORD_MOVED = "record_moved"
    RECORD_RETIRED = "record_retired"
    DECIDED_DIFFERENT = "decided_different"


@dataclass(frozen=True, slots=True)
class PersonChanged:
    """The records of these persons changed: what was answered about them may no longer hold."""

    change: IdentityChange
    enterprise_ids: tuple[EnterpriseId, ...]
    at: dt.datetime
