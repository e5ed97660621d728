"""The command line with good input, bad input and typos: one clear line, the right exit code, nothing half-written."""

from __future__ import annotations

import csv
import gzip
import json
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from bench.patients import write_patients
from gateway.cli.identities import ROWS_PER_TRANSACTION
from tests.contract.archives import instances

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "docs" / "examples"
PRIORLINK = Path(sys.executable).with_name("priorlink")


class Shell:
    """Runs `priorlink` in a folder of its own with a fresh store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "priorlink.toml"
        self.config.write_text((EXAMPLES / "priorlink.toml").read_text())

    def run(self, *arguments: str | Path, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [PRIORLINK, *map(str, arguments)], cwd=self.folder, capture_output=True, text=True, check=False, timeout=90
        )
        assert done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done

    def json(self, *arguments: str | Path, code: int = 0) -> dict[str, object]:
        document: dict[str, object] = json.loads(self.run(*arguments, "--json", code=code).stdout)
        return document

    def table(self, name: str) -> list[dict[str, str]]:
        with (self.folder / name).open(newline="", encoding="utf-8") as stream:
            return list(csv.DictReader(stream))

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def test_a_typo_is_one_line_and_exit_code_two(shell: Shell) -> None:
    for arguments in (["sits", "list"], ["mpi", "lnk"], ["mpi", "link"], ["rules", "test", "x.json", "--rulse", "y"]):
        done = shell.run(*arguments, code=2)
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr
        assert done.stdout == ""


def test_link_writes_every_record_once_and_joins_the_same_woman(shell: Shell) -> None:
    found = shell.json("mpi", "link", EXAMPLES / "patients.csv", "--clusters", "c.csv", "--review", "r.csv")
    clusters = {row["record_id"]: row["cluster_id"] for row in shell.table("c.csv")}
    assert set(clusters) == {"R1", "R2", "R3", "R4"}
    assert clusters["R1"] == clusters["R2"]
    assert len(set(clusters.values())) == found["persons"] == 3
    header = (shell.folder / "r.csv").read_text().splitlines()[0]
    assert header == "a,b,score,match_probability,reason"


@pytest.mark.parametrize("engine", ["duckdb", "spark", "nonsense"])
def test_an_engine_that_is_not_there_is_refused_and_those_that_are_get_named(shell: Shell, engine: str) -> None:
    arguments = ("mpi", "link", EXAMPLES / "patients.csv", "--clusters", "c.csv", "--review", "r.csv", "--engine")
    done = shell.run(*arguments, engine, code=2)
    assert len(done.stderr.strip().splitlines()) == 1
    assert engine in done.stderr
    assert "there is python" in done.stderr
    assert not (shell.folder / "c.csv").exists()
    assert shell.json(*arguments, "python")["records"] == 4


def test_link_reads_gzip_and_a_byte_order_mark(shell: Shell) -> None:
    path = shell.folder / "p.csv.gz"
    path.write_bytes(gzip.compress(b"\xef\xbb\xbf" + (EXAMPLES / "patients.csv").read_bytes()))
    assert shell.json("mpi", "link", path, "--clusters", "c.csv", "--review", "r.csv")["records"] == 4


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("facility,mrn\nNGH,1\n", "column record_id is missing"),
        ("record_id;family\nR1;Arroyo\n", "separated by commas"),
        ("record_id,family\nR1,Arroyo\nR2,Okafor,extra\n", "line 3"),
        ("record_id,family\nR1,Arroyo\nR1,Okafor\n", "line 3: record_id stands twice"),
        ("record_id,family\n,Arroyo\n", "line 2: record_id is empty"),
        ('record_id,family\nR1,"Arr\noyo"\nR2\n', "line 4"),
    ],
)
def test_a_bad_file_is_refused_with_its_line_and_nothing_is_written(shell: Shell, text: str, said: str) -> None:
    path = shell.write("bad.csv", text)
    done = shell.run("mpi", "link", path, "--clusters", "c.csv", "--review", "r.csv", code=3)
    assert said in done.stderr
    assert "Arroyo" not in done.stderr
    assert not (shell.folder / "c.csv").exists()
    assert not (shell.folder / "r.csv").exists()


def test_a_dry_run_takes_rows_whose_date_it_cannot_read_and_says_so(shell: Shell) -> None:
    path = shell.write("p.csv", "record_id,family,birth_date,sex\nR1,Arroyo,12/03/1984,?\nR2,Okafor,1984-03-12,X\n")
    done = shell.run("mpi", "link", path, "--clusters", "c.csv", "--review", "r.csv")
    assert "1 rows: lines 2" in done.stderr
    assert {row["record_id"] for row in shell.table("c.csv")} == {"R1", "R2"}


def test_a_file_that_is_not_utf8_is_refused_with_its_line(shell: Shell) -> None:
    path = shell.folder / "latin.csv"
    path.write_bytes(b"record_id,family\nR1,Arroyo\nR2,M\xfcller\n")
    assert "line 3: not UTF-8" in shell.run("mpi", "link", path, "--clusters", "c", "--review", "r", code=3).stderr


def test_load_takes_good_rows_reports_bad_ones_and_can_be_run_again(shell: Shell) -> None:
    shell.run("db", "upgrade", "--config", shell.config)
    text = (EXAMPLES / "patients.csv").read_text() + "R5,NGH,,Nobody,Ned,,,1950-01-01,M,,,,,,,\nR6,NGH\n"
    path = shell.write("p.csv", text)
    first = shell.json("mpi", "load", path, "--rejects", "rejects.csv", "--config", shell.config, code=1)
    assert first["accepted"] == 4
    assert [row["line"] for row in first["rejected"]] == [6, 7]  # type: ignore[index,union-attr]
    assert len(shell.table("rejects.csv")) == 2
    again = shell.json("mpi", "load", path, "--config", shell.config, code=1)
    assert again["effects"] == {**dict.fromkeys(first["effects"], 0), "unchanged": 4}  # type: ignore[call-overload]


def test_a_load_that_is_killed_leaves_whole_batches_and_goes_on_when_run_again(shell: Shell) -> None:
    shell.run("db", "upgrade", "--config", shell.config)
    records, truth = shell.folder / "many.csv", shell.folder / "truth.csv"
    write_patients(2 * ROWS_PER_TRANSACTION + 300, records, truth)
    command = [PRIORLINK, "mpi", "load", records, "--config", shell.config]
    with subprocess.Popen(command, cwd=shell.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and not stored_records(shell):
            time.sleep(0.01)
        process.kill()
    left = stored_records(shell)
    assert left in (ROWS_PER_TRANSACTION, 2 * ROWS_PER_TRANSACTION, 2 * ROWS_PER_TRANSACTION + 300)
    again = shell.json("mpi", "load", records, "--config", shell.config)
    assert again["effects"]["unchanged"] == left  # type: ignore[index]
    assert again["effects"]["created"] == again["rows"] - left == stored_records(shell) - left  # type: ignore[index,operator]


def stored_records(shell: Shell) -> int:
    with closing(sqlite3.connect(shell.folder / "priorlink.db")) as database:
        (count,) = database.execute("SELECT count(*) FROM source_record").fetchone()
    return int(count)


def test_explain_adds_up(shell: Shell) -> None:
    shell.run("db", "upgrade", "--config", shell.config)
    shell.run("mpi", "load", EXAMPLES / "patients.csv", "--config", shell.config)
    found = shell.json("mpi", "explain", "NGH|00412", "LKM|L-77", "--config", shell.config)
    weights = [line["match_weight"] for line in found["weights"]]  # type: ignore[union-attr,index]
    assert sum(weights) == pytest.approx(found["score"])
    assert found["decision"] == "LINK"
    assert (
        "first identifier" in shell.run("mpi", "explain", "NGH|9", "LKM|L-77", "--config", shell.config, code=3).stderr
    )
    assert shell.run("mpi", "explain", "nonsense", "LKM|L-77", "--config", shell.config, code=2).stdout == ""


def test_procedures_are_normalized_with_the_sites_own_codes(shell: Shell) -> None:
    shell.run(
        "procedures", "normalize", EXAMPLES / "procedures.csv", "--out", "o.csv", "--map", EXAMPLES / "code_map.csv"
    )
    rows = shell.table("o.csv")
    assert [(r["canonical_modality"], r["canonical_regions"], r["laterality"]) for r in rows] == [
        ("CT", "ABDOMEN;PELVIS", "none"),
        ("MR", "KNEE", "left"),
        ("XR", "WRIST", "left"),
    ]


def test_a_broken_code_map_names_its_line(shell: Shell) -> None:
    path = shell.write("map.csv", (EXAMPLES / "code_map.csv").read_text() + "LOCAL,X2,XR,ELSEWHERE,left,without,,\n")
    done = shell.run("procedures", "normalize", EXAMPLES / "procedures.csv", "--out", "o.csv", "--map", path, code=2)
    assert "line 3" in done.stderr
    assert not (shell.folder / "o.csv").exists()


def test_rules_are_tried_and_a_failed_expectation_is_exit_code_one(shell: Shell) -> None:
    found = shell.json("rules", "test", EXAMPLES / "scenarios.json")
    assert (found["passed"], found["failed"]) == (1, 0)
    wrong = shell.write("wrong.json", (EXAMPLES / "scenarios.json").read_text().replace('"interruptive"', '"none"'))
    assert shell.json("rules", "test", wrong, code=1)["failed"] == 1
    broken = shell.write("broken.json", '{"scenarios": [{"id": "X1", "order": {}}]}')
    assert "X1" in shell.run("rules", "test", broken, code=3).stderr


def test_two_rule_sets_are_compared_scenario_by_scenario(shell: Shell) -> None:
    scenarios, quieter = EXAMPLES / "scenarios.json", EXAMPLES / "quieter_rules.toml"
    found = shell.json("rules", "test", scenarios, "--compare", quieter)
    assert found["comparison"] == {
        "before": "quieter/1",
        "after": "dup-rules/1",
        "changes": [
            {
                "id": "EX1",
                "title": "the same CT three days ago at another hospital",
                "changed": ["tier", "rules"],
                "before": {
                    "tier": "warning", "prior_id": "P1", "relation": "EQUIVALENT", "rules": ["W2"], "ok": False,
                },
                "after": {
                    "tier": "interruptive", "prior_id": "P1", "relation": "EQUIVALENT", "rules": ["W3"], "ok": True,
                },
            }
        ],
        "unchanged": 0,
    }  # fmt: skip
    said = shell.run("rules", "test", scenarios, "--rules", quieter, "--compare", quieter, code=1).stderr
    assert "0 of 1 scenarios come out differently" in said
    told = shell.run("rules", "test", scenarios, "--compare", quieter).stderr
    assert "EX1: tier warning -> interruptive; rules W2 -> W3" in told
    shell.run("rules", "test", scenarios, "--compare", shell.write("r.toml", "name = 5"), code=2)


def test_a_store_that_was_never_upgraded_is_a_missing_service(shell: Shell) -> None:
    done = shell.run("mpi", "load", EXAMPLES / "patients.csv", "--config", shell.config, code=4)
    assert "priorlink db upgrade" in done.stderr
    assert shell.json("db", "check", "--config", shell.config, code=1)["problems"]


def test_sites_are_listed_and_one_that_is_down_is_said_to_be(shell: Shell) -> None:
    assert len(shell.json("sites", "list", "--config", shell.config)["sites"]) == 3  # type: ignore[arg-type]
    shell.run("db", "upgrade", "--config", shell.config)
    probes = shell.json("sites", "check", "--config", shell.config, code=1)["sites"]
    assert [(p["site"], p["ok"]) for p in probes] == [("NGH", False), ("LKM", False)]  # type: ignore[attr-defined]
    listed = {s["site"]: s for s in shell.json("sites", "list", "--config", shell.config)["sites"]}  # type: ignore[attr-defined]
    assert listed["NGH"]["capabilities"]["reason"] == probes[0]["reason"]  # type: ignore[index]
    assert [listed[s]["capabilities"] is None for s in ("NGH", "LKM", "RDI")] == [False, False, True]
    assert listed["NGH"]["health"] is None
    assert "no site XYZ" in shell.run("sites", "check", "XYZ", "--config", shell.config, code=3).stderr


def test_messages_are_imported_through_the_same_door(shell: Shell) -> None:
    shell.run("db", "upgrade", "--config", shell.config)
    good = (EXAMPLES / "register.hl7").read_text()
    bad = good.replace("EX-1", "EX-2").replace("00412^^^NGH^MR", "")
    path = shell.write("batch.hl7", good + bad)
    found = shell.json("hl7", "import", path, "--config", shell.config, code=1)
    rows = found["acknowledgements"]
    assert [(r["acknowledgement_code"], r["message_control_id"]) for r in rows] == [("AA", "EX-1"), ("AE", "EX-2")]  # type: ignore[attr-defined,index]
    assert rows[1]["error"].startswith("PID^1^3 / 101")  # type: ignore[index]
    empty = shell.write("empty.hl7", "nothing here")
    assert "no HL7 message" in shell.run("hl7", "import", empty, "--config", shell.config, code=3).stderr


@pytest.mark.parametrize(
    ("line", "said"),
    [("port = 99999", "http.port"), ("prot = 1", "http.prot"), ('port = "a"', "http.port"), ("port =", "line")],
)
def test_a_broken_configuration_names_the_field(shell: Shell, line: str, said: str) -> None:
    path = shell.write("broken.toml", f"[http]\n{line}\n")
    assert said in shell.run("sites", "list", "--config", path, code=2).stderr


def a_folder_site(shell: Shell) -> Path:
    folder = shell.folder / "files"
    folder.mkdir()
    with shell.config.open("a") as stream:
        stream.write(f'\n[sites.archive]\nprotocol = "folder"\npath = "{folder}"\nindex_file = "index.db"\n')
    shell.run("db", "upgrade", "--config", shell.config)
    return folder


def test_index_reads_a_sites_folder_once_and_names_what_it_could_not_read(shell: Shell) -> None:
    folder = a_folder_site(shell)
    for file in instances():
        file.save_as(folder / f"{file.SOPInstanceUID}.dcm", enforce_file_format=True)
    found = shell.json("sites", "index", "RDI")
    assert (found["files"], found["read"], found["problems"], found["unassigned"]) == (4, 4, {}, [])
    (folder / "notes.txt").write_text("no image")
    again = shell.json("sites", "index", "RDI", "--problems", "problems.csv", code=1)
    assert (again["files"], again["read"], again["problems"]) == (5, 1, {"not_dicom": 1})
    assert shell.table("problems.csv") == [{"path": "notes.txt", "reason": "not_dicom"}]


def test_index_refuses_sites_that_are_no_folder_and_says_when_the_folder_is_gone(shell: Shell) -> None:
    folder = a_folder_site(shell)
    assert "is no folder" in shell.run("sites", "index", "NGH", code=3).stderr
    assert "no site XYZ" in shell.run("sites", "index", "XYZ", code=3).stderr
    folder.rmdir()
    assert "folder_missing" in shell.run("sites", "index", "RDI", code=4).stderr
