"""How far a re-match of the index with a model has come."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from adapters.store.statements import insert_or_update
from adapters.store.tables import rematch_run
from mpi.identity.identifiers import PatientIdentifier


@dataclass(frozen=True, slots=True)
class RematchRun:
    """One walk over the index in the order of identifiers; ``last`` is the newest record that is done."""

    model_version: str
    started_at: dt.datetime
    last: PatientIdentifier | None
    counts: Mapping[str, int]
    finished_at: dt.datetime | None = None


class SqlRematchRepository:
    """Keeps one run a model: a new one takes the place of the finished one."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def get(self, model_version: str) -> RematchRun | None:
        statement = sa.select(rematch_run).where(rematch_run.c.model_version == model_version)
        row = self._connection.execute(statement).one_or_none()
        if row is None:
            return None
        last = None if row.last_authority is None else PatientIdentifier(row.last_authority, row.last_local_patient_id)
        return RematchRun(row.model_version, row.started_at, last, dict(row.counts), row.finished_at)

    def save(self, run: RematchRun) -> None:
        values = {
            "model_version": run.model_version,
            "last_authority": None if run.last is None else run.last.assigning_authority,
            "last_local_patient_id": None if run.last is None else run.last.local_patient_id,
            "counts": dict(run.counts),
            "started_at": run.started_at,
            "finished_at": run.finished_at,
        }
        insert_or_update(self._connection, rematch_run, values, key=("model_version",), returning="model_version")
