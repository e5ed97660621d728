"""The golden record: the best view of a person, field by field, each value with the record it came from.

Rule (survivorship_rule): the newest record that says anything of a field gives it; ties go to the smaller
identifier. So the result does not depend on the order of arrival.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from mpi.identity.demographics import AdministrativeSex, Demographics, PartialDate, PersonName, PostalAddress
from mpi.identity.identifiers import PatientIdentifier
from mpi.identity.records import SourceRecord

T = TypeVar("T")


@dataclass(frozen=True, slots=True, repr=False)
class Sourced(Generic[T]):
    """A value and the record it came from."""

    value: T
    source: PatientIdentifier


@dataclass(frozen=True, slots=True, repr=False)
class GoldenRecord:
    """Best known values of one person; ``None`` where no record says anything. ``other_names`` are all further ones."""

    name: Sourced[PersonName] | None
    birth_date: Sourced[PartialDate] | None
    sex: Sourced[AdministrativeSex] | None
    address: Sourced[PostalAddress] | None
    phone: Sourced[str] | None
    other_names: tuple[PersonName, ...]


def golden_record(records: Iterable[SourceRecord]) -> GoldenRecord:
    """Merge the records of one person."""
    newest_first = sorted(records, key=lambda r: (-r.demographics_at.timestamp(), r.identifier))
    name = _first(newest_first, lambda d: None if d.name.is_empty else d.name)
    return GoldenRecord(
        name=name,
        birth_date=_first(newest_first, lambda d: d.birth_date),
        sex=_first(newest_first, lambda d: d.sex),
        address=_first(newest_first, lambda d: None if d.address.is_empty else d.address),
        phone=_first(newest_first, lambda d: d.phones[0] if d.phones else None),
        other_names=_other_names(newest_first, None if name is None else name.value),
    )


def _first(records: list[SourceRecord], pick: Callable[[Demographics], T | None]) -> Sourced[T] | None:
    for record in records:
        value = pick(record.demographics)
        if value is not None:
            return Sourced(value, record.identifier)
    return None


def _other_names(records: list[SourceRecord], best: PersonName | None) -> tuple[PersonName, ...]:
    seen = {_key(best)} if best is not None else set()
    others = []
    for record in records:
        for name in (record.demographics.name, *record.demographics.aliases):
            if not name.is_empty and _key(name) not in seen:
                seen.add(_key(name))
                others.append(name)
    return tuple(others)


def _key(name: PersonName) -> tuple[str, str, str]:
    return (name.family.casefold(), name.given.casefold(), name.middle.casefold())
