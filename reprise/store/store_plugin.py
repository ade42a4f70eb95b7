"""MLflow's plugin for `sqlite:` stores, which creates them completely before use (reprise/store/sqlite_store.py).

MLflow finds it by the entry points `mlflow.tracking_store` and `mlflow.model_registry_store` of the launcher. So it
also works in `mlflow run`, which uses the store before any code of the project. MLflow loads the plugin during its own
import, so the plugin imports mlflow only when it is called.
"""

from typing import Any

from reprise.base import mlflow_private
from reprise.store import sqlite_store

SCHEME = "sqlite"


def tracking_store(store_uri: str, artifact_uri: str | None = None) -> Any:
    """Build the store of runs.

    Raises:
        WrongCall, JobFailed: as `sqlite_store.ensure`.
    """
    _ensure(store_uri, artifact_uri)
    return mlflow_private.tracking_store(store_uri, artifact_uri)


def registry_store(store_uri: str) -> Any:
    """Build the store of registered models, as `tracking_store`."""
    _ensure(store_uri, None)
    return mlflow_private.registry_store(store_uri)


def register() -> None:
    """Register both stores in a process without this package installed, as in the project's environment."""
    mlflow_private.register_stores(SCHEME, tracking_store, registry_store)


def _ensure(uri: str, artifact_uri: str | None) -> None:
    path = sqlite_store.file_of(uri)
    if path is not None:
        sqlite_store.ensure(path, lambda aside: _make(aside, artifact_uri))


def _make(uri: str, artifact_uri: str | None) -> None:
    """Create a store with its first experiment, whose artifacts go to the folder of the store's final place."""
    mlflow_private.close_tracking_store(mlflow_private.tracking_store(uri, artifact_uri), uri)
