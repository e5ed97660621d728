"""What a source has heard of the questions that are on their way. Bound to no protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from federation.ports import SiteAnswer
from mpi.identity.identifiers import PatientIdentifier


@dataclass(slots=True, repr=False)
class SoFar:
    """One a source; used in one event loop."""

    _tell: dict[PatientIdentifier, Callable[[], SiteAnswer]] = field(default_factory=dict)

    @contextmanager
    def hearing(self, identifier: PatientIdentifier, tell: Callable[[], SiteAnswer]) -> Iterator[None]:
        """While this lasts, ``tell`` says what has come; it must leave the question as it is."""
        self._tell[identifier] = tell
        try:
            yield
        finally:
            if self._tell.get(identifier) is tell:
                del self._tell[identifier]

    def of(self, identifier: PatientIdentifier) -> SiteAnswer | None:
        """Never complete; ``None`` while no study of the patient has come."""
        tell = self._tell.get(identifier)
        answer = None if tell is None else tell()
        return None if answer is None or not answer.studies else replace(answer, is_complete=False)
