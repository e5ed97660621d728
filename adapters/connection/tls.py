"""Certificates between us and an archive: which one is believed, which one is shown, and what a refusal means."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from federation.errors import SourceError, SourceProtocolError, SourceUnauthorised, SourceUnavailable


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files of one connection.

    Attributes:
        ca_file: the authority that signed the other side's certificate; ``None``: the system's authorities.
        certificate_file, key_file: shown to a peer that asks for a certificate.
    """

    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None


def client_context(files: TlsFiles) -> ssl.SSLContext:
    """How the other side's certificate is checked, and which one of ours is shown. TLS 1.2 at least.

    Raises:
        SourceUnauthorised: a file cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=files.ca_file)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if files.certificate_file is not None:
            context.load_cert_chain(files.certificate_file, files.key_file)
    except OSError as error:
        raise SourceUnauthorised("certificate_files", "a certificate file cannot be used") from error
    return context


def context_for(url: str, files: TlsFiles) -> ssl.SSLContext:
    """The context of an HTTP client; without TLS one that costs nothing to make.

    Raises:
        SourceUnauthorised: a file cannot be used.
    """
    return client_context(files) if url.lower().startswith("https:") else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def error_of_tls(error: ssl.SSLError) -> SourceError:
    """What a failed handshake means."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return SourceUnauthorised("certificate_refused", "the certificate of the other side is not to be believed")
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return SourceUnavailable("connection_lost")
    reason = error.reason or ""
    if "ALERT" in reason and any(word in reason for word in ("CERTIFICATE", "UNKNOWN_CA", "ACCESS_DENIED")):
        return SourceUnauthorised("own_certificate_refused", "the other side does not take our certificate")
    return SourceProtocolError("tls_failed", "the other side does not speak TLS, or not with us")
