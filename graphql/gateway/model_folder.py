"""The folder of match models: one TOML file each, and which of them is current.

``current.json`` names the current model and those before it, newest last. The model that ships is always among them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import ConfigurationError, InputRefused
from gateway.site_files import load_model
from gateway.written_files import write_whole
from mpi.matching.match_model import MatchModel, default_model

_CURRENT = "current.json"


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A model of the folder; ``problem`` says why it cannot be used."""

    name: str
    is_current: bool
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class _Record:
    current: str
    before: tuple[str, ...] = ()


class ModelFolder:
    """Models by name: a model's name is its version and its file's name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def entries(self) -> list[ModelEntry]:
        """Every model, by name."""
        current = self.current_name()
        names = {default_model().version, *(path.stem for path in self._folder.glob("*.toml"))}
        return [ModelEntry(name, name == current, self._problem(name)) for name in sorted(names)]

    def current_name(self) -> str:
        return self._read().current

    def current_model(self) -> MatchModel:
        """The model that the hub works with.

        Raises:
            ConfigurationError: the folder's record or the model cannot be used.
        """
        return self.load(self.current_name())

    def load(self, name: str) -> MatchModel:
        """A model by name.

        Raises:
            ConfigurationError: there is none, it cannot be used, or its version is not its name.
        """
        path = self._folder / f"{name}.toml"
        if name == default_model().version:
            return default_model()
        if Path(name).name != name or not path.is_file():
            raise ConfigurationError(f"models_folder: no model {name} in {self._folder}")
        model = load_model(path)
        if model.version != name:
            raise ConfigurationError(f"{path}: its version is not its name, so links made with it could not be told")
        return model

    def switch(self, name: str) -> str:
        """Make a model the current one; returns the one before.

        Raises:
            InputRefused: it is current already.
        """
        self.load(name)
        record = self._read()
        if name == record.current:
            raise InputRefused(f"{name} is the current model already")
        self._write(_Record(name, (*record.before, record.current)))
        return record.current

    def rollback(self) -> tuple[str, str]:
        """Go back to the model before the current one; returns (left, current).

        Raises:
            InputRefused: there was none before.
        """
        record = self._read()
        if not record.before:
            raise InputRefused("no model was current before this one")
        self.load(record.before[-1])
        self._write(_Record(record.before[-1], record.before[:-1]))
        return record.current, record.before[-1]

    def restore(self, name: str, before: tuple[str, ...]) -> None:
        """Put back what ``remembered`` gave."""
        self._write(_Record(name, before))

    def remembered(self) -> tuple[str, tuple[str, ...]]:
        """The current name and those before."""
        record = self._read()
        return record.current, record.before

    def _problem(self, name: str) -> str | None:
        try:
            self.load(name)
        except ConfigurationError as error:
            return str(error)
        return None

    def _read(self) -> _Record:
        path = self._folder / _CURRENT
        if not path.is_file():
            return _Record(default_model().version)
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            return _Record(str(document["current"]), tuple(str(name) for name in document["before"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigurationError(f"models_folder: {path} cannot be read") from error

    def _write(self, record: _Record) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputRefused(f"cannot make {self._folder}: {error.strerror}") from error
        document = {"current": record.current, "before": list(record.before)}
        write_whole(self._folder / _CURRENT, json.dumps(document, indent=2) + "\n")
