"""Build a project's environment completely before it is used.

MLflow uses any folder of the right name, even if another process is building it or a build was interrupted. Here each
environment is built under a lock, in a folder of its own, and marked when it is complete.
"""

import re
import shlex
import shutil
import signal
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml
from mlflow.environment_variables import MLFLOW_ENV_ROOT
from mlflow.exceptions import MlflowException

from reprise.base import mlflow_private, untrusted_text
from reprise.base.errors import JobFailed, WrongCall, one_line
from reprise.base.mlflow_private import Project
from reprise.base.process_lock import locked
from reprise.base.terminal import note, step
from reprise.environment import conda

UV: Final = "uv"
VIRTUALENV: Final = "virtualenv"
CONDA: Final = "conda"
LOCAL: Final = "local"
"""What builds an environment, as `mlflow run --env-manager` takes it."""

PYTHON_ENV: Final = "python_env"
CONDA_ENV: Final = "conda_env"
"""Keys of an MLproject."""

PLACE = "at-commit"
"""The folder below MLFLOW_ENV_ROOT, apart from what `mlflow run` builds without a lock."""

WHAT = "the project's environment; later runs with the same lock reuse it"

_PROGRAMS = {UV: "uv", VIRTUALENV: "pyenv"}

LAST_LINES = 12
"""Lines of a failed build that are shown."""

_ERROR = re.compile(
    r"\s*(?:\N{MULTIPLICATION SIGN}"  # uv's
    r"|(?:ERROR|error): "  # pip's and uv's
    r"|python-build: "  # pyenv's
    r"|(?:[A-Z]\w*\.)*[A-Z]\w*(?:Error|Exception|NotFound|Unsatisfiable)\w*: )"  # conda's, or Python's own
)
_SECOND_HAND = re.compile(r"\s*CondaEnvException: Pip failed")  # conda's, below what pip says
_EXIT_CODE = re.compile(r"Non-zero exit code: (-?\d+)")  # MLflow's first line
_SHELL = 128  # a shell's exit code for a command that a signal has ended, less the signal's number
_SHOWN = 4  # lines


def choose_manager(project: Project, asked: str | None) -> str:
    """Choose the environment manager, with MLflow's default, and check that it is installed.

    Raises:
        WrongCall: the manager is not installed, or cannot build what the project asks for.
    """
    if project.docker_env:
        raise WrongCall(
            "the project asks for docker_env, which is not run at a commit", remedy="use conda_env or python_env"
        )
    manager = asked or (CONDA if project.env_type == CONDA_ENV else VIRTUALENV)
    if manager == CONDA and project.env_type == PYTHON_ENV:
        raise WrongCall("conda does not build a python_env", remedy="give --env-manager uv or virtualenv")
    if manager == CONDA:
        conda.find()
    elif (program := _PROGRAMS.get(manager)) and not shutil.which(program):
        other = "" if manager == UV else ", or give --env-manager uv"
        raise WrongCall(f"{program} is not on the PATH", remedy=f"install it{other}")
    return manager


@dataclass(frozen=True)
class Built:
    """An environment that is there.

    Attributes:
        folder: its own; None for the environment of this very process.
        activation: the shell commands that activate it.
    """

    folder: Path | None = None
    activation: tuple[str, ...] = ()


def built(project: Project, folder: Path, manager: str, python: str | None = None, what: str = WHAT) -> Built:
    """Build the environment if it is not there yet.

    Args:
        project: what asks for it.
        folder: the project's own folder.
        manager: `uv`, `virtualenv`, `conda` or `local`, which builds nothing.
        python: the version to take of those that the project allows, such as 3.11.2 of 3.11; None for any. conda
            is not asked for it.
        what: what is built, for a person.

    Raises:
        JobFailed: it cannot be built; the build's last lines are printed.
    """
    if manager == LOCAL:
        return Built()
    if manager == CONDA:
        return _built_by_conda(project, what)
    python_env = _python_env(project)
    if python:
        python_env.python = _narrowed(python_env.python, python, manager)
    place = _root() / mlflow_private.environment_name(python_env, folder)
    _build_once(place, lambda: _create(place, folder, python_env, manager), what)
    return Built(place, (f"source {shlex.quote(str(place / 'bin/activate'))}",))


def _built_by_conda(project: Project, what: str) -> Built:
    place = conda.place_of(_root() / "conda", project.env_config_path)
    _build_once(place, lambda: conda.build(place, project.env_config_path), what)
    return Built(place, tuple(conda.activation(place)))


def _create(place: Path, folder: Path, python_env: Any, manager: str) -> None:
    if manager == VIRTUALENV:
        python_env.python = _installed(python_env.python)
    mlflow_private.create_environment(folder, python_env, place, manager)


def _python_env(project: Project) -> Any:
    path = project.env_config_path
    if not path:
        return mlflow_private.python_env()
    try:
        return mlflow_private.python_env_of(Path(path), conda=project.env_type == CONDA_ENV)
    except (MlflowException, yaml.YAMLError, *untrusted_text.NONE) as error:
        raise JobFailed(f"{Path(path).name} describes no environment: {one_line(error, 300)}") from error


@cache
def _narrowed(allowed: str, version: str, manager: str) -> str:
    """Return the version if it is allowed and the manager can provide it. The answer is cached.

    uv finds it on this machine or brings it. pyenv would build it from source, so it is taken where it is there.
    """
    if not version.startswith(f"{allowed}."):
        return allowed
    if manager == VIRTUALENV:
        if version in _of_pyenv():
            return version
        note(f"pyenv has no Python {version}; using another Python {allowed}")
        return allowed
    for ask in (["find", "--system"], ["install"]):
        if subprocess.run(["uv", "python", *ask, version], capture_output=True, check=False).returncode == 0:
            return version
    note(f"Python {version} is not on this machine, and uv cannot download it; using another Python {allowed}")
    return allowed


def _installed(allowed: str) -> str:
    """Take the newest version that pyenv has of those allowed. MLflow takes the newest that there is, and builds it."""
    fitting = [version for version in _of_pyenv() if f"{version}.".startswith(f"{allowed}.")]
    if fitting:
        return max(fitting, key=lambda version: tuple(map(int, version.split("."))))
    note(f"pyenv has no Python {allowed}, and builds one from source, which takes minutes; --env-manager uv brings one")
    return allowed


def _of_pyenv() -> list[str]:
    done = subprocess.run(["pyenv", "versions", "--bare"], capture_output=True, text=True, check=False)
    return [version for version in done.stdout.split() if re.fullmatch(r"\d+\.\d+\.\d+", version)]


def _root() -> Path:
    root = Path(MLFLOW_ENV_ROOT.get()).expanduser().absolute()
    return root if root.name == PLACE else root / PLACE


def _build_once(place: Path, build: Callable[[], object], what: str) -> None:
    """Build an environment unless a complete one exists. One process builds, and the others wait."""
    whole = place.with_name(f"{place.name}.whole")
    try:
        with locked(place.with_name(f"{place.name}.lock")):
            if whole.exists() and place.exists():
                return
            whole.unlink(missing_ok=True)
            shutil.rmtree(place, ignore_errors=True)
            note(f"building {what} …")
            with step("build the environment"):
                build()
            whole.touch()
    except mlflow_private.build_failure() as error:
        lines = [line for line in str(error).splitlines() if line.strip()]
        for line in lines[-LAST_LINES:]:
            note(line)
        raise JobFailed(f"the environment cannot be built: {one_line(error_lines(lines))}") from error
    except MlflowException as error:
        raise JobFailed(f"the environment cannot be built: {error}") from error
    except OSError as error:
        raise JobFailed(f"the environment cannot be built in {place.parent}: {error.strerror}") from error


def error_lines(lines: Sequence[str]) -> str:
    """Return the part of a failed build's output that says what is wrong, in one line or a few.

    Args:
        lines: those that are not blank; the first are MLflow's, with the exit code.
    """
    if ended := _ending_signal(lines):
        short = "; memory may be short" if ended == "SIGKILL" else ""
        return f"its builder was ended by {ended}{short}"
    found = [number for number, line in enumerate(lines) if _ERROR.match(line) and not _SECOND_HAND.match(line)]
    return " ".join(lines[found[-1] :][:_SHOWN]) if found else lines[-1]


def _ending_signal(lines: Sequence[str]) -> str | None:
    """Name the signal that ended the builder; None where it ended by itself."""
    found = _EXIT_CODE.match(lines[0]) if lines else None
    code = int(found[1]) if found else 0
    number = -code if code < 0 else code - _SHELL
    return signal.Signals(number).name if number in signal.valid_signals() else None
