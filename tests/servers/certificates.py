"""A throw-away authority with a server's and a client's certificate for loopback."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_LOOPBACK = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))


@dataclass(frozen=True, slots=True)
class Certificates:
    """PEM files."""

    authority: Path
    server: Path
    server_key: Path
    client: Path
    client_key: Path


@dataclass(frozen=True, slots=True)
class ServerCertificate:
    """A server's certificate that is wrong in one way, and its key."""

    file: Path
    key: Path

    def context(self) -> ssl.SSLContext:
        """What a server shows."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.file, self.key)
        return context


def make_certificates(folder: Path) -> Certificates:
    """Write them; they are good for a day."""
    made = Certificates(*(folder / f"{name}.pem" for name in ("ca", "server", "server-key", "client", "client-key")))
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority = _certificate("Test authority", authority_key, None, None, is_authority=True)
    made.authority.write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    for file, key_file in ((made.server, made.server_key), (made.client, made.client_key)):
        key = ec.generate_private_key(ec.SECP256R1())
        _write(_certificate("127.0.0.1", key, authority, authority_key, is_authority=False), key, file, key_file)
    return made


def make_wrong_certificates(folder: Path) -> tuple[Path, dict[str, ServerCertificate]]:
    """An authority, and what servers show that nobody should believe who believes only that: ``expired``,
    ``other_host``, ``unknown_authority``; and ``good``.
    """
    authority_key, stranger_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority = _certificate("Test authority", authority_key, None, None, is_authority=True)
    stranger = _certificate("Another authority", stranger_key, None, None, is_authority=True)
    (folder / "believed.pem").write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    made: dict[str, ServerCertificate] = {}
    for name, issuer, issuer_key, told in (
        ("good", authority, authority_key, {}),
        ("expired", authority, authority_key, {"ends_in": dt.timedelta(minutes=-30)}),
        ("other_host", authority, authority_key, {"host": x509.DNSName("pacs.elsewhere.example")}),
        ("unknown_authority", stranger, stranger_key, {}),
    ):
        key = ec.generate_private_key(ec.SECP256R1())
        made[name] = ServerCertificate(folder / f"{name}.pem", folder / f"{name}-key.pem")
        signed = _certificate("127.0.0.1", key, issuer, issuer_key, is_authority=False, **told)
        _write(signed, key, made[name].file, made[name].key)
    return folder / "believed.pem", made


def _write(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey, file: Path, key_file: Path) -> None:
    file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


def _certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: x509.Certificate | None,
    issuer_key: ec.EllipticCurvePrivateKey | None,
    *,
    is_authority: bool,
    ends_in: dt.timedelta = dt.timedelta(days=1),
    host: x509.GeneralName = _LOOPBACK,
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    signing = issuer_key or key
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=is_authority, crl_sign=is_authority, encipher_only=False,
        decipher_only=False,
    )  # fmt: skip
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + ends_in)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()), critical=False)
        .add_extension(x509.SubjectAlternativeName([host]), critical=False)
    )
    return builder.sign(signing, hashes.SHA256())
