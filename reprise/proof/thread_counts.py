"""The number of threads of linear algebra. Another number adds in another order.

A rerun gets the recorded number through its environment. OpenBLAS takes no more threads than there are cores, so the
last bits may differ on a machine with fewer cores.
"""

import os
from collections.abc import Iterator

from reprise.base.record import Environment
from reprise.environment.pins import THREADS

_OF = {
    "openblas": ("OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "OMP_NUM_THREADS"),
    "mkl": ("MKL_NUM_THREADS", "OMP_NUM_THREADS"),
    "blis": ("BLIS_NUM_THREADS", "OMP_NUM_THREADS"),
    "openmp": ("OMP_NUM_THREADS",),
}
"""The variables that decide a library's threads, the first that is set counts (threadpoolctl's names of libraries)."""


def cores() -> int:
    """Count the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def variables(environment: Environment, here: int) -> dict[str, str | None]:
    """Return the variables by which a rerun has the threads that its run had.

    Args:
        environment: what provenance.json says of the run's environment; empty where it says nothing.
        here: cores of this machine.

    Returns:
        name -> value, None for one that must not be set; empty where the run says nothing of threads.
    """
    had = dict(_had(environment))
    if not had:
        return {}
    given: dict[str, str | None] = {name: environment.get("threads", {}).get(name) for name in THREADS}
    for library, number in had.items():
        decided = any(given.get(name) for name in _OF[library])
        if not decided and number != here:  # else it took what it found, as it will here
            given[_OF[library][0]] = str(number)
    return given


def lacking(environment: Environment, here: int) -> str | None:
    """Return a note that the run had more threads than this machine has cores; None where it had not."""
    most = max(dict(_had(environment)).values(), default=0)
    if most <= here:
        return None
    return f"the run's linear algebra had {most} threads, and this machine has {here} cores: the last bits may differ"


def _had(environment: Environment) -> Iterator[tuple[str, int]]:
    """Return each library's threads; of two copies of one, which the same variables decide, the most."""
    pools = [(str(pool.get("internal_api")), pool.get("num_threads")) for pool in environment.get("blas", [])]
    known = [(library, number) for library, number in pools if library in _OF and isinstance(number, int)]
    yield from sorted(known, key=lambda pool: pool[1])
