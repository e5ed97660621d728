"""Where nothing may come in: the agent dials out, and the hub's questions wait for it."""

from __future__ import annotations

import asyncio
import datetime as dt
import gzip
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from adapters.edge.keys import load_private_key, make_key_pair
from adapters.edge.mailbox import Mailbox
from adapters.edge.mailbox_channel import MailboxChannel
from adapters.edge.source import EdgeSource
from adapters.edge.tokens import Signer
from adapters.simulated.dicomweb_hospital import DicomwebHospital
from federation.errors import QueryRefused, SourceTimedOut, SourceUnavailable
from federation.ports import SiteAnswer
from federation.sites.site import SiteId
from mpi.identity.identifiers import PatientIdentifier
from tests.contract.archives import ANA, ANA_STUDIES, HOSPITAL, LONGER_ID, UNKNOWN
from tests.servers.availability import free_port
from tests.servers.edge_agent import HUB_ID, EdgeAgent, edge_agent, utc_now
from tests.servers.edge_hub import EdgeHub, edge_hub

SECONDS = 5.0
SITE = HOSPITAL.site
NGH = SiteId("NGH")


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("agent-keys")
    make_key_pair(folder / "key.json", folder / "jwks.json")
    return folder


@pytest.fixture(scope="module")
def hub(keys: Path) -> Iterator[EdgeHub]:
    with edge_hub(free_port(), NGH, keys / "jwks.json") as running:
        yield running


@pytest.fixture(scope="module")
def agent(hub: EdgeHub, keys: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EdgeAgent]:
    hospital = DicomwebHospital(HOSPITAL)
    hospital.start()
    archive = {"protocol": "dicomweb", "url": hospital.base_url}
    outbound = f'[outbound]\nhub_url = "{hub.url}"\nkey_file = "{keys / "key.json"}"\n'
    with edge_agent(tmp_path_factory.mktemp("agent"), SITE, archive, http="", more=outbound) as running:
        hub.wait_for(NGH)
        yield running
    hospital.stop()


def source(hub: EdgeHub, agent: EdgeAgent, **changed: object) -> EdgeSource:
    return EdgeSource(SITE, MailboxChannel(hub.mailbox, NGH, agent.signer(**changed)))


def ask(asked: EdgeSource, *identifiers: PatientIdentifier, seconds: float = SECONDS) -> list[SiteAnswer]:
    async def run() -> list[SiteAnswer]:
        return await asyncio.gather(*(asked.search_for_studies(i, timeout_seconds=seconds) for i in identifiers))

    return asyncio.run(run())


def test_nobody_can_come_in(agent: EdgeAgent) -> None:
    assert agent.port is None


def test_questions_at_once_are_answered_and_do_not_mix(hub: EdgeHub, agent: EdgeAgent) -> None:
    answers = ask(source(hub, agent), *([ANA, LONGER_ID, UNKNOWN] * 5))
    assert [len(answer.studies) for answer in answers] == [3, 1, 0] * 5
    assert {study.study_instance_uid for study in answers[0].studies} == ANA_STUDIES
    assert agent.audit()[-1]["caller"] == HUB_ID


def test_questions_from_another_thread_are_answered_too(hub: EdgeHub, agent: EdgeAgent) -> None:
    found: list[SiteAnswer] = []
    thread = threading.Thread(target=lambda: found.extend(ask(source(hub, agent), ANA)))
    thread.start()
    found.extend(ask(source(hub, agent), ANA))
    thread.join()
    assert [len(answer.studies) for answer in found] == [3, 3]


def test_refusals_come_back(hub: EdgeHub, agent: EdgeAgent) -> None:
    with pytest.raises(QueryRefused):
        ask(source(hub, agent), PatientIdentifier("NGH", "0041*"))
    probe = asyncio.run(source(hub, agent).check(timeout_seconds=SECONDS))
    assert probe.ok
    assert dict(probe.details)["archive_protocol"] == "dicomweb"


def test_a_question_that_is_not_the_hubs_is_not_answered(hub: EdgeHub, agent: EdgeAgent) -> None:
    with pytest.raises(SourceTimedOut):
        ask(source(hub, agent, audience="LKM"), ANA, seconds=1.0)
    last = agent.audit()[-1]
    assert (last["outcome"], last["reason"]) == ("refused", "claim_aud")


def poll(hub: EdgeHub, sign: Signer | None, path: str = "/edge/poll", body: bytes = b"") -> int:
    headers = {} if sign is None else {"Authorization": f"Bearer {sign()}"}
    with httpx2.Client(trust_env=False) as client:
        return client.post(hub.url + path, headers=headers, content=body).status_code


def test_only_the_sites_own_agent_may_fetch_questions(hub: EdgeHub, keys: Path, tmp_path: Path) -> None:
    make_key_pair(tmp_path / "other.json", tmp_path / "other-jwks.json")
    key, other = load_private_key(keys / "key.json"), load_private_key(tmp_path / "other.json")
    assert poll(hub, None) == 401
    assert poll(hub, Signer(other, "NGH", HUB_ID, utc_now)) == 401
    assert poll(hub, Signer(key, "LKM", HUB_ID, utc_now)) == 401
    assert poll(hub, Signer(key, "NGH", "another-hub", utc_now)) == 401
    assert poll(hub, Signer(key, "NGH", HUB_ID, lambda: utc_now() - dt.timedelta(minutes=5))) == 401


def test_an_answer_that_nobody_waits_for_or_that_is_not_gzip_is_not_taken(hub: EdgeHub, keys: Path) -> None:
    sign = Signer(load_private_key(keys / "key.json"), "NGH", HUB_ID, utc_now)
    assert poll(hub, sign, "/edge/answers/none", gzip.compress(b"{}")) == 410
    assert poll(hub, sign, "/edge/answers/none", b"{}") == 413
    assert poll(hub, sign, "/edge/answers/none", gzip.compress(b" " * (33 * 1024 * 1024))) == 413
    assert poll(hub, None, "/edge/answers/none", gzip.compress(b"{}")) == 401


def test_an_agent_outlives_its_hub(keys: Path, tmp_path: Path) -> None:
    """The hub goes away and comes back on the same port: the agent finds it again by itself."""
    hospital = DicomwebHospital(HOSPITAL)
    hospital.start()
    port = free_port()
    archive = {"protocol": "dicomweb", "url": hospital.base_url}
    outbound = f'[outbound]\nhub_url = "http://127.0.0.1:{port}"\nkey_file = "{keys / "key.json"}"\n'
    try:
        with edge_agent(tmp_path, SITE, archive, http="", more=outbound) as agent:
            for _ in range(2):
                with edge_hub(port, NGH, keys / "jwks.json") as hub:
                    hub.wait_for(NGH)
                    assert len(ask(source(hub, agent), ANA)[0].studies) == 3
    finally:
        hospital.stop()


def test_without_an_agent_a_question_fails_at_once() -> None:
    async def run() -> None:
        await Mailbox().ask(NGH, b"{}", "token")

    with pytest.raises(SourceUnavailable) as failure:
        asyncio.run(run())
    assert failure.value.reason == "agent_not_connected"


def test_a_withdrawn_question_is_handed_to_nobody() -> None:
    async def run() -> None:
        mailbox = Mailbox()
        assert await mailbox.take(NGH, wait_seconds=0) is None
        asking = asyncio.create_task(mailbox.ask(NGH, b"{}", "token"))
        await asyncio.sleep(0)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert await mailbox.take(NGH, wait_seconds=0) is None

    asyncio.run(run())


def test_a_poll_that_hung_up_loses_no_question() -> None:
    async def run() -> bytes:
        mailbox = Mailbox()
        gone, staying = (asyncio.create_task(mailbox.take(NGH, wait_seconds=SECONDS)) for _ in range(2))
        await asyncio.sleep(0)
        asking = asyncio.create_task(mailbox.ask(NGH, b"{}", "token"))
        await asyncio.sleep(0)
        gone.cancel()
        letter = await staying
        assert letter is not None
        assert mailbox.reply(NGH, letter.letter_id, b"answer")
        assert not mailbox.reply(NGH, letter.letter_id, b"again")
        assert not mailbox.reply(SiteId("LKM"), letter.letter_id, b"not theirs")
        return await asking

    assert asyncio.run(run()) == b"answer"
