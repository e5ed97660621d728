"""The fields of a scenario's order and priors, read with errors that name the scenario and the field."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import TypeVar

from federation.errors import InvalidScenario
from federation.imaging.assessment import OrderFacts, PriorFacts
from federation.imaging.orders import ClinicalFlag
from federation.imaging.procedures import (
    PAIRED_REGIONS,
    REGION_ORDER,
    UNKNOWN_REGION,
    Contrast,
    Laterality,
    Modality,
    Procedure,
    ProcedureFlag,
)
from federation.imaging.studies import NON_IMAGE_MODALITIES, ReportStatus, StudyStatus

_Member = TypeVar("_Member", bound=Enum)

_OVERRIDDEN = "overridden_priors"
_CERTAIN_MATCHES = ("certain", "manual")
_OTHER_MATCHES = ("probable", "possible", "certainly_not", "uncertain", "unknown", "none")
_CONSENTS = ("permit", "deny", "unknown", "none")
_QUALITIES = ("diagnostic", "non_diagnostic", "limited", "unknown")
_URGENT_PRIORITIES = ("stat",)


class Fields:
    """One object of a scenario. Absent and null are the same; a field that means nothing here is not looked at."""

    def __init__(self, table: object, scenario: str, path: str) -> None:
        self._scenario = scenario
        self._path = path
        if not isinstance(table, Mapping):
            raise InvalidScenario(f"scenario {scenario}: {path or 'scenario'}: is not an object")
        self._table: Mapping[str, object] = table

    def refuse(self, key: str, what: str) -> InvalidScenario:
        """The error for a field."""
        path = f"{self._path}.{key}" if self._path else key
        return InvalidScenario(f"scenario {self._scenario}: {path}: {what}")

    def value(self, key: str) -> object:
        """The value as it stands, ``None`` when absent."""
        return self._table.get(key)

    def inner(self, key: str) -> Fields:
        """An object inside; an absent one is empty."""
        value = self.value(key)
        return Fields({} if value is None else value, self._scenario, f"{self._path}.{key}" if self._path else key)

    def inner_list(self, key: str) -> tuple[Fields, ...]:
        """The objects of a list inside; none when absent."""
        value = self.value(key)
        if value is None:
            return ()
        if not isinstance(value, list):
            raise self.refuse(key, "is not a list")
        return tuple(Fields(item, self._scenario, f"{key}[{number}]") for number, item in enumerate(value, start=1))

    def optional_text(self, key: str) -> str | None:
        """A text, ``None`` when absent."""
        value = self.value(key)
        if value is None:
            return None
        if not isinstance(value, str) or not value.strip():
            raise self.refuse(key, "is not a text")
        return value

    def text(self, key: str, default: str | None = None) -> str:
        """A text; absent without a default is an error."""
        value = self.optional_text(key)
        if value is not None:
            return value
        if default is None:
            raise self.refuse(key, "is missing")
        return default

    def truth(self, key: str, default: bool) -> bool:
        """true or false."""
        value = self.value(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self.refuse(key, "is neither true nor false")
        return value

    def word(self, key: str, words: Sequence[str], default: str | None = None) -> str:
        """One of the words, a hyphen read as an underscore."""
        text = self.text(key, default).replace("-", "_")
        if text not in words:
            raise self.refuse(key, "is not one of the words allowed here")
        return text

    def optional_member(self, key: str, members: type[_Member]) -> _Member | None:
        """A member of a closed list, ``None`` when absent."""
        return None if self.value(key) is None else self.member(key, members)

    def member(self, key: str, members: type[_Member], default: _Member | None = None) -> _Member:
        """A member of a closed list by its value."""
        fallback = None if default is None else str(default.value)
        return members(self.word(key, [str(member.value) for member in members], fallback))

    def instant(self, key: str) -> dt.datetime | None:
        """A time with offset, ``None`` when absent."""
        text = self.optional_text(key)
        if text is None:
            return None
        try:
            moment = dt.datetime.fromisoformat(text)
        except ValueError as error:
            raise self.refuse(key, "is not an ISO time") from error
        if moment.tzinfo is None:
            raise self.refuse(key, "is a time without offset")
        return moment

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts; empty when absent."""
        value = self.value(key)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.refuse(key, "is not a list of texts")
        return tuple(value)

    def raised_flags(self, ignoring: Sequence[str] = ()) -> frozenset[str]:
        """The flags of an object ``{name: true}`` that are true."""
        return frozenset(key for key in self._table if key not in ignoring and self.truth(key, default=False))

    def refuse_unknown_flags(self, known: Sequence[str]) -> None:
        """A misspelt flag must not be lost in silence."""
        for key in self._table:
            if key not in known:
                raise self.refuse(key, "is not a known flag")


def read_order(scenario: Fields, defaults: Fields) -> OrderFacts:
    """The order of a scenario with the scenario's flags; an urgent ``priority`` is an emergency context."""
    order, flags = scenario.inner("order"), scenario.inner("flags")
    names = [flag.value for flag in ClinicalFlag]
    flags.refuse_unknown_flags([*names, _OVERRIDDEN])
    requested_at = order.instant("requested_at") or defaults.instant("now")
    if requested_at is None:
        raise order.refuse("requested_at", "is missing")
    raised = {ClinicalFlag(name) for name in flags.raised_flags(ignoring=[_OVERRIDDEN])}
    if order.value("priority") in _URGENT_PRIORITIES:
        raised.add(ClinicalFlag.ED_CONTEXT)
    return OrderFacts(
        procedure=_read_procedure(order, order.member("modality", Modality), _PROCEDURE_FLAGS),
        site_id=order.text("site", defaults.optional_text("ordering_site")),
        requested_at=requested_at,
        flags=frozenset(raised),
        overridden_priors=frozenset(flags.texts(_OVERRIDDEN)),
    )


def read_prior(prior: Fields) -> PriorFacts:
    """A prior of a scenario. ``site`` is where it was performed; absent ``performed_at`` is an undated prior."""
    is_image_object = prior.value("modality") not in NON_IMAGE_MODALITIES
    modality = prior.member("modality", Modality) if is_image_object else Modality.UNKNOWN
    flags = prior.inner("flags").raised_flags()
    return PriorFacts(
        prior_id=prior.text("id"),
        procedure=_read_procedure(prior, modality, _PRIOR_FLAGS),
        performed_at=prior.instant("performed_at"),
        performing_site_id=prior.optional_text("site"),
        status=prior.member("status", StudyStatus, StudyStatus.COMPLETED),
        report_status=prior.member("report_status", ReportStatus, ReportStatus.FINAL),
        report_available=prior.truth("report_available", default=True),
        images_available=prior.truth("images_available", default=True),
        is_diagnostic=prior.word("quality", _QUALITIES, "diagnostic") == "diagnostic",
        consent_permits=prior.word("consent", _CONSENTS, "permit") == "permit",
        match_is_certain=prior.word("patient_match", (*_CERTAIN_MATCHES, *_OTHER_MATCHES), "certain")
        in _CERTAIN_MATCHES,
        is_image_object=is_image_object,
        is_rt_planning="rt_planning" in flags,
        is_research=not flags.isdisjoint(_RESEARCH_FLAGS),
    )


_PROCEDURE_FLAGS = tuple(flag.value for flag in ProcedureFlag)
_RESEARCH_FLAGS = ("research", "research_protocol")
_PRIOR_FLAGS = (*_PROCEDURE_FLAGS, "image_guidance", "rt_planning", *_RESEARCH_FLAGS)


def _read_procedure(fields: Fields, modality: Modality, known_flags: Sequence[str]) -> Procedure:
    regions = frozenset(fields.texts("regions"))
    if not regions <= set(REGION_ORDER):
        raise fields.refuse("regions", "names an unknown region")
    flags = fields.inner("flags")
    flags.refuse_unknown_flags(known_flags)
    raised = {ProcedureFlag.GUIDANCE.value if name == "image_guidance" else name for name in flags.raised_flags()}
    return Procedure(
        modality=modality,
        regions=regions or frozenset({UNKNOWN_REGION}),
        laterality=fields.member("laterality", Laterality, _unstated_side(regions)),
        contrast=fields.member("contrast", Contrast, Contrast.UNKNOWN),
        focus=fields.optional_text("focus"),
        flags=frozenset(flag for flag in ProcedureFlag if flag.value in raised),
    )


def _unstated_side(regions: frozenset[str]) -> Laterality:
    return Laterality.NONE if regions.isdisjoint(PAIRED_REGIONS) else Laterality.UNKNOWN
