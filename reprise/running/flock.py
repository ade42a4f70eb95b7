"""A lock between processes of one host, which ends with the process that holds it. On Windows nobody waits."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock that a file stands for; wait while another process holds it."""
    descriptor = hold(path)
    try:
        yield
    finally:
        os.close(descriptor)


def hold(path: Path) -> int:
    """Take a lock and keep it beyond this call.

    Returns:
        A file descriptor: the lock is held until it is closed here and in every process that inherited it.
    """
    descriptor = _open(path)
    if fcntl:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


def is_held(path: Path) -> bool:
    """Tell whether some process holds the lock; where there are no locks, some process may."""
    if not fcntl:
        return True
    descriptor = _open(path)
    try:
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return False
        return True
    finally:
        os.close(descriptor)


@contextmanager
def locked_folder(path: Path, seconds: float) -> Iterator[None]:
    """Hold the lock of a folder itself, which leaves no file behind. On a file system without it nobody waits.

    Raises:
        TimeoutError: another process has held it for so many seconds.
    """
    if not fcntl:
        yield
        return
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    try:
        _wait(descriptor, time.monotonic() + seconds)
        yield
    finally:
        os.close(descriptor)


def _wait(descriptor: int, until: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise TimeoutError from None
            time.sleep(0.05)
        except OSError:
            return  # NFS locks no folder
        else:
            return


def _open(path: Path) -> int:
    """Open for writing, without which there is no such lock on NFS; for reading where another user made the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666)
    except PermissionError:
        if not path.exists():
            raise
        return os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
