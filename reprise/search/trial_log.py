"""Log trials as child runs, in separate threads while other trials are fitted."""

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

import mlflow
from mlflow.entities import Metric, Param

from reprise.base import process, tag, tracking_server
from reprise.base.display_text import as_text, in_parameter, in_tag
from reprise.base.environment_variables import changed_variables
from reprise.base.errors import JobFailed, cause
from reprise.base.terminal import note
from reprise.search.candidates import Candidate
from reprise.search.trials import Trial
from reprise.store import abandoned_runs
from reprise.store.paging import runs_under

JOB = "trial"
TRIALS = f"tags.`{tag.JOB}` = '{JOB}'"

QUIET = "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"
"""Keeps MLflow from asking the server for each run that ends, only to print a link to it."""

SERVER_THREADS = 8
"""Writers to a server: what they wait for is its answers. SQLite takes one writer at a time."""


class TrialLog:
    """Writes the trials of one search.

    Attributes:
        run_ids: (rung, candidate's number) -> run, of every trial written so far.
        lost: trials that could not be written.
        failure: why the first of them could not; the others were not tried, for each try takes two minutes.
    """

    def __init__(self, parent: mlflow.entities.Run, metric: str) -> None:
        self.run_ids: dict[tuple[int, int], str] = {}
        self.lost: list[Trial] = []
        self.failure: str | None = None
        self._parent = parent
        self._metric = metric
        self._client = mlflow.MlflowClient()
        self._threads = ThreadPoolExecutor(1 if mlflow.get_tracking_uri().startswith("sqlite") else SERVER_THREADS)

    def add(self, trial: Trial) -> None:
        """Take a trial to be written, and return at once."""
        self._threads.submit(self._write, trial)

    def close(self) -> None:
        """Wait until all are written; what was lost is tried once more."""
        self._threads.shutdown()
        again, self.lost, self.failure = self.lost, [], None
        for trial in again:
            self._write(trial)
        if not self.lost:
            self._remove_doubles()

    def _remove_doubles(self) -> None:
        """Remove runs that were made twice: MLflow's client repeats a call whose answer it has not received."""
        written = set(self.run_ids.values())
        for run in runs_under(self._parent, f"{TRIALS} and attributes.status = 'RUNNING'"):
            if run.info.run_id not in written:
                self._client.delete_run(run.info.run_id)

    def _write(self, trial: Trial) -> None:
        if self.failure is None:
            try:
                self.run_ids[trial.key] = self._create(trial)
            except Exception as error:  # noqa: BLE001  nobody else would see it
                self.failure = (cause(error) or type(error).__name__)[:200]
        if trial.key not in self.run_ids:
            self.lost.append(trial)

    def _create(self, trial: Trial) -> str:
        """Make the run in three calls, as few as MLflow takes: create, one batch, end."""
        tags = {
            **process.tags(),
            tag.PARENT: self._parent.info.run_id,
            tag.USER: self._parent.data.tags.get(tag.USER, "unknown"),
            tag.JOB: JOB,
            tag.TUNE_CANDIDATE: str(trial.candidate.number),
            tag.TUNE_RUNG: str(trial.rung),
            tag.TUNE_ROWS: str(trial.rows),
            tag.FAILURE: trial.failure,
            tag.WARNING: trial.warning,
        }
        name = f"trial {trial.candidate.number}" + (f", rung {trial.rung}" if trial.rung else "")
        run_id: str = self._client.create_run(
            self._parent.info.experiment_id,
            start_time=trial.begin,
            tags={key: in_tag(value) for key, value in tags.items() if value},
            run_name=name,
        ).info.run_id
        metrics = {f"cv_{self._metric}": trial.mean, f"cv_{self._metric}_std": trial.std}
        metrics["fit_seconds"] = trial.fit_seconds
        self._client.log_batch(
            run_id,
            metrics=[Metric(key, value, trial.end, 0) for key, value in metrics.items() if math.isfinite(value)],
            params=[Param(key, in_parameter(as_text(value))) for key, value in trial.candidate.hyperparameters.items()],
        )
        self._client.set_terminated(run_id, "FAILED" if trial.failure else "FINISHED", trial.end)
        return run_id


@contextmanager
def writing(parent: mlflow.entities.Run, metric: str) -> Iterator[TrialLog]:
    """Return a log, and write all its trials when the block ends, also by an error.

    Raises:
        JobFailed: the store refused trials.
    """
    log = TrialLog(parent, metric)
    again = f"repeat the command with resume={parent.info.run_id}"
    with changed_variables({QUIET: "true"}):
        try:
            yield log
        except BaseException:
            with tracking_server.few_retries(), suppress(mlflow.exceptions.MlflowException, OSError):
                log.close()
            note(f"{len(log.run_ids)} trials are recorded; to continue, {again}")
            raise
        log.close()
    if log.lost:
        told = f"{len(log.lost)} of {len(log.lost) + len(log.run_ids)} trials could not be recorded ({log.failure})"
        raise JobFailed(told, remedy=again)


def recorded_trials(run_id: str, candidates: Sequence[Candidate], metric: str) -> Iterator[Trial]:
    """Read the trials that a search, and those which it had resumed, has ended; of each the first record counts."""
    client, seen = mlflow.MlflowClient(), set()
    following: str | None = run_id
    while following:
        parent = client.get_run(following)
        for run in runs_under(parent, TRIALS):
            trial = _read(run, candidates, metric)
            if trial and trial.key not in seen:
                seen.add(trial.key)
                yield trial
        following = parent.data.tags.get(tag.TUNE_RESUMES)


def _read(run: mlflow.entities.Run, candidates: Sequence[Candidate], metric: str) -> Trial | None:
    """Turn a run into its trial; None if the run did not end by itself or has another candidate."""
    tags, metrics = run.data.tags, run.data.metrics
    number = int(tags[tag.TUNE_CANDIDATE])
    if run.info.status not in ("FINISHED", "FAILED") or number >= len(candidates):
        return None
    if tags.get(tag.FAILURE) == abandoned_runs.REASON:  # whoever tidied up has ended it, half written
        return None
    candidate = candidates[number]
    if {name: in_parameter(as_text(value)) for name, value in candidate.hyperparameters.items()} != run.data.params:
        return None
    value: Any = metrics.get
    return Trial(
        candidate=candidate,
        rung=int(tags[tag.TUNE_RUNG]),
        rows=int(tags[tag.TUNE_ROWS]),
        scores=(),
        mean=value(f"cv_{metric}", math.nan),
        std=value(f"cv_{metric}_std", math.nan),
        fit_seconds=value("fit_seconds", math.nan),
        begin=run.info.start_time,
        end=run.info.end_time,
        failure=tags.get(tag.FAILURE),
        warning=tags.get(tag.WARNING),
        run_id=run.info.run_id,
    )
