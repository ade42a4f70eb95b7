"""Metrics against predictions, as far as a rerun tells whether they belong together."""

import pytest

from reprise.proof.outcome import Finding, Match
from reprise.proof.prediction_agreement import agreement

pytestmark = pytest.mark.contract

METRICS = ("test_accuracy", "test_f1_macro", "train_accuracy")
EQUAL, DIFFERENT, SKIPPED, CLOSE = Match.EQUAL, Match.DIFFERENT, Match.SKIPPED, Match.CLOSE
SAME = [Finding("results", "predictions.parquet", EQUAL)]


def metrics(accuracy: Match = EQUAL, f1: Match = EQUAL) -> list[Finding]:
    values = {"test_accuracy": accuracy, "test_f1_macro": f1, "train_accuracy": DIFFERENT}
    return [Finding("results", name, match, 0.5, 0.25) for name, match in values.items()]


def column(name: str, match: Match = DIFFERENT) -> list[Finding]:
    return [
        Finding("results", "predictions.parquet", EQUAL, note="3 of 4 columns"),
        Finding("results", f"predictions.parquet: {name}", match, note="1 of 38 rows; row 7: 0, again 1"),
    ]


def named(*findings: Finding) -> dict[str, Match]:
    found = list(agreement(findings, METRICS))
    assert {finding.area for finding in found} <= {"record"}
    return {finding.name: finding.match for finding in found}


def test_of_the_same_predictions_another_metric_is_named() -> None:
    assert named(*SAME, *metrics(DIFFERENT)) == {"test_accuracy": DIFFERENT, "test_f1_macro": EQUAL}
    (found, _) = agreement([*SAME, *metrics(DIFFERENT)], METRICS)
    assert (found.recorded, found.again) == (0.5, 0.25)
    assert found.note == "the rerun has the same predictions.parquet, and makes another of it"


@pytest.mark.parametrize("name", ["row", "truth", "prediction"])
def test_other_labels_with_the_same_metrics_are_named(name: str) -> None:
    assert named(*column(name), *metrics()) == {f"predictions.parquet: {name}": DIFFERENT}


def test_where_both_differ_neither_is_the_suspect() -> None:
    assert named(*column("prediction"), *metrics(DIFFERENT)) == {}


def test_scores_alone_may_differ_in_what_no_metric_shows() -> None:
    assert named(*column("score_0"), *metrics()) == {}


@pytest.mark.parametrize("area", ["code", "data", "environment", "parameters"])
def test_another_circumstance_explains_it(area: str) -> None:
    assert named(Finding(area, "numpy", DIFFERENT), *SAME, *metrics(DIFFERENT)) == {}


@pytest.mark.parametrize("match", [SKIPPED, CLOSE])
def test_what_was_not_compared_or_is_close_says_nothing(match: Match) -> None:
    assert named(*SAME, *metrics(match)) == {"test_f1_macro": EQUAL}
    assert named(Finding("results", "predictions.parquet", SKIPPED), *metrics(DIFFERENT)) == {}


def test_without_predictions_nothing_is_said() -> None:
    assert named(*metrics(DIFFERENT)) == {}
    assert named(Finding("results", "predictions.csv", EQUAL), *metrics(DIFFERENT)) == {}
