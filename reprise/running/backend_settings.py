"""The settings of `--backend-config`, read by pydantic. Messages name the wrong key and its line in the file."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import click
import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from reprise.base import untrusted_text, validated
from reprise.base.display_text import few
from reprise.base.errors import WrongCall, one_line

SHOWN = 3
"""Problems that a message tells."""

_OF_MLFLOW = {"build_image", "docker_auth"}
_TAKES = {
    "bool_type": "true or false",
    "dataclass_type": "an object",
    "dict_type": "an object",
    "finite_number": "a number",
    "float_type": "a number",
    "int_type": "a whole number",
    "list_type": "a list",
    "string_type": "text",
}
"""The wanted form of a value, by the kind of pydantic's error."""


class BackendSettings(BaseModel):
    """The settings of a backend. Keys that it does not have are refused, and values are taken as they are typed.

    Attributes:
        backend: its name.
        example: a file with such settings, or how to write them.
        types: whose types those of its fields are.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False, defer_build=True)

    backend: ClassVar[str]
    example: ClassVar[str]
    types: ClassVar[str] = "this backend"


Settings = TypeVar("Settings", bound=BackendSettings)


def own_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration without what MLflow adds to every one, which is in capitals or about docker."""
    return {name: value for name, value in config.items() if not name.isupper() and name not in _OF_MLFLOW}


def read_settings(kind: type[Settings], config: Mapping[str, Any]) -> Settings:
    """Read a configuration.

    Args:
        kind: of the backend.
        config: as MLflow hands it to the backend.

    Raises:
        WrongCall: a key is not known or missing, or its value is not one that it takes.
    """
    try:
        return kind.model_validate_json(json.dumps(own_of(config)))
    except ValidationError as error:
        problems = [_told(kind, problem) for problem in error.errors(include_url=False)]
        raise WrongCall(f"backend config {'; '.join(few(problems, SHOWN))}") from error
    except (TypeError, ValueError, RecursionError) as error:
        raise WrongCall(f"backend config is not JSON: {one_line(error)}; see {kind.example}") from error


def _told(kind: type[BackendSettings], problem: ErrorDetails) -> str:
    """Return what is wrong with a key, after the file and line where it stands."""
    if not problem["loc"]:
        return f"is not valid: {problem['msg']}"
    *above, key = problem["loc"]
    place = named(problem["loc"])
    if problem["type"] == "extra_forbidden":
        keys = ", ".join(field.alias or name for name, field in kind.model_fields.items())
        text = f"{place!r} is not known; {kind.backend} takes {keys}"
    elif problem["type"] == "unexpected_keyword_argument":
        text = f"{named(above)} has no field {str(key)!r}, says {kind.types}"
    elif problem["type"] == "missing":
        text = " ".join(filter(None, [named(above), f"lacks {key}; see {kind.example}"]))
    else:
        text = f"{place} is {untrusted_text.shorten(repr(problem['input']))}; it takes {_taken(kind, problem)}"
    return f"{where(problem['loc'])}{text}"


def _taken(kind: type[BackendSettings], problem: ErrorDetails) -> str:
    fields = {field.alias or name: field for name, field in kind.model_fields.items()}
    described = fields[str(problem["loc"][0])].description if len(problem["loc"]) == 1 else None
    expected = problem.get("ctx", {}).get("expected")
    said = problem["msg"].removeprefix("Input ").removeprefix("should be ")
    return str(described or _TAKES.get(problem["type"]) or expected or said)


def named(keys: tuple[int | str, ...] | list[int | str]) -> str:
    """Write the keys that lead to a value, such as `libraries[0].pypi`."""
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys).removeprefix(".")


def where(keys: validated.Place) -> str:
    """Return where a key stands, to come before what is wrong with it: nothing where `--backend-config` names no file.

    MLflow hands a backend what the file holds, and not its name: that is asked of the command line.
    """
    context = click.get_current_context(silent=True)
    file = context.params.get("backend_config") if context else None
    if not isinstance(file, str) or not file.endswith(".json"):
        return ""
    try:
        root = untrusted_text.compose(Path(file).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError):  # JSON is YAML, but for tabs and the like
        root = None
    node, found = validated.follow(root, keys, to_key=True) if root else (None, ())
    return f"{validated.where(file, node if found else None)}: "
