"""Where a folder of DICOM files is, and how its index is kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from federation.sites.issuers import IssuerNames


@dataclass(frozen=True, slots=True)
class FolderSettings:
    """A folder of DICOM files, with or without a DICOMDIR.

    Attributes:
        path: the folder; nothing outside of it is ever read.
        index_file: SQLite file of the index, so that a restart need not read everything again; ``None``: in memory.
            It holds patient data and is readable for its owner alone.
        poll_seconds: a question looks for changed files when the last look is older than this.
        fallback_charset: defined term (``ISO_IR 100``) or codec of text without a usable character set.
    """

    path: Path
    index_file: Path | None = None
    poll_seconds: float = 5.0
    fallback_charset: str = "ISO_IR 100"
    issuers: IssuerNames = field(default_factory=IssuerNames)
