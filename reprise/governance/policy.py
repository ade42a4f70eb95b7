"""The policy, read strictly from policy.yaml. A model must meet it before a promotion."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, TypeAdapter

from reprise.base import text_digest, validated
from reprise.base.document import Document, read
from reprise.base.errors import Reason, WrongCall
from reprise.task.metric import Metric

_STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)

Number = Annotated[float, Field(strict=True)]
Flag = Annotated[bool, Field(strict=True)]


@dataclass(frozen=True)
class Limits:
    """The least and the greatest allowed value, both included. None stands for no limit on that side."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    min: Number | None = None
    max: Number | None = None

    def allow(self, value: float) -> bool:
        """Return whether a value is within."""
        return (self.min is None or value >= self.min) and (self.max is None or value <= self.max)

    def __str__(self) -> str:
        least = [] if self.min is None else [f"at least {self.min:g}"]
        most = [] if self.max is None else [f"at most {self.max:g}"]
        return " and ".join(least + most)


@dataclass(frozen=True)
class _Values:
    """Check that limits can be met by values of a range.

    Attributes:
        least: the least value that there is; None: there is none.
        greatest: the same of the greatest.
    """

    least: float | None = None
    greatest: float | None = None

    def __call__(self, limits: Limits) -> Limits:
        """Return limits that can be met.

        Raises:
            ValueError: they cannot, or there is none.
        """
        if limits.min is None and limits.max is None:
            raise ValueError("a limit is wanted: min, max or both")
        if limits.min is not None and self.greatest is not None and limits.min > self.greatest:
            raise ValueError(f"min {limits.min:g} cannot be met: the greatest value is {self.greatest:g}")
        if limits.max is not None and self.least is not None and limits.max < self.least:
            raise ValueError(f"max {limits.max:g} cannot be met: the least value is {self.least:g}")
        if limits.min is not None and limits.max is not None and limits.min > limits.max:
            raise ValueError(f"cannot be met: min {limits.min:g} is above max {limits.max:g}")
        return limits


Amount = Annotated[Limits, AfterValidator(_Values(0))]
Share = Annotated[Limits, AfterValidator(_Values(0, 1))]
Ratio = Annotated[Limits, AfterValidator(_Values(1))]
Values = Annotated[Limits, AfterValidator(_Values())]


@dataclass(frozen=True)
class Significance:
    """What the paired test against the champion must show."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    level: Annotated[Number, Field(gt=0, lt=1, description="of the one-sided test")]
    require: Annotated[
        Literal["not worse", "better"],
        Field(description="`not worse`: the champion is not significantly better; `better`: the challenger is"),
    ]


@dataclass(frozen=True)
class OriginRule:
    """What must be known of where a model comes from; what is False or None is not checked."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    tree: Annotated[
        Literal["clean", "recorded"] | None,
        Field(description="`clean`: all code was committed; `recorded`: what was not is in the run's patch"),
    ] = None
    branch: Annotated[
        Annotated[str, Field(min_length=1)] | None, Field(description="the commit must be in this branch's history")
    ] = None
    fingerprint: Annotated[Flag, Field(description="the training data's fingerprint must be recorded")] = False
    lock: Annotated[Flag, Field(description="the environment must have been the locked one")] = False
    signature: Annotated[Flag, Field(description="the model must say what columns it takes")] = False
    skops: Annotated[Flag, Field(description="the model's file must be in skops format, which is no pickle")] = False
    reproduction: Annotated[
        Literal["reproduced"] | None, Field(description="`reprise reproduce` must have said so")
    ] = None


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


@dataclass(frozen=True)
class SliceRule:
    """Which values of a column are judged by themselves."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    rows: Annotated[
        int,
        Field(strict=True, ge=1, le=2**63 - 1, description="the least rows that such a value has"),
        BeforeValidator(_whole),
    ] = 1


def _which_rows(value: str) -> str:
    """Return the name of rows to judge on: `held-out`, or a fingerprint in lower case.

    Raises:
        ValueError: it is neither.
    """
    if not re.fullmatch("held-out|[0-9a-f]{64}", value):
        raise ValueError(f"{value!r} is neither held-out nor a fingerprint of 64 hexadecimal digits")
    return value


@dataclass(frozen=True)
class Rules:
    """The rules as policy.yaml has them; what is empty or None is not checked."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    data: Annotated[
        Annotated[str, AfterValidator(_which_rows)] | None,
        Field(description="which rows count: `held-out`, the model's own; a SHA-256, the fingerprint of a table"),
    ] = None
    rows: Annotated[Amount | None, Field(description="how many of them")] = None
    metrics: Annotated[Mapping[str, Values], Field(description="limits of each metric")] = field(default_factory=dict)
    worst_class_recall: Annotated[Share | None, Field(description="of the class that is recognised worst")] = None
    worst_segment_error: Annotated[
        Ratio | None, Field(description="mean absolute error of the worst quarter of the target, in that of all rows")
    ] = None
    change: Annotated[
        Mapping[str, Values], Field(description="limits of challenger minus champion on the same rows, each metric")
    ] = field(default_factory=dict)
    significance: Annotated[Significance | None, Field(description="of the difference between the two")] = None
    slices: Annotated[
        Mapping[str, SliceRule], Field(description="columns of which every value must meet `metrics` by itself")
    ] = field(default_factory=dict)
    provenance: Annotated[OriginRule, Field(description="what must be known of the model's origin")] = field(
        default_factory=OriginRule
    )
    model_size: Annotated[Amount | None, Field(description="MiB of all the model's files")] = None
    prediction_time: Annotated[
        Amount | None, Field(description="milliseconds of CPU time that one row takes, the least of some")
    ] = None


@dataclass(frozen=True, kw_only=True)
class Policy(Rules):
    """Rules, and the file that they are from.

    Attributes:
        sha256: of the file with the line ends of Unix.
        sha256s: all digests that verdicts under this very policy may name, those of earlier versions included.
    """

    sha256: str
    sha256s: tuple[str, ...] = ()


_RULES = TypeAdapter(Rules)


def read_policy(path: Path, known: Mapping[str, Metric] | None = None) -> Policy:
    """Read a policy.

    Args:
        path: the file.
        known: the metrics that there are, by name; None where that is not known, as in the launcher.

    Raises:
        WrongCall: the file cannot be read or breaks the schema; line and key are named.
    """
    document = read(path, path.name, f"policy {path}")
    if document.root is None:
        raise WrongCall(f"{path.name} is empty; a policy has at least one rule")
    rules = document.check(_RULES, nulls=False)
    if known is not None:
        _check_metrics(document, "metrics", rules.metrics, {name: one.bounds for name, one in known.items()})
        _check_metrics(document, "change", rules.change, {name: _changes(one) for name, one in known.items()})
    content = document.content
    return Policy(**vars(rules), sha256=text_digest.sha256(content), sha256s=text_digest.sha256s(content))


def _changes(metric: Metric) -> tuple[float | None, float | None]:
    least, greatest = metric.bounds
    return (None, None) if least is None or greatest is None else (least - greatest, greatest - least)


def _check_metrics(
    document: Document,
    rule: str,
    limits: Mapping[str, Limits],
    known: Mapping[str, tuple[float | None, float | None]],
) -> None:
    """Refuse a metric that there is none of, and limits that its values cannot meet.

    Args:
        document: the policy's file.
        rule: the key whose mapping this is.
        limits: of each metric.
        known: metric -> the least and the greatest value that there is.

    Raises:
        WrongCall: line and metric are named.
    """
    for name, wanted in limits.items():
        reason = None
        if name not in known:
            reason = Reason("unknown", f"known here: {', '.join(known)}")
        else:
            try:
                _Values(*known[name])(wanted)
            except ValueError as error:
                reason = Reason(str(error))
        if reason and document.root is not None:
            node, place = validated.follow(document.root, (rule, name), to_key=name not in known)
            raise validated.wrong(validated.where(document.name, node), ".".join(map(str, place)), reason)
