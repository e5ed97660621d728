"""Resources of one query, gathered until the server has said all it will say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from adapters.fhir_imaging import elements
from adapters.fhir_imaging.bundle import Bundle
from adapters.fhir_imaging.elements import Resource
from adapters.fhir_imaging.mapping import map_imaging_study
from adapters.fhir_imaging.patients import KnownPatients, Question, reference_of
from federation.imaging.studies import SiteStudy
from federation.ports import SiteAnswer


@dataclass(slots=True, repr=False)
class Collector:
    """Takes pages of ImagingStudy resources, keeps those of the patient asked for.

    Two resources of one study that say the same are one; if they differ, both are kept and flagged.
    """

    question: Question
    patients: KnownPatients
    base_url: str
    is_complete: bool = True
    _resources: list[Resource] = field(default_factory=list)
    _endpoints: dict[str, Resource] = field(default_factory=dict)
    _warnings: dict[str, None] = field(default_factory=dict)

    def add(self, page: Bundle) -> None:
        """Take one page; what it includes is remembered for all of them."""
        for patient in page.of_type("Patient"):
            self.patients.add(patient, page.full_url(patient))
        for endpoint in page.of_type("Endpoint"):
            reference = f"Endpoint/{elements.text(endpoint, 'id') or ''}"
            for name in (reference, f"{self.base_url}/{reference}", page.full_url(endpoint) or reference):
                self._endpoints[name] = endpoint
        self._resources += page.of_type("ImagingStudy")
        self.remark(page)

    def remark(self, page: Bundle) -> None:
        """Take over what a page says about itself."""
        if page.outcome_severities:
            self.warn("operation_outcome")
        if page.bad_entry_count:
            self.warn("bad_row")
        if page.bad_entry_count and not page.resources:
            self.is_complete = False

    def warn(self, warning: str) -> None:
        self._warnings.setdefault(warning)

    def cut(self, warning: str) -> None:
        """The list is not whole, for this reason."""
        self.is_complete = False
        self.warn(warning)

    @property
    def is_empty(self) -> bool:
        """True while no study at all has arrived."""
        return not self._resources

    def unknown_patients(self) -> Iterator[str]:
        """References to patients that must be read before it can be said whose the studies are, each once."""
        unknown = (study for study in self._resources if self.patients.verdict_on(study) is None)
        yield from dict.fromkeys(self.patients.reference_key(reference_of(study)) for study in unknown)

    def so_far(self) -> SiteAnswer:
        """The answer if nothing else came; the collector stays as it is. Whose a study is may be known only later."""
        return replace(self, is_complete=False, _warnings=dict(self._warnings)).answer()

    def answer(self) -> SiteAnswer:
        """Everything that is the patient's; what cannot be proved to be is left out and counted."""
        studies: dict[SiteStudy, None] = {}
        uids: set[str] = set()
        dropped = 0
        for resource in self._resources:
            if not self.patients.verdict_on(resource):
                dropped += 1
                self.warn("unrequested_patient")
                continue
            patient = self.patients.patient_of(resource)
            mapped = map_imaging_study(resource, self.question, patient=patient, endpoints=self._endpoints)
            for warning in mapped.warnings:
                self.warn(warning)
            if mapped.study is None or mapped.study in studies:
                continue
            if mapped.study.study_instance_uid in uids:
                self.warn("repeated_study")
            uids.add(mapped.study.study_instance_uid)
            studies[mapped.study] = None
        return SiteAnswer(tuple(studies), self.is_complete, tuple(self._warnings), dropped)
