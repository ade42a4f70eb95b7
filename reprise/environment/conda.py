"""Find conda for MLflow, and build its environments apart from those of plain `mlflow run`."""

import os
import shutil
from pathlib import Path

from mlflow.environment_variables import MLFLOW_CONDA_HOME

from reprise.base import mlflow_private
from reprise.base.errors import JobFailed, WrongCall

CONDA_EXE = "CONDA_EXE"
"""conda's own variable, which MLflow reads: where conda is."""

_HOOK = Path("etc/profile.d/conda.sh")  # defines `conda activate` in a shell
_OTHER = "or give --env-manager uv"


def find() -> None:
    """Find conda and set its path for MLflow, which otherwise sources the first `activate` on the PATH, even a venv's.

    Raises:
        WrongCall: conda is not at its configured path, or not on the PATH.
    """
    if home := MLFLOW_CONDA_HOME.get():
        if not _is_whole(Path(home) / "bin/conda"):
            message = f"{MLFLOW_CONDA_HOME} is {home}, which holds no bin/conda with {_HOOK}"
            raise WrongCall(message, remedy=f"name conda's own folder, unset it, {_OTHER}")
        return
    if said := os.environ.get(CONDA_EXE):
        if not _is_whole(Path(said)):
            raise WrongCall(f"{CONDA_EXE} is {said}, which is no conda with {_HOOK}", remedy=f"unset it, {_OTHER}")
        return
    found = shutil.which("conda")
    if not found:
        raise WrongCall("conda is not on the PATH", remedy=f"install it, set {MLFLOW_CONDA_HOME}, {_OTHER}")
    for place in (Path(found), Path(found).resolve()):  # what stands in condabin, or links to conda from elsewhere
        for program in (place.parent.parent / "bin/conda", place):
            if _is_whole(program):
                os.environ[CONDA_EXE] = str(program)
                return
    raise WrongCall(
        f"{found} has no {_HOOK} beside it", remedy=f"set {MLFLOW_CONDA_HOME} to conda's own folder, {_OTHER}"
    )


def _is_whole(program: Path) -> bool:
    return os.access(program, os.X_OK) and (program.parent.parent / _HOOK).is_file()


def place_of(root: Path, conda_yaml: str | None) -> Path:
    """Return where the environment of a file is, below a folder for such.

    conda lists the environments of all folders, and MLflow looks for a name alone, so the folder is part of the name.
    """
    return root / mlflow_private.conda_name(conda_yaml, str(root))


def build(place: Path, conda_yaml: str | None) -> None:
    """Build an environment by conda, through MLflow.

    Raises:
        JobFailed: conda has built it elsewhere, if at all.
        Exception: MLflow's own, where conda fails.
    """
    os.environ["CONDA_ENVS_PATH"] = str(place.parent)  # where conda makes and finds environments by their name
    mlflow_private.create_conda_environment(conda_yaml, str(place.parent))
    if not place.is_dir():
        raise JobFailed(
            f"conda has built no environment at {place}", remedy="look at envs_dirs in conda config --show-sources"
        )


def activation(place: Path) -> list[str]:
    """Return the shell commands that activate an environment."""
    os.environ["CONDA_ENVS_PATH"] = str(place.parent)
    return mlflow_private.conda_activation(place.name)
