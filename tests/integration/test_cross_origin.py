"""Pages of other origins: only where listed, only with a token of their own."""

from __future__ import annotations

import pytest

from gateway.settings import HttpSettings
from tests.integration.hub_world import hub_of_ana

EHR = "https://ehr.example"
ASKED = {
    "Origin": EHR,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type",
}


def test_a_page_of_a_listed_origin_may_ask_with_its_token() -> None:
    hub = hub_of_ana(http=HttpSettings(allowed_origins=(EHR,)))
    before = hub.request("OPTIONS", "/graphql", headers=ASKED)
    assert before.status_code == 200
    assert before.headers["access-control-allow-origin"] == EHR
    assert before.headers["access-control-allow-methods"] == "POST"
    assert "access-control-allow-credentials" not in before.headers
    answer = hub.request("POST", "/graphql", json={"query": "{ sites { __typename } }"}, headers={"Origin": EHR})
    assert answer.status_code == 401
    assert answer.headers["access-control-allow-origin"] == EHR


@pytest.mark.parametrize("origin", ["https://elsewhere.example", "https://ehr.example.evil.example", "null"])
def test_a_page_of_an_origin_that_is_not_listed_is_told_nothing(origin: str) -> None:
    for http in (HttpSettings(), HttpSettings(allowed_origins=(EHR,))):
        hub = hub_of_ana(http=http)
        asked = hub.request("OPTIONS", "/graphql", headers={**ASKED, "Origin": origin})
        assert asked.status_code in (400, 405)
        assert "access-control-allow-origin" not in asked.headers
        answer = hub.request("POST", "/graphql", json={"query": "{ x }"}, headers={"Origin": origin})
        assert "access-control-allow-origin" not in answer.headers
