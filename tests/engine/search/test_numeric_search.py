"""`tune` over a table whose target holds numbers."""

import json
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from conftest import PROJECT, Job, reproduced
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes
from sklearn.model_selection import GridSearchCV, KFold, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR

from reprise.base import tag
from reprise.base.errors import WrongCall
from reprise.base.task import Task
from reprise.data.dataset import make_dataset
from reprise.data.holdout import hold_out
from reprise.data.source import Source
from reprise.data.split_column import parse, read_split_column
from reprise.data.table import Table
from reprise.proof.search_trials import check_search
from reprise.proof.stored_run import StoredRun
from reprise.search.folds import make_folds
from reprise.search.scorer import metric_for

SMALL = ("--search", "grid", "--n-jobs", "1", "--folds", "3")


@pytest.fixture
def diabetes(tmp_path: Path) -> tuple[str, ...]:
    """Options of scikit-learn's table of diabetes, and a small grid beside it."""
    (tmp_path / "search_space.yaml").write_text("C: [0.1, 1]\nkernel: [rbf, linear]\n")
    load_diabetes(as_frame=True).frame.to_parquet(tmp_path / "diabetes.parquet")
    return "--data", str(tmp_path / "diabetes.parquet")


def test_scores_and_winner_are_those_of_grid_search_cv(tune: Job, diabetes: tuple[str, ...]) -> None:
    run = tune(*diabetes, *SMALL)
    frame = pd.read_parquet(diabetes[1])
    training, _ = train_test_split(frame, test_size=0.25, random_state=0)
    regressor = TransformedTargetRegressor(SVR(), transformer=StandardScaler())
    theirs = GridSearchCV(
        make_pipeline(StandardScaler(), regressor),
        {f"transformedtargetregressor__regressor__{name}": values for name, values in
         {"C": [0.1, 1], "kernel": ["rbf", "linear"]}.items()},
        cv=KFold(3, shuffle=True, random_state=0),
    ).fit(training.drop(columns="target"), training["target"])  # fmt: skip
    trials = pd.read_csv(mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="trials.csv"))
    np.testing.assert_allclose(trials["mean"], theirs.cv_results_["mean_test_score"])
    assert run.data.metrics["best_cv_r2"] == pytest.approx(theirs.best_score_)
    assert run.data.tags["reprise.task"] == "regression"
    winner = mlflow.get_run(run.data.tags["reprise.tune.winner"])
    assert winner.data.params["task"] == "auto"
    assert winner.data.metrics["test_r2"] > 0.2

    old = json.loads(run.data.tags["reprise.tune.settings"])
    assert (old["task"], old["metric"]) == ("regression", "r2")
    with pytest.raises(WrongCall, match="searched with metric 'r2', not 'neg_max_error'"):
        tune(*diabetes, *SMALL, "--metric", "neg_max_error", "--resume", run.info.run_id)


@pytest.mark.integration
def test_a_search_is_reproduced(tune: Job, diabetes: tuple[str, ...], quick_python: None) -> None:
    space = str(PROJECT / "search_space.yaml")
    run = tune(*diabetes, "--trials", "3", "--n-jobs", "1", "--folds", "3", "--space", space)
    verdict = reproduced(run)
    assert verdict["verdict"] == "reproduced", verdict


def test_halving_takes_rows_without_classes(tune: Job, diabetes: tuple[str, ...]) -> None:
    run = tune(*diabetes, "--search", "halving", "--trials", "4", "--n-jobs", "1", "--folds", "3")
    trials = pd.read_csv(mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="trials.csv"))
    assert trials["rows"].tolist() == [110, 110, 110, 110, 330, 330]


def test_a_search_of_an_earlier_version_was_of_classes(tune: Job, diabetes: tuple[str, ...]) -> None:
    run = tune(*SMALL)
    settings = json.loads(run.data.tags[tag.TUNE_SETTINGS])
    del settings["task"]
    mlflow.MlflowClient().set_tag(run.info.run_id, tag.TUNE_SETTINGS, json.dumps(settings))
    assert tune(*SMALL, "--metric", "accuracy", "--resume", run.info.run_id).info.status == "FINISHED"


@pytest.mark.parametrize(
    ("metric", "task", "found"),
    [
        ("auto", "classification", "accuracy"),
        ("auto", "regression", "r2"),
        ("neg_max_error", "regression", "neg_max_error"),
    ],
)
def test_auto_is_the_usual_metric_of_the_task(metric: str, task: Task, found: str) -> None:
    assert metric_for(metric, task) == found


def test_a_metric_of_classes_is_refused_for_numbers() -> None:
    with pytest.raises(WrongCall, match="'accuracy' is for classification, and the task is regression; use r2 or"):
        metric_for("accuracy", "regression")
    assert metric_for("neg_max_error", "classification") == "neg_max_error", "of classes that are numbers"


def test_trials_are_checked_by_the_metric_that_auto_was() -> None:
    settings = json.dumps({"metric": "r2"})
    stored = StoredRun("a" * 32, parameters={"metric": "auto"}, tags={tag.TUNE_SETTINGS: settings})
    row = {"candidate": "0", "rung": "0", "mean": "0.5", "run_id": "none"}
    (finding,) = check_search(stored, [row], {})
    assert finding.note == "its run is gone"


def test_folds_of_groups_and_times_need_no_classes() -> None:
    rows = 60
    frame = pd.DataFrame({"x": np.arange(rows) % 7, "g": np.arange(rows) % 6, "y": np.linspace(0, 1, rows)})
    table = Table(frame, Source("file", "t.csv", "/t.csv"), "0" * 64)
    for kind in ("group", "time"):
        dataset = make_dataset(table, "y", aside=("g",))
        by = read_split_column(parse(f"{kind}:g"), frame, dataset.y.index, "y")
        parts = hold_out(dataset, 0.3, 0, by)
        assert set(frame["g"][parts.training.y.index]).isdisjoint(frame["g"][parts.held_out.y.index])
        folds = make_folds(parts.training.y, 2, 0, by, "regression")
        assert len(folds) == 2
        for train, test in folds:
            groups = [set(frame["g"][parts.training.y.index[side]]) for side in (train, test)]
            assert groups[0].isdisjoint(groups[1])
