"""MLflow's model registry: the one module that talks to it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import mlflow
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from reprise.base.errors import ABSENT, WrongCall
from reprise.base.tracking_server import permission_needed
from reprise.store.paging import every

_NUMBER = re.compile(r"[1-9][0-9]{0,8}")
"""A version's number; of more digits no database has any."""


@dataclass(frozen=True)
class Version:
    """A model version.

    Attributes:
        name: of the registered model.
        number: of the version, as MLflow writes it: `3`.
        source: where its files are: `models:/m-…`, or any URI.
        run_id: the run that it comes from, where known.
        created: when it was made.
        tags: name -> value.
        ready: whether MLflow calls it so.
    """

    name: str
    number: str
    source: str
    run_id: str | None
    created: datetime
    tags: Mapping[str, str]
    ready: bool

    @property
    def uri(self) -> str:
        """Its model URI."""
        return f"models:/{self.name}/{self.number}"

    @property
    def model_id(self) -> str | None:
        """The logged model that it is, `m-…`; None for a version that was made of plain files."""
        return self.source.removeprefix("models:/") if self.source.startswith("models:/m-") else None


def find(name: str, number: str) -> Version:
    """Find a version by number, or by alias.

    Raises:
        WrongCall: there is none; those that exist are named.
    """
    found = _get(name, number) if _NUMBER.fullmatch(number) else aliased(name, number)
    if found is None:
        known = sorted((version.number for version in versions(name)), key=int)
        listed = f"its versions: {', '.join(known[-10:])}" if known else "it has no version: register one first"
        raise WrongCall(f"registered model {name!r} has no version {number!r}; {listed}")
    return found


def _get(name: str, number: str) -> Version | None:
    with permission_needed("READ", f"registered model {name!r}"):
        try:
            return _version(mlflow.MlflowClient().get_model_version(name, number))
        except MlflowException as error:
            if error.error_code in ABSENT:
                return None
            raise


def aliased(name: str, alias: str) -> Version | None:
    """Find the version that an alias points to; None where the model or the alias does not exist."""
    with permission_needed("READ", f"registered model {name!r}"):
        try:
            return _version(mlflow.MlflowClient().get_model_version_by_alias(name, alias))
        except MlflowException as error:
            if error.error_code in ABSENT:
                return None
            raise


def of_uri(uri: str) -> Version | None:
    """Find the version that `models:/name@alias` or `models:/name/3` names; None where there is none."""
    name, _, alias = uri.removeprefix("models:/").partition("@")
    if alias:
        return aliased(name, alias)
    name, _, number = name.partition("/")
    return _get(name, number) if _NUMBER.fullmatch(number) else None


def versions(name: str) -> Iterator[Version]:
    """List all versions, newest first; none where there is no such model.

    Raises:
        WrongCall: MLflow's search cannot take the name.
    """
    quote = '"' if "'" in name else "'"
    if quote in name:
        raise WrongCall(
            f"{name!r} holds both kinds of quotes, and MLflow cannot search for it",
            remedy="rename the registered model",
        )
    with permission_needed("READ", f"registered model {name!r}"):
        search, newest = mlflow.MlflowClient().search_model_versions, ["version_number DESC"]
        yield from map(_version, every(search, f"name = {quote}{name}{quote}", order_by=newest, size=200))


def aliases(name: str) -> dict[str, str] | None:
    """Return every alias of a model and the version that it points to; None where there is no such model."""
    with permission_needed("READ", f"registered model {name!r}"):
        try:
            found = mlflow.MlflowClient().get_registered_model(name).aliases
        except MlflowException as error:
            if error.error_code in ABSENT:
                return None
            raise
    return {alias: str(number) for alias, number in found.items()}


def is_used(version: Version) -> bool:
    """Return whether any version, of any registered model, is made of the same files."""
    return bool(mlflow.MlflowClient().search_model_versions(f"source_path = '{version.source}'", max_results=1))


def check_unregistered(name: str, model_id: str, run_id: str) -> None:
    """Check that a logged model has no version yet.

    Raises:
        WrongCall: it has one.
    """
    for earlier in mlflow.MlflowClient().search_model_versions(
        f"name = '{name}' and source_path = 'models:/{model_id}'"
    ):
        raise WrongCall(f"version {earlier.version} of {name!r} is the model of run {run_id} already")


def register(name: str, model_id: str, run_id: str, tags: Mapping[str, str]) -> Version:
    """Make a version of a logged model, and the registered model where it is the first.

    Raises:
        WrongCall: the model has a version already.
    """
    check_unregistered(name, model_id, run_id)
    client = mlflow.MlflowClient()
    with permission_needed("EDIT", f"registered model {name!r}"):
        try:
            client.create_registered_model(name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        made = client.create_model_version(name, f"models:/{model_id}", run_id, tags=dict(tags), model_id=model_id)
    return _version(made)


def point(name: str, alias: str, number: str) -> None:
    """Point an alias to a version, whatever it pointed to: MLflow has no compare-and-set."""
    with permission_needed("EDIT", f"registered model {name!r}"):
        mlflow.MlflowClient().set_registered_model_alias(name, alias, number)


def tag(version: Version, tags: Mapping[str, str]) -> None:
    """Set tags of a version."""
    client = mlflow.MlflowClient()
    with permission_needed("EDIT", f"registered model {version.name!r}"):
        for key, value in tags.items():
            client.set_model_version_tag(version.name, version.number, key, value)


def delete(version: Version) -> None:
    """Delete a version; its files are the logged model's."""
    with permission_needed("MANAGE", f"registered model {version.name!r}"):
        mlflow.MlflowClient().delete_model_version(version.name, version.number)


def _version(found: ModelVersion) -> Version:
    return Version(
        name=found.name,
        number=str(found.version),
        source=str(found.source),
        run_id=found.run_id or None,
        created=datetime.fromtimestamp(found.creation_timestamp / 1000, UTC),
        tags=dict(found.tags),
        ready=found.status == "READY",
    )


def check_name(name: str) -> None:
    """Refuse a name that cannot stand in a model URI, a search or a line.

    Raises:
        WrongCall: it holds a quote, a slash, a colon, an at sign or a line's end, or nothing but dots.
    """
    if not name.strip(".") or set(name) & set("'\"/:@") or not name.isprintable():
        raise WrongCall(f"{name!r} is no name for a registered model: it takes letters, and no quotes, /, : or @")
