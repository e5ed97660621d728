"""Descriptions a second that the normaliser reads (never seen before, and seen ones), and pairs a second of the rules.

One core, one process. The baseline is casefolding and splitting the same texts. ``profile`` names the functions with
the most time of their own.
"""

from __future__ import annotations

import cProfile
import csv
import json
import os
import pstats
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from federation.imaging.assessment import OrderFacts, PriorFacts
from federation.imaging.duplicate_rules import assess
from federation.imaging.procedure_normalizer import normalize_procedure
from federation.imaging.rule_set import default_rule_set
from federation.imaging.scenarios import parse_scenarios

ROOT = Path(__file__).resolve().parents[1]
LABELLED = ROOT / "tests" / "accuracy" / "procedures_unseen.csv"
SCENARIOS = ROOT / "tests" / "golden" / "scenarios_unseen.json"
DESCRIPTIONS = int(os.environ.get("BENCH_DESCRIPTIONS", "20000"))
PAIRS = int(os.environ.get("BENCH_PAIRS", "50000"))
_PRIORS_EACH = 10
_Work = TypeVar("_Work")


def run() -> dict[str, object]:
    """Measure; best of three rounds each."""
    labelled = _labelled()
    unseen = DESCRIPTIONS / min(_seconds(_read, _never_seen(labelled, DESCRIPTIONS, seed)) for seed in range(3))
    known = _never_seen(labelled, 1_000, 99) * 20
    _read(known)
    seen = len(known) / min(_seconds(_read, known) for _ in range(3))
    split = DESCRIPTIONS / min(_seconds(_split, _never_seen(labelled, DESCRIPTIONS, seed)) for seed in range(3))
    orders = _orders()
    pairs = len(orders) * _PRIORS_EACH / min(_seconds(_judge, orders) for _ in range(3))
    return {
        "unseen_descriptions": _rate(unseen, 5_000),
        "seen_descriptions": _rate(seen, 100_000),
        "order_prior_pairs": _rate(pairs, 20_000),
        "baseline_casefold_and_split_per_second": round(split),
        "descriptions": DESCRIPTIONS,
        "priors_an_order": _PRIORS_EACH,
        "profile": {
            "normaliser": _profile(_read, _never_seen(labelled, 3_000, 41)),
            "evaluator": _profile(_judge, orders[:500]),
        },
    }


def _rate(per_second: float, goal: int) -> dict[str, object]:
    return {"per_second": round(per_second), "goal": goal, "holds": per_second >= goal}


def _labelled() -> list[dict[str, str]]:
    with LABELLED.open(encoding="utf-8", newline="") as lines:
        return [row for row in csv.DictReader(lines) if row["description"]]


def _never_seen(labelled: Sequence[dict[str, str]], count: int, seed: int) -> list[tuple[str, str, str]]:
    """Labelled texts, each with a number nobody wrote before."""
    chance = random.Random(seed)
    chosen = (chance.choice(labelled) for _ in range(count))
    return [
        (f"{row['description']} {seed}{chance.randrange(10**8)}", row["dicom_modality"], row["body_part_examined"])
        for row in chosen
    ]


def _read(texts: Sequence[tuple[str, str, str]]) -> None:
    for description, modality, body_part in texts:
        normalize_procedure(description, dicom_modality=modality, body_part_examined=body_part)


def _split(texts: Sequence[tuple[str, str, str]]) -> None:
    for description, _, _ in texts:
        description.casefold().split()


def _orders() -> list[tuple[OrderFacts, tuple[PriorFacts, ...]]]:
    """Orders of the scenarios, each with priors of all of them."""
    scenarios = parse_scenarios(json.loads(SCENARIOS.read_text(encoding="utf-8")))
    priors = [prior for scenario in scenarios for prior in scenario.priors]
    chance = random.Random(3)
    orders = [scenario.order for scenario in scenarios if not scenario.order.flags]
    return [(chance.choice(orders), tuple(chance.sample(priors, _PRIORS_EACH))) for _ in range(PAIRS // _PRIORS_EACH)]


def _judge(orders: Sequence[tuple[OrderFacts, tuple[PriorFacts, ...]]]) -> None:
    rules = default_rule_set()
    for order, priors in orders:
        assess(order, priors, rules)


def _seconds(act: Callable[[_Work], None], work: _Work) -> float:
    started = time.perf_counter()
    act(work)
    return time.perf_counter() - started


def _profile(act: Callable[[_Work], None], work: _Work) -> list[str]:
    """The five functions with the most time of their own, as shares of the whole."""
    profile = cProfile.Profile()
    profile.runcall(act, work)
    stats = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    whole = sum(own for _, _, own, _, _ in stats.values())
    most = sorted(stats.items(), key=lambda entry: -entry[1][2])[:5]
    return [f"{Path(file).name}:{name} {own / whole:.0%}" for (file, _, name), (_, _, own, _, _) in most]
