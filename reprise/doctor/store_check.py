"""Check the current tracking store, its artifact store, and abandoned runs."""

import os
import shlex
import socket
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import click
import mlflow
import sqlalchemy

from reprise.base import mlflow_private, scratch, tracking_server
from reprise.base.display_text import few
from reprise.base.entry_point import reason_of
from reprise.doctor.diagnosis import Diagnosis, guarded
from reprise.doctor.disk import free_gib, writing_problem
from reprise.governance import history, promotion
from reprise.store import abandoned_runs, sqlite_store
from reprise.store.bundle import UNLOGGED
from reprise.store.experiment import DEFAULT, find_id

ENOUGH_GIB = 1.0
"""Room for the artifacts of some hundred runs."""

_ANSWER = 4  # seconds for a first contact
_SEARCH = 60  # seconds for each page of runs
_SHOWN = 10  # runs
_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
_ANOTHER = "export MLFLOW_TRACKING_URI=sqlite:///$PWD/mlflow.db"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def examine(*, fix: bool) -> Iterator[Diagnosis]:
    """Examine the store. Most checks are left out if it does not answer or has no tables yet."""
    uri = mlflow.get_tracking_uri()
    empty = False
    if uri.startswith("sqlite:") and (found := _unusable(uri, fix=fix)):
        yield found
        if found.level == "FAIL":
            return
    try:
        if urlsplit(uri).scheme.partition("+")[0] in ("sqlite", *_PORTS):
            empty = _is_empty(uri)
        if not empty:
            with tracking_server.few_retries(0, _ANSWER):
                mlflow.MlflowClient().search_experiments(max_results=1)
    except Exception as error:  # noqa: BLE001  a database driver's errors are its own, and drivers may be missing
        yield _no_answer(uri, error)
        return
    yield _address(uri, empty=empty)
    yield from guarded("results", unlogged_results)
    yield from guarded("temporary", lambda: left_behind(fix=fix))
    if not empty:
        yield from guarded("artifacts", lambda: [artifacts(uri)])
        yield from guarded("runs", lambda: [runs(fix=fix)])


def artifacts(tracking_uri: str) -> Diagnosis:
    """Check that the artifact store of the current experiment is writable, as far as that can be tested."""
    with tracking_server.few_retries(0, _ANSWER):
        number = find_id() or DEFAULT  # a run would make the experiment, its files beside those of Default
        try:
            experiment = mlflow.MlflowClient().get_experiment(number)
        except mlflow.exceptions.MlflowException as error:
            return Diagnosis("FAIL", "artifacts", f"experiment {number}: {error}", "unset MLFLOW_EXPERIMENT_ID")
    if experiment.lifecycle_stage != "active":
        remedy = f"mlflow experiments restore --experiment-id {number}"
        return Diagnosis("FAIL", "artifacts", f"experiment {experiment.name!r} is deleted and takes no runs", remedy)
    location = experiment.artifact_location
    if folder := mlflow_private.local_folder(location):
        return _local_artifacts(folder, tracking_uri)
    if urlsplit(location).scheme != "mlflow-artifacts":
        return Diagnosis("note", "artifacts", f"{location}, to which runs write directly; not tested")
    try:
        with tracking_server.few_retries(0, _ANSWER):
            mlflow_private.artifact_repository(location).list_artifacts()
    except mlflow.exceptions.MlflowException as error:
        remedy = "start the server with --serve-artifacts, and look at its log"
        return Diagnosis("FAIL", "artifacts", f"{location}: {_short(str(reason_of(error)))}", remedy)
    return Diagnosis("ok", "artifacts", f"{location}, listed by the server; writing a file was not tested")


def unlogged_results() -> Iterator[Diagnosis]:
    """Name results in this folder that were kept because a store had failed."""
    kept = sorted(file.parent for file in Path(UNLOGGED).glob("*/results.json"))
    if kept:
        text = f"{_runs(len(kept))} kept here, not logged, since the store had failed"
        remedies = [f"reprise upload {shlex.quote(str(folder))}" for folder in kept]
        yield Diagnosis("warn", "results", text, " && ".join(remedies[:_SHOWN]))


def left_behind(*, fix: bool) -> Iterator[Diagnosis]:
    """Name temporary folders of this user whose process was killed, and remove them if asked to."""
    count = scratch.sweep() if fix else len(scratch.abandoned())
    if count:
        folders = "1 temporary folder" if count == 1 else f"{count} temporary folders"
        state = "removed: its process is gone" if count == 1 else "removed: their processes are gone"
        if fix:
            yield Diagnosis("ok", "temporary", f"{folders} {state}")
        else:
            yield Diagnosis("note", "temporary", f"{folders} of killed processes", "reprise doctor --fix")


def runs(*, fix: bool) -> Diagnosis:
    """Name runs that are RUNNING though their process is gone, and end them if asked to."""
    with tracking_server.few_retries(seconds=_SEARCH):
        found = abandoned_runs.find()
        moves = sorted({name for _, run in found.stale if (name := run.data.tags.get(history.MODEL))})
        repaired = [line for name in moves for line in promotion.repaired(name)] if fix else []
        ended = [pair for pair in found.stale if abandoned_runs.end(pair[1])] if fix else []
    jobs = [pair for pair in found.unknown if history.MODEL not in pair[1].data.tags]  # the next promote repairs moves
    asked = [pair for pair in jobs if _is_gone(*pair) and abandoned_runs.end(pair[1], known="unknown")] if fix else []
    ended += asked
    unknown = len(found.unknown) - len(asked)
    left = {"with a live process": found.alive, "of another machine, or whose process is not known": unknown}
    others = repaired + [f"left alone: {_runs(count)} {which}" for which, count in left.items() if count]
    if unknown and not fix:
        others.append("on a terminal, reprise doctor --fix asks about each of the latter")
    if not (ended if fix else found.stale):
        return Diagnosis("ok", "runs", "no RUNNING run is known to have lost its process", details=tuple(others))
    lines = [
        f"{run.info.run_id} in {experiment.name}, since {_time(run.info.start_time)}"
        for experiment, run in (ended if fix else found.stale)
    ]
    details = (*few(lines, _SHOWN), *others)
    if fix:
        return Diagnosis("ok", "runs", f"{_runs(len(ended))} ended as FAILED: {abandoned_runs.REASON}", details=details)
    text = f"{_runs(len(lines))} RUNNING, though the process is gone"
    return Diagnosis("warn", "runs", text, "reprise doctor --fix", details)


def _is_gone(experiment: mlflow.entities.Experiment, run: mlflow.entities.Run) -> bool:
    """Ask the person at the terminal whether a run's process is gone. Return False without a terminal."""
    if not sys.stdin.isatty():
        return False
    since = f"{run.info.run_id} in {experiment.name} is RUNNING since {_time(run.info.start_time)}"
    return click.confirm(f"{since}, and its process is not known. Is it gone? (Then the run is ended as FAILED.)")


def _no_answer(uri: str, error: Exception) -> Diagnosis:
    reason = reason_of(error)
    text, remedy = reason.problem, _ANOTHER
    if text.startswith("the tracking server"):
        remedy = (reason.remedy or _ANOTHER).replace("name another", _ANOTHER)
    elif reason.remedy:
        text = str(reason)
    if "mlflow db upgrade" in text:
        remedy = f"back it up, then: mlflow db upgrade {uri}"
    elif isinstance(error, ImportError):
        remedy = "install it, or let an MLflow server hold the database: export MLFLOW_TRACKING_URI=http://HOST:5000"
    return Diagnosis("FAIL", "tracking", _short(text if uri in text else f"{uri}: {text}"), remedy)


def _unusable(uri: str, *, fix: bool) -> Diagnosis | None:
    """Check that a SQLite store can be used as it is. Set an unfinished one aside if asked to."""
    path = sqlite_store.file_of(uri)
    state = sqlite_store.state(path) if path else "usable"
    if path is None or state not in ("unfinished", "foreign"):
        return None
    reason = sqlite_store.problem(path, state)
    text, remedy = reason.problem, (reason.remedy or "").removeprefix("rename it with: ")
    if state == "unfinished" and sqlite_store.is_worked_on(path):
        remedy = f"wait {sqlite_store.QUIET} s, for a process may be making it; then: reprise doctor --fix"
    elif state == "unfinished" and fix:
        aside = sqlite_store.set_aside(path)
        return Diagnosis("ok", "store", f"{text}; renamed to {aside.name}")
    return Diagnosis("FAIL", "tracking", text, remedy)


def _address(uri: str, *, empty: bool) -> Diagnosis:
    state = "is empty: the first run fills it" if empty else "answers"
    database = sqlalchemy.make_url(uri).database if uri.startswith("sqlite:") else None
    if database and not Path(database).is_absolute():
        text = f"{uri} is relative, so each folder has another store, and a project run at a commit loses its run"
        return Diagnosis("FAIL", "tracking", text, f"export MLFLOW_TRACKING_URI=sqlite:///{Path.cwd() / database}")
    details = () if mlflow.is_tracking_uri_set() else ("MLFLOW_TRACKING_URI is not set, so each folder has its own",)
    return Diagnosis("ok", "tracking", f"{uri} {state}", details=details)


def _is_empty(uri: str) -> bool:
    """Return whether a database has no tables yet. MLflow is not used, since it would create them or retry for minutes.

    Raises:
        OSError: the database's machine cannot be reached, or the file not be written.
        Exception: the driver's own, where it refuses.
    """
    url = sqlalchemy.make_url(uri)
    if url.host:
        socket.create_connection((url.host, url.port or _PORTS[url.get_backend_name()]), _ANSWER).close()
    elif url.database:
        file = Path(url.database).absolute()
        if problem := writing_problem(file.parent):
            raise OSError(problem)
        if not file.exists():
            return True
        if not os.access(file, os.W_OK):
            raise PermissionError(f"{file} is read-only")
    engine = sqlalchemy.create_engine(url)
    try:
        return "experiments" not in sqlalchemy.inspect(engine).get_table_names()
    finally:
        engine.dispose()


def _local_artifacts(folder: Path, tracking_uri: str) -> Diagnosis:
    if urlsplit(tracking_uri).hostname not in (None, *_LOOPBACK):
        text = f"{folder} is a folder of the server's machine, but runs on this machine write to it directly"
        return Diagnosis("FAIL", "artifacts", text, "start the server with --serve-artifacts")
    if problem := writing_problem(folder):
        return Diagnosis(
            "FAIL", "artifacts", problem, f"ls -ld {shlex.quote(str(folder))}; df {shlex.quote(str(folder))}"
        )
    free = free_gib(folder)
    text = f"{folder} is writable, {free:.1f} GiB free"
    if free < ENOUGH_GIB:
        return Diagnosis("warn", "artifacts", text, "free some room: mlflow gc removes deleted runs for good")
    return Diagnosis("ok", "artifacts", text)


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs"


def _short(text: str, limit: int = 300) -> str:
    text = text.partition(". ")[0]
    return text if len(text) <= limit else f"{text[:limit]} …"


def _time(milliseconds: int) -> str:
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC).astimezone():%Y-%m-%d %H:%M}"
