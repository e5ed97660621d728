"""What a site said of a patient field by field: every value that a record had, when it came, and from which door.

Made of the append-only history of the record's number. Values that were sent and not taken over (they came too late, or
under suspicion that the number was given to somebody else) stand among them, marked as such.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from mpi.identity.demographics import Demographics
from mpi.identity.records import HistoryEntry, SourceRecord
from mpi.identity.updates import DemographicsUpdate, apply_update


class RecordField(Enum):
    """What two records are compared by and people may see. Strong ids are not among them."""

    FAMILY = "family"
    GIVEN = "given"
    MIDDLE = "middle"
    SUFFIX = "suffix"
    BIRTH_DATE = "birth_date"
    SEX = "sex"
    ADDRESS = "address"
    PHONE = "phone"


class ValueState(Enum):
    """CURRENT: the record says so now. EARLIER: it did. NOT_TAKEN: it was sent, and the record never said so."""

    CURRENT = "current"
    EARLIER = "earlier"
    NOT_TAKEN = "not_taken"


@dataclass(frozen=True, slots=True, repr=False)
class FieldValue:
    """One value of one field. Empty: the site deleted what it had said.

    ``said_at`` is the event time of the first message in a row that said so, ``source`` the door it came through.
    """

    value: str
    said_at: dt.datetime
    source: str
    state: ValueState

    def __repr__(self) -> str:
        return f"FieldValue({self.state.name})"


TAKEN = frozenset({"registered", "updated"})
"""Kinds of history entries whose values went into the record."""

FieldHistory = tuple[tuple[RecordField, tuple[FieldValue, ...]], ...]
"""Fields of which anything was ever said, each with its values, newest first."""


def field_history(record: SourceRecord, entries: Iterable[HistoryEntry]) -> FieldHistory:
    """Every value that the record had. ``entries`` are all of its number, oldest first."""
    said: dict[RecordField, list[FieldValue]] = {field: [] for field in RecordField}
    standing = Demographics()
    for entry in entries:
        if entry.demographics is None:
            continue
        if entry.kind in TAKEN:
            before, standing = standing, _after(standing, entry)
            _note_changes(said, entry, _values(before), _values(standing))
        else:
            _note_refused(said, entry)
    now = _values(record.demographics)
    found = ((field, _marked(_without_repeats(values), now[field])) for field, values in said.items() if values)
    return tuple((field, tuple(reversed(values))) for field, values in found)


def _after(standing: Demographics, entry: HistoryEntry) -> Demographics:
    return apply_update(standing, DemographicsUpdate(entry.demographics or Demographics(), entry.deleted))


def _note_changes(
    said: Mapping[RecordField, list[FieldValue]],
    entry: HistoryEntry,
    before: Mapping[RecordField, str],
    after: Mapping[RecordField, str],
) -> None:
    for field, values in said.items():
        if before[field] != after[field]:
            values.append(FieldValue(after[field], entry.at, entry.source, ValueState.EARLIER))


def _note_refused(said: Mapping[RecordField, list[FieldValue]], entry: HistoryEntry) -> None:
    sent = _values(entry.demographics or Demographics())
    for field, values in said.items():
        if sent[field]:
            values.append(FieldValue(sent[field], entry.at, entry.source, ValueState.NOT_TAKEN))


def _without_repeats(values: list[FieldValue]) -> list[FieldValue]:
    """Of what was not taken only what the record never said, each value once."""
    known = {value.value for value in values if value.state is not ValueState.NOT_TAKEN}
    found = []
    for value in values:
        if value.state is ValueState.NOT_TAKEN:
            if value.value in known:
                continue
            known.add(value.value)
        found.append(value)
    return found


def _marked(values: list[FieldValue], now: str) -> list[FieldValue]:
    """The newest value that the record took is current, if the record still says so."""
    taken = [place for place, value in enumerate(values) if value.state is not ValueState.NOT_TAKEN]
    if taken and values[taken[-1]].value == now:
        newest = values[taken[-1]]
        values[taken[-1]] = FieldValue(newest.value, newest.said_at, newest.source, ValueState.CURRENT)
    return values


_READ: Mapping[RecordField, Callable[[Demographics], str]] = {
    RecordField.FAMILY: lambda said: said.name.family,
    RecordField.GIVEN: lambda said: said.name.given,
    RecordField.MIDDLE: lambda said: said.name.middle,
    RecordField.SUFFIX: lambda said: said.name.suffix,
    RecordField.BIRTH_DATE: lambda said: (
        said.birth_date_sent if said.birth_date is None else said.birth_date.isoformat()
    ),
    RecordField.SEX: lambda said: "" if said.sex is None else said.sex.name,
    RecordField.ADDRESS: lambda said: ", ".join(
        part for part in (said.address.street, said.address.postal_code, said.address.city) if part
    ),
    RecordField.PHONE: lambda said: " / ".join(said.phones),
}


def _values(said: Demographics) -> dict[RecordField, str]:
    return {field: read(said) for field, read in _READ.items()}
