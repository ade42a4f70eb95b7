"""Dates become numbers, and what is served takes them as the table had them."""

import datetime as dt
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from conftest import Job, environment, reproduced
from mlflow.pyfunc.scoring_server import invocations
from mlflow.types import DataType

from reprise.base import project
from reprise.base.errors import WrongCall
from reprise.data.dataset import Dataset, make_dataset
from reprise.data.model_columns import as_known
from reprise.data.schema import example, signature
from reprise.data.source import Source
from reprise.data.table import Table, read_table
from reprise.preprocessing import DateNumbers, as_dates, make_preprocessing

ROWS = 40
DAYS = pd.Series(pd.date_range("2020-01-01", periods=ROWS))
TEXTS = DAYS.dt.strftime("%Y-%m-%d")


def dataset(reading: int = 3, **columns: Any) -> Dataset:
    frame = pd.DataFrame({"x": np.arange(ROWS) % 7, **columns, "target": ["a", "b"] * (ROWS // 2)})
    return make_dataset(Table(frame, Source("file", "t.csv", "/t.csv"), "0" * 64, reading), "target")


class TestFinding:
    """Which columns are dates."""

    @pytest.mark.parametrize(
        "column",
        [
            TEXTS,
            TEXTS + " 00:00:00",
            TEXTS + "T00:00",
            TEXTS.astype("category"),
            DAYS,
            DAYS.astype("datetime64[ns]"),
            DAYS.dt.date,
            DAYS.dt.tz_localize("UTC"),
        ],
    )
    @pytest.mark.parametrize("gaps", [0, 2])
    def test_dates_of_any_kind_are_the_same_dates(self, column: pd.Series, gaps: int) -> None:
        holes = np.arange(ROWS) % 5 < gaps
        found = dataset(when=column.mask(holes))
        pd.testing.assert_series_equal(found.X["when"], DAYS.mask(holes), check_names=False, check_dtype=False)
        assert found.raw["when"].isna().tolist() == holes.tolist()

    def test_text_is_served_as_text_and_typed_dates_as_dates(self) -> None:
        found = dataset(text=TEXTS, typed=DAYS.dt.date)
        assert [str(kind) for kind in found.raw.dtypes] == ["int64", "str", "datetime64[us]"]
        assert [spec.type for spec in signature(found.raw, found.y).inputs.inputs] == [
            *(DataType.double, DataType.string, DataType.datetime)
        ]
        assert example(found.raw).iloc[0].tolist() == [0.0, "2020-01-01", "2020-01-01"]

    def test_a_date_that_mlflow_cannot_hold_is_signed_as_text(self) -> None:
        found = dataset(until=DAYS.where(DAYS.index > 3, pd.Timestamp("9999-12-31")))
        assert signature(found.raw, found.y).inputs.inputs[1].type == DataType.string
        assert found.X["until"].max() == pd.Timestamp("9999-12-31")

    @pytest.mark.parametrize(
        ("column", "note"),
        [
            (DAYS.dt.tz_localize("Europe/Rome"), r"times of the zone Europe/Rome: they are converted to UTC"),
            (
                TEXTS + "T12:00+02:00",
                r"offset, such as '2020-01-01T12:00\+02:00': they are converted to UTC",
            ),
            ((TEXTS + "T12:00Z").mask(DAYS.index < 2, TEXTS), "; 2 without one are taken for UTC"),
            (TEXTS.mask(DAYS.index == 3, "?"), r"'\?' \(1\) among its dates is taken for a gap"),
        ],
    )
    def test_what_is_converted_is_said(self, column: pd.Series, note: str) -> None:
        found = dataset(when=column)
        assert found.X["when"].dtype.kind == "M"
        (line,) = found.notes
        assert pd.Series([line]).str.contains(note).all(), line

    def test_times_with_a_zone_are_those_of_utc(self) -> None:
        found = dataset(when=TEXTS + "T01:30+02:00", typed=DAYS.dt.tz_localize("Etc/GMT-2"))
        assert found.X["when"][0] == pd.Timestamp("2019-12-31 23:30")
        assert found.raw["typed"][0] == pd.Timestamp("2019-12-31 22:00")

    @pytest.mark.parametrize(
        ("column", "note"),
        [
            (DAYS.dt.strftime("%m/%d/%Y"), "look like dates, such as '01/01/2020': only ISO 8601"),
            (DAYS.dt.strftime("%d.%m.%Y"), "look like dates, such as '01.01.2020': only ISO 8601"),
            (DAYS.dt.strftime("%d %b %Y"), "look like dates, such as '01 Jan 2020': only ISO 8601"),
            (TEXTS.mask(DAYS.index == 3, "soon"), "97.5 % of its values are dates: 'soon' in row 3 is none"),
            (TEXTS.mask(DAYS.index == 3, "2020-02-30"), "'2020-02-30' in row 3 is none"),
        ],
    )
    def test_what_cannot_be_read_in_one_way_stays_text_with_a_note(self, column: pd.Series, note: str) -> None:
        found = dataset(when=column)
        assert isinstance(found.X["when"].dtype, pd.StringDtype)
        (line,) = found.notes
        assert note in line

    def test_other_texts_are_left_alone(self) -> None:
        found = dataset(a=["then", "2020-01-01"] * 20, b=["1-2", "A-2020-01-01"] * 20)
        assert {str(found.X[name].dtype) for name in "ab"} == {"str"}

    @pytest.mark.parametrize("column", [[dt.time(10, 30), dt.time(11)] * 20, DAYS - pd.Timestamp("2019-12-01")])
    def test_times_without_a_date_are_refused_by_name(self, column: Any) -> None:
        with pytest.raises(
            WrongCall, match=r"column 'when' holds times or durations, such as .*; leave it out with exclude"
        ):
            dataset(when=column)

    @pytest.mark.parametrize("column", [DAYS, TEXTS])
    def test_the_second_reading_refuses_them_as_it_did(self, column: pd.Series) -> None:
        with pytest.raises(WrongCall, match="column 'when' holds dates, such as 2020-01-01"):
            dataset(2, when=column)
        assert isinstance(dataset(2, when=TEXTS.mask(DAYS.index == 3, "?")).X["when"].dtype, pd.StringDtype)

    def test_a_table_has_the_same_fingerprint_by_both_readings(self, tmp_path: Path) -> None:
        pd.DataFrame({"when": TEXTS, "x": DAYS.index}).to_csv(tmp_path / "t.csv", index=False)
        path = str(tmp_path / "t.csv")
        assert read_table(path).fingerprint == read_table(path, reading=2).fingerprint


class TestNumbers:
    """What dates become."""

    def test_the_numbers_are_those_of_the_calendar(self) -> None:
        frame = pd.DataFrame({"day": ["1969-12-31", None], "time": ["2020-02-29T13:30:15.5", "2020-03-01"]})
        fitted = DateNumbers().fit(frame)
        assert fitted.get_feature_names_out().tolist() == [
            *("day year", "day month", "day day", "day weekday", "day seconds"),
            *("time year", "time month", "time day", "time weekday", "time hour", "time seconds"),
        ]
        first, second = fitted.transform(frame).tolist()
        assert first == [1969, 12, 31, 2, -86400, 2020, 2, 29, 5, 13, 1582983015.5]
        assert np.isnan(second[:5]).all()
        assert second[5:] == [2020, 3, 1, 6, 0, 1583020800]

    @pytest.mark.parametrize("value", ["now", "2020", "01/02/2020", "2020-13-01", "", 5, 1.5, True])
    def test_nothing_is_guessed(self, value: object) -> None:
        with pytest.raises(ValueError, match=r"column 'when' holds .*, which is no date such as 2020-01-31"):
            as_dates(pd.Series([value, "2020-01-01"], name="when", dtype=object))

    def test_a_column_of_gaps_has_no_dates(self) -> None:
        assert as_dates(pd.Series([None, None], dtype=object)).isna().all()

    def test_a_pipeline_takes_raw_rows_of_each_kind(self) -> None:
        found = dataset(when=TEXTS.mask(DAYS.index == 1))
        fitted = make_preprocessing(found.X).fit(found.X)
        rows = [found.X, found.raw, found.raw.astype(object).where(found.raw.notna(), None)]
        first, *others = (fitted.transform(each) for each in rows)
        assert first.shape == (ROWS, 6)
        assert np.isfinite(first).all()
        assert all((first == other).all() for other in others)


@pytest.mark.parametrize("value", ["soon", "01/02/2020"])
def test_a_value_that_is_no_date_is_refused_by_its_row(value: str) -> None:
    with pytest.raises(
        WrongCall, match=f"column 'when' holds '{value}' in row 2, which is not a date such as 2020-01-31"
    ):
        as_known(pd.Series(["2020-01-01", None, value], name="when"), "date")


def seasons(rows: int = 160) -> pd.DataFrame:
    random = np.random.default_rng(0)
    days = pd.Series(pd.Timestamp("2019-01-01") + pd.to_timedelta(random.integers(0, 900, rows), unit="D"))
    frame = pd.DataFrame({"joined": days.mask(random.random(rows) < 0.1), "x": random.normal(size=rows)})
    return frame.assign(target=np.where(days.dt.month > 6, "late", "early"))


ALONE = """
import importlib.abc, json, sys

class Blocked(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "reprise" and not any("/code" in place for place in [*sys.path, *(path or [])]):
            raise ModuleNotFoundError(name)

sys.path = [place for place in sys.path if place not in {hidden}]
sys.meta_path.insert(0, Blocked())
import mlflow, pandas as pd
rows = pd.read_parquet(sys.argv[2]) if sys.argv[2].endswith("parquet") else pd.read_csv(sys.argv[2])
print(json.dumps([mlflow.pyfunc.load_model(sys.argv[1]).predict(rows).tolist(), sys.modules["reprise"].__file__]))
"""


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_from_training_to_a_server_and_a_proof(train: Job, evaluate: Job, tmp_path: Path, suffix: str) -> None:
    path, other = tmp_path / f"t.{suffix}", tmp_path / f"other.{'csv' if suffix == 'parquet' else 'parquet'}"
    for place in (path, other):
        frame = seasons()
        frame.to_csv(place, index=False) if place.suffix == ".csv" else frame.to_parquet(place)
    trained = train("--data", str(path))
    (output,) = mlflow.get_run(trained.info.run_id).outputs.model_outputs
    uri = f"models:/{output.model_id}"
    assert evaluate("--champion", "none").data.metrics["test_accuracy"] == trained.data.metrics["test_accuracy"]
    judged = evaluate("--champion", "none", "--data", str(other))
    assert judged.data.metrics["rows"] == 160, "it reads the other kind of file as well"
    assert judged.data.metrics["test_accuracy"] > 0.8
    assert reproduced(trained)["verdict"] == "reproduced"

    folder = Path(mlflow.artifacts.download_artifacts(uri))
    assert sorted(file.name for file in (folder / "code").rglob("*.py")) == ["__init__.py", "preprocessing.py"]
    script = ALONE.format(hidden=[str(project.ENGINE), str(project.FOLDER), ""])
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder), str(path)],
        cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answers, file = json.loads(done.stdout.splitlines()[-1])
    assert Path(file).is_relative_to(folder)

    rows = example(seasons()[["joined", "x"]])
    server = mlflow.pyfunc.load_model(str(folder))
    content = json.dumps({"dataframe_split": json.loads(rows.to_json(orient="split"))})
    assert ask(server, content, "application/json") == answers[: len(rows)]
    if suffix == "csv":
        assert ask(server, rows.to_csv(index=False), "text/csv") == answers[: len(rows)]


def ask(model: Any, content: str, kind: str) -> list[str]:
    """Answer a request as MLflow's server does."""
    answer = invocations(content, kind, model, model.metadata.get_input_schema())
    found: list[str] = json.loads(answer.response)["predictions"]
    return found


def test_a_taken_row_keeps_its_dates() -> None:
    found = dataset(when=TEXTS)
    part = replace(found).take(np.array([3, 5]))
    assert part.X["when"].tolist() == [DAYS[3], DAYS[5]]
    assert part.raw["when"].tolist() == [TEXTS[3], TEXTS[5]]
