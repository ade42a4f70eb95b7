"""One at a time on this machine: a lock that the system takes back when its holder dies."""

import hashlib
import tempfile
from contextlib import AbstractContextManager
from pathlib import Path

import mlflow

from reprise.running.flock import locked


def exclusively(name: str) -> AbstractContextManager[None]:
    """Let one process of this machine at a time change a registered model of the store in force; others wait.

    Args:
        name: of the registered model.
    """
    key = hashlib.sha256(f"{mlflow.get_tracking_uri()} {name}".encode()).hexdigest()[:16]
    return locked(Path(tempfile.gettempdir(), f"reprise-{key}.lock"))
