"""Which engine acts where a project brings one in its folder `reprise/` and another one is installed: the project's.

The installed launcher starts again with the project's folder first on PYTHONPATH. MLflow's plugins stay the installed
engine's, since MLflow loads them; the jobs that they start run with the project's.
"""

import os
import sys
from pathlib import Path

from reprise.base import engine, project
from reprise.base.terminal import note

VARIABLE = "REPRISE_HANDED_OVER"
"""Holds the folder to which a launcher has handed over, so that it does so once; taken out as that one starts."""

PATH = "PYTHONPATH"


def hand_over() -> None:
    """Start the engine of the project in place of this one, and say so, where the project brings another one.

    One that lacks `__main__.py`, as of an old commit, cannot be started; one that somebody else has put into the
    project's folder is not.
    """
    before = _taken_back()
    folder = project.FOLDER
    own = folder / engine.PACKAGE.name
    if not project.is_project() or not _can_start(own) or own.resolve() == engine.PACKAGE:
        return
    if before == str(folder) or os.pathsep in str(folder):
        note(f"the engine in {own} cannot be started by {PATH}: the installed one acts")
        return
    if stranger := _of_a_stranger(own):
        note(f"{stranger} is another user's: the engine in {own} is not started, the installed one acts")
        return
    theirs, ours = engine.version_in(own) or "unknown", engine.this().version
    note(f"the engine in {own} (version {theirs}) acts, not the installed one (version {ours})")
    sys.stdout.flush()
    sys.stderr.flush()
    path = os.pathsep.join(filter(None, [str(folder), os.environ.get(PATH)]))
    # -P: the current folder, which -m would put first, is not the project's where that is further up.
    command = [sys.executable, "-P", "-m", engine.PACKAGE.name, *sys.argv[1:]]
    os.execve(sys.executable, command, {**os.environ, PATH: path, VARIABLE: str(folder)})  # noqa: S606


def _taken_back() -> str | None:
    """Take out of the environment what has started this engine: what it starts has a project of its own.

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


def _of_a_stranger(own: Path) -> Path | None:
    """Find what neither this user, nor root, nor the owner of the project's folder has put there; None without such."""
    trusted = {os.getuid(), 0, own.parent.stat().st_uid}
    mlproject = project.mlproject_in(own.parent)
    places = (own, own / "__init__.py", own / "__main__.py", *([mlproject] if mlproject else []))
    return next((place for place in places if place.stat().st_uid not in trusted), None)
