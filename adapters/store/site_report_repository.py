"""The newest reports on the sites, one row a site and kind."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa

from adapters.store.json_codec import from_json, to_json
from adapters.store.statements import insert_or_update, rows
from adapters.store.tables import site_report
from federation.sites.reports import CapabilityReport, HealthReport
from federation.sites.site import SiteId

_HEALTH, _CAPABILITIES = "health", "capabilities"
_OF_KIND = sa.select(site_report.c.content).where(site_report.c.kind == sa.bindparam("kind"))
_BY_SITE = _OF_KIND.order_by(site_report.c.site_id)


class SqlSiteReportRepository:
    """``federation.ports.SiteReportRepository`` on a connection."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def save_health(self, report: HealthReport) -> None:
        self._save(report.site_id, _HEALTH, report.reported_at, report)

    def health(self) -> tuple[HealthReport, ...]:
        found = rows(self._connection, _BY_SITE, {"kind": _HEALTH})
        return tuple(from_json(HealthReport, row["content"]) for row in found)

    def save_capabilities(self, report: CapabilityReport) -> None:
        self._save(report.site_id, _CAPABILITIES, report.probed_at, report)

    def capabilities(self) -> tuple[CapabilityReport, ...]:
        found = rows(self._connection, _BY_SITE, {"kind": _CAPABILITIES})
        return tuple(from_json(CapabilityReport, row["content"]) for row in found)

    def _save(self, site_id: SiteId, kind: str, at: dt.datetime, report: object) -> None:
        values = {"site_id": site_id, "kind": kind, "reported_at": at, "content": to_json(report)}
        insert_or_update(self._connection, site_report, values, key=("site_id", "kind"), returning="site_id")
