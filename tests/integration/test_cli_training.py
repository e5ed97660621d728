"""Training a model, comparing, switching and rolling back, and the re-match of the index, from the command line."""

from __future__ import annotations

import csv
import json
import random
import re
import sqlite3
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bench.patients import write_patients
from mpi.matching.match_model import parse_model

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "docs" / "examples"
PEOPLE = 240
PRIORLINK = Path(sys.executable).with_name("priorlink")


class Shell:
    """Runs `priorlink` in a folder with invented patients and a configuration."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.records, self.truth = folder / "records.csv", folder / "truth.csv"
        write_patients(PEOPLE, self.records, self.truth)
        sites = "".join(f'[[sites]]\nid = "{s}"\nname = "{s}"\nassigning_authority = "{s}"\n' for s in facilities())
        (folder / "priorlink.toml").write_text(f'[[authorities]]\nname = "NATIONAL"\nstrong = true\n{sites}')

    def run(self, *arguments: str | Path, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [PRIORLINK, *map(str, arguments)], cwd=self.folder, capture_output=True, text=True, check=False, timeout=90
        )
        assert done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done

    def json(self, *arguments: str | Path, code: int = 0) -> dict:
        return json.loads(self.run(*arguments, "--json", code=code).stdout)

    def rows(self, query: str) -> list[tuple]:
        with sqlite3.connect(self.folder / "priorlink.db") as connection:
            return connection.execute(query).fetchall()


def facilities() -> tuple[str, ...]:
    return ("NORTH", "LAKE", "RIVER", "HILL")


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def a_stricter_model(shell: Shell, name: str = "strict-1", upper: str = "500") -> None:
    """The model that ships with other thresholds: nothing links, and what linked is no question either."""
    shipped = (ROOT / "mpi" / "matching" / "models" / "default-1.toml").read_text()
    text = shipped.replace('version = "default-1"', f'version = "{name}"').replace("upper = 11.5", f"upper = {upper}")
    (shell.folder / "models").mkdir(exist_ok=True)
    (shell.folder / "models" / f"{name}.toml").write_text(text.replace("lower = 2", f"lower = {upper}"))


def test_train_writes_a_model_a_report_and_a_chart(shell: Shell) -> None:
    found = shell.json(
        "mpi", "train", shell.records, "--out", "m-1.toml", "--report", "report.md", "--chart", "chart.html"
    )
    model = parse_model((shell.folder / "m-1.toml").read_text())
    assert model.version == found["model"] == "m-1"
    assert (model.upper, model.lower) == (found["thresholds"]["upper"], found["thresholds"]["lower"])
    assert all(
        0 < p.m_probability < 1 and 0 < p.u_probability < 1 for c in model.probabilities.values() for p in c.values()
    )
    assert "| family | exact |" in (shell.folder / "report.md").read_text()
    page = (shell.folder / "chart.html").read_text()
    assert page.count("<svg") == 3
    assert not re.search(r"<script|https?://|<link|<img|url\(|@import", page)
    for drawing in re.findall(r"<svg.*?</svg>", page, re.DOTALL):
        ET.fromstring(drawing)
    linked = shell.json("mpi", "link", shell.records, "--model", "m-1.toml", "--clusters", "c.csv", "--review", "r.csv")
    assert linked["model"] == "m-1"
    assert linked["persons"] < linked["records"]


def test_train_never_replaces_a_model_silently(shell: Shell) -> None:
    path = shell.folder / "live.toml"
    path.write_text("kept")
    assert "--force" in shell.run("mpi", "train", shell.records, "--out", path, code=3).stderr
    assert path.read_text() == "kept"
    shell.run("mpi", "train", shell.records, "--out", path, "--force")
    assert parse_model(path.read_text()).version == "live"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\nR1,R2\n", "column same is missing"),
        ("a,b,same\nR1,R999999,1\n", "line 2: b names no record"),
        ("a,b,same\nR1,R2,perhaps\n", "line 2: same is not one of"),
        ("a,b,same\nR1,R2,1\nR2,R1,0\n", "line 3: the pair was judged otherwise"),
        ("a,b,same\nR1,R1,1\n", "line 2: a and b are one record"),
    ],
)
def test_labels_that_cannot_be_used_are_refused_with_their_line(shell: Shell, text: str, said: str) -> None:
    labels = shell.folder / "labels.csv"
    labels.write_text(text)
    assert said in shell.run("mpi", "train", shell.records, "--out", "m.toml", "--labels", labels, code=3).stderr
    assert not (shell.folder / "m.toml").exists()


def test_labels_are_used(shell: Shell) -> None:
    with shell.truth.open() as lines:
        person = {row["record_id"]: row["person_id"] for row in csv.DictReader(lines)}
    ids, draw = sorted(person), random.Random(3)
    pairs = {tuple(sorted(draw.sample(ids, 2))) for _ in range(40)}
    text = "".join(f"{a},{b},{int(person[a] == person[b])}\n" for a, b in sorted(pairs))
    (shell.folder / "labels.csv").write_text("a,b,same\n" + text)
    found = shell.json("mpi", "train", shell.records, "--out", "m.toml", "--labels", "labels.csv")
    assert found["labelled_pairs"] == len(pairs)


def test_a_model_with_an_impossible_probability_is_refused(shell: Shell) -> None:
    a_stricter_model(shell)
    path = shell.folder / "models" / "strict-1.toml"
    path.write_text(path.read_text().replace("exact = { m = 0.985,", "exact = { m = 1.0,"))
    assert (
        "comparison sex, level exact: m must lie between 0 and 1"
        in shell.run("mpi", "train", shell.records, "--out", "m.toml", "--start", path, code=2).stderr
    )


def test_completeness_counts_what_blocking_keeps_apart(shell: Shell) -> None:
    found = shell.json("mpi", "completeness", shell.records, "--truth", shell.truth, "--missed", "missed.csv")
    assert 0.99 <= found["pair_completeness"] <= 1
    assert found["compared"] + found["missed"] == found["true_pairs"] > 60
    assert {kind["kind"] for kind in found["key_kinds"]} >= {"date+name", "names+year", "phone+name"}
    assert len((shell.folder / "missed.csv").read_text().splitlines()) == found["missed"] + 1


def test_a_model_is_compared_switched_to_and_rolled_back(shell: Shell) -> None:
    shell.run("db", "upgrade")
    shell.run("mpi", "load", shell.records)
    a_stricter_model(shell)
    compared = shell.json("mpi", "model", "compare", "default-1", "strict-1", "--report", "compared.md")
    on_file = shell.json("mpi", "model", "compare", "default-1", "strict-1", "--on", shell.records)
    for found in (compared, on_file):
        assert found["before"]["linked_pairs"] == len(found["parted"]) > 30
        assert found["joined"] == []
        assert found["after"]["persons"] == found["records"] == PEOPLE
    assert "pairs would part" in (shell.folder / "compared.md").read_text()
    assert shell.json("mpi", "model", "switch", "strict-1") == {"before": "default-1", "current": "strict-1"}
    listed = {m["model"]: m["current"] for m in shell.json("mpi", "model", "list")["models"]}
    assert listed == {"default-1": False, "strict-1": True}
    shell.run("mpi", "model", "switch", "strict-1", code=3)
    assert shell.json("mpi", "model", "rollback") == {"before": "strict-1", "current": "default-1"}
    assert "no model was current before" in shell.run("mpi", "model", "rollback", code=3).stderr
    actions = shell.rows("SELECT action, detail FROM audit_event WHERE action LIKE 'mpi model%' ORDER BY audit_id")
    assert actions == [
        ("mpi model switch", "from=default-1 to=strict-1"),
        ("mpi model rollback", "from=strict-1 to=default-1"),
    ]


def test_a_switch_refuses_what_cannot_be_told_apart_later(shell: Shell) -> None:
    shell.run("db", "upgrade")
    a_stricter_model(shell)
    (shell.folder / "models" / "strict-1.toml").rename(shell.folder / "models" / "other.toml")
    assert "its version is not its name" in shell.run("mpi", "model", "switch", "other", code=2).stderr
    assert "no model nowhere" in shell.run("mpi", "model", "switch", "nowhere", code=2).stderr
    assert shell.json("mpi", "model", "list", code=1)["models"][1]["problem"]


def test_rollback_works_when_the_current_model_is_broken(shell: Shell) -> None:
    shell.run("db", "upgrade")
    a_stricter_model(shell)
    shell.run("mpi", "model", "switch", "strict-1")
    (shell.folder / "models" / "strict-1.toml").write_text("broken")
    shell.run("mpi", "load", shell.records, code=2)
    assert shell.json("mpi", "model", "rollback")["current"] == "default-1"


def test_rematch_asks_and_moves_nothing(shell: Shell) -> None:
    shell.run("db", "upgrade")
    shell.run("mpi", "load", shell.records)
    links = "SELECT local_patient_id, enterprise_id, link_source, model_version FROM source_record ORDER BY 1"
    before, asked = shell.rows(links), shell.rows("SELECT count(*) FROM review_item")[0][0]
    assert {row[3] for row in before} == {None, "default-1"}
    assert shell.json("mpi", "rematch")["counts"]["would_part"] == 0
    a_stricter_model(shell)
    shell.run("mpi", "model", "switch", "strict-1")
    looked = shell.json("mpi", "rematch", "--dry-run", "--pairs", "pairs.csv")
    assert looked["counts"]["would_part"] > 20
    assert looked["before"] == looked["after"]
    first = shell.json("mpi", "rematch", "--limit", "150")
    assert not first["finished"]
    second = shell.json("mpi", "rematch", "--report", "rematch.md")
    assert second["resumed"]
    assert second["finished"]
    assert second["counts"] == looked["counts"]
    assert sum(second["counts"].values()) == PEOPLE
    assert shell.rows(links) == before
    opened = shell.rows("SELECT count(*) FROM review_item WHERE source = 'rematch' AND kind = 'SUSPECTED_OVERLAY'")
    with (shell.folder / "pairs.csv").open() as lines:
        parting = {frozenset((p["a"], p["b"])) for p in csv.DictReader(lines) if p["finding"] == "would_part"}
    assert opened[0][0] == len(parting)
    assert "| persons |" in (shell.folder / "rematch.md").read_text()
    total = shell.rows("SELECT count(*) FROM review_item")[0][0]
    assert total > asked
    again = shell.json("mpi", "rematch")
    assert not again["resumed"]
    assert shell.rows("SELECT count(*) FROM review_item")[0][0] == total
    shell.run("mpi", "rematch", "--dry-run", "--link", code=3)
