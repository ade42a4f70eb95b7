"""Where clones are kept on this machine, and where projects run."""

import os
from pathlib import Path

from reprise.errors import JobFailed

VARIABLE = "REPRISE_CACHE"


def folder(name: str) -> Path:
    """Give a folder of the cache, which `REPRISE_CACHE` may move; `~/.cache/reprise` by default.

    Raises:
        JobFailed: it cannot be written.
    """
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "reprise"
    path = Path(os.environ.get(VARIABLE) or default).absolute() / name
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise JobFailed(f"the cache {path} cannot be made: {error.strerror}; name another in {VARIABLE}") from error
    if not os.access(path, os.W_OK):
        raise JobFailed(f"the cache {path} may not be written by this user; name another in {VARIABLE}")
    return path
