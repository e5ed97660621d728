"""Hubs in one process for the browser: a full queue, and patients with a history."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from mpi.identity.review import ReviewDecision, ReviewStatus
from tests.browser.people import DEMO_WEB
from tests.builders import person
from tests.integration.hub_world import Hub, answering

PEOPLE = (
    ("Nakamura", "Hana", "Nakamora", "1961-07-04"),
    ("Okonkwo", "Chidi", "Okonkwo", "1975-01-03"),
    ("Petrovska", "Antonia", "Petrovzka", "1948-11-12"),
    ("Quispe", "Luzia", "Quispe", "1990-08-09"),
    ("Rasmussen", "Freja", "Rasmusen", "1983-03-21"),
    ("Szymanski", "Oleksa", "Szymansky", "1979-05-14"),
    ("Tanaka", "Renata", "Tanaka", "1966-10-02"),
    ("Underhill", "Peregrine", "Underhil", "1952-09-22"),
    ("Villanueva", "Ines", "Vilanueva", "1999-02-03"),
    ("Weatherby", "Rosalind", "Wetherby", "1937-12-24"),
    ("Xanthos", "Nikoletta", "Xantos", "1971-06-17"),
    ("Yilmaz", "Defne", "Yilmas", "1986-04-08"),
)
"""Family and given name at one hospital, family name at the other, birth date."""


def hub_with_queue(questions: int) -> Hub:
    """So many possible matches, opened by the matcher itself; every fourth is urgent, every other of the rest soon."""
    hub = Hub(answering("NGH"), web=DEMO_WEB)
    for number in range(questions):
        family, given, alike, born = PEOPLE[number % len(PEOPLE)]
        streets = f"{number + 1} Weaver Close", f"{number + 71} Mill Lane"
        here = person(family, given, born=born, sex="F", phone=f"202-555-0{100 + number}", street=streets[0])
        there = person(alike, given[:1], born=born, sex="F", street=streets[1])
        if alike == family:
            there = person(family, given, born=f"{born[:4]}-{born[8:]}-{born[5:7]}", sex="F", street=streets[1])
        for site, who in (("NGH", here), ("LKM", there)):
            hub.index.register(f"{site}|{10400 + number}", as_=who)
    with hub.units() as uow:
        items = uow.reviews.open_page(kinds=None, offset=0, limit=100).items
        assert len(items) == questions
        for number, item in enumerate(items):
            uow.reviews.save(replace(item, priority=2 if number % 4 == 3 else number % 2, version=item.version + 1))
        uow.commit()
    return hub


DECIDED = (
    (-4.0, ReviewDecision.DIFFERENT, 24),
    (3.0, ReviewDecision.DIFFERENT, 9),
    (4.0, ReviewDecision.SAME, 6),
    (8.0, ReviewDecision.SAME, 14),
    (12.0, ReviewDecision.SAME, 21),
    (13.0, ReviewDecision.DISMISSED, 3),
)
"""Score, decision and how many of them."""


def hub_with_decisions() -> Hub:
    """What two clerks decided in the last days; one question waits."""
    hub = hub_with_queue(1)
    now = hub.resources.clock()
    with hub.units() as uow:
        (waiting,) = uow.reviews.open_page(kinds=None, offset=0, limit=9).items
        number = 0
        for score, decision, count in DECIDED:
            for _ in range(count):
                number += 1
                at, by = now - dt.timedelta(days=number % 3), ("clerk-one", "clerk-two")[number % 2]
                decided = replace(waiting, review_item_id=f"decided-{number}", score=score, version=1, claimed_by=None)
                uow.reviews.save(
                    replace(decided, status=ReviewStatus.DECIDED, decision=decision, decided_by=by, decided_at=at)
                )
        uow.commit()
    return hub
