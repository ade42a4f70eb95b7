"""The verdict: evidence against policy, rule by rule."""

from dataclasses import replace
from math import comb
from typing import Any, cast

import numpy as np
import pytest

from reprise.base.task import Task
from reprise.governance.judgement import Comparison, Evidence, Slice, judge
from reprise.governance.paired_test import mcnemar, wilcoxon
from reprise.governance.policy import Limits, OriginRule, Policy, Significance, SliceRule

EVIDENCE = Evidence(
    rows=40,
    held_out=True,
    data="f" * 64,
    metrics={"accuracy": 0.95, "f1_macro": 0.94},
    worst_class=("b", 0.8),
    comparison=None,
    slices={"city": (Slice("Rome", 30, {"accuracy": 0.97}), Slice("Oslo", 4, {"accuracy": 0.25}))},
    provenance=dict.fromkeys(vars(OriginRule()), ("yes", True)),
    model_size=1.5,
    prediction_time=2.0,
)
NOTHING = Policy(sha256="0" * 64)
CHAMPION = Comparison("models:/reprise/1", 40, {"accuracy": -0.02}, 0.3, 0.8)


def results(evidence: Evidence, policy: Policy) -> dict[str, str]:
    return {outcome.rule: outcome.result for outcome in judge(evidence, policy).outcomes}


def test_a_policy_without_rules_says_that_nothing_is_checked() -> None:
    judged = judge(EVIDENCE, NOTHING)
    assert {outcome.result for outcome in judged.outcomes} == {"not checked"}
    assert judged.verdict == "passed"
    for rule in ("data", "rows", "metrics", "change", "significance", "slices", "provenance.lock", "model_size"):
        assert rule in judged.table().splitlines()[-1]


@pytest.mark.parametrize(
    ("rule", "met", "missed"),
    [
        ("rows", Limits(min=40), Limits(min=41)),
        ("worst_class_recall", Limits(min=0.8), Limits(min=0.81)),
        ("model_size", Limits(max=1.5), Limits(max=1.4)),
        ("prediction_time", Limits(max=2), Limits(max=1)),
    ],
)
def test_limits_are_included(rule: str, met: Limits, missed: Limits) -> None:
    assert results(EVIDENCE, replace(NOTHING, **cast("Any", {rule: met})))[rule] == "passed"
    judged = judge(EVIDENCE, replace(NOTHING, **cast("Any", {rule: missed})))
    assert judged.verdict == "refused"
    assert [outcome.rule for outcome in judged.refusals] == [rule]


def test_a_metric_that_is_not_defined_is_not_met() -> None:
    policy = replace(NOTHING, metrics={"accuracy": Limits(min=0.9), "roc_auc": Limits(min=0.5)})
    assert results(EVIDENCE, policy)["metrics.accuracy"] == "passed"
    assert results(EVIDENCE, policy)["metrics.roc_auc"] == "refused"


BOTH = replace(
    NOTHING,
    metrics={"accuracy": Limits(min=0.9), "r2": Limits(min=0)},
    change={"accuracy": Limits(min=0), "r2": Limits(min=0)},
    worst_class_recall=Limits(min=0.5),
    worst_segment_error=Limits(max=2),
    slices={"city": SliceRule(1)},
)
TASKS: dict[str, Task] = {"accuracy": "classification", "r2": "regression"}
NUMBERS = replace(
    EVIDENCE, task="regression", metrics={"r2": 0.4, "cost": 3.0}, worst_class=None, worst_segment=("1 to 9", 1.5),
    metric_tasks=TASKS, slices={"city": (Slice("Rome", 30, {"r2": 0.1}), Slice("Oslo", 4, {"r2": -0.1}))},
)  # fmt: skip


def test_rules_on_the_other_task_are_not_checked_and_named() -> None:
    found = results(NUMBERS, BOTH)
    assert (found["metrics.r2"], found["worst_segment_error"]) == ("passed", "passed")
    assert found["slices.city=Rome.r2"] == "passed"
    assert found["slices.city=Oslo.r2"] == "refused"
    named = "metrics.accuracy, worst_class_recall, change.accuracy"
    assert f"not checked, for classification only: {named}" in judge(NUMBERS, BOTH).table().splitlines()
    classes = replace(EVIDENCE, metric_tasks=TASKS)
    assert "for regression only: metrics.r2, worst_segment_error, change.r2" in judge(classes, BOTH).table()
    assert results(classes, BOTH)["metrics.accuracy"] == "passed"


def test_a_policy_without_a_metric_of_the_models_task_refuses_it() -> None:
    judged = judge(NUMBERS, replace(BOTH, metrics={"accuracy": Limits(min=0.9)}, slices={}))
    (refusal,) = judged.refusals
    assert str(refusal) == "metrics none, a limit of a metric of regression (add one to the policy)"


def test_a_metric_of_a_projects_own_is_limited_by_what_was_measured() -> None:
    policy = replace(NOTHING, metrics={"cost": Limits(max=3), "other": Limits(max=3)})
    assert results(NUMBERS, policy) | {"metrics.cost": "passed", "metrics.other": "refused"} == results(NUMBERS, policy)


def test_which_rows_count() -> None:
    assert results(EVIDENCE, replace(NOTHING, data="held-out"))["data"] == "passed"
    assert results(replace(EVIDENCE, held_out=False), replace(NOTHING, data="held-out"))["data"] == "refused"
    assert results(EVIDENCE, replace(NOTHING, data="f" * 64))["data"] == "passed"
    assert results(EVIDENCE, replace(NOTHING, data="0" * 64))["data"] == "refused"


COMPARING = replace(NOTHING, change={"accuracy": Limits(min=-0.02)}, significance=Significance(0.05, "not worse"))


def test_without_a_champion_the_absolute_rules_decide() -> None:
    judged = judge(EVIDENCE, replace(COMPARING, metrics={"accuracy": Limits(min=0.9)}))
    assert judged.verdict == "passed"
    (change,) = [outcome for outcome in judged.outcomes if outcome.rule == "change.accuracy"]
    assert (change.result, change.reason) == ("not applicable", "there is no champion yet")


@pytest.mark.parametrize(
    ("comparison", "change", "significance"),
    [
        (CHAMPION, "passed", "passed"),
        (replace(CHAMPION, change={"accuracy": 0.95 - 0.97}), "passed", "passed"),  # -0.020000000000000018
        (replace(CHAMPION, change={"accuracy": -0.021}), "refused", "passed"),
        (replace(CHAMPION, change={}), "refused", "passed"),
        (replace(CHAMPION, worse=0.049), "passed", "refused"),
        (Comparison("models:/reprise/1", problem="it does not load"), "refused", "refused"),
        (Comparison("models:/reprise/1", itself=True), "not applicable", "not applicable"),
    ],
)
def test_against_the_champion(comparison: Comparison, change: str, significance: str) -> None:
    found = results(replace(EVIDENCE, comparison=comparison), COMPARING)
    assert (found["change.accuracy"], found["significance"]) == (change, significance)


def test_better_must_be_shown() -> None:
    policy = replace(NOTHING, significance=Significance(0.05, "better"))
    assert results(replace(EVIDENCE, comparison=replace(CHAMPION, better=0.049)), policy)["significance"] == "passed"
    assert results(replace(EVIDENCE, comparison=replace(CHAMPION, better=0.05)), policy)["significance"] == "refused"


def test_every_value_of_a_slice_must_meet_the_metrics() -> None:
    policy = replace(NOTHING, metrics={"accuracy": Limits(min=0.9)}, slices={"city": SliceRule(5)})
    assert results(EVIDENCE, policy)["slices.city=Rome.accuracy"] == "passed"
    assert results(EVIDENCE, policy)["slices.city=Oslo"] == "not applicable"
    assert results(EVIDENCE, replace(policy, slices={"city": SliceRule(4)}))["slices.city=Oslo.accuracy"] == "refused"


def test_provenance_is_required_where_the_policy_says_so() -> None:
    evidence = replace(EVIDENCE, provenance={**EVIDENCE.provenance, "lock": ("differs", False)})
    assert results(evidence, replace(NOTHING, provenance=OriginRule(lock=True)))["provenance.lock"] == "refused"
    assert (
        results(evidence, replace(NOTHING, provenance=OriginRule(signature=True)))["provenance.lock"] == "not checked"
    )


def test_the_exact_mcnemar_test_sums_the_binomial() -> None:
    right = np.array([True] * 3 + [False] * 9 + [True] * 20)
    champion = np.array([False] * 3 + [True] * 9 + [True] * 20)
    worse, better = mcnemar(right, champion)
    assert worse == pytest.approx(sum(comb(12, k) for k in range(4)) / 2**12)
    assert better == pytest.approx(sum(comb(12, k) for k in range(10)) / 2**12)
    assert mcnemar(right, right) == (1.0, 1.0)


def test_the_signed_rank_test_is_scipys_both_ways() -> None:
    random = np.random.default_rng(0)
    champion = random.random(40)
    worse, better = wilcoxon(champion + 0.1 * random.random(40), champion)
    assert worse < 1e-9
    assert better > 0.99
    assert wilcoxon(champion, champion) == (1.0, 1.0)
    five = np.arange(1.0, 6)
    assert wilcoxon(five, five + np.arange(1.0, 6))[1] == pytest.approx(1 / 2**5), "exact: one of all signs"
