"""What a scope opens."""

from __future__ import annotations

import pytest

from gateway.permissions import Claims, Role, decide_access
from gateway.smart_scopes import Needed, ScopeGrant, read_scopes

STUDIES = Needed("ImagingStudy", "rs")


@pytest.mark.parametrize("text", ["", "   ", "openid profile", "launch/patient offline_access fhirUser"])
def test_words_that_are_about_no_resource_are_no_scopes(text: str) -> None:
    assert read_scopes(text) is None


@pytest.mark.parametrize(
    ("text", "grant"),
    [
        ("system/*.read", ScopeGrant.EVERYBODY),
        ("system/*.*", ScopeGrant.EVERYBODY),
        ("user/ImagingStudy.rs", ScopeGrant.EVERYBODY),
        ("user/ImagingStudy.r system/ImagingStudy.s", ScopeGrant.EVERYBODY),
        ("user/ImagingStudy.cruds", ScopeGrant.EVERYBODY),
        ("user/ImagingStudy.r", ScopeGrant.NOTHING),
        ("user/ImagingStudy.write", ScopeGrant.NOTHING),
        ("user/Patient.rs", ScopeGrant.NOTHING),
        ("user/ImagingStudy.sr", ScopeGrant.NOTHING),
        ("user/ImagingStudy.", ScopeGrant.NOTHING),
        ("user/ImagingStudy.rs?status=available", ScopeGrant.NOTHING),
        ("USER/ImagingStudy.rs", ScopeGrant.NOTHING),
        ("everything", ScopeGrant.NOTHING),
        ("patient/ImagingStudy.rs", ScopeGrant.ONE_PATIENT),
        ("patient/*.read user/ImagingStudy.rs", ScopeGrant.EVERYBODY),
    ],
)
def test_how_far_scopes_open(text: str, grant: ScopeGrant) -> None:
    scopes = read_scopes(text)
    assert scopes is not None
    assert scopes.grant(STUDIES) is grant
    assert scopes.grant(None) is ScopeGrant.NOTHING


@pytest.mark.parametrize(("patient", "reason"), [("E-1", "allowed"), (None, "scope_not_granted")])
def test_patient_scopes_open_what_is_about_one_person_for_the_patient_of_the_launch(
    patient: str | None, reason: str
) -> None:
    scopes = read_scopes("patient/*.rs")
    claims = Claims(frozenset({Role.PHYSICIAN}), scopes=scopes, patient=patient)
    decision = decide_access("imagingHistory", claims)
    assert (decision.reason, decision.only_patient) == (reason, patient)
    assert decide_access("sites", claims).reason == "scope_not_granted"
