"""What a change of model would do or did, as Markdown for people and a document for scripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mpi.matching.model_comparison import ModelComparison

_MOST_PAIRS = 50


def comparison_document(found: ModelComparison) -> dict[str, Any]:
    """Counts and every pair."""
    return {
        "before": found.before._asdict(),
        "after": found.after._asdict(),
        "joined": [list(pair) for pair in found.joined],
        "parted": [list(pair) for pair in found.parted],
        "newly_asked": [list(pair) for pair in found.newly_asked],
        "no_longer_asked": [list(pair) for pair in found.no_longer_asked],
    }


def render_comparison(found: ModelComparison) -> str:
    """The report, with the first pairs of each kind by record id."""
    before, after = found.before, found.after
    lines = [
        f"# {before.model} and {after.model} on the same records",
        "",
        f"| | {before.model} | {after.model} |",
        "|---|---|---|",
        f"| persons | {before.persons} | {after.persons} |",
        f"| linked pairs | {before.linked_pairs} | {after.linked_pairs} |",
        f"| questions for staff | {before.review_pairs} | {after.review_pairs} |",
        "",
    ]
    for title, pairs in (
        ("would link", found.joined),
        ("would part", found.parted),
        ("would go to staff", found.newly_asked),
        ("would no longer go to staff", found.no_longer_asked),
    ):
        lines += _pairs(title, pairs)
    return "\n".join(lines) + "\n"


def _pairs(title: str, pairs: Sequence[tuple[str, str]]) -> list[str]:
    shown = [f"- {a} and {b}" for a, b in pairs[:_MOST_PAIRS]]
    more = [f"- and {len(pairs) - _MOST_PAIRS} more"] if len(pairs) > _MOST_PAIRS else []
    return [f"## {len(pairs)} pairs {title}", "", *shown, *more, ""]


def render_rematch(document: Mapping[str, Any]) -> str:
    """Before and after a re-match of the index."""
    before, after = document["before"], document["after"]
    lines = [
        f"# Re-match of the index with {document['model']}" + (" (dry run)" if document["dry_run"] else ""),
        "",
        "| | before | after |",
        "|---|---|---|",
        *(f"| {name.replace('_', ' ')} | {before[name]} | {after[name]} |" for name in before),
        "",
        "| records | |",
        "|---|---|",
        *(f"| {name.replace('_', ' ')} | {count} |" for name, count in document["counts"].items()),
    ]
    return "\n".join(lines) + "\n"
