"""Judge the evidence on a model by each rule of the policy. Nothing is read, loaded or logged here."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from reprise.base.task import CLASSIFICATION, REGRESSION, TASKS, Task, other
from reprise.base.terminal import columns
from reprise.governance.policy import Limits, Policy

PASSED, REFUSED, NOT_APPLICABLE, NOT_CHECKED = "passed", "refused", "not applicable", "not checked"

FOR_ONE_TASK = {task: f"for {task} only" for task in TASKS}
"""Why a rule on models of another task is not checked."""


@dataclass(frozen=True)
class RuleOutcome:
    """The outcome of one rule.

    Attributes:
        rule: its key in the policy, such as `metrics.accuracy`.
        value: what the model shows, for a person; empty where there is nothing to show.
        limit: the policy's requirement.
        result: `passed`, `refused`, `not applicable` or `not checked`.
        reason: what value and limit do not say.
    """

    rule: str
    value: str
    limit: str
    result: str
    reason: str = ""

    def __str__(self) -> str:
        limit = f", {self.limit}" if self.limit else ""
        reason = f" ({self.reason})" if self.reason else ""
        return f"{self.rule} {self.value or 'unknown'}{limit}{reason}"


@dataclass(frozen=True)
class Slice:
    """The rows with one value of a column.

    Attributes:
        value: in words.
        rows: how many.
        metrics: name -> value on these rows.
    """

    value: str
    rows: int
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class Comparison:
    """Challenger and champion on the same rows.

    Attributes:
        champion: its URI.
        rows: how many rows both were asked.
        change: metric -> challenger minus champion.
        worse: p-value of the one-sided paired test that the challenger is worse; None without rows.
        better: the same that it is better.
        problem: why there is no comparison, where a champion exists and cannot be compared with.
        itself: whether the model that is judged is the champion.
    """

    champion: str
    rows: int = 0
    change: Mapping[str, float] = field(default_factory=dict)
    worse: float | None = None
    better: float | None = None
    problem: str | None = None
    itself: bool = False


@dataclass(frozen=True)
class Evidence:
    """The evidence on a model.

    Attributes:
        rows: number of rows that it was judged on.
        held_out: whether they are the rows that its training run held out.
        data: the fingerprint of the table that they are from.
        metrics: name -> value.
        worst_class: the class with the least recall among those that the rows hold, and that recall; None of a
            regression.
        comparison: with the champion; None where there is none.
        slices: column -> its values' rows, largest first.
        provenance: rule of the policy's `provenance` -> what the training run shows, and whether that is enough.
        model_size: MiB.
        prediction_time: milliseconds of CPU time for one row; None where the policy does not ask.
        task: what the model does.
        worst_segment: the quarter of the target with the greatest mean absolute error, and that error as a multiple of
            the one of all rows; None of a classification.
        metric_tasks: metric -> the task whose models it is for, of all that are known.
    """

    rows: int
    held_out: bool
    data: str
    metrics: Mapping[str, float]
    worst_class: tuple[str, float] | None
    comparison: Comparison | None
    slices: Mapping[str, tuple[Slice, ...]]
    provenance: Mapping[str, tuple[str, bool]]
    model_size: float
    prediction_time: float | None = None
    task: Task = CLASSIFICATION
    worst_segment: tuple[str, float] | None = None
    metric_tasks: Mapping[str, Task] = field(default_factory=dict)

    def applies(self, metric: str) -> bool:
        """Return whether a metric is not one of the other task."""
        return self.metric_tasks.get(metric, self.task) == self.task


@dataclass(frozen=True)
class Judgement:
    """All outcomes, in the policy's order."""

    outcomes: tuple[RuleOutcome, ...]

    @property
    def refusals(self) -> tuple[RuleOutcome, ...]:
        """The rules that the model does not meet."""
        return tuple(outcome for outcome in self.outcomes if outcome.result == REFUSED)

    @property
    def verdict(self) -> str:
        """`passed`, or `refused` if any rule is not met."""
        return REFUSED if self.refusals else PASSED

    def table(self) -> str:
        """Return one line for each rule, then those that are for the other task, and those that the policy lacks."""
        foreign = FOR_ONE_TASK.values()
        unchecked = [item.rule for item in self.outcomes if item.result == NOT_CHECKED and item.reason not in foreign]
        checked = [outcome for outcome in self.outcomes if outcome.result != NOT_CHECKED]
        lines = [("rule", "value", "limit", "outcome", "")]
        lines += [(item.rule, item.value, item.limit, item.result, item.reason) for item in checked]
        last = [
            f"not checked, {reason}: {', '.join(rules)}"
            for reason in foreign
            if (rules := [item.rule for item in self.outcomes if item.reason == reason])
        ]
        last += [f"not checked: {', '.join(unchecked)}"] if unchecked else []
        return "\n".join([*columns(lines), *last])


def judge(evidence: Evidence, policy: Policy) -> Judgement:
    """Judge a model by every rule of a policy."""
    outcomes = [
        _data(evidence, policy.data),
        _within("rows", evidence.rows, policy.rows),
        *_metrics(evidence, policy),
        _worst("worst_class_recall", "class", evidence.worst_class, policy.worst_class_recall, CLASSIFICATION),
        _worst("worst_segment_error", "target", evidence.worst_segment, policy.worst_segment_error, REGRESSION),
        *_changes(evidence, policy),
        _significance(evidence.comparison, policy),
        *_slices(evidence, policy),
        *_provenance(evidence, policy),
        _within("model_size", evidence.model_size, policy.model_size, unit=" MiB"),
        *_prediction_time(evidence, policy),
    ]
    return Judgement(tuple(outcomes))


def _unchecked(rule: str) -> RuleOutcome:
    return RuleOutcome(rule, "", "", NOT_CHECKED)


def _within(rule: str, value: float, limits: Limits | None, unit: str = "", reason: str = "") -> RuleOutcome:
    shown = f"{value:.4g}{unit}" if value < 1e4 else f"{value:.0f}{unit}"  # noqa: PLR2004
    if limits is None:
        return RuleOutcome(rule, shown, "", NOT_CHECKED, reason)
    return RuleOutcome(rule, shown, str(limits) + unit, PASSED if limits.allow(value) else REFUSED, reason)


def _prediction_time(evidence: Evidence, policy: Policy) -> Iterator[RuleOutcome]:
    if evidence.prediction_time is None:
        yield _unchecked("prediction_time")
    else:
        yield _within("prediction_time", evidence.prediction_time, policy.prediction_time, " ms", "CPU time")


def _data(evidence: Evidence, wanted: str | None) -> RuleOutcome:
    shown = "held-out" if evidence.held_out else "another table"
    if wanted is None:
        return RuleOutcome("data", shown, "", NOT_CHECKED)
    if wanted == "held-out":
        return RuleOutcome("data", shown, wanted, PASSED if evidence.held_out else REFUSED)
    return RuleOutcome("data", evidence.data, wanted, PASSED if evidence.data == wanted else REFUSED)


def _of(task: Task, rule: str, limits: Limits) -> RuleOutcome:
    """Skip a rule on models of another task, and say so."""
    return RuleOutcome(rule, "", str(limits), NOT_CHECKED, FOR_ONE_TASK[task])


def _worst(rule: str, part: str, found: tuple[str, float] | None, limits: Limits | None, task: Task) -> RuleOutcome:
    if found is None:
        return _unchecked(rule) if limits is None else _of(task, rule, limits)
    name, value = found
    return _within(rule, value, limits, reason=f"{part} {name}")


def _metrics(evidence: Evidence, policy: Policy) -> Iterator[RuleOutcome]:
    if not policy.metrics:
        yield _unchecked("metrics")
        return
    for name, limits in policy.metrics.items():
        if not evidence.applies(name):
            yield _of(other(evidence.task), f"metrics.{name}", limits)
    own = {name: limits for name, limits in policy.metrics.items() if evidence.applies(name)}
    yield from _limits(evidence.metrics, own, "metrics")
    if not own:  # a model must not pass for want of a rule that is meant for it
        limit = f"a limit of a metric of {evidence.task}"
        yield RuleOutcome("metrics", "none", limit, REFUSED, "add one to the policy")


def _limits(found: Mapping[str, float], rules: Mapping[str, Limits], prefix: str) -> Iterator[RuleOutcome]:
    for name, limits in rules.items():
        if name in found:
            yield _within(f"{prefix}.{name}", found[name], limits)
        else:
            yield RuleOutcome(f"{prefix}.{name}", "", str(limits), REFUSED, "not defined on these rows")


def _changes(evidence: Evidence, policy: Policy) -> Iterator[RuleOutcome]:
    comparison = evidence.comparison
    if not policy.change:
        yield _unchecked("change")
    for name, limits in policy.change.items():
        rule = f"change.{name}"
        if not evidence.applies(name):
            yield _of(other(evidence.task), rule, limits)
        elif comparison is None or comparison.problem or comparison.itself:
            yield _incomparable(rule, str(limits), comparison)
        elif name not in comparison.change:
            yield RuleOutcome(rule, "", str(limits), REFUSED, "not defined on these rows")
        else:
            # Differences of floats: 0.95 - 0.97 is not quite -0.02.
            value = round(comparison.change[name], 9)
            result = PASSED if limits.allow(value) else REFUSED
            yield RuleOutcome(rule, f"{value:+.4f}", str(limits), result, f"{comparison.rows} rows")


def _significance(comparison: Comparison | None, policy: Policy) -> RuleOutcome:
    wanted = policy.significance
    if wanted is None:
        return _unchecked("significance")
    limit = f"{wanted.require} at {wanted.level:g}"
    if comparison is None or comparison.problem or comparison.itself:
        return _incomparable("significance", limit, comparison)
    p = comparison.worse if wanted.require == "not worse" else comparison.better
    if p is None:
        return RuleOutcome("significance", "", limit, REFUSED, "no rows to compare on")
    met = p >= wanted.level if wanted.require == "not worse" else p < wanted.level
    return RuleOutcome("significance", f"p = {p:.3g}", limit, PASSED if met else REFUSED)


def _incomparable(rule: str, limit: str, comparison: Comparison | None) -> RuleOutcome:
    if comparison is None:
        return RuleOutcome(rule, "", limit, NOT_APPLICABLE, "there is no champion yet")
    if comparison.itself:
        return RuleOutcome(rule, "", limit, NOT_APPLICABLE, "this is the champion")
    return RuleOutcome(rule, "", limit, REFUSED, comparison.problem or "")


def _slices(evidence: Evidence, policy: Policy) -> Iterator[RuleOutcome]:
    if not policy.slices:
        yield _unchecked("slices")
    own = {name: limits for name, limits in policy.metrics.items() if evidence.applies(name)}
    for column, wanted in policy.slices.items():
        for part in evidence.slices[column]:
            rule = f"slices.{column}={part.value}"
            if part.rows < wanted.rows:
                yield RuleOutcome(
                    rule, f"{part.rows} rows", f"at least {wanted.rows}", NOT_APPLICABLE, "too few to judge"
                )
            else:
                yield from _limits(part.metrics, own, rule) if own else [_unchecked(rule)]


def _provenance(evidence: Evidence, policy: Policy) -> Iterator[RuleOutcome]:
    for rule, wanted in vars(policy.provenance).items():
        value, met = evidence.provenance[rule]
        if not wanted:
            yield RuleOutcome(f"provenance.{rule}", value, "", NOT_CHECKED)
        else:
            limit = "required" if wanted is True else wanted
            yield RuleOutcome(f"provenance.{rule}", value, limit, PASSED if met else REFUSED)
