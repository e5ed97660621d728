"""``priorlink demo``: bring the world up, then play the story or wait for somebody to try it."""

from __future__ import annotations

import asyncio
import json
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from adapters.long_lived import set_long_lived_aside
from adapters.simulated.story import STORY
from gateway.cli.output import emit, progress, say
from gateway.demo.ehr import IDENTIFIER_SYSTEM, ISSUER
from gateway.demo.people import Person, order_for
from gateway.demo.story import CT_ABDOMEN, Step, describe_check, play
from gateway.demo.world import DemoWorld, demo_world, feed
from gateway.observability import configure_logging
from gateway.operations_files import operation
from gateway.permissions import Role
from mpi.identity.demographics import Demographics


def run_demo(*, check: bool, as_json: bool) -> int:
    """Run the demo; returns the exit code."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="priorlink-demo-") as name:
        folder = Path(name)
        log_path = folder / "demo.log"
        with log_path.open("w", encoding="utf-8") as log_stream:
            configure_logging(log_stream)
            say("starting the hub and four hospitals ...")
            with demo_world(folder) as world:
                refused = _feed_patients(world)
                set_long_lived_aside()
                if check:
                    steps = [*_told(play(world)), _log_step(world, log_path)]
                    return _conclude(steps, refused, time.monotonic() - began, as_json=as_json)
                _invite(world, time.monotonic() - began)
                _wait_for_signal()
    return 0


def _feed_patients(world: DemoWorld) -> int:
    total = sum(len(h.patients) for h in world.hospitals.values())
    with progress("patients arriving (HL7 v2 over MLLP)", total) as advance:
        refused = asyncio.run(feed(world, advance))
    studies = sum(len(h.studies) for h in world.hospitals.values())
    say(f"{total} patients registered by {len(world.hospitals)} hospitals, {studies} studies in their archives")
    return refused


def _told(steps: Iterator[Step]) -> list[Step]:
    played = []
    for step in steps:
        _tell(step)
        played.append(step)
    return played


def _tell(step: Step) -> None:
    say(f"\n({step.letter}) {step.title}")
    for line in step.seen:
        say(f"    {line}")
    for expectation in step.expectations:
        say(f"    {'ok    ' if expectation.holds else 'FAILED'} {expectation.text}")


def _log_step(world: DemoWorld, log_path: Path) -> Step:
    """Whatever was logged during the story must not name anybody."""
    step = Step("g", "the log of all this")
    text = log_path.read_text(encoding="utf-8").casefold()
    words = {word for h in world.hospitals.values() for p in h.patients for word in _telling_words(p.demographics)}
    numbers = {p.local_patient_id.casefold() for h in world.hospitals.values() for p in h.patients}
    step.see("hospital IT", f"{len(text.splitlines())} lines")
    step.expect("something was logged", bool(text.strip()))
    step.expect("no patient's name, phone or national number in it", not any(word in text for word in words))
    step.expect("no patient's number in it", not any(f'"{number}"' in text for number in numbers))
    _tell(step)
    return step


def _telling_words(person: Demographics) -> set[str]:
    """Words that could only have come from a patient (short ones occur by chance)."""
    words = {person.name.family, *(alias.family for alias in person.aliases), *person.phones, person.national_id}
    return {word.casefold() for word in words if len(word) >= 5}


def _conclude(steps: list[Step], refused: int, seconds: float, *, as_json: bool) -> int:
    ok = refused == 0 and all(step.ok for step in steps)
    say(f"\n{'every step came out right' if ok else 'NOT every step came out right'} ({seconds:.1f} s)")
    if refused:
        say(f"{refused} messages of the feed were not accepted")
    if as_json:
        emit({"ok": ok, "seconds": round(seconds, 1), "feed_refused": refused, "steps": [_document(s) for s in steps]})
    return 0 if ok else 1


def _document(step: Step) -> dict[str, object]:
    return {
        "step": step.letter,
        "title": step.title,
        "ok": step.ok,
        "seen": step.seen,
        "expectations": [{"text": e.text, "holds": e.holds} for e in step.expectations],
    }


def _invite(world: DemoWorld, seconds: float) -> None:
    """URLs, a token for each role, a query to paste, and its answer."""
    tokens = {role: world.issuer.token(role, lifetime_seconds=12 * 3600) for role in Role}
    order = order_for(STORY.marta_here, STORY.ordering_site, *CT_ABDOMEN)
    say(f"\nready after {seconds:.1f} s\n")
    say(f"  Pages                  {world.url}/   sign in at the demo's provider, or paste a token from below:")
    say("                         physician: imaging history   records: match queue   admin: control room")
    say("                         privacy_officer: who looked at a patient   site_admin: the hospitals")
    marta = STORY.marta_here
    say(f"                         patient to try: {marta.assigning_authority}, {marta.local_patient_id}")
    say(f"  EHR that opens it      {world.entrances.ehr.url}/   choose a patient there (SMART launch)")
    say(f"  GraphQL and GraphiQL   {world.url}/graphql")
    say(f"  CDS Hooks              {world.url}/cds-services")
    say(f"                         issuer {ISSUER}, key {world.ehr.key_file}, identifier system {IDENTIFIER_SYSTEM}")
    say(f"  HL7 v2 over MLLP       127.0.0.1:{world.mllp_port}")
    for site_id, server in world.servers.items():
        say(f"  {site_id:<22} {world.hospitals[site_id].name}, {type(server).__name__} on port {server.port}")
    say("\ntokens (header Authorization: Bearer ...), good for 12 hours:")
    for role, token in tokens.items():
        say(f"\n  {role.value}\n  {token}")
    body = json.dumps({"query": operation("CheckOrder"), "variables": {"order": order}})
    say("\nan order to check:\n")
    say(f"curl -s {world.url}/graphql -H 'Content-Type: application/json' \\")
    say(f"  -H 'Authorization: Bearer {tokens[Role.PHYSICIAN]}' \\")
    say(f"  -d '{body}'")
    reply = Person(world.url, tokens[Role.PHYSICIAN]).check_order(order)
    say(f"\nits answer ({reply.elapsed_ms:.0f} ms): {describe_check(reply.field('checkOrder'), world)}")
    say("\nstop with Ctrl-C")


def _wait_for_signal() -> None:
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    stopped.wait()
