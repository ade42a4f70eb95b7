"""How long MLflow's client keeps trying a server that does not answer."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from reprise.base.variables import changed

VARIABLE = "MLFLOW_HTTP_REQUEST_MAX_RETRIES"

DEFAULT = 6
"""Retries in the middle of a job, unless the user says otherwise: two minutes, as a server or a database restarts."""

TIMEOUT_VARIABLE = "MLFLOW_HTTP_REQUEST_TIMEOUT"

BRIEF = 1
"""Retries of a first contact before it is said that nothing answers, and of last words to a dead server."""


def be_patient() -> None:
    """Set the default for this process."""
    os.environ.setdefault(VARIABLE, str(DEFAULT))


def has_more() -> bool:
    """Tell whether a request is made again more often than within `brief`."""
    return int(os.environ.get(VARIABLE) or DEFAULT) > BRIEF


@contextmanager
def brief(retries: int = BRIEF, seconds: int | None = None) -> Iterator[None]:
    """Give up soon, within the block.

    Args:
        retries: how often a request is made again.
        seconds: how long each may take; None for MLflow's own 120, or what the user says.
    """
    wanted = {VARIABLE: str(retries)} | ({TIMEOUT_VARIABLE: str(seconds)} if seconds else {})
    with changed(wanted):
        yield
