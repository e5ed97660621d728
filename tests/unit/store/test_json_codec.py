"""The stored form of domain values. The literal texts here are what databases in use hold."""

import datetime as dt
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.store.errors import UnreadableValue
from adapters.store.json_codec import from_json, to_json
from federation.imaging.assessment import Tier
from federation.imaging.orders import ClinicalFlag
from mpi.identity.demographics import AdministrativeSex, Demographics, PartialDate, PersonName, PostalAddress
from mpi.identity.identifiers import PatientIdentifier

SAID = Demographics(
    name=PersonName("Ødegård", "Ida", use="L"),
    aliases=(PersonName("李"),),
    birth_date=PartialDate(1984, 3),
    sex=AdministrativeSex.FEMALE,
    address=PostalAddress(city="Østby"),
    phones=("555 01 23",),
)
STORED = {
    "name": {"family": "Ødegård", "given": "Ida", "middle": "", "prefix": "", "suffix": "", "use": "L"},
    "aliases": [{"family": "李", "given": "", "middle": "", "prefix": "", "suffix": "", "use": ""}],
    "birth_date": {"year": 1984, "month": 3, "day": None},
    "birth_date_sent": "",
    "sex": "FEMALE",
    "address": {"street": "", "city": "Østby", "postal_code": ""},
    "phones": ["555 01 23"],
    "ssn_last4": "",
    "national_id": "",
}


@dataclass(frozen=True)
class Everything:
    """One field of each kind that can be stored."""

    at: dt.datetime
    day: dt.date
    weight: float
    flags: frozenset[ClinicalFlag]
    tier: Tier
    ids: tuple[PatientIdentifier, ...] = ()
    note: str | None = None
    urgent: bool = False
    added_later: int = field(default=7)


AT = dt.datetime(2026, 3, 2, 10, 0, tzinfo=dt.timezone(dt.timedelta(hours=2)))
WHOLE = Everything(
    AT,
    dt.date(2026, 3, 2),
    2.5,
    frozenset({ClinicalFlag.NEW_INJURY_SINCE_PRIOR, ClinicalFlag.ED_CONTEXT}),
    Tier.WARNING,
    (PatientIdentifier("NORTH", "1"),),
    "n",
    urgent=True,
)
WHOLE_STORED = {
    "at": "2026-03-02T08:00:00+00:00",
    "day": "2026-03-02",
    "weight": 2.5,
    "flags": ["ED_CONTEXT", "NEW_INJURY_SINCE_PRIOR"],
    "tier": "WARNING",
    "ids": [{"assigning_authority": "NORTH", "local_patient_id": "1"}],
    "note": "n",
    "urgent": True,
    "added_later": 7,
}


def test_demographics_have_this_stored_form() -> None:
    assert to_json(SAID) == STORED
    assert from_json(Demographics, STORED) == SAID


def test_every_kind_of_field_has_this_stored_form() -> None:
    assert to_json(WHOLE) == WHOLE_STORED
    assert from_json(Everything, WHOLE_STORED) == WHOLE


def test_a_row_from_before_or_after_this_release_is_read() -> None:
    before = {name: value for name, value in WHOLE_STORED.items() if name != "added_later"}
    assert from_json(Everything, before) == WHOLE
    assert from_json(Everything, WHOLE_STORED | {"of_next_release": 1}) == WHOLE


@pytest.mark.parametrize(
    ("name", "value", "path"),
    [
        ("at", "2026-03-02T08:00:00", "Everything.at"),
        ("at", "Canary", "Everything.at"),
        ("day", 5, "Everything.day"),
        ("weight", "Canary", "Everything.weight"),
        ("weight", True, "Everything.weight"),
        ("flags", ["Canary"], "Everything.flags"),
        ("tier", 2, "Everything.tier"),
        ("ids", [{"assigning_authority": "Canary", "local_patient_id": ""}], "Everything.ids.<InvalidIdentifier>"),
        ("ids", [{"assigning_authority": 5, "local_patient_id": "Canary"}], "Everything.ids.assigning_authority"),
        ("ids", [{}], "Everything.ids.<TypeError>"),
        ("ids", ["Canary"], "Everything.ids"),
        ("ids", None, "Everything.ids"),
        ("note", 5, "Everything.note"),
        ("urgent", 1, "Everything.urgent"),
        ("added_later", True, "Everything.added_later"),
    ],
)
def test_what_cannot_be_read_is_named_by_field_and_not_by_value(name: str, value: object, path: str) -> None:
    with pytest.raises(UnreadableValue) as refusal:
        from_json(Everything, WHOLE_STORED | {name: value})
    assert refusal.value.path == path
    assert "Canary" not in str(refusal.value)


def test_something_else_than_an_object_cannot_be_read() -> None:
    with pytest.raises(UnreadableValue, match="Demographics"):
        from_json(Demographics, ["Canary"])


@pytest.mark.parametrize("value", [object(), dt.datetime(2026, 3, 2), {"a": 1}, b"x"])
def test_what_has_no_stored_form_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        to_json(value)


names = st.builds(PersonName, *(st.text(max_size=8) for _ in range(6)))
partial_dates = st.dates().flatmap(
    lambda day: st.sampled_from(
        [PartialDate(day.year), PartialDate(day.year, day.month), PartialDate(day.year, day.month, day.day)]
    )
)


@given(
    st.builds(
        Demographics,
        name=names,
        aliases=st.lists(names, max_size=3).map(tuple),
        birth_date=st.none() | partial_dates,
        birth_date_sent=st.text(max_size=8),
        sex=st.none() | st.sampled_from(AdministrativeSex),
        phones=st.lists(st.text(max_size=8), max_size=3).map(tuple),
    )
)
def test_demographics_survive_the_way_there_and_back(said: Demographics) -> None:
    assert from_json(Demographics, to_json(said)) == said
