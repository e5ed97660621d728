"""How a message changes what a site says of a patient: empty leaves alone, an explicit null deletes.

Source: HL7 v2.5 chapter 2.7.3 (delete indicator ``""``).
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace

from mpi.identity.demographics import Demographics, PersonName, PostalAddress


@dataclass(frozen=True, slots=True)
class DemographicsUpdate:
    """``sent`` holds what was sent (empty = not sent); ``deleted`` names what was sent as an explicit null.

    Names in ``deleted`` are fields of ``Demographics`` (``phones``, ``birth_date`` ...) or a part of one with a dot
    (``name.middle``, ``address.street``). ``only_if_missing`` names fields of ``sent`` that fill a gap but replace
    nothing (a number at work beside the one at home).
    """

    sent: Demographics = field(default_factory=Demographics)
    deleted: frozenset[str] = frozenset()
    only_if_missing: frozenset[str] = frozenset()


def apply_update(current: Demographics, update: DemographicsUpdate) -> Demographics:
    """What the site says after the update."""
    sent = update.sent
    birth_date_was_sent = sent.birth_date is not None or bool(sent.birth_date_sent)
    merged = replace(
        current,
        name=_merge_name(current.name, sent.name),
        aliases=sent.aliases or current.aliases,
        birth_date=sent.birth_date if birth_date_was_sent else current.birth_date,
        birth_date_sent=sent.birth_date_sent if birth_date_was_sent else current.birth_date_sent,
        sex=sent.sex if sent.sex is not None else current.sex,
        address=_merge_address(current.address, sent.address),
        phones=_phones(current, update),
        ssn_last4=sent.ssn_last4 or current.ssn_last4,
        national_id=sent.national_id or current.national_id,
    )
    for path in update.deleted:
        merged = _without(merged, path)
    return merged


def _phones(current: Demographics, update: DemographicsUpdate) -> tuple[str, ...]:
    if current.phones and "phones" in update.only_if_missing:
        return current.phones
    return update.sent.phones or current.phones


def _merge_name(current: PersonName, sent: PersonName) -> PersonName:
    if sent.is_empty:
        return current
    return PersonName(
        family=sent.family or current.family,
        given=sent.given or current.given,
        middle=sent.middle or current.middle,
        prefix=sent.prefix or current.prefix,
        suffix=sent.suffix or current.suffix,
        use=sent.use or current.use,
    )


def _merge_address(current: PostalAddress, sent: PostalAddress) -> PostalAddress:
    return PostalAddress(
        street=sent.street or current.street,
        city=sent.city or current.city,
        postal_code=sent.postal_code or current.postal_code,
    )


_EMPTY = Demographics()


def _without(demographics: Demographics, path: str) -> Demographics:
    name, _, part = path.partition(".")
    if name not in {f.name for f in fields(Demographics)}:
        raise ValueError(f"no demographic field {path}")
    if part:
        return replace(demographics, **{name: replace(getattr(demographics, name), **{part: ""})})
    cleared = replace(demographics, **{name: getattr(_EMPTY, name)})
    return replace(cleared, birth_date_sent="") if name == "birth_date" else cleared
