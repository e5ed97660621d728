"""SMART scopes: which resources a token may read or change, and whose. Source: SMART App Launch 2.2, *Scopes*.

``system/ImagingStudy.rs`` and ``user/ImagingStudy.rs`` reach everybody, ``patient/ImagingStudy.rs`` the one patient of
the launch. The forms of version 1 (``.read``, ``.write``, ``.*``) are taken too. A scope with a search parameter
(``?category=...``) promises less than we can keep to, so it grants nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

_SCOPE = re.compile(r"(system|user|patient)/([A-Z][A-Za-z]{1,63}|\*)\.(c?r?u?d?s?|read|write|\*)")
_VERSION_1 = {"read": "rs", "write": "cud", "*": "cruds"}
_NOT_ABOUT_DATA = re.compile(r"openid|profile|email|fhirUser|offline_access|online_access|launch(/[a-z]+)?")
_ONE_PATIENT = "patient"


@dataclass(frozen=True, slots=True)
class Needed:
    """A resource type, and letters of ``cruds``; all of them are needed."""

    resource: str
    rights: str


class ScopeGrant(Enum):
    """How far scopes open an operation."""

    NOTHING = "nothing"
    ONE_PATIENT = "one_patient"
    EVERYBODY = "everybody"


@dataclass(frozen=True, slots=True)
class GrantedScopes:
    """(context, resource or ``*``, rights) of every scope that we understand."""

    granted: frozenset[tuple[str, str, str]]

    def grant(self, needed: Needed | None) -> ScopeGrant:
        """How far the scopes open what needs this; what needs nothing that can be named is closed."""
        if needed is None:
            return ScopeGrant.NOTHING
        everybody, one_patient = self._rights(needed, {"system", "user"}), self._rights(needed, {_ONE_PATIENT})
        if everybody >= set(needed.rights):
            return ScopeGrant.EVERYBODY
        return ScopeGrant.ONE_PATIENT if one_patient | everybody >= set(needed.rights) else ScopeGrant.NOTHING

    def _rights(self, needed: Needed, contexts: set[str]) -> set[str]:
        fitting = (
            rights for context, kind, rights in self.granted if context in contexts and kind in (needed.resource, "*")
        )
        return {right for rights in fitting for right in rights}


def read_scopes(text: str) -> GrantedScopes | None:
    """The resource scopes of a ``scope`` claim; ``None`` when it speaks of no resource at all (``openid profile``).

    Words that we do not know grant nothing, but they are scopes: such a token is not one without scopes.
    """
    words = [word for word in text.split() if not _NOT_ABOUT_DATA.fullmatch(word)]
    if not words:
        return None
    found = (m for word in words if (m := _SCOPE.fullmatch(word)) is not None and m[3])
    return GrantedScopes(frozenset((m[1], m[2], _VERSION_1.get(m[3], m[3])) for m in found))
