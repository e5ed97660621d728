"""What was said of a number that is merged away holds for the number that took its place."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from mpi.identity.decisions import AlwaysLink, Assertions
from mpi.identity.identifiers import PatientIdentifier
from mpi.identity.review import NeverLink
from mpi.ports import UnitOfWork
from mpi.usecases.carry_out_decision import Pair, held_together_by_hand

Said = AlwaysLink | NeverLink


def move_assertions(
    retired: PatientIdentifier, survivor: PatientIdentifier, *, is_one_person: bool, uow: UnitOfWork
) -> bool:
    """Say again of the survivor what was said of the retired number; false when staff's words clash over it.

    Nothing is said again that staff's links of the survivor deny. ``is_one_person`` false: the two have persons of
    their own that staff must look at; then only who they are not is said again. A decision that is undone later takes
    back what came of it here.
    """
    moved: dict[Said, Said] = {}
    agrees = True
    links = uow.decisions.always_links_of((retired,))
    old = {link.pair for link in links}
    held = held_together_by_hand(survivor, uow, without=old)
    for said in uow.reviews.never_links_of((retired,)):
        other = said.right if said.left == retired else said.left
        if other in held:
            agrees &= other == survivor
        else:
            _say(said, NeverLink.of(survivor, other, said_by=said.said_by, said_at=said.said_at), moved, uow)
    for link in links if is_one_person else ():
        other = link.right if link.left == retired else link.left
        if other == survivor:
            continue
        again = AlwaysLink.of(survivor, other, link_source=link.link_source, said_by=link.said_by, said_at=link.said_at)
        if _parts(survivor, other, old, uow):
            agrees = False
        else:
            _say(link, again, moved, uow)
    _tell_decisions(retired, moved, uow)
    return agrees


def _parts(survivor: PatientIdentifier, other: PatientIdentifier, old: Collection[Pair], uow: UnitOfWork) -> bool:
    """The survivor, or one linked with it by hand, is said to differ from one that would come along by hand."""
    ours = held_together_by_hand(survivor, uow, without=old)
    theirs = held_together_by_hand(other, uow, without=old) - ours
    said = uow.reviews.never_links_of(ours)
    return any((n.left in ours and n.right in theirs) or (n.left in theirs and n.right in ours) for n in said)


def _say(said: Said, again: Said, moved: dict[Said, Said], uow: UnitOfWork) -> None:
    """Unless it is known already; then it is not this decision's to take back."""
    pair = (again.left, again.right)
    if isinstance(again, NeverLink):
        if pair not in {(n.left, n.right) for n in uow.reviews.never_links_of((again.left,))}:
            uow.reviews.assert_never(again)
            moved[said] = again
    elif pair not in {a.pair for a in uow.decisions.always_links_of((again.left,))}:
        uow.decisions.assert_always(again)
        moved[said] = again


def _tell_decisions(retired: PatientIdentifier, moved: dict[Said, Said], uow: UnitOfWork) -> None:
    for decision in uow.decisions.about((retired,)) if moved else ():
        again = [moved[said] for said in (*decision.added.always, *decision.added.never) if said in moved]
        if again:
            added = Assertions(
                (*decision.added.always, *(a for a in again if isinstance(a, AlwaysLink))),
                (*decision.added.never, *(n for n in again if isinstance(n, NeverLink))),
            )
            uow.decisions.save(replace(decision, added=added))
