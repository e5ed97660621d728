"""Why somebody did not get in: one code each, the page's status, and how it is kept in the audit log.

SignInFailed   wrong or missing answers, refusals; nothing that was sent stands in it
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

STATUS: Mapping[str, int] = MappingProxyType(
    {
        "not_offered": 404,
        "cancelled": 200,
        "code_expired": 401,
        "state_wrong": 400,
        "nonce_wrong": 401,
        "audience_wrong": 401,
        "issuer_wrong": 401,
        "token_refused": 401,
        "no_identity": 401,
        "provider_refused": 502,
        "provider_unfit": 502,
        "provider_down": 503,
        "ehr_not_listed": 403,
        "launch_incomplete": 400,
        "no_patient": 400,
        "patient_not_read": 502,
        "patient_unknown": 404,
        "two_persons": 409,
        "too_many_tries": 429,
        "session_too_large": 500,
    }
)
"""Code to the status of its page."""


class SignInFailed(Exception):
    """Somebody did not get in. ``code`` is one of ``STATUS``; ``detail`` is a stable reason without values."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(code)
        self.code, self.detail = code, detail or code

    @property
    def status(self) -> int:
        return STATUS[self.code]
