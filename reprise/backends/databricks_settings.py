"""The settings of the backend `databricks-commit`: a cluster and its libraries, checked before anything is sent."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, get_args, get_origin, get_type_hints

from databricks.sdk.service.compute import ClusterSpec, Library
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from pydantic import Field

from reprise.base.errors import WrongCall
from reprise.code.project_uri import DATABRICKS_BACKEND
from reprise.running.backend_settings import BackendSettings, named, own_of, read_settings, where

EXAMPLE = "deploy/databricks.json"

_MAPS = {
    name
    for name, hint in get_type_hints(ClusterSpec).items()
    if any(get_origin(part) is dict for part in get_args(hint))
}
"""Fields of a cluster that hold names and texts of anybody's, such as `spark_conf`."""


class DatabricksSettings(BackendSettings):
    """The request to Databricks, by the types of databricks-sdk."""

    backend: ClassVar[str] = DATABRICKS_BACKEND
    example: ClassVar[str] = EXAMPLE
    types: ClassVar[str] = "databricks-sdk"

    new_cluster: ClusterSpec
    libraries: list[Library] = Field(default_factory=list)


def check(config: Mapping[str, Any], env_manager: str) -> dict[str, Any]:
    """Return a backend's configuration in the nested form, without what MLflow has added to it.

    Args:
        config: `{"new_cluster": {…}, "libraries": […]}`, as MLflow hands it to a backend.
        env_manager: what builds the project's environment on the cluster.

    Raises:
        WrongCall: it is in the flat form, or holds what databricks-sdk's types do not take.
    """
    own = own_of(config)
    if not own:
        raise WrongCall("no cluster is configured", remedy=f"give --backend-config {EXAMPLE}")
    if "new_cluster" not in own:
        added = ", ".join(sorted(set(config) - set(own)))
        raise WrongCall(
            f"MLflow would send {added} as fields of the cluster, which is not nested",
            remedy=f'nest it in {{"new_cluster": {{…}}}}; see {EXAMPLE}',
        )
    for keys in _nulls(own, ()):
        raise WrongCall(f"backend config {where(keys)}{named(keys)} is None; give it a value, or leave it out")
    read_settings(DatabricksSettings, {**own, "new_cluster": _with_texts(own["new_cluster"])})
    if "spark_version" not in own["new_cluster"]:
        raise WrongCall(f"backend config {where(('new_cluster',))}new_cluster lacks spark_version; see {EXAMPLE}")
    if env_manager == "uv" and not any(_is_uv(library) for library in own.get("libraries", [])):
        raise WrongCall(
            f"backend config {where(('libraries',))}libraries lack uv, which no cluster has by itself",
            remedy='add {"pypi": {"package": "uv>=0.8"}}',
        )
    return own


def _nulls(value: Any, keys: tuple[int | str, ...]) -> Iterator[tuple[int | str, ...]]:
    """Find null values. The types of databricks-sdk take them, and what a workspace does with them is unknown."""
    if value is None:
        yield keys
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _nulls(item, (*keys, str(name)))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _nulls(item, (*keys, number))


def _with_texts(cluster: Any) -> Any:
    """Return a cluster with texts for the values of its mappings, of which a workspace takes numbers as well."""
    if not isinstance(cluster, Mapping):
        return cluster
    return {
        name: {key: str(item) for key, item in value.items()} if name in _MAPS and isinstance(value, Mapping) else value
        for name, value in cluster.items()
    }


def _is_uv(library: Mapping[str, Any]) -> bool:
    package = library.get("pypi", {}).get("package", "")
    try:
        return canonicalize_name(Requirement(package).name) == "uv"
    except InvalidRequirement:  # pip takes more than requirements, such as git+https://…
        return False
