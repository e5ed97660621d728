"""Source records: what one site says about one of its patients, and which person that is.

A ``SourceRecord`` is named by one ``PatientIdentifier``. It is active, or retired (merged away or deleted inside its
site). An active record is linked to exactly one person, named by an ``EnterpriseId``; a person is the set of the
active records linked to it.

A *held* record may hold two people's data (an overlay): it is a person by itself until staff release it.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from enum import Enum

from mpi.identity.demographics import Demographics
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier


class LinkSource(Enum):
    """Who decided a link. A manual link is never changed by an algorithm or a message."""

    AUTO = "auto"
    MANUAL = "manual"


class MatchGrade(Enum):
    """How sure a match is. Source: FHIR R4 value set match-grade."""

    CERTAIN = "certain"
    PROBABLE = "probable"
    POSSIBLE = "possible"
    CERTAINLY_NOT = "certainly-not"


class RecordStatus(Enum):
    """RETIRED: the identifier is not to be used any more; it may resolve to a survivor."""

    ACTIVE = "active"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class PersonLink:
    """A record's membership in a person.

    ``match_weight`` is in bits, ``None`` when no score decided (first record of a person, sender's assertion, human).
    """

    enterprise_id: EnterpriseId
    link_source: LinkSource
    match_grade: MatchGrade
    linked_at: dt.datetime
    match_weight: float | None = None
    model_version: str | None = None


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """One site's record of one patient.

    ``demographics_at`` is the event time of the newest demographics taken; ``surviving_identifier`` is set when the
    record was merged away; ``link`` is ``None`` exactly when the record is retired. ``asserted_identifiers`` are
    further ids that the sender gave for the same patient. ``hold`` names the decision of staff that holds the record.
    """

    identifier: PatientIdentifier
    site_id: str
    demographics: Demographics
    demographics_at: dt.datetime
    status: RecordStatus = RecordStatus.ACTIVE
    link: PersonLink | None = None
    surviving_identifier: PatientIdentifier | None = None
    asserted_identifiers: tuple[PatientIdentifier, ...] = ()
    hold: str | None = None

    @property
    def is_held(self) -> bool:
        """No machine links it, and it is nobody's candidate."""
        return self.hold is not None

    @property
    def is_active(self) -> bool:
        return self.status is RecordStatus.ACTIVE

    @property
    def enterprise_id(self) -> EnterpriseId | None:
        return None if self.link is None else self.link.enterprise_id

    @property
    def is_manually_linked(self) -> bool:
        return self.link is not None and self.link.link_source is LinkSource.MANUAL

    def linked(self, link: PersonLink) -> SourceRecord:
        return replace(self, link=link, status=RecordStatus.ACTIVE, surviving_identifier=None)

    def retired(self, survivor: PatientIdentifier | None) -> SourceRecord:
        return replace(self, link=None, status=RecordStatus.RETIRED, surviving_identifier=survivor)


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One thing that happened to one identifier. ``kind`` is a stable name (registered, updated, merged ...).

    ``demographics`` is what was sent, not what came of it; ``deleted`` names what was sent as an explicit null.
    """

    identifier: PatientIdentifier
    kind: str
    at: dt.datetime
    source: str
    enterprise_id: EnterpriseId | None = None
    detail: str = ""
    demographics: Demographics | None = None
    deleted: frozenset[str] = frozenset()
