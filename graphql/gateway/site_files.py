"""Files that a site brings along: its rule-set, its procedure codes, its match model. Errors name file and line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from federation.errors import InvalidCodeMap, InvalidRuleSet, InvalidTable
from federation.imaging.code_map import CodeMap, parse_code_map
from federation.imaging.rule_set import RuleSet, default_rule_set, parse_rule_set
from federation.usecases.report_usefulness import ReportTables
from federation.usefulness.doses import default_dose_table, parse_dose_table
from federation.usefulness.site_tables import CostTable, parse_cost_table, parse_orderer_groups
from gateway.errors import ConfigurationError
from gateway.settings import UsefulnessSettings
from mpi.errors import InvalidModel
from mpi.matching.match_model import MatchModel, parse_model

_Table = TypeVar("_Table")


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


def load_report_tables(settings: UsefulnessSettings) -> ReportTables:
    """The tables of the usefulness report; what is not named is empty, or the table that ships."""
    return ReportTables(
        doses=_table(settings.dose_table, "dose_table", parse_dose_table) or default_dose_table(),
        costs=_table(settings.cost_table, "cost_table", parse_cost_table) or CostTable(),
        group_of=_table(settings.orderer_groups, "orderer_groups", parse_orderer_groups) or {},
    )


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


def _table(path: Path | None, field: str, parse: Callable[[str], _Table]) -> _Table | None:
    if path is None:
        return None
    try:
        return parse(read_text(path, f"usefulness.{field}"))
    except InvalidTable as error:
        raise ConfigurationError(f"{path}: {error}") from error
