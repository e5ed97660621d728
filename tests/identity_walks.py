"""Random walks through everything that can happen to records of an index, and what must hold after every step."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

from adapters.simulated.memory_state import MemoryState
from mpi.errors import MergeRefused, StaleDecision, UnknownIdentifier
from mpi.identity.decisions import AlwaysLink
from mpi.identity.demographics import Demographics
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.identity.records import LinkSource, RecordStatus, SourceRecord
from mpi.identity.review import NeverLink, RecordSide, ReviewDecision, ReviewStatus
from mpi.usecases.decide_review import DecideReview, decide_review
from mpi.usecases.register_record import RegisterOutcome
from tests.builders import Index, person

NUMBERS = tuple(f"{authority}|{number}" for authority in ("NGH", "LKM", "RDI") for number in range(4))
REFUSALS = (MergeRefused, StaleDecision, UnknownIdentifier)


def people() -> tuple[Demographics, ...]:
    """Few people in many spellings, so that scores link, doubt and veto."""
    ana = person("Arroyo", "Ana", middle="Luz", born="1984-03-12", sex="F", phone="202-555-0134", street="12 Mill Road",
                 city="Harlow Falls", postal_code="00112", ssn_last4="4821")  # fmt: skip
    twin = replace(ana, name=replace(ana.name, given="Anna", middle="Rosa"), ssn_last4="7310")
    otto = person("Okafor", "Otto", born="1951-11-30", sex="M", phone="202-555-0177", street="9 Elm Street")
    return (
        ana,
        replace(ana, phones=()),
        replace(ana, name=replace(ana.name, family="Whitlock"), address=person().address),
        person("Arroyo", "Ana", born="1984-03-12", sex="F"),
        twin,
        replace(twin, phones=(), ssn_last4=""),
        otto,
        replace(otto, name=replace(otto.name, suffix="Jr"), birth_date=person(born="1979-02-03").birth_date),
        person("Okafor", "O", born="1951-11-30"),
    )


class Walk:
    """One random history; every step is a transaction that works or is refused as a whole."""

    def __init__(self, seed: int) -> None:
        self.index = Index()
        self.seed = seed
        self._random = random.Random(seed)
        self._people = people()
        self.steps: list[str] = []
        self._moves: tuple[Callable[[], object], ...] = (
            *(self._register,) * 6,
            *(self._decide,) * 2,
            *(self._undo,) * 2,
            self._hold,
            *(self._release,) * 2,
            self._link,
            self._unlink,
            self._different,
            self._split,
            self._merge_persons,
            self._a40,
            self._a40,
            self._a24,
            self._a37,
            self._a29,
        )
        self._decisions = (self._link, self._unlink, self._different, self._split, self._merge_persons, self._hold)

    def step(self) -> None:
        self._try(self._random.choice(self._moves))

    def _try(self, move: Callable[[], object]) -> None:
        self.steps.append(move.__name__)
        try:
            move()
        except REFUSALS as refused:
            self.steps[-1] += f" refused {type(refused).__name__}"

    def decide_and_undo(self) -> list[str]:
        """Some decisions of staff, then all of them undone, the last one first; what is not as it was before."""
        before, had = Told.of(self.state), set(self.state.decisions)
        for _ in range(self._random.randint(1, 4)):
            self._try(self._random.choice(self._decisions))
        made = [d for decision_id, d in self.state.decisions.items() if decision_id not in had]
        for decision in reversed(made):
            self.index.undo(decision)
        return before.differences(Told.of(self.state))

    @property
    def state(self) -> MemoryState:
        return self.index.store.committed

    def _number(self) -> str:
        return self._random.choice(NUMBERS)

    def _said(self, *numbers: str) -> tuple[str, ...]:
        self.steps[-1] += f" {numbers}"
        return numbers

    def _register(self) -> None:
        number = self._number()
        also = [self._number()] if self._random.random() < 0.2 else []
        also += ["NATID|999000123"] if self._random.random() < 0.1 else []
        ids = self._said(*dict.fromkeys([number, *also]))
        self._check_members(self.index.register(*ids, as_=self._random.choice(self._people)))

    def _check_members(self, done: RegisterOutcome) -> None:
        """What a registration says of the person is what is stored."""
        if done.enterprise_id is not None and done.members:
            with self.index.units() as uow:
                assert done.members == uow.records.of_person(done.enterprise_id), f"seed {self.seed}"

    def _two(self) -> tuple[str, str]:
        left, right = self._said(*self._random.sample(NUMBERS, 2))
        return left, right

    def _link(self) -> None:
        self.index.link(*self._two())

    def _unlink(self) -> None:
        self.index.unlink(*self._said(self._number()))

    def _different(self) -> None:
        self.index.different(*self._two())

    def _split(self) -> None:
        (number,) = self._said(self._number())
        members = [str(r.identifier) for r in self.index.resolve(number).records]
        leaving = self._random.sample(members, self._random.randint(1, len(members)))
        self.index.split(number, *self._said(*leaving))

    def _merge_persons(self) -> None:
        self.index.merge_persons(*self._two())

    def _undo(self) -> None:
        decisions = list(self.state.decisions.values())
        if decisions:
            decision = self._random.choice(decisions)
            self._said(decision.kind.value, decision.decision_id)
            self.index.undo(decision)

    def _decide(self) -> None:
        items = [i for i in self.state.reviews.values() if i.status is ReviewStatus.OPEN]
        if items:
            item = self._random.choice(items)
            answer = self._random.choice(list(ReviewDecision))
            self._said(answer.value, item.kind.value, str(item.left), str(item.right))
            suspected = self._random.choice(list(RecordSide))
            command = DecideReview(item.review_item_id, item.version, answer, "clerk-3", "two voices", suspected)
            self.index.act(decide_review, command)

    def _hold(self) -> None:
        self.index.hold(*self._said(self._number()))

    def _release(self) -> None:
        held = sorted(str(r.identifier) for r in self.state.records.values() if r.is_active and r.is_held)
        self.index.release(*self._said(self._random.choice(held or NUMBERS)))

    def _a40(self) -> None:
        authority = self._random.choice(("NGH", "LKM", "RDI"))
        survivor, subsumed = self._said(*self._random.sample([f"{authority}|{n}" for n in range(4)], 2))
        self.index.merge(survivor=survivor, subsumed=subsumed)

    def _a24(self) -> None:
        self.index.a24(*self._two())

    def _a37(self) -> None:
        self.index.a37(*self._two())

    def _a29(self) -> None:
        self.index.a29(*self._said(self._number()))


@dataclass(frozen=True)
class Told:
    """Everything about who is one person. ``asked``: open questions that ask about two persons."""

    records: dict[PatientIdentifier, SourceRecord]
    members: dict[EnterpriseId, frozenset[PatientIdentifier]]
    never_links: dict[tuple[PatientIdentifier, PatientIdentifier], NeverLink]
    always_links: dict[tuple[PatientIdentifier, PatientIdentifier], AlwaysLink]
    redirects: dict[EnterpriseId, EnterpriseId]
    keys_of: dict[PatientIdentifier, frozenset[str]]
    asked: frozenset[tuple[object, ...]]

    @classmethod
    def of(cls, state: MemoryState) -> Told:
        person = {i: r.enterprise_id or str(i) for i, r in state.records.items()}
        asked = {
            (item.kind, frozenset(person.get(i, str(i)) for i in (item.left, item.right)))
            for item in state.reviews.values()
            if item.status is ReviewStatus.OPEN and person.get(item.left) != person.get(item.right)
        }
        return cls(
            state.records,
            state.members,
            state.never_links,
            state.always_links,
            state.redirects,
            state.keys_of,
            frozenset(asked),
        )

    def differences(self, after: Told) -> list[str]:
        """Names of what is not the same; a question that came up since may stay, none may be lost."""
        parts = ("records", "members", "never_links", "always_links", "redirects", "keys_of")
        found = [name for name in parts if getattr(self, name) != getattr(after, name)]
        return found if self.asked <= after.asked else [*found, "asked"]


def broken_rules(state: MemoryState) -> list[str]:
    """What does not hold in a committed state, one line each."""
    return [
        *_one_person_each(state),
        *_chains(state),
        *_assertions(state),
        *_holds(state),
        *_history(state),
        *_questions(state),
        *_redirects(state),
    ]


def _active(state: MemoryState) -> list[SourceRecord]:
    return [r for r in state.records.values() if r.status is RecordStatus.ACTIVE]


def _one_person_each(state: MemoryState) -> list[str]:
    lines = [f"{r.identifier} has no person" for r in _active(state) if r.link is None]
    counted = Counter(i for members in state.members.values() for i in members)
    lines += [f"{i} is in {n} persons" for i, n in counted.items() if n != 1]
    lines += [f"{i} is a member but retired" for i in counted if not state.records[i].is_active]
    return lines + [f"{r.identifier} is an orphan" for r in _active(state) if r.identifier not in counted]


def _chains(state: MemoryState) -> list[str]:
    lines = []
    for start in state.records.values():
        seen, record = {start.identifier}, start
        while record.surviving_identifier is not None:
            if record.surviving_identifier in seen:
                lines.append(f"{start.identifier} resolves in a circle")
                break
            seen.add(record.surviving_identifier)
            following = state.records.get(record.surviving_identifier)
            if following is None:
                break
            record = following
    return lines


def _assertions(state: MemoryState) -> list[str]:
    def persons(left: PatientIdentifier, right: PatientIdentifier) -> tuple[str | None, str | None]:
        one, other = state.records.get(left), state.records.get(right)
        return (None if one is None else one.enterprise_id, None if other is None else other.enterprise_id)

    lines = []
    for left, right in state.never_links:
        one, other = persons(left, right)
        if one is not None and one == other:
            lines.append(f"{left} and {right} are one person although it was said that they are not")
    for link in state.always_links.values():
        one, other = persons(link.left, link.right)
        held = any(i in state.records and state.records[i].is_held for i in link.pair)
        if link.link_source is LinkSource.MANUAL and None not in (one, other) and one != other and not held:
            lines.append(f"{link.left} and {link.right} are two persons although staff linked them")
    return lines


def _holds(state: MemoryState) -> list[str]:
    """A held record is one person with nobody but numbers that stand for it alone; a standing decision holds it."""
    lines = []
    for record in _active(state):
        decision = state.decisions.get(record.hold or "")
        said = [d for d in state.decisions.values() if d.held == record.identifier and not d.is_undone]
        if not record.is_held:
            if said and said[-1].is_holding:
                lines.append(f"{record.identifier} is not held although staff hold it")
            continue
        if decision is None or not decision.is_holding or decision.held != record.identifier:
            lines.append(f"{record.identifier} is held by no decision that stands")
        if state.keys_of.get(record.identifier):
            lines.append(f"{record.identifier} is held but is found as a candidate")
        for other in state.members[record.enterprise_id] - {record.identifier}:  # type: ignore[index]
            if state.records[other].is_held or state.records[other].demographics != Demographics():
                lines.append(f"{record.identifier} is held but is one person with {other}")
    return lines


def _history(state: MemoryState) -> list[str]:
    """The newest entry that names a person names the one the record is in now."""
    lines = []
    for record in _active(state):
        entries = [e for e in state.history.get(record.identifier, ()) if e.enterprise_id is not None]
        if record.demographics == Demographics():
            continue
        if not entries:
            lines.append(f"{record.identifier} has no history")
        elif entries[-1].enterprise_id != record.enterprise_id:
            lines.append(f"{record.identifier}: history ends with {entries[-1].kind} in another person")
    return lines


def _questions(state: MemoryState) -> list[str]:
    lines = []
    asked: Counter[tuple[object, ...]] = Counter()
    for item in state.reviews.values():
        if item.status is not ReviewStatus.OPEN or item.left == item.right:
            continue
        asked[item.kind, frozenset((item.left, item.right))] += 1
        left, right = state.records.get(item.left), state.records.get(item.right)
        if item.score is None or left is None or right is None:
            continue
        if left.enterprise_id is not None and left.enterprise_id == right.enterprise_id:
            lines.append(f"{item.kind.value} about {item.left} and {item.right} is open but they are one person")
    return lines + [f"{key} is asked {n} times" for key, n in asked.items() if n > 1]


def _redirects(state: MemoryState) -> list[str]:
    lines = [f"{person} has records but redirects" for person in state.redirects if person in state.members]
    for start in state.redirects:
        seen, current = {start}, start
        while current in state.redirects:
            current = state.redirects[current]
            if current in seen:
                lines.append(f"{start} redirects in a circle")
                break
            seen.add(current)
    return lines
