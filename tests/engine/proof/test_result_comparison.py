"""Two sets of results side by side: what counts as equal, and what is said of what is not."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from reprise.proof import fitted_state
from reprise.proof.outcome import Finding, Match, Reproduction, ReproductionOutcome
from reprise.proof.result_comparison import TOLERANCE, RunResults, compare
from reprise.proof.volatile_names import volatile_kind

X = np.random.default_rng(0).normal(size=(60, 4))
y = np.where(X[:, 0] + X[:, 1] > 0, "yes", "no")


def predictions() -> pd.DataFrame:
    scores = np.linspace(-1, 1, 6)
    labels = ["no"] * 3 + ["yes"] * 3
    return pd.DataFrame({"row": range(10, 16), "truth": labels, "prediction": labels, "score_yes": scores})


def unequal(recorded: RunResults, again: RunResults, tolerance: float | None = None) -> list[Finding]:
    return [finding for finding in compare(recorded, again, tolerance) if finding.match != Match.EQUAL]


def tables(change: Any) -> tuple[RunResults, RunResults]:
    changed = predictions()
    change(changed)
    return RunResults(tables={"predictions": predictions()}), RunResults(tables={"predictions": changed})


def test_the_same_results_are_equal() -> None:
    same = RunResults({"accuracy": 0.9, "nothing": float("nan")}, {"predictions": predictions()}, files={"a.png": "1"})
    assert unequal(same, same) == []
    assert len(compare(same, same, None)) == 4


def test_a_metric_that_differs_in_its_last_bit_is_named_with_both_values() -> None:
    (finding,) = unequal(
        RunResults({"auc": 0.9, "accuracy": 1.0}), RunResults({"auc": np.nextafter(0.9, 1), "accuracy": 1.0})
    )
    assert (finding.name, finding.match, finding.recorded) == ("auc", Match.DIFFERENT, 0.9)
    assert finding.again != finding.recorded
    assert "relative 1.23e-16" in finding.note


def test_a_metric_that_only_one_of_both_has_differs() -> None:
    (finding,) = unequal(RunResults({"auc": 0.9}), RunResults())
    assert (finding.match, finding.recorded, finding.again) == (Match.DIFFERENT, 0.9, None)


@pytest.mark.parametrize("name", ["fit_seconds", "train/duration", "system/cpu_utilization_percentage", "latency_ms"])
def test_a_time_is_no_result(name: str) -> None:
    (finding,) = compare(RunResults({name: 1.0}), RunResults({name: 2.0}), None)
    assert finding.match == Match.SKIPPED


@pytest.mark.parametrize("name", ["test_accuracy", "times_right_share", "columns", "rms", "seconds_to_none"])
def test_a_result_is_not_taken_for_a_time(name: str) -> None:
    assert volatile_kind(name) is None


def test_the_first_rows_and_the_largest_difference_of_predictions_are_named() -> None:
    def change(table: pd.DataFrame) -> None:
        table.loc[2:, "score_yes"] += 0.5

    (finding,) = unequal(*tables(change))
    assert finding.name == "predictions: score_yes"
    assert "4 of 6 rows; row 12: -0.19999999999999996, again 0.3" in finding.note
    assert "largest difference 0.5, relative 0.5" in finding.note


@pytest.mark.parametrize(("step", "match"), [(1e-8, Match.CLOSE), (1e-4, Match.DIFFERENT)])
def test_scores_may_differ_within_the_tolerance_where_there_is_one(step: float, match: Match) -> None:
    def change(table: pd.DataFrame) -> None:
        table["score_yes"] += step

    assert [finding.match for finding in unequal(*tables(change), TOLERANCE)] == [match]
    assert [finding.match for finding in unequal(*tables(change))] == [Match.DIFFERENT]


def test_labels_must_be_equal_whatever_the_tolerance() -> None:
    def change(table: pd.DataFrame) -> None:
        table.loc[4, "prediction"] = "no"

    (finding,) = unequal(*tables(change), tolerance=1.0)
    assert finding.match == Match.DIFFERENT
    assert "1 of 6 rows; row 14: yes, again no" in finding.note


def test_predicted_numbers_may_differ_within_the_tolerance_as_labels_may_not() -> None:
    old, new = (RunResults(tables={"predictions.parquet": pd.DataFrame({"prediction": [last]})}) for last in (2.0, 2.1))
    assert [each.match for each in unequal(old, new, tolerance=0.1)] == [Match.CLOSE]
    assert [each.match for each in unequal(old, new, tolerance=0.01)] == [Match.DIFFERENT]
    assert [each.match for each in unequal(old, new)] == [Match.DIFFERENT]


def test_cells_that_are_nested_are_compared_by_all_that_they_hold() -> None:
    def embeddings(last: float) -> RunResults:
        cells = [np.arange(2000.0), np.append(np.arange(1999.0), last)]
        nested = [{"at": np.array([np.nan, 1.0])}, [[1], None]]
        return RunResults(tables={"embeddings": pd.DataFrame({"row": [7, 8], "vector": cells, "nested": nested})})

    assert unequal(embeddings(0.1), embeddings(0.1)) == []
    (finding,) = unequal(embeddings(0.1), embeddings(np.nextafter(0.1, 1)))
    assert (finding.name, finding.note.startswith("1 of 2 rows; row 8: ")) == ("embeddings: vector", True)


def test_a_row_less_or_a_column_more_differs() -> None:
    recorded = RunResults(tables={"predictions": predictions()})
    for changed in (predictions().iloc[1:], predictions().assign(more=1)):
        (finding,) = unequal(recorded, RunResults(tables={"predictions": changed}), 1.0)
        assert finding.match == Match.DIFFERENT


def test_a_file_that_is_gone_differs_and_one_with_other_bytes_is_not_judged() -> None:
    recorded = RunResults(files={"a.png": "1", "b.png": "2"})
    gone, other = sorted(unequal(recorded, RunResults(files={"a.png": "9"})), key=lambda finding: finding.match)
    assert (gone.name, gone.match) == ("b.png", Match.DIFFERENT)
    assert (other.name, other.match) == ("a.png", Match.SKIPPED)


@pytest.mark.parametrize("model", [make_pipeline(StandardScaler(), SVC()), RandomForestClassifier(3, random_state=0)])
def test_what_two_fits_have_learned_is_equal_bit_for_bit(model: Any) -> None:
    recorded, again = (RunResults(leaves={"model": fitted_state.parameters(model.fit(X, y))}) for _ in range(2))
    assert [finding for finding in unequal(recorded, again) if finding.match != Match.SKIPPED] == []
    assert len(recorded.leaves["model"]) > 30


def test_a_learned_parameter_that_differs_is_named_with_its_place() -> None:
    recorded = fitted_state.parameters(make_pipeline(StandardScaler(), SVC()).fit(X, y))
    scaled = X * 1.0
    scaled[7, 1] += 1e-9
    again = fitted_state.parameters(make_pipeline(StandardScaler(), SVC()).fit(scaled, y))
    names = [
        finding.name for finding in unequal(RunResults(leaves={"model": recorded}), RunResults(leaves={"model": again}))
    ]
    assert "model.steps[0][1].mean_" in names


def test_a_forest_of_another_seed_differs() -> None:
    sides = [
        RunResults(leaves={"model": fitted_state.parameters(RandomForestClassifier(3, random_state=seed).fit(X, y))})
        for seed in (0, 1)
    ]
    assert any("tree_" in finding.name for finding in unequal(sides[0], sides[1]))


def test_an_object_that_holds_itself_ends() -> None:
    model = StandardScaler().fit(X)
    model.me = model
    assert "mean_" in " ".join(fitted_state.parameters(model))


VERDICT = Reproduction("a", "b", "repository", "c", (Finding("results", "score", Match.EQUAL),))


def finding(area: str, match: Match) -> Finding:
    return Finding(area, "thing", match, 1, 2)


def test_another_machine_alone_is_no_divergence() -> None:
    assert VERDICT.outcome is ReproductionOutcome.REPRODUCED
    machine = finding("machine", Match.DIFFERENT)
    close = replace(VERDICT, findings=(machine, finding("results", Match.CLOSE)), tolerance=TOLERANCE)
    assert close.outcome is ReproductionOutcome.REPRODUCED
    assert "within a relative 1e-06, since the machine differs: machine: thing 1, again 2" in close.reason
    assert (
        replace(close, findings=(machine, finding("results", Match.DIFFERENT))).outcome is ReproductionOutcome.DIVERGED
    )


@pytest.mark.parametrize("area", ["record", "code", "data", "environment", "parameters", "results"])
def test_any_other_difference_is_a_divergence_and_its_reason(area: str) -> None:
    verdict = replace(VERDICT, findings=(finding("results", Match.EQUAL), finding(area, Match.DIFFERENT)))
    assert verdict.outcome is ReproductionOutcome.DIVERGED
    word = "against" if area == "record" else "again"  # two places of one record
    assert verdict.reason == f"{area}: thing 1, {word} 2"
    assert verdict.record()["verdict"] == "diverged"


def test_the_likeliest_cause_comes_first() -> None:
    areas = ("results", "parameters", "environment", "data", "code")
    verdict = replace(VERDICT, findings=tuple(finding(area, Match.DIFFERENT) for area in areas))
    assert verdict.reason.startswith("code: thing 1, again 2; data: ")
    assert [line.split()[0] for line in verdict.table().splitlines()[4::2]] == [*reversed(areas)]


def test_without_a_result_that_was_compared_nothing_is_proved() -> None:
    verdict = replace(VERDICT, findings=(finding("code", Match.EQUAL), finding("results", Match.SKIPPED)))
    assert verdict.outcome is ReproductionOutcome.IRREPRODUCIBLE
    assert verdict.reason == "the run holds no result that can be compared"


def test_a_value_that_json_has_no_number_for_is_text() -> None:
    verdict = replace(VERDICT, findings=(Finding("results", "auc", Match.DIFFERENT, float("nan"), 1.0),))
    assert json.loads(json.dumps(verdict.record(), allow_nan=False))["findings"][0]["recorded"] == "nan"


def test_what_is_missing_is_the_reason() -> None:
    verdict = replace(VERDICT, missing=("commit x is gone", "the patch is incomplete"))
    assert verdict.outcome is ReproductionOutcome.IRREPRODUCIBLE
    assert verdict.reason == "commit x is gone; the patch is incomplete"
