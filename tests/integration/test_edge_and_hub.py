"""A hub from its settings, and agents in both directions: the whole way from configuration to studies."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.edge.keys import make_key_pair
from adapters.simulated.dicomweb_hospital import DicomwebHospital
from federation.ports import PriorSource, SiteAnswer
from federation.sites.site import SiteId
from gateway.bootstrap import build_hub
from gateway.cli.serving import bind
from gateway.errors import ConfigurationError
from gateway.serving import HubServer, ServerThread
from gateway.settings import Settings, load_settings
from tests.contract.archives import ANA, HOSPITAL
from tests.servers.edge_agent import edge_agent
from tests.servers.edge_hub import EdgeHub

SITE = HOSPITAL.site
NGH = SiteId("NGH")


@pytest.fixture(scope="module")
def archive() -> Iterator[dict[str, object]]:
    server = DicomwebHospital(HOSPITAL)
    server.start()
    yield {"protocol": "dicomweb", "url": server.base_url}
    server.stop()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_key_pair(tmp_path / "hub-key.json", tmp_path / "hub-jwks.json")
    make_key_pair(tmp_path / "agent-key.json", tmp_path / "agent-jwks.json")
    return tmp_path


def hub_config(folder: Path, archive: str, *, signing_key: str = "hub-key.json") -> Path:
    path = folder / "priorlink.toml"
    path.write_text(
        f'[store]\nurl = "sqlite:///{folder / "hub.db"}"\n[http]\nport = 0\n'
        f'[agents]\nsigning_key_file = "{folder / signing_key}"\n'
        f'[[sites]]\nid = "NGH"\nname = "Northgate General"\nassigning_authority = "NGH"\n'
        f'[sites.archive]\nprotocol = "edge"\n{archive}\n'
    )
    return path


def ask(source: PriorSource) -> SiteAnswer:
    async def run() -> SiteAnswer:
        try:
            return await source.search_for_studies(ANA, timeout_seconds=5)
        finally:
            await source.aclose()

    return asyncio.run(run())


def test_sites_check_tells_what_is_behind_the_agent(folder: Path, archive: dict[str, object]) -> None:
    program = Path(sys.executable).with_name("priorlink")
    with edge_agent(folder, SITE, archive) as agent:
        config = hub_config(folder, f'url = "{agent.url}"')
        for command in (["db", "upgrade"], ["sites", "check", "--json"]):
            done = subprocess.run(
                [program, *command, "--config", config], capture_output=True, text=True, check=False, timeout=60
            )
            assert done.returncode == 0, done.stderr
    (site,) = json.loads(done.stdout)["sites"]
    assert (site["site"], site["ok"], site["details"]["archive_protocol"]) == ("NGH", True, "dicomweb")


def test_a_hub_asks_an_agent_that_dials_out_to_it(folder: Path, archive: dict[str, object]) -> None:
    config = hub_config(folder, f'agent_jwks_file = "{folder / "agent-jwks.json"}"')
    hub = build_hub(load_settings(config), migrate=True)
    second = build_hub(load_settings(config), mailbox=hub.mailbox)
    server = HubServer(hub, bind("127.0.0.1", 0))
    outbound = f'[outbound]\nhub_url = "http://127.0.0.1:{server.port}"\nkey_file = "{folder / "agent-key.json"}"\n'
    with ServerThread(server), edge_agent(folder, SITE, archive, http="", more=outbound):
        EdgeHub(server.port, hub.mailbox).wait_for(NGH)
        for asking in (hub, second):
            assert len(ask(asking.directory.sources[NGH]).studies) == 3
    second.engine.dispose()


def test_a_hub_without_its_key_does_not_start(folder: Path) -> None:
    settings = load_settings(hub_config(folder, 'url = "https://agent.example"', signing_key="gone.json"))
    with pytest.raises(ConfigurationError, match=r"^agents.signing_key_file: "):
        build_hub(settings, migrate=True)
    nothing = Settings(sites=settings.sites)
    with pytest.raises(ConfigurationError, match=r"^agents.signing_key_file: needed"):
        build_hub(nothing, migrate=True)


@pytest.mark.parametrize(
    "archive",
    [
        "",
        'url = "http://agent.example"',
        'url = "https://agent.example"\nagent_jwks_file = "a.json"',
        'url = "https://agent.example"\nclient_key_file = "a.pem"',
    ],
)
def test_an_agent_that_could_not_be_asked_safely_is_refused(folder: Path, archive: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^sites\.0\.archive"):
        load_settings(hub_config(folder, archive))
