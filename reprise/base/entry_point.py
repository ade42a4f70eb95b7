"""End an entry point: a failure is one line with an exit code, and its reason is recorded on the MLflow run."""

import errno
import logging
import os
import sys
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import NoReturn

import click

from reprise.base import artifact, garbage_collection, tag, tracking_server
from reprise.base.credentials import without_credentials
from reprise.base.display_text import TAG_LENGTH, in_tag
from reprise.base.errors import Reason, WrongCall, cause, error_summary, one_line
from reprise.base.interruption import interruptible
from reprise.base.terminal import accept_every_letter, note, say

INTERRUPTED = 130


@dataclass(frozen=True)
class Failure:
    """The end of a failed job.

    Attributes:
        reason: one line.
        exit_code: 1 failed or refused, 2 a wrong call, 3 irreproducible, 130 interrupted.
        traceback: of a fault in the code; empty where the reason says all.
    """

    reason: str
    exit_code: int
    traceback: str = ""


def main(command: click.Command | Callable[[], click.Command]) -> NoReturn:
    """Run a click command, or what makes one, as a script.

    It exits with 0 done, 1 failed or refused, 2 a wrong call, 130 interrupted.

    A mistake of the user's, or a store that cannot be reached, is one line. Any other exception is a fault in the
    code and keeps its traceback. The reason goes to the run that `mlflow run` started as well.
    """
    garbage_collection.freeze_loaded_objects()
    accept_every_letter()
    watch_for_faults()
    run_id = os.environ.get("MLFLOW_RUN_ID")  # mlflow.start_run takes it out of the environment
    tracking_server.set_default_retries()
    # MLflow prints a traceback of each failure of a database, before it raises what is said here in one line.
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
    try:
        with interruptible():
            if run_id:
                _refuse_logged_credentials(run_id)
            made = command if isinstance(command, click.Command) else command()
            exit_code = made.main(standalone_mode=False)  # of click.exceptions.Exit; None where a command just ends
    except (Exception, KeyboardInterrupt) as error:
        failure = failure_of(error)
        if failure.traceback:
            raise  # to what watches for faults
        say("interrupted" if failure.exit_code == INTERRUPTED else f"Error: {failure.reason}", err=True)
        record_failure(failure, run_id)
        sys.exit(failure.exit_code)
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
                "neither changed nor deleted"
            )
            remedy = (
                f"replace that login by a new one, then mlflow runs delete --run-id {run_id} and mlflow gc --run-ids "
                f"{run_id}; give a login by variables of the environment"
            )
            raise WrongCall(message, remedy=remedy)


def failure_of(error: BaseException) -> Failure:
    """Return one line on why a job ended, and with which exit code; a fault in the code keeps its traceback."""
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        return Failure("interrupted", INTERRUPTED)
    if isinstance(error, click.ClickException):
        return Failure(without_credentials(one_line(error.format_message())), error.exit_code)
    if isinstance(error, MemoryError):
        return Failure(_of_memory(error), 1)
    if isinstance(error, Exception) and _is_of_the_world(error):
        return Failure(without_credentials(in_one_line(error)), 1)
    named = type(error).__name__
    reason = named if error_summary(error) == named else f"{named}: {error_summary(error, TAG_LENGTH)}"
    lines = "".join(traceback.format_exception(error))
    return Failure(without_credentials(reason), 1, without_credentials(lines))


def record_failure(failure: Failure, run_id: str | None) -> None:
    """Record a failure on a run, if there is one. MLflow itself always exits with 1 and keeps no reason."""
    if not run_id:
        return
    import mlflow  # noqa: PLC0415

    tags = {tag.EXIT_CODE: str(failure.exit_code), tag.FAILURE: in_tag(failure.reason)}
    client = mlflow.MlflowClient()
    try:
        with tracking_server.few_retries():
            client.log_batch(run_id, tags=[mlflow.entities.RunTag(*one) for one in tags.items()])
            if failure.traceback:
                client.log_text(run_id, failure.traceback, artifact.TRACEBACK)
    except (mlflow.exceptions.MlflowException, OSError) as error:
        note(f"the reason could not be recorded on run {run_id}: {in_one_line(error)}")


def watch_for_faults() -> None:
    """Record the reason of an unhandled exception on the run too, as in the import of a model."""
    run_id = os.environ.get("MLFLOW_RUN_ID")

    def end(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        sys.__excepthook__(kind, error, trace)
        record_failure(failure_of(error), run_id)

    sys.excepthook = end


def _is_of_the_world(error: Exception) -> bool:
    """Return whether an error comes from a store, a disk or a network, and not from the code."""
    from mlflow.exceptions import MlflowException  # noqa: PLC0415  most runs have no use for them
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

    return isinstance(error, (MlflowException, OSError, SQLAlchemyError)) or _lacks_driver(error)


def _lacks_driver(error: Exception) -> bool:
    """Return whether SQLAlchemy looked for a database's driver and it is not installed."""
    return (
        isinstance(error, ModuleNotFoundError) and traceback.extract_tb(error.__traceback__)[-1].name == "import_dbapi"
    )


def _full_disk(error: BaseException) -> OSError | None:
    """Find the full disk behind an error, which MLflow reports as a fault of the model's format."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.errno in (errno.ENOSPC, errno.EDQUOT):
            return seen
        seen = seen.__cause__ or seen.__context__
    return None


def _of_memory(error: MemoryError) -> str:
    said = one_line(error)
    return f"there is not enough memory{f' ({said})' if said else ''}; take fewer rows or columns, or a larger machine"


def in_one_line(error: Exception) -> str:
    """Write what is wrong with a store or a disk, and what to do, in one line."""
    return str(reason_of(error))


def reason_of(error: Exception) -> Reason:
    """Return problem and remedy of a failed store or disk. By default the problem is MLflow's message."""
    if (full := _full_disk(error)) is not None:
        where = f" at {full.filename}" if full.filename else f"; TMPDIR is {tempfile.gettempdir()}"
        return Reason(f"{full.strerror}{where}", "free some, or name another place")
    text = cause(error) or type(error).__name__
    uri = without_credentials(os.environ.get("MLFLOW_TRACKING_URI", "in MLFLOW_TRACKING_URI"))
    if isinstance(error, ModuleNotFoundError):
        add = "add it to [dependency-groups] project in pyproject.toml and run reprise lock, or name a tracking server"
        return Reason(f"the store {uri} needs the package {error.name}", add)
    if text.startswith("(sqlite3."):
        remedy = "free or repair it, or name another in MLFLOW_TRACKING_URI"
        return Reason(f"the SQLite store cannot be used: {text}", remedy)
    return _of_a_server(text, uri) or Reason(text)


def _of_a_server(text: str, uri: str) -> Reason | None:
    """Return problem and remedy of a failed contact with a tracking server, or None if the error has another cause."""
    if "error code 403" in text:
        user = os.environ.get("MLFLOW_TRACKING_USERNAME", "this login")
        forbidden = f"the tracking server {uri} forbids it: {user} lacks a permission"
        return Reason(forbidden, "ask a user with MANAGE to grant it")
    if "error code 401" in text:
        login = "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
        return Reason(f"the tracking server {uri} refuses the login", login)
    if any(sign in text for sign in _FAILING):
        store = _BUCKET if "mlflow-artifacts" in text else _DATABASE
        return Reason(f"the tracking server {uri} answers, but fails at {store}", "look at its log")
    if any(sign in text for sign in _SILENT):
        return Reason(f"the tracking server {uri} does not answer", "check that it runs, or name another")
    return None


def is_away(error: Exception) -> bool:
    """Return whether a tracking server did not answer, or its database did not, as while they restart."""
    return any(sign in str(error) for sign in (*_FAILING, *_SILENT))


_FAILING = ("too many 50", "error code 50", "Connection aborted")
_SILENT = ("Max retries exceeded", "Connection refused", "timeout exception")
_BUCKET = "its artifact store (no such bucket, wrong keys, no right to write)"
_DATABASE = "its database (away, its disk full, its schema older: back it up, then mlflow db upgrade)"
