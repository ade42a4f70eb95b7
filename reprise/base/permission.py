"""What a tracking server with access control refuses, in words that say what is missing."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from mlflow.exceptions import MlflowException

from reprise.base.errors import JobFailed

FORBIDDEN = 403


class PermissionMissing(JobFailed):
    """The server knows who asks, and does not allow it."""


@contextmanager
def needed(permission: str, resource: str) -> Iterator[None]:
    """Say which permission is missing where the server forbids what the block does.

    Args:
        permission: READ, EDIT or MANAGE, as MLflow's basic-auth names them.
        resource: such as `experiment 3`.

    Raises:
        PermissionMissing: the server forbids it.
    """
    try:
        yield
    except MlflowException as error:
        if not _is_forbidden(error):
            raise
        user = os.environ.get("MLFLOW_TRACKING_USERNAME", "this login")
        message = f"{user} lacks the permission {permission} on {resource}; whoever has MANAGE on it can grant it"
        raise PermissionMissing(message) from error


def _is_forbidden(error: MlflowException) -> bool:
    return error.get_http_status_code() == FORBIDDEN or f"error code {FORBIDDEN}" in str(error)
