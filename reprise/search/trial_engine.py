"""The engine of trials: a joblib backend on this machine or on a cluster, or Dask's own futures."""

import importlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

import cloudpickle
import mlflow
from joblib import Parallel, delayed, effective_n_jobs, parallel_config, wrap_non_picklable_objects
from threadpoolctl import threadpool_limits

import reprise
from reprise.base import process
from reprise.base.errors import JobFailed, WrongCall, one_line
from reprise.contract import project_model

if TYPE_CHECKING:
    from reprise.search.dask_cluster import Cluster

LOCAL = ("loky", "multiprocessing", "threading", "sequential")
PROCESSES = ("loky", "multiprocessing")
"""Those of them whose workers are processes of their own, which would outlive a search that was killed."""

REGISTRATION = {
    "dask": ("distributed", ""),
    "ray": ("ray.util.joblib", "register_ray"),
    "spark": ("joblibspark", "register_spark"),
}
"""The module that a backend needs, and its function that makes the backend known to joblib."""

RETRIES = 3
"""Times that a cluster is asked again for what it has lost: with a worker, now and then, a result not yet fetched."""

CHUNK = 8
"""Tasks a worker that are asked for at once from a backend that answers only when all are done."""


@dataclass(frozen=True)
class SearchEngine:
    """The place in which trials run.

    Attributes:
        backend: joblib's name of it.
        n_jobs: how many workers; -1 for all there are.
        cluster: of Dask, which joblib would use for as many workers as it had at the beginning; None for the others.
    """

    backend: str
    n_jobs: int
    cluster: "Cluster | None" = None

    def invite(self, run: mlflow.entities.Run) -> None:
        """Publish this engine's address on a run, if workers may join it."""
        if self.cluster:
            self.cluster.invite(run)

    def run(
        self, function: Callable[..., Any], calls: Iterable[tuple[Any, ...]], shared: Sequence[Any]
    ) -> Iterator[Any]:
        """Call a function many times in the workers, and yield each result once, in any order.

        Args:
            function: of this project; workers of a cluster need not have the project, since its code is sent to them.
                It gives back its first argument first, by which calls are told apart.
            calls: arguments of each call; taken as workers become free.
            shared: arguments that many calls have; brought to every worker of a cluster at once, so that one which dies
                takes none of them with it.

        Raises:
            JobFailed: the workers died, or none came.
        """
        if self.cluster:
            yield from self.cluster.run(function, calls, shared)
            return
        attempts = 1 if self.backend in LOCAL else 1 + RETRIES
        waiting: dict[Any, tuple[Any, ...]] = {}
        following = iter(calls)
        for attempt in range(attempts):
            again = list(waiting.values())
            try:
                for key, *result in self._attempt(function, chain(again, following), waiting):
                    if waiting.pop(key, None):
                        yield key, *result
            except Exception as error:  # each backend has its own; what a trial raises is caught there
                if attempt + 1 == attempts:
                    cause = one_line(f"{type(error).__name__}: {error}", 300)
                    raise JobFailed(f"the workers of engine {self.backend} failed: {cause}") from error
            else:
                return

    def _attempt(
        self,
        function: Callable[..., Any],
        calls: Iterable[tuple[Any, ...]],
        waiting: dict[Any, tuple[Any, ...]],
    ) -> Iterator[Any]:
        """Make the calls, and note each in `waiting` before."""
        options: dict[str, Any] = {}
        if self.backend in PROCESSES:
            options |= {"initializer": process.end_with, "initargs": (os.getpid(),)}
        if self.backend == "loky":
            options["inner_max_num_threads"] = 1
        if self.backend not in LOCAL:
            function = wrap_non_picklable_objects(function)

        def tasks() -> Iterator[Any]:
            for call in calls:
                waiting[call[0]] = call
                yield delayed(function)(*call)

        with parallel_config(self.backend, n_jobs=self.n_jobs, **options), threadpool_limits(1):
            yield from _results(tasks())


@contextmanager
def start(engine: str, scheduler: str, n_jobs: int) -> Iterator[SearchEngine]:
    """Start an engine, and close it when the block ends.

    Args:
        engine: a joblib backend: `loky`, `threading`, `multiprocessing`, `dask`, or another one's name.
        scheduler: address of Dask's scheduler, or `here` for one in this process; `none` for the other engines.
        n_jobs: workers of this machine; -1 for one a core. A cluster lends all that it has.

    Raises:
        WrongCall: there is no such engine, its package is missing, or the scheduler does not answer.
        JobFailed: the cluster has no worker, or a worker has another environment.
    """
    if (engine == "dask") != (scheduler != "none"):
        raise WrongCall(
            f"engine={engine} and scheduler={scheduler}: dask, and no other, needs scheduler=tcp://host:port, or here"
        )
    if n_jobs == 0:
        raise WrongCall("n_jobs=0 leaves no worker", remedy="use -1 for one a core, or a number above 0")
    _register(engine)
    if engine not in LOCAL:
        _send_by_value()
    if engine == "dask":
        from reprise.search import dask_cluster  # noqa: PLC0415  the environment may lack Dask

        with dask_cluster.connect(scheduler) as cluster:
            yield SearchEngine(engine, n_jobs=-1, cluster=cluster)
        return
    try:
        parallel_config(engine).unregister()
    except ValueError as error:
        raise WrongCall(
            f"engine {engine!r} is no backend of joblib", remedy="use loky, or dask with a scheduler"
        ) from error
    yield SearchEngine(engine, n_jobs)


def _send_by_value() -> None:
    """Send the engine and the project's own modules to the workers of a cluster as code."""
    for module in (reprise, *project_model.own_modules()):
        cloudpickle.register_pickle_by_value(module)


def _results(tasks: Iterator[Any]) -> Iterator[Any]:
    try:
        parallel = Parallel(return_as="generator_unordered")
    except ValueError:  # a backend that answers only when all is done: ask for a little at a time
        with Parallel() as parallel:  # one pool for all of them; Ray knows its size only once it is there
            while chunk := list(islice(tasks, CHUNK * effective_n_jobs())):
                yield from parallel(chunk)
        return
    found: Any = parallel(tasks)
    with closing(found):
        yield from found


def _register(engine: str) -> None:
    module, function = REGISTRATION.get(engine, ("", ""))
    try:
        if module:
            register = getattr(importlib.import_module(module), function, None)
            if register:
                register()
    except ImportError as error:
        package = module.partition(".")[0]
        message = f"engine {engine} needs {package}: add it to [dependency-groups] project in pyproject.toml, then run "
        raise WrongCall(message + "reprise lock") from error
