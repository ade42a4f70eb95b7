"""What of two runs' values passes and what lasts: times, ids and places against results."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import numpy as np
import pandas as pd
import pytest

from reprise.proof.outcome import Match
from reprise.proof.result_comparison import RunResults, compare
from reprise.proof.run_identity import FOLDER, RunIdentities, RunIdentity
from reprise.proof.volatile_names import volatile_kind
from reprise.proof.volatile_values import alike, paired

THEN, NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC), datetime(2026, 11, 26, 20, 51, tzinfo=UTC)
RUNS = "4ff4cd7ab1594f3cbd7d61e0c6d1f9a1", "0b5e3a1f87b84a06a19f0dd9a3c1f3f2"


def own(moment: datetime, run_id: str, folder: str) -> RunIdentity:
    names = {run_id: "run id", run_id[:8]: "run id", folder: FOLDER, f"/store/1/{run_id}/artifacts": "artifacts"}
    return RunIdentity(names, moment.timestamp(), moment.timestamp() + 30)


SIDES = RunIdentities(own(THEN, RUNS[0], "/home/ann/project"), own(NOW, RUNS[1], "/cache/clones/0123456789ab/tree"))


def matched(name: str, old: Any, new: Any) -> Match | None:
    found = alike(name, old, new, SIDES)
    return found.match if found else None


def moments(write: Any) -> tuple[Any, Any]:
    return write(THEN + timedelta(seconds=7)), write(NOW + timedelta(seconds=9))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        RUNS,
        (f"runs:/{RUNS[0]}/model", f"runs:/{RUNS[1]}/model"),
        (f"out-{RUNS[0][:8]}.csv", f"out-{RUNS[1][:8]}.csv"),
        (f"/store/1/{RUNS[0]}/artifacts/a.csv", f"/store/1/{RUNS[1]}/artifacts/a.csv"),
    ],
)
def test_a_runs_own_names_are_replaced_and_the_rest_is_compared(old: str, new: str) -> None:
    assert matched("anything", old, new) == Match.EQUAL
    assert matched("anything", old, f"{new} more") is None
    assert matched("anything", old, new.replace(RUNS[1][:8], uuid4().hex[:8])) is None, "another run's id is content"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        moments(datetime.isoformat),
        moments(lambda moment: moment.astimezone().isoformat()),
        moments(lambda moment: (moment + timedelta(hours=5, minutes=30)).replace(tzinfo=None).isoformat()),
        moments(lambda moment: f"{moment:%Y-%m-%d %H:%M:%S.%f}"),
        moments(lambda moment: f"model-{moment:%Y%m%d_%H%M%S}.pkl"),
        moments(lambda moment: f"{moment:%Y-%m-%dT%H:%M:%SZ}"),
        moments(lambda moment: f"{moment:%a %b %d %H:%M:%S %Y}"),
        moments(lambda moment: f"{moment:%a, %d %b %Y %H:%M:%S GMT}"),
        moments(lambda moment: f"{moment:%d.%m.%Y %H:%M}"),
        moments(lambda moment: f"{moment:%Y-%m-%d}"),
        moments(lambda moment: f"{moment:%H:%M:%S} INFO fitted"),
        moments(lambda moment: str(moment.timestamp())),
        moments(lambda moment: str(int(moment.timestamp() * 1000))),
        moments(lambda moment: moment.timestamp()),
        moments(lambda moment: int(moment.timestamp() * 1000)),
        ("5af0882a-48d2-460b-8cbc-6a01f04cd84a", "795f87f0-d897-4743-b4e1-c3920a4a9936"),
        ("0fdf127842d243aaaa3f64726bdff17f", "37ccf9211e6942a79e8999c0dd67a3a9"),
        ("/tmp/tmpab12cd_4/data.csv", "/scratch/tmpzz0x_q93/data.csv"),
        ("/tmp/work-k3j9x0ab", "/tmp/work-zz81_qp7"),
        ("/home/ann/project/data/a.csv", "/cache/clones/0123456789ab/tree/data/a.csv"),
        ("/home/ann/.venv/bin/python", "/root/.mlflow/envs/mlflow-1f/bin/python3.11"),
        ("<function f at 0x7f21ab34cd50>", "<function f at 0x7fed12ab6710>"),
    ],
)
def test_times_within_a_run_random_ids_and_places_pass(old: Any, new: Any) -> None:
    assert matched("note", old, new) in (Match.SKIPPED, Match.EQUAL)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("date", "2026-03-01", "2026-03-02"),  # within the recorded run's day, not within the rerun's
        ("forecast_at", "2024-01-01T00:00:00", "2024-01-02T00:00:00"),
        ("created", THEN.isoformat(), THEN.isoformat().replace("09", "08")),
        ("timestamp", 1_600_000_000, 1_600_000_100),
        ("customer_id", 3, 4),
        ("id", "a-3", "a-4"),
        ("data_md5", "9e107d9d372bb6826bd81d3542a419d6", "e4d909c290d0fb1ca068ffaddf22cbd0"),
        ("path", "/data/v1.csv", "/data/v2.csv"),
        ("path", "/tmp/training", "/tmp/testing_"),
        ("path", "/tmp/tmpab12cd_4/a.csv", "/tmp/tmpzz0x_q93/b.csv"),
        ("path", "/home/ann/project/a.csv", "/cache/clones/0123456789ab/tree/b.csv"),
        ("mae_minutes", 3.0, 4.0),
        ("minutes_rmse", 3.0, 4.0),
        ("predicted_duration", 3.0, 4.0),
        ("n_times", 3, 4),
        ("seconds", "red", "blue"),
        ("hostname", 3, 4),
        ("accuracy", 0.9, 0.8),
        ("solved", True, False),
        ("min", 1.0, 2.0),
    ],
)
def test_a_difference_of_content_is_one(name: str, old: Any, new: Any) -> None:
    assert matched(name, old, new) is None


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("fit_seconds", 1.5, 2.5),
        ("Fit time (s)", 1.5, 2.5),
        ("trainDuration", "0:00:03.2", "0:00:04"),
        ("elapsed", "3.2 s", "4 s"),
        ("mean_score_time", 0.1, 0.2),
        ("rows_per_second", 1e5, 2e5),
        ("peak_memory_mb", 100, 120),
        ("pid", 4711, 4712),
        ("hostname", "gpu-1", "build.example.org"),
    ],
)
def test_what_a_name_says_as_a_whole_word_passes(name: str, old: Any, new: Any) -> None:
    assert matched(name, old, new) == Match.SKIPPED


@pytest.mark.parametrize("name", ["mae_minutes", "val/rmse_hours", "error ms", "loss_seconds", "n_times", "s", "min_"])
def test_a_result_with_a_unit_is_no_time(name: str) -> None:
    assert volatile_kind(name) is None


def test_names_that_hold_an_id_or_a_time_are_paired() -> None:
    old = {f"log-{RUNS[0]}.txt": 1, "a": 2, f"{THEN:%Y-%m-%d}.csv": 3, "gone": 4}
    new = {f"log-{RUNS[1]}.txt": 1, "a": 2, f"{NOW:%Y-%m-%d}.csv": 3, "more": 5}
    assert sorted(pair[1:] for pair in paired(old, new, SIDES) if None not in pair) == [(1, 1), (2, 2), (3, 3)]
    assert [pair for pair in paired(old, new, SIDES) if None in pair] == [("gone", 4, None), ("more", None, 5)]


def trials(run_ids: tuple[str, str], scores: tuple[float, float], seconds: float) -> RunResults:
    table = pd.DataFrame({"run_id": run_ids, "mean": scores, "fit_seconds": seconds, "failure": [None, None]})
    return RunResults({"mean": scores[0]}, tables={"trials.csv": table})


def test_cells_pass_one_by_one_and_the_others_are_compared() -> None:
    recorded = trials((uuid4().hex, RUNS[0]), (0.9, 0.8), 1.0)
    found = {f.name: f for f in compare(recorded, trials((uuid4().hex, RUNS[1]), (0.9, 0.8), 2.0), None, SIDES)}
    assert found["trials.csv: run_id"].match == found["trials.csv: fit_seconds"].match == Match.SKIPPED
    assert (found["trials.csv"].match, found["trials.csv"].note) == (Match.EQUAL, "2 of 4 columns")
    found = {f.name: f for f in compare(recorded, trials((uuid4().hex, "trial-2"), (0.9, 0.7), 2.0), None, SIDES)}
    assert found["trials.csv: run_id"].match == found["trials.csv: mean"].match == Match.DIFFERENT
    assert f"row 1: {RUNS[0]}, again trial-2" in found["trials.csv: run_id"].note


def test_a_metrics_whole_history_is_compared_and_when_it_was_logged_is_not() -> None:
    def logged(*values: float) -> RunResults:
        return RunResults({"loss": values[-1]}, histories={"loss": tuple(enumerate(values))})

    (same,) = compare(logged(3, 2, 1), logged(3, 2, 1), None)
    assert same.match == Match.EQUAL
    (other,) = compare(logged(3, 2, 1), logged(3, 2.5, 1), None)
    assert (other.match, other.recorded, other.again) == (Match.DIFFERENT, 2, 2.5)
    assert "at step 1, the first that differs of 3 values" in other.note
    (more,) = compare(logged(3, 1), logged(3, 2, 1), None)
    assert (more.match, more.note) == (Match.DIFFERENT, "logged 2 times, and 3 times again")


def predicted(labels: list[int], scores: list[float], learned: float) -> RunResults:
    table = pd.DataFrame({"row": [4, 7], "truth": [0, 1], "prediction": labels, "score_1": scores})
    told = {".C": np.asarray(1.0), ".coef_": np.asarray([learned, 1.0]), ".n_iter_": np.asarray(int(learned * 10))}
    return RunResults({"accuracy": 0.5}, {"predictions.parquet": table}, {"model": told}, models=frozenset({"model"}))


def test_on_another_machine_labels_and_metrics_decide_on_what_a_solver_learned() -> None:
    recorded, again = predicted([0, 1], [0.1, 1.0], 0.5), predicted([0, 1], [0.1, 1.001], 0.6)
    assert {f.match for f in compare(recorded, again, 1e-6)} == {Match.EQUAL, Match.SKIPPED}
    assert Match.DIFFERENT in {f.match for f in compare(recorded, again, None)}
    for other in (predicted([1, 1], [0.1, 1.001], 0.6), predicted([0, 1], [0.1, 1.5], 0.6)):
        assert Match.DIFFERENT in {f.match for f in compare(recorded, other, 1e-6)}
    told = RunResults(again.metrics, again.tables, {"model": {".C": np.asarray(2.0)}}, models=frozenset({"model"}))
    names = [f.name for f in compare(recorded, told, 1e-6) if f.match == Match.DIFFERENT]
    assert names[0] == "model.C", "what it was told is no last bit, and comes first"


def test_text_is_compared_line_by_line_and_what_differs_is_shown() -> None:
    def text(content: str) -> RunResults:
        return RunResults(files={"log.txt": str(hash(content))}, texts={"log.txt": content})

    first, again = (f"run {run}\naccuracy 0.9\n" for run in RUNS)
    (same,) = compare(text(first), text(again), None, SIDES)
    assert same.match == Match.EQUAL
    (other,) = compare(text(first), text(again.replace("0.9", "0.8")), None, SIDES)
    assert (other.match, "line 2: 'accuracy 0.9', again 'accuracy 0.8'" in other.note) == (Match.SKIPPED, True)


def test_what_a_key_above_says_counts_for_the_values_below() -> None:
    def timed(seconds: float, accuracy: float) -> RunResults:
        values = {"['timings']['fit']": np.asarray(seconds), "['scores']['accuracy']": np.asarray(accuracy)}
        return RunResults(leaves={"report.json": values})

    found = {f.name: f.match for f in compare(timed(1.0, 0.9), timed(2.0, 0.8), None, SIDES)}
    assert found["report.json['timings']['fit']"] == Match.SKIPPED
    assert found["report.json['scores']['accuracy']"] == Match.DIFFERENT
