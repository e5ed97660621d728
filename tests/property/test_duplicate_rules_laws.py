"""Laws of the duplicate rules and of the history: order never matters, caps never raise, refused priors never show."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from federation.imaging.assessment import OrderFacts, PriorFacts, Relation, Tier
from federation.imaging.dedupe import merge_site_studies
from federation.imaging.duplicate_rules import assess
from federation.imaging.orders import ClinicalFlag
from federation.imaging.procedures import REGION_ORDER, Contrast, Laterality, Modality, Procedure, ProcedureFlag
from federation.imaging.relation import find_relation, have_region_contact
from federation.imaging.relevance import rank_priors
from federation.imaging.rule_set import default_rule_set
from federation.imaging.studies import ReportStatus, SiteStudy, StudyStart, StudyStatus
from federation.imaging.timeline import in_timeline_order
from federation.sites.site import SiteId
from mpi.identity.identifiers import PatientIdentifier
from tests.imaging_builders import NOW, SITES

RULES = default_rule_set()
CAPPING_FLAGS = (ClinicalFlag.LIFE_THREATENING, ClinicalFlag.ED_CONTEXT, ClinicalFlag.ONCOLOGY_RESTAGING)

focuses = st.sampled_from([None, "BRAIN", "LIVER", "ARTERIES", "CAROTID", "SCREENING", "DIAGNOSTIC", "LUNG_SCREENING"])
near_regions = st.sampled_from(
    ["CHEST", "ABDOMEN", "PELVIS", "HEAD", "FACE", "WHOLE_BODY", "KNEE", "FINGER", "UNKNOWN"]
)
procedures = st.builds(
    Procedure,
    modality=st.sampled_from(Modality),
    regions=st.frozensets(near_regions | st.sampled_from(REGION_ORDER), min_size=1, max_size=3),
    laterality=st.sampled_from(Laterality),
    contrast=st.sampled_from(Contrast),
    focus=focuses,
    flags=st.frozensets(st.sampled_from(ProcedureFlag), max_size=2),
    confidence=st.sampled_from([0.5, 1.0]),
)
site_ids = st.sampled_from([SiteId("H1"), SiteId("H2"), SiteId("H3")])
moments = st.integers(-3 * 24, 100 * 24).map(lambda hours: NOW - dt.timedelta(hours=hours))
orders = st.builds(
    OrderFacts,
    procedure=procedures,
    site_id=site_ids,
    requested_at=st.just(NOW),
    flags=st.frozensets(st.sampled_from(CAPPING_FLAGS), max_size=2),
)
priors = st.builds(
    PriorFacts,
    prior_id=st.sampled_from(["P1", "P2", "P3", "P4"]),
    procedure=procedures,
    performed_at=st.none() | moments,
    performing_site_id=st.none() | site_ids,
    status=st.sampled_from(StudyStatus),
    report_status=st.sampled_from(ReportStatus),
    report_available=st.booleans(),
    images_available=st.booleans(),
    is_diagnostic=st.booleans(),
    consent_permits=st.booleans(),
    match_is_certain=st.booleans(),
    is_date_only=st.booleans(),
)


@st.composite
def repeats(draw: st.DrawFn) -> tuple[OrderFacts, list[PriorFacts]]:
    """An order with priors of which some are the ordered examination itself, so that alerts are common."""
    ordered = draw(orders)
    held = draw(st.lists(priors, max_size=5))
    same = [draw(st.booleans()) for _ in held]
    return ordered, [replace(p, procedure=ordered.procedure) if s else p for p, s in zip(held, same, strict=True)]


@given(repeats(), st.randoms(use_true_random=False))
def test_the_order_of_the_priors_does_not_matter(case: tuple[OrderFacts, list[PriorFacts]], random: Random) -> None:
    ordered, held = case
    shuffled = list(held)
    random.shuffle(shuffled)
    assert assess(ordered, shuffled, RULES) == assess(ordered, held, RULES)


@given(repeats())
def test_every_prior_that_may_be_seen_has_one_verdict_and_the_best_is_the_highest(
    case: tuple[OrderFacts, list[PriorFacts]],
) -> None:
    ordered, held = case
    found = assess(ordered, held, RULES)
    assert sorted(v.prior_id for v in found.verdicts) == sorted({p.prior_id for p in held if p.consent_permits})
    assert found.tier == max((v.tier for v in found.verdicts), default=Tier.NONE)
    assert (found.best is None) == (found.tier is Tier.NONE)
    assert all(v.rules for v in found.verdicts)
    assert found.rules


@given(repeats())
def test_priors_that_do_not_count_change_nothing_of_the_alert(case: tuple[OrderFacts, list[PriorFacts]]) -> None:
    ordered, held = case
    for barred in (
        [replace(p, prior_id=f"X{n}", match_is_certain=False) for n, p in enumerate(held)],
        [replace(p, prior_id=f"X{n}", status=StudyStatus.ENTERED_IN_ERROR) for n, p in enumerate(held)],
        [replace(p, prior_id=f"X{n}", performing_site_id=ordered.site_id) for n, p in enumerate(held)],
    ):
        with_barred, without = assess(ordered, [*barred, *held], RULES), assess(ordered, held, RULES)
        assert (with_barred.tier, with_barred.best) == (without.tier, without.best)


@given(repeats())
def test_a_refused_prior_leaves_no_trace(case: tuple[OrderFacts, list[PriorFacts]]) -> None:
    ordered, held = case
    refused = [replace(p, prior_id=f"X{n}", consent_permits=False) for n, p in enumerate(held)]
    assert assess(ordered, [*refused, *held], RULES) == assess(ordered, held, RULES)


@given(repeats(), st.sampled_from([ClinicalFlag.LIFE_THREATENING, ClinicalFlag.ED_CONTEXT]))
def test_a_cap_lowers_and_never_silences(case: tuple[OrderFacts, list[PriorFacts]], flag: ClinicalFlag) -> None:
    ordered, held = case
    plain = replace(ordered, flags=ordered.flags - {flag})
    capped = assess(replace(ordered, flags=ordered.flags | {flag}), held, RULES)
    free = assess(plain, held, RULES)
    assert capped.tier <= free.tier
    assert (capped.tier is Tier.NONE) == (free.tier is Tier.NONE)


@given(repeats())
def test_interruptive_is_only_an_equivalent_recent_reported_retrievable_prior_without_emergency(
    case: tuple[OrderFacts, list[PriorFacts]],
) -> None:
    ordered, held = case
    found = assess(ordered, held, RULES)
    if found.tier is not Tier.INTERRUPTIVE:
        return
    assert found.best is not None
    assert found.relation is Relation.EQUIVALENT
    assert not ordered.flags
    assert found.best.age_days is not None
    assert 0 <= found.best.age_days <= 14
    copies = [p for p in held if p.prior_id == found.best_prior_id and p.consent_permits and p.match_is_certain]
    assert any(p.images_available for p in copies)
    assert any(p.report_status is ReportStatus.FINAL for p in copies)


@given(procedures, procedures)
def test_contact_is_symmetric_in_one_modality_and_equivalence_is_reflexive(one: Procedure, two: Procedure) -> None:
    if Modality.UNKNOWN in (one.modality, two.modality):
        return
    two = replace(two, modality=one.modality)
    assert have_region_contact(one, two, RULES) == have_region_contact(two, one, RULES)
    itself = find_relation(one, one, RULES).relation
    has_digit = not one.regions.isdisjoint({"FINGER", "TOE"})
    assert itself is (Relation.PARTIAL if has_digit else Relation.EQUIVALENT)


starts = st.none() | st.builds(
    lambda moment, timed: StudyStart(moment.date(), moment if timed else None), moments, st.booleans()
)
rows = st.builds(
    SiteStudy,
    site_id=site_ids,
    study_instance_uid=st.sampled_from(["2.999.1", "2.999.01", "2.999.2"]),
    patient_identifier=st.builds(PatientIdentifier, st.just("H2"), st.sampled_from(["0042", "42"])),
    started=starts,
    modalities=st.lists(st.sampled_from(["CT", "SR", "MR"]), unique=True, max_size=2).map(tuple),
    description=st.none() | st.sampled_from(["CT CHEST", "Thorax", "Schädel"]),
    accession_number=st.none() | st.sampled_from(["A1", "A2"]),
    instance_count=st.none() | st.integers(0, 3),
    images_available=st.none() | st.booleans(),
    status=st.sampled_from(StudyStatus),
    report_status=st.sampled_from(ReportStatus),
    warnings=st.sampled_from([(), ("bad_number",)]),
)
readings = st.dictionaries(st.sampled_from(["CT CHEST", "Thorax", "Schädel", ""]), procedures, min_size=4)


@given(st.lists(rows, max_size=7), readings, st.randoms(use_true_random=False))
def test_rows_in_another_order_give_the_same_history(
    listed: list[SiteStudy], reading: dict[str, Procedure], random: Random
) -> None:
    def procedure_of(row: SiteStudy) -> Procedure:
        return reading[row.description or ""]

    shuffled = list(listed)
    random.shuffle(shuffled)
    merged = merge_site_studies(listed, procedure_of=procedure_of, sites=SITES)
    again = merge_site_studies(shuffled, procedure_of=procedure_of, sites=SITES)
    assert merged == again
    assert {s.study_instance_uid for s in merged} == {row.study_instance_uid for row in listed}
    assert sum(len(s.locations) for s in merged) == len(
        {(row.study_instance_uid, row.site_id, row.patient_identifier) for row in listed}
    )
    assert in_timeline_order(reversed(merged)) == in_timeline_order(merged)


@given(st.lists(rows, max_size=6), readings, procedures)
def test_ranks_are_one_to_n_and_do_not_depend_on_order(
    listed: list[SiteStudy], reading: dict[str, Procedure], ordered: Procedure
) -> None:
    history = merge_site_studies(listed, procedure_of=lambda row: reading[row.description or ""], sites=SITES)
    found = rank_priors(ordered, NOW, history, RULES)
    assert sorted(each.rank for each in found) == list(range(1, len(history) + 1))
    assert set(rank_priors(ordered, NOW, history[::-1], RULES)) == set(found)
