"""A thousand random histories of identity, each step checked: `python -m bench.soak_identity [WALKS [STEPS]]`.

Not a speed: ``broken`` must be empty. The short form is ``tests/property/test_identity_walks.py``.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections import Counter

from bench.machine import machine
from tests.identity_walks import Walk, broken_rules

WALKS, STEPS = 1_000, 40


def soak(walks: int, steps: int) -> dict[str, object]:
    """What was done how often, and every rule that did not hold."""
    began, done, broken = time.perf_counter(), Counter[str](), list[str]()
    for seed in range(walks):
        walk = Walk(seed)
        for _ in range(random.Random(seed).randint(steps // 2, steps)):
            walk.step()
            broken += [f"walk {seed} step {len(walk.steps)}: {line}" for line in broken_rules(walk.state)]
        lost = walk.decide_and_undo()
        broken += [f"walk {seed}: not as before after undoing: {part}" for part in lost]
        broken += [f"walk {seed} in the end: {line}" for line in broken_rules(walk.state)]
        done.update(step.split()[0].lstrip("_") + ("_refused" if "refused" in step else "") for step in walk.steps)
    return {
        "walks": walks,
        "steps": dict(sorted(done.items())),
        "broken": broken[:20],
        "broken_count": len(broken),
        "seconds": round(time.perf_counter() - began, 1),
    }


if __name__ == "__main__":
    asked = [int(text) for text in sys.argv[1:]]
    found = soak(*(asked + [WALKS, STEPS][len(asked) :]))
    print(json.dumps({"machine": machine(), **found}, indent=2))
    sys.exit(1 if found["broken"] else 0)
