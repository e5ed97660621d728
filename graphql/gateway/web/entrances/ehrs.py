"""EHRs that may open the pages on a patient: the launch, and from the EHR's Patient to a person of ours.

Source: SMART App Launch 2.2 (*EHR launch*, *Scopes and Launch Context*), FHIR R4 Patient.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from federation.sites.consent import Viewer
from gateway.cds_hooks.fhir_orders import identifiers_of
from gateway.cds_hooks.patients import known_persons
from gateway.resources import HubResources
from gateway.sign_in_settings import EhrSettings
from gateway.web.entrances.code_flow import CodeFlow, Entered
from gateway.web.entrances.failures import SignInFailed
from mpi.errors import InvalidIdentifier
from mpi.identity.identifiers import PatientIdentifier

LONGEST_LAUNCH = 2_048
PURPOSE = "TREAT"
_RESOURCE_ID = re.compile(r"[A-Za-z0-9.\-]{1,64}")
_FOR_ONE_PATIENT = "patient/Patient.rs patient/ImagingStudy.rs patient/DetectedIssue.rsu user/Organization.rs"


class Ehr:
    """One listed EHR."""

    def __init__(self, settings: EhrSettings, flow: CodeFlow, own_authority: str) -> None:
        self.settings, self.flow, self.own_authority = settings, flow, own_authority

    @property
    def entrance(self) -> str:
        return self.flow.registration.entrance

    def claims(self, entered: Entered, expires_at: int, enterprise_id: str) -> dict[str, Any]:
        """Who came from it, as a token of ours would say it: the role of the settings, and nothing the EHR grants."""
        subject = entered.claims["sub"]
        limits = {"scope": _FOR_ONE_PATIENT, "patient": enterprise_id}
        return {
            "sub": f"{self.settings.id}:{subject}"[:255],
            "roles": [self.settings.role],
            "purpose_of_use": PURPOSE,
            "exp": expires_at,
            **({"iat": entered.claims["iat"]} if "iat" in entered.claims else {}),
            **(limits if self.settings.only_launched_patient else {}),
        }

    async def identifiers(self, entered: Entered) -> tuple[tuple[str, str], ...] | PatientIdentifier:
        """The patient in context: the (system, value) pairs of their Patient, or their number where the id is one.

        Raises:
            SignInFailed: no patient is in context, or the Patient cannot be read.
        """
        patient_id, token = entered.answer.get("patient"), entered.answer.get("access_token")
        if not isinstance(patient_id, str) or not _RESOURCE_ID.fullmatch(patient_id):
            raise SignInFailed("no_patient")
        if self.settings.patient_id_is_number:
            try:
                return PatientIdentifier(self.own_authority, patient_id)
            except InvalidIdentifier:
                raise SignInFailed("patient_unknown") from None
        if not isinstance(token, str):
            raise SignInFailed("patient_not_read", "no_access_token")
        url = f"{self.settings.iss.rstrip('/')}/Patient/{patient_id}"
        resource = await self.flow.get_json(url, failure="patient_not_read", token=token)
        if not isinstance(resource, Mapping) or resource.get("resourceType") != "Patient":
            raise SignInFailed("patient_not_read", "no_patient_resource")
        if resource.get("id") != patient_id:
            raise SignInFailed("patient_not_read", "another_patient")
        return identifiers_of(resource)

    def person(
        self, sent: tuple[tuple[str, str], ...] | PatientIdentifier, resources: HubResources, viewer: Viewer
    ) -> str:
        """The enterprise id of the one person that the EHR means. Sync, for a thread.

        Raises:
            SignInFailed: nobody of ours that the viewer may see, or more than one.
        """
        if isinstance(sent, PatientIdentifier):
            found: Iterable[str] = _behind(sent, resources, viewer)
        else:
            systems = self.settings.identifier_systems
            found = (person for _, person in known_persons(sent, systems=systems, resources=resources, viewer=viewer))
        persons = set(found)
        if len(persons) > 1:
            raise SignInFailed("two_persons")
        if not persons:
            raise SignInFailed("patient_unknown")
        return persons.pop()


def _behind(number: PatientIdentifier, resources: HubResources, viewer: Viewer) -> tuple[str, ...]:
    with resources.read() as uow:
        view = resources.seen_or_none(number, viewer, uow=uow)
    return () if view is None else (str(view.identity.enterprise_id),)
