"""The house rules that a machine can keep. Each has a test that shows how it would fail."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import graphql
import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("mpi", "federation", "adapters", "graphql/gateway", "graphql/edge")
FORBIDDEN_NAMES = {"utils", "helpers", "common", "core", "misc", "services"}


def python_files(*folders: str) -> list[Path]:
    return [p for folder in folders for p in sorted((ROOT / folder).rglob("*.py"))]


def test_graphql_folder_never_hides_graphql_core() -> None:
    assert not (ROOT / "graphql" / "__init__.py").exists()
    assert graphql.__file__ is not None
    assert "site-packages" in graphql.__file__


def test_no_drawer_for_odds_and_ends() -> None:
    found = [p.relative_to(ROOT) for p in python_files(*PACKAGES) if FORBIDDEN_NAMES & {p.stem, p.parent.name}]
    assert found == []


@pytest.mark.parametrize("package", ["gateway", "edge"])
def test_no_module_there_is_named_like_the_standard_library(package: str) -> None:
    found = [p.name for p in (ROOT / "graphql" / package).iterdir() if p.stem in sys.stdlib_module_names]
    assert found == []


def test_files_and_functions_stay_short() -> None:
    long_files = [f"{p.relative_to(ROOT)}" for p in python_files(*PACKAGES) if len(p.read_text().splitlines()) > 400]
    long_functions = [
        f"{path.relative_to(ROOT)}:{node.name}"
        for path in python_files(*PACKAGES)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (node.end_lineno or 0) - node.lineno >= 60
    ]
    assert long_files == []
    assert long_functions == []


def test_catching_everything_is_rare() -> None:
    places = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in python_files(*PACKAGES)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or (isinstance(node.type, ast.Name) and node.type.id in {"Exception", "BaseException"}))
        and not any(isinstance(n, ast.Raise) and n.exc is None for n in ast.walk(node))
    ]
    assert len(places) <= 5, places


def test_nothing_but_settings_reads_the_environment() -> None:
    found = [
        f"{path.relative_to(ROOT)}"
        for path in python_files(*PACKAGES)
        if path.name != "settings.py" and any(word in path.read_text() for word in ("os.environ", "os.getenv"))
    ]
    assert found == []


PROBES = {
    "gateway asks adapters, adapters ask federation, federation asks mpi": ("mpi/probe.py", "import federation.errors"),
    "adapters never import each other": ("adapters/dicom/probe.py", "import adapters.hl7v2"),
    "the pure packages import no framework": ("federation/probe.py", "import sqlalchemy"),
    "resolvers reach use cases, never an adapter": ("gateway/schema/probe.py", "import adapters.store"),
    "the edge agent is small": ("edge/probe.py", "import strawberry"),
}


@pytest.mark.parametrize("contract", PROBES)
def test_each_import_contract_can_fail(contract: str, tmp_path: Path) -> None:
    """Copy the packages, break one contract, and see it break."""
    for package in ("mpi", "federation", "adapters"):
        subprocess.run(["cp", "-r", ROOT / package, tmp_path / package], check=True)
    for package in ("gateway", "edge"):
        subprocess.run(["cp", "-r", ROOT / "graphql" / package, tmp_path / package], check=True)
    subprocess.run(["cp", ROOT / "pyproject.toml", tmp_path], check=True)
    path, line = PROBES[contract]
    (tmp_path / path).write_text(line + "\n")
    lint = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    done = subprocess.run(
        lint, check=False, cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"{contract} BROKEN" in done.stdout
