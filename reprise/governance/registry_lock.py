"""A lock of this user for changes of a registered model. The system releases it when its process ends."""

import hashlib
from contextlib import AbstractContextManager, suppress
from pathlib import Path

import mlflow

from reprise.base import scratch
from reprise.base.errors import JobFailed
from reprise.base.process_lock import locked
from reprise.code import clone_cache

PATIENCE = 120.0
"""Seconds that another process may take for its change of a registered model."""


def exclusively(name: str) -> AbstractContextManager[None]:
    """Allow one process of this user and machine at a time to change a registered model of the current store.

    Other users are not kept out: a lock that they may open is one that they may hold for ever. The history tells of
    them, as it does of other machines.

    Args:
        name: of the registered model.

    Raises:
        KeptLocked: another process has held the lock for too long.
    """
    return locked(place(name), PATIENCE)


def place(name: str) -> Path:
    """Return the file that a registered model's lock stands for."""
    key = hashlib.sha256(f"{mlflow.get_tracking_uri()} {name}".encode()).hexdigest()[:16]
    return _folder() / f"{key}.lock"


def identity(name: str) -> str:
    """Identify a registered model's lock. It excludes only processes that use the same lock."""
    return hashlib.sha256(str(place(name)).encode()).hexdigest()[:16]


def _folder() -> Path:
    """Return this user's folder for locks, the same whatever TMPDIR is; below TMPDIR where there is no cache."""
    with suppress(JobFailed):
        return scratch.owned(clone_cache.folder("registry") / "locks")
    return scratch.own_folder()
