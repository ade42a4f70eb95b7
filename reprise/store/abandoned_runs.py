"""Find and end abandoned runs, which are RUNNING in the store though their process is gone."""

from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO

import mlflow
from mlflow.entities import Experiment, Run, RunTag, ViewType

from reprise.base import process, tag
from reprise.store.experiment import local_store
from reprise.store.paging import every, pages

REASON = "its process is gone"


@dataclass(frozen=True)
class RunningRuns:
    """All runs that a store says are RUNNING.

    Attributes:
        stale: those whose process was on this machine and is gone, each with its experiment.
        alive: how many a live process of this machine fills.
        unknown: those of another machine or container, or of which nobody can say who fills them.
    """

    stale: list[tuple[Experiment, Run]]
    alive: int
    unknown: list[tuple[Experiment, Run]]


def find() -> RunningRuns:
    """Find the RUNNING runs of all experiments of the current store."""
    running = list(_running())
    states = [_state(run) for _, run in running]
    stale, unknown = (
        [pair for pair, state in zip(running, states, strict=True) if state == wanted] for wanted in ("gone", "unknown")
    )
    return RunningRuns(stale, states.count("alive"), unknown)


def end(run: Run, *, known: process.State = "gone") -> bool:
    """End a stale run as FAILED, unless it has ended or found another process in the meantime.

    Args:
        run: the run.
        known: what is known of its process; `unknown` where a person has said that it is gone.

    Returns:
        Whether it was ended.
    """
    client = mlflow.MlflowClient()
    run = client.get_run(run.info.run_id)
    if run.info.status != "RUNNING" or _state(run) not in ("gone", known):
        return False
    tags = {tag.FAILURE: REASON, tag.EXIT_CODE: "1"}
    client.log_batch(run.info.run_id, tags=[RunTag(name, value) for name, value in tags.items()])
    with redirect_stdout(StringIO()):  # MLflow announces the address of each run that ends
        client.set_terminated(run.info.run_id, "FAILED")
    return True


def _state(run: Run) -> process.State:
    named = run.data.tags.get(tag.PROCESS)
    filling = process.read(named)
    if filling:
        return process.state(filling)
    return _state_of_untagged(run) if named is None else "unknown"


def _state_of_untagged(run: Run) -> process.State:
    """Return the state of a run without a process tag. MLflow leaves one if killed while building an environment."""
    store = local_store(mlflow.get_tracking_uri())
    if store is None:
        return "unknown"
    started = run.info.start_time / 1000
    return "unknown" if process.may_fill(run.info.run_id, started, store) else "gone"


def _running() -> Iterator[tuple[Experiment, Run]]:
    client = mlflow.MlflowClient()
    for page in pages(client.search_experiments, ViewType.ACTIVE_ONLY):
        by_id = {experiment.experiment_id: experiment for experiment in page}
        running = every(client.search_runs, [*by_id], "attributes.status = 'RUNNING'") if by_id else ()
        for run in running:
            yield by_id[run.info.experiment_id], run
