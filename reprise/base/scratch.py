"""Temporary folders, each locked by the process that made it. The next process removes folders of killed ones."""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reprise.base.errors import JobFailed, cause
from reprise.base.process_lock import hold, is_held, locked

_LOCK, _CONTENT = "lock", "content"
_PATIENCE = 120.0  # seconds for another process's sweep


def own_folder() -> Path:
    """Return this user's own folder below the temporary one (`TMPDIR`), which nobody else may read or write.

    Raises:
        JobFailed: it cannot be made, or another user has taken its name.
    """
    return owned(Path(tempfile.gettempdir(), f"reprise-{_user()}"))


def lasting_folder() -> Path:
    """Return this user's folder beside that one, which no version of this package sweeps.

    Raises:
        JobFailed: as `own_folder`.
    """
    return owned(Path(tempfile.gettempdir(), f"reprise-unlogged-{_user()}"))


def _user() -> int | str:
    return os.getuid() if hasattr(os, "getuid") else ""


def owned(path: Path) -> Path:
    """Make a folder for this user alone unless it is there, and return its path.

    Raises:
        JobFailed: it cannot be made, or another user may write there.
    """
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        found = path.lstat()
    except OSError as error:
        message = f"no temporary folder can be made at {path}: {cause(error)}"
        raise JobFailed(message, remedy="make room there, or set TMPDIR to another") from error
    stranger = hasattr(os, "getuid") and (found.st_uid != os.getuid() or found.st_mode & 0o022)
    if not stat.S_ISDIR(found.st_mode) or stranger:
        message = f"{path} is not a folder that only this user may write"
        raise JobFailed(message, remedy="remove it, or set TMPDIR to another place")
    return path


@contextmanager
def folder(purpose: str) -> Iterator[Path]:
    """Make a temporary folder. It is gone when the block ends, or swept later where the process is killed.

    Args:
        purpose: the beginning of its name, for a person who finds it.

    Raises:
        JobFailed: there is no room for it.
    """
    top = own_folder()
    try:
        with locked(top / _LOCK, _PATIENCE):
            _sweep(top)
            place = Path(tempfile.mkdtemp(prefix=f"{purpose}-", dir=top))
            lock = hold(place / _LOCK)
        content = place / _CONTENT
        content.mkdir()
    except OSError as error:
        message = f"no temporary folder can be made in {top}: {cause(error)}"
        raise JobFailed(message, remedy="make room there, or set TMPDIR to another") from error
    try:
        yield content
    finally:
        shutil.rmtree(place, ignore_errors=True)
        os.close(lock)


def held(purpose: str) -> list[Path]:
    """List the folders that processes of this user, which still live, have made for a purpose; the newest last."""
    places = [place for place in own_folder().glob(f"{purpose}-*") if is_held(place / _LOCK)]
    found = [content for place in places if (content := place / _CONTENT).is_dir()]
    return sorted(found, key=lambda content: content.stat().st_mtime)


def sweep() -> int:
    """Remove what killed processes of this user left.

    Returns:
        The number of folders that were removed.
    """
    top = own_folder()
    with locked(top / _LOCK, _PATIENCE):
        return _sweep(top)


def abandoned() -> list[Path]:
    """List what killed processes of this user left."""
    return _abandoned(own_folder())


def _abandoned(top: Path) -> list[Path]:
    return [place for place in top.iterdir() if place.is_dir() and _is_left(place)]


def _is_left(place: Path) -> bool:
    try:
        return not is_held(place / _LOCK)
    except FileNotFoundError:  # its own process has removed it meanwhile
        return False


def _sweep(top: Path) -> int:
    gone = _abandoned(top)
    for place in gone:
        shutil.rmtree(place, ignore_errors=True)
    return len(gone)
