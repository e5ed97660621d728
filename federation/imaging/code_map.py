"""A site's own code map: procedure codes of its catalogue with their canonical procedure, the strongest evidence.

CSV columns: system, code, modality, regions (separated by ``;``), laterality, contrast, and optionally focus and flags
(separated by ``;``). The map is loaded whole or not at all.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeVar

from federation.errors import InvalidCodeMap
from federation.imaging.procedures import (
    REGION_ORDER,
    Contrast,
    Evidence,
    Laterality,
    Modality,
    Procedure,
    ProcedureFlag,
)

REQUIRED_COLUMNS = ("system", "code", "modality", "regions", "laterality", "contrast")
OPTIONAL_COLUMNS = ("focus", "flags")

_Value = TypeVar("_Value", bound=Enum)


@dataclass(frozen=True, slots=True)
class CodeMap:
    """Procedures by (code system, code). Systems compare without regard to case."""

    procedures: Mapping[tuple[str, str], Procedure] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.procedures)

    def lookup(self, code: str | None, code_system: str | None = None) -> Procedure | None:
        """The procedure of a code. Without a system the code must be in exactly one system of the map."""
        wanted = (code or "").strip()
        if not wanted:
            return None
        system = _system(code_system or "")
        if system:
            return self.procedures.get((system, wanted))
        found = [procedure for (_, known), procedure in self.procedures.items() if known == wanted]
        return found[0] if len(found) == 1 else None


def parse_code_map(text: str) -> CodeMap:
    """Read a code map. Errors: ``InvalidCodeMap`` naming every wrong line; then nothing is loaded."""
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), skipinitialspace=True)
    columns = [name.strip() for name in reader.fieldnames or ()]
    missing = [name for name in REQUIRED_COLUMNS if name not in columns]
    unknown = [name for name in columns if name not in REQUIRED_COLUMNS + OPTIONAL_COLUMNS]
    if missing or unknown:
        raise InvalidCodeMap(f"line 1: missing columns: {missing}; unknown columns: {unknown}")
    reader.fieldnames = columns
    procedures: dict[tuple[str, str], Procedure] = {}
    problems: list[str] = []
    for row in reader:
        try:
            key, procedure = _row(row, procedures)
            procedures[key] = procedure
        except ValueError as error:
            problems.append(f"line {reader.line_num}: {error}")
    if problems:
        raise InvalidCodeMap("; ".join(problems))
    return CodeMap(procedures)


def mapped_first(found: Sequence[Procedure]) -> Procedure:
    """Of one order read by several of its codes: what the site's own code map says, else the last reading."""
    mapped = (procedure for procedure in found if any(one.source == "code_map" for one in procedure.evidence))
    return next(mapped, found[-1])


def _system(written: str) -> str:
    return written.strip().casefold()


def _row(
    row: Mapping[str | None, str | None], earlier: Mapping[tuple[str, str], Procedure]
) -> tuple[tuple[str, str], Procedure]:
    if None in row:
        raise ValueError("more fields than columns")
    cells = {name: (row.get(name) or "").strip() for name in REQUIRED_COLUMNS + OPTIONAL_COLUMNS}
    empty = [name for name in REQUIRED_COLUMNS if not cells[name]]
    if empty:
        raise ValueError(f"empty: {', '.join(empty)}")
    key = (_system(cells["system"]), cells["code"])
    if key in earlier:
        raise ValueError("system and code are listed twice")
    procedure = Procedure(
        modality=_one(Modality, cells["modality"].upper(), "modality"),
        regions=frozenset(_regions(cells["regions"])),
        laterality=_one(Laterality, cells["laterality"].lower(), "laterality"),
        contrast=_one(Contrast, cells["contrast"].lower(), "contrast"),
        focus=cells["focus"].upper() or None,
        flags=frozenset(_one(ProcedureFlag, flag.lower(), "flags") for flag in _parts(cells["flags"])),
        evidence=(Evidence("code_map", cells["code"], "procedure"),),
    )
    return key, procedure


def _regions(written: str) -> list[str]:
    regions = [part.upper() for part in _parts(written)]
    wrong = [region for region in regions if region not in REGION_ORDER]
    if wrong or not regions:
        raise ValueError(f"regions: not a region: {', '.join(wrong) or 'nothing named'}")
    return regions


def _parts(written: str) -> list[str]:
    return [part.strip() for part in written.split(";") if part.strip()]


def _one(kind: type[_Value], written: str, column: str) -> _Value:
    try:
        return kind(written)
    except ValueError:
        raise ValueError(f"{column}: not one of {', '.join(str(item.value) for item in kind)}") from None
