"""What the site keeps to itself, and that nothing tells of it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from edge.errors import PolicyUnavailable
from edge.policy import SharingPolicy, apply_policy, check_own
from edge.policy_lists import PolicyLists
from edge.settings import PolicySettings
from federation.errors import QueryRefused, SourceTimedOut
from federation.imaging.studies import SiteStudy, StudyStart
from federation.ports import SiteAnswer
from federation.sites.site import SiteId
from mpi.identity.demographics import AdministrativeSex, PartialDate, PersonName
from mpi.identity.identifiers import PatientIdentifier

ANA = PatientIdentifier("NGH", "00412")


def study(uid: str = "2.999.1", **said: Any) -> SiteStudy:
    told = {"started": StudyStart(dt.date(2024, 3, 10)), "modalities": ("CT",), **said}
    return SiteStudy(SiteId("NGH"), uid, ANA, **told)


@pytest.mark.parametrize(
    ("policy", "withheld", "shared"),
    [
        (SharingPolicy(excluded_modalities=frozenset({"MG"})), {"modalities": ("MG", "SR")}, {"modalities": ("CT",)}),
        (SharingPolicy(excluded_modalities=frozenset({"MG"})), {"modalities": ()}, {}),
        (SharingPolicy(excluded_studies=frozenset({"A7"})), {"accession_number": "A7"}, {"accession_number": "A77"}),
        (SharingPolicy(excluded_studies=frozenset({"2.999.1"})), {"uid": "2.999.1"}, {"uid": "2.999.11"}),
        (SharingPolicy(sensitive_words=("forensic",)), {"description": "CT FORENSIC"}, {"description": None}),
        (SharingPolicy(sensitive_words=("breast",)), {"body_part_examined": "BREAST"}, {"body_part_examined": "CHEST"}),
        (
            SharingPolicy(shared_from=dt.date(2024, 3, 10)),
            {"started": StudyStart(dt.date(2024, 3, 9))},
            {"started": StudyStart(dt.date(2024, 3, 10))},
        ),
        (
            SharingPolicy(shared_until=dt.date(2024, 3, 10)),
            {"started": StudyStart(dt.date(2024, 3, 11))},
            {"started": StudyStart(dt.date(2024, 3, 10))},
        ),
        (SharingPolicy(shared_from=dt.date(2020, 1, 1)), {"started": None}, {}),
        (
            SharingPolicy(shared_until=dt.date(2024, 2, 28)),
            {"started": None, "started_in": PartialDate(2024, 2)},
            {"started": None, "started_in": PartialDate(2023, 12)},
        ),
        (
            SharingPolicy(shared_from=dt.date(2023, 1, 2)),
            {"started": None, "started_in": PartialDate(2023)},
            {"started": None, "started_in": PartialDate(2024)},
        ),
    ],
)
def test_each_rule_withholds_what_it_names_and_nothing_else(
    policy: SharingPolicy, withheld: dict[str, Any], shared: dict[str, Any]
) -> None:
    assert policy.withholds(study(**withheld))
    assert not policy.withholds(study(**shared))


def test_an_answer_with_a_withheld_study_is_the_answer_without_it() -> None:
    secret = study("2.999.2", modalities=("MG",), warnings=("bad_number",))
    policy = SharingPolicy(excluded_modalities=frozenset({"MG"}))
    open_study = study(warnings=("charset_assumed",))
    told = apply_policy(policy, SiteAnswer((open_study, secret), True, ("charset_assumed", "bad_number"), 2))
    assert told.answer == SiteAnswer((open_study,), True, ("charset_assumed",), 2)
    assert told.withheld_count == 1


def test_warnings_about_the_list_itself_stay() -> None:
    secret = study("2.999.2", modalities=("MG",), warnings=("bad_number",))
    policy = SharingPolicy(excluded_modalities=frozenset({"MG"}))
    told = apply_policy(policy, SiteAnswer((study(), secret), False, ("bad_number", "deadline")))
    assert (told.answer.warnings, told.answer.is_complete) == (("deadline",), False)


def test_a_study_in_several_rows_is_withheld_with_all_of_them() -> None:
    rows = (study("2.999.2", description="CT HEAD"), study("2.999.2", description="CT FORENSIC"), study())
    told = apply_policy(SharingPolicy(sensitive_words=("forensic",)), SiteAnswer(rows, True, ("repeated_study",)))
    assert told.answer == SiteAnswer((study(),))


def test_a_patient_of_the_list_looks_like_a_stranger() -> None:
    policy = SharingPolicy(excluded_patients=frozenset({"00412"}))
    answer = SiteAnswer((study(warnings=("bad_number",)),), True, ("bad_number",))
    assert apply_policy(policy, answer).answer == SiteAnswer(())


def test_a_cut_list_of_withheld_studies_is_no_answer() -> None:
    """Empty and complete would be untrue; empty and cut would tell that something was there."""
    policy = SharingPolicy(excluded_patients=frozenset({"00412"}))
    with pytest.raises(SourceTimedOut):
        apply_policy(policy, SiteAnswer((study(),), False, ("deadline",)))


def test_without_demographics_only_the_exam_goes_out() -> None:
    row = study(
        patient_name=PersonName("Lärk", "Ana"),
        ideographic_name=PersonName("李"),
        birth_date=PartialDate(1984, 3, 12),
        sex=AdministrativeSex.FEMALE,
        other_identifiers=(PatientIdentifier("NATID", "9"),),
    )
    (told,) = apply_policy(SharingPolicy(share_demographics=False), SiteAnswer((row,))).answer.studies
    assert told == study(name_is_evidence=False)


def test_a_number_of_another_issuer_is_not_answered() -> None:
    check_own(ANA, "NGH")
    with pytest.raises(QueryRefused) as refusal:
        check_own(ANA, "LKM")
    assert refusal.value.reason == "foreign_authority"


def test_a_list_is_read_again_when_it_changes(tmp_path: Path) -> None:
    listed = tmp_path / "patients.txt"
    listed.write_text("# asked us not to share\n00412  # since March\n\n")
    lists = PolicyLists(PolicySettings(excluded_patients_file=listed))
    assert lists.current().excluded_patients == {"00412"}
    listed.write_text("00412\n7\n00\n")
    assert lists.current().excluded_patients == {"00412", "7", "00"}


def test_a_list_that_is_gone_stops_all_sharing(tmp_path: Path) -> None:
    listed = tmp_path / "patients.txt"
    listed.write_text("00412\n")
    lists = PolicyLists(PolicySettings(excluded_patients_file=listed))
    assert lists.current().excluded_patients
    listed.unlink()
    with pytest.raises(PolicyUnavailable):
        lists.current()
