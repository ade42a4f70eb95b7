"""The project that this process works on: a folder with MLproject, conda.yaml and code."""

import os
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from reprise.base import engine
from reprise.base.errors import WrongCall

ENGINE = engine.PACKAGE.parent
"""The folder that this package lies in: a project's, a checkout of its own, or an environment's folder for packages."""


def find() -> Path:
    """Find the project's folder, the nearest one upwards with an MLproject, from the running script or else from here.

    A folder further up counts only where this user, root or the owner of the first one has put an MLproject there: who
    else may write into a shared folder, such as the temporary one, has no project run.

    Returns:
        The folder; where there is no project, the current one.
    """
    script = _script()
    found = next(_upwards(script), None) if script else None
    try:
        here = Path.cwd().resolve()
    except OSError:  # it is gone
        return found or Path(os.sep)
    return found or next(_upwards(here), here)


def mlproject_in(folder: Path) -> Path | None:
    """Return a folder's MLproject, however it is spelled, as MLflow finds it; None without one."""
    try:
        names = sorted(name for name in os.listdir(folder) if name.lower() == "mlproject")  # noqa: PTH208  names alone
    except OSError:
        return None
    return next((folder / name for name in names if (folder / name).is_file()), None)


def is_project() -> bool:
    """Return whether this process works on a project."""
    return mlproject_in(FOLDER) is not None


def required(what: str = "this") -> Path:
    """Return the project's folder.

    Args:
        what: needs one, such as `reprise lock`.

    Raises:
        WrongCall: there is no project.
    """
    if not is_project():
        raise WrongCall(f"{what} needs a project, and {outside()}")
    return FOLDER


def outside() -> str:
    """Return a note that there is no project here, and what to do."""
    return f"neither {FOLDER} nor a folder above it has an MLproject of yours: go to a project's folder first"


def brings_engine(folder: Path) -> bool:
    """Return whether a project has an engine in its own folder, which its jobs then run with."""
    return (folder / engine.PACKAGE.name / "__init__.py").is_file()


def holds(path: Path) -> bool:
    """Return whether a file is the project's own, and not of an environment that lies in its folder."""
    folder = FOLDER.resolve()
    prefixes = {Path(prefix).resolve() for prefix in (sys.prefix, sys.base_prefix)} - {folder}
    for place in (Path(os.path.abspath(path)), path.resolve()):  # noqa: PTH100  a link may lead into it, or out of it
        if place.is_relative_to(folder):
            inside = place.relative_to(folder).parts
            installed = any(one.is_relative_to(folder) and place.is_relative_to(one) for one in prefixes)
            return not installed and not {"site-packages", "dist-packages"} & {*inside}
    return False


def acts_elsewhere() -> str | None:
    """Return a note on the current project, if it is not this engine's checkout or its engine did not start."""
    if not is_project() or (FOLDER / engine.PACKAGE.name).resolve() == engine.PACKAGE:
        return None
    if brings_engine(FOLDER):
        where = f"of {ENGINE}" if mlproject_in(ENGINE) else f"installed, {engine.this().version},"
        return f"using the project in {FOLDER}, with the engine {where} instead of its own"
    return f"using the project in {FOLDER}" if mlproject_in(ENGINE) else None


def _script() -> Path | None:
    """Return the folder of the script that runs; None for a module, and for a command that some environment brings."""
    main = sys.modules.get("__main__")
    file = getattr(main, "__file__", None)
    if not file or getattr(main, "__spec__", None) is not None:
        return None
    script = Path(file).resolve()
    brought = [Path(place).resolve() for place in map(sysconfig.get_path, ("scripts", "purelib", "platlib", "stdlib"))]
    if script.suffix != ".py" or any(script.is_relative_to(place) for place in brought):
        return None
    return script.parent


def _upwards(first: Path) -> Iterator[Path]:
    """Find projects from a folder upwards, those left out that somebody else may have put there."""
    try:
        trusted = {os.getuid(), 0, first.stat().st_uid}
    except OSError:
        return
    for folder in (first, *first.parents):
        found = mlproject_in(folder)
        if found and (folder == first or found.stat().st_uid in trusted):
            yield folder


FOLDER = find()
"""The project's folder; the current one where there is no project."""

LOCK_FILE = FOLDER / "conda.yaml"
