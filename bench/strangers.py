"""Labelled people that no model was tuned on: other names, other facilities, other errors than the shared set.

Written to judge `priorlink mpi link`, never to tune it. Each record says what kind of trouble its person makes.

python -m bench.strangers 4000 records.csv truth.csv
"""

from __future__ import annotations

import csv
import datetime as dt
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from bench.stranger_names import CITIES, NAMES, NICKNAMES, ROMANISED, SOUND_ALIKE, STREETS
from mpi.identity.patient_rows import COLUMNS

FACILITIES = ("ST_OLAF", "MERCY", "COUNTY", "KINDER")
_TEST_ROWS = (("TEST", "PATIENT"), ("ZZTEST", "RADIOLOGY"), ("TESTPATIENT", "TWO"), ("DO NOT USE", "TEST"))


@dataclass(frozen=True, slots=True)
class Someone:
    """One invented person as they are."""

    person_id: str
    kind: str
    group: str
    family: str
    given: str
    middle: str
    suffix: str
    born: dt.date
    sex: str
    phone: str
    home: tuple[str, str, str]
    ssn_last4: str
    national_id: str
    former_family: str = ""


@dataclass(slots=True)
class Town:
    """Where the people come from: draws persons, never the same number twice."""

    draw: random.Random
    made: int = 0

    def home(self) -> tuple[str, str, str]:
        city, code = self.draw.choice(CITIES)
        street = self.draw.choice(STREETS)
        unit = f" Apt {self.draw.randint(1, 90)}" if self.draw.random() < 0.2 else ""
        return f"{self.draw.randint(1, 2400)} {street}{unit}", city, f"{code}{self.draw.randint(0, 60):02d}"

    def phone(self) -> str:
        return f"{self.draw.choice((212, 305, 406, 614, 713, 802))}{self.draw.randint(2_000_000, 9_999_999)}"

    def day(self, first: int, last: int) -> dt.date:
        return dt.date(first, 1, 1) + dt.timedelta(days=self.draw.randrange((last - first + 1) * 365))

    def someone(self, kind: str, **fixed: object) -> Someone:
        self.made += 1
        group = str(fixed.get("group", self.draw.choice(tuple(NAMES))))
        families, women, men = NAMES[group]
        sex = str(fixed.get("sex", self.draw.choice("FM")))
        initial = self.draw.choice("ABCDEFGHJKLMNPRSTW") if self.draw.random() < 0.5 else ""
        person = Someone(
            person_id=f"P{self.made:05d}",
            kind=kind,
            group=group,
            family=self.draw.choice(families),
            given=self.draw.choice(women if sex == "F" else men),
            middle=initial,
            suffix="",
            born=self.day(1932, 2021),
            sex=sex,
            phone=self.phone(),
            home=self.home(),
            ssn_last4=f"{self.draw.randint(1, 9998):04d}",
            national_id=f"8{self.draw.randint(10**8, 10**9 - 1)}",
        )
        return replace(person, **fixed)  # type: ignore[arg-type]


def households(town: Town) -> Iterator[list[Someone]]:
    """Groups of people that a careless matcher would mix."""
    kinds: tuple[tuple[Callable[[Town], list[Someone]], float], ...] = (
        (_alone, 0.55),
        (_family, 0.17),
        (_twins, 0.06),
        (_father_and_son, 0.06),
        (_newborn, 0.04),
        (_newborn_twins, 0.01),
        (_near_namesakes, 0.025),
        (_namesakes, 0.02),
        (_married, 0.06),
        (_unidentified, 0.005),
    )
    makers, weights = zip(*kinds, strict=True)
    while True:
        yield town.draw.choices(makers, weights)[0](town)


def _alone(town: Town) -> list[Someone]:
    return [town.someone("")]


def _family(town: Town) -> list[Someone]:
    one = town.someone("household")
    same = {"group": one.group, "family": one.family, "phone": one.phone, "home": one.home}
    others = (town.someone("household", **same) for _ in range(town.draw.randint(1, 3)))
    return list({person.given: person for person in (*others, one)}.values())


def _twins(town: Town) -> list[Someone]:
    one = town.someone("twin", born=town.day(1955, 2021))
    same = {"group": one.group, "family": one.family, "phone": one.phone, "home": one.home, "born": one.born}
    other = town.someone("twin", **same)
    if town.draw.random() < 0.35:
        first, second = town.draw.choice(SOUND_ALIKE[one.sex])
        one = replace(one, given=first, middle="A")
        other = replace(other, given=second, sex=one.sex, middle="K")
    while other.given == one.given:
        other = replace(other, given=town.draw.choice(NAMES[one.group][1 if other.sex == "F" else 2]))
    return [one, other]


def _father_and_son(town: Town) -> list[Someone]:
    son = town.someone("jr_sr", sex="M", suffix="Jr", born=town.day(1965, 2015))
    years = town.draw.randint(19, 41)
    born = son.born.replace(year=son.born.year - years, day=min(son.born.day, 28))
    if town.draw.random() < 0.7:
        born = born + dt.timedelta(days=town.draw.randint(-170, 170))
    father = replace(
        town.someone("jr_sr", group=son.group, sex="M"),
        family=son.family,
        given=son.given,
        middle=son.middle,
        suffix="Sr",
        born=born,
        phone=son.phone,
        home=son.home,
    )
    return [father, son]


def _newborn(town: Town) -> list[Someone]:
    mother = town.someone("newborn", sex="F", born=town.day(1982, 2004))
    child = town.someone("newborn", group=mother.group, phone=mother.phone, home=mother.home, born=town.day(2022, 2025))
    return [mother, replace(child, family=mother.family)]


def _newborn_twins(town: Town) -> list[Someone]:
    mother, first = _newborn(town)
    second = town.someone(
        "newborn_twin", group=first.group, family=first.family, phone=first.phone, home=first.home, born=first.born
    )
    return [mother, replace(first, kind="newborn_twin"), second]


def _near_namesakes(town: Town) -> list[Someone]:
    one = town.someone("near_namesake", group="anglo")
    day = one.born + dt.timedelta(days=town.draw.choice((-9, -1, 1, 10, 20)))
    return [
        one,
        town.someone("near_namesake", group="anglo", family=one.family, given=one.given, sex=one.sex, born=day),
    ]


def _namesakes(town: Town) -> list[Someone]:
    one = town.someone("namesake", group="anglo")
    same = {"group": "anglo", "family": one.family, "given": one.given, "sex": one.sex, "born": one.born}
    return [one, town.someone("namesake", **same)]


def _married(town: Town) -> list[Someone]:
    one = town.someone("married", sex="F", born=town.day(1940, 2000))
    new = town.draw.choice(NAMES[one.group][0])
    return [replace(one, former_family=one.family, family=new)]


def _unidentified(town: Town) -> list[Someone]:
    return [
        town.someone(
            "unidentified",
            family="UNKNOWN",
            given=f"{town.draw.choice(('MALE', 'FEMALE', 'TRAUMA'))}",
            born=dt.date(1900, 1, 1),
            phone="",
            home=("", "", ""),
            ssn_last4="",
            national_id="",
        )
        for _ in range(2)
    ]


def records(count: int, *, seed: int) -> Iterator[tuple[Someone, dict[str, str]]]:
    """(whose, row); about so many, in random order. Local numbers of one facility are handed out twice now and then."""
    draw = random.Random(seed)
    town, written = Town(draw), Desk(draw)
    found: list[tuple[Someone, dict[str, str]]] = []
    for group in households(town):
        for person in group:
            times = 1 if person.kind == "unidentified" else draw.choices((1, 2, 3, 4), (0.38, 0.34, 0.2, 0.08))[0]
            moved = replace(person, home=town.home(), phone=town.phone()) if draw.random() < 0.15 else person
            found.extend((person, written.row(draw.choice((person, moved)))) for _ in range(times))
        if len(found) >= count:
            break
    for number, (family, given) in enumerate(_TEST_ROWS):
        person = town.someone("test", family=family, given=given, born=dt.date(1900, 1, 1), phone="5555555555")
        found.append((person, written.row(replace(person, home=("1 Test St", "Test", "00000"), ssn_last4="9999"))))
        found[-1][1]["facility"] = FACILITIES[number % 2]
    draw.shuffle(found)
    yield from found


@dataclass(slots=True)
class Desk:
    """Writes a person down as registration desks do."""

    draw: random.Random
    numbers: int = 1_000
    last: str = ""

    def row(self, person: Someone) -> dict[str, str]:
        facility = self.draw.choice(FACILITIES)
        row = dict.fromkeys(COLUMNS, "")
        street, city, code = person.home
        row.update(
            facility=facility,
            mrn=self._number(facility, person),
            family=person.former_family if person.former_family and self.draw.random() < 0.4 else person.family,
            given=person.given,
            middle=person.middle if self.draw.random() < 0.6 else "",
            suffix=person.suffix if self.draw.random() < 0.45 else "",
            birth_date=person.born.isoformat(),
            sex=person.sex,
            phone=self._phone(person.phone, facility),
            street=street,
            city=city,
            postal_code=code,
            ssn_last4=person.ssn_last4 if self.draw.random() < 0.45 else "",
            national_id=person.national_id if self.draw.random() < 0.35 else "",
            registered_on=dt.date(2012 + self.draw.randrange(13), self.draw.randint(1, 12), 11).isoformat(),
        )
        if person.kind not in ("unidentified", "test"):
            self._spoil(row, person)
        return self._in_house_style(row, facility)

    def _number(self, facility: str, person: Someone) -> str:
        if facility == "COUNTY" and self.last and person.kind == "" and self.draw.random() < 0.01:
            return self.last
        self.numbers += 1
        number = {"COUNTY": f"{self.numbers:09d}", "MERCY": f"M-{self.numbers}"}.get(facility, str(self.numbers))
        self.last = number if facility == "COUNTY" else self.last
        return number

    def _phone(self, digits: str, facility: str) -> str:
        if not digits or self.draw.random() < 0.2:
            return ""
        area, middle, end = digits[:3], digits[3:6], digits[6:]
        forms = {"MERCY": f"({area}) {middle}-{end}", "COUNTY": f"1{digits}", "KINDER": f"+1 {area}.{middle}.{end}"}
        return forms.get(facility, digits)

    def _spoil(self, row: dict[str, str], person: Someone) -> None:
        chance = self.draw.random
        is_infant = person.kind.startswith("newborn") and person.born.year >= 2022
        if is_infant and chance() < 0.4:
            row["given"] = self.draw.choice(("BABY", "Newborn", "Baby Girl", "BB", "Infant"))
            row["ssn_last4"] = row["national_id"] = row["middle"] = ""
        elif chance() < 0.12:
            row["given"] = self.draw.choice(NICKNAMES.get(row["given"], (row["given"],)))
        elif chance() < 0.2:
            row["family"], row["given"] = (ROMANISED.get(row[name], row[name]) for name in ("family", "given"))
        if chance() < 0.05:
            row["given"] = _slip(self.draw, row["given"])
        if chance() < 0.05:
            row["family"] = _slip(self.draw, row["family"])
        if chance() < 0.015 and not is_infant:
            row["family"], row["given"] = row["given"], row["family"]
        if chance() < 0.03:
            row["birth_date"] = self._misread(person.born)
        if chance() < 0.15:
            row["street"] = row["city"] = row["postal_code"] = ""
        elif chance() < 0.1:
            row["street"] = _slip(self.draw, row["street"])
        if chance() < 0.02:
            row["sex"] = self.draw.choice(("U", "", "F", "M"))

    def _misread(self, born: dt.date) -> str:
        options = [
            born.replace(day=min(28, born.day)).isoformat()[:8] + f"{self.draw.randint(1, 28):02d}",
            "1900-01-01",
            "",
        ]
        if born.day <= 12:
            options.append(f"{born.year}-{born.day:02d}-{born.month:02d}")
        return self.draw.choice(options)

    def _in_house_style(self, row: dict[str, str], facility: str) -> dict[str, str]:
        if facility == "COUNTY":
            row.update({name: row[name].upper() for name in ("family", "given", "street", "city")})
        if facility == "KINDER" and row["given"]:
            row["family"] = "^".join((row["family"], row["given"], row["middle"], "", row["suffix"])).rstrip("^")
            row["given"] = row["middle"] = row["suffix"] = ""
        if facility == "MERCY":
            row["street"] = row["street"].replace("Street", "St.").replace("Avenue", "Ave")
        return row


def _slip(draw: random.Random, text: str) -> str:
    """One slip of the finger: a letter lost, doubled, or two changed places."""
    if len(text) < 4:
        return text
    at = draw.randrange(1, len(text) - 1)
    return draw.choice(
        (
            text[:at] + text[at + 1 :],
            text[:at] + text[at] + text[at:],
            text[:at] + text[at + 1] + text[at] + text[at + 2 :],
        )
    )


def write_strangers(count: int, into: Path, truth: Path, *, seed: int = 11) -> None:
    """Write the records as ``mpi link`` reads them, and whose they are."""
    with into.open("w", encoding="utf-8", newline="") as out, truth.open("w", encoding="utf-8", newline="") as said:
        rows, persons = csv.DictWriter(out, COLUMNS, lineterminator="\n"), csv.writer(said, lineterminator="\n")
        rows.writeheader()
        persons.writerow(("record_id", "person_id", "kind"))
        for number, (person, row) in enumerate(records(count, seed=seed)):
            rows.writerow({**row, "record_id": f"S{number:06d}"})
            persons.writerow((f"S{number:06d}", person.person_id, person.kind))


if __name__ == "__main__":
    write_strangers(int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
