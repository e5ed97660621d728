"""An EHR opens the pages on a patient: a real EHR over HTTP, and everything that can go wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from adapters.simulated.faults import Fault
from gateway.errors import ConfigurationError
from gateway.permissions import Role
from gateway.settings import WebSettings
from gateway.sign_in_settings import EhrSettings
from tests.integration.hub_world import ANAS, SURNAME, hub_of_ana
from tests.integration.sign_in_world import PUBLIC, SYSTEM, Browser, Servers, World, running_servers, sign_in_world

EHR = EhrSettings(id="north", name="North", iss="https://ehr.example/fhir", client_id="x", site="NGH")


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    with running_servers() as both:
        yield both


@pytest.fixture
def world(servers: Servers) -> World:
    return sign_in_world(servers)


async def opened(browser: Browser, world: World, patient_id: str = "ana-7") -> Any:
    """The hub's answer to what the EHR sent the browser back with."""
    to_ehr = await browser.get(world.ehr.launch_address(patient_id))
    assert to_ehr.status_code == 303, to_ehr.text
    back = await browser.get(to_ehr.headers["location"])
    return await browser.get(back.headers["location"])


def test_a_launch_opens_the_history_of_the_patient(world: World) -> None:
    async def walk(browser: Browser) -> None:
        answer = await opened(browser, world)
        assert answer.status_code == 303
        address = answer.headers["location"]
        assert address.startswith("/history/launched/")
        page = await browser.get(address)
        assert page.status_code == 200
        assert SURNAME in page.text
        assert "2.999.2" in page.text, "a study of another hospital"
        assert 'name="authority" value="NGH"' in page.text
        assert (await browser.get("/queue")).status_code == 403

    world.walk(walk)
    entry = next(one for one in world.hub.audit() if one.action == "smart:launch")
    assert (entry.actor, entry.role, entry.outcome.value, entry.purpose_of_use) == (
        "north:dr-okafor", "physician", "success", "TREAT",
    )  # fmt: skip
    assert entry.subject == world.hub.index.person_of("NGH|0007")
    looks = [one for one in world.hub.audit() if one.action == "imagingHistory"]
    assert {(one.actor, one.purpose_of_use) for one in looks} == {("north:dr-okafor", "TREAT")}


def test_no_address_on_the_way_names_the_patient(world: World) -> None:
    async def walk(browser: Browser) -> None:
        answer = await browser.get(world.ehr.launch_address("ana-7"))
        seen = []
        while answer.is_redirect:
            seen.append(answer.headers["location"])
            answer = await browser.get(seen[-1])
        ours = [address for address in seen if address.startswith(("/", PUBLIC))]
        assert len(ours) == 2
        for told in ("0007", SURNAME.lower(), "ana-7", world.hub.index.person_of("NGH|0007")):
            assert not any(str(told) in address.lower() for address in ours)
        assert not any("0007" in value or "ana" in value for value in browser.cookies().values())

    world.walk(walk)


def test_what_the_ehr_is_asked_for(world: World) -> None:
    async def walk(browser: Browser) -> None:
        await opened(browser, world)

    world.walk(walk)
    (asked,) = world.ehr.server.seen
    assert asked["aud"] == world.ehr.iss
    assert asked["scope"] == "launch openid fhirUser patient/Patient.rs"
    assert (asked["code_challenge_method"], asked["redirect_uri"]) == ("S256", f"{PUBLIC}/launch/callback")
    assert world.ehr.asked_for == ["ana-7"]


@pytest.mark.parametrize("iss", ["https://evil.example/fhir", "http://169.254.169.254", "file:///etc/passwd", ""])
def test_an_ehr_that_is_not_listed_is_not_asked(world: World, iss: str) -> None:
    async def walk(browser: Browser) -> None:
        answer = await browser.get(f"/launch?iss={quote(iss, safe='')}&launch=abc")
        assert (answer.status_code, "This EHR is not known here" in answer.text) == (403, True)
        assert "evil" not in answer.text

    world.walk(walk)
    assert world.last_audit() == ("smart:launch", "refused", "anonymous", "ehr_not_listed")
    assert world.ehr.asked_for == []


@pytest.mark.parametrize("query", ["", "?iss=x", "?launch=x", "?iss=a&iss=b&launch=c", "?iss=a&launch=b&launch=c"])
def test_a_link_that_is_not_whole_leads_nowhere(world: World, query: str) -> None:
    async def walk(browser: Browser) -> None:
        answer = await browser.get(f"/launch{query}")
        assert (answer.status_code, "link is not complete" in answer.text.replace("&#39;", "'")) == (400, True)

    world.walk(walk)


def failure(world: World, status: int, words: str, detail: str, patient_id: str = "ana-7") -> None:
    """A launch fails with a page that says so, nobody is signed in, and it is on record."""

    async def walk(browser: Browser) -> None:
        answer = await opened(browser, world, patient_id)
        assert (answer.status_code, words in answer.text.replace("&#39;", "'")) == (status, True), answer.text
        assert SURNAME not in answer.text
        assert (await browser.get("/history")).headers["location"] == "/sign-in"

    world.walk(walk)
    action, outcome, _, said = world.last_audit()
    assert (action, outcome, said) == ("smart:launch", "refused", detail)


def test_a_patient_whom_nobody_knows(world: World) -> None:
    failure(world, 404, "This patient is not known here", "patient_unknown", "stranger")
    assert world.last_audit()[2] == "north:dr-okafor"


def test_a_patient_who_opted_out_is_as_unknown(world: World) -> None:
    world.hub.run("RecordConsent", Role.RECORDS, patient=ANAS, scope="EVERYTHING", effect="DENY")
    world.pass_time(seconds=1)
    failure(world, 404, "This patient is not known here", "patient_unknown")


def test_numbers_of_two_people_open_neither(world: World) -> None:
    failure(world, 409, "name two different people", "two_persons", "two")


def test_an_ehr_that_names_no_patient(world: World) -> None:
    world.ehr.server.trouble.answer["patient"] = None
    failure(world, 400, "did not say which patient is open", "no_patient")


@pytest.mark.parametrize("patient_id", ["../../admin", "a/b", "a?b=c", "x" * 65, "http://evil.example", 7, ["ana-7"]])
def test_an_id_that_is_none_is_not_asked_for(world: World, patient_id: object) -> None:
    world.ehr.server.trouble.answer["patient"] = patient_id
    failure(world, 400, "did not say which patient is open", "no_patient")
    assert world.ehr.asked_for == []


def test_another_patient_than_was_asked_for_is_not_taken(world: World) -> None:
    world.ehr.patient_changes["id"] = "somebody-else"
    failure(world, 502, "did not show the patient", "another_patient")


def test_a_patient_that_may_not_be_read(world: World) -> None:
    world.ehr.server.trouble.answer["access_token"] = "not-a-good-one"
    failure(world, 502, "did not show the patient", "patient_not_read")


def test_a_patient_that_has_no_end_is_cut_off(world: World) -> None:
    world.ehr.patient_changes["text"] = "x" * 400_000
    failure(world, 503, "does not answer", "provider_down")


def test_an_ehr_that_does_not_say_who_looks(world: World) -> None:
    world.ehr.server.trouble.answer["id_token"] = None
    failure(world, 401, "was not said who you are", "no_identity")


@pytest.mark.parametrize(
    ("claims", "words", "detail"),
    [
        ({"nonce": "another"}, "belongs to another sign-in", "nonce_wrong"),
        ({"aud": "another"}, "meant for another program", "claim_aud"),
        ({"iss": "https://evil.example"}, "another provider than was asked", "claim_iss"),
    ],
    ids=["nonce", "audience", "issuer"],
)
def test_a_token_that_is_not_for_this_launch(world: World, claims: dict[str, Any], words: str, detail: str) -> None:
    world.ehr.server.trouble.claims.update(claims)
    failure(world, 401, words, detail)


def test_an_ehr_that_is_down(world: World) -> None:
    address = world.ehr.launch_address("ana-7")
    world.ehr.set_fault(Fault.REFUSE)

    async def walk(browser: Browser) -> None:
        answer = await browser.get(address)
        assert (answer.status_code, "does not answer" in answer.text) == (503, True)

    world.walk(walk)


def test_a_launch_of_another_browser_is_not_taken(world: World) -> None:
    async def walk(attacker: Browser) -> None:
        to_ehr = await attacker.get(world.ehr.launch_address("ana-7"))
        back = (await attacker.get(to_ehr.headers["location"])).headers["location"]
        async with Browser(world.hub) as victim:
            assert (await victim.get(back)).status_code == 400
            assert (await victim.get("/history")).headers["location"] == "/sign-in"

    world.walk(walk)


def test_an_answer_of_the_provider_is_no_answer_of_the_ehr(world: World) -> None:
    """Mix-up: what one provider gave is brought to the door of the other."""

    async def walk(browser: Browser) -> None:
        back = await browser.choose(await browser.set_out(), "dr-ada")
        query = urlsplit(back).query
        assert (await browser.get(f"/launch/callback?{query}")).status_code == 400
        to_ehr = await browser.get(world.ehr.launch_address("ana-7"))
        from_ehr = (await browser.get(to_ehr.headers["location"])).headers["location"]
        assert (await browser.get(f"/sign-in/callback?{urlsplit(from_ehr).query}")).status_code == 400
        assert (await browser.get("/history")).headers["location"] == "/sign-in"

    world.walk(walk)


def test_a_handle_is_good_once(world: World) -> None:
    address = world.ehr.launch_address("ana-7")

    async def walk(browser: Browser) -> None:
        for _ in range(2):
            answer = await browser.get((await browser.get(address)).headers["location"])
        answer = await browser.get(answer.headers["location"])
        assert (answer.status_code, "refused the sign-in" in answer.text) == (502, True)

    world.walk(walk)


def test_who_was_signed_in_before_is_not_any_more(world: World) -> None:
    """Two identities in one browser: the launch counts, and nothing of the other is left."""

    async def walk(browser: Browser) -> None:
        await browser.sign_in("cleo")
        assert (await browser.get("/queue")).status_code == 200
        answer = await opened(browser, world)
        assert (await browser.get(answer.headers["location"])).status_code == 200
        assert (await browser.get("/queue")).status_code == 403
        await browser.sign_in("dr-ada")
        assert (await browser.get(answer.headers["location"])).status_code == 404, "her launches are not his"

    world.walk(walk)


def test_two_tabs_keep_their_patients(world: World) -> None:
    world.ehr.patient_changes.clear()

    async def walk(browser: Browser) -> None:
        ana = (await opened(browser, world)).headers["location"]
        world.ehr.patient_changes["identifier"] = [{"system": "urn:lkm", "value": "66"}]
        other = (await opened(browser, world)).headers["location"]
        assert ana != other
        assert SURNAME in (await browser.get(ana)).text
        page = await browser.get(other)
        assert "Otherwise" in page.text
        assert SURNAME not in page.text

    world.walk(walk)


def test_a_launch_is_over_with_its_session(world: World) -> None:
    async def walk(browser: Browser) -> None:
        address = (await opened(browser, world)).headers["location"]
        assert (await browser.get("/history/launched/made-up")).status_code == 404
        async with Browser(world.hub) as other:
            assert (await other.get(address)).headers["location"] == "/sign-in"
            await other.sign_in("dr-ada")
            answer = await other.get(address)
            assert (answer.status_code, "opened from the EHR" in answer.text) == (404, True)
        world.pass_time(minutes=25)
        assert (await browser.get(address)).status_code == 200
        world.pass_time(minutes=25)
        assert (await browser.get(address)).status_code == 200
        world.pass_time(minutes=10)
        assert (await browser.get(address)).headers["location"] == "/sign-in"

    world.walk(walk)


def test_the_id_is_the_number_where_the_settings_say_so(servers: Servers) -> None:
    world = sign_in_world(servers, patient_id_is_number=True)

    async def walk(browser: Browser) -> None:
        answer = await opened(browser, world, "0007")
        assert SURNAME in (await browser.get(answer.headers["location"])).text

    world.walk(walk)
    assert world.ehr.asked_for == [], "nothing is read"


def test_who_comes_from_an_ehr_may_be_kept_to_its_patient(servers: Servers) -> None:
    world = sign_in_world(servers, only_launched_patient=True)

    async def walk(browser: Browser) -> None:
        answer = await opened(browser, world)
        page = await browser.get(answer.headers["location"])
        assert SURNAME in page.text
        again = await browser.post("/history", authority="NGH", number="0007")
        assert (again.status_code, SURNAME in again.text) == (200, True)
        other = await browser.post("/history", authority="LKM", number="66")
        assert (other.status_code, "Otherwise" in other.text) == (404, False)

    world.walk(walk)


@pytest.mark.parametrize("role", ["records", "admin", "privacy_officer", "site_admin"])
def test_an_ehr_gives_no_more_than_a_physicians_role(role: str) -> None:
    with pytest.raises(ValueError, match="role"):
        EhrSettings.model_validate({**EHR.model_dump(), "role": role})


def test_roles_and_rights_that_an_ehr_claims_count_for_nothing(world: World) -> None:
    world.ehr.server.trouble.claims.update(roles=["admin", "records"], scope="system/*.cruds")

    async def walk(browser: Browser) -> None:
        await opened(browser, world)
        assert (await browser.get("/control")).status_code == 403
        assert (await browser.get("/queue")).status_code == 403

    world.walk(walk)


def test_settings_that_do_not_fit_are_refused() -> None:
    listed = {"public_url": "https://hub.example", "ehrs": (EHR,)}
    with pytest.raises(ConfigurationError, match="north"):
        hub_of_ana(web=WebSettings(**listed | {"ehrs": (EHR.model_copy(update={"site": "NOWHERE"}),)}))
    with pytest.raises(ValueError, match="public_url"):
        WebSettings(ehrs=(EHR,))
    with pytest.raises(ValueError, match="same"):
        WebSettings(**listed | {"ehrs": (EHR, EHR)})
    with pytest.raises(ValueError, match="https"):
        EhrSettings.model_validate({**EHR.model_dump(), "iss": "http://ehr.example/fhir"})


def test_a_second_system_of_the_same_person_is_no_second_person(world: World) -> None:
    both = [{"system": SYSTEM, "value": "0007"}, {"system": "urn:lkm", "value": "55"}]
    world.ehr.patient_changes["identifier"] = both

    async def walk(browser: Browser) -> None:
        answer = await opened(browser, world)
        assert (await browser.get(answer.headers["location"])).status_code == 200

    world.walk(walk)
