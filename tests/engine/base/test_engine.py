"""The engine's version and digest, its manifest, and that every run says which engine filled it."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import mlflow
import pytest
from click.testing import CliRunner
from conftest import PROJECT, Job, run

import reprise
from reprise.base import engine, tag
from reprise.cli.commands import cli
from reprise.doctor import project_check as doctor_engine
from reprise.proof.circumstances import _engine as compared
from reprise.proof.outcome import Finding, Match, Reproduction, ReproductionOutcome

RENEW = "python -m reprise.base.engine --write"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the engine, to edit at will."""
    folder = tmp_path / "copy/reprise"
    shutil.copytree(PROJECT / "reprise", folder, ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run([sys.executable, "-m", "reprise.base.engine", "--write"], cwd=folder.parent, check=True)
    return folder


def identified(package: Path) -> engine.Engine:
    return engine.identify(package, "1.2.3")


@pytest.fixture
def edited(monkeypatch: pytest.MonkeyPatch) -> engine.Engine:
    """Let this very engine have been edited."""
    found = engine.Engine(
        reprise.__version__, "e" * 64, ("a.py (changed)", "b.py (added)", "c.py (missing)", "d (added)")
    )
    monkeypatch.setattr(engine, "this", lambda: found)
    monkeypatch.setattr("reprise.store.provenance.this", lambda: found)
    return found


def test_the_manifest_is_that_of_the_files() -> None:
    edits = engine.identify(PROJECT / "reprise", "").edited
    assert not edits, f"reprise/MANIFEST is stale ({', '.join(edits)}); renew it: {RENEW}"


def test_the_manifest_is_what_sha256sum_writes_and_its_sha256_the_digest(package: Path) -> None:
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", "MANIFEST"], cwd=package, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout
    found = identified(package)
    assert found == engine.Engine("1.2.3", hashlib.sha256((package / "MANIFEST").read_bytes()).hexdigest())
    assert str(found) == f"1.2.3 sha256:{found.digest[:12]}"


def test_what_python_and_editors_leave_behind_is_no_edit(package: Path) -> None:
    (package / "base/__pycache__").mkdir(exist_ok=True)
    for name in ("base/__pycache__/x.pyc", "base/old.pyc", ".DS_Store", "base/.plain.py.swp", "base/terminal.py~"):
        (package / name).touch()
    assert identified(package).edited == ()


def test_what_a_merge_or_a_person_leaves_beside_it_is_no_edit(package: Path) -> None:
    before = identified(package)
    for name in ("base/terminal.py.orig", "base/terminal.py.rej", "notes.txt", "base/todo"):
        (package / name).touch()
    assert identified(package) == before


def test_a_checkout_with_the_line_ends_of_windows_is_the_same_engine(package: Path) -> None:
    before = identified(package)
    for path in package.rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert identified(package) == before


def test_changed_added_and_missing_files_are_named(package: Path) -> None:
    before = identified(package)
    (package / "base/terminal.py").write_text("# changed\n")
    (package / "base/more.py").touch()
    (package / "limits.so").touch()
    (package / "base/paths.py").unlink()
    found = identified(package)
    assert found.edited == (
        *("base/more.py (added)", "base/paths.py (missing)", "base/terminal.py (changed)", "limits.so (added)"),
    )
    assert found.few() == "base/more.py (added), base/paths.py (missing), base/terminal.py (changed) and 1 more"
    assert found.digest != before.digest
    assert str(found).endswith(" edited")
    (package / "MANIFEST").unlink()
    assert identified(package).edited == ("MANIFEST (missing)",)


def test_a_renamed_file_is_another_engine(package: Path) -> None:
    before = identified(package).digest
    (package / "base/paths.py").rename(package / "base/places.py")
    assert identified(package).digest != before


def test_the_version_is_that_of_the_package_wherever_it_is_asked_for() -> None:
    assert reprise.__version__ == version("reprise") == engine.version_in(PROJECT / "reprise")
    assert tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["dynamic"] == ["version"]
    assert engine.version_in(PROJECT / "tests") is None


def test_a_run_records_the_engine_and_show_prints_it(train: Job) -> None:
    made = train()
    here = engine.this()
    assert made.data.tags[tag.ENGINE] == str(here)
    record = mlflow.artifacts.load_dict(f"runs:/{made.info.run_id}/provenance/provenance.json")
    assert record["engine"] == {"version": here.version, "digest": here.digest, "edited": list(here.edited)}
    assert record["logged"]["tags"][tag.ENGINE] == str(here)
    shown = CliRunner().invoke(cli, ["show", made.info.run_id]).output
    assert re.search(rf"^engine +{re.escape(str(here))}$", shown, re.MULTILINE)


def test_an_edited_engine_is_a_note_at_each_run_and_once_alone(
    train: Job, edited: engine.Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    made = train()
    said = "note: the engine was edited: a.py (changed), b.py (added), c.py (missing) and 1 more; the run records that"
    assert capsys.readouterr().err.count(said) == 1
    assert made.data.tags[tag.ENGINE] == f"{reprise.__version__} sha256:{'e' * 12} edited"


def test_doctor_names_what_was_edited(edited: engine.Engine) -> None:
    (found,) = doctor_engine.examine_engine()
    assert (found.level, found.details) == ("warn", edited.edited)
    assert RENEW in str(found.remedy)


def test_doctor_says_which_engine_acts(tmp_path: Path) -> None:
    done = run("reprise", "doctor", cwd=tmp_path)
    assert f"engine        {engine.this()}" in done.stdout
    assert str(PROJECT / "reprise") in done.stdout


RESULT = Finding("results", "accuracy", Match.EQUAL, 1.0, 1.0)
ONE = engine.Engine("0.1.0", "1" * 64)


def verdict(recorded: engine.Engine | None, again: engine.Engine | None) -> Reproduction:
    return Reproduction("1", "2", None, None, (*compared(recorded, again), RESULT))


def test_the_same_engine_reproduces() -> None:
    assert verdict(ONE, ONE).outcome is ReproductionOutcome.REPRODUCED


def test_a_run_of_before_engines_were_recorded_has_nothing_to_compare() -> None:
    assert verdict(None, ONE) == verdict(None, None)
    assert verdict(None, ONE).findings == (RESULT,)


@pytest.mark.parametrize("other", [engine.Engine("0.2.0", "1" * 64), engine.Engine("0.1.0", "2" * 64), None])
def test_another_engine_is_named_as_what_differs(other: engine.Engine | None) -> None:
    found = verdict(ONE, other)
    assert found.outcome is ReproductionOutcome.DIVERGED
    assert found.reason.startswith(f"environment: engine 0.1.0 sha256:{'1' * 64}, again ")


def test_a_verdict_on_a_run_of_an_edited_engine_says_so() -> None:
    changed = engine.Engine("0.1.0", "2" * 64, ("base/terminal.py (changed)",))
    assert verdict(changed, changed).outcome is ReproductionOutcome.REPRODUCED
    assert (
        "engine as released is not compared (the run's own was edited: base/terminal.py"
        in verdict(changed, changed).table()
    )
    assert "(edited then: base/terminal.py (changed))" in verdict(changed, ONE).reason


@pytest.mark.parametrize("record", [None, [], {}, {"version": 1, "digest": "x", "edited": []}, {"version": "1"}])
def test_another_record_is_none_of_an_engine(record: object) -> None:
    assert engine.parse(record) is None
    assert engine.parse(json.loads(json.dumps(ONE.record()))) == ONE
