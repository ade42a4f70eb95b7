"""A hyper-parameter that a person adds to the model gets where it is wanted, and keeps its value on the way."""

from pathlib import Path

import mlflow
import pytest
from conftest import PROJECT, commit_all, run

from reprise.contract.mlproject import disagreements

FIELD = """
    degree: Annotated[int, Field(ge=1)] = 3
    \"\"\"Degree of the polynomial kernel.\"\"\"
"""
DEGREE = [
    ("\n\ndef fit(", f"{FIELD}\n\ndef fit("),
    ("SVC(C=resolved.C,", "SVC(degree=resolved.degree, C=resolved.C,"),
    ("Nystroem(kernel", "Nystroem(degree=resolved.degree, kernel"),
]
"""What a person writes into model.py for one hyper-parameter more: the field, and where the estimators take it."""


@pytest.fixture
def with_degree(project: Path, quick_python: None) -> Path:
    text = (project / "model.py").read_text()
    for old, new in DEGREE:
        assert old in text, old
        text = text.replace(old, new, 1)
    (project / "model.py").write_text(text)
    return project


def degree_of(run_id: str) -> int:
    model = mlflow.sklearn.load_model(f"runs:/{run_id}/model")
    return int(getattr(model.named_steps.get("kernel_map", model[-1]), "degree"))  # noqa: B009  of either estimator


def runs_of(folder: Path, job: str) -> list[mlflow.entities.Run]:
    mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
    found: list[mlflow.entities.Run] = mlflow.search_runs(
        search_all_experiments=True, filter_string=f"tags.`reprise.job` = '{job}'", output_format="list"
    )
    return found


def test_mlproject_of_this_project_lacks_nothing() -> None:
    assert disagreements(PROJECT) == []


@pytest.mark.integration
def test_mlproject_gets_the_line_that_train_and_doctor_name(with_degree: Path) -> None:
    line = "degree: {type: int, default: 3}  # Degree of the polynomial kernel."
    before = (with_degree / "MLproject").read_text()
    for command in (("python", "train.py"), ("reprise", "sync", "--check"), ("reprise", "doctor")):
        said = run(*command, cwd=with_degree)
        shown = " ".join((said.stdout + said.stderr).split())
        assert "main lacks degree, which the script takes" in shown, command
        assert f"{' '.join(line.split())} and into its command --degree={{degree}}" in shown, command
    assert (with_degree / "MLproject").read_text() == before
    assert run("reprise", "sync", cwd=with_degree).returncode == 0
    added = {*(with_degree / "MLproject").read_text().split("\n")} - {*before.split("\n")}
    (changed,) = added - {f"      {line}"}
    assert changed.endswith("} --degree={degree}")
    assert run("reprise", "sync", "--check", cwd=with_degree).returncode == 0


@pytest.mark.integration
@pytest.mark.parametrize("solver", ["exact", "approximate"])
def test_a_new_hyperparameter_reaches_the_estimator(solver: str, with_degree: Path) -> None:
    """It was rebuilt field by field on its way once, and a degree of 7 became 3."""
    assert run("reprise", "sync", cwd=with_degree).returncode == 0
    commit_all(with_degree, "a degree")
    chosen = ["-P", "kernel=poly", "-P", "degree=7", "-P", f"solver={solver}"]
    done = run("mlflow", "run", ".", "--env-manager", "local", *chosen, cwd=with_degree)
    assert done.returncode == 0, done.stderr
    (found,) = runs_of(with_degree, "train")
    assert (found.data.params["degree"], degree_of(found.info.run_id)) == ("7", 7)


@pytest.mark.integration
def test_a_new_hyperparameter_reaches_trials_and_winner_of_a_search(with_degree: Path) -> None:
    """Also where MLproject does not name it yet."""
    (with_degree / "search_space.yaml").write_text("kernel: poly\ndegree: [7]\n")
    done = run("python", "-m", "reprise", "job", "tune", "--folds", "3", "--n-jobs", "1", cwd=with_degree)
    assert done.returncode == 0, done.stderr
    (winner,), (trial,) = runs_of(with_degree, "train"), runs_of(with_degree, "trial")
    assert (winner.data.params["degree"], degree_of(winner.info.run_id)) == ("7", 7)
    assert trial.data.params == {"degree": "7", "kernel": "poly"}


@pytest.mark.integration
def test_a_parameter_that_mlproject_does_not_name_is_taken_as_mlflow_passes_it(with_degree: Path) -> None:
    done = run("mlflow", "run", ".", "--env-manager", "local", "-P", "degree=5", "-P", "kernel=poly", cwd=with_degree)
    assert done.returncode == 0, done.stderr
    (found,) = runs_of(with_degree, "train")
    assert degree_of(found.info.run_id) == 5
