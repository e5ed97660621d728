"""Values that only the hub can read and make, for cookies: encrypted and authenticated (Fernet), one key a purpose."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from typing import Any

from cryptography.fernet import Fernet, InvalidToken

from gateway.settings import WebSettings
from gateway.site_files import read_text


class Seal:
    """Seals and opens. What was sealed for one purpose does not open for another."""

    def __init__(self, settings: WebSettings, purpose: str) -> None:
        secret = f"{purpose}:{_secret(settings)}"
        self._fernet = Fernet(base64.urlsafe_b64encode(hashlib.sha256(secret.encode()).digest()))

    def seal(self, fields: dict[str, Any]) -> str:
        """The fields as text for a cookie."""
        return self._fernet.encrypt(json.dumps(fields, separators=(",", ":")).encode()).decode()

    def open(self, sealed: str) -> dict[str, Any]:
        """The fields again; none when somebody else made or changed it."""
        try:
            fields = json.loads(self._fernet.decrypt(sealed.encode()))
        except (InvalidToken, ValueError):
            return {}
        return fields if isinstance(fields, dict) else {}


def _secret(settings: WebSettings) -> str:
    if settings.session_key_file is not None:
        return read_text(settings.session_key_file, "web.session_key_file").strip()
    if settings.session_key is not None:
        return settings.session_key.get_secret_value()
    return secrets.token_hex(32)
