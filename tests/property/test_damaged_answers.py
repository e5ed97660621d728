"""Bytes that are lost, added or changed on the way: a source says what it must say, and is well again afterwards."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator

import pytest

from adapters.simulated import bad_line
from adapters.simulated.bad_line import Trouble, Visit
from federation.errors import SourceError
from federation.ports import PriorSource
from mpi.identity.identifiers import PatientIdentifier
from tests.contract.archives import ANA, ANA_STUDIES, LONGER_ID
from tests.integration.fault_worlds import Reach, Worlds

ROUNDS = 20
SECONDS = 0.3


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worlds]:
    made = Worlds(tmp_path_factory.mktemp("damaged"))
    with made.stack:
        yield made


def damaging(chance: random.Random) -> Trouble:
    """Up to twenty small damages to each piece of an answer."""

    def trouble(visit: Visit) -> None:
        upstream = visit.call_upstream()
        while chunk := upstream.recv(65_536):
            damaged = bytearray(chunk)
            for _ in range(chance.choice((0, 1, 1, 2, 5, 20))):
                _damage(damaged, chance)
            visit.guest.sendall(bytes(damaged))

    return trouble


def _damage(piece: bytearray, chance: random.Random) -> None:
    if not piece:
        return
    at, length = chance.randrange(len(piece)), chance.randrange(1, 8)
    match chance.randrange(4):
        case 0:
            piece[at] = chance.randrange(256)
        case 1:
            del piece[at : at + length]
        case 2:
            piece[at:at] = chance.randbytes(length)
        case _:
            piece[at] ^= 1 << chance.randrange(8)


async def check_one(source: PriorSource, identifier: PatientIdentifier) -> None:
    try:
        answer = await source.search_for_studies(identifier, timeout_seconds=SECONDS)
    except SourceError as error:
        told = f"{error} {error.reason}"
    else:
        told = ""
        assert {study.patient_identifier for study in answer.studies} <= {identifier}
    assert identifier.local_patient_id not in told


@pytest.mark.parametrize("kind", ["dicomweb", "fhir", "dimse", "edge"])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_damaged_answer_is_an_answer_or_a_source_error(worlds: Worlds, kind: str, seed: int) -> None:
    world = worlds.get(kind)

    async def run() -> None:
        source = world.make_source(Reach())
        try:
            for turn in range(ROUNDS):
                await check_one(source, ANA if turn % 2 else LONGER_ID)
            world.line.set(bad_line.none)
            answer = await source.search_for_studies(ANA, timeout_seconds=30)
            assert {study.study_instance_uid for study in answer.studies} == ANA_STUDIES
        finally:
            await source.aclose()

    world.line.set(damaging(random.Random(seed)))
    asyncio.run(run())
