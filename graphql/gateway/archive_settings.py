"""How the hub is told of a site's archive: one class a protocol. Parts of ``gateway.settings``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator


class Part(BaseModel):
    """A part of the settings: frozen, and without fields that nobody knows."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


_TEST_PATIENT = "number of a test patient that the site keeps in this archive; probes ask for it and learn more"
TestPatientId = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^*?\\]+$")]


class DicomwebArchive(Part):
    """An archive asked by QIDO-RS."""

    protocol: Literal["dicomweb"]
    url: str = Field(pattern=r"^https?://", description="DICOMweb root, without /studies")
    token: SecretStr | None = Field(None, description="bearer token; better PRIORLINK_* or token_file")
    token_file: Path | None = Field(None, description="file that holds the bearer token; read again after a 401")
    ca_file: Path | None = Field(None, description="PEM of the authority that signed its certificate; none = system's")
    client_certificate_file: Path | None = Field(None, description="PEM shown to an archive that asks for one")
    client_key_file: Path | None = Field(None, description="PEM private key of that certificate")
    short_page_is_last: bool = Field(
        False, description="it never gives fewer rows than asked for while it has more: saves a question each time"
    )
    asks_for_fields: bool = Field(True, description="name attributes in the question (includefield)")
    test_patient_id: TestPatientId | None = Field(None, description=_TEST_PATIENT)


class ArchiveTls(Part):
    """An association by TLS (DICOM PS3.15 B.12)."""

    ca_file: Path | None = Field(None, description="PEM of the authority that signed its certificate; none = system's")
    certificate_file: Path | None = Field(None, description="PEM shown to an archive that asks for a certificate")
    key_file: Path | None = Field(None, description="PEM private key of that certificate")
    server_name: str | None = Field(None, description="name its certificate must hold; none = the host")

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError("certificate_file and key_file go together")
        return self


class DimseArchive(Part):
    """An archive asked by C-FIND, study root."""

    protocol: Literal["dimse"]
    host: str
    port: int = Field(ge=1, le=65535)
    called_ae_title: str = Field(min_length=1, max_length=16)
    calling_ae_title: str = Field("PRIORLINK", min_length=1, max_length=16)
    max_associations: int = Field(4, ge=1, le=16, description="associations at once")
    tls: ArchiveTls | None = Field(None, description="speak TLS; none = not encrypted")
    asks_optional_keys: bool = Field(
        True, description="ask for keys that an archive need not know; one that refuses them is asked without by itself"
    )
    test_patient_id: TestPatientId | None = Field(None, description=_TEST_PATIENT)


class FhirArchive(Part):
    """An archive asked by FHIR search for ImagingStudy: STU3, R4 or R5."""

    protocol: Literal["fhir"]
    url: str = Field(pattern=r"^https?://", description="FHIR root, without /ImagingStudy")
    identifier_systems: tuple[str, ...] = Field(
        (), description="systems (URIs) of the site's patient numbers there; none = urn:oid: and the authority's OID"
    )
    patient_search: Literal["two_step", "chained"] = Field(
        "two_step", description="Patient first and then its studies, or patient.identifier in one search"
    )
    patient_parameter: Literal["patient", "subject"] = Field("patient", description="search parameter of ImagingStudy")
    includes_endpoints: bool = Field(True, description="ask for where the images are (_include=ImagingStudy:endpoint)")
    page_size: int = Field(200, ge=1, le=10_000, description="resources asked for at once")
    test_patient_id: TestPatientId | None = Field(None, description=_TEST_PATIENT)
    token: SecretStr | None = Field(None, description="bearer token; better PRIORLINK_* or token_file")
    token_file: Path | None = Field(None, description="file that holds the bearer token; read again after a 401")
    ca_file: Path | None = Field(None, description="PEM of the authority that signed its certificate; none = system's")
    client_certificate_file: Path | None = Field(None, description="PEM shown to an archive that asks for one")
    client_key_file: Path | None = Field(None, description="PEM private key of that certificate")


class FolderArchive(Part):
    """A folder of DICOM files, with or without a DICOMDIR."""

    protocol: Literal["folder"]
    path: Path = Field(description="the folder; nothing outside of it is read")
    index_file: Path | None = Field(None, description="SQLite file of its index; none = in memory, read anew at start")
    poll_seconds: float = Field(5.0, ge=0, le=86_400, description="how old a look at the folder may be, seconds")


class EdgeArchive(Part):
    """An archive behind an edge agent. With ``url`` the hub comes to the agent; without, the agent dials out."""

    protocol: Literal["edge"]
    url: str | None = Field(None, pattern=r"^https?://", description="the agent's address, without /graphql")
    ca_file: Path | None = Field(None, description="PEM of the authority that signed the agent's certificate")
    client_certificate_file: Path | None = Field(None, description="PEM shown to an agent that asks for one")
    client_key_file: Path | None = Field(None, description="PEM private key of that certificate")
    agent_jwks_file: Path | None = Field(None, description="public keys of an agent that dials out")

    @model_validator(mode="after")
    def _has_one_way(self) -> Self:
        if (self.url is None) == (self.agent_jwks_file is None):
            raise ValueError("one of url (the agent listens) and agent_jwks_file (it dials out) is needed")
        host = (self.url or "").partition("://")[2].partition("/")[0].rpartition("@")[2].rsplit(":", 1)[0]
        if self.url is not None and self.url.startswith("http:") and host not in ("127.0.0.1", "[::1]", "localhost"):
            raise ValueError("url must be https:// unless the agent is on this machine")
        if (self.client_certificate_file is None) != (self.client_key_file is None):
            raise ValueError("client_certificate_file and client_key_file go together")
        return self


Archive = Annotated[
    DicomwebArchive | DimseArchive | FhirArchive | FolderArchive | EdgeArchive, Field(discriminator="protocol")
]
