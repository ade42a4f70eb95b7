"""How an entry point ends: each failure one line, its exit code, and the reason on the MLflow run."""

import logging
import os
import sys
import traceback
from typing import NoReturn

import click

from reprise import garbage, patience
from reprise.credentials import without_credentials
from reprise.errors import WrongCall, cause
from reprise.interruption import interruptible
from reprise.limits import in_tag

INTERRUPTED = 130


def main(command: click.Command) -> NoReturn:
    """Run a click command as a script: 0 done, 1 failed or refused, 2 a wrong call, 130 interrupted.

    A mistake of the user's, or a store that cannot be reached, is one line. Any other exception is a fault in the
    code and keeps its traceback. The reason goes to the run that `mlflow run` started as well.
    """
    garbage.leave_alone_what_is_loaded()
    run_id = os.environ.get("MLFLOW_RUN_ID")  # mlflow.start_run takes it out of the environment
    patience.be_patient()
    # MLflow prints a traceback of each failure of a database, before it raises what is said here in one line.
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
    try:
        with interruptible():
            if run_id:
                _refuse_logged_credentials(run_id)
            exit_code = command.main(standalone_mode=False)  # of click.exceptions.Exit; None where a command just ends
    except click.ClickException as error:
        _end(f"Error: {error.format_message()}", error.exit_code, run_id)
    except (KeyboardInterrupt, click.Abort):
        _end("interrupted", INTERRUPTED, run_id)
    except Exception as error:
        if not _is_of_the_world(error):
            _say_failed(f"{type(error).__name__}: {error}", 1, run_id)
            raise
        _end(f"Error: {in_one_line(error)}", 1, run_id)
    sys.exit(exit_code)


def _refuse_logged_credentials(run_id: str) -> None:
    """Refuse a login in a parameter that `mlflow run` has logged already, before anything is read with it.

    Raises:
        WrongCall: a parameter holds credentials.
    """
    for argument in sys.argv[1:]:
        if without_credentials(argument) != argument:
            name = argument.partition("=")[0].lstrip("-")
            message = (
                f"parameter {name} holds credentials, and MLflow has logged them in run {run_id}, where they can be "
                f"neither changed nor deleted; replace that login by a new one, then mlflow runs delete --run-id "
                f"{run_id} and mlflow gc --run-ids {run_id}; give a login by variables of the environment"
            )
            raise WrongCall(message)


def _is_of_the_world(error: Exception) -> bool:
    """Tell whether an error comes from a store, a disk or a network, not from the code."""
    from mlflow.exceptions import MlflowException  # noqa: PLC0415  most runs have no use for them
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

    return isinstance(error, (MlflowException, OSError, SQLAlchemyError)) or _lacks_driver(error)


def _lacks_driver(error: Exception) -> bool:
    """Tell whether SQLAlchemy looked for a database's driver and it is not installed."""
    return (
        isinstance(error, ModuleNotFoundError) and traceback.extract_tb(error.__traceback__)[-1].name == "import_dbapi"
    )


def in_one_line(error: Exception) -> str:
    """Say what is wrong with a store, and what to do; MLflow's own words where there is nothing to add."""
    text = cause(error)
    uri = os.environ.get("MLFLOW_TRACKING_URI", "in MLFLOW_TRACKING_URI")
    if isinstance(error, ModuleNotFoundError):
        return (
            f"the store {uri} needs the package {error.name}; add it to [dependency-groups] project in pyproject.toml "
            "and run reprise lock, or name a tracking server"
        )
    if text.startswith("(sqlite3."):
        return f"the SQLite store cannot be used: {text}; free or repair it, or name another in MLFLOW_TRACKING_URI"
    return _of_a_server(text, uri) or text


def _of_a_server(text: str, uri: str) -> str | None:
    """Say what is wrong between this process and a tracking server; None where it is something else."""
    if "error code 403" in text:
        user = os.environ.get("MLFLOW_TRACKING_USERNAME", "this login")
        return f"the tracking server {uri} forbids it: {user} lacks a permission; whoever has MANAGE can grant it"
    if "error code 401" in text:
        return (
            f"the tracking server {uri} refuses the login; set MLFLOW_TRACKING_USERNAME and "
            "MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
        )
    if any(sign in text for sign in ("too many 50", "error code 50", "Connection aborted")):
        store = _BUCKET if "mlflow-artifacts" in text else _DATABASE
        return f"the tracking server {uri} answers, yet fails at {store}; its log says why"
    if any(sign in text for sign in ("Max retries exceeded", "Connection refused", "timeout exception")):
        return f"the tracking server {uri} does not answer; check that it runs, or name another"
    return None


_BUCKET = "its artifact store (no such bucket, wrong keys, no right to write)"
_DATABASE = "its database (away, its disk full, its schema older: back it up, then mlflow db upgrade)"


def _end(line: str, exit_code: int, run_id: str | None) -> NoReturn:
    click.echo(without_credentials(line), err=True)
    _say_failed(line.removeprefix("Error: "), exit_code, run_id)
    sys.exit(exit_code)


def _say_failed(message: str, exit_code: int, run_id: str | None) -> None:
    """Put the reason on the run that `mlflow run` started; MLflow's own exit code is always 1."""
    if not run_id:
        return
    import mlflow  # noqa: PLC0415

    tags = {"reprise.exit_code": str(exit_code), "reprise.failure": in_tag(without_credentials(message))}
    try:
        with patience.brief():
            mlflow.MlflowClient().log_batch(run_id, tags=[mlflow.entities.RunTag(*tag) for tag in tags.items()])
    except (mlflow.exceptions.MlflowException, OSError) as error:
        click.echo(f"note: the reason could not be put on run {run_id}: {in_one_line(error)}", err=True)
