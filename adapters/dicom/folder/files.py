"""Which files are in a folder, and opening them without ever leaving it.

A link that points out of the folder is a problem; one that points inside is passed over: what it points at is found
at its own place.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

OUTSIDE_ROOT = "outside_root"
UNREADABLE = "unreadable"
UNREADABLE_FOLDER = "unreadable_folder"


@dataclass(frozen=True, slots=True)
class Stamp:
    """What tells a changed file from an unchanged one."""

    mtime_ns: int
    size: int


@dataclass(slots=True)
class Found:
    """Regular files by their path below the root (with ``/``), and what could not be looked at, path to reason."""

    files: dict[str, Stamp] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)


def find_files(root: Path) -> Found:
    """Every regular file below the root.

    Raises:
        OSError: the root itself cannot be read.
    """
    resolved = root.resolve(strict=True)
    found = Found()
    pending = [(str(resolved), "")]
    while pending:
        folder, prefix = pending.pop()
        try:
            with os.scandir(folder) as entries:
                pending += _look_at(entries, prefix, resolved, found)
        except OSError:
            if not prefix:
                raise
            found.problems[prefix.rstrip("/")] = UNREADABLE_FOLDER
    return found


def _look_at(entries: Iterator[os.DirEntry[str]], prefix: str, root: Path, found: Found) -> Iterator[tuple[str, str]]:
    """Take the files of one folder; gives its folders."""
    for entry in entries:
        path = prefix + entry.name
        try:
            if entry.is_symlink():
                if not Path(entry.path).resolve().is_relative_to(root):
                    found.problems[path] = OUTSIDE_ROOT
            elif entry.is_dir(follow_symlinks=False):
                yield entry.path, path + "/"
            elif entry.is_file(follow_symlinks=False):
                status = entry.stat(follow_symlinks=False)
                found.files[path] = Stamp(status.st_mtime_ns, status.st_size)
        except (OSError, RuntimeError):
            found.problems[path] = UNREADABLE


def open_below(root: Path, path: str) -> BinaryIO:
    """Open a found file; what has become a link or no regular file since is refused.

    Raises:
        OSError: it cannot be opened, or lies elsewhere now.
    """
    resolved = root.resolve(strict=True)
    target = resolved / path
    if not target.parent.resolve(strict=True).is_relative_to(resolved):
        raise OSError("outside of the folder")
    descriptor = os.open(target, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    is_regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
    stream = os.fdopen(descriptor, "rb") if is_regular else None
    if stream is None:
        os.close(descriptor)
        raise OSError("not a regular file")
    return stream
