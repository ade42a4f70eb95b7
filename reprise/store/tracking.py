"""Start, fill and end the run of an entry point, in its experiment."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from reprise.base import engine, garbage_collection, process, tag, tracking_server
from reprise.base.credentials import without_credentials
from reprise.base.entry_point import failure_of, in_one_line, is_away, record_failure, watch_for_faults
from reprise.base.errors import WrongCall
from reprise.base.terminal import note
from reprise.store import store_plugin

watch_for_faults()  # from here on, where a script's other imports follow

with garbage_collection.without_garbage_collection():
    # skops.io searches every module that is already loaded: imported after mlflow it takes up to two seconds more.
    # It is also the first import that the launcher's environment lacks.
    try:
        import skops.io  # noqa: F401  isort: skip
    except ModuleNotFoundError:
        sys.exit(
            "Error: this environment cannot train: it lacks skops. Use mlflow run with --env-manager uv, or conda."
        )

    import mlflow
    from mlflow.entities import Param, RunTag

    from reprise.base.display_text import as_text, in_parameter
    from reprise.base.tracking_server import permission_needed
    from reprise.store.experiment import artifacts_apart, experiment_id

    store_plugin.register()


@contextmanager
def start_run(job: str, parameters: Mapping[str, Any], tags: Mapping[str, str]) -> Iterator[mlflow.entities.Run]:
    """Start a run, or continue the run that `mlflow run` has started, and end it with the block.

    Within the block of another run, such as that of `tune`, it is that run's child.

    Args:
        job: what the run does, `train` or `evaluate`; stands in the tag `reprise.job`.
        parameters: the entry point's parameters. `mlflow run` logs them itself, as typed, so only what is not
            there yet is logged.
        tags: what is known before the job begins, so that a run that fails has it too.
    """
    _check_writable(mlflow.get_tracking_uri())
    for line in () if mlflow.active_run() else engine.this().notes():
        note(line)
    run = _start()
    try:
        _log_beginning(run, parameters, {**engine.this().tags(), **tags, tag.JOB: job})
        apart = None if run.data.tags.get(tag.PARENT) else artifacts_apart(mlflow.get_tracking_uri(), run)
        if apart:
            note(apart)
        yield run
    except BaseException as error:
        _end_badly("KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED", run, error)
        raise
    mlflow.end_run("FINISHED")


def _start() -> mlflow.entities.Run:
    """Start the run, with a tag of this process from its first moment on, so that a killed process can be recognised.

    A server that does not answer is said to be away soon, and is waited for all the same.
    """
    filled = os.environ.get("MLFLOW_RUN_ID")
    try:
        with tracking_server.few_retries():
            return _begun()
    except mlflow.exceptions.MlflowException as error:
        if not tracking_server.retries_longer() or not is_away(error):
            raise
        note(f"{in_one_line(error)}; retrying for some minutes, press Ctrl-C to stop")
    if filled:
        os.environ["MLFLOW_RUN_ID"] = filled  # which the attempt has taken out
    return _begun()


def _begun() -> mlflow.entities.Run:
    experiment = experiment_id()  # MLflow itself takes a server that does not answer for one without the experiment
    with permission_needed("EDIT", f"experiment {experiment}"):
        chosen = None if os.environ.get("MLFLOW_RUN_ID") else experiment
        return mlflow.start_run(experiment_id=chosen, nested=True, tags=process.tags())


def _check_writable(uri: str) -> None:
    """Refuse a SQLite file that cannot be written before MLflow tries it for two minutes."""
    if not uri.startswith("sqlite:///"):
        return
    path = Path(uri.removeprefix("sqlite:///"))
    known = [place for place in (path, path.absolute().parent) if place.exists()]
    if not all(os.access(place, os.W_OK) for place in known):
        raise WrongCall(
            f"the store {path} cannot be written here", remedy="work in another folder, or set MLFLOW_TRACKING_URI"
        )


def _log_beginning(run: mlflow.entities.Run, parameters: Mapping[str, Any], tags: Mapping[str, str]) -> None:
    missing = {name: value for name, value in parameters.items() if name not in run.data.params}
    cleaned = {name: without_credentials(value) for name, value in run.data.tags.items()}
    changed = {name: value for name, value in cleaned.items() if value != run.data.tags[name]}
    begun = {**changed, **tags}
    mlflow.MlflowClient().log_batch(
        run.info.run_id,
        params=[Param(name, in_parameter(without_credentials(as_text(value)))) for name, value in missing.items()],
        tags=[RunTag(name, value) for name, value in begun.items()],
    )
    run.data.tags.update(begun)  # as it now stands in the store


def _end_badly(status: str, run: mlflow.entities.Run, error: BaseException) -> None:
    """End a run and record the reason in its tags, unless the job has recorded its own exit code."""
    with tracking_server.few_retries():
        try:
            mlflow.end_run(status)
        except (mlflow.exceptions.MlflowException, OSError):
            note(f"run {run.info.run_id} could not be ended as {status}: its store does not answer")
            return
    if not isinstance(error, (click.exceptions.Exit, SystemExit)):
        record_failure(failure_of(error), run.info.run_id)
