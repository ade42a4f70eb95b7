"""A hyper-parameter that a person adds to the model gets where it is wanted, and keeps its value on the way."""

from pathlib import Path

import click
import mlflow
import numpy as np
import pytest
from conftest import ENTRY_POINTS, commit_all, run

from reprise.base.errors import WrongCall
from reprise.search import training

from model import Hyperparameters, resolve

train = ENTRY_POINTS["train"]

OPTION, LINE = '@click.option("--test-size"', "      test_size: {type: float, default: 0.25}"
DEGREE = {
    "model.py": [
        ('    solver: Solver = "auto"\n', '    solver: Solver = "auto"\n    degree: int = 3\n'),
        ("SVC(C=resolved.C,", "SVC(degree=resolved.degree, C=resolved.C,"),
        ("Nystroem(kernel", "Nystroem(degree=resolved.degree, kernel"),
    ],
    "train.py": [(OPTION, f'@click.option("--degree", default=Hyperparameters.degree)\n{OPTION}')],
    "MLproject": [
        (LINE, f"      degree: {{type: int, default: 3}}\n{LINE}"),
        ("--gamma={gamma}", "--gamma={gamma} --degree={degree}"),
    ],
}
"""What a person writes for one hyper-parameter more: a line a file, and two where the estimator takes it."""


@pytest.fixture
def with_degree(project: Path) -> Path:
    for name, edits in DEGREE.items():
        text = (project / name).read_text()
        for old, new in edits:
            assert old in text, (name, old)
            text = text.replace(old, new, 1)
        (project / name).write_text(text)
    commit_all(project, "a degree")
    return project


def degree_of(run_id: str) -> int:
    model = mlflow.sklearn.load_model(f"runs:/{run_id}/model")
    return int(getattr(model.named_steps.get("kernel_map", model[-1]), "degree"))  # noqa: B009  of either estimator


@pytest.mark.integration
@pytest.mark.parametrize("solver", ["exact", "approximate"])
def test_a_new_hyperparameter_reaches_the_estimator(solver: str, with_degree: Path) -> None:
    """It was rebuilt field by field on its way once, and a degree of 7 became 3."""
    chosen = ["-P", "kernel=poly", "-P", "degree=7", "-P", f"solver={solver}"]
    done = run("mlflow", "run", ".", "--env-manager", "local", *chosen, cwd=with_degree)
    assert done.returncode == 0, done.stderr
    mlflow.set_tracking_uri(f"sqlite:///{with_degree / 'mlflow.db'}")
    (found,) = mlflow.search_runs(search_all_experiments=True, output_format="list")
    assert (found.data.params["degree"], degree_of(found.info.run_id)) == ("7", 7)


@pytest.mark.integration
def test_a_new_hyperparameter_reaches_trials_and_winner_of_a_search(with_degree: Path) -> None:
    (with_degree / "search_space.yaml").write_text("kernel: poly\ndegree: [7]\n")
    done = run("python", "tune.py", "--folds", "3", "--n-jobs", "1", cwd=with_degree)
    assert done.returncode == 0, done.stderr
    mlflow.set_tracking_uri(f"sqlite:///{with_degree / 'mlflow.db'}")
    (winner,) = mlflow.search_runs(
        search_all_experiments=True, filter_string="tags.`reprise.job` = 'train'", output_format="list"
    )
    assert (winner.data.params["degree"], degree_of(winner.info.run_id)) == ("7", 7)
    (trial,) = mlflow.search_runs(
        search_all_experiments=True, filter_string="tags.`reprise.job` = 'trial'", output_format="list"
    )
    assert trial.data.params == {"degree": "7", "kernel": "poly"}


def test_resolving_changes_what_auto_stands_for_alone() -> None:
    asked = Hyperparameters(C=7.0, kernel="poly", gamma="auto", solver="auto")
    assert resolve(asked, np.ones((10, 4))) == Hyperparameters(C=7.0, kernel="poly", gamma=0.25, solver="exact")


def test_a_default_that_is_not_the_models_is_a_wrong_call() -> None:
    """A trial takes the model's default and its winner's training that of train.py."""
    assert list(training.hyperparameters(train)) == ["C", "kernel", "gamma", "solver"]
    others = [option for option in train.params if option.name != "C"]
    another = click.Command("train", params=[click.Option(["--C", "C"], default=2.0), *others])
    with pytest.raises(WrongCall, match=r"train.py takes C=2.0 by default and Hyperparameters 1.0; write default="):
        training.hyperparameters(another)
