"""A table of numbers to predict: trained, judged, compared, promoted and answered like one of classes."""

import json
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from conftest import ENTRY_POINTS, Job, invoke, reproduced
from registered import done
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from reprise.base.errors import WrongCall
from reprise.governance.promotion import promote
from reprise.governance.registration import register
from reprise.preprocessing import make_preprocessing

PROJECT = Path(__file__).resolve().parents[3]


@pytest.fixture
def houses(tmp_path: Path) -> tuple[str, ...]:
    """Options of a table with numbers, text, booleans and gaps, and a price that follows from them."""
    random = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "area": random.normal(100, 20, 240).round(1),
            "rooms": random.integers(1, 7, 240),
            "city": random.choice(["Rome", "Oslo", None], 240),
            "lift": random.choice([True, False], 240),
        }
    )
    price = 3 * table["area"] + 10 * table["rooms"] + 40 * (table["city"] == "Oslo") + random.normal(0, 8, 240)
    table.loc[3, "area"] = np.nan
    table.assign(price=price.round(2)).to_csv(tmp_path / "houses.csv", index=False)
    return "--data", str(tmp_path / "houses.csv"), "--target", "price"


def file(run: mlflow.entities.Run, path: str) -> Path:
    return Path(mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path=path))


def verdict(run: mlflow.entities.Run) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file(run, "verdict.json").read_text())
    return {"verdict": found["verdict"]} | {each["rule"]: each["result"] for each in found["outcomes"]}


def test_it_is_trained_judged_compared_promoted_and_answered(
    train: Job, evaluate: Job, houses: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = train(*houses)
    assert set(run.data.metrics) == {
        *("train_r2", "test_r2", "test_mean_absolute_error", "test_root_mean_squared_error"),
        *("test_median_absolute_error", "test_mean_absolute_percentage_error", "fit_seconds", "rows", "columns"),
    }
    assert run.data.metrics["test_r2"] > 0.7
    assert run.data.tags["reprise.task"] == "regression"
    data = json.loads(file(run, "provenance/provenance.json").read_text())["data"]
    assert data["task"] == "regression"
    assert data["task_reason"].startswith("target 'price' holds numbers such as ")
    told = capsys.readouterr()
    assert "note: the task is regression, since target 'price' holds numbers such as" in told.err
    assert "on 60 held-out rows" in told.out
    predictions = pd.read_parquet(file(run, "predictions.parquet"))
    assert list(predictions) == ["row", "truth", "prediction"]
    assert pd.read_csv(file(run, "per_segment.csv"))["rows"].sum() == 60
    assert len(list(file(run, "figures").iterdir())) == 4

    first = evaluate()
    assert verdict(first)["verdict"] == "passed"
    assert verdict(first)["metrics.r2"] == "passed"
    assert verdict(first)["metrics.accuracy"] == "not checked"
    assert first.data.metrics["test_r2"] == run.data.metrics["test_r2"]
    assert register(run.info.run_id, "reprise").tags["reprise.task"] == "regression"
    promote(
        "reprise", "1", "champion", PROJECT / "policy.yaml",
        reason="", force=False, probe=lambda _: None, note=lambda _: None,
    )  # fmt: skip

    train(*houses, "--features", "rooms,lift")
    refused = evaluate()
    assert verdict(refused)["change.r2"] == "refused"
    assert verdict(refused)["significance"] == "refused", "by the signed-rank test of absolute errors"

    raw = pd.read_csv(houses[1]).drop(columns="price")
    raw.to_csv(tmp_path / "rows.csv", index=False)
    output = str(tmp_path / "answers.json")
    options = ("--data", str(tmp_path / "rows.csv"), "--model", f"runs:/{run.info.run_id}/model", "--output", output)
    invoke(ENTRY_POINTS["predict"], *options)
    answers = np.array(json.loads(Path(output).read_text())["predictions"])
    assert (answers[predictions["row"]] == predictions["prediction"]).all(), "bit for bit"
    signature = mlflow.models.get_model_info(f"runs:/{run.info.run_id}/model").signature
    assert signature.outputs.input_types() == [mlflow.types.DataType.double]

    linear = train(*houses, "--kernel", "linear", "--solver", "approximate")
    assert linear.data.metrics["test_r2"] > 0.7
    assert linear.data.params["resolved.solver"] == "approximate"
    again = pd.read_parquet(file(linear, "predictions.parquet"))["row"]
    assert again.tolist() == predictions["row"].tolist(), "the same seed holds out the same rows"


@pytest.mark.integration
def test_it_is_reproduced_bit_for_bit(train: Job, houses: tuple[str, ...]) -> None:
    found = reproduced(train(*houses))
    assert found["verdict"] == "reproduced"


def test_best_and_compare_take_its_errors(train: Job, houses: tuple[str, ...]) -> None:
    good, poor = train(*houses), train(*houses, "--features", "lift")
    for metric in ("test_r2", "test_mean_absolute_error", "test_median_absolute_error"):
        assert good.info.run_id in done("best", "--metric", metric).splitlines()[0], metric
    lines = [line.split() for line in done("compare", good.info.run_id, poor.info.run_id).splitlines()]
    errors = [f"{run.data.metrics['test_mean_absolute_error']:.6g}" for run in (good, poor)]
    assert ["metric", "test_mean_absolute_error", *errors] in lines
    assert ["parameter", "features", "all", "lift"] in lines


def test_a_champion_of_the_other_task_is_no_measure(train: Job, evaluate: Job, houses: tuple[str, ...]) -> None:
    register(train().info.run_id, "reprise")
    train(*houses)
    run = evaluate("--champion", "models:/reprise/1")
    assert "the champion is for classification, this model for regression" in run.data.tags["reprise.verdict.reasons"]


def forest(X: Any, y: Any, _hyperparameters: Any, seed: int = 0) -> Any:
    return make_pipeline(make_preprocessing(X), RandomForestRegressor(9, random_state=seed)).fit(X, y)


def logistic(X: Any, y: Any, _hyperparameters: Any, _seed: int = 0) -> Any:
    return make_pipeline(make_preprocessing(X), LogisticRegression()).fit(X, y)


def test_a_model_that_does_not_say_its_task_is_asked_once_it_is_fitted(
    train: Job, houses: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("train.fit", forest)
    assert train(*houses).data.metrics["test_r2"] > 0.7
    with pytest.raises(WrongCall, match="returned a regressor, but the task is classification; give task=regression"):
        train()
    monkeypatch.setattr("train.fit", logistic)
    with pytest.raises(WrongCall, match=r"fails on a target of numbers: .*; if it only classifies, write TASK = 'cl"):
        train(*houses)


def test_a_model_may_say_its_task(train: Job, houses: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("train.fit", forest)
    monkeypatch.setattr("model.TASK", "regression", raising=False)
    assert train("--target", "target").data.tags["reprise.task"] == "regression"
    monkeypatch.setattr("model.TASK", "classification", raising=False)
    with pytest.raises(WrongCall, match=r"which is for regression, but model.py classifies"):
        train(*houses)
    monkeypatch.setattr("model.TASK", "clustering", raising=False)
    with pytest.raises(WrongCall, match=r"model.py: TASK is 'clustering'; write 'classification' or 'regression'"):
        train(*houses)
