"""Rows of one query, gathered until the archive has said all it will say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from adapters.dicom.attributes import STUDY_INSTANCE_UID, Attributes
from adapters.dicom.mapping import map_row
from adapters.dicom.question import Question
from federation.imaging.studies import SiteStudy
from federation.ports import SiteAnswer


@dataclass(slots=True, repr=False)
class RowCollector:
    """Takes rows, keeps studies. Two rows of one study that say the same are one; if they differ, both are kept
    (merging needs every description) and flagged ``repeated_study``.
    """

    question: Question
    _studies: dict[SiteStudy, None] = field(default_factory=dict)
    _warnings: dict[str, None] = field(default_factory=dict)
    _seen: set[object] = field(default_factory=set)
    _dropped_count: int = 0

    def add(self, row: Attributes) -> bool:
        """Take one row; true if the archive had not sent it before."""
        key = _key_of(row)
        is_new = key not in self._seen
        self._seen.add(key)
        mapped = map_row(row, self.question)
        self._dropped_count += mapped.is_unrequested and is_new
        for warning in mapped.warnings:
            self._warnings.setdefault(warning)
        if mapped.study is not None:
            if not is_new and mapped.study not in self._studies:
                self._warnings.setdefault("repeated_study")
            self._studies.setdefault(mapped.study)
        return is_new

    def add_all(self, rows: Iterable[Attributes]) -> bool:
        """Take rows; true if any of them is new."""
        return sum([self.add(row) for row in rows]) > 0

    def warn(self, warning: str) -> None:
        self._warnings.setdefault(warning)

    @property
    def is_empty(self) -> bool:
        """True while no row at all has arrived."""
        return not self._seen

    def answer(self, *, is_complete: bool) -> SiteAnswer:
        return SiteAnswer(tuple(self._studies), is_complete, tuple(self._warnings), self._dropped_count)


def _key_of(row: Attributes) -> object:
    """A row is known by its study, or by all it says when it names none."""
    return row.text(STUDY_INSTANCE_UID) or tuple(sorted(row.texts.items()))
