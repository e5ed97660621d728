"""What a person does not want to be shared, and what is sensitive in itself: pure rules, one view of one person.

    directives (append-only)  + study classes (configuration) + broken glass + who looks
        -> the person's records that may be seen, and a veil over studies; or nobody at all

Somebody who opted out altogether is as unknown as somebody the index never heard of. A site that somebody opted out of
is as a site that never saw them. A hidden study is as a study that was never made: it is taken away before anything is
counted. Nothing that is left says that something was taken away.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from federation.imaging.studies import SiteStudy
from federation.sites.site import Site, SiteId
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.identity.records import SourceRecord
from mpi.usecases.resolve_identity import ResolvedIdentity


class ConsentScope(Enum):
    """What a directive is about."""

    EVERYTHING = "everything"
    SITE = "site"
    STUDY_CLASS = "study_class"


class ConsentEffect(Enum):
    """DENY hides, PERMIT takes an earlier denial back (or opens a class that is hidden by default)."""

    DENY = "deny"
    PERMIT = "permit"


@dataclass(frozen=True, slots=True)
class ConsentDirective:
    """What a person said, kept for one of the numbers they had when they said it.

    ``target`` is a site id or the name of a study class, empty for everything. One act has one ``directive_id``.
    ``source`` is the door it came through.
    """

    directive_id: str
    identifier: PatientIdentifier
    scope: ConsentScope
    target: str
    effect: ConsentEffect
    recorded_at: dt.datetime
    recorded_by: str
    source: str


@dataclass(frozen=True, slots=True)
class StudyClass:
    """Studies that are sensitive in themselves. A study belongs to it if one of the marks fits.

    ``sites`` empty: at every site. ``codes`` are procedure codes, ``words`` stand in a description as whole words,
    ``confidentiality`` are codes that an archive gives (HL7 v3 Confidentiality: R, V). All compared without case.
    ``is_hidden``: hidden unless the person permits it; else shown unless the person denies it.
    """

    name: str
    title: str = ""
    sites: frozenset[str] = frozenset()
    codes: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()
    confidentiality: frozenset[str] = frozenset()
    is_hidden: bool = True

    def holds(self, study: SiteStudy) -> bool:
        """Whether a row of an archive belongs to it."""
        return self.fits(
            study.site_id, study.procedure_code or "", study.description or "", study.confidentiality_code or ""
        )

    def fits(self, site_id: str, code: str, description: str, confidentiality: str = "") -> bool:
        """The same for an order, which has no row."""
        if self.sites and site_id not in self.sites:
            return False
        said = f" {' '.join(''.join(c if c.isalnum() else ' ' for c in description.casefold()).split())} "
        return (
            code.strip().casefold() in {known.casefold() for known in self.codes}
            or confidentiality.strip().casefold() in {known.casefold() for known in self.confidentiality}
            or any(f" {word.casefold()} " in said for word in self.words)
        )


@dataclass(frozen=True, slots=True)
class ConsentPolicy:
    """The study classes of the hub."""

    classes: tuple[StudyClass, ...] = ()

    def knows(self, name: str) -> bool:
        """Whether a class has this name."""
        return any(one.name == name for one in self.classes)


@dataclass(frozen=True, slots=True)
class BrokenGlass:
    """One caller's look at one person past consent, for a while. ``identifiers`` are the numbers the person had then.

    It opens these numbers for this caller and this person, and nothing after ``expires_at``.
    """

    glass_id: str
    enterprise_id: EnterpriseId
    identifiers: tuple[PatientIdentifier, ...]
    caller: str
    reason: str
    opened_at: dt.datetime
    expires_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Viewer:
    """For whom a person is looked up.

    ``sites`` are those the look-up is for: what a person does not want shared *by* such a site is no matter there.
    ``related_to``: the person must be known at one of these sites; ``None``: no matter where. ``only_patient``: nobody
    else. ``sees_hidden``: staff who keep identities. ``caller``: whose broken glass counts.
    """

    sites: frozenset[str] = frozenset()
    related_to: frozenset[str] | None = None
    only_patient: str | None = None
    sees_hidden: bool = False
    caller: str | None = None

    @property
    def sees_everybody(self) -> bool:
        """Nobody is hidden from them, so there is nothing to hide in how long an answer takes."""
        return self.sees_hidden and self.related_to is None and self.only_patient is None

    def at(self, site_id: str) -> Viewer:
        """The same, for something that is done at a site; broken glass does not reach there."""
        return replace(self, sites=self.sites | {site_id}, caller=None)


ANYBODY = Viewer()
"""No site, no glass: everything that is denied to anybody is denied."""


@dataclass(frozen=True, slots=True)
class Veil:
    """What is hidden of one person's studies. ``opened`` are numbers that a broken glass opens."""

    sites: frozenset[str] = frozenset()
    classes: tuple[StudyClass, ...] = ()
    opened: frozenset[PatientIdentifier] = frozenset()

    def hides(self, study: SiteStudy) -> bool:
        """Whether a row of an archive is to be as if it were not."""
        if study.patient_identifier in self.opened:
            return False
        return study.site_id in self.sites or any(one.holds(study) for one in self.classes)

    def hides_order(self, site_id: str, code: str, description: str) -> bool:
        """The same for an order that is placed somewhere."""
        return site_id in self.sites or any(one.fits(site_id, code, description) for one in self.classes)


NO_VEIL = Veil()


@dataclass(frozen=True, slots=True)
class PersonView:
    """One person as a viewer may see them. ``denied_at``: when the newest denial in force was recorded."""

    identity: ResolvedIdentity
    veil: Veil = NO_VEIL
    glass_id: str | None = None
    denied_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Consent:
    """What is in force for one person: of several directives on one thing the newest counts, for each number.

    A denial under any of the person's numbers denies.
    """

    everything: bool = False
    sites: frozenset[str] = frozenset()
    denied_classes: frozenset[str] = frozenset()
    permitted_classes: frozenset[str] = frozenset()
    denied_at: dt.datetime | None = None

    @classmethod
    def of(cls, directives: Iterable[ConsentDirective]) -> Consent:
        """From directives in the order in which they were recorded."""
        newest = {(d.identifier, d.scope, d.target): d for d in directives}
        denied = [d for d in newest.values() if d.effect is ConsentEffect.DENY]
        permitted = [d for d in newest.values() if d.effect is ConsentEffect.PERMIT]
        return cls(
            everything=any(d.scope is ConsentScope.EVERYTHING for d in denied),
            sites=frozenset(d.target for d in denied if d.scope is ConsentScope.SITE),
            denied_classes=frozenset(d.target for d in denied if d.scope is ConsentScope.STUDY_CLASS),
            permitted_classes=frozenset(d.target for d in permitted if d.scope is ConsentScope.STUDY_CLASS),
            denied_at=max((d.recorded_at for d in denied), default=None),
        )

    def classes(self, policy: ConsentPolicy) -> tuple[StudyClass, ...]:
        """The classes that are hidden for this person."""
        return tuple(
            one
            for one in policy.classes
            if one.name in self.denied_classes or (one.is_hidden and one.name not in self.permitted_classes)
        )


@dataclass(frozen=True, slots=True)
class ConsentRules:
    """What views are made with: the classes, and which site has which numbers."""

    policy: ConsentPolicy = field(default_factory=ConsentPolicy)
    sites: Mapping[SiteId, Site] = field(default_factory=dict)

    def authorities_of(self, site_ids: Collection[str]) -> frozenset[str]:
        """The authorities whose archive numbers these sites file studies under."""
        return frozenset(site.assigning_authority for id_, site in self.sites.items() if id_ in site_ids)

    def authorities_only_of(self, site_ids: Collection[str]) -> frozenset[str]:
        """Those of them that no other site shares."""
        return self.authorities_of(site_ids) - self.authorities_of(self.sites.keys() - set(site_ids))


def view_person(
    identity: ResolvedIdentity,
    directives: Sequence[ConsentDirective],
    glasses: Sequence[BrokenGlass],
    viewer: Viewer,
    rules: ConsentRules,
    *,
    asked_for: PatientIdentifier | None = None,
) -> PersonView | None:
    """The person as the viewer may see them, ``None`` when for this viewer there is no such person.

    ``glasses`` are those of the viewer that have not ended. ``asked_for`` must be a number that may be seen.
    """
    if viewer.only_patient is not None and identity.enterprise_id != viewer.only_patient:
        return None
    if viewer.sees_hidden:
        return PersonView(identity) if _is_related(identity.records, viewer, rules) else None
    glass = next((g for g in glasses if g.enterprise_id == identity.enterprise_id), None)
    opened = frozenset(() if glass is None else glass.identifiers)
    consent = Consent.of(directives)
    hidden_sites = consent.sites - viewer.sites
    hidden_authorities = rules.authorities_only_of(hidden_sites)
    seen = tuple(
        record
        for record in identity.records
        if record.identifier in opened
        or not (
            consent.everything
            or record.site_id in hidden_sites
            or record.identifier.assigning_authority in hidden_authorities
        )
    )
    narrowed = _narrowed(identity, seen, opened)
    if not seen or (asked_for is not None and narrowed.record_of(asked_for) is None):
        return None
    if glass is None and not _is_related(seen, viewer, rules):
        return None
    veil = Veil(hidden_sites, consent.classes(rules.policy), opened)
    return PersonView(narrowed, veil, None if glass is None else glass.glass_id, consent.denied_at)


def _is_related(records: Sequence[SourceRecord], viewer: Viewer, rules: ConsentRules) -> bool:
    if viewer.related_to is None:
        return True
    authorities = rules.authorities_of(viewer.related_to)
    return any(r.identifier.assigning_authority in authorities or r.site_id in viewer.related_to for r in records)


def _narrowed(
    identity: ResolvedIdentity, seen: tuple[SourceRecord, ...], opened: frozenset[PatientIdentifier]
) -> ResolvedIdentity:
    if len(seen) == len(identity.records):
        return identity
    left = {record.identifier for record in seen}
    return replace(
        identity,
        records=seen,
        retired_identifiers=tuple(
            (old, now) for old, now in identity.retired_identifiers if now in left or old in opened
        ),
        open_items=tuple(item for item in identity.open_items if item.left in left or item.right in left),
    )
