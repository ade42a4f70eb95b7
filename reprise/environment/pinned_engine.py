"""Compare the engine that conda.yaml pins with the engine of this process."""

from pathlib import Path

from packaging.requirements import Requirement

from reprise.base import engine, project
from reprise.base.credentials import without_credentials
from reprise.base.errors import WrongCall
from reprise.environment import distribution_origin
from reprise.environment.pins import read_lock

NAME = engine.PACKAGE.name
"""The distribution's name, and the package's."""


def pin_in(folder: Path) -> Requirement | None:
    """Read the pin of the engine in a project's conda.yaml; None where it has none that can be read."""
    try:
        return read_lock(folder / project.LOCK_FILE.name).pins.get(NAME)
    except (WrongCall, OSError):
        return None


def has_engine(folder: Path, module_file: str) -> bool:
    """Return whether the engine of a project's jobs, their own or a pinned one, has a module.

    Args:
        folder: the project's.
        module_file: the module's file, such as `reprise/search/worker.py`.
    """
    return (folder / module_file).is_file() or (not project.brings_engine(folder) and pin_in(folder) is not None)


def other_engine(folder: Path, env_manager: str) -> str | None:
    """Return a note if a project's jobs run with another engine than this one, else None."""
    if folder == project.ENGINE or project.brings_engine(folder):
        return None
    pin, here = pin_in(folder), engine.this().version
    if pin is None:
        return None
    if pin.url:
        version = distribution_origin.version_of(pin.url)
        same, wanted = version in (None, here), version or without_credentials(pin.url)
    else:
        same, wanted = pin.specifier.contains(here, prereleases=True), str(pin.specifier).removeprefix("==")
    if same:
        return None
    which = "this one, as --env-manager local asks" if env_manager == "local" else "the project's"
    return f"this launcher's engine is {here}, the project pins {wanted}; the job runs with {which}"
