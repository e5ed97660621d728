"""No file of the repository holds a key, a token or a password that opens anything."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SECRETS = {
    "a private key": re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----"),
    "a private JSON Web Key": re.compile(r'"d"\s*:\s*"[A-Za-z0-9_-]{20,}"'),
    "a signed token": re.compile(r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"),
    "an access key of a cloud": re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    "a token of a code host": re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|glpat-[A-Za-z0-9_-]{20})\b"),
    "a password in a URL": re.compile(
        r"\b[a-z][a-z0-9+]*://[^\s/:@{}<>$\"']+:(?!\.\.\.|password\b|secret\b)[^\s/:@{}<>$\"']{6,}@"
    ),
    "a bearer token": re.compile(r"[Bb]earer [A-Za-z0-9_.-]{40,}"),
}


def files() -> list[Path]:
    """All that git keeps; in a copy without git, all that is text."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        return [path for path in ROOT.rglob("*.py") if ".venv" not in path.parts]
    return [ROOT / name for name in listed.stdout.split("\0") if name]


def found_in(text: str) -> list[str]:
    return [what for what, pattern in SECRETS.items() if pattern.search(text)]


def test_no_file_holds_a_secret() -> None:
    here = Path(__file__).resolve()
    found = {}
    for path in files():
        if path.resolve() == here or not path.is_file():
            continue
        text = path.read_bytes().decode("utf-8", "replace")
        if what := found_in(text):
            found[str(path.relative_to(ROOT))] = what
    assert found == {}


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN EC " + "PRIVATE KEY-----",
        '{"kty": "EC", "d": "' + "a" * 43 + '"}',
        "eyJhbGciOiJFUzI1NiJ9." + "eyJzdWIiOiJ4In0abcdef" + ".c2lnbmF0dXJlLi4",
        "AKIA" + "ABCDEFGHIJKLMNOP",
        "postgresql://hub:" + "hunter22@db/priorlink",
    ],
)
def test_what_would_be_a_secret_is_noticed(text: str) -> None:
    assert found_in(text)
