"""Rule-set files: read, checked, spread out for judging. The default is ``rule_sets/dup-rules-1.toml``.

The types are in ``federation.imaging.rule_types``.
"""

from __future__ import annotations

import tomllib
from collections import defaultdict
from functools import cache
from importlib.resources import files

from federation.errors import InvalidRuleSet
from federation.imaging.assessment import FiredRule, Tier
from federation.imaging.orders import ClinicalFlag
from federation.imaging.procedures import Modality, ProcedureFlag
from federation.imaging.rule_entries import KNOWN_MODALITIES, Entry
from federation.imaging.rule_types import (
    Cap,
    Circumstance,
    Doubt,
    ExamClass,
    Exemption,
    FocusAnswers,
    FocusNeed,
    Limits,
    NextStep,
    Options,
    RegionTable,
    RuleSet,
    Step,
    Window,
)
from federation.imaging.studies import StudyStatus

__all__ = ["RuleSet", "default_rule_set", "parse_rule_set"]

_HOURS_PER_DAY = 24
_NO_FOCUS = "NO_FOCUS"


@cache
def default_rule_set() -> RuleSet:
    """``dup-rules/1`` as shipped."""
    resource = files("federation.imaging").joinpath("rule_sets", "dup-rules-1.toml")
    return parse_rule_set(resource.read_text(encoding="utf-8"))


def parse_rule_set(text: str) -> RuleSet:
    """Read a rule-set file.

    Raises:
        InvalidRuleSet: the text is not TOML, or an entry is missing, misspelt or contradicts another; the error
            names the entry. Nothing is half-loaded.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidRuleSet(f"rule-set is not TOML: {error}") from error
    root = Entry(document)
    gates, regions, relation = root.entry("gates"), root.entry("regions"), root.entry("relation")
    covers, overlaps = _region_tables(regions)
    completed, pending = _counted_statuses(gates)
    rules = RuleSet(
        name=root.text("name"),
        options=_options(root),
        limits=_limits(root.entry("limits")),
        exemptions=tuple(_exemption(entry) for entry in root.entries("exemption")),
        completed_statuses=completed,
        pending_statuses=pending,
        covers=covers,
        overlaps=overlaps,
        cross=_cross(relation),
        next_steps=tuple(_next_step(entry) for entry in relation.entries("next_step")),
        contrast_ignored=relation.optional_words("contrast_ignored", Modality),
        never_equivalent_regions=_optional_regions(relation, "never_equivalent_regions"),
        low_dose_focuses=_optional_texts(relation, "low_dose_focuses"),
        focus_answers=_focus_answers(root),
        classes=_classes(root),
        steps=tuple(_step(entry) for entry in root.entries("step")),
        caps=tuple(_cap(entry) for entry in root.entries("cap")),
    )
    relation.done()
    root.done()
    return rules


def _options(root: Entry) -> Options:
    if not root.has("options"):
        return Options()
    entry = root.entry("options")
    options = Options(
        ordering_site_gate=entry.truth("ordering_site_gate", default=True),
        ed_context_when_unknown=entry.truth("ed_context_when_unknown", default=False),
    )
    entry.done()
    return options


def _limits(entry: Entry) -> Limits:
    limits = Limits(
        future_tolerance_days=entry.number("future_tolerance_hours") / _HOURS_PER_DAY,
        cross_days=entry.number("cross_days"),
        pending_days=entry.number("pending_days"),
        restaging_days=entry.number("restaging_days"),
    )
    entry.done()
    return limits


def _fired(entry: Entry) -> FiredRule:
    return FiredRule(entry.text("code"), entry.text("reason"))


def _exemption(entry: Entry) -> Exemption:
    exemption = Exemption(
        rule=_fired(entry),
        flags=entry.optional_words("flags", ClinicalFlag),
        procedure_flags=entry.optional_words("procedure_flags", ProcedureFlag),
        regions=_optional_regions(entry, "regions"),
        unknown_procedure=entry.truth("unknown_procedure", default=False),
    )
    if not (exemption.flags or exemption.procedure_flags or exemption.regions or exemption.unknown_procedure):
        raise InvalidRuleSet(f"{entry.path}: exempts nothing")
    entry.done()
    return exemption


def _counted_statuses(entry: Entry) -> tuple[frozenset[StudyStatus], frozenset[StudyStatus]]:
    completed, pending = entry.words("completed", StudyStatus), entry.words("pending", StudyStatus)
    if completed & pending:
        raise entry.refuse("pending", "names a status that is also completed")
    entry.done()
    return completed, pending


def _region_tables(entry: Entry) -> tuple[RegionTable, RegionTable]:
    apart = _never_related(entry)
    covers = _pairs(entry, "covers", "shows", apart)
    overlaps = _pairs(entry, "overlaps", "meets", apart)
    for table in overlaps.values():
        for region, others in list(table.items()):
            for other in others:
                table[other] = table.get(other, frozenset()) | {region}
    entry.done()
    return covers, overlaps


def _never_related(entry: Entry) -> frozenset[frozenset[str]]:
    apart = set()
    for pair in entry.entries("never_related"):
        regions = pair.regions("pair")
        if len(regions) != 2:
            raise pair.refuse("pair", "is not two regions")
        pair.done()
        apart.add(regions)
    return frozenset(apart)


def _pairs(
    entry: Entry, key: str, others_key: str, apart: frozenset[frozenset[str]]
) -> dict[Modality, dict[str, frozenset[str]]]:
    table: dict[Modality, dict[str, frozenset[str]]] = {modality: {} for modality in KNOWN_MODALITIES}
    for line in entry.entries(key):
        region, others, modalities = line.region("region"), line.regions(others_key), line.modalities("modalities")
        if any(other == region or frozenset({region, other}) in apart for other in others):
            raise line.refuse(others_key, "names the region itself or one that is never related to it")
        line.done()
        for modality in modalities:
            table[modality][region] = table[modality].get(region, frozenset()) | others
    return table


def _cross(relation: Entry) -> frozenset[tuple[Modality, Modality]]:
    pairs: set[tuple[Modality, Modality]] = set()
    for entry in relation.entries("cross"):
        order = entry.modality("order")
        priors = entry.words("prior", Modality)
        if order in priors or Modality.UNKNOWN in priors:
            raise entry.refuse("prior", "names the order's own modality or UNKNOWN")
        entry.done()
        pairs.update((order, prior) for prior in priors)
    return frozenset(pairs)


def _next_step(entry: Entry) -> NextStep:
    step = NextStep(entry.modality("modality"), order_focus=entry.text("order"), prior_focus=entry.text("prior"))
    entry.done()
    return step


def _focus_answers(root: Entry) -> FocusAnswers:
    answers: dict[Modality, dict[str | None, dict[str | None, FocusNeed]]] = {
        modality: defaultdict(dict) for modality in KNOWN_MODALITIES
    }
    for entry in root.entries("focus_answer"):
        need = FocusNeed(entry.optional_region("prior_region"), entry.truth("prior_complete", default=False))
        orders, priors = _focuses(entry, "order"), _focuses(entry, "prior")
        for modality in entry.modalities("modalities"):
            for order in orders:
                for prior in priors:
                    if prior in answers[modality][order]:
                        raise entry.refuse("prior", "names a pair that another focus_answer names too")
                    answers[modality][order][prior] = need
        entry.done()
    return {modality: dict(by_order) for modality, by_order in answers.items()}


def _focuses(entry: Entry, key: str) -> tuple[str | None, ...]:
    return tuple(None if text == _NO_FOCUS else text for text in entry.texts(key))


def _classes(root: Entry) -> tuple[ExamClass, ...]:
    classes: list[ExamClass] = []
    for entry in root.entries("class"):
        exam_class = _class(entry)
        if any(other.name == exam_class.name for other in classes):
            raise entry.refuse("name", "is taken by another class")
        if any(_is_whole_modality(other) and other.modality is exam_class.modality for other in classes):
            raise InvalidRuleSet(f"{entry.path}: is never reached, the class for the whole modality stands before it")
        classes.append(exam_class)
    for modality in KNOWN_MODALITIES:
        if not any(_is_whole_modality(other) and other.modality is modality for other in classes):
            raise InvalidRuleSet(f"class: none for the whole of {modality.value}")
    return tuple(classes)


def _class(entry: Entry) -> ExamClass:
    exam_class = ExamClass(
        name=entry.text("name"),
        modality=entry.modality("modality"),
        window=_window(entry),
        region=entry.optional_region("region"),
        focus=entry.optional_text("focus"),
    )
    entry.done()
    return exam_class


def _is_whole_modality(exam_class: ExamClass) -> bool:
    return exam_class.region is None and exam_class.focus is None


def _window(entry: Entry) -> Window:
    window = Window(*(entry.days_or_never(key) for key in ("interruptive", "warning", "info")))
    lower = -1.0
    for key, days in zip(
        ("interruptive", "warning", "info"),
        (window.interruptive_days, window.warning_days, window.info_days),
        strict=True,
    ):
        if (-1.0 if days is None else days) < lower:
            raise entry.refuse(key, "is shorter than the window of a higher tier")
        lower = -1.0 if days is None else days
    return window


def _step(entry: Entry) -> Step:
    step = Step(_fired(entry), entry.word("when", Doubt), entry.modalities("modalities"))
    entry.done()
    return step


def _cap(entry: Entry) -> Cap:
    tier = entry.word("tier", Tier)
    if tier not in (Tier.INFO, Tier.WARNING):
        raise entry.refuse("tier", "a ceiling is info or warning")
    cap = Cap(_fired(entry), entry.word("when", Circumstance), tier, for_pending=entry.truth("pending", default=True))
    entry.done()
    return cap


def _optional_regions(entry: Entry, key: str) -> frozenset[str]:
    return entry.regions(key) if entry.has(key) else frozenset()


def _optional_texts(entry: Entry, key: str) -> frozenset[str]:
    return frozenset(entry.texts(key)) if entry.has(key) else frozenset()
