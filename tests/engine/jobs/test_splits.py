"""Rows that are split by a column, from `train` over `evaluate` and `tune` to `reproduce`, in this process."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from conftest import Job, reproduced

from reprise.base.errors import WrongCall
from reprise.search.tuning import SearchSettings, check_resumable

ROWS = 240


@pytest.fixture
def visits(tmp_path: Path) -> str:
    """A table of repeated visits: persons, days, and a column that says what each row is for."""
    random = np.random.default_rng(0)
    person = np.sort(random.integers(0, 40, ROWS))
    dose = random.normal(size=ROWS)
    table = pd.DataFrame(
        {
            "person": [f"P{number:03}" for number in person],
            "day": pd.date_range("2024-01-01", periods=ROWS).strftime("%Y-%m-%d")[random.permutation(ROWS)],
            "part": np.where(random.random(ROWS) < 0.2, "test", "train"),
            "dose": dose.round(3),
            "age": person % 7 + 20,
            "well": np.where(dose + random.normal(0, 0.4, ROWS) > 0, "yes", "no"),
        }
    )
    table.to_csv(tmp_path / "visits.csv", index=False)
    return str(tmp_path / "visits.csv")


def call(visits: str, split: str) -> tuple[str, ...]:
    features = () if split.startswith("time:") else ("--features", "dose,age")
    return ("--data", visits, "--target", "well", "--split", split, *features)


def held_out(run: mlflow.entities.Run) -> list[int]:
    path = mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="predictions.parquet")
    return [int(row) for row in pd.read_parquet(path)["row"]]


def data(run: mlflow.entities.Run) -> dict[str, Any]:
    path = mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="provenance/provenance.json")
    content: dict[str, Any] = json.loads(Path(path).read_text())["data"]
    return content


def test_a_run_without_the_option_records_a_random_split(train: Job) -> None:
    record = data(train())
    assert (record["split"], record["notes"]) == ("random", [])


@pytest.mark.parametrize("split", ["group:person", "time:day", "column:part"])
def test_evaluate_judges_the_rows_that_the_split_has_held_out(
    visits: str, split: str, train: Job, evaluate: Job, capsys: pytest.CaptureFixture[str]
) -> None:
    trained = train(*call(visits, split))
    rows, table = held_out(trained), pd.read_csv(visits)
    out = table.index.isin(rows)
    column = table[split.partition(":")[2]]
    if split == "group:person":
        assert not set(column[out]) & set(column[~out])
    else:
        assert column[~out].max() < column[out].min() if split == "time:day" else out.tolist() == list(column == "test")
    record = data(trained)
    assert record["split"] == split
    assert any(note.startswith(f"split={split} holds out") for note in record["notes"])
    assert f"note: column {column.name!r} splits the rows and is no feature" in capsys.readouterr().err
    (Path(trained.info.artifact_uri) / "predictions.parquet").unlink()  # the split has to find them again
    assert held_out(evaluate()) == rows


def test_the_column_that_splits_is_a_feature_where_features_names_it(visits: str, train: Job) -> None:
    run = train("--data", visits, "--target", "well", "--split", "group:person", "--features", "dose,person")
    assert run.data.metrics["columns"] == 2
    assert "column 'person' splits the rows and is a feature, since features names it" in data(run)["notes"]


def test_a_split_that_is_not_known_leaves_nothing_behind(visits: str, train: Job) -> None:
    with pytest.raises(WrongCall, match="split 'stratified' is not known"):
        train(*call(visits, "stratified"))
    assert not mlflow.search_runs(output_format="list")


@pytest.mark.parametrize("split", ["group:person", "time:day"])
def test_tune_splits_its_folds_alike_and_trains_the_winner_with_the_split(
    visits: str, split: str, tune: Job, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "search_space.yaml").write_text("C: [0.1, 1]\n")
    run = tune(*call(visits, split), "--search", "grid", "--n-jobs", "1", "--folds", "3")
    said = {"group:person": "no group of 'person' is on both sides", "time:day": "older, by 'day', than those"}
    assert said[split] in capsys.readouterr().err
    winner = mlflow.get_run(run.data.tags["reprise.tune.winner"])
    assert winner.data.params["split"] == split
    assert data(winner)["split"] == data(run)["split"] == split
    assert json.loads(run.data.tags["reprise.tune.settings"])["split"] == split
    again = tune(*call(visits, split), "--search", "grid", "--n-jobs", "1", "--folds", "3", "--resume", run.info.run_id)
    assert again.data.metrics == run.data.metrics


def test_a_search_of_an_earlier_version_had_a_random_split(store: str) -> None:
    recorded = SearchSettings("sha", "target", "all", 0.25, 0, "grid", 50, 5, "accuracy", "space")
    earlier = {name: value for name, value in asdict(recorded).items() if name != "split"}
    with mlflow.start_run() as run:
        mlflow.set_tag("reprise.tune.settings", json.dumps(earlier))
    check_resumable(run.info.run_id, recorded)
    with pytest.raises(WrongCall, match="searched with split 'random', not 'group:person'"):
        check_resumable(run.info.run_id, replace(recorded, split="group:person"))


def test_halving_refuses_rows_in_times_order_and_takes_groups(visits: str, tune: Job, tmp_path: Path) -> None:
    (tmp_path / "search_space.yaml").write_text("C: [0.1, 1, 10]\n")
    halving = ("--search", "halving", "--n-jobs", "1", "--folds", "3")
    with pytest.raises(WrongCall, match="rows drawn at random, which split=time:day does not allow"):
        tune(*call(visits, "time:day"), *halving)
    assert tune(*call(visits, "group:person"), *halving).info.status == "FINISHED"


@pytest.mark.integration
def test_a_run_of_groups_is_reproduced(visits: str, train: Job, quick_python: None) -> None:
    run = train(*call(visits, "group:person"))
    verdict = reproduced(run)
    assert verdict["verdict"] == "reproduced", verdict
