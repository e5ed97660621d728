"""What a serving process sets aside is left alone by the garbage collector."""

import re
import subprocess
import sys
from pathlib import Path

PROCESSES = Path(__file__).parents[3] / "graphql"

_SETS_ASIDE = """
import gc
from adapters.long_lived import set_long_lived_aside

before = gc.get_freeze_count()
set_long_lived_aside()
print(before, gc.get_freeze_count() > 1_000, len(gc.get_objects()) < 1_000, gc.get_threshold()[2] > 10)
"""


def test_what_is_there_is_set_aside() -> None:
    done = subprocess.run([sys.executable, "-c", _SETS_ASIDE], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["0", "True", "True", "True"]


_TELLS_READY = """
import gc
from gateway.cli.serving import tell_ready

tell_ready("work", http_port=7)
print(gc.get_freeze_count() > 1_000)
"""


def test_a_process_sets_aside_what_it_has_as_it_says_that_it_is_ready() -> None:
    done = subprocess.run([sys.executable, "-c", _TELLS_READY], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split("\n")[:2] == ['{"ready": "work", "http_port": 7}', "True"]


def test_no_process_says_that_it_is_ready_without_it() -> None:
    texts = {path.name: path.read_text(encoding="utf-8") for path in PROCESSES.rglob("*.py")}
    telling = {name for name, text in texts.items() if re.search(r"""["']ready["']:""", text)}
    assert telling
    assert [name for name in telling if "    set_long_lived_aside()\n" not in texts[name]] == []
