"""Another table than the one that a model learned from is read as the model knows its columns."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from conftest import Job
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, Schema
from mlflow.types.schema import AnyType

from reprise.base.errors import WrongCall
from reprise.data.model_columns import as_known
from reprise.models import logged_model

pytestmark = pytest.mark.contract

ROWS = 120


def table(labels: tuple[str, ...] = ("a", "b")) -> pd.DataFrame:
    random = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "code": random.choice(["01", "1", "07", "x9"], ROWS),
            "size": random.integers(0, 9, ROWS),
            "flag": random.choice([True, False, None], ROWS),
        }
    )
    return frame.assign(target=np.where(frame["code"].isin(["01", "07"]), *labels))


@pytest.fixture
def known(train: Job, tmp_path: Path) -> str:
    """A model that knows `code` as text, `size` as a number, `flag` as a boolean with gaps."""
    table().to_csv(tmp_path / "table.csv", index=False)
    return f"runs:/{train('--data', str(tmp_path / 'table.csv')).info.run_id}/model"


def predictions(run: mlflow.entities.Run) -> pd.DataFrame:
    path = mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="predictions.parquet")
    return pd.read_parquet(path)


@pytest.mark.parametrize(
    "write",
    [
        lambda frame, path: frame.to_csv(path.with_suffix(".csv"), index=False),
        lambda frame, path: frame.assign(code=frame["code"].astype(str)).to_parquet(path.with_suffix(".parquet")),
    ],
    ids=["csv", "parquet"],
)
def test_codes_that_happen_to_be_digits_stay_the_text_that_they_were(
    known: str, evaluate: Job, tmp_path: Path, write: Callable[[pd.DataFrame, Path], None]
) -> None:
    write(table().query("code in ['01', '1', '07']"), tmp_path / "digits")
    (path,) = tmp_path.glob("digits.*")
    judged = evaluate("--model", known, "--data", str(path))
    assert judged.data.metrics["test_accuracy"] == 1, "01 is a, 1 is b"


def test_whole_numbers_of_a_parquet_file_are_the_codes_that_they_spell(
    train: Job, evaluate: Job, tmp_path: Path
) -> None:
    frame = table().assign(code=lambda frame: frame["code"].map({"01": "12", "1": "3", "07": "45", "x9": "x9"}))
    frame.to_csv(tmp_path / "table.csv", index=False)
    trained = train("--data", str(tmp_path / "table.csv"))
    digits = frame.query("code != 'x9'")
    digits = digits.assign(code=digits["code"].astype(float).where(np.arange(len(digits)) > 0))
    digits.to_parquet(tmp_path / "digits.parquet")
    judged = evaluate("--model", f"runs:/{trained.info.run_id}/model", "--data", str(tmp_path / "digits.parquet"))
    answered: Any = predictions(judged).iloc[1:]
    assert answered.eval("truth == prediction").all()


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("size", "much", "column 'size' holds 'much' in row 3, which is not a number"),
        ("size", "True", "column 'size' holds 'True' in row 3, which is not a number"),
        ("size", "inf", "column 'size' is infinite in row 3"),
        ("flag", "maybe", "column 'flag' holds 'maybe' in row 3, which is not a boolean"),
        ("flag", "2", "column 'flag' holds '2' in row 3, which is not a boolean"),
    ],
)
def test_a_value_that_the_model_cannot_know_is_named_with_column_and_row(
    known: str, evaluate: Job, tmp_path: Path, column: str, value: str, message: str
) -> None:
    other = table().astype(object)
    other.loc[3, column] = value
    other.to_csv(tmp_path / "other.csv", index=False)
    with pytest.raises(WrongCall, match=message):
        evaluate("--model", known, "--data", str(tmp_path / "other.csv"))


@pytest.mark.parametrize("gaps", ["size", "flag", "code"])
def test_a_column_of_nothing_but_gaps_is_judged(known: str, evaluate: Job, tmp_path: Path, gaps: str) -> None:
    table().assign(**{gaps: None}).to_csv(tmp_path / "gaps.csv", index=False)
    assert evaluate("--model", known, "--data", str(tmp_path / "gaps.csv")).data.metrics["rows"] == ROWS


def test_booleans_may_be_written_in_any_way_that_training_reads(known: str, evaluate: Job, tmp_path: Path) -> None:
    answers = []
    for name, words in (("python", {}), ("r", {True: "TRUE", False: "FALSE"}), ("ones", {True: 1, False: 0})):
        frame = table().iloc[::-1]
        frame.assign(flag=frame["flag"].map(lambda value, words=words: words.get(value, value))).to_csv(
            tmp_path / f"{name}.csv", index=False
        )
        answers.append(predictions(evaluate("--model", known, "--data", str(tmp_path / f"{name}.csv"))))
    pd.testing.assert_frame_equal(answers[0], answers[1])
    pd.testing.assert_frame_equal(answers[0], answers[2])


def test_labels_are_read_as_the_models_classes(train: Job, evaluate: Job, tmp_path: Path) -> None:
    table(("01", "n")).to_csv(tmp_path / "table.csv", index=False)
    trained = train("--data", str(tmp_path / "table.csv"))
    table(("01", "n")).query("target == '01'").to_csv(tmp_path / "digits.csv", index=False)
    judged = evaluate("--model", f"runs:/{trained.info.run_id}/model", "--data", str(tmp_path / "digits.csv"))
    assert set(predictions(judged)["truth"]) == {"01"}
    assert judged.data.metrics["test_accuracy"] == 1


def test_a_label_that_is_no_number_is_named_where_the_classes_are_numbers(
    train: Job, evaluate: Job, tmp_path: Path
) -> None:
    numbered = table().assign(target=lambda frame: (frame["target"] == "a").astype(int))
    numbered.to_csv(tmp_path / "table.csv", index=False)
    trained = train("--data", str(tmp_path / "table.csv"))
    other = numbered.astype({"target": object})
    other.loc[5, "target"] = "both"
    other.to_csv(tmp_path / "other.csv", index=False)
    with pytest.raises(WrongCall, match="column 'target' holds 'both' in row 5, which is not a number"):
        evaluate("--model", f"runs:/{trained.info.run_id}/model", "--data", str(tmp_path / "other.csv"))


def test_a_footer_without_a_target_decides_no_type(known: str, evaluate: Job, tmp_path: Path) -> None:
    footer = pd.DataFrame({"code": ["Total"], "size": ["none at all"], "flag": ["?!"]})
    pd.concat([table().iloc[::-1], footer]).to_csv(tmp_path / "footer.csv", index=False)
    assert evaluate("--model", known, "--data", str(tmp_path / "footer.csv")).data.metrics["rows"] == ROWS


def as_signed_before(raw: pd.DataFrame, _y: pd.Series) -> ModelSignature:
    """The signature that earlier versions gave such a table."""
    kinds: dict[str, Any] = {"code": DataType.string, "size": AnyType(), "flag": DataType.boolean}
    columns: list[Any] = [ColSpec(kinds[name], name) for name in raw.columns]
    return ModelSignature(Schema(columns), Schema([ColSpec(DataType.string)]))


def test_a_model_that_was_signed_before_is_judged_on_its_gaps_and_what_its_server_does_is_said(
    train: Job, evaluate: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("reprise.jobs.training.signature", as_signed_before)
    monkeypatch.setattr("reprise.jobs.training.kinds", lambda _raw: {})
    table().to_csv(tmp_path / "table.csv", index=False)
    trained = train("--data", str(tmp_path / "table.csv"))
    judged = evaluate("--champion", "none")
    assert judged.data.metrics["test_accuracy"] == trained.data.metrics["test_accuracy"]
    assert "signs 'flag' as boolean, so MLflow's server takes a null for False" in capsys.readouterr().err
    subject = logged_model.load(f"runs:/{trained.info.run_id}/model")
    assert subject.known.kinds == {"code": "text", "flag": "boolean"}
    one = pd.DataFrame({"code": ["01"], "size": [3], "flag": [np.nan]})
    assert list(subject.predict(one)) == list(subject.classifier.predict(one))


def test_whole_floats_are_texts_without_a_point() -> None:
    assert list(as_known(pd.Series([1.0, 2.5, True, "x"], dtype=object), "text")) == ["1", "2.5", "True", "x"]
