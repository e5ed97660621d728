"""Whom a number names, as far as the viewer may see them: the one place in which consent is enforced.

Every door that shows studies, alerts, checks or the person behind a number comes through here. Whoever may not be seen
is as unknown as somebody the index never heard of, and takes as long: *not known* is said on a beat.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import chain
from typing import TypeVar

from federation.errors import PersonWithheld
from federation.imaging.alerts import DuplicateAlert
from federation.imaging.order_checks import OrderCheck
from federation.ports import UnitOfWork
from federation.sites.consent import Consent, PersonView, Viewer, view_person
from federation.sites.directory import SiteDirectory
from federation.usecases.visible_questions import visible_questions
from mpi.errors import UnknownIdentifier
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.ports import Clock
from mpi.usecases.resolve_identity import ResolvedIdentity, resolve_identity, resolve_patient
from mpi.usecases.seen_candidates import Seen

T = TypeVar("T")

NOT_KNOWN_BEAT_SECONDS = 0.04
"""*Not known* is answered at a multiple of this after the question: more than telling the two apart takes."""


def see_person(
    patient: PatientIdentifier | EnterpriseId,
    *,
    uow: UnitOfWork,
    directory: SiteDirectory,
    viewer: Viewer,
    clock: Clock,
) -> PersonView:
    """The person that a number or an enterprise id names, as the viewer may see them.

    Raises:
        UnknownIdentifier: nobody is behind it, or (``PersonWithheld``) nobody whom the viewer may see.
    """
    identity = resolve_patient(patient, uow=uow)
    asked_for = patient if isinstance(patient, PatientIdentifier) else None
    return _view(identity, asked_for, uow, directory, viewer, clock)


def see_identity(
    identity: ResolvedIdentity, *, uow: UnitOfWork, directory: SiteDirectory, viewer: Viewer, clock: Clock
) -> PersonView:
    """The same for a person who was found otherwise.

    Raises:
        PersonWithheld: the viewer may not see them.
    """
    return _view(identity, None, uow, directory, viewer, clock)


def _view(
    identity: ResolvedIdentity,
    asked_for: PatientIdentifier | None,
    uow: UnitOfWork,
    directory: SiteDirectory,
    viewer: Viewer,
    clock: Clock,
) -> PersonView:
    directives = uow.consents.of(all_numbers(identity))
    now = clock()
    glasses = () if viewer.caller is None else uow.consents.glasses_of(viewer.caller, identity.enterprise_id, at=now)
    view = view_person(identity, directives, glasses, viewer, directory.consent_rules, asked_for=asked_for)
    if view is None:
        raise PersonWithheld(identity.enterprise_id)
    questions = visible_questions(identity, view.identity, uow=uow, viewer=viewer, rules=directory.consent_rules)
    if questions == view.identity.open_items:
        return view
    return replace(view, identity=replace(view.identity, open_items=questions))


async def find_person(
    patient: PatientIdentifier | EnterpriseId,
    *,
    read: Callable[[], UnitOfWork],
    directory: SiteDirectory,
    viewer: Viewer,
    clock: Clock,
) -> PersonView:
    """``see_person`` in a unit of work of its own. *Not known* comes on the beat.

    Raises:
        UnknownIdentifier: as ``see_person``.
    """
    return await look_at_person(
        patient, lambda view, _: view, read=read, directory=directory, viewer=viewer, clock=clock
    )


async def look_at_person(
    patient: PatientIdentifier | EnterpriseId,
    look: Callable[[PersonView, UnitOfWork], T],
    *,
    read: Callable[[], UnitOfWork],
    directory: SiteDirectory,
    viewer: Viewer,
    clock: Clock,
) -> T:
    """What ``look`` reads of the person, in the unit of work that found them. *Not known* comes on the beat.

    Raises:
        UnknownIdentifier: as ``see_person``.
    """
    started = time.monotonic()

    def find_and_look() -> T:
        with read() as uow:
            return look(see_person(patient, uow=uow, directory=directory, viewer=viewer, clock=clock), uow)

    try:
        return await asyncio.to_thread(find_and_look)
    except UnknownIdentifier:
        if not viewer.sees_everybody:
            await asyncio.sleep(seconds_to_beat(started))
        raise


def numbers_seen(viewer: Viewer, view_of: Callable[[EnterpriseId], PersonView | None]) -> Seen | None:
    """Which records of a person the viewer may see, for those who compare; ``None``: all of everybody."""

    def seen(person: EnterpriseId) -> frozenset[PatientIdentifier]:
        view = view_of(person)
        return frozenset() if view is None else frozenset(record.identifier for record in view.identity.records)

    return None if viewer.sees_everybody else seen


def seconds_to_beat(started: float) -> float:
    """Until the next multiple of the beat since ``started`` (of ``time.monotonic``)."""
    spent = time.monotonic() - started
    return max(1, math.ceil(spent / NOT_KNOWN_BEAT_SECONDS)) * NOT_KNOWN_BEAT_SECONDS - spent


def visible_check(
    check: OrderCheck, *, uow: UnitOfWork, directory: SiteDirectory, viewer: Viewer, clock: Clock
) -> bool:
    """Whether a kept check may be shown: it was judged after the newest denial in force, at a site that may be seen.

    What it was judged on is not kept, so a check from before a denial may name what is hidden now.
    """
    site = check.order.ordering_site
    if viewer.related_to is not None and site not in viewer.related_to:
        return False
    without_glass = replace(viewer, caller=None)
    patient = check.order.patient_identifier
    try:
        view = see_person(patient, uow=uow, directory=directory, viewer=without_glass, clock=clock)
    except PersonWithheld:
        return False
    except UnknownIdentifier:
        return viewer.only_patient is None
    if view.veil.hides_order(site, check.order.code or "", check.order.description):
        return False
    return view.denied_at is None or view.denied_at < check.checked_at


def visible_alerts(
    alerts: Iterable[DuplicateAlert], *, uow: UnitOfWork, directory: SiteDirectory, viewer: Viewer, clock: Clock
) -> list[DuplicateAlert]:
    """Those that may be shown: their check may, and a closed one was not raised before the newest denial in force."""
    seen: dict[str, OrderCheck | None] = {}
    shown = []
    for alert in alerts:
        if alert.check_id not in seen:
            check = uow.order_checks.newest(alert.check_id)
            may = check is not None and visible_check(check, uow=uow, directory=directory, viewer=viewer, clock=clock)
            seen[alert.check_id] = check if may else None
        check = seen[alert.check_id]
        if check is not None and (alert.is_open or not _is_from_before(alert, uow)):
            shown.append(alert)
    return shown


def _is_from_before(alert: DuplicateAlert, uow: UnitOfWork) -> bool:
    """Whether something was denied after the alert was raised: it may name what its check names no more."""
    try:
        identity = resolve_identity(alert.patient_identifier, uow=uow)
    except UnknownIdentifier:
        return False
    denied_at = Consent.of(uow.consents.of(all_numbers(identity))).denied_at
    return denied_at is not None and denied_at >= alert.raised_at


def all_numbers(identity: ResolvedIdentity) -> tuple[PatientIdentifier, ...]:
    """Current and retired."""
    current = (record.identifier for record in identity.records)
    return tuple(dict.fromkeys(chain(current, (old for old, _ in identity.retired_identifiers))))
