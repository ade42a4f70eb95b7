"""One at a time on this machine: a lock that the system takes back when its holder dies."""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import mlflow

try:
    import fcntl
except ImportError:  # Windows: there the check across machines is the only one
    fcntl = None  # type: ignore[assignment]


@contextmanager
def exclusively(name: str) -> Iterator[None]:
    """Let one process of this machine at a time change a registered model of the store in force; others wait.

    Args:
        name: of the registered model.
    """
    key = hashlib.sha256(f"{mlflow.get_tracking_uri()} {name}".encode()).hexdigest()[:16]
    file = _open(Path(tempfile.gettempdir(), f"reprise-{key}.lock"))
    try:
        if fcntl:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


def _open(path: Path) -> int:
    """Open for reading, which is enough to lock and allowed in a file that another user has made."""
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o644))
    return os.open(path, os.O_RDONLY)
