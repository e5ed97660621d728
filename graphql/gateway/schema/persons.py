"""Persons and the records they consist of, for roles that may see demographics."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, TypeAlias

import strawberry

from gateway.schema.refusals import InvalidInput, NotAllowed, PatientNotFound
from gateway.schema.studies import PatientIdentifier
from mpi.identity import demographics as domain
from mpi.identity import identifiers
from mpi.identity.demographics import AdministrativeSex
from mpi.identity.person_version import person_version
from mpi.identity.records import LinkSource, MatchGrade
from mpi.identity.records import SourceRecord as DomainRecord
from mpi.identity.survivorship import TrustOrder, golden_record
from mpi.usecases.resolve_identity import ResolvedIdentity

BIRTH_DATE = "YYYY, YYYY-MM or YYYY-MM-DD: as precise as it is known. Null: missing or a placeholder."


@strawberry.type(description="One name. Missing parts are empty.")
class PersonName:
    family: str = strawberry.field(description="Family name.")
    given: str = strawberry.field(description="Given name.")
    middle: str = strawberry.field(description="Further given names.")
    prefix: str = strawberry.field(description="What stands before, such as a title.")
    suffix: str = strawberry.field(description="What stands after, such as JR.")
    use: str = strawberry.field(description="HL7 name type (L legal, M maiden ...) or empty.")

    @classmethod
    def from_domain(cls, name: domain.PersonName) -> PersonName:
        """The same name."""
        return cls(
            family=name.family,
            given=name.given,
            middle=name.middle,
            prefix=name.prefix,
            suffix=name.suffix,
            use=name.use,
        )


@strawberry.type(description="A postal address. Missing parts are empty.")
class PostalAddress:
    street: str = strawberry.field(description="Street and number.")
    city: str = strawberry.field(description="City.")
    postal_code: str = strawberry.field(description="Postal code.")

    @classmethod
    def from_domain(cls, address: domain.PostalAddress) -> PostalAddress:
        """The same address."""
        return cls(street=address.street, city=address.city, postal_code=address.postal_code)


@strawberry.type(description="What one site says about one patient, and how sure we are whose record it is.")
class SourceRecord:
    identifier: PatientIdentifier = strawberry.field(description="The site's number for the patient.")
    site: strawberry.ID = strawberry.field(description="Id of the site.")
    name: PersonName = strawberry.field(description="The name.")
    aliases: list[PersonName] = strawberry.field(description="Further names.")
    birth_date: str | None = strawberry.field(description=BIRTH_DATE)
    sex: AdministrativeSex | None = strawberry.field(description="Null: not known.")
    address: PostalAddress | None = strawberry.field(description="Null: none is known.")
    phones: list[str] = strawberry.field(description="As written by the site.")
    demographics_at: dt.datetime = strawberry.field(description="Event time of the newest demographics taken.")
    is_active: bool = strawberry.field(description="False: the number was merged away or deleted.")
    is_held: bool = strawberry.field(
        description="True: it may be two people's data; staff hold it, no machine links it."
    )
    enterprise_id: strawberry.ID | None = strawberry.field(description="The person it belongs to; null when retired.")
    link_source: LinkSource | None = strawberry.field(description="Who decided that.")
    match_grade: MatchGrade | None = strawberry.field(description="How sure it is.")
    match_weight: float | None = strawberry.field(description="Score of the link in bits; null when no score decided.")
    model_version: str | None = strawberry.field(description="The match model that decided; null when none did.")

    @classmethod
    def from_domain(cls, record: DomainRecord) -> SourceRecord:
        """The same record, without strong ids."""
        said, link = record.demographics, record.link
        return cls(
            identifier=identifier_of(record.identifier),
            site=strawberry.ID(record.site_id),
            name=PersonName.from_domain(said.name),
            aliases=[PersonName.from_domain(alias) for alias in said.aliases],
            birth_date=None if said.birth_date is None else said.birth_date.isoformat(),
            sex=said.sex,
            address=None if said.address.is_empty else PostalAddress.from_domain(said.address),
            phones=list(said.phones),
            demographics_at=record.demographics_at,
            is_active=record.is_active,
            is_held=record.is_held,
            enterprise_id=None if link is None else strawberry.ID(link.enterprise_id),
            link_source=None if link is None else link.link_source,
            match_grade=None if link is None else link.match_grade,
            match_weight=None if link is None else link.match_weight,
            model_version=None if link is None else link.model_version,
        )


@strawberry.type(description="Which record a field of the golden record came from.")
class FieldSource:
    field: str = strawberry.field(description="Name of the field.")
    identifier: PatientIdentifier = strawberry.field(description="The record.")
    site: strawberry.ID = strawberry.field(description="Id of the site that said so.")
    said_at: dt.datetime = strawberry.field(description="Event time of the record's newest demographics.")


@strawberry.type(description="The best view of a person: each field from the most trusted site, else the newest.")
class GoldenRecord:
    name: PersonName | None = strawberry.field(description="Null: no site gave a name.")
    birth_date: str | None = strawberry.field(description=BIRTH_DATE)
    sex: AdministrativeSex | None = strawberry.field(description="Null: not known.")
    address: PostalAddress | None = strawberry.field(description="Null: none is known.")
    phone: str | None = strawberry.field(description="Null: none is known.")
    other_names: list[PersonName] = strawberry.field(description="All further names.")
    sources: list[FieldSource] = strawberry.field(description="Where each value came from.")

    @classmethod
    def from_records(cls, records: tuple[DomainRecord, ...], trust: TrustOrder) -> GoldenRecord:
        """The golden record of a person's records."""
        best = golden_record(records, trust)
        by_identifier = {record.identifier: record for record in records}
        fields = {
            "name": best.name,
            "birthDate": best.birth_date,
            "sex": best.sex,
            "address": best.address,
            "phone": best.phone,
        }
        return cls(
            name=None if best.name is None else PersonName.from_domain(best.name.value),
            birth_date=None if best.birth_date is None else best.birth_date.value.isoformat(),
            sex=None if best.sex is None else best.sex.value,
            address=None if best.address is None else PostalAddress.from_domain(best.address.value),
            phone=None if best.phone is None else best.phone.value,
            other_names=[PersonName.from_domain(name) for name in best.other_names],
            sources=[_source(name, by_identifier[value.source]) for name, value in fields.items() if value is not None],
        )


@strawberry.type(description="A number that is not to be used any more, and the one that took its place.")
class RetiredIdentifier:
    identifier: PatientIdentifier = strawberry.field(description="The retired number; archives may still use it.")
    survivor: PatientIdentifier = strawberry.field(description="The number that took its place.")


def _version(person: strawberry.Parent[Person]) -> str:
    return person_version(person.identity.records)


def _golden_record(person: strawberry.Parent[Person]) -> GoldenRecord:
    return GoldenRecord.from_records(person.identity.records, person.trust)


def _records(person: strawberry.Parent[Person]) -> list[SourceRecord]:
    return [SourceRecord.from_domain(record) for record in person.identity.records]


def _retired_identifiers(person: strawberry.Parent[Person]) -> list[RetiredIdentifier]:
    return [
        RetiredIdentifier(identifier=identifier_of(old), survivor=identifier_of(survivor))
        for old, survivor in person.identity.retired_identifiers
    ]


@strawberry.type(description="One person: the records of all sites that are linked for certain.")
class Person:
    """A history asks for the id alone, so the rest is made when it is asked for."""

    identity: strawberry.Private[ResolvedIdentity]
    trust: strawberry.Private[TrustOrder]
    enterprise_id: strawberry.ID = strawberry.field(description="The hub's own id of the person.")
    version: str = strawberry.field(
        resolver=_version,
        description="Another one after every change of the person's records. Give it as expectedVersions when "
        "deciding.",
    )
    golden_record: GoldenRecord = strawberry.field(resolver=_golden_record, description="The best view of the person.")
    records: list[SourceRecord] = strawberry.field(resolver=_records, description="What each site says.")
    retired_identifiers: list[RetiredIdentifier] = strawberry.field(
        resolver=_retired_identifiers, description="Old numbers of this person."
    )
    open_review_count: int = strawberry.field(description="Questions about this person that wait for records staff.")

    @classmethod
    def from_domain(cls, identity: ResolvedIdentity, trust: TrustOrder) -> Person:
        """The person behind a resolved identity."""
        return cls(
            identity=identity,
            trust=trust,
            enterprise_id=strawberry.ID(identity.enterprise_id),
            open_review_count=len(identity.open_items),
        )

    def audit_subjects(self) -> tuple[str, ...]:
        """Whom the answer is about."""
        return (self.enterprise_id,)


def _source(field: str, record: DomainRecord) -> FieldSource:
    return FieldSource(
        field=field,
        identifier=identifier_of(record.identifier),
        site=strawberry.ID(record.site_id),
        said_at=record.demographics_at,
    )


def identifier_of(identifier: identifiers.PatientIdentifier) -> PatientIdentifier:
    """The same identifier."""
    return PatientIdentifier(
        assigning_authority=identifier.assigning_authority, local_patient_id=identifier.local_patient_id
    )


PersonResult: TypeAlias = Annotated[
    Person | PatientNotFound | InvalidInput | NotAllowed,
    strawberry.union("PersonResult", description="A person, or why not."),
]
