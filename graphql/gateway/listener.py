"""The HL7 v2 door of the hub: the dispatcher with this hub's store and sites, and the MLLP listener around it."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from zoneinfo import ZoneInfo

from adapters.hl7v2.dispatch import Dispatcher
from adapters.hl7v2.mllp import MllpListener, MllpSettings
from adapters.hl7v2.settings import Hl7Settings, Hl7SiteSettings
from gateway.bootstrap import Hub
from gateway.clock import new_id, utc_now
from gateway.errors import ConfigurationError
from gateway.observability import get_logger
from gateway.settings import MllpSettings as MllpListening

_KEYS = {
    "site": "site_id",
    "trigger_event": "operation",
    "acknowledgement_code": "outcome",
    "detail": "reason",
    "error": "error_type",
}
"""The dispatcher's names of what it observed, in the words of the log."""

log = get_logger("gateway.listener")


def make_dispatcher(hub: Hub) -> Dispatcher:
    """The one door for messages, whether they come over MLLP or in a file."""
    return Dispatcher(
        hub.units,
        matcher=hub.matcher,
        clock=utc_now,
        new_id=new_id,
        settings=Hl7Settings(
            sites={
                site.id: Hl7SiteSettings(
                    time_zone=ZoneInfo(site.time_zone),
                    fallback_charset=site.fallback_charset,
                    assigning_authority=site.assigning_authority,
                )
                for site in hub.settings.sites
            },
            refresh_events=frozenset(hub.settings.federation.refresh_events),
        ),
        observe=observe,
        normalize_order=hub.normalize_order,
    )


def make_listener(hub: Hub) -> MllpListener:
    """A listener at the hub's MLLP address; ``async with`` it."""
    dispatcher = make_dispatcher(hub)
    mllp = hub.settings.mllp
    return MllpListener(
        dispatcher.handle,
        refuse_oversized=dispatcher.refuse_oversized,
        settings=MllpSettings(
            host=mllp.host,
            port=mllp.port,
            max_frame_bytes=mllp.max_frame_bytes,
            idle_timeout_seconds=mllp.idle_timeout_seconds,
            max_connections=mllp.max_connections,
        ),
        observe=observe,
        tls=tls_context(mllp),
    )


def tls_context(settings: MllpListening) -> ssl.SSLContext | None:
    """What the listener shows, and whom it believes; ``None`` without a certificate. TLS 1.2 at least.

    Raises:
        ConfigurationError: a file cannot be used; the text names the setting.
    """
    if settings.certificate_file is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(settings.certificate_file, settings.key_file, password=_no_password)
    except OSError as error:
        raise ConfigurationError("mllp.certificate_file or mllp.key_file: cannot be used") from error
    if settings.client_ca_file is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        try:
            context.load_verify_locations(settings.client_ca_file)
        except OSError as error:
            raise ConfigurationError("mllp.client_ca_file: cannot be used") from error
    return context


def _no_password() -> str:
    """An encrypted key is refused: without this, OpenSSL would ask for its password on the terminal."""
    return ""


def observe(event: str, fields: Mapping[str, object]) -> None:
    """Log what the HL7 door saw: ids, codes and durations only."""
    log.info(event, **dict(_logged(name, value) for name, value in fields.items()))


def _logged(name: str, value: object) -> tuple[str, object]:
    """A warning's text names fields of a message; the log takes only how many there were."""
    if isinstance(value, tuple):
        return f"{name.removesuffix('s')}_count", len(value)
    return _KEYS.get(name, name), value
