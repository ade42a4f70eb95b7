"""Folders of this machine for clones of repositories and for projects that run."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reprise.base.errors import JobFailed
from reprise.code.git import GitError, explain

VARIABLE = "REPRISE_CACHE"
_LEAST = 4096  # bytes, a block of most file systems


def folder(name: str) -> Path:
    """Return a folder of the cache, which `REPRISE_CACHE` may move; `~/.cache/reprise` by default.

    Raises:
        JobFailed: it cannot be written.
    """
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "reprise"
    path = Path(os.environ.get(VARIABLE) or default).absolute() / name
    with writing(path):
        path.mkdir(parents=True, exist_ok=True)
        if not os.access(path, os.W_OK):
            raise PermissionError(errno.EACCES, "this user may not write there")
    return path


def is_full(path: Path) -> bool:
    """Return whether the disk that holds a folder has no room left; git itself may say only that it could not write."""
    return shutil.disk_usage(path).free < _LEAST


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Report in one line what goes wrong with the disk within the block.

    Raises:
        JobFailed: for every error of the disk, and for those of git that nobody else has explained.
    """
    try:
        yield
    except (OSError, GitError) as error:
        reason = explain(error, path) if isinstance(error, GitError) else error.strerror
        message = f"{path} cannot be written: {reason}"
        raise JobFailed(message, remedy=f"make room, or name another cache in {VARIABLE}") from error
