"""Rule-set files: what the default says, and that a wrong file is refused with the entry named."""

from __future__ import annotations

from importlib.resources import files

import pytest

from federation.errors import InvalidRuleSet
from federation.imaging.assessment import Relation, Tier
from federation.imaging.duplicate_rules import assess
from federation.imaging.orders import ClinicalFlag
from federation.imaging.procedures import Modality
from federation.imaging.relation import find_relation
from federation.imaging.rule_set import default_rule_set, parse_rule_set
from tests.imaging_builders import HERE, order, prior, procedure

DEFAULT = files("federation.imaging").joinpath("rule_sets", "dup-rules-1.toml").read_text(encoding="utf-8")


def changed(old: str, new: str) -> str:
    assert DEFAULT.count(old) >= 1, old
    return DEFAULT.replace(old, new, 1)


def test_the_default_is_dup_rules_1_and_read_once() -> None:
    assert default_rule_set().name == "dup-rules/1"
    assert default_rule_set() is default_rule_set()


def test_every_modality_has_a_class() -> None:
    for modality in Modality:
        found = default_rule_set().class_of(procedure(f"{modality.value} CHEST"))
        assert (found is None) == (modality is Modality.UNKNOWN)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("US HEART FOCUS:TTE", "echo"),
        ("US HEART+CHEST", "echo"),
        ("US CHEST", "US"),
        ("MG BREAST FOCUS:SCREENING", "MG screening"),
        ("MG BREAST", "MG diagnostic"),
        ("CT CHEST FOCUS:LUNG_SCREENING", "lung-screening CT"),
        ("CT HEART", "CT"),
        ("PT CHEST", "PT"),
    ],
)
def test_class_of_an_order(text: str, name: str) -> None:
    found = default_rule_set().class_of(procedure(text))
    assert found is not None
    assert found.name == name


def test_the_gate_of_the_ordering_site_can_be_opened() -> None:
    own_prior = prior(performing_site_id=HERE)
    opened = parse_rule_set(changed("ordering_site_gate = true", "ordering_site_gate = false"))
    assert assess(order(), [own_prior], default_rule_set()).tier is Tier.NONE
    assert assess(order(), [own_prior], opened).tier is Tier.INTERRUPTIVE


def test_unknown_context_adds_nothing_unless_the_site_says_so() -> None:
    assert default_rule_set().flags_of_unknown_context == frozenset()
    cautious = parse_rule_set(changed("ed_context_when_unknown = false", "ed_context_when_unknown = true"))
    assert cautious.flags_of_unknown_context == {ClinicalFlag.ED_CONTEXT}


def test_windows_are_data() -> None:
    longer = parse_rule_set(changed("interruptive = 7\nwarning = 30", "interruptive = 7.5\nwarning = 30"))
    assert assess(order(), [prior(days=7.5)], default_rule_set()).tier is Tier.WARNING
    assert assess(order(), [prior(days=7.5)], longer).tier is Tier.INTERRUPTIVE


def test_an_exemption_can_be_taken_out() -> None:
    start = DEFAULT.index('[[exemption]]\ncode = "E1"')
    without = parse_rule_set(DEFAULT[:start] + DEFAULT[DEFAULT.index('[[exemption]]\ncode = "E2"') :])
    monitored = order("CT CHEST", ClinicalFlag.SERIAL_MONITORING)
    assert assess(monitored, [prior()], without).tier is Tier.INTERRUPTIVE
    assert assess(monitored, [prior()], default_rule_set()).tier is Tier.NONE


def test_a_site_can_add_a_covers_pair() -> None:
    line = '[[regions.covers]]\nregion = "FACE"\nshows = ["JAW"]\nmodalities = ["CT"]\n\n[[regions.covers]]'
    wider = parse_rule_set(changed("[[regions.covers]]", line))
    jaw, face = procedure("CT JAW"), procedure("CT FACE")
    assert find_relation(jaw, face, default_rule_set()).relation is Relation.PARTIAL
    assert find_relation(jaw, face, wider).relation is Relation.EQUIVALENT


def test_options_may_be_left_out() -> None:
    start, end = DEFAULT.index("\n[options]"), DEFAULT.index("\n[limits]")
    assert parse_rule_set(DEFAULT[:start] + DEFAULT[end:]).options == default_rule_set().options


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('name = "dup-rules/1"', "", "name: is missing"),
        ('name = "dup-rules/1"', "name = 1", "name: is not a text"),
        ('name = "dup-rules/1"', 'name = "x', "not TOML"),
        ("[options]", "[optoins]", "optoins: means nothing here"),
        ("ordering_site_gate = true", 'ordering_site_gate = "yes"', "options.ordering_site_gate"),
        ("ordering_site_gate = true", "ordering_site_gat = true", "options.ordering_site_gat: means nothing"),
        ("cross_days = 7", "cross_days = -1", "limits.cross_days"),
        ("cross_days = 7", "cross_days = nan", "limits.cross_days"),
        ("cross_days = 7", "cross_days = true", "limits.cross_days"),
        ("cross_days = 7", "", "limits.cross_days: is missing"),
        ('flags = ["serial_monitoring", ', 'flags = ["serial_monitorin", ', r"exemption\[1\].flags"),
        ('flags = ["serial_monitoring", "device_check"]', "", r"exemption\[1\]: exempts nothing"),
        ('regions = ["FETUS"]', 'regions = ["FOETUS"]', r"exemption\[2\].regions"),
        ('pending = ["scheduled", "in_progress"]', 'pending = ["completed"]', "gates.pending"),
        ('pending = ["scheduled", "in_progress"]', 'pending = ["scheduled", "scheduled"]', "gates.pending: .*twice"),
        ('shows = ["FINGER"]', 'shows = ["HAND"]', r"regions.covers\[4\].shows"),
        ('shows = ["FINGER"]', "shows = []", r"regions.covers\[4\].shows"),
        ('meets = ["LSPINE"]', 'meets = ["PELVIS"]', r"regions.overlaps\[5\].meets: .*never related"),
        ('modalities = ["PT"]', 'modalities = ["UNKNOWN"]', r"regions.covers\[2\].modalities"),
        ('pair = ["ABDOMEN", "PELVIS"]', 'pair = ["ABDOMEN"]', r"regions.never_related\[1\].pair"),
        ('prior = ["PT"]', 'prior = ["CT"]', r"relation.cross\[1\].prior"),
        ('contrast_ignored = ["PT"]', 'contrast_ignored = ["PET"]', "relation.contrast_ignored"),
        ('prior = ["RUQ"]', 'prior = ["NO_FOCUS"]', r"focus_answer\[8\].prior: .*another"),
        ('name = "CT"\n', 'name = "lung-screening CT"\n', r"class\[2\].name"),
        ('name = "CT"\nmodality = "CT"', 'name = "CT"\nmodality = "CAT"', r"class\[2\].modality"),
        ('name = "RF"\nmodality = "RF"', 'name = "RF"\nmodality = "RF"\nfocus = "UPPER_GI"', "class: .* RF"),
        ('focus = "LUNG_SCREENING"\n', "", r"class\[2\]: is never reached"),
        ("warning = 30", "warning = 6", r"class\[2\].warning: is shorter"),
        ("warning = 30", 'warning = "never"', r"class\[2\].warning: is shorter"),
        ("warning = 30", 'warning = "30"', r"class\[2\].warning"),
        ("info = 90", "", r"class\[2\].info: is missing"),
        ('when = "side_unknown"', 'when = "sides_unknown"', r"step\[2\].when"),
        ('tier = "warning"', 'tier = "interruptive"', r"cap\[1\].tier"),
        ('tier = "warning"', 'tier = "critical"', r"cap\[1\].tier"),
        ('tier = "warning"\npending = false', 'tier = "warning"\npendin = false', r"cap\[1\].pendin: means nothing"),
        ("\n[gates]", "\n[[gates]]", "gates: is not a table"),
    ],
)
def test_a_wrong_file_is_refused_and_the_entry_named(old: str, new: str, named: str) -> None:
    with pytest.raises(InvalidRuleSet, match=named):
        parse_rule_set(changed(old, new))


def test_a_list_of_tables_must_be_one() -> None:
    start = DEFAULT.index("\n[[step]]")
    with pytest.raises(InvalidRuleSet, match="step: is not a list of tables"):
        parse_rule_set(DEFAULT[:start] + '\n[step]\ncode = "D1"\n' + DEFAULT[DEFAULT.index("\n[[cap]]") :])
