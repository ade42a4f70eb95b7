"""What a run records, whole and in more than one place, and that honest records agree with themselves."""

import gzip
import hashlib
import sys
from pathlib import Path
from typing import Any

import click
import mlflow
import numpy as np
import pandas as pd
import pytest
from conftest import ENTRY_POINTS, Job, copy_project, invoke, put_store, run, work_in

from reprise.base import display_text, tag
from reprise.base.display_text import TAG_LENGTH
from reprise.data import dataset_inputs
from reprise.governance.verdict import Verdict
from reprise.proof import reproduction
from reprise.proof.consistency import check
from reprise.proof.outcome import Match
from reprise.proof.record_agreement import same
from reprise.proof.stored_run import StoredDataset, StoredRun
from reprise.store import seal
from reprise.store.recorded import read

WIDE = 150
PARAMETERS = display_text.PARAMETER_LENGTH


@pytest.fixture
def wide(tmp_path: Path) -> Path:
    """A table of 150 columns with long names, of which the last decides the label and the others are noise."""
    random = np.random.default_rng(0)
    rows = pd.DataFrame(random.normal(size=(60, WIDE)), columns=names())
    rows["target"] = np.where(rows.iloc[:, -1] > 0, "yes", "no")
    rows.to_csv(tmp_path / "wide.csv", index=False)
    return tmp_path / "wide.csv"


def names() -> list[str]:
    place = "of the vessel on the left of the bench in milligrams per litre and hour as the second sensor gives it"
    return [f"measurement {number:04} {place}" for number in range(WIDE)]


def record_of(made: mlflow.entities.Run) -> dict[str, object]:
    found: dict[str, object] = mlflow.artifacts.load_dict(f"runs:/{made.info.run_id}/provenance/provenance.json")
    return found


def contradictions(made: mlflow.entities.Run, folder: Path) -> list[str]:
    recorded = read(mlflow.get_run(made.info.run_id), folder / made.info.run_id)
    found = reproduction.check(recorded, recorded, None)
    assert found
    return [finding.name for finding in found if finding.match == Match.DIFFERENT]


def test_a_parameter_too_long_for_mlflow_is_whole_in_provenance_json(
    train: Job, wide: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    features = ",".join(names()[1:])
    assert len(features) > PARAMETERS
    made = train("--data", str(wide), "--features", features)
    assert made.data.params["features"] == features[:PARAMETERS]
    assert record_of(made)["parameters"]["features"] == features  # type: ignore[index]
    said = f"features has {len(features)} characters, of which MLflow keeps {PARAMETERS}"
    assert made.data.tags["reprise.parameters.cut"] == said
    assert f"note: parameter {said}; provenance.json has it whole" in capsys.readouterr().err
    assert made.data.metrics["columns"] == WIDE - 1
    assert read(mlflow.get_run(made.info.run_id), tmp_path / "recorded").parameters["features"] == features
    assert contradictions(made, tmp_path) == []


def test_a_schema_too_long_for_mlflow_is_left_out_and_said(
    train: Job, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(dataset_inputs, "SCHEMA_LENGTH", 100)
    made = mlflow.get_run(train().info.run_id)
    assert {item.dataset.schema for item in made.inputs.dataset_inputs} == {None}
    assert "note: the schema of the train rows has 3" in capsys.readouterr().err
    assert len(record_of(made)["data"]["columns"]) == 5  # type: ignore[index]


def test_a_search_by_many_features_can_be_resumed(tune: Job, wide: Path, tmp_path: Path) -> None:
    """Its settings stand in a tag, which holds less than a parameter does."""
    few = ("--data", str(wide), "--features", ",".join(names()), "--folds", "2", "--n-jobs", "1", "--trials")
    first = tune(*few, "2")
    again = tune(*few, "2", "--resume", first.info.run_id)
    assert again.data.metrics["best_cv_accuracy"] == first.data.metrics["best_cv_accuracy"]
    assert contradictions(again, tmp_path) == []
    with pytest.raises(click.ClickException, match=r"searched with features 'sha256:[0-9a-f]{64}', not 'all'"):
        tune("--data", str(wide), "--folds", "2", "--trials", "2", "--resume", first.info.run_id)


@pytest.mark.integration
@pytest.mark.usefixtures("quick_python")
def test_a_run_with_a_long_parameter_is_reproduced(wide: Path, tmp_path: Path) -> None:
    """Under `mlflow run`, which logs and cuts it before the job sees it, in quotes."""
    folder, features = copy_project(tmp_path / "project"), ",".join(names()[:-1])
    put_store(tmp_path)
    store = {"MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path / 'mlflow.db'}", "REPRISE_CACHE": str(tmp_path / "cache")}
    started = run(
        "mlflow", "run", folder, "--env-manager", "local", "-P", f"data={wide}", "-P", f"features={features}",
        cwd=tmp_path, **store,
    )  # fmt: skip
    assert started.returncode == 0, started.stderr
    mlflow.set_tracking_uri(store["MLFLOW_TRACKING_URI"])
    (made,) = mlflow.search_runs(search_all_experiments=True, output_format="list")
    assert made.data.params["features"] == f"'{features}"[:PARAMETERS]
    assert made.data.metrics["columns"] == WIDE - 1
    local = ("--env-manager", "local", "--rerun-env-manager", "local")
    done = run("python", "-m", "reprise", "reproduce", made.info.run_id, *local, cwd=folder, **store)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "reproduced: bit for bit" in done.stdout


@pytest.mark.integration
@pytest.mark.usefixtures("quick_python")
def test_runs_by_mlflow_and_at_a_commit_agree_with_themselves(tmp_path: Path) -> None:
    """Quoted parameters, a path with blanks, a patch that the backend carries, numbers written otherwise."""
    folder = copy_project(tmp_path / "project")
    (folder / "README.md").write_text("changed\n")
    rows = pd.DataFrame({"it's, a": range(120), "b": [row * 7 % 11 for row in range(120)]})
    table = tmp_path / "own 'people'.csv"
    rows.assign(target=["yes" if row > 57 else "no" for row in range(120)]).to_csv(table, index=False)
    put_store(tmp_path)
    store = {"MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path / 'mlflow.db'}", "REPRISE_CACHE": str(tmp_path / "cache")}
    data = ["-P", f"data={table}", "-P", "test_size=.30", "-P", """features="it's, a",b"""]
    for more in (
        [*data, "-P", "seed=1"],
        [*data, "-P", "seed=1", "-b", "commit", "--backend-config", '{"patch": true}'],
        [*data, "-e", "tune", "-P", "trials=2", "-P", "folds=2"],
        ["-e", "evaluate"],
    ):
        done = run("mlflow", "run", folder, "--env-manager", "local", *more, cwd=tmp_path, **store)
        assert done.returncode == 0, done.stderr
    mlflow.set_tracking_uri(store["MLFLOW_TRACKING_URI"])
    found = mlflow.search_runs(search_all_experiments=True, output_format="list")
    jobs = [each for each in found if each.data.tags["reprise.job"] != "trial"]
    assert sorted(each.data.tags["reprise.job"] for each in jobs) == ["evaluate", "train", "train", "train", "tune"]
    assert {each.info.run_id: contradictions(each, tmp_path) for each in jobs} == {
        each.info.run_id: [] for each in jobs
    }


def test_files_metrics_and_tags_stand_in_provenance_json_and_its_digest_in_a_tag(train: Job) -> None:
    made = train()
    logged = record_of(made)["logged"]
    folder = Path(made.info.artifact_uri)
    files = {name: seal.sha256(path) for name, path in seal.files(folder)}
    own = files.pop("provenance/provenance.json")
    assert logged["files"] == files  # type: ignore[index]
    assert {"scaler.gz", "predictions.parquet", "per_class.csv", "provenance/conda.yaml"} <= set(files)
    assert logged["metrics"] == made.data.metrics  # type: ignore[index]
    assert logged["tags"].items() <= made.data.tags.items()  # type: ignore[index]
    assert made.data.tags[tag.PROVENANCE_SHA256] == own
    model_id = mlflow.get_run(made.info.run_id).outputs.model_outputs[0].model_id
    assert mlflow.get_logged_model(model_id).params[tag.PROVENANCE_SHA256] == own


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("1", "1.0", True),
        (0.1 + 0.2, 0.3, True),
        (0.5, 0.5000001, False),
        ("nan", float("nan"), True),
        (float("inf"), 1.7976931348623157e308, True),
        (float("inf"), -1.7976931348623157e308, False),
        ("scale", "auto", False),
        ("wine", None, False),
        (0.0, 1e-300, False),
    ],
)
def test_numbers_agree_by_their_meaning(one: object, other: object, expected: bool) -> None:  # noqa: FBT001
    assert same(one, other) is expected


OLD = {
    "format": 1,
    "git": {"commit": "a" * 40, "branch": None, "repository": None, "subdirectory": "", "dirty": False,
            "patch": {"state": "none", "left_out": {}}},
    "environment": {"lock_sha256": "b" * 64, "matches_lock": True},
    "command": ["train.py", "--data=iris", "--test-size", "0.25", "--features=a b"],
    "data": {"fingerprint": "c" * 64, "train": {"fingerprint": "d" * 64, "rows": 30},
             "test": {"fingerprint": "e" * 64, "rows": 10}},
}  # fmt: skip


def old(**changed: object) -> StoredRun:
    tags = {
        "mlflow.source.git.commit": "a" * 40,
        "mlflow.source.git.branch": "main",  # a backend's; the job's own clone has none
        "mlflow.source.git.dirty": "false",
        "reprise.patch": "none",
        "reprise.environment.lock": "b" * 64,
        "reprise.environment.matches": "true",
        "reprise.data.fingerprint": "c" * 64,
    }
    honest: dict[str, object] = {
        "run_id": "1",
        "by_mlflow_run": True,
        "tags": tags,
        "parameters": {"data": "iris", "test_size": "0.250", "features": "'a b'"},
        "metrics": {"rows": 40.0, "test_accuracy": 0.5},
        "histories": {"rows": (40.0,), "test_accuracy": (0.5,)},
        "datasets": {
            "train": (StoredDataset("iris", "d" * 36, "d" * 64),),
            "test": (StoredDataset("iris", "e" * 36, None),),
        },
    }
    return StoredRun(**{**honest, **changed})  # type: ignore[arg-type]


LOCKED: Any = {**OLD, "environment": {"matches_lock": True}}


def test_an_old_record_is_checked_in_what_it_says_twice_and_the_rest_is_said() -> None:
    found = check(old(), LOCKED)
    assert {finding.match for finding in found} == {Match.EQUAL, Match.SKIPPED}
    (skipped,) = (finding for finding in found if finding.match == Match.SKIPPED)
    assert "recorded before runs sealed them" in skipped.note


honest_test = (StoredDataset("iris", "e" * 36, None),)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"parameters": {"data": "wine"}}, "parameter data"),
        ({"parameters": {"features": "'a c'"}}, "parameter features"),
        ({"metrics": {"rows": 41.0}}, "metric rows"),
        ({"histories": {"test_accuracy": (0.4, 0.5)}}, "history of test_accuracy"),
        ({"datasets": {"train": (StoredDataset("iris", "0" * 36, None),), "test": honest_test}}, "data set train"),
        ({"files": {"provenance/patch.diff": "0"}}, "provenance/patch.diff"),
        ({"tags": {**old().tags, "reprise.data.fingerprint": "0" * 64}}, "tag reprise.data.fingerprint"),
        ({"tags": {**old().tags, "mlflow.source.git.commit": "0" * 40}}, "tag mlflow.source.git.commit"),
        ({"models": {"m-1": None}}, "model m-1"),
    ],
)  # fmt: skip
def test_an_old_record_that_contradicts_itself_is_named(changed: dict[str, object], named: str) -> None:
    found = check(old(**changed), LOCKED)
    assert [finding.name for finding in found if finding.match == Match.DIFFERENT] == [named]


@pytest.mark.parametrize("listed", [5, [], None, "reprise.job", {"a": 1}, ["reprise.job", 5]])
def test_a_list_of_sealed_tags_that_is_none_switches_no_check_off(listed: object) -> None:
    assert seal.sealed_tags({"sealed": listed}) == seal.sealed_tags({}) == set(seal.SEALED_AT_FIRST)
    assert seal.sealed_tags({"sealed": ["new"]}) == {*seal.SEALED_AT_FIRST, "new"}


def test_a_tag_of_a_later_day_is_not_missed_in_a_record_that_lists_none() -> None:
    assert tag.ENGINE in seal.SEALED
    assert tag.ENGINE not in seal.sealed_tags({})


def test_a_run_of_another_project_has_nothing_to_check() -> None:
    assert check(StoredRun("1", tags={"mlflow.source.git.commit": "a" * 40}), {}) == ()


def test_a_lock_with_the_line_ends_of_windows_is_the_same() -> None:
    text = b"dependencies:\n"
    record: Any = {**OLD, "environment": {"lock_sha256": hashlib.sha256(text).hexdigest()}}
    tags = {**old().tags, "reprise.environment.lock": record["environment"]["lock_sha256"]}
    for lock in (text, text.replace(b"\n", b"\r\n")):
        assert not [each for each in check(old(lock=lock, tags=tags), record) if each.match == Match.DIFFERENT]
    assert [each for each in check(old(lock=b"other", tags=tags), record) if each.match == Match.DIFFERENT]


def test_a_text_that_is_cut_for_a_tag_says_so() -> None:
    text = "x" * 9000
    verdict = Verdict("refused", "1", "p", "m", "d", "none", text)
    kept = verdict.tags()["reprise.verdict.reasons"]
    assert len(kept) == TAG_LENGTH
    assert kept.endswith("… (cut, 9000 characters in all)")
    assert verdict.reasons == text
    assert display_text.in_tag("x" * 5000) == "x" * 5000


def test_a_trial_is_reproduced_with_its_search(
    tune: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: str
) -> None:
    command = ENTRY_POINTS["reproduce"]

    folder = copy_project(tmp_path / "checkout")
    work_in(folder, monkeypatch)
    for name in ("model", "train"):  # of this project, which a process of that one would not have
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setenv("REPRISE_CACHE", str(tmp_path / "cache"))
    search = tune("--trials", "2", "--folds", "2", "--n-jobs", "1")
    under = f"tags.`mlflow.parentRunId` = '{search.info.run_id}' and tags.`reprise.job` = 'trial'"
    trials = mlflow.search_runs(filter_string=under, output_format="list")
    invoke(command, "--run", trials[0].info.run_id, "--env-manager", "local")
    verdict = mlflow.artifacts.load_dict(f"runs:/{mlflow.last_active_run().info.run_id}/reproduction.json")
    assert verdict["verdict"] == "reproduced"
    again = mlflow.get_run(verdict["rerun_id"])
    assert again.data.params == trials[0].data.params
    assert again.data.tags["reprise.tune.candidate"] == trials[0].data.tags["reprise.tune.candidate"]
    assert again.info.run_id != trials[0].info.run_id
    compared = {finding["name"] for finding in verdict["findings"] if finding["area"] == "results"}
    assert "cv_accuracy" in compared
    with pytest.raises(click.ClickException, match=f"the run is a trial of search {search.info.run_id}"):
        invoke(command, "--run", trials[0].info.run_id, "--commits", "HEAD~1..HEAD", "--env-manager", "local")


def test_a_file_has_one_digest_packed_and_unpacked_by_the_way_it_came(tmp_path: Path) -> None:
    """A server that calls a .gz file packed lets its client unpack it."""
    content = bytes(range(256)) * 10_000
    packed = gzip.compress(content)

    def digest(data: bytes) -> str:
        (tmp_path / "scaler.gz").write_bytes(data)
        return seal.sha256(tmp_path / "scaler.gz")

    assert digest(packed) == digest(content) == hashlib.sha256(content).hexdigest()
    assert digest(packed[:-9]) == hashlib.sha256(packed[:-9]).hexdigest()
    assert digest(gzip.compress(content[:-1])) != digest(packed)
