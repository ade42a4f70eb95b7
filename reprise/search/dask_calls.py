"""Calls in the workers of a Dask cluster. The number of calls follows the number of workers.

joblib's backend does not suit clusters that change. It never makes more calls at once than there were workers at its
beginning, and where that was one, it computes in this process instead.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from distributed import Client, Future, as_completed
from joblib import wrap_non_picklable_objects

from reprise.base.errors import JobFailed, one_line

Call = tuple[Any, ...]

AHEAD = 2
"""Calls a worker that are asked for at once: the one that it makes, and the next."""

FAILURES = 4
"""Times that a call may fail: Dask itself gives one up whose worker died three times, and loses what only a lost worker
held."""


@dataclass
class _Calls:
    """Calls that have no answer yet.

    Attributes:
        client: of the cluster.
        function: what is called.
        following: calls that were not made yet.
        shared: arguments that many calls have.
        workers: waits for a worker, and gives how many there are.
        waiting: calls that were made.
        again: calls that are to be made again.
        failures: of each call, by its first argument.
        brought: the shared arguments on the cluster, by their ids; none before they are brought there, or when lost.
    """

    client: Client
    function: Callable[..., Any]
    following: Iterator[Call]
    shared: Sequence[Any]
    workers: Callable[[], int]
    waiting: dict[Future[Any], Call] = field(default_factory=dict)
    again: list[Call] = field(default_factory=list)
    failures: Counter[Any] = field(default_factory=Counter)
    brought: dict[int, Future[Any]] = field(default_factory=dict)

    def make(self) -> Iterator[Future[Any]]:
        """Make as many as there is room for, and at least one."""
        room = 1
        while len(self.waiting) < room and (call := self.again.pop() if self.again else next(self.following, None)):
            room = AHEAD * self.workers()
            arguments = [self._brought().get(id(argument), argument) for argument in call]
            future = self.client.submit(self.function, *arguments, pure=False)
            self.waiting[future] = call
            yield future

    def fail(self, future: Future[Any], answer: Any) -> None:
        """Ensure that a call is made again.

        Raises:
            JobFailed: it has failed too often.
        """
        call = self.waiting.pop(future)
        self.failures[call[0]] += 1
        if self.failures[call[0]] == FAILURES:
            error = answer[1] if isinstance(answer, tuple) else answer
            cause = one_line(f"{type(error).__name__}: {error}", 300)
            raise JobFailed(f"the workers of engine dask failed: {cause}")
        self.again.append(call)
        self.brought = {}

    def _brought(self) -> dict[int, Future[Any]]:
        tries = 0
        while self.shared and not self.brought:
            self.workers()
            try:
                futures = self.client.scatter(list(self.shared), broadcast=True, hash=False)
                self.brought = dict(zip(map(id, self.shared), futures, strict=True))
            except OSError:  # a worker was lost just then
                tries += 1
                if tries == FAILURES:
                    raise
        return self.brought


def run(
    client: Client,
    workers: Callable[[], int],
    function: Callable[..., Any],
    calls: Iterable[Call],
    shared: Sequence[Any],
) -> Iterator[Any]:
    """Call a function many times, and yield each result once, in any order.

    Args:
        client: of the cluster.
        workers: waits for a worker, and gives how many there are.
        function: of this project; the workers need not have it, since its code is sent to them.
        calls: arguments of each call, of which the first tells it apart; taken as workers become free.
        shared: arguments that many calls have, brought to every worker at once.

    Raises:
        JobFailed: a call failed too often.
    """
    ours = _Calls(client, wrap_non_picklable_objects(function), iter(calls), shared, workers)
    answers = as_completed([], loop=client.loop, with_results=True, raise_errors=False)
    while True:
        for future in ours.make():
            answers.add(future)
        if not ours.waiting:
            return
        future, answer = next(answers)
        if future.status == "finished":
            del ours.waiting[future]
            yield answer
        else:
            ours.fail(future, answer)
