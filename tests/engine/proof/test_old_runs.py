"""Runs recorded by an earlier commit's own code, reproduced and judged by today's, also where that defines otherwise.

What a run recorded is compared with what its rerun records. No check depends on how today's code defines a metric,
splits a table or reads it.
"""

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import mlflow
import pandas as pd
import pytest
from conftest import ENTRY_POINTS, PROJECT, copy_project, environment, invoke, run, work_in

import reprise.base.project
import reprise.data.fingerprint
import reprise.data.holdout
import reprise.models.held_out
from reprise.base.errors import Irreproducible, JobFailed, WrongCall
from reprise.data.table import read_table
from reprise.models import logged_model
from reprise.proof import reproduction
from reprise.proof.outcome import Match, Reproduction
from reprise.proof.preparation import prepare
from reprise.proof.registered_versions import subject
from reprise.store import seal
from reprise.store.recorded import read
from reprise.task.evaluation import Evaluation

COMMIT = "79cfb7186e8d072889432c8f8518d803a0d5133b"
"""The commit that records. It wrote no digest of a table's bytes."""

JOBS = ("exact", "approximate", "gaps", "patched", "tune", "winner", "evaluate")


@dataclass(frozen=True)
class Old:
    """A store with runs of the earlier commit.

    Attributes:
        folder: it holds `then`, that commit's checkout, `today`, this project's, and `people.csv`.
        uri: of the store.
        experiment: of the runs.
        runs: job -> run id.
    """

    folder: Path
    uri: str
    experiment: str
    runs: dict[str, str]

    @property
    def table(self) -> Path:
        return self.folder / "people.csv"


def people() -> pd.DataFrame:
    """Make a table with categories, gaps, and a number that decides."""
    rows = pd.DataFrame({"age": range(120), "town": ["Rome", "Oslo", None, "Bonn"] * 30, "member": [True, False] * 60})
    rows["height"] = [None if row % 9 == 4 else row * 7 % 11 + 0.5 for row in range(120)]
    return rows.assign(target=["yes" if row * 13 % 120 > 50 else "no" for row in range(120)])


@pytest.fixture(scope="module")
def old(empty_store: Path, waiting_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Old:
    """Record with the code of the earlier commit, in a clone of this repository."""
    if sys.version_info[:2] != (3, 11):
        pytest.skip(f"commit {COMMIT} locks Python 3.11")
    if subprocess.run(["git", "-C", PROJECT, "cat-file", "-e", COMMIT], check=False, capture_output=True).returncode:
        pytest.skip(f"this clone lacks commit {COMMIT}, as a shallow one does; fetch the whole history")
    folder = tmp_path_factory.mktemp("old")
    then = folder / "then"
    subprocess.run(["git", "clone", "--quiet", "--no-checkout", PROJECT, then], check=True)
    subprocess.run(["git", "-C", then, "checkout", "--quiet", "--detach", COMMIT], check=True)
    copy_project(folder / "today")
    people().to_csv(folder / "people.csv", index=False)
    shutil.copy(empty_store, folder / "mlflow.db")
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    client = mlflow.MlflowClient(uri)
    experiment = client.create_experiment("old", artifact_location=str(folder / "artifacts"))

    def job(script: str, *arguments: str) -> str:
        variables = environment(MLFLOW_TRACKING_URI=uri, MLFLOW_EXPERIMENT_ID=experiment)
        done = subprocess.run(
            [waiting_python / "python", script, *arguments],
            cwd=then,
            env=variables,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        named = f"tags.`reprise.job` = '{Path(script).stem}'"
        return str(client.search_runs([experiment], named, order_by=["attributes.start_time DESC"])[0].info.run_id)

    runs = {
        "exact": job("train.py", "--solver", "exact"),
        "approximate": job("train.py", "--data", "wine", "--solver", "approximate"),
        "gaps": job("train.py", "--data", str(folder / "people.csv")),
        "tune": job("tune.py", "--trials", "2", "--folds", "2", "--n-jobs", "1"),
    }
    runs["winner"] = client.get_run(runs["tune"]).data.tags["reprise.tune.winner"]
    runs["evaluate"] = job("evaluate.py", "--model", f"runs:/{runs['exact']}/model", "--champion", "none")
    (then / "README.md").write_text("changed, and not committed\n")
    runs["patched"] = job("train.py", "--seed", "2")
    return Old(folder, uri, experiment, runs)


@pytest.fixture
def here(old: Old, monkeypatch: pytest.MonkeyPatch, quick_python: None) -> Old:
    """Work with that store, in this process and in this project's checkout."""
    for name in [name for name in os.environ if name.startswith(("MLFLOW_", "REPRISE_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", old.experiment)
    monkeypatch.setenv("REPRISE_CACHE", str(old.folder / "cache"))
    work_in(old.folder / "today", monkeypatch)
    monkeypatch.chdir(old.folder)
    mlflow.set_tracking_uri(old.uri)
    mlflow.tracking.fluent._active_experiment_id = None  # noqa: SLF001
    return old


Reproduce = Callable[[str], Reproduction]
Judge = Callable[..., pd.DataFrame]


@pytest.fixture
def reproduce(here: Old) -> Reproduce:
    """Reproduce one of the old runs in this process."""
    return lambda job: reproduction.reproduce(
        subject(here.runs[job]), "recorded", "local", here.experiment, lambda _: None
    )


@pytest.fixture
def judge(here: Old) -> Judge:
    """Judge the model of an old run in this process, and return the predictions."""
    evaluate = ENTRY_POINTS["evaluate"]

    def call(job: str, *arguments: str) -> pd.DataFrame:
        made = invoke(evaluate, "--model", f"runs:/{here.runs[job]}/model", "--champion", "none", *arguments)
        assert made.data.tags["reprise.evaluates.run_id"] == here.runs[job]
        return predictions(made.info.run_id)

    return call


def predictions(run_id: str) -> pd.DataFrame:
    return pd.read_parquet(mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path="predictions.parquet"))


@pytest.fixture
def other_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let today's metrics mean something else."""
    names = ("accuracy", "balanced_accuracy", "f1_macro", "roc_auc")
    monkeypatch.setattr(Evaluation, "metrics", property(lambda _: dict.fromkeys(names, 0.125)))


@pytest.fixture
def other_split(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let today's code hold out other rows for the same seed."""
    split = vars(reprise.data.holdout)["train_test_split"]
    other = lambda *arrays, random_state, **rest: split(*arrays, random_state=random_state + 1, **rest)  # noqa: E731
    monkeypatch.setattr(reprise.data.holdout, "train_test_split", other)


@pytest.fixture
def other_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let today's code make another fingerprint of the same table."""
    monkeypatch.setattr(reprise.data.fingerprint, "VERSION", b"another")


@pytest.mark.integration
@pytest.mark.parametrize("job", JOBS)
def test_a_run_of_an_earlier_commit_is_reproduced(job: str, reproduce: Reproduce) -> None:
    verdict = reproduce(job)
    assert verdict.outcome.exit_code == 0, verdict.table()
    assert verdict.reason == "bit for bit, in all that was compared"
    assert not [finding for finding in verdict.findings if finding.match == Match.DIFFERENT]


@pytest.mark.integration
def test_the_command_ends_with_0(old: Old) -> None:
    command = ("python", "-m", "reprise", "reproduce", old.runs["gaps"], "--env-manager", "local")
    variables = {"MLFLOW_TRACKING_URI": old.uri, "REPRISE_CACHE": str(old.folder / "cache")}
    done = run(*command, "--rerun-env-manager", "local", cwd=old.folder / "today", **variables)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "reproduced: bit for bit" in done.stdout


@pytest.mark.integration
@pytest.mark.usefixtures("other_metrics", "other_split", "other_reader")
def test_it_is_reproduced_where_today_defines_metrics_splits_and_reads_otherwise(
    reproduce: Reproduce, capfd: pytest.CaptureFixture[str]
) -> None:
    """The old run kept no digest of its table, so its own code decides."""
    verdict = reproduce("gaps")
    assert verdict.outcome.exit_code == 0, verdict.table()
    said = capfd.readouterr().err
    assert "today's code says so, and the run recorded no digest of the bytes, so its own code decides" in said
    assert "the data is as recorded, by the fingerprint that the code of the commit makes" in said


@pytest.mark.integration
def test_a_table_that_did_change_is_named_all_the_same(reproduce: Reproduce, here: Old) -> None:
    people().assign(age=1).to_csv(here.table, index=False)
    try:
        verdict = reproduce("gaps")
    finally:
        people().to_csv(here.table, index=False)
    assert verdict.outcome.exit_code == 3, verdict.table()
    assert "the data has changed" in verdict.reason
    assert "values differ in 'age', and in no other of 5 columns" in verdict.reason


@pytest.mark.integration
@pytest.mark.usefixtures("other_split")
@pytest.mark.parametrize("job", ["gaps", "exact"])
def test_an_old_model_is_judged_on_the_very_rows_that_it_held_out(job: str, judge: Judge, here: Old) -> None:
    pd.testing.assert_frame_equal(judge(job), predictions(here.runs[job]))


@pytest.mark.integration
@pytest.mark.usefixtures("other_split")
def test_of_a_table_that_is_named_they_are_taken_as_well(judge: Judge, here: Old) -> None:
    people().to_parquet(here.folder / "copy.parquet")
    rows = judge("gaps", "--data", str(here.table))
    assert list(rows["row"]) == list(predictions(here.runs["gaps"])["row"])
    champion = logged_model.load(f"runs:/{here.runs['gaps']}/model")
    held_out = reprise.models.held_out.held_out_by(champion, read_table(str(here.table)))
    assert held_out is not None
    assert list(held_out) == list(rows["row"])


@pytest.mark.integration
@pytest.mark.usefixtures("other_split")
def test_where_today_refuses_the_columns_the_model_knows_them(
    judge: Judge, here: Old, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object, **_options: object) -> None:
        raise WrongCall("no such column today")

    monkeypatch.setattr(reprise.models.held_out, "make_dataset", refuse)
    pd.testing.assert_frame_equal(judge("gaps"), predictions(here.runs["gaps"]))
    assert "they are taken by their numbers in predictions.parquet of run" in capsys.readouterr().err


@pytest.mark.integration
@pytest.mark.usefixtures("other_reader")
def test_a_bundled_table_of_the_same_release_is_the_same_however_it_is_read(
    judge: Judge, here: Old, capsys: pytest.CaptureFixture[str]
) -> None:
    pd.testing.assert_frame_equal(judge("exact"), predictions(here.runs["exact"]))
    assert (
        "data 'iris' has the recorded bytes, which today's code reads otherwise: fingerprint" in capsys.readouterr().err
    )


@pytest.mark.integration
@pytest.mark.usefixtures("other_reader")
def test_of_a_file_without_a_recorded_digest_it_is_said_that_nobody_can_tell(judge: Judge) -> None:
    with pytest.raises(JobFailed, match="data that changed cannot be told from a reader that did"):
        judge("gaps")


@pytest.mark.integration
def test_a_tag_that_is_sealed_since_is_not_missed_in_an_old_record(
    here: Old, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = read(mlflow.get_run(here.runs["exact"]), tmp_path)
    assert "mlflow.user" in recorded.tags
    monkeypatch.setattr(seal, "SEALED", (*seal.SEALED, "mlflow.user"))
    found = reproduction.check(recorded, recorded, None)
    assert not [finding.name for finding in found if finding.match == Match.DIFFERENT]


class TestARunThatRecordsTheBytes:
    """A training run of today's code on a file, read by a later one."""

    @pytest.fixture
    def made(self, here: Old, tmp_path: Path) -> mlflow.entities.Run:
        train = ENTRY_POINTS["train"]
        assert mlflow.get_tracking_uri() == here.uri
        people().to_csv(tmp_path / "rows.csv", index=False)
        return invoke(train, "--data", str(tmp_path / "rows.csv"))

    def test_the_same_bytes_are_the_same_table_however_they_are_read(
        self, here: Old, made: mlflow.entities.Run, tmp_path: Path, judge: Judge, request: pytest.FixtureRequest
    ) -> None:
        here.runs["new"] = made.info.run_id
        rows = predictions(made.info.run_id)
        recorded = read(mlflow.get_run(made.info.run_id), tmp_path / "recorded")
        request.getfixturevalue("other_reader")
        plan = prepare(recorded, "recorded", "local", here.experiment)
        assert (plan.replaced, plan.doubt) == ({}, None)
        pd.testing.assert_frame_equal(judge("new"), rows)
        (tmp_path / "rows.csv").write_text((tmp_path / "rows.csv").read_text().replace("Oslo", "Olso", 1))
        with pytest.raises(Irreproducible, match=r"the data has changed: .* has the fingerprint"):
            prepare(recorded, "recorded", "local", here.experiment)
        with pytest.raises(JobFailed, match=r"is not what run [0-9a-f]+ recorded: fingerprint"):
            judge("new")

    def test_other_bytes_with_the_same_content_are_the_same_table(
        self, here: Old, made: mlflow.entities.Run, tmp_path: Path
    ) -> None:
        (tmp_path / "rows.csv").write_text((tmp_path / "rows.csv").read_text().replace("\n", "\r\n"))
        plan = prepare(
            read(mlflow.get_run(made.info.run_id), tmp_path / "recorded"), "recorded", "local", here.experiment
        )
        assert (plan.replaced, plan.doubt) == ({}, None)

    def test_rows_that_nobody_kept_are_split_anew_and_that_is_said(
        self, here: Old, made: mlflow.entities.Run, judge: Judge, capsys: pytest.CaptureFixture[str]
    ) -> None:
        here.runs["new"] = made.info.run_id
        rows = predictions(made.info.run_id)
        kept = Path(made.info.artifact_uri) / "predictions.parquet"
        rows.iloc[::-1].to_parquet(kept, index=False)
        with pytest.raises(JobFailed, match=r"predictions\.parquet of run [0-9a-f]+ is not what the run logged"):
            judge("new")
        kept.unlink()
        pd.testing.assert_frame_equal(judge("new"), rows)
        assert "has no predictions.parquet that names its held-out rows" in capsys.readouterr().err


def test_no_proof_depends_on_what_today_calls_a_metric_or_a_split() -> None:
    of_today = (
        "reprise.task",
        "reprise.data.dataset",
        "reprise.data.features",
        "reprise.data.holdout",
        "reprise.models.held_out",
    )
    for path in sorted((PROJECT / "reprise/proof").glob("*.py")):
        nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        named = [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
        assert not [name for name in named if name.startswith(of_today)], path
