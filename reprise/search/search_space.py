"""The search space of `tune`: hyper-parameters and their values, in a YAML file that is read strictly.

    C: {distribution: loguniform, a: 0.01, b: 1000}    a distribution of scipy.stats, with its own arguments
    kernel: [rbf, linear]                              a list
    solver: exact                                      a value

A list of such mappings is the union of their spaces, as scikit-learn's ParameterGrid has it.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import click
import numpy as np
import yaml
from pydantic import BeforeValidator, ConfigDict, TypeAdapter, WrapValidator
from scipy import stats
from typing_extensions import TypedDict

from reprise.base import validated
from reprise.base.document import read
from reprise.base.errors import WrongCall, one_line
from reprise.base.untrusted_text import shorten
from reprise.contract.value_type import ValueType

REQUIRED = {"uniform": ("loc", "scale")}
"""Arguments that scipy has a default for and that are a distribution's bounds all the same."""

TAIL = 1e-9
"""Share of a distribution's values, at each end, that may lie beyond what the hyper-parameter takes."""


@dataclass(frozen=True)
class SearchSpace:
    """The hyper-parameters that a search varies.

    Attributes:
        parts: mappings of hyper-parameter to a list of values or a frozen distribution of scipy.stats.
        content: the same in plain values, as the file has them.
    """

    parts: tuple[dict[str, Any], ...]
    content: tuple[dict[str, Any], ...]

    @property
    def sha256(self) -> str:
        """Hash of the content: layout and comments do not count, order does, for it decides which trial is which."""
        return hashlib.sha256(json.dumps(self.content).encode()).hexdigest()

    @property
    def distributions(self) -> list[str]:
        """Names of the hyper-parameters that are drawn from a distribution."""
        return sorted({name for part in self.parts for name, values in part.items() if not isinstance(values, list)})


@dataclass(frozen=True)
class _Distribution:
    """A distribution of scipy.stats with its arguments.

    Attributes:
        frozen: scipy's own object.
        content: its name and arguments, as the file has them.
    """

    frozen: Any
    content: dict[str, Any]


def read_search_space(path: Path, hyperparameters: Mapping[str, ValueType]) -> SearchSpace:
    """Read a search space.

    Args:
        path: the file.
        hyperparameters: the types of those that exist.

    Raises:
        WrongCall: it is no search space; the message names the line and the key.
    """
    document = read(path, str(path), f"the search space {path}")
    if document.root is None or (isinstance(document.root, yaml.SequenceNode) and not document.root.value):
        raise WrongCall(f"the search space {path} is empty", remedy="name a hyper-parameter and its values")
    found = document.check(_kind(hyperparameters))
    return SearchSpace(
        parts=tuple({name: getattr(values, "frozen", values) for name, values in part.items()} for part in found),
        content=tuple({name: getattr(values, "content", values) for name, values in part.items()} for part in found),
    )


def _kind(hyperparameters: Mapping[str, ValueType]) -> TypeAdapter[list[dict[str, Any]]]:
    """Build the type of a search space: a mapping of hyper-parameters, or a list of such mappings."""
    fields = {
        name: Annotated[Any, BeforeValidator(partial(_varied, kind=kind))] for name, kind in hyperparameters.items()
    }
    typed_dict: Any = TypedDict  # with the model's keys, which no type checker knows
    part = typed_dict("part", fields, total=False)
    part.__pydantic_config__ = ConfigDict(extra="forbid")
    parts: Any = list[Annotated[part, WrapValidator(_in_order)]]  # type: ignore[valid-type]
    return TypeAdapter(Annotated[parts, BeforeValidator(lambda value: value if isinstance(value, list) else [value])])


def _in_order(value: Any, check: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    """Check a mapping, and return it in the file's own order, which decides which trial is which."""
    if value == {}:
        raise ValueError("names no hyper-parameter; name one and its values")
    found = check(value)
    return {name: found[name] for name in value}


def _varied(value: Any, kind: ValueType) -> list[Any] | _Distribution:
    """Check what one hyper-parameter is varied over."""
    if isinstance(value, dict):
        return _distribution(value, kind)
    if value == []:
        raise ValueError("lists no value; an empty list leaves nothing to try")
    one = Annotated[Any, BeforeValidator(partial(_one, kind=kind))]
    values: list[Any] = TypeAdapter(list[one]).validate_python(value if isinstance(value, list) else [value])
    for place, again in enumerate(values):
        if again in values[:place]:
            raise validated.fault(place, f"lists {again!r} twice")
    return values


def _one(value: Any, kind: ValueType) -> Any:
    if isinstance(value, (list, dict)):
        raise ValueError("holds a list or a mapping where one value belongs")  # noqa: TRY004  pydantic takes this one
    return kind.validate(value)


def _distribution(value: dict[str, Any], kind: ValueType) -> _Distribution:
    arguments = dict(value)
    if "distribution" not in arguments:
        raise ValueError("lacks the key distribution, such as {distribution: uniform, loc: 0, scale: 1}")
    name = str(arguments.pop("distribution"))
    family = getattr(stats, name, None)
    if not isinstance(family, (stats.rv_continuous, stats.rv_discrete)):
        shown = shorten(repr(value["distribution"]))
        raise ValueError(f"{shown} is no distribution of scipy.stats, such as uniform, loguniform or randint")  # noqa: TRY004
    arguments = _ARGUMENTS.validate_python(arguments)
    _check_names(name, family, arguments)
    try:
        with np.errstate(all="ignore"):
            frozen = family(**arguments)
            ends = [float(frozen.ppf(share)) for share in (TAIL, 1 - TAIL)]
            if np.isfinite(ends).all():
                frozen.rvs(random_state=0)
    except (TypeError, ValueError, ArithmeticError) as error:
        raise ValueError(f"no value can be drawn from {name} with these arguments: {one_line(error)}") from error
    _check_ends(name, frozen, ends, kind)
    return _Distribution(frozen, {"distribution": name, **arguments})


def _check_names(name: str, family: Any, arguments: Mapping[str, float]) -> None:
    """Check that a distribution has these arguments, and that none is missing which bounds it."""
    shapes = family.shapes.split(", ") if family.shapes else []
    allowed = [*shapes, "loc", *(["scale"] if isinstance(family, stats.rv_continuous) else [])]
    for key in arguments:
        if key not in allowed:
            raise validated.fault(key, f"is no argument of {name}; it has {', '.join(allowed)}")
    missing = [key for key in (*shapes, *REQUIRED.get(name, ())) if key not in arguments]
    if missing:
        raise ValueError(f"{name} without {' and '.join(missing)} has no bounds; give them")


def _check_ends(name: str, frozen: Any, ends: list[float], kind: ValueType) -> None:
    """Check that the least and the greatest value of a distribution are values that the hyper-parameter takes."""
    if not np.isfinite(ends).all():
        raise ValueError(f"there is no {name} with these arguments")
    for end in ends:
        try:
            kind.convert(float(f"{end:.3g}"), None, None)
        except click.BadParameter as error:
            bounds = "so bounded" if np.isfinite(frozen.support()).all() else "without bounds"
            raise ValueError(f"{name} {bounds} gives values that cannot be: {error.message.rstrip('.')}") from error


def _number(value: Any) -> float:
    try:  # YAML takes 1e-3, without a dot, for text
        number = np.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = np.nan
    if not np.isfinite(number):
        raise ValueError(f"{shorten(repr(value))} is no finite number")
    return value if isinstance(value, int) else number


_ARGUMENTS = TypeAdapter(dict[str, Annotated[int | float, BeforeValidator(_number)]])
