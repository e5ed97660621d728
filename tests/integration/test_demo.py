"""The demo as a newcomer runs it: real processes, real protocols, real sockets."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

PRIORLINK = Path(sys.executable).with_name("priorlink")

_DEMO = """
import gc, sys
from gateway.cli.app import run

code = run(["demo", "--check", "--json"])
sys.stderr.write(f"set aside: {gc.get_freeze_count()}\\n")
sys.exit(code)
"""


@pytest.mark.timeout(180)
def test_every_step_of_the_story_comes_out_right_and_the_log_names_nobody() -> None:
    done = subprocess.run([sys.executable, "-c", _DEMO], capture_output=True, text=True, check=False)
    document = json.loads(done.stdout)
    failed = [
        f"({step['step']}) {expectation['text']}: {step['seen']}"
        for step in document["steps"]
        for expectation in step["expectations"]
        if not expectation["holds"]
    ]
    assert failed == []
    assert [step["step"] for step in document["steps"]] == list("abcdefg")
    assert done.returncode == 0
    assert int(done.stderr.splitlines()[-1].removeprefix("set aside: ")) > 1_000


@pytest.mark.timeout(120)
def test_the_demo_invites_and_ends_on_a_signal() -> None:
    with subprocess.Popen([PRIORLINK, "demo"], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        lines = []
        for line in process.stderr:
            lines.append(line)
            if "stop with Ctrl-C" in line:
                break
        text = "".join(lines)
        url = re.search(r"http://127\.0\.0\.1:\d+/graphql", text)
        assert url is not None
        for role in ("physician", "plugin", "records", "admin"):
            assert re.search(rf"^  {role}$", text, re.MULTILINE)
        assert "INTERRUPTIVE" in text
        page = httpx2.get(url.group(), headers={"Accept": "text/html"}, trust_env=False)
        assert "graphiql" in page.text.casefold()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
