"""MLflow's plugins: `sqlite:` stores that are created completely before use, and the experiment of a project.

MLflow finds them by entry points of the launcher, such as `mlflow.tracking_store`. So they also work in `mlflow run`,
which uses the store before any code of the project. MLflow loads the plugins during its own import, so they import
mlflow only when they are called.
"""

import sys
from typing import Any

import click

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


class ProjectExperiment:
    """The experiment of runs for which nobody names one. MLflow asks both methods, in this order."""

    def __init__(self) -> None:
        self._found = ""

    def in_context(self) -> bool:
        """Return whether `mlflow run`, or this process, works on a project that has a name.

        MLflow takes `Default` after any exception. `mlflow run` ends instead, with one line.

        Raises:
            WrongCall, JobFailed: as `experiment.of_call`, where this process is not `mlflow run`.
            SystemExit: the same where it is.
        """
        from reprise.store import experiment  # noqa: PLC0415  it imports mlflow

        try:
            self._found = experiment.of_call()
        except click.ClickException as error:
            if not experiment.is_of_mlflow_run():
                raise
            error.show()
            sys.exit(error.exit_code)
        return bool(self._found)

    def get_experiment_id(self) -> str:
        """Return the project's experiment."""
        return self._found


def register() -> None:
    """Register them in a process without this package installed, as in the project's environment."""
    mlflow_private.register_stores(SCHEME, tracking_store, registry_store)
    mlflow_private.register_experiment(ProjectExperiment)


def _ensure(uri: str, artifact_uri: str | None) -> None:
    path = sqlite_store.file_of(uri)
    if path is not None:
        sqlite_store.ensure(path, lambda aside: _make(aside, artifact_uri))


def _make(uri: str, artifact_uri: str | None) -> None:
    """Create a store with its first experiment, whose artifacts go to the folder of the store's final place."""
    mlflow_private.close_tracking_store(mlflow_private.tracking_store(uri, artifact_uri), uri)
