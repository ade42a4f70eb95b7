"""The ways in which a command ends badly; each is one line for a person."""

import re

import click

TAG_LENGTH = 5000
"""Characters of a reason that are kept; MLflow allows 8000 in a tag."""

ABSENT = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
"""What MLflow's stores answer for a run, model, version or alias that does not exist."""


class WrongCall(click.ClickException):
    """The call itself is wrong: a value, a file or a column that cannot be used. Nothing was done. Exit code 2."""

    exit_code = 2


class JobFailed(click.ClickException):
    """The call was right, yet the job failed or was refused. Exit code 1."""

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


def one_line(said: object, limit: int | None = None) -> str:
    """Write what an error or a program says in one line, of so many characters at most."""
    return " ".join(str(said).split())[:limit]


def in_short(error: Exception) -> str:
    """Say why a server was not reached: the system's own words where they are among the many of the network's."""
    text = one_line(error)
    return re.sub(r".*\[Errno -?\d+\] ([\w ]+).*", r"\1", text)


def cause(error: Exception) -> str:
    """Say in one line why a store failed, without the statement that a database was given."""
    text = one_line(str(error).partition("[SQL:")[0])
    return text[max(text.find("(sqlite3."), 0) :]
