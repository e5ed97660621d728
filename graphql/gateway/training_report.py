"""What training found, in words (Markdown) and as the JSON document of ``mpi train``."""

from __future__ import annotations

from typing import Any

from mpi.matching.training import TrainedModel


def training_document(trained: TrainedModel) -> dict[str, Any]:
    """Everything a script may want to read."""
    model = trained.model
    return {
        "model": model.version,
        "records": trained.records,
        "candidate_pairs": trained.candidate_pairs,
        "labelled_pairs": trained.labelled_pairs,
        "truncated_blocks": trained.truncated_blocks,
        "expected_matches": round(trained.expected_matches, 1),
        "em_rounds": trained.rounds,
        "thresholds": {
            "upper": model.upper,
            "lower": model.lower,
            "estimated": trained.thresholds.is_estimated,
            "reaches_target": trained.thresholds.reaches_target,
        },
        "without_evidence": list(trained.silent),
        "guards_off": [guard.guard for guard in trained.guards if guard.guard not in model.guards],
        "guards": [guard._asdict() for guard in trained.guards],
        "weights": {
            comparison: {level: round(weight.match_weight, 3) for level, weight in levels.items()}
            for comparison, levels in model.weights.items()
        },
        "points": [point._asdict() for point in trained.points],
    }


def render_report(trained: TrainedModel) -> str:
    """The same for people to read and keep beside the model file."""
    model = trained.model
    here = next((p for p in trained.points if p.threshold >= model.upper), None)
    seen = (
        f"- {trained.records} records, {trained.candidate_pairs} candidate pairs, about "
        f"{trained.expected_matches:.0f} of them one person; {trained.labelled_pairs} pairs labelled"
    )
    kept = "" if trained.thresholds.is_estimated else " (kept from the first guess: too few matches)"
    chosen = f"- links from {model.upper:g} bits, questions from {model.lower:g} bits{kept}"
    lines = [f"# Match model {model.version}", "", model.provenance, "", seen, chosen]
    if here is not None:
        lines.append(
            f"- expected there: precision {here.precision:.4f}, recall {here.recall:.4f} of candidate pairs, "
            f"{here.review_load:.4f} questions a record"
        )
    if trained.thresholds.is_estimated and not trained.thresholds.reaches_target:
        lines.append("- no threshold reaches the precision asked for")
    if trained.truncated_blocks:
        lines.append(f"- {trained.truncated_blocks} over-common blocks were cut: not all their pairs were seen")
    if trained.silent:
        lines.append(f"- no evidence, so weight 0: {', '.join(trained.silent)}")
    lines += ["", "## Weights (bits)", "", "| comparison | level | m | u | weight |", "|---|---|---|---|---|"]
    for comparison, levels in model.probabilities.items():
        lines += [
            f"| {comparison} | {level} | {p.m_probability:.5g} | {p.u_probability:.5g} "
            f"| {model.weights[comparison][level].match_weight:+.2f} |"
            for level, p in levels.items()
        ]
    return "\n".join([*lines, *_guards(trained)]) + "\n"


def _guards(trained: TrainedModel) -> list[str]:
    """Which guards fired, and whether the file shows that they part one person's own records."""
    if not trained.guards:
        return []
    lines = [
        "",
        "## Guards that stopped a pair",
        "",
        "| guard | pairs across facilities | within one | share that is one person | switched |",
        "|---|---|---|---|---|",
    ]
    for found in trained.guards:
        share = "too few to tell" if found.one_person_share is None else f"{found.one_person_share:.3f}"
        state = "on" if found.guard in trained.model.guards else "off"
        advice = ", harmful here" if found.does_harm and state == "on" else ""
        lines.append(f"| {found.guard} | {found.across} | {found.within} | {share} | {state}{advice} |")
    return lines
