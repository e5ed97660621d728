"""How a site's archive is reached. Secrets never show in a representation."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from adapters.connection.tls import TlsFiles
from federation.sites.issuers import IssuerNames


@dataclass(frozen=True, slots=True)
class DicomwebSettings:
    """A QIDO-RS endpoint.

    Attributes:
        base_url: the service root; ``/studies`` is appended.
        page_size: rows asked for at once.
        max_pages: pages read before the list is called cut.
        max_answer_bytes: size of one page above which the answer is refused.
        connect_timeout_seconds: how long a connection may take, inside the budget of the query.
        bearer_token: sent as ``Authorization: Bearer``; wins over basic authentication.
        token_file: file that holds the token, read again when the archive says 401; wins over ``bearer_token``.
        ca_file: PEM file of the authority that signed the archive's certificate; ``None``: the system's.
        client_certificate_file, client_key_file: PEM files shown to an archive that asks for a certificate.
        fallback_charset: defined term (``ISO_IR 100``) or codec of text that is not what it should be.
        short_page_is_last: the archive never gives fewer rows than asked for while it has more: no page is asked for
            after a short one. Not so of every archive, so it has to be said.
        asks_for_fields: whether attributes are named in the question; some archives refuse that.
        test_patient_id: a test patient's number in this archive, for probes; ``None``: they learn less.
    """

    base_url: str
    page_size: int = 200
    max_pages: int = 50
    max_answer_bytes: int = 32 * 1024 * 1024
    connect_timeout_seconds: float = 1.5
    bearer_token: str | None = field(default=None, repr=False)
    token_file: Path | None = None
    basic_user: str | None = None
    basic_password: str | None = field(default=None, repr=False)
    ca_file: Path | None = None
    client_certificate_file: Path | None = None
    client_key_file: Path | None = None
    fallback_charset: str = "ISO_IR 100"
    short_page_is_last: bool = False
    asks_for_fields: bool = True
    test_patient_id: str | None = field(default=None, repr=False)
    issuers: IssuerNames = field(default_factory=IssuerNames)


@dataclass(frozen=True, slots=True)
class DimseSettings:
    """A Query/Retrieve SCP.

    Attributes:
        max_associations: queries at once; further ones wait for their turn inside their budget.
        connect_timeout_seconds, acse_timeout_seconds: how long a connection and an association may take to open,
            inside the budget of the query.
        idle_seconds: how long an open association is kept for the next query (many archives hang up after 30 s).
        max_rows: rows read before the list is called cut.
        fallback_charset: defined term (``ISO_IR 100``) or codec of text without a usable character set.
        max_answer_bytes: bytes read in one query before the list is called cut.
        tls: files of a connection by TLS (PS3.15 B.12); ``None``: not encrypted.
        server_name: name that the archive's certificate must hold; ``None``: the host.
        asks_optional_keys: whether more than the keys that every archive must know are asked for; one that refuses
            them is asked without by itself.
        test_patient_id: a test patient's number in this archive, for probes; ``None``: they learn less.
    """

    host: str
    port: int
    called_ae_title: str
    calling_ae_title: str = "PRIORLINK"
    max_associations: int = 4
    connect_timeout_seconds: float = 1.5
    acse_timeout_seconds: float = 3.0
    idle_seconds: float = 25.0
    max_rows: int = 10_000
    max_answer_bytes: int = 32 * 1024 * 1024
    tls: TlsFiles | None = None
    server_name: str | None = None
    fallback_charset: str = "ISO_IR 100"
    asks_optional_keys: bool = True
    test_patient_id: str | None = field(default=None, repr=False)
    issuers: IssuerNames = field(default_factory=IssuerNames)
