"""Counts of alerts by what became of them, made by the database."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa

from adapters.store import mapping
from adapters.store.statements import rows
from adapters.store.tables import alert_event
from federation.imaging.alerts import ANSWERED_STATES, DuplicateAlert, OverrideReason
from federation.imaging.assessment import Tier
from federation.sites.site import SiteId
from federation.usefulness.outcomes import OutcomeCount, RuleCount

_event = alert_event.c


class SqlAlertStatistics:
    """``federation.ports.AlertStatistics`` on a connection."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def outcomes(self, since: dt.datetime, until: dt.datetime) -> tuple[OutcomeCount, ...]:
        alerts = _newest(since, until)
        columns = [alerts.c[name] for name in ("tier", "state", "site", "raised_by", "reason")]
        statement = sa.select(*columns, sa.func.count().label("alerts")).group_by(*columns)
        return tuple(
            OutcomeCount(
                tier=Tier[row["tier"]],
                state=row["state"],
                site_id=SiteId(row["site"]),
                raised_by=row["raised_by"],
                override_reason=None if row["reason"] is None else OverrideReason[row["reason"]],
                count=row["alerts"],
            )
            for row in rows(self._connection, statement)
        )

    def rule_outcomes(self, since: dt.datetime, until: dt.datetime) -> tuple[RuleCount, ...]:
        alerts = _newest(since, until)
        fired, code = self._fired(alerts)
        # A rule that fired twice in one alert (two priors never share one) counts once.
        once = sa.select(alerts.c.alert_id, alerts.c.state, code.label("code")).select_from(fired).distinct().subquery()
        statement = sa.select(once.c.code, once.c.state, sa.func.count().label("alerts")).group_by(
            once.c.code, once.c.state
        )
        return tuple(RuleCount(row["code"], row["state"], row["alerts"]) for row in rows(self._connection, statement))

    def answered(self, since: dt.datetime, until: dt.datetime) -> tuple[DuplicateAlert, ...]:
        states = sorted(ANSWERED_STATES, key=lambda state: state.name)
        alerts = _newest(since, until)
        statement = (
            sa.select(alert_event)
            .join(alerts, sa.and_(alerts.c.alert_id == _event.alert_id, alerts.c.sequence == _event.sequence))
            .where(_event.state.in_(states))
            .order_by(_event.alert_id)
        )
        return tuple(mapping.alert_from(row) for row in rows(self._connection, statement))

    def _fired(self, alerts: sa.Subquery) -> tuple[sa.FromClause, sa.ColumnElement[str]]:
        """Each alert with each of its rules."""
        if self._connection.dialect.name == "postgresql":
            each = sa.func.json_array_elements(alerts.c.rules).table_valued(sa.column("value", sa.JSON), name="fired")
            code = sa.cast(each.c.value, sa.JSON)["code"].as_string()
        else:
            each = sa.func.json_each(alerts.c.rules).table_valued(sa.column("value", sa.String), name="fired")
            code = sa.func.json_extract(each.c.value, "$.code", type_=sa.String)
        return alerts.join(each, sa.true()), code


def _newest(since: dt.datetime, until: dt.datetime) -> sa.Subquery:
    """The newest event of each alert of the period, with who raised it first."""
    first, later = alert_event.alias("first"), alert_event.alias("later")
    has_later = sa.exists().where(later.c.alert_id == _event.alert_id, later.c.sequence > _event.sequence)
    return (
        sa.select(
            _event.alert_id,
            _event.sequence,
            sa.type_coerce(_event.state, alert_event.c.state.type).label("state"),
            _event.content["tier"].as_string().label("tier"),
            _event.content["ordering_site"].as_string().label("site"),
            _event.content["override_reason"].as_string().label("reason"),
            _event.content["rules"].label("rules"),
            first.c.content["changed_by"].as_string().label("raised_by"),
        )
        .join(first, sa.and_(first.c.alert_id == _event.alert_id, first.c.sequence == 1))
        .where(~has_later, first.c.changed_at >= since, first.c.changed_at < until)
        .subquery("newest")
    )
