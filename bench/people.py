"""Invented people in any number, with names, streets and towns as unevenly common as real ones. Seeded."""

from __future__ import annotations

import datetime as dt
import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass

_FIRST = ("Al", "Bar", "Cor", "Dan", "El", "Fer", "Gar", "Hol", "Is", "Jan", "Kel", "Lin", "Mar", "Nor", "Os", "Pet",
          "Quin", "Ros", "San", "Tor", "Ul", "Ver", "Wes", "Yar", "Zel")  # fmt: skip
_MIDDLE = ("a", "be", "co", "di", "er", "fi", "go", "ha", "in", "ka", "lo", "mi", "no", "ra", "se", "to", "ul", "va")
_FAMILY_END = ("ford", "man", "son", "well", "berg", "ez", "ski", "by", "stein", "ton", "wood", "dahl")
_GIVEN_END = ("a", "e", "o", "us", "is", "ine", "el", "on", "ric", "ette")
_STREET_END = ("Road", "Lane", "Street", "Way", "Close", "Avenue")
OLDEST_DAYS = 95 * 365


@dataclass(frozen=True, slots=True)
class Somebody:
    """One invented person as a registration desk writes it down."""

    family: str
    given: str
    middle: str
    birth_date: str
    sex: str
    phone: str
    street: str
    city: str
    postal_code: str


class Population:
    """Draws people; the n-th name of a list is about n times rarer than the first."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)
        self._families = _mixed(self._rng, ("".join(p) for p in itertools.product(_FIRST, _MIDDLE, _FAMILY_END)), 5000)
        self._givens = _mixed(self._rng, ("".join(p) for p in itertools.product(_FIRST, _MIDDLE, _GIVEN_END)), 900)
        self._streets = _mixed(self._rng, (f"{f}{m} {e}" for f in _FIRST for m in _MIDDLE for e in _STREET_END), 1500)
        self._towns = _mixed(self._rng, (f"{f}{m}{e}" for f in _FIRST for m in _MIDDLE for e in ("ham", "ville")), 400)
        self._weights = {len(n): list(itertools.accumulate(1 / (k + 10) for k in range(len(n)))) for n in self._lists()}

    def people(self, count: int) -> Iterator[Somebody]:
        """So many people, one after the other."""
        return (self._somebody() for _ in range(count))

    def _lists(self) -> tuple[list[str], ...]:
        return (self._families, self._givens, self._streets, self._towns)

    def _one_of(self, names: list[str]) -> str:
        return self._rng.choices(names, cum_weights=self._weights[len(names)])[0]

    def _somebody(self) -> Somebody:
        rng, town = self._rng, self._one_of(self._towns)
        born = dt.date(2025, 12, 31) - dt.timedelta(days=rng.randrange(OLDEST_DAYS))
        return Somebody(
            family=self._one_of(self._families),
            given=self._one_of(self._givens),
            middle=self._one_of(self._givens) if rng.random() < 0.3 else "",
            birth_date=born.isoformat(),
            sex=rng.choice("FM"),
            phone=f"{rng.randrange(2_010_000_000, 9_899_999_999)}",
            street=f"{rng.randrange(1, 400)} {self._one_of(self._streets)}",
            city=town,
            postal_code=f"{10_000 + self._towns.index(town) * 7}",
        )


def _mixed(rng: random.Random, names: Iterator[str], most: int) -> list[str]:
    listed = list(dict.fromkeys(names))
    rng.shuffle(listed)
    return listed[:most]
