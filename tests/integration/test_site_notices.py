"""A site's notices: signed by its own secret, believed in nothing but *ask*."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette

from adapters.webhook.signed_delivery import signature
from federation.sites.site import SiteId
from gateway.settings import Settings, SiteSettings
from gateway.site_notices import MOST_PATIENTS, notice_routes
from tests.builders import NOON
from tests.integration.hub_world import Hub, hub_of_ana

SECRET = b"a secret of twenty bytes"
ANA = {"localPatientId": "0007"}
FHIR = {
    "resourceType": "Bundle",
    "entry": [
        {"resource": {"resourceType": "SubscriptionStatus"}},
        {"resource": {"resourceType": "ImagingStudy", "subject": {"identifier": {"value": "0007"}}}},
    ],
}


class Door:
    """The door of a hub that knows Ana; NGH has a secret, LKM has none."""

    def __init__(self, folder: Path) -> None:
        (folder / "secret").write_bytes(SECRET + b"\n")
        self.hub: Hub = hub_of_ana()
        sites = (
            SiteSettings(id="NGH", name="N", assigning_authority="NGH", notify_secret_file=folder / "secret"),
            SiteSettings(id="LKM", name="L", assigning_authority="LKM"),
        )
        self.app = Starlette(routes=notice_routes(self.hub.resources, Settings(sites=sites)))
        with self.hub.units() as uow:
            for message in uow.outbox.due(limit=100, now=NOON, retry_after_seconds=0):
                uow.outbox.mark_done(message.outbox_id, at=NOON)
            uow.commit()

    def post(
        self, body: object, *, site: str = "NGH", secret: bytes = SECRET, age_seconds: int = 0, tampered: bool = False
    ) -> httpx2.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        timestamp = str(int(NOON.timestamp()) - age_seconds)
        headers = {
            "X-Priorlink-Timestamp": timestamp,
            "X-Priorlink-Signature": signature(secret, timestamp, content),
        }

        async def send() -> httpx2.Response:
            transport = httpx2.ASGITransport(app=self.app)
            async with httpx2.AsyncClient(transport=transport, base_url="http://hub.example") as client:
                sent = content + b" " if tampered else content
                return await client.post(f"/notify/{site}", content=sent, headers=headers)

        return asyncio.run(send())

    def waiting(self) -> list[dict[str, Any]]:
        with self.hub.units() as uow:
            due = uow.outbox.due(limit=100, now=NOON, retry_after_seconds=0)
        assert {message.kind for message in due} <= {"refresh_priors"}
        return [dict(message.body) for message in due]


@pytest.fixture
def door(tmp_path: Path) -> Door:
    return Door(tmp_path)


@pytest.mark.parametrize("body", [ANA, FHIR])
def test_a_signed_notice_has_the_sites_archive_asked(door: Door, body: object) -> None:
    answer = door.post(body)
    assert (answer.status_code, answer.content) == (202, b"")
    assert door.waiting() == [{"enterprise_ids": [door.hub.index.person_of("NGH|0007")], "site_id": SiteId("NGH")}]


def test_whether_a_patient_is_known_is_not_told(door: Door) -> None:
    known, unknown = door.post(ANA), door.post({"localPatientId": "404"})
    assert (known.status_code, known.content) == (unknown.status_code, unknown.content)
    assert len(door.waiting()) == 1


@pytest.mark.parametrize(
    "how",
    [
        {"secret": b"another secret altogether"},
        {"tampered": True},
        {"age_seconds": 301},
        {"age_seconds": -301},
        {"site": "LKM"},
        {"site": "NOWHERE"},
    ],
)
def test_what_is_not_signed_by_the_site_just_now_is_refused(door: Door, how: dict[str, Any]) -> None:
    assert door.post(ANA, **how).status_code == 401
    assert door.waiting() == []


@pytest.mark.parametrize(
    "body",
    [
        b"", b"no json", [], {}, {"localPatientId": 7}, {"entry": [{"resource": {"resourceType": "ImagingStudy"}}, 3]},
        {"entry": [{"resource": {"resourceType": "ImagingStudy", "subject": {"identifier": {"value": str(n)}}}}
                   for n in range(MOST_PATIENTS + 1)]},
    ],
)  # fmt: skip
def test_a_body_that_names_no_patient_is_refused(door: Door, body: object) -> None:
    assert door.post(body).status_code == 400
    assert door.waiting() == []


def test_an_id_that_is_none_sets_nothing_off(door: Door) -> None:
    assert door.post({"localPatientId": "  "}).status_code == 202
    assert door.waiting() == []


def test_without_a_secret_there_is_no_door(tmp_path: Path) -> None:
    site = SiteSettings(id="NGH", name="N", assigning_authority="NGH")
    assert notice_routes(hub_of_ana().resources, Settings(sites=(site,))) == []
