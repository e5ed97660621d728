"""How a prior answers an order: in full, in part, by another technique, or not at all (step 2 of the rules).

Pure comparison of two procedures under a rule-set; age, status and availability play no part here.
"""

from __future__ import annotations

from dataclasses import dataclass

from federation.imaging.assessment import Relation
from federation.imaging.procedures import Contrast, Laterality, Procedure, ProcedureFlag
from federation.imaging.rule_types import RuleSet

_OPPOSITE_SIDES = frozenset({Laterality.LEFT, Laterality.RIGHT})


@dataclass(frozen=True, slots=True)
class RelationFinding:
    """A relation and, unless it is EQUIVALENT, why it is no more than that."""

    relation: Relation
    reason: str = ""


_OTHER_MODALITY = RelationFinding(Relation.UNRELATED, "another technique")
_NEXT_STEP = RelationFinding(Relation.UNRELATED, "the order is the intended next step after the prior")
_NO_CONTACT = RelationFinding(Relation.UNRELATED, "no region in common")
_OPPOSITE = RelationFinding(Relation.UNRELATED, "the opposite side")
_CROSS = RelationFinding(Relation.CROSS, "another technique shows the ordered region")
_EQUIVALENT = RelationFinding(Relation.EQUIVALENT)


def find_relation(order: Procedure, prior: Procedure, rules: RuleSet) -> RelationFinding:
    """Compare two known procedures; the caller has sorted out unknown ones."""
    if order.modality is not prior.modality:
        return _relation_across_modalities(order, prior, rules)
    if any(
        step.modality is order.modality and step.order_focus == order.focus and step.prior_focus == prior.focus
        for step in rules.next_steps
    ):
        return _NEXT_STEP
    if not have_region_contact(order, prior, rules):
        return _NO_CONTACT
    if are_opposite_sides(order, prior):
        return _OPPOSITE
    open_points = _open_points(order, prior, rules)
    if not open_points:
        return _EQUIVALENT
    return RelationFinding(Relation.PARTIAL, "not answered in full: " + ", ".join(open_points))


def _relation_across_modalities(order: Procedure, prior: Procedure, rules: RuleSet) -> RelationFinding:
    if (order.modality, prior.modality) not in rules.cross:
        return _OTHER_MODALITY
    if not are_regions_covered(order, prior, rules):
        return _NO_CONTACT
    return _OPPOSITE if are_opposite_sides(order, prior) else _CROSS


def _open_points(order: Procedure, prior: Procedure, rules: RuleSet) -> list[str]:
    points = []
    if not are_regions_covered(order, prior, rules):
        points.append("regions")
    if not is_side_answered(order, prior):
        points.append("side")
    if not is_contrast_answered(order, prior, rules):
        points.append("contrast")
    if not is_focus_answered(order, prior, rules):
        points.append("focus")
    if ProcedureFlag.LIMITED in prior.flags and ProcedureFlag.LIMITED not in order.flags:
        points.append("the prior is limited")
    if not _is_dose_enough(order, prior, rules):
        points.append("the prior is low dose")
    if order.regions & rules.never_equivalent_regions:
        points.append("the digit is not known")
    return points


def are_regions_covered(order: Procedure, prior: Procedure, rules: RuleSet) -> bool:
    """Whether the prior shows every ordered region."""
    return order.regions <= rules.expand(prior.regions, prior.modality)


def have_region_contact(order: Procedure, prior: Procedure, rules: RuleSet) -> bool:
    """Whether the two show a common region, or regions that overlap. Symmetric for one modality."""
    shown_by_order = rules.expand(order.regions, order.modality)
    shown_by_prior = rules.expand(prior.regions, prior.modality)
    if not shown_by_order.isdisjoint(shown_by_prior):
        return True
    overlaps = rules.overlaps[prior.modality]
    return any(not shown_by_prior.isdisjoint(overlaps.get(region, ())) for region in shown_by_order)


def are_opposite_sides(order: Procedure, prior: Procedure) -> bool:
    """One is left, the other right."""
    return order.laterality is not prior.laterality and {order.laterality, prior.laterality} == _OPPOSITE_SIDES


def is_side_answered(order: Procedure, prior: Procedure) -> bool:
    """Equal, or the prior shows both sides, or one side is not known."""
    ordered, shown = _compared_side(order), _compared_side(prior)
    return ordered is shown or shown is Laterality.BILATERAL or Laterality.UNKNOWN in (ordered, shown)


def _compared_side(procedure: Procedure) -> Laterality:
    """An unpaired region shows both sides."""
    return Laterality.BILATERAL if procedure.laterality is Laterality.NONE else procedure.laterality


def is_contrast_answered(order: Procedure, prior: Procedure, rules: RuleSet) -> bool:
    """Equal, or the prior has both phases, or one of the two is not known."""
    return (
        order.contrast is prior.contrast
        or prior.contrast is Contrast.BOTH
        or Contrast.UNKNOWN in (order.contrast, prior.contrast)
        or prior.modality in rules.contrast_ignored
    )


def is_focus_answered(order: Procedure, prior: Procedure, rules: RuleSet) -> bool:
    """The same focus, or one that the rule-set says answers it."""
    if order.focus == prior.focus:
        return True
    need = rules.focus_answers[order.modality].get(order.focus, {}).get(prior.focus)
    if need is None:
        return False
    if need.prior_complete and ProcedureFlag.LIMITED in prior.flags:
        return False
    return need.prior_region is None or need.prior_region in rules.expand(prior.regions, prior.modality)


def _is_dose_enough(order: Procedure, prior: Procedure, rules: RuleSet) -> bool:
    """A low-dose prior answers a low-dose order, or the very protocol it was made for."""
    if not rules.is_low_dose(prior) or rules.is_low_dose(order):
        return True
    return prior.focus is not None and prior.focus == order.focus
