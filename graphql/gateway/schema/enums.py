"""Domain enums as GraphQL shows them: the member names, in upper case."""

from __future__ import annotations

import strawberry

from federation.imaging.alerts import AlertState, OverrideReason
from federation.imaging.assessment import Relation, Tier
from federation.imaging.orders import ClinicalFlag
from federation.imaging.procedures import Contrast, Laterality, Modality, ProcedureFlag
from federation.imaging.studies import ReportStatus, StudyStatus
from federation.sites.circuit import CircuitState
from federation.sites.consent import ConsentEffect, ConsentScope
from federation.sites.coverage import CoverageState
from mpi.audit import AuditOutcome
from mpi.identity.decisions import DecisionKind
from mpi.identity.demographics import AdministrativeSex
from mpi.identity.field_history import RecordField, ValueState
from mpi.identity.records import LinkSource, MatchGrade
from mpi.identity.review import RecordSide, ReviewDecision, ReviewKind, ReviewStatus

DESCRIPTIONS = {
    Tier: "How strongly an order should be reconsidered: NONE, INFO, WARNING, INTERRUPTIVE (strongest).",
    Relation: "How a prior answers an order: in full (EQUIVALENT), in part (PARTIAL), by another technique (CROSS), "
    "not at all (UNRELATED), or no prior counts (NONE).",
    AlertState: "Where an alert is: RAISED, SHOWN, then ACCEPTED (the order was given up), OVERRIDDEN (it stands), "
    "SUPERSEDED (what it was about fell away) or EXPIRED (nobody answered).",
    OverrideReason: "Why an order stands although it repeats a prior.",
    ClinicalFlag: "Context of an order that exempts it or caps its alert. What is not given is taken as false.",
    Modality: "Examination class, coarser than the DICOM modality: CR, DX, PX, RG and IO are all XR.",
    Laterality: "Side. NONE: the region is not paired. UNKNOWN: a paired region whose side is not stated.",
    Contrast: "Contrast medium: WITH, WITHOUT, BOTH phases, or UNKNOWN.",
    ProcedureFlag: "What limits or changes what an examination can answer.",
    ReportStatus: "What is known of the radiologist's report. UNKNOWN: the source cannot tell.",
    StudyStatus: "Whether the examination happened. A study that an archive lists with images is COMPLETED.",
    CoverageState: "What a site did when it was asked. Only ANSWERED means that it has no other studies. PARTIAL: the "
    "list may be cut. INDEXED: from our own index. WITHHELD: in aggregate only. SKIPPED: not asked, see the reason.",
    ConsentScope: "What a consent is about: EVERYTHING a person has anywhere, what one SITE shares, or a STUDY_CLASS "
    "that the hub's operator calls sensitive.",
    ConsentEffect: "DENY hides. PERMIT takes an earlier DENY back, or opens a class that is hidden by default.",
    CircuitState: "CLOSED: the site is asked. OPEN: it failed again and again and is left alone for a while. "
    "HALF_OPEN: one question finds out whether it is well again.",
    AuditOutcome: "SUCCESS, REFUSED (the caller may not) or FAILED (allowed, but it did not work).",
    AdministrativeSex: "Administrative sex. Unknown is null, never a member.",
    LinkSource: "Who decided that a record belongs to a person: AUTO (score or message) or MANUAL (records staff).",
    DecisionKind: "LINK two records, UNLINK one from its person, MERGE two persons, SPLIT one in two, DIFFERENT: two "
    "records are never one person, HOLD a possible overlay, or RELEASE it.",
    RecordField: "A field by which records are compared.",
    ValueState: "CURRENT: the record says so now. EARLIER: it did. NOT_TAKEN: it was sent, too late or under suspicion "
    "that the number was given to somebody else, and the record never said so.",
    MatchGrade: "How sure a match is.",
    ReviewDecision: "SAME: one person. DIFFERENT: never the same person, kept for ever. DISMISSED: nothing to do. "
    "POSSIBLE_OVERLAY: one of the records may hold two people's data and is held.",
    RecordSide: "One of the two records of a question.",
    ReviewKind: "Why records staff are asked.",
    ReviewStatus: "OPEN, DECIDED, or SUPERSEDED (what was asked no longer stands).",
}


def register_enums() -> None:
    """Tell strawberry about the domain's enums. Harmless when done twice."""
    for domain_enum, description in DESCRIPTIONS.items():
        strawberry.enum(domain_enum, description=description)
