"""Retries for a tracking server that does not answer, and errors for missing permissions."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from reprise.base.environment_variables import changed_variables
from reprise.base.errors import JobFailed

if TYPE_CHECKING:
    from mlflow.exceptions import MlflowException

RETRIES_VARIABLE = "MLFLOW_HTTP_REQUEST_MAX_RETRIES"

DEFAULT_RETRIES = 6
"""Retries in the middle of a job, unless the user says otherwise: two minutes, as a server or a database restarts."""

TIMEOUT_VARIABLE = "MLFLOW_HTTP_REQUEST_TIMEOUT"

FEW_RETRIES = 1
"""Retries of a first contact before it is said that nothing answers, and of last words to a dead server."""


def set_default_retries() -> None:
    """Set the default for this process."""
    os.environ.setdefault(RETRIES_VARIABLE, str(DEFAULT_RETRIES))


def retries_longer() -> bool:
    """Return whether a request is made again more often than within `brief`."""
    return int(os.environ.get(RETRIES_VARIABLE) or DEFAULT_RETRIES) > FEW_RETRIES


@contextmanager
def few_retries(retries: int = FEW_RETRIES, seconds: int | None = None) -> Iterator[None]:
    """Give up soon, within the block.

    Args:
        retries: how often a request is made again.
        seconds: how long each may take; None for MLflow's own 120, or what the user says.
    """
    wanted = {RETRIES_VARIABLE: str(retries)} | ({TIMEOUT_VARIABLE: str(seconds)} if seconds else {})
    with changed_variables(wanted):
        yield


FORBIDDEN = 403


class PermissionMissing(JobFailed):
    """The server knows the user, and refuses the request."""


@contextmanager
def permission_needed(permission: str, resource: str) -> Iterator[None]:
    """Report which permission is missing where the server forbids what the block does.

    Args:
        permission: READ, EDIT or MANAGE, as MLflow's basic-auth names them.
        resource: such as `experiment 3`.

    Raises:
        PermissionMissing: the server forbids it.
    """
    from mlflow.exceptions import MlflowException  # noqa: PLC0415  skops.io comes before mlflow: reprise/store/tracking.py

    try:
        yield
    except MlflowException as error:
        if not _is_forbidden(error):
            raise
        user = os.environ.get("MLFLOW_TRACKING_USERNAME", "this login")
        message = f"{user} lacks the permission {permission} on {resource}; ask a user with MANAGE on it to grant it"
        raise PermissionMissing(message) from error


def _is_forbidden(error: "MlflowException") -> bool:
    return error.get_http_status_code() == FORBIDDEN or f"error code {FORBIDDEN}" in str(error)
