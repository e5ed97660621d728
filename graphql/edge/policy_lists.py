"""The policy as it stands now: settings, and lists of patients and studies in files that people edit meanwhile."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from edge.errors import PolicyUnavailable
from edge.policy import SharingPolicy
from edge.settings import PolicySettings


class PolicyLists:
    """Gives the current policy. A list that cannot be read stops all sharing until it can."""

    def __init__(self, settings: PolicySettings) -> None:
        self._patients = _ListFile(settings.excluded_patients_file)
        self._studies = _ListFile(settings.excluded_studies_file)
        self._fixed = SharingPolicy(
            excluded_modalities=frozenset(code.strip().upper() for code in settings.excluded_modalities),
            shared_from=settings.shared_from,
            shared_until=settings.shared_until,
            sensitive_words=tuple(word.casefold() for word in settings.sensitive_words if word.strip()),
            share_demographics=settings.share_demographics,
        )

    def current(self) -> SharingPolicy:
        """The policy for one answer.

        Raises:
            PolicyUnavailable: a list cannot be read.
        """
        return replace(
            self._fixed, excluded_patients=self._patients.entries(), excluded_studies=self._studies.entries()
        )


class _ListFile:
    """One entry a line; ``#`` begins a remark. Read again when the file changes."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self._entries: frozenset[str] = frozenset()

    def entries(self) -> frozenset[str]:
        if self._path is None:
            return frozenset()
        try:
            state = self._path.stat()
            stamp = (state.st_mtime_ns, state.st_size)
            if stamp != self._stamp:
                lines = self._path.read_text(encoding="utf-8-sig").splitlines()
                found = (line.partition("#")[0].strip() for line in lines)
                self._entries, self._stamp = frozenset(entry for entry in found if entry), stamp
        except (OSError, UnicodeDecodeError) as error:
            raise PolicyUnavailable(f"{self._path}: the list cannot be read") from error
        return self._entries
