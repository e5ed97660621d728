"""Puts a recorded answer of an archive through a real adapter over a real socket, and compares what comes out."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from adapters.dicom.dicomweb_source import DicomwebSource
from adapters.dicom.dimse_source import DimseSource
from adapters.dicom.folder.settings import FolderSettings
from adapters.dicom.folder.source import FolderSource
from adapters.dicom.settings import DicomwebSettings, DimseSettings
from federation.errors import SourceError
from federation.imaging.dedupe import merge_site_studies
from federation.imaging.procedures import UNKNOWN_PROCEDURE
from federation.imaging.rule_set import default_rule_set
from federation.imaging.studies import PriorStudy, SiteStudy
from federation.imaging.timeline import in_timeline_order
from federation.ports import PriorSource, SiteAnswer
from federation.sites.issuers import IssuerNames
from federation.sites.site import Site, SiteId
from mpi.identity.demographics import PersonName
from mpi.identity.identifiers import PatientIdentifier
from tests.builders import AUTHORITIES
from tests.golden.fhir_player import played_fhir
from tests.servers.scripted_cfind import AE_TITLE, FindReply, scripted_cfind
from tests.servers.scripted_qido import Asked, Reply, scripted_qido

_TIMEOUT_SECONDS = 5.0
_ISSUERS = IssuerNames(AUTHORITIES)


@dataclass(frozen=True, slots=True)
class Seen:
    """What came out: every site's answer or failure, the merged history, and how often the archive was asked."""

    answers: tuple[SiteAnswer, ...]
    failures: tuple[SourceError, ...] = ()
    request_count: int = 0
    requested_hosts: frozenset[str] = frozenset()

    @property
    def rows(self) -> tuple[SiteStudy, ...]:
        return tuple(study for answer in self.answers for study in answer.studies)

    @property
    def history(self) -> tuple[PriorStudy, ...]:
        merged = merge_site_studies(self.rows, procedure_of=lambda _: UNKNOWN_PROCEDURE, sites={})
        return in_timeline_order(merged)

    @property
    def state(self) -> str:
        if self.failures:
            return "error"
        return "ok" if all(answer.is_complete for answer in self.answers) else "partial"

    @property
    def warnings(self) -> set[str]:
        return {warning for answer in self.answers for warning in answer.warnings}


def play(case: Mapping[str, Any]) -> Seen:
    """Ask what the case asks; kinds ``qido``, ``cfind``, ``fhir``, ``dicom_file`` and ``multi``."""
    if case["kind"] == "multi":
        parts = [play(response) for response in case["responses"]]
        return Seen(
            tuple(answer for part in parts for answer in part.answers),
            tuple(failure for part in parts for failure in part.failures),
            sum(part.request_count for part in parts),
        )
    site = Site(SiteId(case["site"]), case["site"], case["site"], **case.get("config", {}).get("site", {}))
    players = {"qido": _play_qido, "cfind": _play_cfind, "fhir": _play_fhir, "dicom_file": _play_file}
    return players[case["kind"]](case, site)


def _play_qido(case: Mapping[str, Any], site: Site) -> Seen:
    pages = case.get("pages_by_offset") or dict(zip(("0",), case.get("pages", [])[:1], strict=False))

    def answer(asked: Asked) -> Reply:
        page = pages.get(asked.query.get("offset", ["0"])[0])
        return Reply(body=b"[]") if page is None else _reply(page)

    with scripted_qido(answer) as server:
        settings = DicomwebSettings(server.base_url, issuers=_ISSUERS)
        if "page_size" in case["query"]:
            settings = replace(settings, page_size=case["query"]["page_size"])
        if "fallback_charset" in case.get("config", {}):
            settings = replace(settings, fallback_charset=case["config"]["fallback_charset"])
        seen = asyncio.run(_ask(DicomwebSource(site, settings), case, site))
        return replace(seen, request_count=len(server.asked))


def _reply(page: Mapping[str, Any]) -> Reply:
    body = page.get("body", "")
    raw = body.encode() if isinstance(body, str) else json.dumps(body, ensure_ascii=False).encode()
    return Reply(page.get("status", 200), page.get("headers", {}), b"" if body is None else raw)


def _play_cfind(case: Mapping[str, Any], site: Site) -> Seen:
    script = [_find_reply(response) for response in case["responses"]]
    with scripted_cfind(script) as server:
        settings = DimseSettings("127.0.0.1", server.port, AE_TITLE, issuers=_ISSUERS)
        if "fallback_charset" in case.get("config", {}):
            settings = replace(settings, fallback_charset=case["config"]["fallback_charset"])
        return asyncio.run(_ask(DimseSource(site, settings), case, site))


def _play_fhir(case: Mapping[str, Any], site: Site) -> Seen:
    with played_fhir(case, site, AUTHORITIES) as played:
        asked = {
            "query": {
                "authority": played.identifier.assigning_authority,
                "patient_id": played.identifier.local_patient_id,
            }
        }
        seen = asyncio.run(_ask(played.source, asked, site))
        return replace(seen, request_count=len(played.server.asked), requested_hosts=frozenset(played.requested_hosts))


def _play_file(case: Mapping[str, Any], site: Site) -> Seen:
    """The file alone in a folder; who is asked for stands in it."""
    with TemporaryDirectory() as folder:
        copy = Path(shutil.copy(case["path"], folder))
        settings = FolderSettings(Path(folder), fallback_charset=case["config"]["fallback_charset"], issuers=_ISSUERS)
        asked = {"query": {"patient_id": _patient_id_in(copy)}}
        return asyncio.run(_ask(FolderSource(site, settings), asked, site))


def _patient_id_in(path: Path) -> str:
    try:
        return str(dcmread(path, specific_tags=["PatientID"]).get("PatientID") or "nobody")
    except InvalidDicomError:
        return "nobody"


def _find_reply(response: Mapping[str, Any]) -> FindReply:
    if "status" not in response:
        return FindReply(None)
    identifier = response.get("identifier")
    return FindReply(int(response["status"], 16), None if identifier is None else Dataset.from_json(identifier))


async def _ask(source: PriorSource, case: Mapping[str, Any], site: Site) -> Seen:
    query = case["query"]
    identifier = PatientIdentifier(query.get("authority", site.assigning_authority), query["patient_id"])
    try:
        return Seen((await source.search_for_studies(identifier, timeout_seconds=_TIMEOUT_SECONDS),))
    except SourceError as failure:
        return Seen((), (failure,))
    finally:
        await source.aclose()


def differences(seen: Seen, expected: Mapping[str, Any]) -> list[str]:
    """What is not as expected; only the keys given are compared."""
    listed = {study.study_instance_uid for study in seen.history}
    found: list[str] = []
    if "studies" in expected:
        wanted = [study["study_uid"] for study in expected["studies"]]
        if listed != set(wanted):
            found.append(f"studies {sorted(listed)}")
        if "order" in expected and [study.study_instance_uid for study in seen.history] != wanted:
            found.append("order")
        for study in expected["studies"]:
            found += _study_differences(seen, study)
    included = expected.get("studies_include", ())
    found += [difference for study in included for difference in _study_differences(seen, study)]
    found += [f"counted {uid}" for uid in expected.get("not_counted_as_prior", ()) if uid in _counted(seen)]
    found += [f"asked {host}" for host in expected.get("never_requested", ()) if host in seen.requested_hosts]
    if "count" in expected and len(seen.history) != expected["count"]:
        found.append(f"count {len(seen.history)}")
    found += [f"listed {uid}" for uid in expected.get("excluded", ()) if uid in listed]
    found += [f"no warning {warning}" for warning in expected.get("warnings", ()) if warning not in seen.warnings]
    if seen.state != expected.get("site_state", "ok"):
        found.append(f"state {seen.state}")
    if "max_requests" in expected and seen.request_count > expected["max_requests"]:
        found.append(f"{seen.request_count} requests")
    return found


def _counted(seen: Seen) -> set[str]:
    """Studies that the duplicate rules would look at."""
    rules = default_rule_set()
    counting = {*rules.completed_statuses, *rules.pending_statuses}
    return {study.study_instance_uid for study in seen.history if study.status in counting}


def _study_differences(seen: Seen, wanted: Mapping[str, Any]) -> list[str]:
    rows = [row for row in seen.rows if row.study_instance_uid == wanted["study_uid"]]
    priors = [study for study in seen.history if study.study_instance_uid == wanted["study_uid"]]
    if not rows or not priors:
        return [f"{wanted['study_uid']} missing"]
    actual = _told(rows, priors[0])
    return [
        f"{wanted['study_uid']} {key}: {actual.get(key)!r}"
        for key, value in wanted.items()
        if not _fits(value, actual.get(key))
    ]


def _fits(wanted: object, actual: object) -> bool:
    if isinstance(wanted, dict) and isinstance(actual, dict):
        return all(actual.get(key) == value for key, value in wanted.items())
    return wanted == actual


def _told(rows: Sequence[SiteStudy], prior: PriorStudy) -> dict[str, object]:
    row = rows[0]
    started = row.started
    instant = None if started is None else started.instant
    ids = (row.patient_identifier, *row.other_identifiers)
    return {
        "study_uid": row.study_instance_uid,
        "patient_name": _name_parts(row),
        "name_parse": "certain" if row.name_is_evidence else "uncertain",
        "description": prior.description,
        "descriptions": sorted(prior.descriptions),
        "accession": row.accession_number,
        "series_count": prior.series_count,
        "instance_count": prior.instance_count,
        "modalities": list(prior.modalities),
        "imaging_modalities": list(prior.imaging_modalities),
        "started": _started(row),
        "local_date": None if started is None else started.local_date.isoformat(),
        "birth_date": None if row.birth_date is None else row.birth_date.isoformat(),
        "patient_id": row.patient_identifier.local_patient_id,
        "patient_ids": [str(identifier) for identifier in ids],
        "sites": sorted(location.site_id for location in prior.locations),
        "warnings": list(row.warnings),
        "has_instant": instant is not None,
    }


def _started(row: SiteStudy) -> str | None:
    """Local times of the site are told without an offset."""
    if row.started is None:
        return row.started_in.isoformat() if row.started_in else None
    instant = row.started.instant
    if instant is None:
        return row.started.local_date.isoformat()
    has_own_offset = not hasattr(instant.tzinfo, "key")
    return instant.isoformat() if has_own_offset else instant.replace(tzinfo=None).isoformat()


def _name_parts(row: SiteStudy) -> dict[str, str | None]:
    name = row.patient_name or PersonName()
    return {
        "family": name.family,
        "given": name.given,
        "middle": name.middle,
        "ideographic": _joined(row.ideographic_name),
        "phonetic": _joined(row.phonetic_name),
    }


def _joined(name: PersonName | None) -> str | None:
    return None if name is None else f"{name.family}^{name.given}".rstrip("^")
