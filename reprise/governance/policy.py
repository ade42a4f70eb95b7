"""The policy: what a model must show before it may be promoted, read strictly from policy.yaml."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import yaml

from reprise.base import line_ends
from reprise.base.errors import WrongCall
from reprise.base.yaml_nodes import scalar, shorten, why_not_yaml

METRICS = ("accuracy", "balanced_accuracy", "f1_macro", "roc_auc")
"""The metrics that `reprise.task.evaluation` gives, each from 0 to 1, more being better."""


@dataclass(frozen=True)
class Limits:
    """The least and the greatest value that is allowed, both included; None: no limit on that side."""

    min: float | None = None
    max: float | None = None

    def allow(self, value: float) -> bool:
        """Tell whether a value is within."""
        return (self.min is None or value >= self.min) and (self.max is None or value <= self.max)

    def __str__(self) -> str:
        least = [] if self.min is None else [f"at least {self.min:g}"]
        most = [] if self.max is None else [f"at most {self.max:g}"]
        return " and ".join(least + most)


@dataclass(frozen=True)
class Significance:
    """What the exact McNemar test against the champion must show.

    Attributes:
        level: of the one-sided test, between 0 and 1.
        require: `not worse`: the champion is not significantly better; `better`: the challenger is.
    """

    level: float
    require: str


@dataclass(frozen=True)
class OriginRule:
    """What must be known of where a model comes from.

    Attributes:
        tree: `clean`: all code was committed; `recorded`: what was not is in the run's patch; None: not checked.
        branch: the commit must be in this branch's history; None: not checked.
        fingerprint: the training data's fingerprint must be recorded.
        lock: the environment must have been the locked one.
        signature: the model must say what columns it takes.
        reproduction: `reproduced`: `reprise reproduce` must have said so; None: not checked.
    """

    tree: str | None = None
    branch: str | None = None
    fingerprint: bool = False
    lock: bool = False
    signature: bool = False
    reproduction: str | None = None


@dataclass(frozen=True)
class Policy:
    """The rules; what is empty or None is not checked.

    Attributes:
        sha256: of the file with the line ends of Unix.
        sha256s: all digests that verdicts under this very policy may name, those of earlier versions included.
        data: which rows count: `held-out`, the model's own; a SHA-256, the fingerprint of a table; None, any.
        rows: how many of them.
        metrics: name -> limits.
        worst_class_recall: of the class that is recognised worst.
        change: metric -> limits of challenger minus champion on the same rows.
        significance: of the difference between the two.
        slices: column -> the least rows that a value of it must have to be judged by itself.
        provenance: what must be known of the model's origin.
        model_size: MiB of all the model's files.
        prediction_time: milliseconds of CPU time that one row takes, the least of some.
    """

    sha256: str
    sha256s: tuple[str, ...] = ()
    data: str | None = None
    rows: Limits | None = None
    metrics: Mapping[str, Limits] = field(default_factory=dict)
    worst_class_recall: Limits | None = None
    change: Mapping[str, Limits] = field(default_factory=dict)
    significance: Significance | None = None
    slices: Mapping[str, int] = field(default_factory=dict)
    provenance: OriginRule = field(default_factory=OriginRule)
    model_size: Limits | None = None
    prediction_time: Limits | None = None


def read_policy(path: Path) -> Policy:
    """Read a policy.

    Raises:
        WrongCall: the file cannot be read or breaks the schema; line and key are named.
    """
    try:
        content = path.read_bytes()
        reader = _Reader(path.name, content.decode())
    except OSError as error:
        raise WrongCall(f"policy {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise WrongCall(f"policy {path} is not UTF-8 at byte {error.start}") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise WrongCall(f"{path.name}{why_not_yaml(error)}") from error
    return Policy(line_ends.sha256(content), line_ends.sha256s(content), **reader.read())


_Read = Callable[[yaml.Node, str], Any]


class _Reader:
    """Walks the nodes of a YAML file, which know their lines."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.loader = yaml.SafeLoader(text)
        self.root = self.loader.get_single_node()

    def read(self) -> dict[str, Any]:
        if self.root is None:
            raise WrongCall(f"{self.name} is empty; a policy has at least one rule")
        change = {name: self.limits(-1, 1) for name in METRICS}
        origin = {
            "tree": self.word("clean", "recorded"),
            "branch": self.text,
            "fingerprint": self.flag,
            "lock": self.flag,
            "signature": self.flag,
            "reproduction": self.word("reproduced"),
        }
        known = {
            "data": self.data,
            "rows": self.limits(0, math.inf),
            "metrics": self.fields({name: self.limits(0, 1) for name in METRICS}),
            "worst_class_recall": self.limits(0, 1),
            "change": self.fields(change),
            "significance": self.significance,
            "slices": self.slices,
            "provenance": lambda node, key: OriginRule(**self.fields(origin)(node, key)),
            "model_size": self.limits(0, math.inf),
            "prediction_time": self.limits(0, math.inf),
        }
        rules: dict[str, Any] = self.fields(known)(self.root, "")
        return rules

    def fail(self, node: yaml.Node, key: str, message: str) -> NoReturn:
        raise WrongCall(f"{self.name}, line {node.start_mark.line + 1}: {key + ': ' if key else ''}{message}")

    def value(self, node: yaml.Node, key: str) -> Any:
        if not isinstance(node, yaml.ScalarNode):
            self.fail(node, key, "one value is wanted, not a list or mapping")
        try:
            return scalar(node)
        except ValueError:
            self.fail(node, key, f"{shorten(repr(node.value))} is no value")

    def entries(self, node: yaml.Node, key: str) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        if not isinstance(node, yaml.MappingNode):
            self.fail(node, key, "`name: value` pairs are wanted")
        found: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for name, content in node.value:
            if not isinstance(name, yaml.ScalarNode):
                self.fail(name, key, "a name is wanted, not a list or mapping")
            if name.value in found:
                self.fail(name, _join(key, name.value), "stands here twice")
            found[name.value] = (name, content)
        return found

    def fields(self, known: Mapping[str, _Read]) -> _Read:
        def read(node: yaml.Node, key: str) -> dict[str, Any]:
            found = {}
            for name, (place, content) in self.entries(node, key).items():
                if name not in known:
                    self.fail(place, _join(key, name), f"unknown; known here: {', '.join(known)}")
                found[name] = known[name](content, _join(key, name))
            return found

        return read

    def limits(self, lowest: float, highest: float) -> _Read:
        def read(node: yaml.Node, key: str) -> Limits:
            sides = self.fields({"min": self.number, "max": self.number})(node, key)
            found = Limits(**sides)
            if not sides:
                self.fail(node, key, "a limit is wanted: min, max or both")
            if found.min is not None and found.min > highest:
                self.fail(node, key, f"min {found.min:g} cannot be met: the greatest value is {highest:g}")
            if found.max is not None and found.max < lowest:
                self.fail(node, key, f"max {found.max:g} cannot be met: the least value is {lowest:g}")
            if found.min is not None and found.max is not None and found.min > found.max:
                self.fail(node, key, f"cannot be met: min {found.min:g} is above max {found.max:g}")
            return found

        return read

    def number(self, node: yaml.Node, key: str) -> float:
        value = self.value(node, key)
        try:
            finite = not isinstance(value, bool) and isinstance(value, (int, float)) and math.isfinite(value)
        except OverflowError:  # a whole number that is larger than any float
            finite = False
        if not finite:
            self.fail(node, key, f"{shorten(repr(value))} is not a finite number")
        return float(value) if isinstance(value, float) else int(value)

    def flag(self, node: yaml.Node, key: str) -> bool:
        value = self.value(node, key)
        if not isinstance(value, bool):
            self.fail(node, key, f"{value!r} is neither true nor false")
        return value

    def text(self, node: yaml.Node, key: str) -> str:
        value = self.value(node, key)
        if not isinstance(value, str) or not value:
            self.fail(node, key, f"{value!r} is not text; quote it")
        return value

    def word(self, *words: str) -> _Read:
        def read(node: yaml.Node, key: str) -> str:
            value = self.value(node, key)
            if value not in words:
                self.fail(node, key, f"{value!r} is unknown; known: {', '.join(words)}")
            return str(value)

        return read

    def data(self, node: yaml.Node, key: str) -> str:
        value = self.text(node, key)
        if value != "held-out" and not (len(value) == 64 and set(value) <= set("0123456789abcdef")):  # noqa: PLR2004
            self.fail(node, key, f"{value!r} is neither held-out nor a fingerprint of 64 hexadecimal digits")
        return value

    def significance(self, node: yaml.Node, key: str) -> Significance:
        found = self.fields({"level": self.number, "require": self.word("not worse", "better")})(node, key)
        for name in ("level", "require"):
            if name not in found:
                self.fail(node, _join(key, name), "is missing")
        if not 0 < found["level"] < 1:
            self.fail(node, _join(key, "level"), f"{found['level']:g} is not between 0 and 1")
        return Significance(**found)

    def slices(self, node: yaml.Node, key: str) -> dict[str, int]:
        found = {}
        for column, (_, content) in self.entries(node, key).items():
            rule = self.fields({"rows": self.number})(content, _join(key, column))
            rows = rule.get("rows", 1)
            if rows < 1 or rows != int(rows):
                self.fail(content, _join(key, column), f"rows: {rows:g} is not a whole number above 0")
            found[column] = int(rows)
        return found


def _join(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name
