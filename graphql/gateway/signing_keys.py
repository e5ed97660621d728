"""Where the issuer's public keys come from: a file, an address, or nowhere. Source: RFC 7517 (JWK Set)."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import httpx2
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import Key, KeySet

from gateway.errors import NotAuthenticated

KEYS_UNAVAILABLE = "keys_unavailable"
_KEPT_SECONDS = 300.0
_REFETCH_SECONDS = 10.0
_LONGEST_KEPT_SECONDS = 24 * 3600.0
_FETCH_TIMEOUT_SECONDS = 3.0
_MAX_JWKS_BYTES = 262_144


class SigningKeys(Protocol):
    """Finds the key a token was signed with."""

    def key(self, kid: str | None) -> Key:
        """The public key of this id; without an id the only key there is.

        Raises:
            InvalidKeyIdError: there is no such key.
            NotAuthenticated: the keys cannot be had (``keys_unavailable``).
        """


class NoKeys:
    """No issuer is configured: nobody gets in."""

    def key(self, kid: str | None) -> Key:
        raise NotAuthenticated("no_issuer_configured")


class FixedKeys:
    """Keys that are known from the start."""

    def __init__(self, jwks: dict[str, Any]) -> None:
        self._keys = parse_key_set(jwks)

    def key(self, kid: str | None) -> Key:
        return self._keys.get_by_kid(kid)


class FileKeys:
    """A JWK Set file, read again whenever it changes. A broken file keeps everybody out until it is mended."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_at: tuple[int, int] | None = None
        self._keys: KeySet | None = None
        self._lock = threading.Lock()

    def key(self, kid: str | None) -> Key:
        with self._lock:
            return self._current().get_by_kid(kid)

    def _current(self) -> KeySet:
        try:
            state = self._path.stat()
            stamp = (state.st_mtime_ns, state.st_size)
            if self._keys is None or stamp != self._read_at:
                self._keys = None
                self._keys = parse_key_set(json.loads(self._path.read_bytes()))
                self._read_at = stamp
        except (OSError, ValueError, JoseError) as error:
            raise NotAuthenticated(KEYS_UNAVAILABLE) from error
        return self._keys


class UrlKeys:
    """A JWK Set behind an address, kept for five minutes.

    An unknown key id fetches again, since issuers rotate keys, but not more often than every ten seconds. While the
    address does not answer, keys fetched before stay good, for a day at most.
    """

    def __init__(
        self,
        url: str,
        *,
        client: httpx2.Client | None = None,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._client = client or httpx2.Client(timeout=_FETCH_TIMEOUT_SECONDS, follow_redirects=False)
        self._seconds = seconds
        self._keys: KeySet | None = None
        self._tried_at = float("-inf")
        self._fetched_at = float("-inf")
        self._lock = threading.Lock()

    def key(self, kid: str | None) -> Key:
        with self._lock:
            if self._seconds() - self._fetched_at >= _KEPT_SECONDS:
                self._fetch()
            if self._seconds() - self._fetched_at >= _LONGEST_KEPT_SECONDS:
                self._keys = None
            if self._keys is None:
                raise NotAuthenticated(KEYS_UNAVAILABLE)
            try:
                return self._keys.get_by_kid(kid)
            except InvalidKeyIdError:
                self._fetch()
                return self._keys.get_by_kid(kid)

    def _fetch(self) -> None:
        now = self._seconds()
        if now - self._tried_at < _REFETCH_SECONDS:
            return
        self._tried_at = now
        try:
            answer = self._client.get(self._url)
            answer.raise_for_status()
            if len(answer.content) > _MAX_JWKS_BYTES:
                return
            self._keys = parse_key_set(answer.json())
        except (httpx2.HTTPError, ValueError, JoseError):
            return
        self._fetched_at = now


def parse_key_set(jwks: object) -> KeySet:
    """The asymmetric keys of a JWK Set; secrets (``oct``) and kinds we do not know are left out.

    Raises:
        ValueError: not a JWK Set.
        JoseError: no usable key in it.
    """
    if not isinstance(jwks, dict) or not isinstance(jwks.get("keys"), list):
        raise ValueError("not a JWK Set")  # noqa: TRY004 - what a file or address holds
    public = [key for key in jwks["keys"] if isinstance(key, dict) and key.get("kty") in ("EC", "RSA", "OKP")]
    return KeySet.import_key_set({"keys": public})
