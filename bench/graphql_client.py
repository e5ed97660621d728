"""Asks for a history again and again, so many at a time: JSON on stdin says what, the times go to stdout."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

import httpx2

from gateway.operations_files import operation

_WARM_UP = 10


async def ask(asked: dict[str, Any]) -> list[float]:
    """Milliseconds of each answer."""
    body = json.dumps({"query": operation("ImagingHistory"), "variables": asked["variables"]})
    headers = {"Authorization": f"Bearer {asked['token']}", "Content-Type": "application/json"}
    times: list[float] = []
    async with httpx2.AsyncClient(timeout=60, trust_env=False) as client:

        async def one() -> float:
            started = time.perf_counter()
            answer = await client.post(asked["url"], content=body, headers=headers)
            elapsed_ms = (time.perf_counter() - started) * 1000
            found = answer.json()["data"]["imagingHistory"]
            if not found["complete"] or not found["studies"]["edges"]:
                raise AssertionError("expected a complete history")
            return elapsed_ms

        async def many(rounds: int) -> None:
            for _ in range(rounds):
                times.append(await one())

        await many(_WARM_UP)
        times.clear()
        await asyncio.gather(*(many(asked["rounds"] // asked["at_once"]) for _ in range(asked["at_once"])))
    return times


if __name__ == "__main__":
    print(json.dumps(asyncio.run(ask(json.load(sys.stdin)))))
