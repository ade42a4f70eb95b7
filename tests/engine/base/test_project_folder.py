"""Which project a process acts on: that of its script, else that of the current folder, and which one is said."""

import os
import re
import shutil
import sys
from pathlib import Path

import mlflow
import pytest
from conftest import PROJECT, commit_all, run

from reprise.base.project import mlproject_in

WHERE = "from reprise.base.project import FOLDER; print(FOLDER)"


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """A project that has no engine of its own."""
    folder = tmp_path / "other"
    (folder / "deep/er").mkdir(parents=True)
    (folder / "MLproject").write_text("name: other\n")
    (folder / "where.py").write_text(WHERE)
    shutil.copy(PROJECT / "conda.yaml", folder)
    commit_all(folder)
    return folder


def acts_on(cwd: Path, *command: str | Path) -> Path:
    done = run(sys.executable, *(command or ("-c", WHERE)), cwd=cwd)
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())


def test_the_nearest_folder_upwards_that_has_an_mlproject(other: Path) -> None:
    assert acts_on(other) == acts_on(other / "deep") == acts_on(other / "deep/er") == other
    (other / "deep/MLProject").write_text("name: inner\n")
    assert acts_on(other / "deep/er") == other / "deep"


def test_a_script_acts_on_its_own_project_from_wherever_it_is_called(other: Path, tmp_path: Path) -> None:
    for cwd in (tmp_path, PROJECT, other / "deep"):
        assert acts_on(cwd, other / "where.py") == other
    (tmp_path / "link.py").symlink_to(other / "where.py")
    assert acts_on(tmp_path, tmp_path / "link.py") == other


def test_a_script_that_is_no_project_s_acts_on_the_current_folder(other: Path, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(WHERE)
    assert acts_on(other / "deep", tmp_path / "script.py") == other


def test_a_script_deep_in_a_project_acts_on_it_and_not_on_the_current_folder(other: Path) -> None:
    (other / "deep/er/script.py").write_text(WHERE)
    assert acts_on(PROJECT, other / "deep/er/script.py") == other


def test_a_command_of_an_environment_that_lies_in_a_project_acts_on_the_current_folder(
    other: Path, tmp_path: Path
) -> None:
    run(sys.executable, "-m", "venv", "--without-pip", "--system-site-packages", other / ".venv", cwd=other)
    script = other / ".venv/bin/where.py"
    script.write_text(WHERE)
    packages = os.pathsep.join([str(PROJECT), *sys.path[1:]])
    done = run(other / ".venv/bin/python", script, cwd=tmp_path, PYTHONPATH=packages)
    assert done.stdout.strip() == str(tmp_path), done.stderr


def test_without_any_it_is_the_current_folder_and_never_where_the_package_lies(tmp_path: Path) -> None:
    assert acts_on(tmp_path) == tmp_path


NEEDING: list[tuple[str, ...]] = [
    ("lock",), ("tune",), ("reproduce", "latest"), ("promote", "1"), ("rollback",),
]  # fmt: skip


@pytest.mark.usefixtures("quick_python")
@pytest.mark.parametrize("command", NEEDING, ids=[command[0] for command in NEEDING])
def test_what_needs_a_project_says_so_in_one_line(command: tuple[str, ...], tmp_path: Path) -> None:
    done = run("reprise", *command, cwd=tmp_path)
    (line,) = done.stderr.splitlines()
    said = f"{command[0]} needs a project, and neither {tmp_path} nor a folder above it has an MLproject of yours: "
    assert line.startswith("Error: ")
    assert line.endswith(f"{said}go to a project's folder first")
    assert (done.returncode, done.stdout) == (2, "")


@pytest.mark.usefixtures("quick_python")
def test_what_needs_none_goes_on_outside_of_any(store: str, tmp_path: Path) -> None:
    client, experiment = mlflow.MlflowClient(), mlflow.get_experiment_by_name("test").experiment_id
    run_id = client.create_run(experiment, tags={"reprise.job": "train"}).info.run_id
    client.log_metric(run_id, "test_accuracy", 0.5)
    client.set_terminated(run_id)
    commands: list[tuple[str, ...]] = [("show", run_id), ("history",), ("compare", run_id, run_id)]
    for command in (*commands, ("best", "--metric", "test_accuracy")):
        done = run("reprise", *command, cwd=tmp_path, MLFLOW_TRACKING_URI=store, MLFLOW_EXPERIMENT_NAME="test")
        assert done.returncode == 0, done.stderr


@pytest.mark.usefixtures("quick_python")
def test_a_script_of_a_run_says_that_it_lacks_a_project(tmp_path: Path) -> None:
    for name in ("train.py", "model.py"):
        shutil.copy(PROJECT / name, tmp_path)
    done = run("python", "train.py", cwd=tmp_path, PYTHONPATH=str(PROJECT))
    assert done.returncode == 2, done.stderr
    assert "needs a project, and neither" in done.stderr.splitlines()[-1]


def test_a_project_without_an_environment_lock_is_one_line(other: Path) -> None:
    (other / "conda.yaml").unlink()
    done = run("reprise", "lock", cwd=other)
    assert done.returncode == 2
    assert f"Error: {other}/conda.yaml, which pins the environment, is missing; restore it" in done.stderr


@pytest.mark.integration
def test_an_entry_point_that_neither_project_has_is_named_with_its_line(other: Path, tmp_path: Path) -> None:
    """Where the package lies in no project; an editable checkout lends its own (store/test_stores.py)."""
    bare = tmp_path / "bare"
    shutil.copytree(PROJECT / "reprise", bare / "reprise")
    (other / "MLproject").write_text("entry_points: {main: {command: 'true'}}\n")
    done = run("python", "-m", "reprise", "tune", "-P", "n_jobs=2", cwd=other, PYTHONPATH=str(bare))
    assert done.returncode == 2, done.stderr
    assert done.stderr.splitlines()[-1] == (
        f"Error: {other}/MLproject has no entry point tune; put below entry_points: tune: {{parameters: {{n_jobs: "
        'string}, command: "python -m reprise job tune --n-jobs={n_jobs}"}'
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a file to another user")
def test_what_another_user_has_put_into_a_shared_folder_is_no_project(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "MLproject").write_text("name: planted\n")
    os.chown(tmp_path / "MLproject", 12345, 12345)
    assert acts_on(tmp_path / "mine") == tmp_path / "mine"
    os.chown(tmp_path / "MLproject", os.getuid(), -1)
    assert acts_on(tmp_path / "mine") == tmp_path


@pytest.mark.parametrize("name", ["MLproject", "MLProject", "mlproject", "MLPROJECT"])
def test_mlproject_is_found_as_mlflow_finds_it(name: str, tmp_path: Path) -> None:
    assert mlproject_in(tmp_path) is None
    (tmp_path / name).mkdir()
    assert mlproject_in(tmp_path) is None
    (tmp_path / name).rmdir()
    (tmp_path / name).touch()
    assert mlproject_in(tmp_path) == tmp_path / name


def test_the_launcher_says_on_which_project_it_acts_where_that_is_another(other: Path) -> None:
    done = run("reprise", "doctor", cwd=other / "deep")
    assert f"note: using the project in {other}\n" in done.stderr
    assert f"{other}, main at " in done.stdout
    assert "using the project" not in run("reprise", "doctor", cwd=PROJECT).stderr


def test_doctor_says_that_there_is_no_project(tmp_path: Path) -> None:
    done = run("reprise", "doctor", cwd=tmp_path)
    assert re.search(
        r"^warn  project +no project in this folder; .*\n +-> neither .* has an MLproject of yours",
        done.stdout,
        re.MULTILINE,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.integration
def test_the_lock_of_the_current_folder_is_written_and_no_other(project: Path) -> None:
    """By the launcher of another clone: this one's own stays as it is."""
    before = (PROJECT / "conda.yaml").read_bytes()
    (project / "conda.yaml").write_bytes(before + b"# of this clone\n")
    done = run("reprise", "lock", cwd=project / "docs")
    assert done.returncode == 0, done.stderr
    assert f"wrote {project / 'conda.yaml'}" in done.stdout
    assert (project / "conda.yaml").read_bytes() != before + b"# of this clone\n"
    assert (PROJECT / "conda.yaml").read_bytes() == before
