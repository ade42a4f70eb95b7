"""What a program that builds an environment has printed: the part that says what is wrong."""

import re
import signal
from collections.abc import Sequence

_ERROR = re.compile(
    r"\s*(?:\N{MULTIPLICATION SIGN}"  # uv's
    r"|(?:ERROR|error): "  # pip's and uv's
    r"|python-build: "  # pyenv's
    r"|(?:[A-Z]\w*\.)*[A-Z]\w*(?:Error|Exception|NotFound|Unsatisfiable)\w*: )"  # conda's, or Python's own
)
_SECOND_HAND = re.compile(r"\s*CondaEnvException: Pip failed")  # conda's, below what pip says
_EXIT_CODE = re.compile(r"Non-zero exit code: (-?\d+)")  # MLflow's first line
_SHELL = 128  # a shell's exit code for a command that a signal has ended, less the signal's number
_SHOWN = 4  # lines


def telling(lines: Sequence[str]) -> str:
    """Return the part of a failed build's output that says what is wrong, in one line or a few.

    Args:
        lines: those that are not blank; the first are MLflow's, with the exit code.
    """
    if ended := _signal(lines):
        short = "; memory may be short" if ended == "SIGKILL" else ""
        return f"its builder was ended by {ended}{short}"
    found = [number for number, line in enumerate(lines) if _ERROR.match(line) and not _SECOND_HAND.match(line)]
    return " ".join(lines[found[-1] :][:_SHOWN]) if found else lines[-1]


def _signal(lines: Sequence[str]) -> str | None:
    """Name the signal that ended the builder; None where it ended by itself."""
    found = _EXIT_CODE.match(lines[0]) if lines else None
    code = int(found[1]) if found else 0
    number = -code if code < 0 else code - _SHELL
    return signal.Signals(number).name if number in signal.valid_signals() else None
