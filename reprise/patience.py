"""How long MLflow's client keeps trying a server that does not answer."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

VARIABLE = "MLFLOW_HTTP_REQUEST_MAX_RETRIES"

DEFAULT = 5
"""Retries in the middle of a job, unless the user says otherwise: about a minute, enough for a server's restart."""

BRIEF = 1
"""Retries of a first contact, where a wrong address is likelier than a restart, and of last words to a dead server."""


def be_patient() -> None:
    """Set the default for this process."""
    os.environ.setdefault(VARIABLE, str(DEFAULT))


@contextmanager
def brief() -> Iterator[None]:
    """Give up soon, within the block."""
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = str(BRIEF)
    try:
        yield
    finally:
        os.environ.pop(VARIABLE)
        if before is not None:
            os.environ[VARIABLE] = before
