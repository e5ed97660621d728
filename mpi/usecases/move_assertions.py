"""What was said of a number that is merged away holds for the number that took its place."""

from __future__ import annotations

from dataclasses import replace

from mpi.identity.decisions import AlwaysLink, Assertions
from mpi.identity.identifiers import PatientIdentifier
from mpi.identity.review import NeverLink
from mpi.ports import UnitOfWork
from mpi.usecases.carry_out_decision import held_together_by_hand


def move_assertions(
    retired: PatientIdentifier, survivor: PatientIdentifier, *, is_one_person: bool, uow: UnitOfWork
) -> None:
    """Say again of the survivor what was said of the retired number, but nothing that staff's links of it deny.

    ``is_one_person`` false: the two have persons of their own that staff must look at; then only who they are not is
    said again. A decision that is undone later takes back what came of it here.
    """
    held = held_together_by_hand(survivor, uow)
    moved: dict[AlwaysLink | NeverLink, AlwaysLink | NeverLink] = {}
    known = {a.pair for a in uow.decisions.always_links_of((survivor,))}
    parted = {(n.left, n.right) for n in uow.reviews.never_links_of((survivor,))}
    for said in uow.reviews.never_links_of((retired,)):
        other = said.right if said.left == retired else said.left
        again = NeverLink.of(survivor, other, said_by=said.said_by, said_at=said.said_at)
        if other != survivor and other not in held and (again.left, again.right) not in parted:
            uow.reviews.assert_never(again)
            parted.add((again.left, again.right))
            moved[said] = again
    for link in uow.decisions.always_links_of((retired,)) if is_one_person else ():
        other = link.right if link.left == retired else link.left
        if other == survivor:
            continue
        said_again = AlwaysLink.of(
            survivor, other, link_source=link.link_source, said_by=link.said_by, said_at=link.said_at
        )
        if said_again.pair not in parted and said_again.pair not in known:
            uow.decisions.assert_always(said_again)
            moved[link] = said_again
    _tell_decisions(retired, moved, uow)


def _tell_decisions(
    retired: PatientIdentifier, moved: dict[AlwaysLink | NeverLink, AlwaysLink | NeverLink], uow: UnitOfWork
) -> None:
    for decision in uow.decisions.about((retired,)) if moved else ():
        again = [moved[said] for said in (*decision.added.always, *decision.added.never) if said in moved]
        if again:
            added = Assertions(
                (*decision.added.always, *(a for a in again if isinstance(a, AlwaysLink))),
                (*decision.added.never, *(n for n in again if isinstance(n, NeverLink))),
            )
            uow.decisions.save(replace(decision, added=added))
