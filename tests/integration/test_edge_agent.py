"""The edge agent as a process: whom it lets in, what it keeps to itself, what it writes down, how small it is."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from joserfc.jwk import ECKey

from adapters.edge import questions
from adapters.edge.https_channel import EdgeSettings, HttpsChannel
from adapters.edge.source import EdgeSource
from adapters.simulated.dicomweb_hospital import DicomwebHospital
from federation.errors import (
    QueryRefused,
    SourceError,
    SourceProtocolError,
    SourceTimedOut,
    SourceUnauthorised,
    SourceUnavailable,
)
from federation.ports import SiteAnswer, SiteProbe
from mpi.identity.identifiers import PatientIdentifier
from tests.contract.archives import ANA, ANA_STUDIES, HOSPITAL, LONGER_ID, UNKNOWN
from tests.servers.availability import free_port
from tests.servers.certificates import Certificates, make_certificates
from tests.servers.edge_agent import PROGRAM, EdgeAgent, edge_agent, utc_now

SECONDS = 5.0
SITE = HOSPITAL.site
MEMORY_LIMIT_MB = 120


@pytest.fixture(scope="module")
def hospital() -> Iterator[DicomwebHospital]:
    server = DicomwebHospital(HOSPITAL)
    server.start()
    yield server
    server.stop()


def before(hospital: DicomwebHospital) -> dict[str, object]:
    return {"protocol": "dicomweb", "url": hospital.base_url}


@pytest.fixture(scope="module")
def agent(hospital: DicomwebHospital, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EdgeAgent]:
    with edge_agent(tmp_path_factory.mktemp("agent"), SITE, before(hospital)) as running:
        yield running


def ask(source: EdgeSource, *identifiers: PatientIdentifier) -> list[SiteAnswer]:
    async def run() -> list[SiteAnswer]:
        try:
            return [await source.search_for_studies(i, timeout_seconds=SECONDS) for i in identifiers]
        finally:
            await source.aclose()

    return asyncio.run(run())


def failure(source: EdgeSource, identifier: PatientIdentifier = ANA) -> SourceError:
    with pytest.raises(SourceError) as raised:
        ask(source, identifier)
    return raised.value


def post(agent: EdgeAgent, body: bytes, token: str | None = None, **headers: str) -> httpx2.Response:
    authorization = {"Authorization": f"Bearer {token or agent.signer()()}"}
    with httpx2.Client(trust_env=False) as client:
        return client.post(f"{agent.url}/graphql", content=body, headers={**authorization, **headers})


def graphql(agent: EdgeAgent, query: str, **variables: Any) -> dict[str, Any]:
    answer = post(agent, json.dumps({"query": query, "variables": variables}).encode())
    assert answer.status_code == 200
    document: dict[str, Any] = answer.json()
    return document


def test_all_that_the_archive_says_arrives(agent: EdgeAgent, hospital: DicomwebHospital) -> None:
    from adapters.dicom.dicomweb_source import DicomwebSource
    from adapters.dicom.settings import DicomwebSettings

    async def direct() -> SiteAnswer:
        source = DicomwebSource(SITE, DicomwebSettings(hospital.base_url, fallback_charset="latin-1"))
        try:
            return await source.search_for_studies(ANA, timeout_seconds=SECONDS)
        finally:
            await source.aclose()

    assert ask(agent.source(), ANA) == [asyncio.run(direct())]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"audience": "LKM"}, "claim_aud"),
        ({"issuer": "another-hub"}, "claim_iss"),
        ({"clock": lambda: utc_now() - dt.timedelta(minutes=5)}, "token_expired"),
        ({"lifetime_seconds": 3600}, "lives_too_long"),
        ({"key": ECKey.generate_key("P-256", auto_kid=True)}, "unknown_key"),
    ],
)
def test_another_token_is_refused_and_the_site_keeps_that(
    agent: EdgeAgent, changed: dict[str, Any], reason: str
) -> None:
    source = EdgeSource(SITE, HttpsChannel(EdgeSettings(agent.url, agent.signer(**changed))))
    refused = failure(source)
    assert isinstance(refused, SourceUnauthorised)
    assert refused.reason == "agent_http_401"
    last = agent.audit()[-1]
    assert (last["action"], last["outcome"], last["reason"], last["caller"]) == ("authenticate", "refused", reason, "")


def test_nobody_gets_in_without_a_token(agent: EdgeAgent) -> None:
    answer = post(agent, questions.prior_studies(ANA, timeout_seconds=1), Authorization="")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["errors"][0]["extensions"] == {"code": "UNAUTHENTICATED", "reason": "no_token"}


def test_each_question_is_in_the_sites_audit_without_a_name(agent: EdgeAgent) -> None:
    before_count = len(agent.audit())
    ask(agent.source(), ANA, UNKNOWN)
    lines = agent.audit()[before_count:]
    told = [(line["patient"], line["outcome"], line["shared_count"], line["withheld_count"]) for line in lines]
    assert told == [("NGH|00412", "answered", 3, 0), ("NGH|99999", "answered", 0, 0)]
    assert {line["caller"] for line in lines} == {"priorlink-hub"}
    assert len({line["request_id"] for line in lines}) == 2
    assert "Lärk" not in agent.audit_file.read_text()
    assert "L\\u00e4rk" not in agent.audit_file.read_text()


def test_a_number_of_another_issuer_is_refused(agent: EdgeAgent) -> None:
    refused = failure(agent.source(), PatientIdentifier("LKM", "00412"))
    assert isinstance(refused, QueryRefused)
    assert refused.reason == "foreign_authority"
    assert agent.audit()[-1]["outcome"] == "refused"


@pytest.mark.parametrize(
    "query",
    [
        "{ __schema { types { name } } }",
        "{ __type(name: \"Study\") { name } }",
        "{ a: site { id } b: site { id } c: site { id } }",
        "{ ...f } fragment f on Query { a: site { id } b: site { id } c: site { id } }",
        "{ site { " + "id " * 200 + "} }",
        "{ site { " + "id " * 600 + "} }",
        "{" * 2000,
        "{ people(name: \"Lark\") { id } }",
        "query Q($p: PatientIdentifierInput!) { priorStudies(patient: $p) { complete } }",
    ],
)  # fmt: skip
def test_what_is_not_a_question_for_it_gets_no_explanation(agent: EdgeAgent, query: str) -> None:
    document = graphql(agent, query, p={"assigningAuthority": "NGH", "localPatientId": ["SECRET-77"]})
    assert document.get("data") is None
    assert document["errors"] == [{"message": "the question is not valid here", "extensions": {"code": "BAD_REQUEST"}}]


@pytest.mark.parametrize("body", [b"", b"[]", b'{"query": 1}', b'{"query": "{site{id}}", "variables": []}', b"\xff"])
def test_what_is_no_request_at_all_is_refused(agent: EdgeAgent, body: bytes) -> None:
    assert post(agent, body).json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


def test_a_large_body_is_refused(agent: EdgeAgent) -> None:
    assert post(agent, b" " * 20_000).status_code == 413


def test_withheld_studies_leave_no_trace(hospital: DicomwebHospital, tmp_path: Path) -> None:
    (tmp_path / "patients.txt").write_text(f"{LONGER_ID.local_patient_id}\n")
    more = f'[policy]\nexcluded_modalities = ["MR"]\nexcluded_patients_file = "{tmp_path / "patients.txt"}"\n'
    with edge_agent(tmp_path, SITE, before(hospital), more=more) as agent:
        body = questions.prior_studies(LONGER_ID, timeout_seconds=SECONDS)
        stranger = questions.prior_studies(UNKNOWN, timeout_seconds=SECONDS)
        told = [post(agent, question).json()["data"]["priorStudies"] for question in (body, stranger)]
        assert told[0] == told[1]
        (ana,) = ask(agent.source(), ANA)
        assert {study.study_instance_uid for study in ana.studies} == ANA_STUDIES - {"2.999.71.2"}
        assert (ana.is_complete, ana.warnings, ana.dropped_count) == (True, (), 0)
        assert "2.999.71.2" not in post(agent, questions.prior_studies(ANA, timeout_seconds=1)).text
        counts = [(line["shared_count"], line["withheld_count"]) for line in agent.audit()]
        assert counts == [(0, 1), (0, 0), (2, 1), (2, 1)]
        (tmp_path / "patients.txt").unlink()
        refused = failure(agent.source(), UNKNOWN)
        assert isinstance(refused, SourceUnavailable)
        assert refused.reason == "agent_policy_unavailable"
    assert "00412" not in (tmp_path / "agent.log").read_text()


def test_failures_of_the_archive_keep_their_kind(tmp_path: Path) -> None:
    nobody = {"protocol": "dicomweb", "url": f"http://127.0.0.1:{free_port()}/rs"}
    with edge_agent(tmp_path, SITE, nobody) as agent:
        down = failure(agent.source())
        assert isinstance(down, SourceUnavailable)
        assert down.reason == "archive_connection_refused"
        assert agent.audit()[-1]["reason"] == "connection_refused"

        async def check() -> SiteProbe:
            source = agent.source()
            try:
                return await source.check(timeout_seconds=SECONDS)
            finally:
                await source.aclose()

        probe = asyncio.run(check())
        assert (probe.ok, probe.reason) == (False, "archive_connection_refused")


def test_a_slow_archive_is_told_by_the_agent_before_the_budget_ends(tmp_path: Path) -> None:
    import socket
    from contextlib import closing

    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        archive = {"protocol": "dicomweb", "url": f"http://127.0.0.1:{silent.getsockname()[1]}/rs"}
        with edge_agent(tmp_path, SITE, archive) as agent:

            async def run() -> None:
                source = agent.source()
                try:
                    await source.search_for_studies(ANA, timeout_seconds=3.0)
                finally:
                    await source.aclose()

            with pytest.raises(SourceTimedOut) as late:
                asyncio.run(run())
            assert late.value.reason == "archive_deadline"


def test_an_agent_of_another_site_does_not_answer_for_this_one(agent: EdgeAgent) -> None:
    class Elsewhere:
        async def exchange(self, body: bytes) -> bytes:
            return b'{"data": {"site": {"id": "LKM", "archive": {"reachable": true}}}}'

        async def aclose(self) -> None:
            return None

    probe = asyncio.run(EdgeSource(SITE, Elsewhere()).check(timeout_seconds=1))
    assert (probe.ok, probe.reason) == (False, "another_site")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


def test_over_tls_each_side_asks_for_the_others_certificate(
    hospital: DicomwebHospital, tmp_path: Path, certificates: Certificates
) -> None:
    http = (
        f'[http]\nport = 0\ncertificate_file = "{certificates.server}"\nkey_file = "{certificates.server_key}"\n'
        f'client_ca_file = "{certificates.authority}"\n'
    )
    with edge_agent(tmp_path, SITE, before(hospital), http=http) as agent:
        url = f"https://127.0.0.1:{agent.port}"
        known = EdgeSettings(
            url,
            agent.signer(),
            ca_file=certificates.authority,
            client_certificate_file=certificates.client,
            client_key_file=certificates.client_key,
        )
        (answer,) = ask(EdgeSource(SITE, HttpsChannel(known)), ANA)
        assert len(answer.studies) == 3
        false_agent = failure(EdgeSource(SITE, HttpsChannel(EdgeSettings(url, agent.signer()))))
        assert isinstance(false_agent, SourceUnauthorised)
        assert false_agent.reason == "certificate_refused"
        false_hub = EdgeSettings(url, agent.signer(), ca_file=certificates.authority)
        assert isinstance(failure(EdgeSource(SITE, HttpsChannel(false_hub))), SourceUnavailable | SourceUnauthorised)


def test_check_reads_everything_and_says_whether_the_archive_is_there(agent: EdgeAgent) -> None:
    done = subprocess.run(
        [PROGRAM, "check", "--json", "--config", agent.folder / "priorlink-edge.toml"],
        capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["ok"], report["site"], report["archive_ok"]) == (True, "NGH", True)
    assert report["audit_lines"] == len(agent.audit())


def test_a_changed_audit_file_is_found(agent: EdgeAgent, tmp_path: Path) -> None:
    ask(agent.source(), ANA)
    config = (agent.folder / "priorlink-edge.toml").read_text()
    changed = tmp_path / "audit.jsonl"
    changed.write_text(agent.audit_file.read_text().replace("NGH|00412", "NGH|00413", 1))
    (tmp_path / "edge.toml").write_text(config.replace(str(agent.audit_file), str(changed)))
    done = subprocess.run(
        [PROGRAM, "check", "--config", tmp_path / "edge.toml"], capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == 1
    assert "is not as it was written" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["serve", "--config", "nowhere.toml"], 2, "nowhere.toml does not exist"),
        (["new-key", "/nowhere/key.json", "/nowhere/jwks.json"], 2, "/nowhere/key.json"),
        ([], 2, "COMMAND"),
    ],
)
def test_wrong_use_is_one_clear_line(arguments: list[str], code: int, text: str, agent: EdgeAgent) -> None:
    done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, check=False, timeout=30)
    assert (done.returncode, done.stdout) == (code, "")
    assert text in done.stderr
    assert "Traceback" not in done.stderr


def test_each_command_in_the_others_environment_says_so(agent: EdgeAgent) -> None:
    for program in (Path(sys.executable).with_name("priorlink-edge"), PROGRAM.with_name("priorlink")):
        done = subprocess.run([program, "serve"], capture_output=True, text=True, check=False, timeout=30)
        assert done.returncode == 2
        assert "environment" in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is measured from /proc")
def test_it_stays_small(hospital: DicomwebHospital, tmp_path: Path) -> None:
    with edge_agent(tmp_path, SITE, before(hospital)) as agent:
        ask(agent.source(), *([ANA, LONGER_ID, UNKNOWN, ANA] * 50))
        status = Path(f"/proc/{agent.pid}/status").read_text()
        resident = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
        assert int(resident.split()[1]) / 1024 < MEMORY_LIMIT_MB, resident


def test_an_unreadable_answer_is_a_protocol_error() -> None:
    class Nonsense:
        async def exchange(self, body: bytes) -> bytes:
            return b"<html>"

        async def aclose(self) -> None:
            return None

    assert isinstance(failure(EdgeSource(SITE, Nonsense())), SourceProtocolError)
