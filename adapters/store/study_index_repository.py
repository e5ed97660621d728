"""The study index: what each site last said of an identifier, one row for both."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache

import sqlalchemy as sa

from adapters.store import mapping
from adapters.store.statements import insert_or_update, named_among, names_one_of, rows
from adapters.store.tables import study_index
from federation.imaging.study_index import IndexedAnswer
from mpi.identity.identifiers import PatientIdentifier

_entry = study_index.c
_KEY = ("site_id", "assigning_authority", "local_patient_id")


class SqlStudyIndexRepository:
    """``federation.ports.StudyIndexRepository`` on a connection."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def of(self, identifiers: Collection[PatientIdentifier]) -> tuple[IndexedAnswer, ...]:
        if not identifiers:
            return ()
        dialect = self._connection.dialect.name
        authorities, parameters = named_among(dialect, identifiers)
        found = rows(self._connection, _of(dialect, authorities), parameters)
        return tuple(mapping.indexed_answer_from(row) for row in found)

    def save(self, entry: IndexedAnswer) -> None:
        values = mapping.indexed_answer_values(entry)
        insert_or_update(self._connection, study_index, values, key=_KEY, returning="site_id")


@cache
def _of(dialect: str, authorities: int) -> sa.Executable:
    wanted = names_one_of(dialect, _entry.assigning_authority, _entry.local_patient_id, authorities)
    return sa.select(study_index).where(wanted).order_by(*(study_index.c[name] for name in _KEY))
