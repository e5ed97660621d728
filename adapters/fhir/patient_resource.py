"""A person of the index as a FHIR R4 Patient. Pure.

The resource's id is the enterprise id; its identifiers are the numbers of all linked records, retired ones as ``old``.
"""

from __future__ import annotations

from typing import Any

from adapters.fhir.identifier_systems import IdentifierSystems, identifier_json
from adapters.fhir.patient_mapping import NAME_TYPES
from mpi.identity.demographics import AdministrativeSex, PersonName, PostalAddress
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.identity.records import SourceRecord
from mpi.identity.survivorship import golden_record

_GENDERS = {AdministrativeSex.FEMALE: "female", AdministrativeSex.MALE: "male", AdministrativeSex.OTHER: "other"}
_USES = {name_type: use for use, name_type in NAME_TYPES.items()}


def person_resource(
    enterprise_id: EnterpriseId,
    records: tuple[SourceRecord, ...],
    systems: IdentifierSystems,
    *,
    retired: tuple[PatientIdentifier, ...] = (),
) -> dict[str, Any]:
    """The best view of the person. What is not known is absent."""
    best = golden_record(records)
    names = ([] if best.name is None else [best.name.value]) + list(best.other_names)
    identifiers = [identifier_json(r.identifier, systems, use="usual") for r in records]
    identifiers += [identifier_json(i, systems, use="old") for i in retired]
    written = {
        "resourceType": "Patient",
        "id": enterprise_id,
        "identifier": identifiers,
        "active": True,
        "name": [_name_json(name) for name in names],
        "telecom": [] if best.phone is None else [{"system": "phone", "value": best.phone.value}],
        "gender": "" if best.sex is None else _GENDERS[best.sex.value],
        "birthDate": "" if best.birth_date is None else best.birth_date.value.isoformat(),
        "address": [] if best.address is None else [_address_json(best.address.value)],
    }
    return _said(written)


def _name_json(name: PersonName) -> dict[str, Any]:
    return _said(
        {
            "use": _USES.get(name.use, ""),
            "family": name.family,
            "given": [part for part in (name.given, name.middle) if part],
            "prefix": [name.prefix] if name.prefix else [],
            "suffix": [name.suffix] if name.suffix else [],
        }
    )


def _address_json(address: PostalAddress) -> dict[str, Any]:
    lines = [address.street] if address.street else []
    return _said({"line": lines, "city": address.city, "postalCode": address.postal_code})


def _said(fields: dict[str, Any]) -> dict[str, Any]:
    """Without what is empty: FHIR knows no empty values."""
    return {name: value for name, value in fields.items() if value not in ("", [])}
