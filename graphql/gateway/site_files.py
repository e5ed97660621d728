"""Files that a site brings along: its rule-set, its procedure codes, its match model. Errors name file and line."""

from __future__ import annotations

from pathlib import Path

from federation.errors import InvalidCodeMap, InvalidRuleSet
from federation.imaging.code_map import CodeMap, parse_code_map
from federation.imaging.rule_set import RuleSet, default_rule_set, parse_rule_set
from gateway.errors import ConfigurationError
from mpi.errors import InvalidModel
from mpi.matching.match_model import MatchModel, parse_model


def load_rules(path: Path | None) -> RuleSet:
    """The rule-set of a file, or the one that ships."""
    if path is None:
        return default_rule_set()
    try:
        return parse_rule_set(read_text(path, "federation.rules_file"))
    except InvalidRuleSet as error:
        raise ConfigurationError(f"{path}: {error}") from error


def load_code_map(path: Path) -> CodeMap:
    """A site's own procedure codes."""
    try:
        return parse_code_map(read_text(path, "code_map"))
    except InvalidCodeMap as error:
        raise ConfigurationError(f"{path}: {error}") from error


def load_model(path: Path) -> MatchModel:
    """A match model file."""
    try:
        return parse_model(read_text(path, "match_model"))
    except InvalidModel as error:
        raise ConfigurationError(f"{path}: {error}") from error


def read_text(path: Path, field: str) -> str:
    """The text of a file named in a setting."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigurationError(f"{field}: cannot read {path}") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{field}: {path} is not UTF-8") from error
