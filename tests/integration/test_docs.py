"""Every command that a page shows is run here, in the order of the page, from the folder `docs`."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.availability import unavailable

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
EDGE = ROOT / ".venv-edge" / "bin"
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")


def commands(page: Path) -> list[str]:
    lines = [line for block in BLOCK.findall(page.read_text()) for line in block.splitlines()]
    return [line.split("#")[0].strip() for line in lines if line.split("#")[0].strip()]


def environment_of(command: str, home: Path) -> dict[str, str]:
    programs = EDGE if command.startswith("priorlink-edge ") else Path(sys.executable).parent
    return {"PATH": f"{programs}:/usr/bin:/bin", "HOME": str(home)}


def test_pages_show_commands() -> None:
    assert any(commands(page) for page in PAGES)


@pytest.mark.parametrize("page", [p for p in PAGES if commands(p)], ids=lambda p: p.name)
def test_commands_of_the_page_run(page: Path, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    environment = environment_of("make", tmp_path)
    for command in commands(page):
        if command.startswith("make "):
            # the target exists; what it does is tested by running it in CI
            arguments = ["make", "--dry-run", *command.split()[1:]]
            done = subprocess.run(arguments, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        else:
            allowed = ("priorlink ", "priorlink-edge ", "mkdir ")
            assert command.startswith(allowed), f"{page.name}: what is {command!r}?"
            if command.startswith("priorlink-edge ") and not (EDGE / "priorlink-edge").exists():
                unavailable("the edge agent", "there is no .venv-edge (run: make setup-edge)")
            done = subprocess.run(
                ["bash", "-c", command], cwd=tmp_path / "docs", env=environment_of(command, tmp_path),
                capture_output=True, text=True, check=False, timeout=60,
            )  # fmt: skip
        assert done.returncode == 0, f"{page.name}: {command}\n{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_of_the_page_lead_somewhere(page: Path) -> None:
    dead = [target for target in LINK.findall(page.read_text()) if not (page.parent / target).exists()]
    assert dead == []
