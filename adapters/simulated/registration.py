"""How a second hospital writes down the same person: typing errors, nicknames, married names, lost fields."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

from anyascii import anyascii

from adapters.simulated import names
from mpi.identity.demographics import AdministrativeSex, Demographics, PartialDate, PersonName, PostalAddress

_Trouble = Callable[[random.Random, Demographics], Demographics]


def garble(rng: random.Random, person: Demographics) -> Demographics:
    """The person as another hospital has it; often the same."""
    for share, trouble in _TROUBLES:
        if rng.random() < share:
            person = trouble(rng, person)
    return person


def _typing_error(rng: random.Random, person: Demographics) -> Demographics:
    part = rng.choice(("family", "given"))
    return replace(person, name=replace(person.name, **{part: _mistype(rng, getattr(person.name, part))}))


def _mistype(rng: random.Random, text: str) -> str:
    """One letter lost, doubled, or changed with its neighbour; never the first."""
    if len(text) < 4:
        return text
    place = rng.randrange(1, len(text) - 1)
    head, letter, following, tail = text[:place], text[place], text[place + 1], text[place + 2 :]
    return head + rng.choice((following + letter, letter + letter + following, following)) + tail


def _nickname(rng: random.Random, person: Demographics) -> Demographics:
    return replace(person, name=replace(person.name, given=names.NICKNAMES.get(person.name.given, person.name.given)))


def _married_name(rng: random.Random, person: Demographics) -> Demographics:
    if person.sex is not AdministrativeSex.FEMALE:
        return person
    maiden = PersonName(person.name.family, person.name.given, use="M")
    return replace(person, name=replace(person.name, family=rng.choice(names.FAMILIES)), aliases=(maiden,))


def _swapped_names(rng: random.Random, person: Demographics) -> Demographics:
    return replace(person, name=replace(person.name, family=person.name.given, given=person.name.family))


def _no_accents(rng: random.Random, person: Demographics) -> Demographics:
    return replace(
        person, name=replace(person.name, family=anyascii(person.name.family), given=anyascii(person.name.given))
    )


def _no_birth_date(rng: random.Random, person: Demographics) -> Demographics:
    return replace(person, birth_date=None)


def _swapped_day_and_month(rng: random.Random, person: Demographics) -> Demographics:
    born = person.birth_date
    if born is None or born.day is None or born.day > 12:
        return person
    return replace(person, birth_date=PartialDate(born.year, born.day, born.month))


def _no_phone(rng: random.Random, person: Demographics) -> Demographics:
    return replace(person, phones=())


def _moved(rng: random.Random, person: Demographics) -> Demographics:
    town, postal_code = rng.choice(names.TOWNS)
    return replace(
        person, address=PostalAddress(f"{rng.randint(1, 199)} {rng.choice(names.STREETS)}", town, postal_code)
    )


def _no_middle_name(rng: random.Random, person: Demographics) -> Demographics:
    return replace(person, name=replace(person.name, middle=""))


_TROUBLES: tuple[tuple[float, _Trouble], ...] = (
    (0.08, _no_accents),
    (0.10, _nickname),
    (0.08, _married_name),
    (0.12, _typing_error),
    (0.03, _swapped_names),
    (0.04, _no_birth_date),
    (0.03, _swapped_day_and_month),
    (0.15, _no_phone),
    (0.10, _moved),
    (0.25, _no_middle_name),
)
