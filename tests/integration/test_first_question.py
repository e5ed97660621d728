"""The first question of a process is as quick as the others: nothing is left to be imported while a deadline runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from adapters.simulated.dicomweb_hospital import DicomwebHospital
from tests.contract.archives import HOSPITAL

ROOT = Path(__file__).resolve().parents[2]
_ASK = """
import asyncio, sys
from adapters.dicom.dicomweb_source import DicomwebSource
from adapters.dicom.settings import DicomwebSettings
from adapters.edge.https_channel import EdgeSettings, HttpsChannel
from federation.errors import SourceError
from tests.contract.archives import ANA, HOSPITAL

async def dicomweb(url):
    source = DicomwebSource(HOSPITAL.site, DicomwebSettings(url))
    await source.search_for_studies(ANA, timeout_seconds=20)
    await source.aclose()

async def edge(url):
    channel = HttpsChannel(EdgeSettings(url, lambda: "token"))
    try:
        await channel.exchange(b"{}")
    except SourceError:
        pass
    await channel.aclose()

before = set(sys.modules)
asyncio.run(globals()[sys.argv[1]](sys.argv[2]))
print(sorted(set(sys.modules) - before))
"""


@pytest.mark.parametrize("kind", ["dicomweb", "edge"])
def test_a_first_question_imports_nothing(kind: str) -> None:
    server = DicomwebHospital(HOSPITAL)
    server.start()
    try:
        done = subprocess.run(
            [sys.executable, "-c", _ASK, kind, server.base_url],
            cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
    finally:
        server.stop()
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
