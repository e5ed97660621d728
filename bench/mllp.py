"""ADT messages over MLLP: several senders, each waiting for its acknowledgement, which comes after the commit.

python -m bench.mllp --people 2000    tries it out and records nothing
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from adapters.hl7v2.framing import FrameReader, framed
from bench.crowd import crowd
from bench.hub import KINDS, database, make_hub
from bench.load_test import Timed, summary

PEOPLE = 100_000
MESSAGES = 8_000
WARMING = 200
SENDERS = 4


def run(people: int = PEOPLE, kinds: Sequence[str] = KINDS) -> dict[str, object]:
    """Half of the messages are about somebody known, half about strangers; all are A04."""
    return {kind: _measure(kind, people) for kind in kinds}


def _measure(kind: str, size: int) -> dict[str, object]:
    coming = crowd(size, min(MESSAGES, size // 4) + WARMING)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name, database(kind, Path(name)) as url:
        hub = make_hub(Path(name), url)
        coming.write(hub.folder / "people.csv")
        hub.run("mpi", "load", hub.folder / "people.csv")
        messages = [_message(row, f"B{number}") for number, row in enumerate(coming.arriving)]
        with hub.running("listen") as ready:
            asyncio.run(_send_all(ready["mllp_port"], messages[:WARMING]))
            timed = asyncio.run(_send_all(ready["mllp_port"], messages[WARMING:]))
    return {**summary(timed), "senders": SENDERS, "records": len(coming.known), "messages": len(timed.times_ms)}


async def _send_all(port: int, messages: Sequence[bytes]) -> Timed:
    started = time.perf_counter()
    times = await asyncio.gather(*(_send(port, messages[n::SENDERS]) for n in range(SENDERS)))
    return Timed([time_ms for of_sender in times for time_ms in of_sender], time.perf_counter() - started)


async def _send(port: int, messages: Sequence[bytes]) -> list[float]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    frames, times = FrameReader(max_frame_bytes=1 << 20), []
    for message in messages:
        begun = time.perf_counter()
        writer.write(framed(message))
        answers: Sequence[object] = ()
        while not answers:
            answers = answered = frames.feed(await reader.read(65_536))
        if b"MSA|AA|" not in answered[0].content:
            raise RuntimeError("a message was not taken")
        times.append((time.perf_counter() - begun) * 1000)
    writer.close()
    await writer.wait_closed()
    return times


def _message(row: dict[str, str], control_id: str) -> bytes:
    site, born = row["facility"], row["birth_date"].replace("-", "")
    name = f"{row['family']}^{row['given']}^{row['middle']}"
    address = f"{row['street']}^^{row['city']}^^{row['postal_code']}"
    segments = (
        rf"MSH|^~\&|ADT|{site}|MPI|FED|20260301101500||ADT^A04|{control_id}|P|2.5",
        "EVN|A04|20260301101500",
        f"PID|1||{row['mrn']}^^^{site}||{name}||{born}|{row['sex']}|||{address}||{row['phone']}",
        "PV1|1|O",
    )
    return "".join(f"{segment}\r" for segment in segments).encode()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, default=2_000)
    parser.add_argument("--on", choices=KINDS, nargs="+", default=["postgresql"])
    chosen = parser.parse_args()
    print(json.dumps(run(chosen.people, chosen.on), indent=2))
