"""PID to demographics."""

import datetime as dt

import pytest

from adapters.hl7v2.birth_dates import read_birth_date
from adapters.hl7v2.errors import FieldError
from adapters.hl7v2.identifiers import Issuers, MergeNotPossible, merge_pairs, patient_identifiers
from adapters.hl7v2.mapping import demographics_update
from adapters.hl7v2.message import Message, Segment, parse_message
from mpi.identity.updates import DemographicsUpdate
from tests.builders import AUTHORITIES

DAY = dt.date(2026, 3, 1)
ISSUERS = Issuers(AUTHORITIES, "NGH")


def message(*segments: str) -> Message:
    text = "\r".join((r"MSH|^~\&|A|NGH|||2026||ADT^A04|1|P|2.5", *segments))
    return parse_message(text.encode(), fallback_charset="cp1252")


def pid(text: str) -> Segment:
    found = message(text).first("PID")
    assert found is not None
    return found


def update(text: str) -> DemographicsUpdate:
    segment = pid(text)
    ids = patient_identifiers(segment, ISSUERS)
    return demographics_update(segment, ids, registry=AUTHORITIES, message_day=DAY)


@pytest.mark.parametrize(
    ("sent", "found"),
    [
        ("19840312", "1984-03-12"),
        ("198403", "1984-03"),
        ("1984", "1984"),
        ("1984-03-12", "1984-03-12"),
        ("19840312233000.0000-0500", "1984-03-12"),
        ("19840312^D", "1984-03-12"),
        ("19840312^L", "1984-03"),
        ("19840312^Y", "1984"),
        ("18870101", "1887-01-01"),
        ("20260302", "2026-03-02"),
        ("20260303", None),
        ("2027", None),
        ("00000000", None),
        ("0000", None),
        ("99999999", None),
        ("9999", None),
        ("19000101", None),
        ("190001", "1900-01"),
        ("00010101", None),
        ("19840230", None),
        ("19841301", None),
        ("19840300", None),
        ("12/03/1984", None),
        ("unknown", None),
    ],
)
def test_birth_dates(sent: str, found: str | None) -> None:
    date, kept = read_birth_date(pid(f"PID|||1||||{sent}").first(7), message_day=DAY)
    assert (date.isoformat() if date else None) == found
    assert kept == ("" if found else sent)


def test_missing_birth_date_keeps_nothing() -> None:
    assert read_birth_date(pid('PID|||1||||""').first(7), message_day=DAY) == (None, "")


@pytest.mark.parametrize(
    ("pid_13", "phones"),
    [
        ("(692)555-8101", ("(692)555-8101",)),
        ("(692)555-8101X123", ("(692)555-8101",)),
        ("(692)555-8101 ext. 12", ("(692)555-8101",)),
        ("+44 20 7946 0001", ("+44 20 7946 0001",)),
        ("^PRN^PH^^1^692^5558101", ("+1 692 5558101",)),
        ("^PRN^PH^^^692^5558101^12", ("692 5558101",)),
        ("555-8101^PRN^PH^^^692^5558101", ("692 5558101",)),
        ("^PRN^CP^^^^^^^^^6925558101", ("6925558101",)),
        ("^NET^Internet^a.b@c.example", ()),
        ("6925558102^WPN^FX~6925558101", ("6925558101",)),
        ("unlisted", ()),
    ],
)
def test_phones(pid_13: str, phones: tuple[str, ...]) -> None:
    assert update(f"PID|||1||A||||||||{pid_13}").sent.phones == phones


def test_a_number_at_work_only_fills_a_gap() -> None:
    assert update("PID|||1||A|||||||||111222").only_if_missing == {"phones"}
    assert update("PID|||1||A||||||||333444|111222").only_if_missing == frozenset()
    assert update('PID|||1||A||||||||""|111222') == update('PID|||1||A||||||||""|111222')
    assert update('PID|||1||A||||||||""|111222').deleted == frozenset()


def test_deleted_fields_and_parts() -> None:
    said = update('PID|||1||""||""|""|||""||""||||||""')
    assert said.deleted == {"name", "aliases", "birth_date", "sex", "address", "phones", "ssn_last4"}
    parts = update('PID|||1||A^""^""||||||""^^B^^""')
    assert parts.deleted == {"name.given", "name.middle", "address.street", "address.postal_code"}
    assert (parts.sent.name.family, parts.sent.name.given, parts.sent.address.city) == ("A", "", "B")


def test_address_of_the_home_wins_and_a_wrong_one_is_left_out() -> None:
    assert update("PID|||1||A||||||1 Way^^Ryd^^1^^B~2 Way&Way&2^^Ryd^^2^^H").sent.address.street == "2 Way"
    assert update("PID|||1||A||||||1 Way^^Ryd^^1^^BA").sent.address.is_empty


def test_family_name_with_its_parts() -> None:
    assert update("PID|||1||VON LIND&VON&LIND^A").sent.name.family == "VON LIND"
    assert update("PID|||1||&VON&LIND^A").sent.name.family == "VON LIND"


def test_strong_numbers_and_the_last_of_a_social_security_number() -> None:
    said = update("PID|||1^^^NGH~9^^^NATID||A||||||||||||||900-12-3456").sent
    assert (said.national_id, said.ssn_last4) == ("9", "3456")


def test_lost_letters_are_refused_by_field() -> None:
    with pytest.raises(FieldError) as caught:
        update("PID|||1||A\ufffdB")
    assert (str(caught.value.location), caught.value.code) == ("PID^1^5", 102)
    assert "A" not in str(caught.value)


@pytest.mark.parametrize(
    ("sent", "ids"),
    [
        ("PID|||7", ["NGH|7"]),
        ("PID||8|7", ["NGH|7"]),
        ("PID||8|", ["NGH|8"]),
        ('PID||8^^^LKM|""', ["LKM|8"]),
        ("PID|||7^^^NGH&2.999.5&ISO~7^^^NGH~ 8 ^^^&2.999.1.9&ISO", ["NGH|7", "NATID|8"]),
        ('PID|||7^^^""~9^^^CLUB', ["NGH|7", "CLUB|9"]),
    ],
)
def test_identifiers(sent: str, ids: list[str]) -> None:
    assert [str(i) for i in patient_identifiers(pid(sent), ISSUERS)] == ids


def merges(*segments: str) -> list[tuple[str, str]]:
    return [(str(p.survivor), str(p.subsumed)) for p in merge_pairs(message(*segments), ISSUERS)]


def test_merge_groups() -> None:
    assert merges("PID|||1", "PD1|", "MRG|2", "PV1|", "PID|||3", "MRG|4~5") == [
        ("NGH|1", "NGH|2"),
        ("NGH|3", "NGH|4"),
        ("NGH|3", "NGH|5"),
    ]


def test_a_national_id_beside_a_sites_number_is_no_record_to_merge() -> None:
    assert merges("PID|||1~9^^^NATID", "MRG|2~8^^^NATID") == [("NGH|1", "NGH|2")]
    assert merges("PID|||9^^^NATID", "MRG|8^^^NATID") == [("NATID|9", "NATID|8")]
    assert merges("PID|||1~2", "MRG|2~1") == [("NGH|1", "NGH|2")]


@pytest.mark.parametrize(
    ("segments", "location", "code"),
    [
        (("EVN||",), "PID^1^3", 101),
        (("PID|||1",), "MRG^1^1", 101),
        (("PID|||1", "MRG|2", "PID|||3"), "MRG^2^1", 101),
        (("PID|||1", "PID|||3", "MRG|2"), "MRG^1^1", 101),
        (("PID|||", "MRG|2"), "PID^1^3", 101),
        (("PID|||1", 'MRG|""'), "MRG^1^1", 101),
        (("PID|||1", "MRG|1"), "MRG^1^1", 205),
        (("PID|||1", "MRG|1^^^LKM"), "MRG^1^1", 204),
    ],
)
def test_merges_that_cannot_be_meant(segments: tuple[str, ...], location: str, code: int) -> None:
    with pytest.raises(FieldError) as caught:
        merges(*segments)
    assert (str(caught.value.location), caught.value.code) == (location, code)
    assert isinstance(caught.value, MergeNotPossible) == location.startswith("MRG")
