"""The two ways in which a command ends badly; each is one line for a person."""

import click


class WrongCall(click.ClickException):
    """The call itself is wrong: a value, a file or a column that cannot be used. Nothing was done. Exit code 2."""

    exit_code = 2


class JobFailed(click.ClickException):
    """The call was right, yet the job failed or was refused. Exit code 1."""

    exit_code = 1


def cause(error: Exception) -> str:
    """Say in one line why a store failed, without the statement that a database was given."""
    text = " ".join(str(error).partition("[SQL:")[0].split())
    return text[max(text.find("(sqlite3."), 0) :]
