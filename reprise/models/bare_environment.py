"""Try a model in an environment made of its own pins alone, as a server elsewhere would load it.

The launcher calls this. MLflow loads the model there, without this engine, and the model answers its input example.
"""

import importlib.metadata
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
from mlflow.exceptions import MlflowException
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from reprise.base import scratch
from reprise.base.errors import JobFailed, error_summary, one_line
from reprise.base.terminal import step
from reprise.environment import pins
from reprise.environment.built_environment import CONDA_ENV, LOCAL, built, choose_manager
from reprise.environment.pins import Lock
from reprise.models.verified_model import check_code, check_digest, identity, strange_pin
from reprise.store import saved_model

_WHAT = "an environment of the model's own pins; later models with the same pins reuse it"

_VERSION = re.compile(r"3\.\d{1,2}\.\d{1,2}")
_MISSING = re.compile(r"No module named '([\w.]+)'")

_TRY = """
import sys
place, folder = sys.argv[1:]
if place:
    sys.path.append(place)
import mlflow
model = mlflow.pyfunc.load_model(folder)
rows = model.metadata.load_input_example(folder)
if rows is None:
    sys.exit("ValueError: it has no input example to score")
schema = model.metadata.get_input_schema()
if schema is not None and schema.has_input_names():
    kinds = {name: str(spec.type) for name, spec in schema.input_dict().items() if name in rows}
    numbers = [name for name, kind in kinds.items() if kind in ("DataType.double", "DataType.float")]
    texts = [name for name, kind in kinds.items() if kind == "DataType.string" or rows[name].hasnans]
    rows = rows.astype({**dict.fromkeys(texts, object), **dict.fromkeys(numbers, float)})
answers = model.predict(rows)
if len(answers) != len(rows):
    sys.exit(f"ValueError: it gives {len(answers)} answers for {len(rows)} rows")
"""
"""What is run there, without the folders of the user's and of the current folder on Python's path. `place` holds the
packages where no environment is built."""


@dataclass
class _Description:
    """An environment, as `built` takes it."""

    env_config_path: str | None
    env_type: str | None = CONDA_ENV
    docker_env: Mapping[str, Any] | None = None


def answers_alone(uri: str, manager: str, *, trusted: bool = False) -> None:
    """Check that a model loads and answers its input example with nothing but its own pins.

    Args:
        uri: of the model.
        manager: `uv`, `virtualenv` or `conda`, which builds the environment unless it is there; `local` for the pinned
            packages of this process's own, all others hidden.
        trusted: whether it is tried though it has no recorded digest, pins what conda.yaml does not, or holds code.

    Raises:
        WrongCall: it may not be tried without being trusted, or the manager is not installed.
        JobFailed: its files were altered, its environment cannot be had, or it fails there. What is missing is named.
    """
    model_id, run_id = (None, None) if trusted else identity(uri)
    with scratch.folder("model") as place:
        folder = _fetched(uri, place)
        if not trusted:
            check_digest(folder, uri, model_id, run_id)
            strange_pin(folder, uri, run_id)
        lock = _pins_of(folder)
        with _python(lock, _version_of(folder), place, manager) as (python, packages):
            if not trusted:
                check_code(folder, uri, run_id, packages)
            with step(f"load {uri} with its own pins alone"):
                _try(uri, folder, python, packages if manager == LOCAL else None)


def _fetched(uri: str, place: Path) -> Path:
    try:
        return Path(mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=str(place)))
    except (MlflowException, OSError) as error:
        raise JobFailed(f"the files of {uri} cannot be read from the store: {error_summary(error)}") from error


def _pins_of(folder: Path) -> Lock:
    """Read a model's pins.

    Raises:
        JobFailed: it has none, or they are none.
    """
    try:
        wanted = {str(canonicalize_name(one.name)): one for one in saved_model.read_requirements(folder)}
    except (OSError, ValueError) as error:
        raise JobFailed(
            f"the model's requirements.txt cannot be read: {one_line(error, 200)}", remedy="train it again"
        ) from error
    return Lock("", ".".join(_version_of(folder).split(".")[:2]), wanted)


def _version_of(folder: Path) -> str:
    """Return the Python that a model was saved with; this process's where its MLmodel names none."""
    flavors: Any = (saved_model.read_mlmodel(folder) or {}).get("flavors")
    said = flavors.get("python_function", {}).get("python_version") if isinstance(flavors, dict) else None
    found = _VERSION.fullmatch(str(said))
    return found[0] if found else ".".join(map(str, sys.version_info[:3]))


@contextmanager
def _python(lock: Lock, version: str, place: Path, manager: str) -> Iterator[tuple[Path, Path]]:
    """Yield the Python to try a model with, and the folder of its packages."""
    if manager == LOCAL:
        yield Path(sys.executable), _hidden_but(lock, place / "packages")
        return
    with scratch.folder("pins") as spare:
        file = spare / "conda.yaml"
        entries = "".join(f"      - {one}\n" for one in sorted(map(_as_pin, lock.pins.values())))
        file.write_text(f"dependencies:\n  - python={lock.python}\n  - pip\n  - pip:\n{entries}", encoding="utf-8")
        description = _Description(str(file))
        choose_manager(description, manager)
        environment = built(description, spare, manager, version, _WHAT).folder
    python = Path(str(environment)) / "bin/python"
    asked = "import os, sysconfig; os.write(1, os.fsencode(sysconfig.get_path('purelib')))"
    done = subprocess.run([python, "-I", "-c", asked], capture_output=True, text=True, check=False)
    if done.returncode:
        raise JobFailed(f"{python} does not start: {one_line(done.stderr, 200)}", remedy=f"remove {environment}")
    yield python, Path(done.stdout.strip())


def _as_pin(requirement: Requirement) -> str:
    return re.sub(r"\s*;", " ;", str(requirement))


def _hidden_but(lock: Lock, place: Path) -> Path:
    """Make a folder of links to the pinned packages of this environment, so that all others can be hidden.

    Raises:
        JobFailed: one is not installed, or in another version.
    """
    if differing := pins.differing_pins(lock, pins.installed_versions()):
        raise JobFailed(
            f"this environment is not that of the model: {', '.join(differing[:3])}", remedy="give --env-manager uv"
        )
    place.mkdir()
    for name, pin in lock.pins.items():
        if pin.marker is not None and not pin.marker.evaluate():
            continue
        found = importlib.metadata.distribution(name)
        for top in {file.parts[0] for file in found.files or ()} - {"..", "__pycache__"}:
            if not (place / top).exists():
                (place / top).symlink_to(Path(str(found.locate_file(top))).absolute())
    return place


def _try(uri: str, folder: Path, python: Path, packages: Path | None) -> None:
    """Let MLflow load and ask a model in a process of its own."""
    hidden = ["-S"] if packages else []
    command = [python, "-I", *hidden, "-c", _TRY, packages or "", folder]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "REPRISE_"))}
    with scratch.folder("alone") as here:  # where MLflow may put a store of its own
        done = subprocess.run(
            [str(part) for part in command], cwd=here, env=kept, capture_output=True, text=True, check=False
        )
    if done.returncode == 0:
        return
    last = next((line for line in reversed(done.stderr.splitlines()) if line.strip()), f"exit code {done.returncode}")
    missing = _MISSING.search(done.stderr)
    name = missing[1].partition(".")[0] if missing else ""
    raise JobFailed(
        f"model {uri} does not answer its input example with its own pins alone: {one_line(last, 300)}",
        remedy=f"name the package that brings {name} in pyproject.toml, run reprise lock, and train again"
        if missing
        else "name another model, or train it again",
    )
