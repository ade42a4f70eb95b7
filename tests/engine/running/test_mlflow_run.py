"""The project as MLflow runs it: real `mlflow run`, real environments, real git."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from conftest import copy_project, git, put_store, run
from sklearn.datasets import load_iris
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

pytestmark = pytest.mark.integration


def virtualenv_problem() -> str | None:
    """Return why MLflow's virtualenv manager cannot work here, or None: it builds the newest Python 3.11 with pyenv."""
    if not shutil.which("pyenv") or not shutil.which("virtualenv"):
        return "pyenv and virtualenv are not both installed"
    listed = subprocess.run(["pyenv", "install", "--list"], capture_output=True, text=True, check=True).stdout.split()
    newest = max((name for name in listed if name.startswith("3.11.")), key=lambda name: int(name.split(".")[2]))
    have = subprocess.run(["pyenv", "versions", "--bare"], capture_output=True, text=True, check=True).stdout.split()
    return None if newest in have else f"pyenv has no Python {newest}, which MLflow would build from source"


MANAGERS = [
    pytest.param("uv", marks=pytest.mark.skipif(not shutil.which("uv"), reason="uv is not installed")),
    pytest.param("conda", marks=pytest.mark.skipif(not shutil.which("conda"), reason="conda is not installed")),
    pytest.param("virtualenv", marks=pytest.mark.skipif(bool(virtualenv_problem()), reason=virtualenv_problem() or "")),
    "local",
    "plain python",
]


@pytest.fixture(scope="module")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place for the environments that MLflow builds, shared by these tests."""
    return tmp_path_factory.mktemp("environments")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clean checkout that no test changes."""
    return copy_project(tmp_path_factory.mktemp("checkout"))


@pytest.fixture(autouse=True)
def own_store(tmp_path: Path) -> Iterator[None]:
    before = mlflow.get_tracking_uri()
    put_store(tmp_path)
    yield
    mlflow.set_tracking_uri(before)


def runs(folder: Path) -> list[mlflow.entities.Run]:
    """All runs in a folder's store, newest first."""
    mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
    found: list[mlflow.entities.Run] = mlflow.search_runs(search_all_experiments=True, output_format="list")
    return found


def mlflow_run(*arguments: str, cwd: Path, environments: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return run("mlflow", "run", *arguments, cwd=cwd, MLFLOW_ENV_ROOT=str(environments), **variables)


def decision_values() -> np.ndarray:
    """What scikit-learn itself gives for the main job."""
    X, y = load_iris(return_X_y=True)
    X_train, X_test, y_train, _ = train_test_split(X, y, test_size=0.25, random_state=0, stratify=y)
    values: np.ndarray = make_pipeline(StandardScaler(), SVC(C=1.0)).fit(X_train, y_train).decision_function(X_test)
    return values


@pytest.mark.parametrize("manager", MANAGERS)
def test_every_way_to_run_it_does_the_same_job(
    manager: str, checkout: Path, environments: Path, tmp_path: Path
) -> None:
    """The same accuracy, commit, environment and predictions, in a store of the caller's."""
    if manager == "plain python":
        done = run("python", str(checkout / "train.py"), "--C", "1.0", cwd=tmp_path)
    else:
        options = [] if manager == "conda" else ["--env-manager", manager]
        done = mlflow_run(str(checkout), *options, "-P", "C=1.0", cwd=tmp_path, environments=environments)
    assert done.returncode == 0, done.stderr
    assert "0.9737 on 38 held-out rows" in done.stdout
    (found,) = runs(tmp_path)
    assert found.info.status == "FINISHED"
    assert found.data.metrics["test_accuracy"] == pytest.approx(37 / 38)
    assert found.data.params["C"] == "1.0"
    assert found.data.tags["mlflow.source.git.commit"] == git(checkout, "rev-parse", "HEAD")
    assert found.data.tags["mlflow.source.git.branch"] == "main"
    assert found.data.tags["mlflow.source.git.dirty"] == "false"
    assert found.data.tags["reprise.environment.matches"] == "true", done.stderr
    assert found.data.tags["reprise.data.fingerprint"].startswith("8398c63243970a9d")
    scores = pd.read_parquet(
        mlflow.artifacts.download_artifacts(run_id=found.info.run_id, artifact_path="predictions.parquet")
    )
    np.testing.assert_allclose(scores[["score_0", "score_1", "score_2"]], decision_values(), rtol=1e-9)
    assert git(checkout, "status", "--porcelain") == ""


def test_from_a_git_url_in_another_directory(checkout: Path, environments: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", "--bare", str(checkout), "bare.git")
    git(tmp_path, "clone", "--quiet", str(tmp_path / "bare.git"), "clone")
    (tmp_path / "elsewhere").mkdir()
    done = mlflow_run(
        (tmp_path / "clone").as_uri(), "--env-manager", "local", "-P", "data=wine", "-P", "seed=3",
        cwd=tmp_path / "elsewhere", environments=environments,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (found,) = runs(tmp_path / "elsewhere")
    assert found.data.tags["mlflow.source.git.commit"] == git(checkout, "rev-parse", "HEAD")
    assert found.data.params["seed"] == "3"
    assert Path(mlflow.artifacts.download_artifacts(run_id=found.info.run_id, artifact_path="scaler.gz")).exists()
    assert not (tmp_path / "clone/mlflow.db").exists()


def test_train_then_evaluate_judges_that_very_model(project: Path, environments: Path) -> None:
    trained = mlflow_run(".", "--env-manager", "local", "-P", "data=wine", cwd=project, environments=environments)
    assert trained.returncode == 0, trained.stderr
    assert "mlflow run . -e evaluate --env-manager local" in trained.stdout
    judged = mlflow_run(".", "-e", "evaluate", "--env-manager", "local", cwd=project, environments=environments)
    assert judged.returncode == 0, judged.stderr
    evaluation, training = runs(project)
    assert evaluation.data.tags["reprise.evaluates.run_id"] == training.info.run_id
    assert evaluation.data.metrics["test_accuracy"] == training.data.metrics["test_accuracy"]
    assert evaluation.data.metrics["rows"] == 45
    assert git(project, "status", "--porcelain") == "", "a run leaves nothing that git would see"


def test_a_dirty_tree_is_recorded_and_its_patch_restores_it(project: Path, environments: Path, tmp_path: Path) -> None:
    commit = git(project, "rev-parse", "HEAD")
    model = project / "model.py"
    model.write_text(model.read_text() + "\n# tried something\n")
    (project / "notes.md").write_text("untracked\n")
    done = mlflow_run(".", "--env-manager", "local", cwd=project, environments=environments)
    assert done.returncode == 0, done.stderr
    (found,) = runs(project)
    assert found.data.tags["mlflow.source.git.commit"] == commit
    assert found.data.tags["mlflow.source.git.dirty"] == "true"
    assert "note: the working tree is dirty: 2 files differ from the commit; the run keeps that as its" in done.stderr
    assert found.data.tags["reprise.patch"] == "complete"
    patch = mlflow.artifacts.download_artifacts(run_id=found.info.run_id, artifact_path="provenance/patch.diff")
    git(tmp_path, "clone", "--quiet", str(project), "clone")
    git(tmp_path / "clone", "apply", patch)
    assert (tmp_path / "clone/notes.md").read_text() == "untracked\n"
    assert (tmp_path / "clone/model.py").read_bytes() == (project / "model.py").read_bytes()


def test_a_wrong_call_ends_failed_with_its_reason_on_the_run(
    checkout: Path, environments: Path, tmp_path: Path
) -> None:
    calls = {
        "C=abc": "'abc' should be a valid number",
        "data=/nothing.csv": "'/nothing.csv' does not exist",
        "x=1": "--x",
    }
    for call, reason in calls.items():
        done = mlflow_run(str(checkout), "--env-manager", "local", "-P", call, cwd=tmp_path, environments=environments)
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        assert reason in done.stderr
        newest = runs(tmp_path)[0]
        assert newest.info.status == "FAILED"
        assert newest.data.tags["reprise.exit_code"] == "2"
        assert reason in newest.data.tags["reprise.failure"]


def test_without_git_or_a_repository_the_run_says_so(checkout: Path, tmp_path: Path) -> None:
    shutil.copytree(checkout, tmp_path / "copy", ignore=shutil.ignore_patterns(".git"))
    done = run("python", "train.py", cwd=tmp_path / "copy")
    assert done.returncode == 0, done.stderr
    assert "no commit is recorded: the project's folder is in no git repository" in done.stderr
    (found,) = runs(tmp_path / "copy")
    assert "mlflow.source.git.commit" not in found.data.tags
    assert "in no git repository" in found.data.tags["reprise.git"]


def test_the_model_loads_in_an_environment_of_its_own_requirements(checkout: Path, tmp_path: Path) -> None:
    if not shutil.which("uv"):
        pytest.skip("uv is not installed")
    assert run("python", str(checkout / "train.py"), cwd=tmp_path).returncode == 0
    (found,) = runs(tmp_path)
    folder = mlflow.artifacts.download_artifacts(f"runs:/{found.info.run_id}/model", dst_path=str(tmp_path / "model"))
    model = next(Path(folder).rglob("MLmodel")).parent
    python = tmp_path / "env/bin/python"
    for command in (
        ["uv", "venv", "--quiet", "--python", "3.11", str(tmp_path / "env")],
        ["uv", "pip", "install", "--quiet", "--python", str(python), "-r", str(model / "requirements.txt")],
    ):
        done = run(*command, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    score = f"""
import json, mlflow.pyfunc, pandas as pd
example = json.load(open({str(model / "input_example.json")!r}))
rows = pd.DataFrame(example["data"], columns=example["columns"])
print(mlflow.pyfunc.load_model({str(model)!r}).predict(rows).tolist())
"""
    done = run(python, "-c", score, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)) == 5
