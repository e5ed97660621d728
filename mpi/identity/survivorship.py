"""The golden record: the best view of a person, field by field, each value with the record it came from.

Rule (survivorship_rule): of the records that say anything of a field, the one of the most trusted site gives it; among
equals the newest; ties go to the smaller identifier. So the result does not depend on the order of arrival. A site that
the trust order of a field does not name is trusted less than all that it names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
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


GOLDEN_FIELDS = ("name", "birth_date", "sex", "address", "phone")


@dataclass(frozen=True, slots=True)
class TrustOrder:
    """Site ids, most trusted first: for every field, and for single fields (of ``GOLDEN_FIELDS``) otherwise."""

    sites: Sequence[str] = ()
    by_field: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def rank(self, field_name: str, site_id: str) -> int:
        """0 is most trusted."""
        order = self.by_field.get(field_name, self.sites)
        return order.index(site_id) if site_id in order else len(order)


NEWEST_WINS = TrustOrder()


def golden_record(records: Iterable[SourceRecord], trust: TrustOrder = NEWEST_WINS) -> GoldenRecord:
    """Merge the records of one person."""
    newest_first = sorted(records, key=lambda r: (-r.demographics_at.timestamp(), r.identifier))

    def best(field_name: str) -> list[SourceRecord]:
        return sorted(newest_first, key=lambda r: trust.rank(field_name, r.site_id))

    name = _first(best("name"), lambda d: None if d.name.is_empty else d.name)
    return GoldenRecord(
        name=name,
        birth_date=_first(best("birth_date"), lambda d: d.birth_date),
        sex=_first(best("sex"), lambda d: d.sex),
        address=_first(best("address"), lambda d: None if d.address.is_empty else d.address),
        phone=_first(best("phone"), lambda d: d.phones[0] if d.phones else None),
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
