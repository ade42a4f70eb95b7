"""Sample weights, from `train` over `tune` to `evaluate`, in this process."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from conftest import Job, reproduced
from sklearn.metrics import accuracy_score, balanced_accuracy_score, roc_auc_score
from sklearn.model_selection import StratifiedKFold

from reprise.base.errors import WrongCall
from reprise.contract import project_model
from reprise.data.dataset import make_dataset
from reprise.data.holdout import hold_out
from reprise.data.table import read_table

import model

ROWS = 200


@pytest.fixture
def survey(tmp_path: Path) -> str:
    """A table whose rows stand for different numbers of people."""
    random = np.random.default_rng(0)
    x = random.normal(size=ROWS)
    table = pd.DataFrame({"x": x, "z": random.normal(size=ROWS), "people": random.integers(0, 50, ROWS)})
    table["vote"] = np.where(x + random.normal(0, 1, ROWS) > 0, "yes", "no")
    table.to_csv(tmp_path / "survey.csv", index=False)
    return str(tmp_path / "survey.csv")


def options(survey: str) -> tuple[str, ...]:
    return ("--data", survey, "--target", "vote", "--weight", "people")


def predictions(run: mlflow.entities.Run) -> pd.DataFrame:
    return pd.read_parquet(mlflow.artifacts.download_artifacts(f"runs:/{run.info.run_id}/predictions.parquet"))


def test_fit_and_metrics_count_rows_by_their_weights(survey: str, train: Job, evaluate: Job) -> None:
    run, plain = train(*options(survey)), train("--data", survey, "--target", "vote", "--features", "x,z")
    rows = predictions(run)
    people = pd.read_csv(survey)["people"]
    assert rows["weight"].tolist() == people[rows["row"]].tolist()
    counted = {"sample_weight": rows["weight"]}
    metrics = run.data.metrics
    assert metrics["test_accuracy"] == pytest.approx(accuracy_score(rows["truth"], rows["prediction"], **counted))
    assert metrics["test_balanced_accuracy"] == pytest.approx(
        balanced_accuracy_score(rows["truth"], rows["prediction"], **counted)
    )
    assert metrics["test_roc_auc"] == pytest.approx(roc_auc_score(rows["truth"] == "yes", rows["score_yes"], **counted))
    assert metrics["columns"] == 2
    assert not np.allclose(rows["score_yes"], predictions(plain)["score_yes"])  # the fit is another one
    record = json.loads(
        Path(mlflow.artifacts.download_artifacts(f"runs:/{run.info.run_id}/provenance/provenance.json")).read_text()
    )
    assert record["data"]["weight"] == "people"
    judged = evaluate("--model", f"runs:/{run.info.run_id}/model")
    pd.testing.assert_frame_equal(predictions(judged), rows)
    assert judged.data.metrics["test_accuracy"] == metrics["test_accuracy"]


@pytest.mark.integration
def test_a_weighted_run_is_reproduced(survey: str, train: Job, quick_python: None) -> None:
    verdict = reproduced(train(*options(survey)))
    assert verdict["verdict"] == "reproduced", verdict


def test_tune_fits_and_scores_each_fold_by_weights(survey: str, tune: Job, tmp_path: Path) -> None:
    (tmp_path / "search_space.yaml").write_text("C: [0.5]\n")
    run = tune(*options(survey), "--search", "grid", "--n-jobs", "1", "--folds", "3")
    rows = hold_out(make_dataset(read_table(survey), "vote", weight="people"), 0.25, 0).training
    assert rows.weight is not None
    scores = []
    for train, test in StratifiedKFold(3, shuffle=True, random_state=0).split(rows.X, rows.y):
        hyperparameters = model.Hyperparameters(C=0.5)
        fitted = model.fit(rows.X.iloc[train], rows.y.iloc[train], hyperparameters, 0, rows.weight.iloc[train])
        scores.append(fitted.score(rows.X.iloc[test], rows.y.iloc[test], sample_weight=rows.weight.iloc[test]))
    assert run.data.metrics["best_cv_accuracy"] == pytest.approx(np.mean(scores))
    assert mlflow.get_run(run.data.tags["reprise.tune.winner"]).data.params["weight"] == "people"


def test_a_model_that_takes_no_weights_is_refused_before_the_search_begins(
    survey: str, tune: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = project_model.load()

    def fit(X: Any, y: Any, hyperparameters: Any, seed: int = 0) -> Any:
        return model.fit(X, y, hyperparameters, seed)

    (tmp_path / "search_space.yaml").write_text("C: [0.5]\n")
    monkeypatch.setattr(project_model, "load", lambda: replace(loaded, fit=fit))
    with pytest.raises(WrongCall, match=r"weight 'people' is of no use: fit of .* takes no sample_weight"):
        tune(*options(survey), "--search", "grid", "--n-jobs", "1")
    assert not mlflow.search_runs(output_format="list")
