"""The contract between engine and project: it holds for whatever model.py there is."""

import json
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import ENTRY_POINTS, PROJECT, Job, invoke, run

from reprise.base.display_text import as_text
from reprise.contract import project_model
from reprise.contract.parameter import fields
from reprise.models.logged_model import load

pytestmark = pytest.mark.contract

HYPERPARAMETERS = fields(project_model.load().hyperparameters)


def artifact(run: mlflow.entities.Run, path: str) -> Path:
    return Path(mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path=path))


def test_train_takes_every_hyperparameter() -> None:
    options = {option.name: option for option in ENTRY_POINTS["train"].params}
    for one in HYPERPARAMETERS:
        assert options[one.name].default == one.default
        assert one.help, f"{one.name} has no docstring"


def test_a_run_records_every_hyperparameter_and_a_model_that_answers_alike(train: Job) -> None:
    run = train()
    for one in HYPERPARAMETERS:
        assert run.data.params[one.name] == as_text(one.default)
    kept = pd.read_parquet(artifact(run, "predictions.parquet"))
    (output,) = run.outputs.model_outputs
    rows = pd.DataFrame(_iris().iloc[kept["row"]])
    answers = mlflow.pyfunc.load_model(f"models:/{output.model_id}").predict(rows.drop(columns="target"))
    np.testing.assert_array_equal(answers, kept["prediction"])


@pytest.mark.parametrize("one", HYPERPARAMETERS, ids=lambda one: one.name)
def test_a_default_that_is_typed_is_the_default(one: object) -> None:
    assert one.type.convert(as_text(one.default), None, None) == one.default  # type: ignore[attr-defined]


def test_a_search_varies_them_and_its_winner_is_trained_with_them(tune: Job, tmp_path: Path) -> None:
    space = {one.name: one.default for one in HYPERPARAMETERS}
    (tmp_path / "space.yaml").write_text(yaml.safe_dump({name: [value] for name, value in space.items()}))
    search = tune("--space", str(tmp_path / "space.yaml"), "--folds", "3", "--n-jobs", "1")
    winner = mlflow.get_run(search.data.tags["reprise.tune.winner"])
    assert winner.info.status == "FINISHED"
    assert {name: winner.data.params[name] for name in space} == {name: as_text(value) for name, value in space.items()}
    assert search.data.metrics["failed_trials"] == 0


def test_a_model_is_judged_and_its_run_is_reproduced(train: Job, evaluate: Job) -> None:
    run = train()
    judged = evaluate("--champion", "none")
    assert judged.data.tags["reprise.verdict"] in {"passed", "refused"}
    subject = load(f"runs:/{run.info.run_id}/model")
    assert len(subject.answer_example()) > 0
    again = invoke(ENTRY_POINTS["reproduce"], "--run", run.info.run_id, "--env-manager", "local")
    assert json.loads(artifact(again, "reproduction.json").read_text())["verdict"] == "reproduced"


def _iris() -> pd.DataFrame:
    from sklearn.datasets import load_iris

    frame: pd.DataFrame = load_iris(as_frame=True).frame
    return frame


@pytest.mark.integration
def test_a_model_of_another_project_is_not_trained(project: Path) -> None:
    """The folder of an editable install stands on Python's path, with its model.py."""
    (project / "model.py").unlink()
    done = run("python", "train.py", cwd=project, PYTHONPATH=str(PROJECT))
    assert done.returncode == 2
    assert f"fit is that of {PROJECT / 'model.py'}, which is another project's" in done.stderr
    assert "has no model.py; bring it back" in done.stderr


@pytest.mark.integration
def test_what_model_py_must_define_is_said_in_one_line(project: Path) -> None:
    for text, said in {
        "def fit(): ...\n": "model.py defines no Hyperparameters; docs/model.md says what model.py holds",
        "class Hyperparameters: ...\n": "model.py defines no fit",
        "def fit(): ...\nclass Hyperparameters: ...\n": "Hyperparameters is no dataclass; write @dataclass",
    }.items():
        (project / "model.py").write_text(text)
        done = run("python", "-m", "reprise", "job", "tune", cwd=project)
        assert done.returncode == 2
        assert said in done.stderr
        assert "Traceback" not in done.stderr
    (project / "model.py").unlink()
    assert "has no model.py; bring it back" in run("python", "-m", "reprise", "job", "tune", cwd=project).stderr
