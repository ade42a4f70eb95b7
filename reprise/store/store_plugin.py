"""MLflow's plugin for `sqlite:` stores: MLflow's own, made whole before it is used (reprise/store/sqlite_store.py).

MLflow finds it by the entry points `mlflow.tracking_store` and `mlflow.model_registry_store` of the launcher, and so in
`mlflow run`, which uses the store before any code of the project runs. It is loaded while mlflow is being imported, so
it imports none of it until it is called.
"""

from typing import Any

from reprise.store import sqlite_store

SCHEME = "sqlite"


def tracking_store(store_uri: str, artifact_uri: str | None = None) -> Any:
    """Build the store of runs.

    Raises:
        WrongCall, JobFailed: as `sqlite_store.ensure`.
    """
    from mlflow.tracking._tracking_service.utils import _get_sqlalchemy_store  # noqa: PLC0415

    _ensure(store_uri, artifact_uri)
    return _get_sqlalchemy_store(store_uri, artifact_uri)


def registry_store(store_uri: str) -> Any:
    """Build the store of registered models, as `tracking_store`."""
    from mlflow.tracking._model_registry.utils import _get_sqlalchemy_store  # noqa: PLC0415

    _ensure(store_uri, None)
    return _get_sqlalchemy_store(store_uri)


def register() -> None:
    """Register both in a process whose environment does not have this package installed, as the project's has not."""
    from mlflow.tracking._model_registry.utils import _get_store_registry  # noqa: PLC0415
    from mlflow.tracking._tracking_service.utils import _tracking_store_registry  # noqa: PLC0415

    _tracking_store_registry.register(SCHEME, tracking_store)
    _get_store_registry().register(SCHEME, registry_store)


def _ensure(uri: str, artifact_uri: str | None) -> None:
    path = sqlite_store.file_of(uri)
    if path is not None:
        sqlite_store.ensure(path, lambda aside: _make(aside, artifact_uri))


def _make(uri: str, artifact_uri: str | None) -> None:
    """Make a store with its first experiment, whose artifacts are where they would be of the store in its place."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore  # noqa: PLC0415
    from mlflow.tracking._tracking_service.utils import _get_sqlalchemy_store  # noqa: PLC0415

    _get_sqlalchemy_store(uri, artifact_uri)._dispose_engine()  # noqa: SLF001
    SqlAlchemyStore._engine_map.pop(uri, None)  # noqa: SLF001
