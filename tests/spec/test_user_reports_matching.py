"""What users of other indexes report of scores, models and candidates; the rest is in ``test_user_reports.py``.

22 and 24 (m or u of 0 or 1; a column that nobody has) are also laws: ``tests/property/test_training_laws.py``.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from mpi.errors import InvalidModel
from mpi.matching.blocking import blocking_keys
from mpi.matching.completeness import pair_completeness
from mpi.matching.guards import MatchDecision
from mpi.matching.levels import LEVELS
from mpi.matching.match_model import TERM_FREQUENCY, default_model, parse_model
from mpi.matching.model_file import render_model
from mpi.matching.scoring import score_pair
from mpi.matching.training import train_model
from tests.builders import Index, person
from tests.matching_builders import ELSEWHERE, HOME, NOWHERE, comparable

MODEL = default_model()
ANA = person("Arroyo", "Ana", middle="Luz", born="1984-03-12", sex="F", phone="202-555-0134", street="12 Mill Road",
             city="Harlow Falls", postal_code="00112", ssn_last4="4821")  # fmt: skip


@pytest.mark.parametrize("missing", ["birth_date", "address", "phone"])
def test_07_a_key_of_two_fields_is_not_made_of_one(missing: str) -> None:
    whole = {"birth_date": "1971-03-04", "address": HOME, "phone": "3934445555"}
    poorer = whole | {missing: NOWHERE if missing == "address" else ""}
    keys, fewer = (blocking_keys(comparable("Harlow", "Miriam", **how)) for how in (whole, poorer))
    assert fewer < keys
    assert blocking_keys(comparable("Harlow", address=NOWHERE)) == blocking_keys(comparable(address=NOWHERE))


def test_15_which_records_of_a_person_count_is_defined_best_one_links_and_any_veto_keeps_out() -> None:
    index = Index()
    for number, said in (("NGH|1", ANA), ("LKM|1", replace(ANA, phones=())), ("NGH|2", replace(ANA, ssn_last4=""))):
        index.register(number, as_=said)
    fits_one = replace(ANA, name=replace(ANA.name, family="Whitlock"), phones=("202-555-0134",))
    index.register("RDI|1", as_=fits_one)
    assert index.are_one("NGH|1", "RDI|1")
    other_id = Index()
    other_id.register("NGH|1", "NATID|9990001234", as_=ANA)
    other_id.register("LKM|1", as_=ANA)
    other_id.register("RDI|1", "NATID|9995554321", as_=ANA)
    assert not other_id.are_one("NGH|1", "RDI|1")


def test_20_a_pair_that_blocking_keeps_apart_counts_as_missed() -> None:
    records = [
        comparable("Harlow", "Miriam", "1971-03-04"),
        comparable("Castle", "Jo", address=ELSEWHERE, patient_identifier="LKM|7"),
    ]
    found = pair_completeness(records, {0: "one", 1: "one"})
    assert (found.true_pairs, found.compared, found.pair_completeness) == (1, 0, 0.0)
    assert found.missed == ((0, 1),)


def test_21_new_records_join_old_ones_and_each_other_and_old_pairs_are_left_alone() -> None:
    index = Index()
    for number in range(6):
        index.register(f"NGH|{number}", as_=person(f"Fam{number}ly", "Bo", born=f"196{number}-01-02", sex="M"))
    with index.units() as uow:
        before = {r.identifier: r for r in uow.records.active_after(None, limit=20)}
    index.register("LKM|1", as_=ANA)
    index.register("RDI|1", as_=ANA)
    index.register("RDI|3", as_=person("Fam3ly", "Bo", born="1963-01-02", sex="M"))
    assert index.are_one("LKM|1", "RDI|1")
    assert index.are_one("NGH|3", "RDI|3")
    with index.units() as uow:
        after = uow.records.get_many(list(before))
    assert after == before


@pytest.mark.parametrize("value", ["0", "1"])
def test_22_a_model_with_an_m_or_u_of_zero_or_one_is_refused(value: str) -> None:
    text = re.sub(r"m = [0-9.e-]+", f"m = {value}", render_model(MODEL), count=1)
    with pytest.raises(InvalidModel):
        parse_model(text)


def test_23_common_names_weigh_less_and_adjustments_even_out() -> None:
    table = MODEL.term_frequencies["family"]
    common = max(table.frequencies, key=lambda term: table.frequencies[term])
    pairs = {name: comparable(name, "Miriam", "1971-03-04") for name in (common, "Quillfeather")}
    lines = {
        name: next(
            w.match_weight
            for w in score_pair(record, record, MODEL).weights
            if (w.comparison, w.level) == ("family", TERM_FREQUENCY)
        )
        for name, record in pairs.items()
    }
    assert lines[common] < 0 < lines["Quillfeather"]


@pytest.mark.parametrize("comparison", ["phone", "ssn_last4", "middle", "address"])
def test_24_null_is_no_evidence(comparison: str) -> None:
    bare = comparable("Harlow", "Miriam", "1971-03-04", address=NOWHERE)
    told = {"phone": "3934445555", "ssn_last4": "4821", "middle": "Rose", "address": HOME}[comparison]
    more = comparable("Harlow", "Miriam", "1971-03-04", **({"address": NOWHERE} | {comparison: told}))
    assert comparison not in {line.comparison for line in score_pair(bare, more, MODEL).weights}
    assert score_pair(bare, more, MODEL).score == score_pair(bare, bare, MODEL).score


def test_25_a_score_keeps_its_order_where_the_probability_saturates() -> None:
    record = comparable(
        "Quillfeather", "Miriam", "1971-03-04", middle="Rose", phone="3934445555", ssn_last4="4821",
        national_id="9991234567",
    )  # fmt: skip
    less = comparable("Quillfeather", "Miriam", "1971-03-04", middle="Rose", national_id="9991234567")
    most, fewer = score_pair(record, record, MODEL), score_pair(record, less, MODEL)
    assert most.score > fewer.score > MODEL.upper
    assert most.match_probability <= 1.0
    assert MODEL.upper > 1.0


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_26_chains_never_glue_two_strong_ids_together(order: tuple[int, int, int]) -> None:
    index = Index()
    said = [("NGH|1", "NATID|9990001234"), ("LKM|1", "NATID|9995554321"), ("RDI|1",)]
    for place in order:
        index.register(*said[place], as_=ANA)
    assert not index.are_one("NGH|1", "LKM|1")
    assert not index.are_one("NGH|1", "RDI|1")
    assert not index.are_one("LKM|1", "RDI|1")
    assert index.open_items()


def test_32_another_national_number_vetoes_and_so_do_alike_names_in_one_street() -> None:
    index = Index()
    home = {"street": "12 Mill Road", "city": "Harlow Falls", "postal_code": "00112", "phone": "202-555-0134"}
    index.register("NGH|1", "NATID|9990001234", as_=ANA)
    index.register("LKM|1", "NATID|9995554321", as_=ANA)
    assert not index.are_one("NGH|1", "LKM|1")
    for place, (one, other) in enumerate((("Jayden", "Jaylen"), ("Mia", "Maya"), ("Anna", "Hannah"))):
        born = f"201{place}-05-06"
        index.register(f"NGH|5{place}", as_=person("Smith", one, born=born, sex="F", **home))
        index.register(f"LKM|5{place}", as_=person("Smith", other, born=born, sex="F", **home))
        assert not index.are_one(f"NGH|5{place}", f"LKM|5{place}"), (one, other)


def test_33_children_of_one_mother_and_people_of_one_household_are_no_question() -> None:
    index = Index()
    home = {"street": "12 Mill Road", "city": "Harlow Falls", "postal_code": "00112", "phone": "202-555-0134"}
    for number, (given, born) in enumerate(
        (("Rosa", "1984-03-12"), ("Ben", "2009-01-02"), ("Clara", "2011-07-08"), ("David", "2014-11-30"))
    ):
        index.register(f"NGH|{number}", as_=person("Arroyo", given, born=born, **home))
        index.register(f"LKM|{number}", as_=person("Arroyo", given, born=born, **home))
        assert index.are_one(f"NGH|{number}", f"LKM|{number}")
    assert len({index.person_of(f"NGH|{number}") for number in range(4)}) == 4
    assert index.open_items() == []


def test_34_training_is_our_own_and_needs_no_labels() -> None:
    trained = train_model(
        [comparable(f"Fam{n}", "Bo", f"19{40 + n}-01-02") for n in range(20)] * 2, start=MODEL, version="t"
    )
    assert set(trained.model.probabilities) == set(LEVELS)
    sources = (Path(__file__).parents[2] / "mpi").rglob("*.py")
    assert not any("import recordlinkage" in source.read_text(encoding="utf-8") for source in sources)
    assert score_pair(comparable("A", "B"), comparable("C", "D"), MODEL).decision is MatchDecision.NO
