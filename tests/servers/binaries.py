"""Server programs that tests use where they are installed."""

from __future__ import annotations

import shutil

from tests.servers.availability import unavailable

_PLACES = "/usr/sbin:/usr/bin:/usr/local/bin:/usr/local/sbin"


def find_program(name: str, package: str) -> str:
    """The program's path, also where ``sbin`` is not on the path."""
    found = shutil.which(name) or shutil.which(name, path=_PLACES)
    return found or unavailable(name, f"not installed (package {package})")
