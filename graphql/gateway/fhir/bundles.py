"""Search results as bundles. Source: FHIR R4 3.1.1 (searchset)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.fhir.outcomes import issue, outcome


def searchset(
    entries: Sequence[dict[str, Any]], *, total: int | None = None, warnings: Sequence[dict[str, Any]] = ()
) -> dict[str, Any]:
    """A searchset; warnings stand in an OperationOutcome at the end. ``total`` counts what is not shown, too."""
    shown = list(entries)
    if warnings:
        shown.append({"resource": outcome(*warnings), "search": {"mode": "outcome"}})
    found = len(entries) if total is None else total
    bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset", "total": found}
    return {**bundle, "entry": shown} if shown else bundle


def warning(code: str, text: str) -> dict[str, Any]:
    """A warning beside matches."""
    return issue("warning", "incomplete", code, text)
