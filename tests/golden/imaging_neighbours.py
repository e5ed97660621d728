"""Cases that neighbour the shared ones: the same kinds of trouble in other places. All invented.

Each is (name, input, expectation) in the form of the recorded cases.
"""

from __future__ import annotations

import json
from typing import Any

NUMBER = "7-01"
_BASE = {
    "00080020": ("DA", ["20230518"]),
    "00080030": ("TM", ["141500"]),
    "00080061": ("CS", ["CT"]),
    "00100010": ("PN", [{"Alphabetic": "WREN^IDA"}]),
    "00100020": ("LO", [NUMBER]),
}
_NAMED = {"family": "WREN", "given": "IDA"}


def row(uid: str | None, /, **changed: Any) -> dict[str, Any]:
    """A QIDO row; ``t00080020=...`` changes an element (a tuple: vr and values; ``None``: absent; else as it is)."""
    elements: dict[str, Any] = {**_BASE, **({"0020000D": ("UI", [uid])} if uid is not None else {})}
    elements.update({name[1:]: value for name, value in changed.items()})
    return {
        tag: {"vr": value[0], "Value": value[1]} if isinstance(value, tuple) else value
        for tag, value in elements.items()
        if value is not None
    }


def qido(*rows: Any, body: Any = None, **query: Any) -> dict[str, Any]:
    page = {"status": 200, "headers": {"content-type": "application/dicom+json"}, "body": list(rows)}
    if body is not None:
        page["body"] = body
    return {"kind": "qido", "site": "NGH", "query": {"patient_id": NUMBER, **query}, "pages": [page]}


def paged(**pages: Any) -> dict[str, Any]:
    by_offset = {
        offset[1:]: page if isinstance(page, dict) else {"status": 200, "headers": {}, "body": page}
        for offset, page in pages.items()
    }
    query = {"patient_id": NUMBER, "page_size": 2}
    return {"kind": "qido", "site": "NGH", "query": query, "pages_by_offset": by_offset}


def cfind(*responses: Any, site: str = "RDI", **config: Any) -> dict[str, Any]:
    """Rows (pending), then success; a text is a final status of its own, (status, row) says both."""
    told = []
    for response in responses:
        status, identifier = response if isinstance(response, tuple) else ("FF00", response)
        told.append({"status": status} if identifier is None else {"status": status, "identifier": identifier})
    if not told or told[-1]["status"].startswith("FF"):
        told.append({"status": "0000"})
    return {"kind": "cfind", "site": site, "query": {"patient_id": NUMBER}, "responses": told, "config": config}


def study(uid: str, /, **changed: Any) -> dict[str, Any]:
    """An R4 ImagingStudy of the patient."""
    resource = {
        "resourceType": "ImagingStudy",
        "id": f"i{uid.rpartition('.')[2]}",
        "status": "available",
        "subject": {"reference": "Patient/p1"},
        "started": "2023-05-18T14:15:00+02:00",
        "identifier": [{"system": "urn:dicom:uid", "value": f"urn:oid:{uid}"}],
        "modality": [{"code": "CT"}],
        **changed,
    }
    return {name: value for name, value in resource.items() if value is not None}


def fhir(*entries: Any, total: int | None = None, pages: Any = None, **bundle: Any) -> dict[str, Any]:
    first: dict[str, Any] = {
        "resourceType": "Bundle",
        "type": "searchset",
        "entry": [e if "resource" in e or "resourceType" not in e else {"resource": e} for e in entries],
        **({} if total is None else {"total": total}),
        **bundle,
    }
    base = "https://fhir.lkm.example"
    return {
        "kind": "fhir",
        "site": "LKM",
        "base": base,
        "query": {"patient": "Patient/p1"},
        "pages": {"": {"status": 200, "body": first}, **(pages or {})},
    }


def listed(*uids: str, state: str = "ok", warnings: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    return {
        "studies": [{"study_uid": uid} for uid in uids],
        "site_state": state,
        "warnings": list(warnings),
        **more,
    }


def told(uid: str, /, *warnings: str, **what: Any) -> dict[str, Any]:
    return {"studies": [{"study_uid": uid, **what}], "warnings": list(warnings)}


_U = "2.999.75."
_QIDO = [
    ("empty_objects_are_no_rows", qido({}, {}), listed()),
    ("a_lone_empty_object", qido(body={}), listed()),
    ("null_is_no_list", qido(body="null"), listed(state="error")),
    ("a_text_is_no_list", qido(body='"none found"'), listed(state="error")),
    ("xml_called_json", qido(body="<NativeDicomModel/>"), listed(state="error")),
    ("an_error_object", qido(body={"HttpError": "Internal", "HttpStatus": 500}), listed(state="error")),
    ("a_byte_order_mark", qido(body="\ufeff" + json.dumps([row(_U + "1")])), listed(_U + "1")),
    ("a_row_that_is_no_object", qido(row(_U + "1"), None, "x", 7), listed(_U + "1", warnings=("bad_row",))),
    ("small_letters_in_tags", qido({key.lower(): value for key, value in row(_U + "1").items()}), listed(_U + "1")),
    (
        "another_issuer",
        qido(row(_U + "1", t00100021=("LO", ["LKM"])), row(_U + "2", t00100021=("LO", ["NGH"]))),
        listed(_U + "2", warnings=("unrequested_patient",), excluded=[_U + "1"]),
    ),
    ("two_ids_in_one_row", qido(row(_U + "1", t00100020=("LO", [NUMBER, "8-02"]))), listed()),
    ("no_id_in_the_row", qido(row(_U + "1", t00100020=None)), listed(warnings=("unrequested_patient",))),
    ("id_in_other_case", qido(row(_U + "1", t00100020=("LO", ["ab1"])), patient_id="AB1"), listed()),
    ("id_as_a_number", qido(row(_U + "1", t00100020=("LO", [412])), patient_id="412"), listed(_U + "1")),
    ("id_with_a_point_and_noughts", qido(row(_U + "1", t00100020=("LO", [412.0])), patient_id="412"), listed()),
    ("id_padded_with_nul", qido(row(_U + "1", t00100020=("LO", [NUMBER + " \0"]))), listed(_U + "1")),
    ("id_with_a_question_mark", qido(row(_U + "1"), patient_id="7-0?"), listed(state="error", max_requests=0)),
    ("id_with_a_backslash", qido(row(_U + "1"), patient_id="7-01\\7-02"), listed(state="error", max_requests=0)),
    (
        "id_with_a_slash_and_an_ampersand",
        qido(row(_U + "1", t00100020=("LO", ["25/18&a=b"])), patient_id="25/18&a=b"),
        listed(_U + "1"),
    ),
    ("everybodys_studies", qido(*(row(f"{_U}{n}", t00100020=("LO", [f"9-{n}"])) for n in range(1, 30))), listed()),
    (
        "date_with_points_and_time_with_colons",
        qido(row(_U + "1", t00080020=("DA", ["2023.05.18"]), t00080030=("TM", ["14:15:07"]))),
        told(_U + "1", started="2023-05-18T14:15:07"),
    ),
    (
        "a_day_that_is_none",
        qido(row(_U + "1", t00080020=("DA", ["20230230"])), row(_U + "2")),
        {
            "studies": [{"study_uid": _U + "2"}, {"study_uid": _U + "1", "started": None}],
            "order": "undated last",
            "warnings": ["bad_date"],
        },
    ),
    ("a_time_of_hours", qido(row(_U + "1", t00080030=("TM", ["14"]))), told(_U + "1", started="2023-05-18T14:00:00")),
    ("a_time_that_is_none", qido(row(_U + "1", t00080030=("TM", ["256199"]))), told(_U + "1", started="2023-05-18")),
    ("a_date_as_a_number", qido(row(_U + "1", t00080020=("DA", [20230518]))), told(_U + "1", local_date="2023-05-18")),
    (
        "an_offset_with_a_colon",
        qido(row(_U + "1", t00080201=("SH", ["+05:30"]))),
        told(_U + "1", "bad_time_zone_offset", started="2023-05-18T14:15:00"),
    ),
    (
        "an_offset_across_midnight",
        qido(row(_U + "1", t00080030=("TM", ["235900.5"]), t00080201=("SH", ["-1100"]))),
        told(_U + "1", local_date="2023-05-18"),
    ),
    (
        "a_date_to_come",
        qido(row(_U + "1", t00080020=("DA", ["20991231"]))),
        told(_U + "1", "future_date", local_date="2099-12-31"),
    ),
    ("a_uid_with_letters", qido(row(_U + "x"), row(_U + "2")), listed(_U + "2", warnings=("irregular_uid",))),
    ("a_uid_that_is_blank", qido(row(" \0"), row(_U + "2")), listed(_U + "2", warnings=("missing_study_uid",))),
    (
        "two_forms_of_one_uid",
        qido(row(_U + "1"), row(_U + "01")),
        listed(_U + "1", _U + "01", warnings=("irregular_uid",), count=2),
    ),
    (
        "modalities_in_small_letters_and_blanks",
        qido(row(_U + "1", t00080061=("CS", ["ct ", " pt", None, "", "CT"]))),
        told(_U + "1", modalities=["CT", "PT"]),
    ),
    (
        "the_other_modality_tag",
        qido(row(_U + "1", t00080061=("CS", [""]), t00080060=("CS", ["US\\SR"]))),
        told(_U + "1", modalities=["SR", "US"], imaging_modalities=["US"]),
    ),
    (
        "modalities_that_are_words",
        qido(row(_U + "1", t00080061=("CS", ["Computed tomography", "CT"]))),
        told(_U + "1", modalities=["CT"]),
    ),
    (
        "counts_with_blanks_and_points",
        qido(row(_U + "1", t00201206=("IS", ["2 "]), t00201208=("DS", [118.0]))),
        told(_U + "1", series_count=2, instance_count=118),
    ),
    (
        "counts_below_nought_and_of_letters",
        qido(row(_U + "1", t00201206=("IS", [-1]), t00201208=("IS", ["many"]))),
        told(_U + "1", "bad_number", series_count=None, instance_count=None),
    ),
    ("a_count_beyond_reason", qido(row(_U + "1", t00201208=("IS", [10**12]))), told(_U + "1", "bad_number")),
    (
        "a_number_without_end",
        qido(body=json.dumps([row(_U + "1", t00201208=("IS", ["N"]))]).replace('"N"', "9" * 5000)),
        told(_U + "1", "bad_number"),
    ),
    (
        "a_name_of_signs_only",
        qido(row(_U + "1", t00100010=("PN", [{"Alphabetic": "????^??"}]))),
        told(_U + "1", name_parse="uncertain", patient_name={"family": "", "given": ""}),
    ),
    (
        "a_name_without_alphabet",
        qido(row(_U + "1", t00100010=("PN", [{"Ideographic": "山田^太郎", "Phonetic": "やまだ^たろう"}]))),
        told(_U + "1", patient_name={"family": "山田", "given": "太郎", "ideographic": "山田^太郎"}),
    ),
    (
        "a_name_with_a_comma",
        qido(row(_U + "1", t00100010=("PN", ["WREN, IDA M"]))),
        told(_U + "1", patient_name={**_NAMED, "middle": "M"}),
    ),
    (
        "a_name_as_a_list",
        qido(row(_U + "1", t00100010={"vr": "PN", "Value": "WREN^IDA"})),
        told(_U + "1", patient_name=_NAMED),
    ),
    (
        "elements_of_wrong_vr_and_shape",
        qido(
            row(
                _U + "1",
                t00081030={"vr": "PN", "Value": [{"Alphabetic": "CT HEAD"}]},
                t00080050="A-1",
                t00080080=("SQ", [{}]),
                t00101002=("SQ", [None, "x", {"00100020": 5}]),
                t00180015=("CS", [["CHEST"]]),
            )
        ),
        told(_U + "1", description="CT HEAD", accession="A-1", patient_ids=["NGH|7-01"]),
    ),
    (
        "half_a_character",
        qido(body=json.dumps([row(_U + "1", t00081030=("LO", ["CT \ud83d HEAD"]))])),
        told(_U + "1", description="CT \ufffd HEAD"),
    ),
    (
        "one_study_twice_with_other_words",
        qido(
            row(_U + "1", t00081030=("LO", ["CT CHEST"]), t00201208=("IS", [10])),
            row(_U + "1", t00081030=("LO", ["Thorax"]), t00201208=("IS", [12]), t00080061=("CS", ["SR"])),
        ),
        told(
            _U + "1",
            "repeated_study",
            descriptions=["CT CHEST", "Thorax"],
            instance_count=12,
            modalities=["CT", "SR"],
        )
        | {"count": 1},
    ),
    (
        "report_objects_alone",
        qido(row(_U + "1", t00080061=("CS", ["SR", "KO"]))),
        told(_U + "1", imaging_modalities=[]),
    ),
]
_PAGES = [
    (
        "short_pages",
        paged(_0=[row(_U + "1")], _1=[row(_U + "2")], _2=[row(_U + "3")]),
        listed(_U + "1", _U + "2", _U + "3"),
    ),
    (
        "a_page_that_fails_later",
        paged(_0=[row(_U + "1"), row(_U + "2")], _2={"status": 503, "headers": {}, "body": ""}),
        listed(_U + "1", _U + "2", state="partial"),
    ),
    (
        "a_page_that_is_a_login",
        paged(_0=[row(_U + "1")], _1={"status": 200, "headers": {"content-type": "text/html"}, "body": "<html>"}),
        listed(_U + "1", state="partial"),
    ),
    (
        "more_is_announced_and_does_not_come",
        paged(
            _0={
                "status": 200,
                "headers": {"Warning": '299 ngh "There are 3 additional results that can be requested"'},
                "body": [row(_U + "1")],
            }
        ),
        listed(_U + "1", state="partial"),
    ),
    (
        "part_of_the_results_says_206",
        paged(_0={"status": 206, "headers": {}, "body": [row(_U + "1")]}),
        listed(_U + "1", state="partial"),
    ),
    (
        "pages_that_overlap",
        paged(_0=[row(_U + "1"), row(_U + "2")], _2=[row(_U + "2"), row(_U + "3")]),
        listed(_U + "1", _U + "2", _U + "3", count=3),
    ),
    (
        "a_second_page_of_strangers",
        paged(_0=[row(_U + "1")], _1=[row(_U + "2", t00100020=("LO", ["9-9"]))]),
        listed(_U + "1", warnings=("unrequested_patient",)),
    ),
]
_CFIND = [
    ("both_pending_statuses", cfind(row(_U + "1"), ("FF01", row(_U + "2"))), listed(_U + "1", _U + "2")),
    ("refused_after_rows", cfind(row(_U + "1"), ("A700", None)), listed(state="error")),
    ("cancelled_by_the_peer", cfind(row(_U + "1"), ("FE00", None)), listed(_U + "1", state="partial")),
    ("a_pending_answer_without_a_row", cfind(("FF00", None), row(_U + "1")), listed(_U + "1")),
    ("a_final_row_of_a_warning", cfind(row(_U + "1"), ("B000", row(_U + "2"))), listed(_U + "1", state="partial")),
    ("the_same_row_four_times", cfind(*[row(_U + "1")] * 4), listed(_U + "1", count=1)),
    ("strangers_rows", cfind(row(_U + "1"), row(_U + "2", t00100020=("LO", ["7-011"]))), listed(_U + "1")),
    (
        "modalities_in_one_text",
        cfind(row(_U + "1", t00080061=("CS", ["CT", "SR"]))),
        told(_U + "1", modalities=["CT", "SR"]),
    ),
    (
        "greek_by_its_set",
        cfind(row(_U + "1", t00080005=("CS", ["ISO_IR 126"]), t00100010=("PN", [{"Alphabetic": "ΠΑΠΑΣ^ΝΙΚΟΣ"}]))),
        told(_U + "1", patient_name={"family": "ΠΑΠΑΣ", "given": "ΝΙΚΟΣ"}),
    ),
    (
        "cyrillic_by_utf8",
        cfind(row(_U + "1", t00080005=("CS", ["ISO_IR 192"]), t00100010=("PN", [{"Alphabetic": "Люкс^Иван"}]))),
        told(_U + "1", patient_name={"family": "Люкс", "given": "Иван"}),
    ),
    (
        "japanese_by_extensions",
        cfind(
            row(
                _U + "1",
                t00080005=("CS", ["", "ISO 2022 IR 87"]),
                t00100010=("PN", [{"Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎"}]),
            )
        ),
        told(_U + "1", patient_name={"family": "Yamada", "ideographic": "山田^太郎"}),
    ),
]
_NEXT = {"relation": "next"}
_FHIR = [
    ("nobody_found", fhir(total=0), listed()),
    (
        "no_entry_at_all",
        fhir() | {"pages": {"": {"status": 200, "body": {"resourceType": "Bundle", "type": "searchset"}}}},
        listed(),
    ),
    ("fewer_than_the_total", fhir(study(_U + "1"), total=3), listed(_U + "1", state="partial")),
    (
        "a_relative_next",
        fhir(
            study(_U + "1"),
            link=[{**_NEXT, "url": "ImagingStudy?page=2"}],
            pages={
                "ImagingStudy?page=2": {
                    "status": 200,
                    "body": {"resourceType": "Bundle", "entry": [{"resource": study(_U + "2")}]},
                }
            },
        ),
        listed(_U + "1", _U + "2"),
    ),
    (
        "a_next_that_turns_in_a_ring",
        fhir(
            study(_U + "1"),
            link=[{**_NEXT, "url": "ImagingStudy?page=2"}],
            pages={
                "ImagingStudy?page=2": {
                    "status": 200,
                    "body": {
                        "resourceType": "Bundle",
                        "entry": [{"resource": study(_U + "2")}],
                        "link": [{**_NEXT, "url": "ImagingStudy?page=2"}],
                    },
                }
            },
        ),
        listed(_U + "1", _U + "2", state="partial"),
    ),
    (
        "a_next_by_another_scheme",
        fhir(study(_U + "1"), link=[{**_NEXT, "url": "ftp://fhir.lkm.example/x"}]),
        listed(_U + "1", state="partial"),
    ),
    (
        "a_next_page_that_is_gone",
        fhir(study(_U + "1"), link=[{**_NEXT, "url": "ImagingStudy?page=9"}]),
        listed(_U + "1", state="partial"),
    ),
    (
        "an_outcome_of_error_alone",
        fhir({"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "timeout"}]}),
        listed(state="error"),
    ),
    (
        "an_outcome_of_warning_alone",
        fhir(
            {
                "search": {"mode": "outcome"},
                "resource": {"resourceType": "OperationOutcome", "issue": [{"severity": "warning"}]},
            }
        ),
        listed(warnings=("operation_outcome",)),
    ),
    (
        "another_patients_study",
        fhir(study(_U + "1"), study(_U + "2", subject={"reference": "Patient/p2"})),
        listed(_U + "1"),
    ),
    ("a_study_of_nobody", fhir(study(_U + "1"), study(_U + "2", subject={"display": "WREN, IDA"})), listed(_U + "1")),
    (
        "a_patient_of_another_server",
        fhir(study(_U + "1"), study(_U + "2", subject={"reference": "https://other.example/Patient/p1"})),
        listed(_U + "1"),
    ),
    (
        "five_shapes_of_modality",
        fhir(
            study(_U + "1", modality=[{"coding": [{"code": "MR"}]}]),
            study(_U + "2", modality={"code": "US"}),
            study(
                _U + "3",
                modality=None,
                series=[{"modality": {"coding": [{"code": "CT"}]}}, {"modality": {"code": "SR"}}],
            ),
            study(_U + "4", modality=None, modalityList=[{"code": "XA"}]),
        ),
        {
            "studies": [
                {"study_uid": _U + "1", "modalities": ["MR"]},
                {"study_uid": _U + "2", "modalities": ["US"]},
                {"study_uid": _U + "3", "modalities": ["CT", "SR"]},
                {"study_uid": _U + "4", "modalities": ["XA"]},
            ]
        },
    ),
    (
        "uid_in_other_places",
        fhir(
            study(_U + "1", identifier=[{"system": "urn:ietf:rfc:3986", "value": f"urn:oid:{_U}1"}]),
            study(_U + "2", identifier=[{"system": "urn:dicom:uid", "value": f"{_U}2"}]),
            study(_U + "3", identifier=None, uid=f"urn:oid:{_U}3"),
            study(_U + "4", identifier=[{"value": "A-9"}]),
        ),
        listed(_U + "1", _U + "2", _U + "3", warnings=("missing_study_uid",)),
    ),
    ("a_bare_date", fhir(study(_U + "1", started="2023-05-18")), told(_U + "1", started="2023-05-18")),
    ("a_month", fhir(study(_U + "1", started="2023-05")), told(_U + "1", started="2023-05")),
    (
        "statuses_that_count_and_do_not",
        fhir(
            *(
                study(f"{_U}{n}", status=s)
                for n, s in enumerate(("registered", "inactive", "entered-in-error", "unknown"), 1)
            )
        ),
        {"not_counted_as_prior": [_U + "3", _U + "4"]},
    ),
    (
        "counts_as_texts",
        fhir(study(_U + "1", numberOfSeries="2", numberOfInstances="x")),
        told(_U + "1", "bad_number", series_count=2, instance_count=None),
    ),
    (
        "entries_without_resources",
        fhir({"fullUrl": "x"}, {"resource": study(_U + "1")}, {"resource": {}}),
        listed(_U + "1", warnings=("bad_row",)),
    ),
    ("entries_of_nothing_only", fhir({"fullUrl": "x"}, {"link": []}), listed(state="partial", warnings=("bad_row",))),
]
_MULTI = [
    (
        "one_exam_under_two_uids_stays_two",
        {"kind": "multi", "responses": [qido(row(_U + "1")), {**qido(row(_U + "2")), "site": "LKM"}]},
        listed(_U + "1", _U + "2", count=2),
    ),
    (
        "one_site_fails",
        {"kind": "multi", "responses": [qido(row(_U + "1")), {**qido(body="<html>"), "site": "LKM"}]},
        listed(_U + "1", state="error"),
    ),
]
NEIGHBOURS = [*_QIDO, *_PAGES, *_CFIND, *_FHIR, *_MULTI]
