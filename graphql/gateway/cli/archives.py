"""``priorlink sites`` and ``priorlink hl7``: the hospitals, their archives and their messages."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from federation.errors import UnknownSite
from federation.ports import SiteProbe
from federation.sites.site import SiteId
from gateway.cli.folder_index import index_site
from gateway.cli.output import ConfigOption, JsonOption, emit, say
from gateway.errors import InputRefused
from gateway.settings import load_settings

app = typer.Typer(help="the hospitals that take part", no_args_is_help=True)
hl7_app = typer.Typer(help="HL7 v2 messages", no_args_is_help=True)

PROBE_TIMEOUT_SECONDS = 5.0


@app.command("list")
def list_sites(config: ConfigOption = None, as_json: JsonOption = False) -> int:
    """Registered sites, how each is asked, how it has been doing and what it supports, as far as the store knows."""
    from gateway.site_reports import StoredReports, capabilities_document, health_document, stored_reports

    settings = load_settings(config)
    reports = stored_reports(settings) or StoredReports()
    rows: list[dict[str, Any]] = [
        {
            "site": site.id,
            "name": site.name,
            "assigning_authority": site.assigning_authority,
            "protocol": None if site.archive is None else site.archive.protocol,
            "time_zone": site.time_zone,
            "health": health_document(reports.health.get(SiteId(site.id))),
            "capabilities": capabilities_document(reports.capabilities.get(SiteId(site.id))),
        }
        for site in settings.sites
    ]
    if as_json:
        emit({"sites": rows})
    else:
        for row in rows:
            say(f"{row['site']:<12} {row['protocol'] or 'no archive':<10} {_how_it_does(row['health'])} {row['name']}")
        say(f"{len(rows)} sites")
    return 0


def _how_it_does(health: dict[str, Any] | None) -> str:
    if health is None or health["p50_latency_ms"] is None:
        return f"{'-' if health is None else health['circuit']:<10} {'':<10}"
    return f"{health['circuit']:<10} {str(health['p50_latency_ms']) + ' ms':<10}"


@app.command("check")
def check_sites(
    site: Annotated[str | None, typer.Argument(help="one site's id; default: all")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> int:
    """Ask each archive whether it is there and what it supports, and keep what it said; exit 1 if one is not."""
    from gateway.bootstrap import build_hub
    from gateway.site_reports import capability_report

    hub = build_hub(load_settings(config))
    try:
        wanted = list(hub.directory.sources) if site is None else [hub.directory.site(site).site_id]
    except UnknownSite as error:
        raise InputRefused(f"no site {site} is registered") from error

    async def probe_all() -> list[SiteProbe]:
        sources = [hub.directory.sources[s] for s in wanted if s in hub.directory.sources]
        try:
            return list(await asyncio.gather(*(s.check(timeout_seconds=PROBE_TIMEOUT_SECONDS) for s in sources)))
        finally:
            await hub.directory.aclose()

    probes = asyncio.run(probe_all())
    with hub.units() as uow:
        for probe in probes:
            uow.site_reports.save_capabilities(capability_report(probe))
        uow.commit()
    hub.engine.dispose()
    if as_json:
        emit({"sites": [_document(probe) for probe in probes]})
    else:
        for probe in probes:
            state = "ok" if probe.ok else f"FAILED ({probe.reason})"
            details = ", ".join(f"{name}={value}" for name, value in probe.details)
            say(f"{probe.site_id:<12} {state:<10} {probe.latency_ms} ms {details}")
    return 0 if all(probe.ok for probe in probes) else 1


app.command("index")(index_site)


def _document(probe: SiteProbe) -> dict[str, object]:
    return {
        "site": probe.site_id,
        "ok": probe.ok,
        "latency_ms": probe.latency_ms,
        "reason": probe.reason,
        "details": dict(probe.details),
    }


@app.command("new-key")
def new_key(
    private_file: Annotated[Path, typer.Argument(help="the hub's private key; never overwritten")],
    public_file: Annotated[Path, typer.Argument(help="the key set to hand to sites with an edge agent")],
) -> int:
    """Make the key by which edge agents know this hub."""
    from adapters.edge.errors import UnusableKey
    from adapters.edge.keys import make_key_pair

    try:
        key_id = make_key_pair(private_file, public_file)
    except UnusableKey as error:
        raise InputRefused(str(error)) from error
    say(f"key {key_id}: keep {private_file}, hand {public_file} to the sites")
    return 0


@hl7_app.callback()
def _group() -> None:
    """Keeps the group a group while it has one command."""


@hl7_app.command("import")
def import_messages(
    file: Annotated[Path, typer.Argument(help="a message or batch file")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> int:
    """Send a message or batch file through the same door as the listener; acknowledgements as JSON lines."""
    from adapters.hl7v2.batch import import_file
    from adapters.hl7v2.received_acknowledgement import read_acknowledgement
    from gateway.bootstrap import build_hub
    from gateway.listener import make_dispatcher

    try:
        content = file.read_bytes()
    except OSError as error:
        raise InputRefused(f"cannot read {file}: {error.strerror}") from error
    hub = build_hub(load_settings(config))
    result = import_file(content, make_dispatcher(hub).handle)
    if not result.acknowledgements:
        raise InputRefused(f"{file}: no HL7 message in it")
    rows = [
        {"message": number, **asdict(read_acknowledgement(raw))}
        for number, raw in enumerate(result.acknowledgements, start=1)
    ]
    for warning in result.warnings:
        say(f"warning: {warning}")
    if as_json:
        emit({"acknowledgements": rows, "warnings": result.warnings})
    else:
        for row in rows:
            emit(row)
    return 0 if all(row["acknowledgement_code"] == "AA" for row in rows) else 1
