"""A metric that model.py declares is measured, limited by the policy, searched for and ranked."""

import json
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
from click.testing import CliRunner
from conftest import Job

from reprise import Metric
from reprise.base.errors import JobFailed, WrongCall
from reprise.cli.commands import cli
from reprise.governance.registration import register


def cost(truth: Any, predicted: Any) -> float:
    """Cost of wrong labels, of which those of the last class are dear."""
    return float(np.sum((truth != predicted) * np.where(truth == 2, 5, 1)))


METRICS = [
    Metric("cost", cost, bounds=(0, None), greater_is_better=False),
    Metric("gain", lambda truth, predicted: -cost(truth, predicted)),
]


@pytest.fixture(autouse=True)
def declared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let model.py declare them."""
    monkeypatch.setattr("model.METRICS", METRICS, raising=False)


def policy(folder: Path, text: str) -> tuple[str, str]:
    (folder / "own.yaml").write_text(text)
    return "--policy", str(folder / "own.yaml")


def test_it_is_measured_limited_compared_and_ranked(train: Job, evaluate: Job, tmp_path: Path) -> None:
    poor = train("--features", "sepal width (cm)")
    register(poor.info.run_id, "reprise")
    good = train()
    assert good.data.metrics["test_cost"] < poor.data.metrics["test_cost"]
    assert good.data.metrics["test_gain"] == -good.data.metrics["test_cost"]
    kept = json.loads(good.data.tags["reprise.metrics"])
    assert kept["cost"] == {"bounds": [0, None], "greater_is_better": False}

    rules = policy(tmp_path, "metrics:\n  cost: {max: 20}\nchange:\n  cost: {max: 0}\n")
    passed = evaluate(*rules, "--champion", "models:/reprise/1")
    outcomes = json.loads(
        Path(mlflow.artifacts.download_artifacts(f"runs:/{passed.info.run_id}/verdict.json")).read_text()
    )
    found = {each["rule"]: each["result"] for each in outcomes["outcomes"]}
    assert (found["metrics.cost"], found["change.cost"]) == ("passed", "passed")
    refused = evaluate("--model", f"runs:/{poor.info.run_id}/model", *rules)
    assert refused.data.tags["reprise.verdict"] == "refused"

    for metric in ("test_cost", "test_gain"):
        assert good.info.run_id in CliRunner().invoke(cli, ["best", "--metric", metric]).output


def test_a_search_maximises_it_or_its_negative(tune: Job, tmp_path: Path) -> None:
    (tmp_path / "search_space.yaml").write_text("C: [0.001, 1]\n")
    options = ("--search", "grid", "--n-jobs", "1", "--folds", "3")
    run = tune(*options, "--metric", "neg_cost")
    assert run.data.params["resolved.C"] == "1.0"
    assert run.data.metrics["best_cv_neg_cost"] <= 0
    with pytest.raises(WrongCall, match=r"'cost' is no scorer of scikit-learn, nor neg_cost, gain of model.py; did"):
        tune(*options, "--metric", "cost")


def test_a_limit_that_cannot_be_met_and_a_metric_that_there_is_not_are_refused(evaluate: Job, tmp_path: Path) -> None:
    with pytest.raises(WrongCall, match=r"line 2: metrics.cost: max -1 cannot be met: the least value is 0"):
        evaluate(*policy(tmp_path, "metrics:\n  cost: {max: -1}\n"))
    with pytest.raises(WrongCall, match=r"line 2: metrics.costs: unknown; known here: .*, cost, gain"):
        evaluate(*policy(tmp_path, "metrics:\n  costs: {max: 1}\n"))


def test_one_that_fails_leaves_no_model(train: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("model.METRICS", [Metric("broken", lambda *_: float("nan"))])
    with pytest.raises(JobFailed, match=r"metric 'broken' of model.py is nan on 38 rows"):
        train()
    assert not mlflow.search_logged_models(output_format="list")
    monkeypatch.setattr("model.METRICS", [Metric("r2", cost)])
    with pytest.raises(WrongCall, match="METRICS: 'r2' is the name of another metric"):
        train()
