"""Change environment variables of this process for the time of a block.

All threads share one environment, and blocks of several threads may end in any order. A block may take hours, so no
block waits for another. The block that began last decides. The end of the last block restores the values from before
all blocks.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import RLock

_lock = RLock()  # held for the change alone, never for a block; a signal may interrupt a change by one of its own
_asked: dict[str, dict[object, str | None]] = {}  # variable -> block -> value, the block that began last at the end
_before: dict[str, str | None] = {}


@contextmanager
def changed_variables(variables: Mapping[str, str | None]) -> Iterator[None]:
    """Change variables within the block; blocks may lie in one another and overlap between threads.

    Args:
        variables: name -> value; None for one that is not to be there.
    """
    block = object()
    try:
        for name, value in variables.items():
            _ask(name, block, value)
        yield
    finally:
        for name in variables:
            _take_back(name, block)


def _ask(name: str, block: object, value: str | None) -> None:
    with _lock:
        if not _asked.get(name):
            _before[name] = os.environ.get(name)
        _asked.setdefault(name, {})[block] = value
        _put(name, value)


def _take_back(name: str, block: object) -> None:
    with _lock:
        left = _asked.get(name, {})
        if block not in left:  # interrupted before it was asked for
            return
        del left[block]
        if left:
            _put(name, [*left.values()][-1])
        else:
            _put(name, _before.pop(name))
            del _asked[name]


def _put(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value
