"""Key files: a machine's own private key, and the public keys of the other side. Source: RFC 7517 (JWK)."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, KeySet

from adapters.edge.errors import TokenRefused, UnusableKey

_CURVE = "P-256"


def make_key_pair(private_file: Path, public_file: Path) -> str:
    """Write a new private key (JWK, readable by its owner only) and the key set to hand to the other side.

    Returns the key's id. An existing private key is never overwritten.

    Raises:
        UnusableKey: a file exists already or cannot be written.
    """
    key = ECKey.generate_key(_CURVE, auto_kid=True)
    public = {"keys": [{**key.as_dict(private=False), "use": "sig", "alg": "ES256"}]}
    try:
        handle = os.open(private_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(key.as_dict(private=True), file)
        public_file.write_text(json.dumps(public, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise UnusableKey(f"{error.filename or private_file}: {error.strerror}") from error
    return str(key.kid)


def load_private_key(path: Path) -> ECKey:
    """The private key of a file (JWK or PEM), on the curve P-256.

    Raises:
        UnusableKey: the file cannot be read, or holds no such key.
    """
    try:
        content = path.read_text(encoding="utf-8")
        held = json.loads(content) if content.lstrip().startswith("{") else content
        key = ECKey.import_key(held)
        key.ensure_kid()
        is_usable = key.is_private and key.curve_name == _CURVE
    except OSError as error:
        raise UnusableKey(f"{path}: {error.strerror}") from error
    except (ValueError, TypeError, KeyError, JoseError):
        raise UnusableKey(f"{path}: no key in it that can be read") from None
    if not is_usable:
        raise UnusableKey(f"{path}: not a private key on the curve {_CURVE}")
    return key


class KeySetFile:
    """The other side's public keys, read again whenever the file changes. A broken file keeps everybody out."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_at: tuple[int, int] | None = None
        self._keys: KeySet | None = None
        self._lock = threading.Lock()

    def key(self, kid: str) -> Key:
        """The public key of this id.

        Raises:
            TokenRefused: the file cannot be used (``keys_unavailable``).
            InvalidKeyIdError: there is no such key in it.
        """
        with self._lock:
            return self._current().get_by_kid(kid)

    def check(self) -> None:
        """Read the file now.

        Raises:
            TokenRefused: it cannot be used.
        """
        with self._lock:
            self._current()

    def _current(self) -> KeySet:
        try:
            state = self._path.stat()
            stamp = (state.st_mtime_ns, state.st_size)
            if self._keys is None or stamp != self._read_at:
                self._keys = None
                self._keys = _public_keys(json.loads(self._path.read_bytes()))
                self._read_at = stamp
        except (OSError, ValueError, TypeError, KeyError, JoseError):
            raise TokenRefused("keys_unavailable") from None
        return self._keys


def _public_keys(held: object) -> KeySet:
    """The elliptic-curve keys of a JWK Set; a private half that somebody left in is dropped."""
    listed = held["keys"] if isinstance(held, dict) else []
    usable = [
        {name: value for name, value in key.items() if name != "d"}
        for key in listed
        if isinstance(key, dict) and key.get("kty") == "EC" and key.get("kid")
    ]
    if not usable:
        raise ValueError("no elliptic-curve key with an id in the key set")
    return KeySet.import_key_set({"keys": usable})
