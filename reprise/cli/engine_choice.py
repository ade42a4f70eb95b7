"""Choose the engine of the project's folder `reprise/` over the installed engine.

The installed launcher starts Python again with the package of that folder. Nothing else of the project is put on
Python's path. MLflow loads its plugins from the installed engine. The jobs that they start use the project's engine.
"""

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from reprise.base import engine, project
from reprise.base.terminal import note

VARIABLE = "REPRISE_HANDED_OVER"
"""Holds the folder to which a launcher has handed over, so that it does so once; taken out as that one starts."""

PATH = "PYTHONPATH"

_START = """
import importlib.util, pathlib, runpy, sys
own = pathlib.Path(sys.argv.pop(1))
spec = importlib.util.spec_from_file_location(own.name, own / "__init__.py", submodule_search_locations=[str(own)])
sys.modules[own.name] = module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
runpy.run_module(own.name, run_name="__main__", alter_sys=True)
"""
"""Runs the package in a folder as `python -m` does; the folder around it may hold a `click.py`, which is not to run."""


def hand_over() -> None:
    """Start the project's own engine instead of this one, if the project has one, and print a note.

    One that lacks `__main__.py`, as of an old commit, cannot be started; one that somebody else has put into the
    project's folder, or may change, is not.
    """
    before = _taken_back()
    folder = project.FOLDER
    own = folder / engine.PACKAGE.name
    if not project.is_project() or not _can_start(own) or own.resolve() == engine.PACKAGE:
        return
    if before == str(folder):
        note(f"the engine in {own} cannot be started; the installed engine runs")
        return
    if reason := next(_doubts(own), None):
        note(f"{reason}; the engine in {own} is not used, the installed engine runs")
        return
    theirs, ours = engine.version_in(own) or "unknown", engine.this().version
    note(f"using the engine in {own} (version {theirs}) instead of the installed one (version {ours})")
    sys.stdout.flush()
    sys.stderr.flush()
    # -P: the current folder, which -c would put first, may hold modules of any name.
    command = [sys.executable, "-P", "-c", _START, str(own), *sys.argv[1:]]
    os.execve(sys.executable, command, {**os.environ, VARIABLE: str(folder)})  # noqa: S606


def _taken_back() -> str | None:
    """Remove the variables of the handover from the environment, because child processes have their own project.

    A launcher of an earlier version has put the project's folder on PYTHONPATH too.

    Returns:
        The folder to which a launcher has handed over; None where none did.
    """
    folder = os.environ.pop(VARIABLE, None)
    first, _, others = os.environ.get(PATH, "").partition(os.pathsep)
    if folder and first == folder:
        if others:
            os.environ[PATH] = others
        else:
            del os.environ[PATH]
    return folder


def _can_start(own: Path) -> bool:
    return (own / "__init__.py").is_file() and (own / "__main__.py").is_file()


def _doubts(own: Path) -> Iterator[str]:
    """Name files of other users than this one, root and the owner of the folder, and files that all users may alter.

    Looked at are the project's folder, its MLproject, and each folder and file of the engine.
    """
    trusted = {os.getuid(), 0, own.parent.stat().st_uid}
    mlproject = project.mlproject_in(own.parent)
    for place in (own.parent, *([mlproject] if mlproject else []), own, *_within(own)):
        try:
            states = [place.lstat(), *([place.stat()] if place.is_symlink() else [])]
        except OSError:  # a link to nothing, or gone: nothing of it can run
            continue
        if any(state.st_uid not in trusted for state in states):
            yield f"{place} is another user's"
        elif states[-1].st_mode & stat.S_IWOTH and not (place == own.parent and states[-1].st_mode & stat.S_ISVTX):
            yield f"{place} can be altered by every user (chmod o-w)"
        elif place.is_symlink() and place.is_dir() and place != own:
            yield f"{place} is a link to a folder"


def _within(own: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(own):
        yield from (Path(folder, name) for name in (*folders, *files))
