"""A child process, which ends with this process."""

import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from reprise.base.interruption import terminated_as_interrupted

GRACE = 60
"""Seconds in which an interrupted command may end by itself. Then it is asked to terminate, and then killed."""


def run(command: str, folder: Path, variables: Mapping[str, str | None], lock: int | None = None) -> int:
    """Run a shell command in a session of its own, so that all its processes can be ended together, and wait for it.

    Args:
        command: for bash.
        folder: where it runs.
        variables: of its environment, beyond this process's own; None for one that it must not have.
        lock: a file descriptor that its processes hold open as long as one of them lives, or None.

    Returns:
        Its exit code; minus the signal's number where one ended it.

    Raises:
        KeyboardInterrupt: this process was interrupted, or asked to terminate; the command has ended then.
    """
    with terminated_as_interrupted():
        with _held_back() as held:
            job = subprocess.Popen(
                ["bash", "-c", command],
                cwd=folder,
                env={name: value for name, value in {**os.environ, **variables}.items() if value is not None},
                start_new_session=True,
                pass_fds=[] if lock is None else [lock],
            )
        try:
            if held:
                raise KeyboardInterrupt  # noqa: TRY301  handled with one that comes later
            return job.wait()
        except KeyboardInterrupt:
            for number, patience in ((signal.SIGINT, GRACE), (signal.SIGTERM, GRACE / 6), (signal.SIGKILL, None)):
                # A further Ctrl-C is impatience: on to the next signal.
                with suppress(ProcessLookupError, subprocess.TimeoutExpired, KeyboardInterrupt):
                    os.killpg(job.pid, number)
                    job.wait(patience)
                    break
            with suppress(ProcessLookupError):
                os.killpg(job.pid, signal.SIGKILL)  # what the shell has left behind
            raise


def as_shell_says(exit_code: int) -> int:
    """Return an exit code from 0 up: of a command that a signal ended, 128 and the signal's number."""
    return exit_code if exit_code >= 0 else 128 - exit_code


@contextmanager
def _held_back() -> Iterator[list[int]]:
    """Collect signals within the block, because an exception while a process starts would orphan that process."""
    held: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield held
        return
    before = {
        number: signal.signal(number, lambda sent, _frame: held.append(sent))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield held
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
