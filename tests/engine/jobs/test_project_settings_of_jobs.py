"""Jobs follow `[tool.reprise]` in pyproject.toml, and what a call says wins."""

import shutil
import sys
from pathlib import Path

import mlflow
import pytest
from click.testing import CliRunner
from conftest import EXPERIMENT, PROJECT, Job, work_in

from reprise.base.errors import WrongCall
from reprise.cli.commands import cli


@pytest.fixture
def folder(store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose module has another name and place, for a regression that counts its errors."""
    made = tmp_path / "project"
    (made / "churn").mkdir(parents=True)
    shutil.copy(PROJECT / "model.py", made / "churn" / "forest.py")
    for name in ("MLproject", "conda.yaml", "search_space.yaml"):
        shutil.copy(PROJECT / name, made)
    (made / "pyproject.toml").write_text(
        '[tool.reprise]\nname = "churn"\nmodel = "churn.forest"\ntask = "regression"\n'
        'metric = "neg_mean_absolute_error"\n'
    )
    work_in(made, monkeypatch)
    script = (PROJECT / "train.py").read_text().replace("from model import", "from churn.forest import")
    (made / "train.py").write_text(script)
    for module in ("churn", "churn.forest", "train"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    return made


@pytest.mark.usefixtures("folder")
def test_training_takes_the_task_and_best_the_metric(train: Job) -> None:
    assert "test_mean_absolute_error" in train("--data", "iris").data.metrics
    assert "test_accuracy" in train("--data", "iris", "--task", "classification").data.metrics
    done = CliRunner().invoke(cli, ["best"])
    assert done.exit_code == 0, done.output
    assert "test_mean_absolute_error" in done.output


@pytest.mark.usefixtures("folder")
def test_tune_takes_the_metric_and_the_module(tune: Job) -> None:
    run = tune("--trials", "2", "--folds", "2", "--n-jobs", "1", "--data", "iris")
    assert "best_cv_neg_mean_absolute_error" in run.data.metrics


def test_a_module_that_is_not_there_is_named(folder: Path, tune: Job) -> None:
    (folder / "churn" / "forest.py").unlink()
    with pytest.raises(WrongCall, match=r"has no churn/forest.py; bring it back"):
        tune()


def test_the_registered_model_and_the_experiment_have_the_projects_name(
    folder: Path, train: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(EXPERIMENT)
    run = train()
    assert mlflow.get_experiment(run.info.experiment_id).name == "churn"
    assert "no version" in CliRunner().invoke(cli, ["compare", "1", "champion"]).output
    assert "churn" in CliRunner().invoke(cli, ["compare", "1", "champion"]).output
