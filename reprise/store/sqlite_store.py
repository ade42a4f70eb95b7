"""Create MLflow's SQLite store completely before it gets its name.

MLflow 3.17 creates a store in its final place. The migrations take more than a second, without a lock or a common
transaction. Two processes at once break each other's store. A killed process leaves a file that every later run
refuses. Here one process at a time creates the store in a folder beside its place, and renames it when it is complete.
"""

import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Literal

from reprise.base import mlflow_private
from reprise.base.errors import JobFailed, Reason, WrongCall
from reprise.base.process_lock import locked_folder

QUIET = 5
"""Seconds without a change after which nobody is taken to be at work on a store: MLflow alone may be making it."""

_PATIENCE = 60  # seconds for another process's making of the store, which takes some two
_VERSION = "alembic_version"  # the table that names a schema
_INSTEAD = "work in another folder, or set MLFLOW_TRACKING_URI"

State = Literal["absent", "empty", "unfinished", "usable", "foreign"]


def file_of(uri: str) -> Path | None:
    """Return the file that a SQLite tracking URI names, as SQLAlchemy reads it; None where there is no such file."""
    from sqlalchemy import make_url  # noqa: PLC0415  this module is imported by every `import mlflow`

    name = make_url(uri).database
    return None if not name or name == ":memory:" or name.startswith("file:") else Path(name).absolute()


def state(path: Path) -> State:
    """Examine a store without changing it.

    Returns:
        `empty`: a file without a table. `unfinished`: its migrations were broken off; it has never held an experiment,
        and so no run. `foreign`: no SQLite database. `usable`: any other, also one of an older or a newer MLflow.
    """
    try:
        if not path.stat().st_size:
            return "empty"
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, timeout=QUIET)) as database:
            return _state(database)
    except FileNotFoundError:
        return "absent"
    except (sqlite3.OperationalError, OSError):
        return "usable" if path.exists() else "absent"  # locked or not to be read; MLflow says so
    except sqlite3.DatabaseError:
        return "foreign"


def _state(database: sqlite3.Connection) -> State:
    tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables:
        return "empty"
    if "experiments" not in tables:
        # Migrations rebuild a table under a passing name, which a kill leaves.
        return "unfinished" if tables & {_VERSION, "_alembic_tmp_experiments"} else "usable"
    if database.execute("SELECT 1 FROM experiments LIMIT 1").fetchone():
        return "usable"
    found = database.execute("SELECT version_num FROM alembic_version").fetchone() if _VERSION in tables else None
    return "usable" if found and not _is_step(found[0]) else "unfinished"


def _is_step(revision: str) -> bool:
    """Return whether a revision precedes this MLflow's own. That of a newer MLflow does not."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415  rare: a store without an experiment

    script = ScriptDirectory.from_config(mlflow_private.migrations())
    return revision not in script.get_heads() and revision in {step.revision for step in script.walk_revisions()}


def ensure(path: Path, make: Callable[[str], None]) -> None:
    """Create a store unless there is one. One process creates it, and the others wait.

    Args:
        path: the store's file.
        make: makes a store whole at a SQLite URI, and closes it.

    Raises:
        WrongCall: its place takes no file, or holds something else.
        JobFailed: it was left unfinished, or another process keeps its folder locked.
    """
    found = state(path)
    while found in ("empty", "unfinished") and is_worked_on(path):
        time.sleep(0.1)
        found = state(path)
    if found in ("unfinished", "foreign"):
        reason = problem(path, found)
        raise (JobFailed if found == "unfinished" else WrongCall)(reason.problem, remedy=reason.remedy)
    if found == "usable":
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with locked_folder(path.parent, _PATIENCE):
            if state(path) in ("absent", "empty"):
                _make_aside(path, make)
    except OSError as error:
        raise WrongCall(f"no store can be made at {path}: {error.strerror}", remedy=_INSTEAD) from error


def problem(path: Path, found: State) -> Reason:
    """Return what is wrong with a store that is not usable, and what to do."""
    if found == "unfinished":
        left = "was left unfinished by a process that was killed, and holds no run"
        return Reason(f"the store {path} {left}", "rename it with: reprise doctor --fix")
    return Reason(f"{path} is not a readable SQLite database", f"move it elsewhere, or {_INSTEAD}")


def set_aside(path: Path) -> Path:
    """Rename a store that was left unfinished, with what SQLite keeps beside it, and return its new path.

    Raises:
        OSError: it cannot be renamed.
    """
    stamp = time.strftime("%Y%m%d-%H%M%S")
    aside = path.with_name(f"{path.name}.unfinished-{stamp}")
    for suffix in ("-journal", "-wal", "-shm", ""):
        beside = path.with_name(path.name + suffix)
        if beside.exists():
            beside.rename(aside.with_name(aside.name + suffix))
    return aside


def is_worked_on(path: Path) -> bool:
    """Return whether a store, or what SQLite keeps beside it, has just been changed."""
    for beside in (path, path.with_name(f"{path.name}-journal")):
        try:
            if abs(time.time() - beside.stat().st_mtime) < QUIET:
                return True
        except FileNotFoundError:
            continue
    return False


def _make_aside(path: Path, make: Callable[[str], None]) -> None:
    prefix = f".{path.name}.making-"
    for left in path.parent.glob(f"{prefix}*"):  # of a killed process: this one has the lock
        shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=path.parent))
    try:
        made = folder / path.name
        make(f"sqlite:///{made}")
        if state(path) == "empty":
            path.unlink()
        _name(made, path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _name(made: Path, path: Path) -> None:
    """Move a finished file to its name, unless a process without the lock has created that file already."""
    try:
        os.link(made, path)
    except FileExistsError:
        pass
    except OSError:  # a file system without hard links
        if not path.exists():
            made.rename(path)
