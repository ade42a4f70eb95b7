"""`evaluate` in this process: which model, which rows, what it logs."""

from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from conftest import Job
from sklearn.datasets import load_wine

from reprise.base.errors import JobFailed, WrongCall

pytestmark = pytest.mark.contract


@pytest.fixture
def wine(tmp_path: Path) -> Path:
    """The wine table as a file, classes by name."""
    bunch = load_wine(as_frame=True)
    frame = bunch.frame.assign(target=bunch.target_names[bunch.target])
    frame.to_csv(tmp_path / "wine.csv", index=False)
    return tmp_path / "wine.csv"


def model_of(run: mlflow.entities.Run) -> str:
    return str(mlflow.get_run(run.info.run_id).outputs.model_outputs[0].model_id)


def test_by_default_the_newest_model_on_the_rows_it_was_not_trained_on(train: Job, evaluate: Job) -> None:
    train()
    trained = train("--data", "wine", "--seed", "5")
    judged = evaluate()
    for name in ("accuracy", "balanced_accuracy", "f1_macro", "roc_auc"):
        assert judged.data.metrics[f"test_{name}"] == trained.data.metrics[f"test_{name}"]
    rows = [
        pd.read_parquet(
            mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="predictions.parquet")
        )
        for run in (trained, judged)
    ]
    pd.testing.assert_frame_equal(rows[0], rows[1])


def test_evaluations_are_found_from_the_model_and_its_run(train: Job, evaluate: Job) -> None:
    trained = train()
    judged = evaluate("--model", f"models:/{model_of(trained)}")
    tags = judged.data.tags
    assert tags["reprise.evaluates.run_id"] == tags["mlflow.parentRunId"] == trained.info.run_id
    assert tags["reprise.evaluates.model_id"] == model_of(trained)
    inputs = mlflow.get_run(judged.info.run_id).inputs.model_inputs
    assert [item.model_id for item in inputs] == [model_of(trained)]
    metrics = mlflow.get_logged_model(model_of(trained)).metrics
    assert {metric.run_id for metric in metrics} == {trained.info.run_id, judged.info.run_id}


def test_an_evaluation_is_not_taken_for_a_training_run(train: Job, evaluate: Job) -> None:
    trained = train()
    evaluate()
    assert evaluate().data.tags["reprise.evaluates.run_id"] == trained.info.run_id


def test_a_registered_model_by_version_and_by_alias(train: Job, evaluate: Job) -> None:
    trained = train()
    client = mlflow.MlflowClient()
    mlflow.register_model(f"models:/{model_of(trained)}", "flowers")
    client.set_registered_model_alias("flowers", "champion", "1")
    for uri in ("models:/flowers/1", "models:/flowers@champion", f"runs:/{trained.info.run_id}/model"):
        judged = evaluate("--model", uri)
        assert judged.data.tags["reprise.evaluates.run_id"] == trained.info.run_id
        assert judged.data.metrics["rows"] == 38


def test_data_that_changed_since_are_refused_with_both_fingerprints(train: Job, evaluate: Job, wine: Path) -> None:
    trained = train("--data", str(wine))
    recorded = trained.data.tags["reprise.data.fingerprint"]
    frame: Any = pd.read_csv(wine)
    frame.loc[0, "alcohol"] += 1
    frame.to_csv(wine, index=False)
    with pytest.raises(JobFailed, match=rf"fingerprint [0-9a-f]{{64}}, recorded {recorded}"):
        evaluate()


def test_of_its_training_table_only_held_out_rows_are_judged(train: Job, evaluate: Job, wine: Path) -> None:
    train("--data", str(wine))
    copy = wine.with_name("copy.parquet")
    pd.read_csv(wine).to_parquet(copy)
    assert evaluate("--data", str(copy)).data.metrics["rows"] == 45


def test_excluded_columns_are_recorded_and_left_out_again(train: Job, evaluate: Job, wine: Path) -> None:
    trained = train("--data", str(wine), "--exclude", "hue,ash")
    assert trained.data.params["exclude"] == "hue,ash"
    assert trained.data.metrics["columns"] == 11
    judged = evaluate()
    assert judged.data.metrics["rows"] == 45
    assert judged.data.metrics["test_accuracy"] == trained.data.metrics["test_accuracy"]


def test_another_table_is_judged_whole(train: Job, evaluate: Job, wine: Path) -> None:
    train("--data", str(wine))
    new = pd.read_csv(wine).sample(50, random_state=1).rename(columns={"target": "label"})
    new.to_csv(wine.with_name("new.csv"), index=False)
    judged = evaluate("--data", str(wine.with_name("new.csv")), "--target", "label")
    assert judged.data.metrics["rows"] == 50
    assert judged.data.metrics["test_accuracy"] > 0.9


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda frame: frame.drop(columns="alcohol"), "feature 'alcohol' is not a column"),
        (lambda frame: frame.assign(alcohol="much"), "column 'alcohol' holds 'much' in row 0, which is not a number"),
        (lambda frame: frame.assign(target="beer"), "holds no class that the model knows"),
        (lambda frame: frame.drop(columns="target"), "target 'target' is not a column"),
    ],
)
def test_a_table_that_does_not_fit_the_model_is_refused(
    train: Job, evaluate: Job, wine: Path, change: object, message: str
) -> None:
    train("--data", str(wine))
    change(pd.read_csv(wine)).to_csv(wine.with_name("other.csv"), index=False)  # type: ignore[operator]
    with pytest.raises(WrongCall, match=message):
        evaluate("--data", str(wine.with_name("other.csv")))


def test_without_a_model_it_says_what_to_do(evaluate: Job) -> None:
    with pytest.raises(WrongCall, match="train first"):
        evaluate()
    with pytest.raises(WrongCall, match="model 'models:/nothing/1' cannot be loaded"):
        evaluate("--model", "models:/nothing/1")


def test_a_model_from_elsewhere_needs_a_table_and_a_target(evaluate: Job, wine: Path) -> None:
    from sklearn.linear_model import LogisticRegression

    frame = pd.read_csv(wine)
    X, y = frame.drop(columns="target"), frame["target"].to_numpy(dtype=object)
    with mlflow.start_run():
        uri = mlflow.sklearn.log_model(
            LogisticRegression(max_iter=5000).fit(X, y), name="model", pip_requirements=[], serialization_format="skops"
        ).model_uri
    with pytest.raises(WrongCall, match="has no recorded digest"):
        evaluate("--model", uri)
    trusted = ("--model", uri, "--trust-model", "yes")
    with pytest.raises(WrongCall, match="was not trained by this project; name a table"):
        evaluate(*trusted)
    with pytest.raises(WrongCall, match="name the labels' column"):
        evaluate(*trusted, "--data", str(wine))
    judged = evaluate(*trusted, "--data", str(wine), "--target", "target")
    assert judged.data.metrics["rows"] == len(frame)
    assert np.isfinite(judged.data.metrics["test_roc_auc"])
