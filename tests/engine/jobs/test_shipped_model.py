"""`train` with the model that is shipped: what its hyper-parameters come to. Another model.py needs other tests."""

import joblib
import mlflow
import numpy as np
import pytest
from click.exceptions import UsageError
from conftest import Job
from sklearn.datasets import load_iris
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC


def test_accuracy_is_that_of_five_lines_of_scikit_learn(train: Job) -> None:
    run = train("--C", "1.0")
    X, y = load_iris(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=0, stratify=y)
    model = make_pipeline(StandardScaler(), SVC(C=1.0)).fit(X_train, y_train)
    assert run.data.metrics["test_accuracy"] == model.score(X_test, y_test)
    assert run.data.metrics["train_accuracy"] == model.score(X_train, y_train)


def test_scaler_is_the_fitted_preprocessing(train: Job) -> None:
    run = train()
    scaler = joblib.load(mlflow.artifacts.download_artifacts(f"runs:/{run.info.run_id}/scaler.gz"))
    X = load_iris(as_frame=True).data
    model = mlflow.sklearn.load_model(f"runs:/{run.info.run_id}/model")
    np.testing.assert_array_equal(scaler.transform(X), model.named_steps["preprocessing"].transform(X))


def test_scale_and_auto_are_recorded_with_what_they_resolve_to(train: Job) -> None:
    run = train()
    assert run.data.params["gamma"] == "scale"
    assert float(run.data.params["resolved.gamma"]) == pytest.approx(0.25)
    assert run.data.params["resolved.solver"] == "exact"


def test_many_rows_resolve_auto_to_the_approximate_solver(train: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("model.EXACT_ROWS", 100)
    assert train().data.params["resolved.solver"] == "approximate"


@pytest.mark.parametrize("kernel", ["linear", "poly", "rbf", "sigmoid"])
def test_the_approximate_solver_takes_every_kernel(train: Job, kernel: str) -> None:
    run = train("--data", "wine", "--kernel", kernel, "--solver", "approximate")
    assert run.data.params["resolved.solver"] == "approximate"
    assert ("resolved.gamma" in run.data.params) == (kernel != "linear")
    assert run.data.metrics["test_accuracy"] > 0.85


@pytest.mark.parametrize("option", [("--C", "0"), ("--gamma", "-1"), ("--kernel", "cubic")])
def test_a_hyperparameter_out_of_its_range_makes_no_run(train: Job, option: tuple[str, str]) -> None:
    with pytest.raises(UsageError):
        train(*option)
    assert not mlflow.search_runs(search_all_experiments=True, output_format="list")
