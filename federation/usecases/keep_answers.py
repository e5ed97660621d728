"""Keep what sites said in the study index.

What a late site adds has the person's recent orders judged again; what cannot be the person's goes to records staff.
"""

from __future__ import annotations

from collections.abc import Sequence

from federation.asking.desk import Heard
from federation.imaging.study_index import entry_after, entry_of, lists_other_studies
from federation.ports import UnitOfWork
from federation.usecases.reassess_alerts import REASSESS_WITHIN
from federation.usecases.report_set_apart import report_set_apart
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.ports import Clock, NewId
from mpi.usecases.follow_identifier import follow_identifier

PRIORS_CHANGED = "priors_changed"


def keep_answers(answers: Sequence[Heard], *, uow: UnitOfWork, clock: Clock, new_id: NewId) -> None:
    """Bring the index up to date in the caller's transaction.

    An answer that came after those who asked had left, and that says something new, puts ``priors_changed`` into the
    outbox for the persons who have orders that were judged of late.
    """
    uow.lock([f"study_index:{heard.site_id}|{heard.identifier}" for heard in answers])
    kept = {(entry.site_id, entry.identifier): entry for entry in uow.study_index.of([h.identifier for h in answers])}
    revised: dict[PatientIdentifier, None] = {}
    for heard in answers:
        before = kept.get((heard.site_id, heard.identifier))
        said = entry_of(
            heard.site_id,
            heard.identifier,
            heard.answer.studies,
            heard.as_of,
            is_complete=heard.answer.is_complete,
            warnings=heard.answer.warnings,
        )
        after = entry_after(before, said)
        if after != before:
            uow.study_index.save(after)
        record = follow_identifier(heard.identifier, uow=uow) if said.studies else None
        if record is not None:
            report_set_apart(record, said.studies, uow=uow, clock=clock, new_id=new_id)
        if heard.is_late and lists_other_studies(before, after):
            revised[heard.identifier] = None
    _have_judged_again(tuple(revised), uow, clock)


def _have_judged_again(identifiers: Sequence[PatientIdentifier], uow: UnitOfWork, clock: Clock) -> None:
    now = clock()
    persons: dict[EnterpriseId, None] = {}
    for identifier in identifiers:
        record = follow_identifier(identifier, uow=uow)
        if record is not None and record.enterprise_id is not None:
            persons[record.enterprise_id] = None
    waiting = [p for p in persons if uow.order_checks.open_checks_of([p], since=now - REASSESS_WITHIN)]
    if waiting:
        uow.outbox.add(PRIORS_CHANGED, {"enterprise_ids": [str(person) for person in waiting]}, at=now)
