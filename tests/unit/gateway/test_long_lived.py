"""What a serving process sets aside is left alone by the garbage collector."""

import subprocess
import sys

_SETS_ASIDE = """
import gc
from gateway.long_lived import set_long_lived_aside

before = gc.get_freeze_count()
set_long_lived_aside()
print(before, gc.get_freeze_count() > 1_000, len(gc.get_objects()) < 1_000, gc.get_threshold()[2] > 10)
"""


def test_what_is_there_is_set_aside() -> None:
    done = subprocess.run([sys.executable, "-c", _SETS_ASIDE], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["0", "True", "True", "True"]
