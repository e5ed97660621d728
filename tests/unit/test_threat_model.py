"""Each threat of docs/security.md names a test that is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROW = re.compile(r"^\| (?!threat|---)(.+?) \| .+ \| (.+?) \|$", re.MULTILINE)
NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


def test_each_threat_has_a_test_that_is_there() -> None:
    rows = ROW.findall((ROOT / "docs" / "security.md").read_text())
    assert len(rows) > 25
    missing = []
    for threat, tests in rows:
        named = NAMED.findall(tests)
        if not named and "not a test" not in tests:
            missing.append(threat)
        for file, name in named:
            path = ROOT / file
            if not path.is_file() or (name and f"def {name}(" not in path.read_text()):
                missing.append(f"{threat}: {file}::{name}")
    assert missing == []
