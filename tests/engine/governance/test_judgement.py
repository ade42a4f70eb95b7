"""The verdict: evidence against policy, rule by rule."""

from dataclasses import replace
from math import comb
from typing import Any, cast

import numpy as np
import pytest

from reprise.governance.evidence import mcnemar
from reprise.governance.judgement import Comparison, Evidence, Slice, judge
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
