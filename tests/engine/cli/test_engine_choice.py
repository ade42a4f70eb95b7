"""Where a project brings an engine and another one is installed, the project's acts, and it is said."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import PROJECT, commit_all, run

import reprise

SAYS = """
import os, sys
print(__file__, sys.argv[1:], os.environ.get("PYTHONPATH"), os.environ.get("REPRISE_HANDED_OVER"))
"""


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """A project with an engine of another version, which says that it acts."""
    folder = tmp_path / "other"
    (folder / "reprise").mkdir(parents=True)
    (folder / "deep/reprise").mkdir(parents=True)
    (folder / "MLproject").write_text("name: other\n")
    (folder / "reprise/__init__.py").write_text('__version__ = "9.8.7"\n')
    (folder / "reprise/__main__.py").write_text(SAYS)
    (folder / "deep/reprise/__init__.py").write_text("raise SystemExit('this is no engine')")
    commit_all(folder)
    return folder


def started(cwd: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    done = run("reprise", *arguments, cwd=cwd, **variables)
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.parametrize("place", ["", "deep"])
def test_the_project_s_own_engine_acts_and_is_said(other: Path, place: str) -> None:
    done = started(other / place, "show", "a b", "--x=$1")
    assert done.stdout == f"{other}/reprise/__main__.py ['show', 'a b', '--x=$1'] None {other}\n"
    ours = reprise.__version__
    said = f"note: using the engine in {other}/reprise (version 9.8.7) instead of the installed one (version {ours})\n"
    assert done.stderr == said


def test_a_path_that_was_there_stays_as_it_is(other: Path) -> None:
    assert f" /elsewhere {other}" in started(other, PYTHONPATH="/elsewhere").stdout


def test_no_other_module_of_the_project_s_folder_stands_for_an_installed_one(other: Path) -> None:
    (other / "reprise/__main__.py").write_text("import click\nfrom reprise import lately\nprint(click.__file__)\n")
    (other / "reprise/lately.py").touch()
    (other / "click.py").write_text("raise SystemExit('a module of the project has run')")
    for place in (other, other / "reprise"):
        assert "site-packages/click" in started(place).stdout


def test_what_it_starts_finds_the_variables_as_they_were(other: Path) -> None:
    """A clone without an engine would else be run by this project's, and not by its environment's."""
    shutil.rmtree(other / "reprise")
    shutil.copytree(PROJECT / "reprise", other / "reprise")
    (other / "MLproject").write_text("entry_points: {main: {command: 'true'}, tune: {command: env}}\n")
    shutil.copy(PROJECT / "conda.yaml", other)
    for before in ({}, {"PYTHONPATH": "/elsewhere"}):
        said = started(other / "deep", "tune", "--env-manager", "local", **before)
        found = [line for line in said.stdout.splitlines() if line.startswith(("PYTHONPATH=", "REPRISE_HANDED"))]
        assert found == [f"{name}={value}" for name, value in before.items()]
        assert f"note: using the engine in {other}/reprise" in said.stderr
        assert "using the project" not in said.stderr


def test_it_is_tried_once(other: Path) -> None:
    done = started(other, "--version", REPRISE_HANDED_OVER=str(other))
    assert reprise.__version__ in done.stdout
    assert "cannot be started; the installed engine runs" in done.stderr


def test_one_that_cannot_be_started_is_said(other: Path) -> None:
    """As of a commit from before there was a command line."""
    (other / "reprise/__main__.py").unlink()
    done = run("reprise", "doctor", cwd=other)
    assert f"note: using the project in {other}, with the engine of {PROJECT} instead of its own\n" in done.stderr
    assert f"{other}, main at " in done.stdout


def test_a_module_of_the_project_s_own_is_the_project_s(other: Path) -> None:
    """`python -m reprise …` in MLproject, whose current folder is the project's, needs no handing over."""
    done = run(sys.executable, "-m", "reprise", "x", cwd=other)
    assert done.stdout == f"{other}/reprise/__main__.py ['x'] None None\n"
    assert done.stderr == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a file to another user")
def test_what_another_user_has_put_into_the_folder_is_not_started(other: Path) -> None:
    (other / "reprise/cli").mkdir()
    (other / "reprise/cli/commands.py").touch()
    for planted in ("reprise/__main__.py", "reprise", "MLproject", "reprise/cli", "reprise/cli/commands.py"):
        os.chown(other / planted, 12345, 12345)
        done = started(other, "--version")
        assert f"note: {other / planted} is another user's" in done.stderr
        assert reprise.__version__ in done.stdout
        os.chown(other / planted, os.getuid(), -1)
    assert started(other).stdout.startswith(str(other))


@pytest.mark.parametrize("place", [".", "MLproject", "reprise", "reprise/cli", "reprise/cli/commands.py"])
def test_what_every_user_may_alter_is_not_started(other: Path, place: str) -> None:
    (other / "reprise/cli").mkdir()
    (other / "reprise/cli/commands.py").touch()
    before = (other / place).stat().st_mode
    (other / place).chmod(before | 0o002)
    done = started(other, "--version")
    assert f"note: {other / place} can be altered by every user (chmod o-w); the engine in" in done.stderr
    assert reprise.__version__ in done.stdout
    (other / place).chmod(before | 0o020)
    assert started(other).stdout.startswith(str(other))


def test_a_link_to_a_folder_is_not_started(other: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (other / "reprise/cli").symlink_to(tmp_path / "elsewhere")
    (other / "reprise/.#locked").symlink_to("nowhere")
    assert f"note: {other / 'reprise/cli'} is a link to a folder; the engine" in started(other, "--version").stderr


@pytest.mark.integration
def test_mlflow_run_runs_the_project_s_own(other: Path) -> None:
    command = "python -m reprise of {tracking}"
    (other / "MLproject").write_text(
        f"entry_points: {{main: {{parameters: {{tracking: {{default: here}}}}, command: '{command}'}}}}\n"
    )
    done = run("mlflow", "run", ".", "--env-manager", "local", cwd=other)
    assert done.returncode == 0, done.stderr
    assert f"{other}/reprise/__main__.py ['of', 'here'] None None\n" in done.stdout
