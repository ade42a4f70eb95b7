"""Find old versions, and archive them by a tag or delete them with their files."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import mlflow
from mlflow.exceptions import MlflowException

from reprise.base import mlflow_private, tag
from reprise.base.errors import ABSENT, WrongCall
from reprise.base.tracking_server import permission_needed
from reprise.governance import history
from reprise.governance.registry_lock import exclusively
from reprise.models import registry
from reprise.models.registry import Version


@dataclass(frozen=True)
class Retirable:
    """A version that may retire.

    Attributes:
        version: the version.
        named: whether a history entry names it: then it is archived at most, never deleted.
    """

    version: Version
    named: bool


def candidates(name: str, days: int, last: int) -> list[Retirable]:
    """List the versions that no alias points to, that are older than some days and not among the last ones.

    Args:
        name: of the registered model.
        days: younger versions stay.
        last: so many of the newest stay.

    Raises:
        WrongCall: there is no such model.
    """
    aliases = registry.aliases(name)
    if aliases is None:
        raise WrongCall(f"there is no registered model {name!r} in {mlflow.get_tracking_uri()}")
    named = {number for move in history.moves(name) for number in (move.before, move.after)}
    oldest = datetime.now(UTC) - timedelta(days=days)
    listed = list(registry.versions(name))[last:]
    kept = set(aliases.values())
    return [
        Retirable(version, version.number in named)
        for version in reversed(listed)
        if version.number not in kept and version.created < oldest
    ]


def archive(chosen: Sequence[Retirable]) -> list[Version]:
    """Tag versions as archived; those that are so already are left."""
    done = []
    for candidate in chosen:
        if tag.ARCHIVED not in candidate.version.tags:
            registry.tag(candidate.version, {tag.ARCHIVED: f"{datetime.now(UTC):%Y-%m-%d}"})
            done.append(candidate.version)
    return done


def delete(name: str, chosen: Sequence[Retirable]) -> list[Version]:
    """Delete versions with their files, except those that the history names or an alias points to by now."""
    done = []
    with exclusively(name):
        aliases = set((registry.aliases(name) or {}).values())
        named = {number for move in history.moves(name) for number in (move.before, move.after)}
        for candidate in chosen:
            if candidate.version.number not in aliases | named:
                registry.delete(candidate.version)
                _delete_files(candidate.version)
                done.append(candidate.version)
    return done


def _delete_files(version: Version) -> None:
    """Delete the logged model, unless another version is made of it."""
    if version.model_id is None or registry.is_used(version):
        return
    client = mlflow.MlflowClient()
    with permission_needed("EDIT", f"the experiment of model {version.model_id}"):
        try:
            model = client.get_logged_model(version.model_id)
        except MlflowException as error:
            if error.error_code not in ABSENT:
                raise
            return  # it was deleted before
        mlflow_private.artifact_repository(model.artifact_location).delete_artifacts()
        client.delete_logged_model(version.model_id)
