"""Tables of every usual kind train, and the served model scores their raw rows; or they are refused by one line."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from conftest import Job, as_served

from reprise.base.errors import WrongCall
from reprise.preprocessing import CATEGORIES

ROWS = 400
RANDOM = np.random.default_rng(7)


def plain(rows: int = ROWS) -> pd.DataFrame:
    """Two numbers that tell the classes apart."""
    frame = pd.DataFrame(RANDOM.normal(size=(rows, 2)), columns=["a", "b"])
    return frame.assign(target=np.where(frame["a"] + frame["b"] > 0, "yes", "no"))


def names_of_every_kind() -> pd.DataFrame:
    return plain().rename(columns={"a": 'größe "in" cm, 北', "b": " with 'spaces' and {braces} "})


ODD: dict[str, Callable[[], pd.DataFrame]] = {
    "text categories": lambda: plain().assign(c=RANDOM.choice(["x", "y", None], ROWS)),
    "booleans": lambda: plain().assign(c=RANDOM.random(ROWS) < 0.5, d=RANDOM.choice(["True", "False", ""], ROWS)),
    "several types in a column": lambda: plain().assign(c=RANDOM.choice(["1", "2.5", "three", ""], ROWS)),
    "integers with gaps": lambda: plain().assign(
        c=np.where(RANDOM.random(ROWS) < 0.2, np.nan, RANDOM.integers(0, 9, ROWS))
    ),
    "names of every kind": names_of_every_kind,
    "an index column": lambda: plain().sort_values("target").reset_index(drop=True).assign(index=range(ROWS)),
    "heavy imbalance": lambda: plain().assign(target=["rare"] * 8 + ["common"] * (ROWS - 8)),
    "duplicate rows": lambda: pd.concat([plain(100)] * 4, ignore_index=True),
    "boolean target": lambda: plain().assign(target=lambda frame: frame["a"] > 0),
    "integer target": lambda: plain().assign(target=lambda frame: (frame["a"] > 0) * 3),
}


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_it_trains_and_scores_raw_rows(train: Job, tmp_path: Path, kind: str, suffix: str) -> None:
    path = tmp_path / f"table.{suffix}"
    frame = ODD[kind]()
    if suffix == "csv":
        frame.to_csv(path, index=False)
        raw = pd.read_csv(path)
    else:
        frame.to_parquet(path)
        raw = pd.read_parquet(path)
    check(train("--data", str(path)), raw)


@pytest.mark.parametrize(
    "column",
    [
        pd.Categorical(RANDOM.choice(["x", "y"], ROWS)),
        pd.Categorical(RANDOM.choice([3, 5], ROWS)),
        [Decimal("1.50"), Decimal("2.25"), None, Decimal(3)] * (ROWS // 4),
        pd.array([1, None, 3, 4] * (ROWS // 4), dtype="Int64"),
        pd.array([True, None, False, True] * (ROWS // 4), dtype="boolean"),
        pd.array(["x", None, "y", "z"] * (ROWS // 4), dtype="string"),
    ],
    ids=["categorical", "categorical numbers", "decimal", "nullable integer", "nullable boolean", "nullable text"],
)
def test_parquets_own_types_train_and_score_raw_rows(train: Job, tmp_path: Path, column: Any) -> None:
    plain().assign(c=column).to_parquet(tmp_path / "table.parquet")
    raw = pd.read_parquet(tmp_path / "table.parquet")
    if isinstance(column, pd.api.extensions.ExtensionArray) and not isinstance(column, pd.Categorical):
        raw = raw.astype(object).where(raw.notna(), None).infer_objects()  # as docs/tables.md says
    check(train("--data", str(tmp_path / "table.parquet")), raw)


def check(run: mlflow.entities.Run, raw: pd.DataFrame) -> None:
    """The served model repeats the predictions that the run recorded, on raw rows."""
    predictions = pd.read_parquet(mlflow.artifacts.download_artifacts(f"runs:/{run.info.run_id}/predictions.parquet"))
    served = mlflow.pyfunc.load_model(f"runs:/{run.info.run_id}/model")
    rows = raw.drop(columns="target").loc[predictions["row"]]
    assert list(served.predict(as_served(served, rows))) == list(predictions["prediction"])
    direct = mlflow.sklearn.load_model(f"runs:/{run.info.run_id}/model")
    assert list(direct.predict(rows)) == list(predictions["prediction"])
    assert list(raw.loc[predictions["row"], "target"]) == list(predictions["truth"])
    assert run.data.metrics["test_accuracy"] > 0.85


def test_an_index_that_leaks_the_order_is_left_out(
    train: Job, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = pd.DataFrame({"noise": RANDOM.normal(size=ROWS), "target": ["a"] * 200 + ["b"] * 200})
    frame.to_csv(tmp_path / "table.csv")
    run = train("--data", str(tmp_path / "table.csv"))
    assert run.data.metrics["test_accuracy"] < 0.7
    assert "'Unnamed: 0' is left out: it only numbers the rows" in capsys.readouterr().err


def test_100_000_categories_are_grouped(train: Job, tmp_path: Path) -> None:
    rows = 120_000
    names = np.concatenate([np.arange(100_000), np.zeros(rows - 100_000, dtype=int)]).astype(str)
    frame = plain(rows).assign(name=np.char.add("n", names))
    frame.to_parquet(tmp_path / "table.parquet")
    run = train("--data", str(tmp_path / "table.parquet"))
    model = mlflow.sklearn.load_model(f"runs:/{run.info.run_id}/model")
    assert model[0].transform(frame.head()).shape[1] <= 2 + CATEGORIES
    assert run.data.metrics["test_accuracy"] > 0.85


def test_2_000_columns(train: Job, tmp_path: Path) -> None:
    wide = pd.DataFrame(RANDOM.normal(size=(ROWS, 2000))).add_prefix("x")
    wide.assign(target=np.where(wide["x0"] > 0, 1, 0)).to_csv(tmp_path / "table.csv", index=False)
    assert train("--data", str(tmp_path / "table.csv")).data.metrics["columns"] == 2000


def test_numbers_with_thousands_separators_are_refused(train: Job, tmp_path: Path) -> None:
    plain().assign(c="1,234").to_csv(tmp_path / "table.csv", index=False)
    with pytest.raises(WrongCall, match="column 'c' holds numbers with signs, such as '1,234'"):
        train("--data", str(tmp_path / "table.csv"))


def test_semicolons_with_decimal_commas_are_numbers(train: Job, tmp_path: Path) -> None:
    plain().to_csv(tmp_path / "table.csv", sep=";", decimal=",", index=False)
    run = train("--data", str(tmp_path / "table.csv"))
    signature = mlflow.models.get_model_info(f"runs:/{run.info.run_id}/model").signature
    assert [str(kind) for kind in signature.inputs.input_types()] == ["DataType.double", "DataType.double"]
