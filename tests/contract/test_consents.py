"""Consent, broken glass and revocations: one suite over every store."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from federation.sites.consent import BrokenGlass, ConsentDirective, ConsentEffect, ConsentScope
from mpi.caller_revocations import Revocation, RevokedKind
from mpi.identity.identifiers import EnterpriseId
from tests.contract.stores import NOW, Store, an_identifier, later

SAID = ConsentDirective(
    "D-1", an_identifier(), ConsentScope.SITE, "north", ConsentEffect.DENY, NOW, "clerk-1", "graphql"
)
GLASS = BrokenGlass(
    "G-1", EnterpriseId("E-1"), (an_identifier(), an_identifier("7")), "dr-1", "unconscious", NOW, later(minutes=15)
)
GONE = Revocation(RevokedKind.TOKEN, "t-1", NOW, "admin-1", later(hours=1))


def test_what_a_person_said_comes_back_in_the_order_in_which_it_was_said(store: Store) -> None:
    taken_back = replace(SAID, directive_id="D-2", effect=ConsentEffect.PERMIT)
    other = replace(SAID, identifier=an_identifier("2002"), scope=ConsentScope.EVERYTHING, target="")
    with store.begin() as unit:
        for directive in (SAID, other, taken_back):
            unit.consents.append(directive)
        unit.commit()
    with store.begin_reading() as unit:
        assert list(unit.consents.of([an_identifier()])) == [SAID, taken_back]
        assert list(unit.consents.of([an_identifier("2002"), an_identifier("nobody")])) == [other]
        assert list(unit.consents.of([])) == []
        assert list(unit.consents.act("D-1")) == [SAID, other]
        assert list(unit.consents.act("D-2")) == [taken_back]
        assert list(unit.consents.act("D-3")) == []


def test_what_was_not_committed_was_not_said(store: Store) -> None:
    with store.begin() as unit:
        unit.consents.append(SAID)
        unit.consents.break_glass(GLASS)
    with store.begin_reading() as unit:
        assert list(unit.consents.of([an_identifier()])) == []
        assert unit.consents.glass("G-1") is None


def test_a_glass_is_of_one_caller_and_one_person_and_ends(store: Store) -> None:
    with store.begin() as unit:
        unit.consents.break_glass(GLASS)
        unit.consents.break_glass(replace(GLASS, glass_id="G-2", caller="dr-2", opened_at=later(minutes=1)))
        unit.commit()
    person = GLASS.enterprise_id
    with store.begin_reading() as unit:
        assert list(unit.consents.glasses_of("dr-1", person, at=NOW)) == [GLASS]
        assert list(unit.consents.glasses_of("dr-1", person, at=later(minutes=14, seconds=59))) == [GLASS]
        assert list(unit.consents.glasses_of("dr-1", person, at=later(minutes=15))) == []
        assert list(unit.consents.glasses_of("dr-1", person, at=later(minutes=-1))) == []
        assert list(unit.consents.glasses_of("dr-1", EnterpriseId("E-2"), at=NOW)) == []
        assert unit.consents.glass("G-1") == GLASS
        assert [g.glass_id for g in unit.consents.newest_glasses(limit=5)] == ["G-2", "G-1"]
        assert [g.glass_id for g in unit.consents.newest_glasses(limit=1)] == ["G-2"]


def test_an_id_of_a_glass_is_given_once(store: Store) -> None:
    with store.begin() as unit:
        unit.consents.break_glass(GLASS)
        with pytest.raises(store.refusals):
            unit.consents.break_glass(GLASS)


def test_a_revocation_is_in_force_until_what_it_is_about_has_expired(store: Store) -> None:
    subject = Revocation(RevokedKind.SUBJECT, "dr-9", later(minutes=1), "admin-1", later(hours=9))
    with store.begin() as unit:
        unit.revocations.append(GONE)
        unit.revocations.append(subject)
        unit.commit()
    with store.begin_reading() as unit:
        assert list(unit.revocations.in_force(at=NOW)) == [GONE, subject]
        assert list(unit.revocations.in_force(at=later(hours=2))) == [subject]
        assert list(unit.revocations.in_force(at=later(hours=10))) == []


@pytest.mark.parametrize("table", ["consent_directive", "broken_glass", "revoked_token"])
@pytest.mark.parametrize("change", ["UPDATE {0} SET {1} = 'x'", "DELETE FROM {0}"])
def test_the_database_refuses_to_change_what_was_kept(store: Store, table: str, change: str) -> None:
    if store.engine is None:
        return
    with store.begin() as unit:
        unit.consents.append(SAID)
        unit.consents.break_glass(GLASS)
        unit.revocations.append(GONE)
        unit.commit()
    column = {"consent_directive": "target", "broken_glass": "reason", "revoked_token": "value"}[table]
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), store.engine.begin() as connection:
        connection.execute(sa.text(change.format(table, column)))
