"""A Databricks cluster as `--backend-config` describes it, checked before anything is sent."""

from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from enum import Enum
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from databricks.sdk.service.compute import ClusterSpec, Library
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from reprise.base.errors import WrongCall

EXAMPLE = "see deploy/databricks.json"
_MLFLOWS_OWN = ("build_image", "docker_auth")  # and names in capitals: MLflow adds them to every configuration


def check(config: Mapping[str, Any], env_manager: str) -> dict[str, Any]:
    """Give a backend's configuration in the nested form, without what MLflow has added to it.

    Args:
        config: `{"new_cluster": {…}, "libraries": […]}`, as MLflow hands it to a backend.
        env_manager: what builds the project's environment on the cluster.

    Raises:
        WrongCall: it is in the flat form, or holds what databricks-sdk's types do not take.
    """
    added = sorted(name for name in config if name.isupper() or name in _MLFLOWS_OWN)
    own = {name: value for name, value in config.items() if name not in added}
    if not own:
        raise WrongCall(f"a cluster is wanted: --backend-config deploy/databricks.json; {EXAMPLE}")
    if "new_cluster" not in own:
        raise WrongCall(
            f"the cluster is in the flat form, in which MLflow sends {', '.join(added)} along as if they were the "
            f'cluster\'s: nest it in {{"new_cluster": {{…}}}}; {EXAMPLE}'
        )
    problems = [f"{name!r} is not known; it takes new_cluster and libraries" for name in set(own) - _TAKEN]
    problems += _problems(ClusterSpec, own["new_cluster"], "new_cluster")
    problems += _problems(list[Library], own.get("libraries", []), "libraries")
    if problems:
        raise WrongCall(f"backend config: {problems[0]}")
    if "spark_version" not in own["new_cluster"]:
        raise WrongCall(f"backend config: new_cluster lacks spark_version; {EXAMPLE}")
    if env_manager == "uv" and not any(_is_uv(library) for library in own.get("libraries", [])):
        raise WrongCall('backend config: libraries lack uv, which a cluster has not: {"pypi": {"package": "uv>=0.8"}}')
    return own


_TAKEN = {"new_cluster", "libraries"}


def _is_uv(library: Mapping[str, Any]) -> bool:
    package = library.get("pypi", {}).get("package", "")
    try:
        return canonicalize_name(Requirement(package).name) == "uv"
    except InvalidRequirement:  # pip takes more than requirements, such as git+https://…
        return False


def _problems(kind: Any, value: Any, place: str) -> Iterator[str]:
    """Name what a type of databricks-sdk does not take: fields that it lacks, values of another type."""
    if get_origin(kind) in (Union, UnionType):
        kind = next(part for part in get_args(kind) if part is not type(None))
    allowed = [member.value for member in kind] if isinstance(kind, type) and issubclass(kind, Enum) else None
    plain = Mapping if is_dataclass(kind) else str if allowed else get_origin(kind) or kind
    if not isinstance(value, plain) or (kind is int and isinstance(value, bool)):
        yield f"{place} is {value!r}; it takes {_NAMES.get(plain, plain.__name__)}"
    elif allowed and value not in allowed:
        yield f"{place} is {value!r}; it takes {', '.join(allowed)}"
    elif isinstance(value, Mapping) and is_dataclass(kind):
        yield from _problems_of_fields(get_type_hints(kind), value, place)
    elif get_origin(kind) is list:
        for number, item in enumerate(value):
            yield from _problems(get_args(kind)[0], item, f"{place}[{number}]")


_NAMES = {Mapping: "an object", list: "a list", dict: "an object", str: "text", int: "a whole number"}


def _problems_of_fields(hints: Mapping[str, Any], value: Mapping[str, Any], place: str) -> Iterator[str]:
    for name, item in value.items():
        if name in hints:
            yield from _problems(hints[name], item, f"{place}.{name}")
        else:
            yield f"{place} has no field {name!r}, says databricks-sdk"
