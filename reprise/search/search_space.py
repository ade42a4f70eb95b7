"""The search space: which hyper-parameters `tune` varies, and over what; a YAML file, read strictly.

    C: {distribution: loguniform, a: 0.01, b: 1000}    a distribution of scipy.stats, with its own arguments
    kernel: [rbf, linear]                              a list
    solver: exact                                      a value

A list of such mappings is the union of their spaces, as scikit-learn's ParameterGrid has it.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import click
import numpy as np
import yaml
from scipy import stats

from reprise.base.errors import WrongCall, one_line
from reprise.base.yaml_nodes import scalar, shorten, why_not_yaml
from reprise.contract.value_type import ValueType

REQUIRED = {"uniform": ("loc", "scale")}
"""Arguments that scipy has a default for and that are a distribution's bounds all the same."""

TAIL = 1e-9
"""Share of a distribution's values, at each end, that may lie beyond what the hyper-parameter takes."""


@dataclass(frozen=True)
class SearchSpace:
    """What a search varies.

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


def read_search_space(path: Path, hyperparameters: Mapping[str, ValueType]) -> SearchSpace:
    """Read a search space.

    Args:
        path: the file.
        hyperparameters: the types of those that exist.

    Raises:
        WrongCall: it is no search space; the message names the line and the key.
    """
    try:
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except OSError as error:
        raise WrongCall(f"the search space {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise WrongCall(f"the search space {path} is not UTF-8 at byte {error.start}") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise WrongCall(f"the search space {path}{why_not_yaml(error)}") from error
    return _Reader(path, hyperparameters).space(root)


class _Reader:
    """Reads the nodes of one file, which know their lines."""

    def __init__(self, path: Path, hyperparameters: Mapping[str, ValueType]) -> None:
        self.path = path
        self.hyperparameters = hyperparameters

    def space(self, root: yaml.Node | None) -> SearchSpace:
        nodes: list[yaml.Node | None] = list(root.value) if isinstance(root, yaml.SequenceNode) else [root]
        if root is None or not nodes:
            raise WrongCall(f"the search space {self.path} is empty; name a hyper-parameter and its values")
        parts, content = zip(*(self.part(node) for node in nodes), strict=True)
        return SearchSpace(parts, content)

    def part(self, node: yaml.Node | None) -> tuple[dict[str, Any], dict[str, Any]]:
        entries = self.mapping(node, "")
        if not entries:
            self.fail(node, "", "names no hyper-parameter; name one and its values")
        parts: dict[str, Any] = {}
        content: dict[str, Any] = {}
        for name, (key, value) in entries.items():
            if name not in self.hyperparameters:
                self.fail(key, name, f"is no hyper-parameter of the model; it has {', '.join(self.hyperparameters)}")
            if isinstance(value, yaml.MappingNode):
                parts[name], content[name] = self.distribution(name, value)
            else:
                parts[name] = content[name] = self.values(name, value)
        return parts, content

    def values(self, name: str, node: yaml.Node) -> list[Any]:
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
        if not nodes:
            self.fail(node, name, "lists no value; an empty list leaves nothing to try")
        values: list[Any] = []
        for item in nodes:
            value = self.converted(name, item, self.scalar(name, item))
            if value in values:
                self.fail(item, name, f"lists {value!r} twice")
            values.append(value)
        return values

    def distribution(self, name: str, node: yaml.MappingNode) -> tuple[Any, dict[str, Any]]:
        entries = self.mapping(node, name)
        if "distribution" not in entries:
            self.fail(node, name, "lacks the key distribution, such as {distribution: uniform, loc: 0, scale: 1}")
        kind = self.scalar(name, entries.pop("distribution")[1])
        family = getattr(stats, str(kind), None)
        if not isinstance(family, (stats.rv_continuous, stats.rv_discrete)):
            self.fail(node, name, f"{kind!r} is no distribution of scipy.stats, such as uniform, loguniform or randint")
        arguments = {key: self.number(f"{name}.{key}", value) for key, (_, value) in entries.items()}
        shapes = family.shapes.split(", ") if family.shapes else []
        allowed = [*shapes, "loc", *(["scale"] if isinstance(family, stats.rv_continuous) else [])]
        for key in arguments:
            if key not in allowed:
                self.fail(entries[key][0], f"{name}.{key}", f"is no argument of {kind}; it has {', '.join(allowed)}")
        missing = [key for key in (*shapes, *REQUIRED.get(str(kind), ())) if key not in arguments]
        if missing:
            self.fail(node, name, f"{kind} without {' and '.join(missing)} has no bounds; give them")
        try:
            with np.errstate(all="ignore"):
                frozen = family(**arguments)
                self.check_ends(name, node, f"{kind}", frozen)
                frozen.rvs(random_state=0)
        except (TypeError, ValueError, ArithmeticError) as error:
            self.fail(node, name, f"no value can be drawn from {kind} with these arguments: {one_line(error)}")
        return frozen, {"distribution": str(kind), **arguments}

    def check_ends(self, name: str, node: yaml.Node, kind: str, frozen: Any) -> None:
        ends = [float(frozen.ppf(share)) for share in (TAIL, 1 - TAIL)]
        if not np.isfinite(ends).all():
            self.fail(node, name, f"there is no {kind} with these arguments")
        for end in ends:
            try:
                self.hyperparameters[name].convert(float(f"{end:.3g}"), None, None)
            except click.BadParameter as error:
                bounds = "so bounded" if np.isfinite(frozen.support()).all() else "without bounds"
                self.fail(node, name, f"{kind} {bounds} gives values that cannot be: {error.message.rstrip('.')}")

    def mapping(self, node: yaml.Node | None, name: str) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        if not isinstance(node, yaml.MappingNode):
            self.fail(node, name, "is no mapping of hyper-parameters to values")
        entries: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self.fail(key, name, "has a list or a mapping where a name belongs")
            if key.value in entries:
                self.fail(key, f"{name}.{key.value}".lstrip("."), "is given twice")
            entries[str(key.value)] = (key, value)
        return entries

    def scalar(self, name: str, node: yaml.Node) -> Any:
        if not isinstance(node, yaml.ScalarNode):
            self.fail(node, name, "holds a list or a mapping where one value belongs")
        try:
            return scalar(node)
        except ValueError:
            self.fail(node, name, f"{shorten(repr(node.value))} is no value")

    def number(self, name: str, node: yaml.Node) -> float:
        value = self.scalar(name, node)
        try:  # YAML takes 1e-3, without a dot, for text
            number = np.nan if isinstance(value, bool) else float(value)
        except (TypeError, ValueError, OverflowError):
            number = np.nan
        if not np.isfinite(number):
            self.fail(node, name, f"{shorten(repr(value))} is no finite number")
        return int(value) if isinstance(value, int) else number

    def converted(self, name: str, node: yaml.Node, value: Any) -> Any:
        try:
            return self.hyperparameters[name].convert(value, None, None)
        except click.BadParameter as error:
            if value is None or isinstance(value, bool):
                self.fail(node, name, f"{node.value!r} is read as {value!r}; quote it if it is text")
            self.fail(node, name, error.message.rstrip("."))

    def fail(self, node: yaml.Node | None, key: str, reason: str) -> NoReturn:
        place = f"{self.path}, line {node.start_mark.line + 1}" if node is not None else str(self.path)
        raise WrongCall(f"{place}: {f'{key}: ' if key else ''}{reason}")
