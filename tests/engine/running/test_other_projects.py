"""Projects of other people, run by `mlflow run` or at a commit in all the ways that MLflow takes, and reproduced."""

import json
from collections.abc import Callable
from pathlib import Path

import mlflow
import pytest
from conftest import commit_all, git, reproduced

from reprise.backends.commit import CommitBackend
from reprise.base.errors import Irreproducible

OPTIONS = """
import argparse, mlflow
parser = argparse.ArgumentParser()
parser.add_argument("--alpha", type=float, default=0.1)
parser.add_argument("--l1-ratio", type=float, default=0.2)
given = parser.parse_args()
with mlflow.start_run():
    mlflow.log_param("by_itself", 1)
    mlflow.log_metric("score", given.alpha + 10 * given.l1_ratio)
"""
WORDS = """
import sys, mlflow
given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
with mlflow.start_run():
    mlflow.log_metric("score", sum(float(value) for value in given.values()))
"""
SHELL = 'python "$(dirname "$0")/job.py" "$@"\n'
MLPROJECT = "entry_points: {main: {parameters: {alpha: {default: 0.5}}, command: 'python job.py --alpha {alpha}'}}"
Run = Callable[..., mlflow.entities.Run]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: str, quick_python: None) -> None:
    monkeypatch.setenv("REPRISE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SHELL", "/bin/bash")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "foreign"
    path.mkdir()
    return path


def write(folder: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    commit_all(folder)


def run_plainly(folder: Path, entry_point: str, parameters: dict[str, str]) -> mlflow.entities.Run:
    """Run as `mlflow run` itself does."""
    submitted = mlflow.projects.run(str(folder), entry_point, env_manager="local", parameters=parameters)
    return mlflow.get_run(submitted.run_id)


def run_at_commit(folder: Path, entry_point: str, parameters: dict[str, str]) -> mlflow.entities.Run:
    """Run as `mlflow run -b commit` does."""
    experiment = mlflow.MlflowClient().get_experiment_by_name("test").experiment_id
    config = {"ENV_MANAGER": "local"}
    uri = mlflow.get_tracking_uri()
    run_id = CommitBackend().run(str(folder), entry_point, parameters, None, config, uri, experiment).run_id
    return mlflow.get_run(run_id)


PROJECTS: dict[str, tuple[dict[str, str], str, dict[str, str]]] = {
    "MLProject": ({"MLProject": MLPROJECT, "job.py": OPTIONS}, "main", {"alpha": "0.7"}),
    "mlproject": ({"mlproject": MLPROJECT, "job.py": OPTIONS}, "main", {"alpha": "0.7"}),
    "undeclared": ({"MLPROJECT": MLPROJECT, "job.py": OPTIONS}, "main", {"alpha": "0.7"}),
    "script beside MLproject": ({"MLproject": MLPROJECT, "job.py": OPTIONS}, "job.py", {"alpha": "3", "l1-ratio": "4"}),
    "script and no MLproject": ({"job.py": OPTIONS}, "job.py", {"alpha": "3", "l1-ratio": "4"}),
    "script that names nothing": ({"job.py": WORDS}, "job.py", {"alpha": "3", "beta": "4"}),
    "script in a folder": ({"scripts/job.py": OPTIONS}, "scripts/job.py", {"alpha": "1e-3"}),
    "script with an odd name": ({"my job.py": OPTIONS}, "my job.py", {"alpha": "3"}),
    "shell script": ({"job.sh": SHELL, "job.py": OPTIONS}, "job.sh", {}),
    "conda.yaml alone": ({"job.py": OPTIONS, "conda.yaml": "dependencies: [python=3.11]\n"}, "job.py", {"alpha": "3"}),
}


@pytest.mark.integration
@pytest.mark.parametrize("run", [run_plainly, run_at_commit], ids=["plainly", "at a commit"])
@pytest.mark.parametrize(("files", "entry_point", "parameters"), PROJECTS.values(), ids=PROJECTS)
def test_what_mlflow_runs_is_reproduced(
    folder: Path, run: Run, files: dict[str, str], entry_point: str, parameters: dict[str, str]
) -> None:
    write(folder, files)
    recorded = run(folder, entry_point, parameters)
    verdict = reproduced(recorded)
    assert verdict["verdict"] == "reproduced", verdict
    again = mlflow.get_run(str(verdict["rerun_id"]))
    assert again.data.metrics == recorded.data.metrics
    assert {name: value for name, value in again.data.params.items() if name in parameters} == {
        name: recorded.data.params[name] for name in parameters
    }


@pytest.mark.integration
def test_at_a_commit_the_parameters_beyond_the_declared_ones_are_given_again(folder: Path) -> None:
    write(folder, {"MLproject": MLPROJECT, "job.py": OPTIONS})
    recorded = run_at_commit(folder, "main", {"l1-ratio": "0.9"})
    assert recorded.data.metrics["score"] == 9.5
    assert json.loads(recorded.data.tags["reprise.extra_parameters"]) == ["l1-ratio"]
    assert reproduced(recorded)["verdict"] == "reproduced"


@pytest.mark.integration
def test_what_a_script_was_given_is_told_from_its_text_and_said(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(folder, {"job.py": OPTIONS})
    reproduced(run_plainly(folder, "job.py", {"alpha": "3"}))
    said = "note: job.py declares no parameters; given to the rerun: alpha; logged by the script itself: by_itself"
    assert said in capsys.readouterr().err


@pytest.mark.integration
@pytest.mark.parametrize("link", ["MLproject", "conda.yaml"])
def test_a_file_that_is_a_link_within_the_repository_is_followed(folder: Path, link: str) -> None:
    files = {"MLproject": MLPROJECT, "conda.yaml": "dependencies: [python=3.11]\n"}
    write(
        folder,
        {"project/job.py": OPTIONS, f"shared/{link}": files.pop(link), **{f"project/{n}": t for n, t in files.items()}},
    )
    (folder / "project" / link).symlink_to(f"../shared/{link}")
    commit_all(folder)
    assert reproduced(run_plainly(folder / "project", "main", {}))["verdict"] == "reproduced"


@pytest.mark.integration
@pytest.mark.parametrize("name", ["a b", "a%20b", "a:b", "ä", "a\nb", "?x"])
def test_a_folder_of_any_name_is_reproduced(folder: Path, tmp_path: Path, name: str) -> None:
    write(folder, {f"{name}/MLproject": MLPROJECT, f"{name}/job.py": OPTIONS})
    folder = folder.rename(tmp_path / name)
    recorded = run_at_commit(folder / name, "main", {"alpha": "2"})
    assert recorded.data.tags["reprise.subdirectory"] == name
    assert reproduced(recorded)["verdict"] == "reproduced"
    assert reproduced(run_plainly(folder / name, "main", {"alpha": "2"}))["verdict"] == "reproduced"


@pytest.mark.integration
def test_of_a_run_at_a_commit_the_patch_is_compared(folder: Path) -> None:
    write(folder, {"MLproject": MLPROJECT, "job.py": OPTIONS})
    verdict = reproduced(run_at_commit(folder, "main", {}))
    found = {finding["name"]: finding["match"] for finding in verdict["findings"]}  # type: ignore[attr-defined]
    assert found["patch"] == "equal"
    verdict = reproduced(run_plainly(folder, "main", {}))
    found = {finding["name"]: finding["match"] for finding in verdict["findings"]}  # type: ignore[attr-defined]
    assert found["patch"] == "not compared"


@pytest.mark.integration
@pytest.mark.parametrize(
    ("gone", "reason"),
    [("job.py", "has no script 'job.py' in its top folder"), ("MLProject", "has no MLproject in its top folder")],
)
def test_what_the_commit_lacks_is_named(folder: Path, gone: str, reason: str) -> None:
    write(folder, {"other.txt": "x"})
    before = git(folder, "rev-parse", "HEAD")
    write(folder, {"MLProject": MLPROJECT, "job.py": OPTIONS})
    run = run_plainly(folder, "main" if gone == "MLProject" else "job.py", {})
    mlflow.MlflowClient().set_tag(run.info.run_id, "mlflow.source.git.commit", before)
    with pytest.raises(Irreproducible, match=reason):
        reproduced(run)


@pytest.mark.integration
@pytest.mark.parametrize("place", ["../../..", "/tmp", ".git/hooks", "a/../.."])
def test_a_recorded_subdirectory_leads_nowhere_else(folder: Path, place: str) -> None:
    write(folder, {"MLproject": MLPROJECT, "job.py": OPTIONS})
    run = run_at_commit(folder, "main", {})
    mlflow.MlflowClient().set_tag(run.info.run_id, "reprise.subdirectory", place)
    with pytest.raises(Irreproducible, match=r"subdirectory .* is refused: it must be a path inside of the folder"):
        reproduced(run)
