"""The example clients of the plugin developer's pages, against a running demo."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.simulated.story import STORY
from gateway.demo.world import DemoWorld, demo_world, feed
from gateway.permissions import Role

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "check_order.py"

FHIR_EXAMPLE = EXAMPLE.with_name("fhir_order.py")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoWorld]:
    with demo_world(tmp_path_factory.mktemp("demo"), people=20, studies=40) as world:
        assert asyncio.run(feed(world, lambda _: None)) == 0
        yield world


def run_example(world: DemoWorld, token: str, number: str) -> subprocess.CompletedProcess[str]:
    arguments = [world.url, token, STORY.marta_here.assigning_authority, number, STORY.ordering_site]
    return subprocess.run(
        [sys.executable, EXAMPLE, *arguments], capture_output=True, text=True, check=False, timeout=60
    )


def test_the_example_shows_the_alert(world: DemoWorld) -> None:
    done = run_example(world, world.issuer.token(Role.PLUGIN), STORY.marta_here.local_patient_id)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("INTERRUPTIVE")
    assert STORY.marta_ct in done.stdout


def test_the_example_shows_a_refusal_by_its_code(world: DemoWorld) -> None:
    done = run_example(world, world.issuer.token(Role.PLUGIN), "404")
    assert done.returncode == 1
    assert "patient_not_found" in done.stderr.casefold()
    refused = run_example(world, world.issuer.token(Role.RECORDS), STORY.marta_here.local_patient_id)
    assert "role_not_allowed" in refused.stderr


def fhir_order(world: DemoWorld, number: str, *more: str, patient: str = "") -> subprocess.CompletedProcess[str]:
    named = [STORY.marta_here.assigning_authority, patient or STORY.marta_here.local_patient_id]
    arguments = [world.url, world.issuer.token(Role.PLUGIN), *named, STORY.ordering_site, number, *more]
    return subprocess.run(
        [sys.executable, FHIR_EXAMPLE, *arguments], capture_output=True, text=True, check=False, timeout=60
    )


def test_an_order_by_fhir_gets_its_issue_and_loses_it_when_it_is_cancelled(world: DemoWorld) -> None:
    done = fhir_order(world, "F-1001")
    assert done.returncode == 0, done.stderr
    placed, issue, *_ = done.stdout.splitlines()
    assert placed == "order active"
    assert issue.startswith("high preliminary urn:oid:")
    cancelled = fhir_order(world, "F-1001", "revoked")
    assert cancelled.stdout.splitlines()[0] == "order revoked"
    assert " cancelled urn:oid:" in cancelled.stdout


def test_an_order_that_is_refused_says_which_field(world: DemoWorld) -> None:
    draft = fhir_order(world, "F-1002", "draft")
    assert (draft.returncode, draft.stderr[:42]) == (1, "resource_not_supported ['status']: only or")
    assert fhir_order(world, "F-1003", patient="404").stderr.startswith("patient_not_found")
