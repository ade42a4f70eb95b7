"""Turn Ctrl-C and requests to terminate into KeyboardInterrupt."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

AGAIN = 0.5
"""Seconds after which an interruption that was lost is raised again."""


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise KeyboardInterrupt in the block for SIGINT and SIGTERM, once for several signals, and until it gets through.

    Python drops what a signal's handler raises in a finaliser or in a callback of a weak reference or of ctypes (it
    prints "Exception ignored in"), and packages drop some: a job that went on then would train to its end.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    signal.signal(signal.SIGALRM, _raise_unless_on_its_way)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


@contextmanager
def terminated_as_interrupted() -> Iterator[None]:
    """Take SIGTERM for Ctrl-C within the block, in the main thread."""

    def interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    # MLflow sends SIGTERM after Ctrl-C: it must not cut short what ends the run.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.setitimer(signal.ITIMER_REAL, AGAIN, AGAIN)
    raise KeyboardInterrupt


def _raise_unless_on_its_way(_signal: int, _frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt again, except while blocks of `finally`, `except` and `with` handle it."""
    error = sys.exc_info()[1]
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return
        error = error.__context__
    raise KeyboardInterrupt
