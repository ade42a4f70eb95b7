"""A lock between processes of one host. It ends with the process that holds it. On Windows it does not lock."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from reprise.base.errors import JobFailed
from reprise.base.terminal import note

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

SILENT = 3.0
"""Seconds that are waited before a line says so."""

_SAFE = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)


class KeptLocked(JobFailed):
    """Another process has held a lock for too long."""


@contextmanager
def locked(path: Path, seconds: float | None = None) -> Iterator[None]:
    """Hold the lock of a file. Wait while another process holds it, and print a note when that takes long.

    Args:
        path: of the file.
        seconds: how long to wait; None for as long as it takes.

    Raises:
        KeptLocked: another process has held it for so many seconds; the message says which.
    """
    descriptor = hold(path, seconds)
    try:
        yield
    finally:
        os.close(descriptor)


def hold(path: Path, seconds: float | None = None) -> int:
    """Take a lock, as `locked`, and keep it beyond this call.

    Returns:
        A file descriptor: the lock is held until it is closed here and in every process that inherited it.
    """
    descriptor = _open(path)
    try:
        if fcntl:
            _wait(descriptor, path, seconds)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def is_held(path: Path) -> bool:
    """Return whether some process holds the lock. Return True on systems without locks."""
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
    """Hold the lock of a folder itself, as `locked`, which leaves no file behind. Where it has none nobody waits."""
    if not fcntl:
        yield
        return
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    try:
        with suppress(OSError):  # NFS locks no folder
            _wait(descriptor, path, seconds)
        yield
    finally:
        os.close(descriptor)


def _wait(descriptor: int, path: Path, seconds: float | None) -> None:
    began, said = time.monotonic(), False
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waited = time.monotonic() - began
            if seconds is not None and waited > seconds:
                message = f"{_holder(descriptor)} has held the lock {path} for {seconds:g} s"
                raise KeptLocked(message, remedy="end it, or try again later") from None
            if waited > SILENT and not said:
                note(f"waiting for {_holder(descriptor)}, which holds the lock {path}")
                said = True
            time.sleep(0.05 if waited < SILENT else 0.5)
        else:
            return


def _holder(descriptor: int) -> str:
    """Name the process that holds a lock, from Linux's list of locks by device and inode."""
    found = os.fstat(descriptor)
    wanted = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
    with suppress(OSError, ValueError):
        for line in Path("/proc/locks").read_text(encoding="ascii").splitlines():
            fields = line.split()
            if "FLOCK" in fields and "->" not in fields and wanted in fields:
                return f"process {fields[fields.index(wanted) - 1]}"
    return "another process"


def _open(path: Path) -> int:
    """Open for writing, which NFS needs for a lock, or for reading if the file belongs to another user."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | _SAFE, 0o666)
    except PermissionError:
        if not path.exists():
            raise
        return os.open(path, os.O_RDONLY | _SAFE)
