"""The store and the experiment of a run.

Runs go to the experiment that the user names, to `mlflow run` or by a variable. Else they go to the project's own,
which has the name in `[tool.reprise]` of pyproject.toml. A project without a name has MLflow's `Default`.
"""

import os
from pathlib import Path
from typing import Any

import click
import mlflow
from mlflow.exceptions import MlflowException

from reprise.base import mlflow_private, project, project_settings
from reprise.base.entry_point import is_away
from reprise.base.errors import JobFailed, WrongCall, cause
from reprise.base.tracking_server import few_retries, permission_needed
from reprise.code.project_uri import BACKENDS, local_folder, parse

DEFAULT = "0"
"""The experiment that every store has."""

ID, NAME = "MLFLOW_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_NAME"
"""The variables by which a user names an experiment."""


def of_call() -> str:
    """Return the experiment of the project that `mlflow run` names, or else of this process; "" where it has no name.

    Raises:
        WrongCall: the experiment is deleted.
        JobFailed: the store does not answer, or refuses a new experiment.
    """
    folder = _folder_of_call()
    name = _name(folder) if folder else ""
    try:
        with few_retries():
            return _created(name) if name else ""
    except MlflowException as error:
        if is_away(error):
            raise JobFailed(cause(error)) from error
        raise


def is_named() -> bool:
    """Return whether the user has named an experiment, by a variable or to `mlflow run`."""
    given = (_call() or {}).get
    return _is_in_variable() or any(map(given, ("experiment_name", "experiment_id")))


def named(name: str | None) -> str:
    """Return the experiment of a name, else that of a variable, which is created if need be; "" where there is none."""
    if name:
        return _created(name)
    return experiment_id() if _is_in_variable() else ""


def chosen(resolved: str) -> str:
    """Return the experiment that MLflow hands to a backend where the user has named it; "" where nobody has.

    Args:
        resolved: from MLflow, which hands over its `Default` for a project that is not on this machine.
    """
    return resolved if is_named() or (_call() is None and resolved != DEFAULT) else ""


def is_of_mlflow_run() -> bool:
    """Return whether this process is `mlflow run`."""
    return _call() is not None


def experiment_id() -> str:
    """Return the experiment that a run started now is in; it is created where there is none of its name.

    Raises:
        WrongCall, JobFailed: as `of_call`.
    """
    if known := os.environ.get(ID):
        return known
    name = _wanted()
    return _created(name) if name else DEFAULT


def find_id() -> str | None:
    """Return the experiment that a run started now would be in; None where it would create it."""
    if known := os.environ.get(ID):
        return known
    name = _wanted()
    found = mlflow.get_experiment_by_name(name) if name else None
    return str(found.experiment_id) if found else (None if name else DEFAULT)


def existing_id() -> str:
    """Return the experiment that a run started now would be in, without creating it.

    Raises:
        WrongCall: it does not exist, so nothing was recorded in it yet.
    """
    if found := find_id():
        return found
    raise WrongCall(
        f"{mlflow.get_tracking_uri()} has no experiment {_wanted()!r} yet",
        remedy="train first, set MLFLOW_EXPERIMENT_NAME=Default for older runs, or set MLFLOW_TRACKING_URI",
    )


def of_project(folder: Path) -> str:
    """Return the experiment of a project that a folder holds, which is created where there is none yet.

    Raises:
        WrongCall, JobFailed: as `of_call`.
    """
    name = _name(folder)
    return _created(name) if name else DEFAULT


def local_store(uri: str) -> Path | None:
    """Return the SQLite file that a tracking URI names; None where it names something else."""
    return Path(uri.removeprefix("sqlite:///")) if uri.startswith("sqlite:///") else None


def artifacts_apart(uri: str, run: mlflow.entities.Run) -> str | None:
    """Return a note where a run's artifacts lie in another folder than the SQLite file of the store; else None."""
    store, artifacts = local_store(uri), mlflow_private.local_folder(run.info.artifact_uri)
    if store is None or artifacts is None or artifacts.is_relative_to(store.absolute().parent):
        return None
    return f"the store is {store}, and this run's files go to {artifacts} (docs/stores.md keeps the two together)"


def _is_in_variable() -> bool:
    return any(map(os.environ.get, (ID, NAME)))


def _wanted() -> str:
    """Return the experiment that a variable or the project names; "" where neither does."""
    return os.environ.get(NAME) or _name(project.FOLDER)


def _name(folder: Path) -> str:
    """Return a project's experiment; "" where it has no name, and on Databricks, which has folders of experiments."""
    return "" if mlflow.get_tracking_uri().startswith("databricks") else project_settings.read(folder).name


def _created(name: str) -> str:
    client = mlflow.MlflowClient()
    with permission_needed("EDIT", f"experiment {name!r}"):
        found = client.get_experiment_by_name(name) or client.get_experiment(_new(client, name))
    if found.lifecycle_stage != "active":
        restore = f"mlflow experiments restore --experiment-id {found.experiment_id}"
        raise WrongCall(f"experiment {name!r} is deleted and takes no runs", remedy=f"bring it back with: {restore}")
    return str(found.experiment_id)


def _new(client: mlflow.MlflowClient, name: str) -> str:
    """Create an experiment. Files of its runs lie beside a SQLite store, wherever this process works."""
    store = local_store(mlflow.get_tracking_uri())
    folder = store.absolute().parent if store else None
    location = folder / "mlruns" / name if folder and folder != Path.cwd() else None
    try:
        return str(client.create_experiment(name, artifact_location=location.as_uri() if location else None))
    except MlflowException as error:
        other = client.get_experiment_by_name(name)  # another process was faster
        if other is None:
            raise error from None
        return str(other.experiment_id)


def _call() -> dict[str, Any] | None:
    """Return the arguments of `mlflow run`, where this process is that."""
    context = click.get_current_context(silent=True)
    return context.params if context and context.info_name == "run" and "uri" in context.params else None


def _folder_of_call() -> Path | None:
    """Return the folder of the project that `mlflow run` names, or else of this process.

    None for a repository that is elsewhere: the backend that clones it finds its name.
    """
    call = _call()
    if call is None:
        return project.FOLDER if project.is_project() else None
    place = parse(str(call["uri"]))
    folder = local_folder(place.repository)
    inside = place.subdirectory if call.get("backend") in BACKENDS else place.version  # which MLflow writes after #
    return folder / (inside or "") if folder else None
