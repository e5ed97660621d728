"""What is hidden from whom: the pure view of one person."""

from __future__ import annotations

import datetime as dt

import pytest

from federation.imaging.studies import SiteStudy
from federation.sites.consent import (
    ANYBODY,
    BrokenGlass,
    ConsentDirective,
    ConsentEffect,
    ConsentPolicy,
    ConsentRules,
    ConsentScope,
    PersonView,
    StudyClass,
    Viewer,
    view_person,
)
from federation.sites.site import Site, SiteId
from mpi.identity.demographics import Demographics
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.identity.records import LinkSource, MatchGrade, PersonLink, SourceRecord
from mpi.usecases.resolve_identity import ResolvedIdentity
from tests.builders import NOON, pid

NORTH, SOUTH, OLD = pid("NGH|1"), pid("LKM|2"), pid("LKM|1")
ANA = EnterpriseId("E-1")
GENETICS = StudyClass(
    "genetics", codes=frozenset({"GEN1"}), words=frozenset({"fetal"}), confidentiality=frozenset({"R"})
)
BREAST = StudyClass("breast", words=frozenset({"mammography"}), sites=frozenset({"LKM"}), is_hidden=False)
SITES = {SiteId(s): Site(SiteId(s), s, s) for s in ("NGH", "LKM")}
RULES = ConsentRules(ConsentPolicy((GENETICS, BREAST)), SITES)
DENY, PERMIT = ConsentEffect.DENY, ConsentEffect.PERMIT


def record(identifier: PatientIdentifier) -> SourceRecord:
    link = PersonLink(ANA, LinkSource.AUTO, MatchGrade.CERTAIN, NOON)
    return SourceRecord(identifier, identifier.assigning_authority, Demographics(), NOON, link=link)


IDENTITY = ResolvedIdentity(ANA, (record(NORTH), record(SOUTH)), ((OLD, SOUTH),))


def said(
    effect: ConsentEffect,
    scope: ConsentScope = ConsentScope.EVERYTHING,
    target: str = "",
    of: PatientIdentifier = NORTH,
) -> ConsentDirective:
    return ConsentDirective("D", of, scope, target, effect, NOON, "clerk", "test")


def glass(*identifiers: PatientIdentifier, person: str = ANA) -> BrokenGlass:
    return BrokenGlass("G", EnterpriseId(person), identifiers, "dr", "", NOON, NOON + dt.timedelta(minutes=15))


def view(*directives: ConsentDirective, by: Viewer = ANYBODY, **how: object) -> PersonView | None:
    glasses = how.pop("glasses", ())
    return view_person(IDENTITY, directives, glasses, by, RULES, **how)  # type: ignore[arg-type]


def numbers(seen: PersonView | None) -> list[str]:
    return [] if seen is None else [str(r.identifier) for r in seen.identity.records]


def a_study(
    description: str = "CT HEAD", site: str = "LKM", code: str | None = None, how: str | None = None
) -> SiteStudy:
    return SiteStudy(SiteId(site), "1.2", SOUTH, description=description, procedure_code=code, confidentiality_code=how)


def test_without_a_word_everything_is_seen() -> None:
    seen = view()
    assert seen is not None
    assert seen.identity is IDENTITY
    assert seen.denied_at is None


@pytest.mark.parametrize("number", [NORTH, SOUTH, OLD])
def test_who_opted_out_under_any_number_is_nobody(number: PatientIdentifier) -> None:
    assert view(said(DENY, of=number)) is None
    assert view(said(DENY, of=number), by=Viewer(sites=frozenset({"NGH", "LKM"}))) is None


def test_of_several_words_on_one_thing_the_newest_counts_for_each_number() -> None:
    assert view(said(DENY), said(PERMIT)) is not None
    assert view(said(PERMIT), said(DENY)) is None
    assert view(said(DENY), said(PERMIT, of=SOUTH)) is None


def test_a_site_that_shares_nothing_is_as_a_site_that_never_saw_the_person() -> None:
    denied = said(DENY, ConsentScope.SITE, "LKM")
    seen = view(denied)
    assert numbers(seen) == ["NGH|1"]
    assert seen is not None
    assert seen.identity.retired_identifiers == ()
    assert seen.veil.hides(a_study())
    assert seen.veil.hides_order("LKM", "", "CT HEAD")
    assert view(denied, asked_for=SOUTH) is None
    assert view(denied, asked_for=OLD) is None
    assert view(denied, asked_for=NORTH) is not None


def test_at_the_site_itself_it_is_no_matter() -> None:
    seen = view(said(DENY, ConsentScope.SITE, "LKM"), by=Viewer(sites=frozenset({"LKM"})))
    assert numbers(seen) == ["NGH|1", "LKM|2"]


@pytest.mark.parametrize(
    ("study", "hidden"),
    [
        (a_study(), False),
        (a_study(code="gen1"), True),
        (a_study("US, FETAL (2nd)"), True),
        (a_study("US FETALX"), False),
        (a_study(how="r"), True),
        (a_study(how="N"), False),
        (a_study("MAMMOGRAPHY"), False),
    ],
)
def test_sensitive_studies_are_hidden_by_code_word_or_confidentiality(study: SiteStudy, hidden: bool) -> None:
    seen = view()
    assert seen is not None
    assert seen.veil.hides(study) is hidden


def test_a_class_opens_where_it_is_permitted_and_closes_where_it_is_denied() -> None:
    permitted = view(said(PERMIT, ConsentScope.STUDY_CLASS, "genetics"))
    denied = view(said(DENY, ConsentScope.STUDY_CLASS, "breast"))
    assert permitted is not None
    assert denied is not None
    assert not permitted.veil.hides(a_study(code="GEN1"))
    assert denied.veil.hides(a_study("MAMMOGRAPHY"))
    assert not denied.veil.hides(a_study("MAMMOGRAPHY", site="NGH"))


def test_a_broken_glass_opens_the_numbers_it_was_broken_for_and_no_other_person() -> None:
    opened = view(said(DENY), glasses=(glass(NORTH),))
    assert numbers(opened) == ["NGH|1"]
    assert opened is not None
    assert opened.glass_id == "G"
    assert not opened.veil.hides(SiteStudy(SiteId("NGH"), "1", NORTH, procedure_code="GEN1"))
    assert opened.veil.hides(a_study(code="GEN1"))
    assert view(said(DENY), glasses=(glass(NORTH, person="E-2"),)) is None


def test_a_caller_of_some_sites_sees_whom_these_sites_know_unless_a_glass_is_broken() -> None:
    stranger = Viewer(related_to=frozenset({"RDI"}))
    assert view(by=stranger) is None
    assert view(by=Viewer(related_to=frozenset({"NGH"}))) is not None
    assert view(by=stranger, glasses=(glass(NORTH),)) is not None
    assert view(by=Viewer(related_to=frozenset({"RDI"}), sees_hidden=True)) is None
    hidden_site = said(DENY, ConsentScope.SITE, "LKM")
    assert view(hidden_site, by=Viewer(related_to=frozenset({"LKM"}))) is None


def test_a_patient_launch_sees_its_patient() -> None:
    assert view(by=Viewer(only_patient="E-1")) is not None
    assert view(by=Viewer(only_patient="E-2")) is None


def test_those_who_keep_identities_see_everybody() -> None:
    assert numbers(view(said(DENY), by=Viewer(sees_hidden=True))) == ["NGH|1", "LKM|2"]
