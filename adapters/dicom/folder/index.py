"""The index of a folder: SQLite, by path, time of change and size; only what changed is read again.

What cannot be read is kept with its reason, so that it is neither tried at every look nor forgotten.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from adapters.dicom.folder.dicom_file import NOT_DICOM, FileFacts, read_file
from adapters.dicom.folder.dicomdir import MISSING_FILE, files_not_there, is_dicomdir
from adapters.dicom.folder.files import UNREADABLE, UNREADABLE_FOLDER, Found, Stamp, find_files, open_below
from adapters.dicom.folder.index_rows import IndexedFile, encode
from adapters.dicom.folder.settings import FolderSettings

_LAYOUT = "1"
_BATCH = 500
_LISTED_ONLY = -1
"""Size of an entry that stands for a file which a DICOMDIR lists and which is not there."""
_TABLES = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS file (
    path BLOB PRIMARY KEY, mtime_ns INTEGER NOT NULL, size INTEGER NOT NULL, problem TEXT,
    patient_id TEXT, study_uid TEXT, series_uid TEXT, instance_uid TEXT, modality TEXT, body_part TEXT, study TEXT
);
CREATE INDEX IF NOT EXISTS file_patient ON file (patient_id, study_uid);
"""
_INSERT = "INSERT OR REPLACE INTO file VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


class FolderEmptied(Exception):
    """The folder held files and holds none any more: a share that is not mounted looks just like that."""


class IndexClosed(Exception):
    """The index is closed; a look that was under way has stopped."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What a look at the folder found against the index."""

    found: Found
    to_read: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.to_read or self.removed)


@dataclass(frozen=True, slots=True)
class IndexReport:
    """How the index stands. ``readable_count`` counts files that belong to a study.

    ``problems`` are paths below the folder with their reason, ``unassigned`` studies whose files name no patient (UID
    and number of files): they are in nobody's history.
    """

    file_count: int
    readable_count: int = 0
    read_count: int = 0
    removed_count: int = 0
    problems: Mapping[str, str] = field(default_factory=dict)
    unassigned: tuple[tuple[str, int], ...] = ()

    @property
    def problem_counts(self) -> dict[str, int]:
        return dict(sorted(Counter(self.problems.values()).items()))


class FolderIndex:
    """One folder's index. Safe to use from several threads; a lookup waits for one batch of files at most."""

    def __init__(self, settings: FolderSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._is_closed = False
        self._look_problems: Mapping[str, str] = {}

    def find_changes(self) -> Changes:
        """Look at every file's time and size; nothing is read.

        Raises:
            OSError: the folder is not there.
            FolderEmptied: nothing is there though something was.
        """
        found = find_files(self._settings.path)
        with self._open() as connection:
            rows = connection.execute("SELECT path, mtime_ns, size FROM file WHERE size <> ?", (_LISTED_ONLY,))
            known = {os.fsdecode(path): Stamp(mtime_ns, size) for path, mtime_ns, size in rows}
        if known and not found.files:
            raise FolderEmptied
        hidden = tuple(f"{path}/" for path, reason in found.problems.items() if reason == UNREADABLE_FOLDER)
        removed = (path for path in known if path not in found.files and not path.startswith(hidden))
        changed = (path for path, stamp in found.files.items() if known.get(path) != stamp)
        return Changes(found, tuple(sorted(changed)), tuple(sorted(removed)))

    def take(self, changes: Changes, *, on_progress: Callable[[int], None] = lambda _: None) -> IndexReport:
        """Read what changed, forget what is gone; ``on_progress`` gets the number of files read so far.

        Raises:
            IndexClosed: the index was closed meanwhile; what was read so far is kept.
        """
        with self._open() as connection, connection:
            connection.executemany(
                "DELETE FROM file WHERE path = ?", [(os.fsencode(path),) for path in changes.removed]
            )
        for start in range(0, len(changes.to_read), _BATCH):
            paths = changes.to_read[start : start + _BATCH]
            rows = []
            for number, path in enumerate(paths, start=start + 1):
                if self._is_closed:
                    raise IndexClosed
                rows.append(self._row_of(path, changes.found.files[path]))
                on_progress(number)
            with self._open() as connection, connection:
                connection.executemany(_INSERT, rows)
        if not changes.is_empty:
            self._take_dicomdirs(changes.found)
        self._look_problems = dict(changes.found.problems)
        return self.report(read_count=len(changes.to_read), removed_count=len(changes.removed))

    def report(self, *, read_count: int = 0, removed_count: int = 0) -> IndexReport:
        """How the index stands after the last look."""
        with self._open() as connection:
            count, readable = connection.execute(
                "SELECT count(*) FILTER (WHERE size <> ?), count(study_uid) FROM file", (_LISTED_ONLY,)
            ).fetchone()
            rows = connection.execute("SELECT path, problem FROM file WHERE problem IS NOT NULL")
            problems = {os.fsdecode(path): str(problem) for path, problem in rows}
            unassigned = connection.execute(
                "SELECT study_uid, count(*) FROM file WHERE patient_id IS NULL AND study_uid IS NOT NULL "
                "GROUP BY study_uid ORDER BY study_uid"
            ).fetchall()
        return IndexReport(
            count,
            readable,
            read_count,
            removed_count,
            {**problems, **self._look_problems},
            tuple(map(tuple, unassigned)),
        )

    def files_of(self, patient_id: str) -> tuple[IndexedFile, ...]:
        """Every readable file under exactly this patient id, whoever issued it."""
        with self._open() as connection:
            rows = connection.execute(
                "SELECT study_uid, series_uid, instance_uid, modality, body_part, study, size <> ? FROM file "
                "WHERE patient_id = ? ORDER BY study_uid, path",
                (_LISTED_ONLY, patient_id),
            ).fetchall()
        return tuple(IndexedFile(*row) for row in rows)

    def close(self) -> None:
        """Stop a look that is under way and close the file. Idempotent."""
        self._is_closed = True
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()

    def _row_of(self, path: str, stamp: Stamp) -> tuple[object, ...]:
        if is_dicomdir(path):
            return (os.fsencode(path), stamp.mtime_ns, stamp.size, None, *([None] * 7))
        try:
            with open_below(self._settings.path, path) as stream:
                facts = read_file(stream, fallback_charset=self._settings.fallback_charset)
        except OSError:
            facts = UNREADABLE
        return _row(path, stamp, facts)

    def _take_dicomdirs(self, found: Found) -> None:
        """Anew after each change: which listed files are missing depends on all that were found."""
        rows: list[tuple[object, ...]] = []
        damaged: list[tuple[str | None, bytes]] = []
        for path in filter(is_dicomdir, found.files):
            try:
                with open_below(self._settings.path, path) as stream:
                    missing, problem = files_not_there(
                        stream, path, found.files, fallback_charset=self._settings.fallback_charset
                    )
            except OSError:
                missing, problem = (), UNREADABLE
            damaged.append((problem, os.fsencode(path)))
            for number, listed in enumerate(missing):
                entry = _row(f"{path}#{number}", Stamp(0, _LISTED_ONLY), listed.facts)
                rows.append((*entry[:3], listed.problem, *entry[4:]))
        with self._open() as connection, connection:
            connection.execute("DELETE FROM file WHERE size = ?", (_LISTED_ONLY,))
            connection.executemany("UPDATE file SET problem = ? WHERE path = ?", damaged)
            connection.executemany(_INSERT, rows)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            if self._is_closed:
                raise IndexClosed
            if self._connection is None:
                self._connection = _connect(self._settings)
            yield self._connection


def _connect(settings: FolderSettings) -> sqlite3.Connection:
    """Open the index; one that was made of another folder, or otherwise, is emptied."""
    if settings.index_file is not None:
        settings.index_file.touch(mode=0o600, exist_ok=True)
    connection = sqlite3.connect(settings.index_file or ":memory:", timeout=5.0, check_same_thread=False)
    try:
        connection.executescript(_TABLES)
        made_of = json.dumps([_LAYOUT, str(settings.path.resolve()), settings.fallback_charset])
        with connection:
            stored = connection.execute("SELECT value FROM meta WHERE name = 'made_of'").fetchone()
            if stored != (made_of,):
                connection.execute("DELETE FROM file")
                connection.execute("INSERT OR REPLACE INTO meta VALUES ('made_of', ?)", (made_of,))
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _row(path: str, stamp: Stamp, facts: FileFacts | str) -> tuple[object, ...]:
    if isinstance(facts, str):
        return (os.fsencode(path), stamp.mtime_ns, stamp.size, facts, *([None] * 7))
    return (
        os.fsencode(path), stamp.mtime_ns, stamp.size, None, facts.patient_id, facts.study_uid, facts.series_uid,
        facts.instance_uid, facts.modality, facts.body_part, encode(facts.study),
    )  # fmt: skip


def matters(reasons: Iterable[str]) -> bool:
    """Whether one of these reasons may hide a study. A text file beside the images hides none, nor does a file that
    only a DICOMDIR knows: its study is listed.
    """
    return any(reason not in {NOT_DICOM, MISSING_FILE} for reason in reasons)
