"""The registry's history. Each promotion and rollback is an MLflow run in an experiment of its model."""

import getpass
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import heapify, heappop, heappush

import mlflow
from mlflow.entities import Run, RunTag

from reprise.base import engine, process, project, tag
from reprise.base.errors import JobFailed
from reprise.base.tracking_server import permission_needed
from reprise.code.checkout import describe
from reprise.governance import registry_lock
from reprise.store.paging import every

MODEL = tag.MOVE.format(field="model")
"""The tag of an entry's run that names the registered model."""

NOWHERE = "none"
"""What an alias that does not exist points to."""

_AHEAD = timedelta(minutes=1)
"""By how much clocks of two machines may differ."""

MOVED, REFUSED, OVERTAKEN, ABANDONED = "moved", "refused", "overtaken", "abandoned"


@dataclass(frozen=True)
class Move:
    """One entry.

    Attributes:
        run_id: the run that records it.
        job: `promote` or `rollback`.
        alias: what was moved.
        before: the version that the alias pointed to, or `none`.
        after: the version that it should point to.
        reason: why, in the mover's words; may be empty.
        forced: what the policy had against it and was overruled; empty where nothing was.
        user: who.
        host: on which machine.
        lock: the lock of that machine (`reprise.governance.registry_lock.identity`), empty in older entries.
        commit: of the checkout that the policy was read from; empty where there is none.
        time: when it began, UTC.
        ended: whether its run has ended.
        outcome: `moved`, `refused`, `overtaken`, `abandoned`; empty while it has not ended.
        detail: why it was not moved, or who finished it.
        follows: the entry that was the last when this one was written; empty for the first, and in older versions.
        process: the tag of the process that writes it; None in older versions.
    """

    run_id: str
    job: str
    alias: str
    before: str
    after: str
    reason: str
    forced: str
    user: str
    host: str
    lock: str
    commit: str
    time: datetime
    ended: bool
    outcome: str
    detail: str
    follows: str = ""
    process: str | None = None

    @property
    def ahead(self) -> bool:
        """Whether its time is in the future, because the clock of the machine that wrote it is wrong."""
        return self.time > datetime.now(UTC) + _AHEAD


def begin(
    name: str,
    job: str,
    alias: str,
    before: str,
    after: str,
    *,
    reason: str = "",
    forced: str = "",
    grounds: Mapping[str, str] | None = None,
) -> Move:
    """Record a move before it is made.

    Args:
        name: of the registered model.
        job: this and what follows are fields of `Move`.
        alias: what moves.
        before: where from.
        after: where to.
        reason: why.
        forced: over what.
        grounds: further tags, which say what the move rests on.
    """
    tags = {"alias": alias, "before": before, "after": after, "reason": reason, "forced": forced}
    entries = moves(name)
    tags |= {
        "host": socket.gethostname(),
        "process": str(os.getpid()),
        "lock": registry_lock.identity(name),
        "follows": entries[-1].run_id if entries else "",
    }
    user = os.environ.get("MLFLOW_TRACKING_USERNAME") or getpass.getuser()
    checkout = describe(project.FOLDER, with_patch=False)
    run_tags = {**(grounds or {}), **{tag.MOVE.format(field=key): value for key, value in tags.items()}}
    run_tags |= {**process.tags(), **engine.this().tags(), tag.JOB: job, MODEL: name, tag.USER: user}
    if checkout.commit:
        run_tags[tag.COMMIT] = checkout.commit
    experiment = _experiment(name) or mlflow.MlflowClient().create_experiment(experiment_name(name))
    with permission_needed("EDIT", f"experiment {experiment_name(name)!r}"):
        run = mlflow.MlflowClient().create_run(experiment, tags=run_tags, run_name=f"{job} {after} to {alias}")
    return _move(run)


def end(move: Move, outcome: str, detail: str = "") -> None:
    """Record the outcome of a move."""
    client = mlflow.MlflowClient()
    tags = {tag.MOVE.format(field="outcome"): outcome, tag.MOVE.format(field="detail"): detail}
    if outcome != MOVED:
        tags[tag.FAILURE] = detail
    client.log_batch(move.run_id, tags=[RunTag(key, value) for key, value in tags.items() if value])
    client.set_terminated(move.run_id, "FINISHED" if outcome == MOVED else "FAILED")


def moves(name: str) -> list[Move]:
    """List all entries of a registered model, oldest first, each after its predecessor.

    Clocks of several machines differ, so their times alone decide only where an entry does not say what it follows.
    """
    return in_order(_search(name, ""))


def unfinished(name: str) -> list[Move]:
    """List the entries whose run has not ended, oldest first."""
    return _search(name, "attributes.status = 'RUNNING'")


def in_order(entries: list[Move]) -> list[Move]:
    """Put entries, given by their times, in the order in which they were written."""
    there = {entry.run_id for entry in entries}
    after: dict[str, list[int]] = {}
    for number, entry in enumerate(entries):
        after.setdefault(entry.follows if entry.follows in there - {entry.run_id} else "", []).append(number)
    free, found = after.pop("", []), []
    heapify(free)
    while free:
        entry = entries[heappop(free)]
        found.append(entry)
        for number in after.pop(entry.run_id, []):
            heappush(free, number)
    circle = [entries[number] for numbers in after.values() for number in numbers]  # only a forged record has one
    return found + circle


def experiment_name(name: str) -> str:
    """Name the experiment that keeps a registered model's history."""
    return f"registry/{name}"


def _experiment(name: str) -> str | None:
    """Find the experiment of a registered model's history; None before the first entry.

    Raises:
        JobFailed: it is deleted.
    """
    found = mlflow.MlflowClient().get_experiment_by_name(experiment_name(name))
    if found is None:
        return None
    if found.lifecycle_stage == "deleted":
        restore = f"mlflow experiments restore --experiment-id {found.experiment_id}"
        raise JobFailed(f"the history of {name!r} is deleted", remedy=f"bring it back with: {restore}")
    return str(found.experiment_id)


def _search(name: str, query: str) -> list[Move]:
    with permission_needed("READ", f"experiment {experiment_name(name)!r}"):
        experiment = _experiment(name)
        if experiment is None:
            return []
        found = every(mlflow.MlflowClient().search_runs, [experiment], query, order_by=["start_time ASC"])
        return [_move(run) for run in found if tag.MOVE.format(field="alias") in run.data.tags]


def _move(run: Run) -> Move:
    tags = run.data.tags
    own = {
        key: tags.get(tag.MOVE.format(field=key), "")
        for key in ("alias", "before", "after", "reason", "forced", "host", "lock", "outcome", "detail", "follows")
    }
    return Move(
        run_id=run.info.run_id,
        job=tags.get(tag.JOB, ""),
        user=tags.get(tag.USER, ""),
        commit=tags.get(tag.COMMIT, ""),
        time=datetime.fromtimestamp(run.info.start_time / 1000, UTC),
        ended=run.info.end_time is not None,
        process=tags.get(tag.PROCESS),
        **own,
    )
