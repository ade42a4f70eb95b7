"""Errors that end a command. Each is one line for a person."""

import errno
import re
from dataclasses import dataclass

import click

from reprise.base.display_text import printable

ABSENT = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
"""What MLflow's stores answer for a run, model, version or alias that does not exist."""


@dataclass(frozen=True)
class Reason:
    """Why something failed, for a person.

    Attributes:
        problem: what is wrong, with which value.
        remedy: what to do; None where nothing is known to help.
    """

    problem: str
    remedy: str | None = None

    def __str__(self) -> str:
        """Write both in one line."""
        return f"{self.problem}; {self.remedy}" if self.remedy else self.problem


class _OneLine(click.ClickException):
    """An error whose message is one printable line, also when `mlflow run` prints it.

    Attributes:
        problem: what is wrong, with which value.
        remedy: what to do; None where the problem says all.
    """

    def __init__(self, problem: str, *, remedy: str | None = None) -> None:
        super().__init__(str(Reason(problem, remedy)))
        self.problem = problem
        self.remedy = remedy

    def format_message(self) -> str:
        """Return the line."""
        return printable(without_line_breaks(self.message))


class WrongCall(_OneLine):
    """The call names a value, a file or a column that cannot be used. Nothing was done. Exit code 2."""

    exit_code = 2


class JobFailed(_OneLine):
    """The call was right, but the job failed or was refused. Exit code 1."""

    exit_code = 1


class Irreproducible(JobFailed):
    """A recorded run cannot be run again as it was. Exit code 3.

    Attributes:
        missing: what it would take, a line each.
    """

    exit_code = 3

    def __init__(self, *missing: str) -> None:
        super().__init__("; ".join(missing))
        self.missing = missing


def without_line_breaks(text: str) -> str:
    """Join the lines of a text by spaces, and leave it as it is otherwise."""
    return re.sub(r"\s*\n\s*", " ", text)


def one_line(said: object, limit: int | None = None) -> str:
    """Write what an error or a program says in one line, of so many characters at most.

    What is too long loses its middle: the beginning says what failed and the end, mostly, why.
    """
    text = " ".join(str(said).split())
    if limit is None or len(text) <= limit:
        return text
    end = limit // 2
    return f"{text[: limit - end - 3]} … {text[-end:]}"


LONGEST = 500
"""Characters of a reason that a line holds."""

_TRACEBACK = "Traceback (most recent call last)"
_RAISED = re.compile(r"^(?:[\w.]+\.)?\w*(?:Error|Exception|Interrupt|Warning): \S.*", re.MULTILINE)


def error_summary(error: BaseException, limit: int = LONGEST) -> str:
    """Write in one line why a library failed.

    MLflow shows what it was given first (a table, a schema, a traceback) and says why it failed last, after `Error:` or
    in the last line of the traceback. For an empty text, the error's type is named.
    """
    text = str(error)
    raised = _RAISED.findall(text) if _TRACEBACK in text else []
    reason = raised[-1] if raised else text.rpartition(" Error: ")[2]
    return one_line(reason, limit) or type(error).__name__


def in_short(error: Exception) -> str:
    """Return why a server was not reached, in the system's words if the error contains them."""
    text = one_line(error)
    return re.sub(r".*\[Errno -?\d+\] ([\w ]+).*", r"\1", text)


def cause(error: Exception) -> str:
    """Return one line on why a store failed, without the statement that a database was given."""
    text = one_line(str(error).partition("[SQL:")[0])
    return text[max(text.find("(sqlite3."), 0) :]


def check_memory(error: BaseException) -> None:
    """Report an error caused by too little memory as such, and not as a fault of the data.

    Raises:
        MemoryError: it does.
    """
    short = isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM
    if short or "out of memory" in str(error).lower():
        raise MemoryError(one_line(error)) from error
