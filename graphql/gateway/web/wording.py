"""Codes of the API in the words of people who work with the pages. English; catalogues translate it from here."""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, Mapping[str, str]] = {
    "sign_in": {
        "no_token": "Paste a token first.",
        "token_expired": "This token has expired. Ask for a new one.",
        "bad_signature": "This token was not made by the issuer that this hub trusts.",
        "not_offered": "This hub does not take pasted tokens.",
        "token_too_long": "This token is too long to be kept by a browser.",
        "malformed_token": "This is not a token.",
        "oidc_failed": "The hospital's sign-in did not come to an end. Please try again.",
        "": "This token is not taken here.",
    },
}
"""Group -> code -> words. The empty code is for any other."""


def in_words(group: str, code: str | None) -> str:
    """A code in words; a code without words is shown as it is, without underscores."""
    words, said = WORDS[group], code or ""
    return words.get(said) or words.get("") or said.replace("_", " ").capitalize()
