"""Dask's scheduler and workers for the trials of a search: an existing cluster, or one that gathers here."""

import logging
import os
import sys
import time
from asyncio import CancelledError
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import cloudpickle
import mlflow
from distributed import Client, SpecCluster, WorkerPlugin
from joblib import wrap_non_picklable_objects

from reprise.base import tag
from reprise.base.display_text import few
from reprise.base.errors import JobFailed, WrongCall
from reprise.base.terminal import note
from reprise.environment.pins import read_lock
from reprise.running.search_key import SearchKey
from reprise.running.search_workers import HERE, HOST
from reprise.search import dask_calls, dask_tls

CONNECT_SECONDS = 10
LOOPBACK = "127.0.0.1"
JOIN_SECONDS = 600
"""Seconds that a search waits while it has no worker: a cluster may need a new node, a worker its environment."""

PAUSE = 0.2

ENVIRONMENT = "reprise-environment"
"""The name of the required versions among the scheduler's metadata and plugins."""

SHOWN = 5

Versions = Mapping[str, str | None]


@dataclass(frozen=True)
class Cluster:
    """A cluster.

    Attributes:
        client: of the scheduler.
        address: the scheduler's.
        gathers: whether the scheduler is in this process, for workers that come by themselves.
        key: by which they are admitted; None where Dask's own configuration says by what.
    """

    client: Client
    address: str
    gathers: bool
    key: SearchKey | None = None

    def invite(self, run: mlflow.entities.Run) -> None:
        """Publish the address of this process's scheduler on a run, for workers."""
        if not self.gathers:
            return
        run_id = run.info.run_id
        file = self.key.offer(run_id) if self.key else None  # before the address, by which a worker looks for it
        mlflow.MlflowClient().set_tag(run_id, tag.TUNE_SCHEDULER, self.address)
        note(f"workers join this search at {self.address} by: reprise work {run_id}")
        if file:
            note(f"another user or machine needs a copy of the key {file}: reprise work {run_id} --key FILE")
        else:
            note("workers need the certificates that Dask's configuration names on this machine")

    def run(
        self, function: Callable[..., Any], calls: Iterable[tuple[Any, ...]], shared: Sequence[Any]
    ) -> Iterator[Any]:
        """Call a function in the workers, as `SearchEngine.run`.

        Raises:
            JobFailed: a call failed again and again, there was no worker for too long, or the scheduler is lost.
        """
        try:
            yield from dask_calls.run(self.client, self._workers, function, calls, shared)
        except (OSError, CancelledError) as error:
            raise JobFailed(f"the Dask scheduler at {self.address} is lost: {error}") from error

    def _workers(self) -> int:
        """Wait until there is a worker, and return how many calls all of them make at once."""
        until = time.monotonic() + JOIN_SECONDS
        while not (threads := sum(self.client.ncores().values())):
            if time.monotonic() > until:
                how = "with: reprise work RUN_ID" if self.gathers else "in the project's environment"
                message = f"no worker joined {self.address} within {JOIN_SECONDS} s"
                raise JobFailed(message, remedy=f"start one {how}")
            time.sleep(PAUSE)
        return int(threads)


class SameEnvironment(WorkerPlugin):
    """Dismisses workers that join later and have another environment."""

    name = ENVIRONMENT

    def __init__(self, wanted: Versions) -> None:
        self.wanted = wanted

    def setup(self, worker: Any) -> None:
        """Compare; Dask prints what is raised, in the worker."""
        other = differences(self.wanted, describe_worker(list(self.wanted))[0])
        if other:
            worker.loop.add_callback(worker.close, executor_wait=False, reason=ENVIRONMENT)
            raise JobFailed(f"this worker has another environment: {other}")


@contextmanager
def connect(scheduler: str) -> Iterator[Cluster]:
    """Connect to a scheduler, or start one in this process.

    Args:
        scheduler: its address, or `here`.

    Raises:
        WrongCall: none answers there.
        JobFailed: it has no worker, or one has another environment.
    """
    if scheduler == HERE:
        with _gathering() as cluster:
            yield cluster
        return
    try:
        client = Client(scheduler, timeout=CONNECT_SECONDS)
    except (OSError, ValueError) as error:
        message = f"no Dask scheduler answers at {scheduler}"
        raise WrongCall(message, remedy="start one there, or name another with scheduler=") from error
    with client:
        if not str(client.scheduler_info()["address"]).startswith(dask_tls.PROTOCOL):
            note(f"the cluster at {scheduler} is not encrypted; anyone who reaches it can read the data and run code")
        _check_workers(client, scheduler)
        _admit_only_the_same(client)
        yield Cluster(client, scheduler, gathers=False)


@contextmanager
def _gathering() -> Iterator[Cluster]:
    """Start a scheduler in this process, for workers that have its key; by default only this machine reaches it."""
    host = os.environ.get(HOST) or LOOPBACK
    with dask_tls.of_search() as (security, key):
        options = {"host": host, "protocol": dask_tls.PROTOCOL, "security": security, "dashboard": False}
        scheduler = {"cls": dask_tls.OnePortScheduler, "options": options}
        try:
            cluster = SpecCluster({}, scheduler, security=security, silence_logs=logging.CRITICAL)
        except (OSError, ValueError, TypeError, RuntimeError) as error:  # TypeError: of certificates that lack a part
            raise WrongCall(f"no scheduler can listen at {HOST}={host}: {error}") from error
        with cluster, Client(cluster) as client:
            _admit_only_the_same(client)
            yield Cluster(client, cluster.scheduler_address, gathers=True, key=key)


def differences(wanted: Versions, found: Versions) -> str:
    """Name where two environments differ, the first few; "" where they do not."""
    other = [
        f"{name} {found[name] or 'missing'} instead of {version or 'none'}"
        for name, version in wanted.items()
        if found[name] != version
    ]
    return "; ".join(few(other, SHOWN))


def describe_worker(names: Sequence[str]) -> tuple[dict[str, str | None], int]:
    """Return this process's versions of Python and packages (None for a missing one) and its BLAS threads."""
    import platform  # noqa: PLC0415  this function is sent to the workers
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415

    found: dict[str, str | None] = {"python": platform.python_version()}
    for name in names:
        if name == "python":
            continue
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    try:
        import numpy as np  # noqa: F401, PLC0415  brings the BLAS
        from threadpoolctl import threadpool_info  # noqa: PLC0415
    except ImportError:
        return found, 1
    return found, max((pool["num_threads"] for pool in threadpool_info()), default=1)


def _admit_only_the_same(client: Client) -> None:
    cloudpickle.register_pickle_by_value(sys.modules[__name__])  # Dask asks for the very module, not for its package
    here, _ = describe_worker(list(read_lock().pins))
    client.set_metadata(ENVIRONMENT, here)
    client.register_plugin(SameEnvironment(here))


def _check_workers(client: Client, scheduler: str) -> None:
    """Refuse workers that would not compute what this process would."""
    names = list(read_lock().pins)
    try:
        environments = client.run(wrap_non_picklable_objects(describe_worker), names)
    except Exception as error:
        message = f"a worker at {scheduler} cannot run the project ({error})"
        raise JobFailed(message, remedy="start it in the project's environment") from error
    if not environments:
        raise JobFailed(
            f"the Dask scheduler at {scheduler} has no worker", remedy="start one in the project's environment"
        )
    here, threads = describe_worker(names)
    for worker, (versions, threads) in environments.items():
        if other := differences(here, versions):
            raise JobFailed(f"worker {worker} has another environment: {other}")
        if threads > 1:
            note(f"worker {worker} computes with {threads} BLAS threads; start it with OMP_NUM_THREADS=1")
