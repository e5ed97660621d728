"""Does the store hold what a case expects? Keys as in the shared cases' README."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from federation.ports import UnitOfWork
from mpi.identity.demographics import PersonName
from mpi.identity.identifiers import PatientIdentifier
from mpi.identity.records import SourceRecord
from mpi.usecases.follow_identifier import follow_identifier
from tests.hl7_door import Ack, OpenStore

State = Mapping[str, Any]
_SITES = ("NGH", "LKM", "RDI")
Records = Sequence[SourceRecord]


def judge(state: State, store: OpenStore, acks: Sequence[Ack]) -> list[str]:
    """What differs from the expected state, one line each; empty when nothing does."""
    records = store.all_records()
    with store.units() as uow:
        return _differences(state, uow, records, acks)


def _differences(state: State, uow: UnitOfWork, records: Records, acks: Sequence[Ack]) -> list[str]:
    unknown = set(state) - set(_CHECKS) - {"after_message"}
    if unknown:
        return [f"unknown key {key}" for key in sorted(unknown)]
    return [line for key, check in _CHECKS.items() if key in state for line in check(state[key], uow, records, acks)]


def _identities(expected: list[dict[str, Any]], uow: UnitOfWork, *_: object) -> list[str]:
    lines = []
    for wanted in expected:
        record = follow_identifier(PatientIdentifier.parse(wanted["id"]), uow=uow)
        if record is None:
            lines.append(f"{wanted['id']} does not exist")
            continue
        found = _view(record)
        for key, value in wanted.items():
            if key != "id" and _folded(key, found[key]) != _folded(key, value):
                lines.append(f"{wanted['id']}: {key} is {found[key]!r}, expected {value!r}")
    return lines


def _view(record: SourceRecord) -> dict[str, Any]:
    said = record.demographics
    return {
        "family": said.name.family or None,
        "given": said.name.given or None,
        "middle": said.name.middle or None,
        "suffix": said.name.suffix or None,
        "prefix": said.name.prefix or None,
        "aliases": sorted(_written(n) for n in said.aliases),
        "birth_date": said.birth_date.isoformat() if said.birth_date else None,
        "birth_date_sent": said.birth_date_sent or None,
        "sex": said.sex.value if said.sex else None,
        "street": said.address.street or None,
        "city": said.address.city or None,
        "postal_code": said.address.postal_code or None,
        "phone": said.phones[0] if said.phones else None,
        "ssn_last4": said.ssn_last4 or None,
        "national_id": said.national_id or None,
    }


def _written(name: PersonName) -> str:
    return "^".join(part for part in (name.family, name.given) if part)


def _folded(key: str, value: Any) -> Any:
    if value is None:
        return None
    if key == "phone":
        return "".join(c for c in value if c.isdigit())[-10:]
    if isinstance(value, list):
        return sorted(_folded("", v) for v in value)
    return unicodedata.normalize("NFKC", value).casefold()


def _person(identifier: str, uow: UnitOfWork) -> str | None:
    record = follow_identifier(PatientIdentifier.parse(identifier), uow=uow)
    return record.enterprise_id if record is not None else None


def _same_person(groups: list[list[str]], uow: UnitOfWork, *_: object) -> list[str]:
    persons = [[_person(i, uow) for i in group] for group in groups]
    return [f"not one person: {g}" for g, p in zip(groups, persons, strict=True) if None in p or len(set(p)) != 1]


def _different_person(groups: list[list[str]], uow: UnitOfWork, *_: object) -> list[str]:
    lines = []
    for group in groups:
        persons = [p for p in (_person(i, uow) for i in group) if p is not None]
        if len(set(persons)) != len(persons):
            lines.append(f"one person: {group}")
    return lines


def _resolves_to(pairs: dict[str, str], uow: UnitOfWork, *_: object) -> list[str]:
    lines = []
    for sent, wanted in pairs.items():
        record = follow_identifier(PatientIdentifier.parse(sent), uow=uow)
        reached = None if record is None else str(record.surviving_identifier or record.identifier)
        if reached != wanted or (sent == wanted and record is not None and not record.is_active):
            lines.append(f"{sent} resolves to {reached}, expected {wanted}")
    return lines


def _retired(ids: list[str], uow: UnitOfWork, *_: object) -> list[str]:
    records = {i: uow.records.get(PatientIdentifier.parse(i)) for i in ids}
    return [f"{i} is not retired" for i, record in records.items() if record is None or record.is_active]


def _identity_count(wanted: int, uow: UnitOfWork, *_: object) -> list[str]:
    found = uow.records.person_count()
    return [] if found == wanted else [f"{found} persons, expected {wanted}"]


def _events_for(counts: dict[str, int], uow: UnitOfWork, *_: object) -> list[str]:
    found = {i: len(uow.history.of(PatientIdentifier.parse(i))) for i in counts}
    return [f"{i}: {found[i]} history rows, expected {n}" for i, n in counts.items() if found[i] != n]


def _absent(ids: list[str], uow: UnitOfWork, *_: object) -> list[str]:
    return [f"{i} exists" for i in ids if uow.records.get(PatientIdentifier.parse(i)) is not None]


def _open_reviews(kinds: list[str], uow: UnitOfWork, *_: object) -> list[str]:
    """Own key: the kinds of all open review items."""
    page = uow.reviews.open_page(kinds=None, offset=0, limit=100)
    found = sorted(item.kind.value for item in page.items)
    return [] if found == sorted(kinds) else [f"open review items {found}, expected {kinds}"]


def _absent_names(texts: list[str], _: UnitOfWork, records: Records, *__: object) -> list[str]:
    names = [n for r in records for n in (r.demographics.name, *r.demographics.aliases)]
    stored = "\n".join(f"{n.family}^{n.given}^{n.middle}^{n.prefix}^{n.suffix}" for n in names).casefold()
    return [f"{text} is stored as a name" for text in texts if text.casefold() in stored]


def _err(wanted: str, _: UnitOfWork, __: Records, acks: Sequence[Ack]) -> list[str]:
    found = acks[-1].error
    return [] if wanted in (found, found.split(" / ")[-1]) else [f"ERR is {found}, expected {wanted}"]


def _ack_fields(wanted: dict[str, str], _: UnitOfWork, __: Records, acks: Sequence[Ack]) -> list[str]:
    found = {place: acks[-1].get(place) for place in wanted}
    return [f"{p} is {found[p]!r}, expected {w!r}" for p, w in wanted.items() if found[p] != w]


def _orders(expected: list[dict[str, Any]], uow: UnitOfWork, *_: object) -> list[str]:
    lines = []
    for wanted in expected:
        numbers = {"placer_order_number": wanted.get("placer"), "filler_order_number": wanted.get("filler")}
        found = next((o for site in _SITES if (o := uow.placed_orders.by_number(site, **numbers))), None)
        if found is None:
            lines.append(f"order {numbers} does not exist")
            continue
        view = {
            "placer": found.placer_order_number,
            "filler": found.filler_order_number,
            "status": found.status.value,
            "code": found.order.code,
            "system": found.order.code_system,
            "local_code": found.local_code,
        }
        lines += [f"order {numbers}: {k} is {view[k]!r}, expected {v!r}" for k, v in wanted.items() if view[k] != v]
    return lines


def _no_open_alert_for(number: str, uow: UnitOfWork, *_: object) -> list[str]:
    alerts = (alert for site in _SITES for alert in uow.alerts.of_order(f"{site}|{number}"))
    return [f"alert {alert.alert_id} is open" for alert in alerts if alert.is_open]


def _one_of(states: list[dict[str, Any]], uow: UnitOfWork, records: Records, acks: Sequence[Ack]) -> list[str]:
    codes = [ack.code for ack in acks]
    tried = []
    for state in states:
        if "acks" in state and state["acks"] != codes:
            tried.append(f"not for acks {codes}")
            continue
        lines = _differences({k: v for k, v in state.items() if k != "acks"}, uow, records, acks)
        if not lines:
            return []
        tried += lines
    return [f"none of: {tried}"]


_CHECKS: Mapping[str, Callable[..., list[str]]] = {
    "identities": _identities,
    "same_person": _same_person,
    "different_person": _different_person,
    "resolves_to": _resolves_to,
    "retired": _retired,
    "identity_count": _identity_count,
    "events_for": _events_for,
    "absent": _absent,
    "absent_names": _absent_names,
    "open_reviews": _open_reviews,
    "err": _err,
    "ack_fields": _ack_fields,
    "one_of": _one_of,
    "orders": _orders,
    "no_open_alert_for": _no_open_alert_for,
}
