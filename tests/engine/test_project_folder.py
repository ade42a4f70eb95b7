"""Which project a process acts on: that of its script, else that of the current folder, and which one is said."""

import os
import shutil
import sys
from pathlib import Path

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


def test_without_any_it_is_the_one_that_the_package_lies_in(tmp_path: Path) -> None:
    assert acts_on(tmp_path) == PROJECT


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a file to another user")
def test_what_another_user_has_put_into_a_shared_folder_is_no_project(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "MLproject").write_text("name: planted\n")
    os.chown(tmp_path / "MLproject", 12345, 12345)
    assert acts_on(tmp_path / "mine") == PROJECT
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
    assert f"note: this acts on the project in {other}\n" in done.stderr
    assert f"{other}, main at " in done.stdout
    (other / "reprise").mkdir()
    (other / "reprise/__init__.py").touch()
    done = run("reprise", "doctor", cwd=other)
    assert f"note: this acts on the project in {other}, by the engine of {PROJECT} and not its own\n" in done.stderr
    assert "this acts on" not in run("reprise", "doctor", cwd=PROJECT).stderr


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
