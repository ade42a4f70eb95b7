"""Parameters of a function on the command line, including the fields of its hyper-parameters."""

import ast
import dataclasses
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass
from itertools import pairwise
from typing import Any, get_args, get_type_hints

import click
from pydantic.fields import FieldInfo

from reprise.base.display_text import as_text
from reprise.base.errors import WrongCall
from reprise.contract.value_type import ValueType


@dataclass(frozen=True)
class Parameter:
    """A parameter of a job.

    Attributes:
        name: as Python spells it.
        type: of its values.
        default: `dataclasses.MISSING` where it must be given.
        help: a line for a person, or none.
    """

    name: str
    type: ValueType
    default: Any = MISSING
    help: str = ""


def parameters(function: Callable[..., Any]) -> list[Parameter]:
    """List what a function takes, each dataclass by its fields.

    Raises:
        WrongCall: two have one name, or one has no type or default as it should.
    """
    hints, lines = _hints(function), _arguments(function)
    found: list[Parameter] = []
    for name, own in inspect.signature(function).parameters.items():
        if name not in hints:
            raise WrongCall(
                f"{function.__name__}: parameter {name} has no type", remedy=f"give it one, such as {name}: float"
            )
        if dataclasses.is_dataclass(hints[name]):
            found += fields(hints[name])
        else:
            default = MISSING if own.default is own.empty else own.default
            text = lines.get(name) or _help(hints[name])
            found.append(_made(function.__name__, name, hints[name], default, text))
    names = [one.name for one in found]
    if double := next((one for one in found if names.count(one.name) > 1), None):
        raise WrongCall(f"{function.__name__} takes {double.name} twice", remedy="rename the hyper-parameter")
    return found


def fields(kind: Any) -> list[Parameter]:
    """List the fields of a dataclass, such as a model's hyper-parameters.

    Raises:
        WrongCall: it is none, or a field lacks a default, or has one that its own type does not allow.
    """
    if not (isinstance(kind, type) and dataclasses.is_dataclass(kind)):
        raise WrongCall(
            f"{getattr(kind, '__name__', kind)} is no dataclass", remedy="write @dataclass(frozen=True) above it"
        )
    hints, lines = _hints(kind), _docstrings(kind)
    found = []
    for field in (field for field in dataclasses.fields(kind) if field.init):
        default = _default(field)
        if default is MISSING:
            raise WrongCall(f"{kind.__name__}.{field.name} has no default; a run without options needs one")
        text = lines.get(field.name) or _help(hints[field.name])
        found.append(_made(kind.__name__, field.name, hints[field.name], default, text))
    return found


def call(function: Callable[..., Any], values: Mapping[str, Any]) -> Any:
    """Call a function with the values of its parameters, dataclasses made whole of those of their fields."""
    hints = get_type_hints(function)
    given: dict[str, Any] = {}
    for name in inspect.signature(function).parameters:
        kind = hints.get(name)
        if dataclasses.is_dataclass(kind) and isinstance(kind, type):
            names = [field.name for field in dataclasses.fields(kind) if field.init]
            given[name] = kind(**{field: values[field] for field in names if field in values})
        elif name in values:
            given[name] = values[name]
    return function(**given)


def _default(field: "dataclasses.Field[Any]") -> Any:
    """Return a field's default. A class that cloudpickle has brought to this process has a MISSING of its own."""
    factory: Any = field.default_factory
    if not isinstance(factory, type(MISSING)):
        return factory()
    return MISSING if isinstance(field.default, type(MISSING)) else field.default


def _hints(owner: Any) -> dict[str, Any]:
    try:
        return get_type_hints(owner, include_extras=True)
    except NameError as error:
        raise WrongCall(f"{owner.__name__}: {error}, in a type", remedy="import it at the top of its file") from error


def _made(owner: str, name: str, hint: Any, default: Any, text: str) -> Parameter:
    try:
        made = Parameter(name, ValueType(hint), default, text)
    except WrongCall as error:
        raise WrongCall(f"{owner}: {name}: {error.message}") from error
    if default is not MISSING:
        try:
            made.type.convert(default, None, None)
            typed = made.type.convert(as_text(default), None, None)
        except click.BadParameter as error:
            raise WrongCall(f"{owner}: the default of {name} is not of its own type: {error.message}") from error
        if typed != default:
            message = f"the default of {name}, {default!r}, becomes {typed!r} on a command line; choose another type"
            raise WrongCall(f"{owner}: {message}")
    return made


def _help(hint: Any) -> str:
    """Read the description that an `Annotated` type carries."""
    described = (part.description for part in get_args(hint)[1:] if isinstance(part, FieldInfo))
    return next((text for text in described if text), "")


def _arguments(function: Callable[..., Any]) -> dict[str, str]:
    """Read what a docstring says of each parameter, under `Args:`, a line each."""
    _, _, text = inspect.cleandoc(function.__doc__ or "").partition("Args:\n")
    return dict(re.findall(r"^ {4}(\w+): (.+)$", text.partition("\n\n")[0], re.MULTILINE))


def _docstrings(kind: type) -> dict[str, str]:
    """Read the string that stands under each field of a class, the inherited ones' too."""
    found: dict[str, str] = {}
    for one in reversed(kind.__mro__):
        if dataclasses.is_dataclass(one):
            found |= dict(_docstrings_in(one))
    return found


def _docstrings_in(kind: type) -> Iterator[tuple[str, str]]:
    try:
        (tree,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    except (OSError, TypeError, SyntaxError, ValueError):  # made without a source, as in a notebook
        return
    body = getattr(tree, "body", [])
    for here, following in pairwise(body):
        if isinstance(here, ast.AnnAssign) and isinstance(here.target, ast.Name) and isinstance(following, ast.Expr):
            text = getattr(following.value, "value", None)
            if isinstance(text, str):
                yield here.target.id, " ".join(text.split())
