"""A model that skops cannot save: pickled where the user says so, and each place that may rely on it says so."""

from pathlib import Path
from typing import Any

import mlflow
import pytest
from conftest import ENTRY_POINTS, Job, invoke
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from reprise.base import tag
from reprise.base.errors import JobFailed, WrongCall
from reprise.governance.registration import register


def fit(X: Any, y: Any, _hyperparameters: Any, _seed: int = 0) -> Any:
    """Fit a pipeline with a function that has no name."""
    return make_pipeline(FunctionTransformer(lambda rows: rows * 2), LogisticRegression(max_iter=1000)).fit(X, y)


@pytest.fixture
def unnamed(train: Job, monkeypatch: pytest.MonkeyPatch) -> Job:
    """`train` with that model."""
    monkeypatch.setattr("train.fit", fit)
    return train


def test_without_the_option_nothing_is_recorded(unnamed: Job) -> None:
    with pytest.raises(JobFailed, match=r"no name at the top of that module, as of a lambda"):
        unnamed()
    failed = mlflow.get_run(mlflow.last_active_run().info.run_id)
    assert failed.info.status == "FAILED"
    assert not failed.outputs.model_outputs
    assert not mlflow.search_logged_models(output_format="list")


def test_the_run_the_model_and_the_policy_say_that_it_is_a_pickle(unnamed: Job, tmp_path: Path) -> None:
    run = unnamed("--pickle", "yes")
    uri = f"runs:/{run.info.run_id}/model"
    (model,) = mlflow.search_logged_models(output_format="list")
    assert (run.data.params["pickle"], mlflow.get_run(run.info.run_id).data.tags[tag.MODEL_FORMAT]) == ("yes", "pickle")
    assert model.tags[tag.MODEL_FORMAT] == "pickle"
    with pytest.raises(WrongCall, match=r"it is a pickle, .*; if you trust it, add --trust-model=yes"):
        invoke(ENTRY_POINTS["evaluate"], "--model", uri)
    trusted = ("--model", uri, "--trust-model", "yes")
    refused = invoke(ENTRY_POINTS["evaluate"], *trusted)
    assert refused.data.tags["reprise.verdict.reasons"] == "provenance.skops a pickle, required"
    (tmp_path / "lax.yaml").write_text("rows: {min: 1}\n")
    judged = invoke(ENTRY_POINTS["evaluate"], *trusted, "--policy", str(tmp_path / "lax.yaml"))
    assert judged.data.tags[tag.VERDICT] == "passed"
    assert register(run.info.run_id, "reprise").tags[tag.MODEL_FORMAT] == "pickle"


def test_a_model_in_skops_format_is_said_to_be_one_and_meets_the_policy(train: Job) -> None:
    run = train("--pickle", "yes")
    assert mlflow.get_run(run.info.run_id).data.tags[tag.MODEL_FORMAT] == "skops"
    judged = invoke(ENTRY_POINTS["evaluate"], "--model", f"runs:/{run.info.run_id}/model")
    verdict = mlflow.artifacts.load_text(f"runs:/{judged.info.run_id}/verdict.txt")
    assert "provenance.skops" in verdict.partition("not checked")[0]


def test_an_estimator_without_predict_is_one_line(train: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    def transforms(X: Any, _y: Any, _hyperparameters: Any, _seed: int = 0) -> Any:
        return FunctionTransformer().fit(X)

    monkeypatch.setattr("train.fit", transforms)
    message = r"transforms of .* returned FunctionTransformer\(\), which has no predict; return the fitted estimator"
    with pytest.raises(JobFailed, match=message):
        train()
