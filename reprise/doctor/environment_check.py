"""Check environment managers, the Python and the mlflow of the lock, and the environments that MLflow keeps."""

import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from reprise.base import mlflow_private
from reprise.base.credentials import without_credentials
from reprise.base.display_text import few
from reprise.base.errors import WrongCall
from reprise.doctor.diagnosis import Diagnosis, guarded
from reprise.doctor.disk import free_gib, writing_problem
from reprise.environment import engine_pin
from reprise.environment.pins import Lock, differing_pins, installed_versions, read_lock

ENOUGH_GIB = 2.0
"""Room for a new environment (0.7 GiB) and the manager's cache of it."""

_OPTION = {"uv": "uv", "conda": "conda", "pyenv": "virtualenv"}  # of mlflow run
_PATIENCE = 10  # seconds for a program that only has to say its version


def examine(lock_file: Path) -> Iterator[Diagnosis]:
    """Examine what builds the environment in conda.yaml, and what has been built."""
    yield from managers()
    if not lock_file.exists():
        missing = f"{lock_file} is missing: nothing pins the project's environment"
        yield Diagnosis("FAIL", "lock", missing, f"git checkout -- {shlex.quote(str(lock_file))}")
        return
    lock = read_lock(lock_file)
    yield from guarded("engine's pin", lambda: engines_pin(lock))
    yield from guarded("python", lambda: [locked_python(lock)])
    yield from guarded("mlflow", lambda: [launcher_mlflow(lock)])
    yield from guarded("environments", lambda: kept_environments(lock_file, lock))


def managers() -> Iterator[Diagnosis]:
    """Return which environment managers there are; one that works is enough."""
    programs = {"uv": "uv", "conda": mlflow_private.conda_program(), "pyenv": "pyenv"}
    found = {manager: _first_line(program) for manager, program in programs.items()}
    works = next((_OPTION[manager] for manager, said in found.items() if said), None)
    for manager, said in found.items():
        if said:
            yield Diagnosis("ok", manager, said.removeprefix(f"{manager} ").partition(" (")[0])
        elif manager == "uv":
            yield _no_uv(works)
        else:
            yield Diagnosis("note", manager, f"not found, nor needed: mlflow run --env-manager {works or 'uv'}")


def _no_uv(works: str | None) -> Diagnosis:
    beside = Path(sys.executable).parent
    remedy = f"export PATH={beside}:$PATH" if (beside / "uv").exists() else "pip install uv"
    if works:
        return Diagnosis(
            "warn", "uv", f"not on the PATH; `reprise` needs it, mlflow run --env-manager {works} does not", remedy
        )
    return Diagnosis("FAIL", "uv", "not on the PATH, nor is any other environment manager", remedy)


def locked_python(lock: Lock) -> Diagnosis:
    """Return whether the Python that conda.yaml asks for is on this machine; nothing is downloaded."""
    if shutil.which("uv"):
        done = _run("uv", "python", "find", "--offline", "--no-python-downloads", "--no-project", lock.python)
        if done and done.returncode == 0:
            return Diagnosis("ok", "python", f"{lock.python}, as locked: {done.stdout.strip()}")
        remedy = f"uv python install {lock.python}"
        return Diagnosis("warn", "python", f"{lock.python} is not here; uv has to download it first", remedy)
    if shutil.which("pyenv"):
        done = _run("pyenv", "versions", "--bare")
        if done and any(f"{line}.".startswith(f"{lock.python}.") for line in done.stdout.split()):
            return Diagnosis("ok", "python", f"{lock.python}, as locked, by pyenv")
        remedy = f"pyenv install {lock.python}"
        return Diagnosis("warn", "python", f"{lock.python} is not here; pyenv has to build it first", remedy)
    return Diagnosis("note", "python", f"{lock.python} was not looked for: neither uv nor pyenv is here")


def engines_pin(lock: Lock) -> Iterator[Diagnosis]:
    """Return whether the pin of the engine, where there is one, names one engine for good, and without a secret."""
    pin = lock.pins.get(engine_pin.NAME)
    if pin is None:
        return
    try:
        engine_pin.check(pin)
    except WrongCall as error:
        yield Diagnosis("FAIL", "engine's pin", error.problem, error.remedy)
        return
    wanted = without_credentials(pin.url) if pin.url else str(pin.specifier)
    if lock.engine_digest:
        yield Diagnosis("ok", "engine's pin", f"{wanted}, sha256:{lock.engine_digest[:12]}")
    else:
        yield Diagnosis("note", "engine's pin", f"{wanted}; conda.yaml has no digest of it, which reprise lock writes")


def launcher_mlflow(lock: Lock) -> Diagnosis:
    """Compare the mlflow of this process with the locked one, since both use the same store."""
    specifier = str(lock.pins["mlflow-skinny"].specifier)
    try:
        here = version("mlflow-skinny")
    except PackageNotFoundError:
        return Diagnosis("FAIL", "mlflow", "mlflow-skinny is not installed", f"pip install mlflow-skinny{specifier}")
    if lock.pins["mlflow-skinny"].specifier.contains(here, prereleases=True):
        return Diagnosis("ok", "mlflow", f"{here}, as locked")
    other = f"{here} of the launcher differs from the locked {specifier.lstrip('=')}, which runs use"
    return Diagnosis("warn", "mlflow", other, f"pip install mlflow-skinny{specifier}")


def kept_environments(lock_file: Path, lock: Lock) -> Iterator[Diagnosis]:
    """Examine the folder where MLflow keeps environments, those that were left half-built included.

    conda keeps its own elsewhere; these are not looked at.
    """
    from mlflow.environment_variables import MLFLOW_ENV_ROOT  # noqa: PLC0415  slow to import

    root = Path(MLFLOW_ENV_ROOT.get())
    if problem := writing_problem(root):
        yield Diagnosis("FAIL", "environments", problem, "export MLFLOW_ENV_ROOT=FOLDER")
        return
    kept = sorted(root.glob("mlflow-*")) if root.exists() else []
    free = free_gib(root)
    text = f"{root}: {len(kept)} kept, {free:.1f} GiB free"
    if free < ENOUGH_GIB:
        remedy = "free some room, or export MLFLOW_ENV_ROOT=FOLDER"
        yield Diagnosis("warn", "environments", f"{text}, a new one needs {ENOUGH_GIB:g}", remedy)
    else:
        yield Diagnosis("ok", "environments", text)
    own = root / _name_of_environment(lock_file)
    for folder in kept:
        if lack := _lack(folder, lock if folder == own else None):
            half = f"{folder.name} is half-built, and MLflow would use it: {lack}"
            remedy = f"unless a run is building it now: rm -r {shlex.quote(str(folder))}"
            yield Diagnosis("warn", "environments", half, remedy)


def _lack(folder: Path, lock: Lock | None) -> str | None:
    """Return what an environment lacks. All pins are checked if the lock of the environment is known."""
    if not any((folder / python).exists() for python in ("bin/python", "Scripts/python.exe")):
        return "it has no Python"
    sites = [*folder.glob("lib/python3*/site-packages"), *folder.glob("Lib/site-packages")]
    folders = [str(site) for site in sites]
    installed = installed_versions(folders) if sites else {}
    if not set(installed) - {"pip", "setuptools", "wheel"}:
        return "it has no packages"
    differing = differing_pins(lock, installed, folders) if lock else []
    return ", ".join(few(differing, 1)) or None


def _name_of_environment(lock_file: Path) -> str:
    return mlflow_private.environment_name(mlflow_private.python_env_of(lock_file, conda=True), lock_file.parent)


def _first_line(program: str) -> str | None:
    """Return a program's own version line, or None if it is missing or does not start."""
    if not shutil.which(program):
        return None
    done = _run(program, "--version")
    return next(iter(done.stdout.splitlines()), None) if done and done.returncode == 0 else None


def _run(*command: str) -> subprocess.CompletedProcess[str] | None:
    try:
        return subprocess.run(
            command, capture_output=True, text=True, timeout=_PATIENCE, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
