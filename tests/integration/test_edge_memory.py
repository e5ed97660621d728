"""The agent stays below 120 MB, whatever its archive sends, also when several ask at once."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.simulated.dicomweb_hospital import DicomwebHospital
from adapters.simulated.dimse_hospital import DimseHospital
from adapters.simulated.hospital import SimulatedHospital
from federation.ports import SiteAnswer
from tests.contract.archives import ANA, HOSPITAL
from tests.servers.edge_agent import EdgeAgent, edge_agent

MEMORY_LIMIT_MB = 120
MOST_ROWS = 1_000
SECONDS = 60.0


def _hospital(study_count: int) -> SimulatedHospital:
    """Ana has this many studies."""
    model = HOSPITAL.studies[0]
    studies = (
        replace(
            model, study_instance_uid=f"2.999.76.{number}", started_at=model.started_at - dt.timedelta(hours=number)
        )
        for number in range(study_count)
    )
    return replace(HOSPITAL, studies=tuple(studies))


def _dicomweb(server: DicomwebHospital) -> dict[str, object]:
    return {"protocol": "dicomweb", "url": server.base_url}


def _dimse(server: DimseHospital) -> dict[str, object]:
    return {"protocol": "dimse", "host": "127.0.0.1", "port": server.port, "called_ae_title": server.ae_title}


def peak_mb(agent: EdgeAgent) -> float:
    lines = Path(f"/proc/{agent.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))


def ask(agent: EdgeAgent, at_once: int) -> list[SiteAnswer]:
    async def run() -> list[SiteAnswer]:
        source = agent.source()
        try:
            asked = (source.search_for_studies(ANA, timeout_seconds=SECONDS) for _ in range(at_once))
            return await asyncio.gather(*asked)
        finally:
            await source.aclose()

    return asyncio.run(run())


@pytest.mark.parametrize(("kind", "told"), [(DicomwebHospital, _dicomweb), (DimseHospital, _dimse)])
def test_four_at_once_about_a_patient_of_too_many_studies(
    tmp_path: Path,
    kind: Callable[[SimulatedHospital], DicomwebHospital | DimseHospital],
    told: Callable[..., dict[str, object]],
) -> None:
    server = kind(_hospital(MOST_ROWS + 200))
    server.start()
    try:
        with edge_agent(tmp_path, HOSPITAL.site, told(server)) as agent:
            for answer in ask(agent, 4):
                assert MOST_ROWS <= len(answer.studies) <= MOST_ROWS + 200
                assert not answer.is_complete
            assert peak_mb(agent) < MEMORY_LIMIT_MB
    finally:
        server.stop()
