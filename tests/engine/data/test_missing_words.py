"""The option `missing`: the words that stand for a missing value."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from conftest import Job

from reprise.base.errors import WrongCall
from reprise.data.dataset import make_dataset
from reprise.data.missing_words import MissingWords, parse, with_gaps
from reprise.data.table import read_again, read_table

TEXT = "c,n,target\nNA,-999,None\n?,5,yes\nx,-999.0,None\n,7,yes\nx,8,no\n,9,no\n"


@pytest.fixture
def path(tmp_path: Path) -> str:
    (tmp_path / "t.csv").write_text(TEXT)
    return str(tmp_path / "t.csv")


def gaps(path: str, missing: str) -> dict[str, list[int]]:
    frame = read_table(path, missing=missing).frame
    return {str(name): list(frame.index[frame[name].isna()]) for name in frame}


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        ("auto", {"c": [0, 3, 5], "n": [], "target": [0, 2]}),
        ("none", {"c": [3, 5], "n": [], "target": []}),
        ('"none"', {"c": [3, 5], "n": [], "target": []}),
        ("?", {"c": [1, 3, 5], "n": [], "target": []}),
        ("auto, ?,-999", {"c": [0, 1, 3, 5], "n": [0, 2], "target": [0, 2]}),
        ("None", {"c": [3, 5], "n": [], "target": [0, 2]}),
    ],
)
def test_the_words_of_a_csv_file(path: str, missing: str, expected: dict[str, list[int]]) -> None:
    assert gaps(path, missing) == expected


def test_by_default_a_file_has_the_fingerprint_that_it_had(path: str) -> None:
    by_pandas = read_table(path).fingerprint
    assert by_pandas == read_table(path, missing="auto").fingerprint != read_table(path, missing="none").fingerprint
    Path(path).with_suffix(".parquet").write_bytes(pd.read_csv(path).to_parquet(index=False))
    assert read_table(str(Path(path).with_suffix(".parquet"))).fingerprint == by_pandas


def test_a_note_counts_the_cells_of_each_word_and_names_one_that_is_nowhere(path: str) -> None:
    assert read_table(path, missing="auto,?,-999,x,gone").notes == (
        "missing: '?' is taken for a gap in 1 cell of column 'c'",
        "missing: '-999' is taken for a gap in 2 cells of column 'n'",
        "missing: 'x' is taken for a gap in 2 cells of column 'c'",
        "missing: no cell holds 'gone'",
    )
    assert read_table(path).notes == read_table(path, missing="none").notes == ()


def test_the_same_words_make_the_same_gaps_in_parquet(path: str, tmp_path: Path) -> None:
    frame = pd.read_csv(path, keep_default_na=False, na_values=[""])
    frame.assign(c=frame["c"].astype("category")).to_parquet(tmp_path / "t.parquet")
    for missing in ("None", "?,-999", "NA,None,?"):
        assert gaps(str(tmp_path / "t.parquet"), missing) == gaps(path, missing)
        notes = [set(read_table(str(tmp_path / f"t.{suffix}"), missing=missing).notes) for suffix in ("csv", "parquet")]
        assert notes[0] == notes[1]
    assert gaps(str(tmp_path / "t.parquet"), "auto") == gaps(path, "none"), "which says itself what is missing"


@pytest.mark.parametrize(
    ("values", "word", "kind"),
    [
        ([2**60 + 1, 9], "9", "Int64"),
        ([2**63 + 1, 9], "9", "UInt64"),
        ([5, 9], "9.0", "float64"),
        ([True, False], "1", "bool"),
        ([True, "1"], "1", "object"),
    ],
)
def test_typed_values_stay_what_they_are(values: list[Any], word: str, kind: str) -> None:
    frame, notes = with_gaps(pd.DataFrame({"a": values}), MissingWords((word,)))
    assert (str(frame["a"].dtype), frame["a"][0]) == (kind, values[0])
    assert ("no cell" in notes[0]) == (kind == "bool")


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("", "missing '' names no word; use auto, none, or words separated by commas"),
        (" , ", "names no word"),
        ("?,?", "missing: the word '[?]' is named twice; name it once"),
        ("a\nb\r,", "is no list of words"),
    ],
)
def test_bad_lists_are_refused(missing: str, message: str) -> None:
    with pytest.raises(WrongCall, match=message):
        parse(missing)


def test_texts_that_look_like_gaps_get_a_note_with_the_words_to_give(path: str) -> None:
    def told(missing: str) -> list[str]:
        return [note for note in make_dataset(read_table(path, missing=missing), "target").notes if "like any" in note]

    end = "taken for text like any other; if these are gaps, give missing="
    assert told("auto") == [f"'?' (1) in column 'c': {end}auto,?"]
    assert told("none") == [f"'NA' (1) and '?' (1) in column 'c', 'None' (2) in column 'target': {end}NA,?,None"]
    assert told("NA,None,?") == []


def test_a_run_keeps_its_words_for_evaluation_prediction_and_proof(train: Job, evaluate: Job, tmp_path: Path) -> None:
    from reprise.store.recorded import provenance_of

    rows = [f"{'NA' if n % 2 else 'x'},{n % 7},{'None' if n % 2 else 'yes'}\n" for n in range(80)]
    (tmp_path / "t.csv").write_text("c,n,target\n" + "".join(rows))
    run = train("--data", str(tmp_path / "t.csv"), "--missing", "none")
    record = provenance_of(run.info.run_id)
    assert record
    assert record["data"]["missing"] == "none"
    assert read_again(str(tmp_path / "t.csv"), record["data"]).fingerprint == record["data"]["fingerprint"]
    assert evaluate("--model", f"runs:/{run.info.run_id}/model").data.metrics["test_accuracy"] == 1
    (tmp_path / "other.csv").write_text("n,c,target\n" + "".join(f"{n},NA,None\n" for n in range(9)))
    other = evaluate("--model", f"runs:/{run.info.run_id}/model", "--data", str(tmp_path / "other.csv"))
    assert (other.data.metrics["test_accuracy"], other.data.metrics["rows"]) == (1, 9)
