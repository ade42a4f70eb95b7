"""Check a parameter's values, from a command line or a file, against their type."""

import json
from contextlib import suppress
from typing import Any

import click
from pydantic import ConfigDict, PydanticUserError, TypeAdapter, ValidationError
from pydantic_core import SchemaError

from reprise.base.errors import WrongCall, one_line
from reprise.base.validated import wanted

_FINITE = ConfigDict(allow_inf_nan=False)


class ValueType(click.ParamType[Any]):
    """A click type for a Python type, such as `float`, `Annotated[int, Field(ge=1)]` or `Literal["a", "b"]`.

    Text is read as pydantic's lax mode does: `3.0` is a whole number, `yes` and `no` are booleans. `none` is None where
    that is allowed, `1.0` stays a float where `1` would be an integer, and JSON such as `[100, 50]` is a list. Numbers
    are finite, and booleans are none.

    Args:
        annotation: the type.

    Raises:
        WrongCall: no text can be read as a value of that type, such as an array.
    """

    def __init__(self, annotation: Any) -> None:
        self.annotation = annotation
        try:
            self._adapter: TypeAdapter[Any] = TypeAdapter(annotation, config=_FINITE)
            self.name = _named(self._adapter)
        except (PydanticUserError, SchemaError, TypeError) as error:
            named = getattr(annotation, "__name__", annotation)
            message = f"{named} is no type of an option"
            raise WrongCall(message, remedy="use numbers, str, bool, Literal, or a list of them") from error

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Check a value. A value that the type does not allow is a wrong call."""
        try:
            return self.validate(value)
        except ValidationError as error:
            self.fail(f"{_shown(value)} {wanted(error.errors(include_url=False, include_context=False))}", param, ctx)
        except ValueError:  # a whole number of thousands of digits
            self.fail(f"{_shown(value)} should be a shorter number", param, ctx)

    def validate(self, value: Any) -> Any:
        """Check a value, and return it as one of the type.

        Raises:
            ValidationError: the type does not allow it.
        """
        return self._of_text(value) if isinstance(value, str) else self._of_value(value)

    def _of_text(self, text: str) -> Any:
        simple, composed = _readings(text)
        for value in simple:
            with suppress(ValidationError):
                return self._of_value(value)
        try:
            return self._adapter.validate_strings(text)
        except ValidationError as error:
            for value in composed:
                with suppress(ValidationError):
                    return self._of_value(value)
            raise error from None

    def _of_value(self, value: Any) -> Any:
        found = self._adapter.validate_python(value)
        if isinstance(value, bool) and not isinstance(found, bool):  # pydantic takes True for 1
            return self._adapter.validate_python(str(value))
        return found


def _readings(text: str) -> tuple[list[Any], list[Any]]:
    """Return the other readings of a text, as None or a number, and as a list or mapping."""
    if text.strip().lower() == "none":
        return [None], []
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return [], []
    return ([value], []) if type(value) in (int, float) else ([], [value])


def _named(adapter: TypeAdapter[Any]) -> str:
    """Name a type for `--help`: its choices, or the kind of its values."""
    schema = adapter.json_schema(mode="validation")
    kinds = {"number": "number", "integer": "whole number", "boolean": "yes|no", "null": "none", "array": "list"}

    def name(part: dict[str, Any]) -> str:
        if "const" in part:
            return str(part["const"])
        if "enum" in part:
            return "|".join(map(str, part["enum"]))
        return kinds.get(str(part.get("type")), "text")

    return "|".join(dict.fromkeys(name(part) for part in schema.get("anyOf", [schema])))


def _shown(value: Any) -> str:
    return one_line(repr(value), 60)
