"""From a table to features, labels and held-out rows."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from reprise.base.errors import WrongCall
from reprise.data.dataset import Dataset, make_dataset, to_judge
from reprise.data.source import Source
from reprise.data.table import Table, read_table
from reprise.preprocessing import make_preprocessing

ROWS = 40


def table(**columns: object) -> Table:
    target = columns.pop("target", ["a", "b"] * (ROWS // 2))
    frame = pd.DataFrame({**columns, "target": target})
    return Table(frame, Source("file", "t.csv", "/t.csv"), "0" * 64)


def features(**columns: object) -> pd.DataFrame:
    return make_dataset(table(**columns), "target").X


def test_numbers_stay_as_they_are() -> None:
    X = features(a=np.arange(ROWS) % 7, b=np.linspace(0, 1, ROWS, dtype="float32"))
    assert [str(kind) for kind in X.dtypes] == ["int64", "float64"], "floats arrive in double precision when served"


def test_booleans_with_gaps_become_numbers() -> None:
    X = features(a=[True, None, False, True] * 10)
    assert X["a"].isna().sum() == 10
    assert set(X["a"].dropna()) == {0.0, 1.0}


def test_categories_become_their_values() -> None:
    X = features(a=pd.Categorical(["x", "y"] * 20), b=pd.Categorical([3, 5] * 20))
    assert pd.api.types.is_string_dtype(X["a"])
    assert X["b"].dtype == "int64"


def test_values_of_several_types_become_text() -> None:
    X = features(a=pd.Series([1, "two", None, 3.5] * 10, dtype=object))
    assert list(X["a"][:2]) == ["1", "two"]
    assert X["a"].isna().sum() == 10


def test_nullable_and_decimal_columns_become_numbers() -> None:
    from decimal import Decimal

    X = features(a=pd.array([1, None] * 20, dtype="Int64"), b=[Decimal("1.5"), None] * 20)
    assert [str(kind) for kind in X.dtypes] == ["float64", "float64"]


def test_a_column_that_teaches_nothing_is_left_out_with_a_note() -> None:
    dataset = make_dataset(table(a=np.arange(ROWS) % 7, b=[None] * ROWS, c=[5] * ROWS, d=range(ROWS)), "target")
    assert list(dataset.X) == ["a"]
    assert [note.partition(":")[0] for note in dataset.notes] == [
        f"column '{name}' is left out" for name in ("b", "c", "d")
    ]


def from_csv(folder: Path, text: str) -> Dataset:
    (folder / "t.csv").write_text(text)
    return make_dataset(read_table(str(folder / "t.csv")), "target")


@pytest.mark.parametrize("footer", ["Total,sum,\n", "Total,,\n", "Total\n", ",,\nMean,5 %,\n"])
def test_types_are_decided_after_rows_without_a_target_are_dropped(tmp_path: Path, footer: str) -> None:
    rows = "".join(f"{n % 5}.5,{n % 3},{'ab'[n % 2]}\n" for n in range(ROWS))
    X = from_csv(tmp_path, "x,y,target\n" + rows + footer).X
    assert [str(kind) for kind in X.dtypes] == ["float64", "int64"]
    assert (X["x"][1], X["y"][1]) == (1.5, 1)


def test_a_footer_hides_neither_booleans_nor_decimal_commas(tmp_path: Path) -> None:
    rows = "".join(f"{n % 5},25;{n % 3 == 0};{'ab'[n % 2]}\n" for n in range(ROWS))
    X = from_csv(tmp_path, "x;y;target\n" + rows + "Summe;alle;\n").X
    assert [str(kind) for kind in X.dtypes] == ["float64", "bool"]
    assert (X["x"][1], bool(X["y"][0])) == (1.25, True)


@pytest.mark.parametrize("name", ["", " ", "Unnamed: 0", "Unnamed: 0.1", "__index_level_0__"])
def test_a_column_without_a_name_of_its_own_is_left_out_unless_named(tmp_path: Path, name: str) -> None:
    rows = "".join(f"{n * 7 % ROWS},{n % 5},{'ab'[n % 2]}\n" for n in range(ROWS))
    dataset = from_csv(tmp_path, f"{name},x,target\n" + rows)
    assert list(dataset.X) == ["x"]
    assert "it has no name" in dataset.notes[0]


def test_a_shuffled_index_with_a_name_is_noted() -> None:
    dataset = make_dataset(table(id=[n * 7 % ROWS for n in range(ROWS)]), "target")
    assert "as a shuffled index does" in dataset.notes[0]
    assert list(dataset.X) == ["id"]


def test_a_target_of_numbers_with_signs_is_noted_as_classes() -> None:
    dataset = make_dataset(table(a=np.arange(ROWS) % 7, target=["5%", "10%"] * 20), "target")
    assert dataset.notes[0].endswith("(40 of 40 values); each is a class of its own")
    assert set(dataset.y) == {"5%", "10%"}


def test_neighbours_beyond_2_to_the_53_are_never_one_class() -> None:
    with pytest.raises(WrongCall, match="of which not each is exact"):
        make_dataset(table(a=np.arange(ROWS) % 7, target=[2.0**53, 3.0] * 20), "target")


def test_a_category_called_missing_that_the_model_meets_first_is_no_gap() -> None:
    X = pd.DataFrame({"c": pd.Series(["u", None, "v", "u"] * 10, dtype="str")})
    preprocessing = make_preprocessing(X).fit(X)
    gap, word = preprocessing.transform(pd.DataFrame({"c": pd.Series([None, "missing"], dtype=object)}))
    assert gap.tolist() == [1, 0, 0]
    assert word.tolist() == [0, 0, 0]


def test_an_index_column_stays_when_it_is_named() -> None:
    assert list(make_dataset(table(d=range(ROWS)), "target", "d").X) == ["d"]


def test_a_name_with_a_comma_is_quoted() -> None:
    columns = {"a, b": np.arange(ROWS) % 7, "c": np.arange(ROWS) % 5, "d": np.arange(ROWS) % 3}
    assert list(make_dataset(table(**columns), "target", '"a, b",c').X) == ["a, b", "c"]


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ("nothing", "feature 'nothing' is not a column"),
        ("a,a", "feature 'a' is named twice"),
        ("a,target", "feature 'target' is the target"),
        ("", "names no column"),
    ],
)
def test_wrong_features_are_refused(chosen: str, message: str) -> None:
    with pytest.raises(WrongCall, match=message):
        make_dataset(table(a=np.arange(ROWS) % 7), "target", chosen)


@pytest.mark.parametrize("exclude", ["id", " id ,c", '"x, y",id'])
def test_excluded_columns_are_left_out_whatever_they_hold(exclude: str) -> None:
    columns = {
        "a": np.arange(ROWS) % 7,
        "id": [f"{row}%" for row in range(ROWS)],
        "c": [1, 2] * 20,
        "x, y": [3, 4] * 20,
    }
    with pytest.raises(WrongCall, match="leave the column out with exclude"):
        make_dataset(table(**columns), "target")
    found = make_dataset(table(**columns), "target", "all", exclude)
    assert list(found.X) == [name for name in columns if name not in exclude]
    assert found.notes == ()


@pytest.mark.parametrize(
    ("chosen", "exclude", "message"),
    [
        ("all", "nothing", r"excluded column 'nothing' is not a column of the table; it has 'a', 'b', 'target'"),
        ("all", "b,b", "excluded column 'b' is named twice"),
        ("all", "target", "excluded column 'target' is the target"),
        ("all", "", "exclude '' names no column; use none, or names separated by commas"),
        ("a,b", "b", "column 'b' is named in features and in exclude"),
        ("all", "a,b", "no column is left to learn 'target' from"),
    ],
)
def test_wrong_exclusions_are_refused(chosen: str, exclude: str, message: str) -> None:
    with pytest.raises(WrongCall, match=message):
        make_dataset(table(a=np.arange(ROWS) % 7, b=np.arange(ROWS) % 5), "target", chosen, exclude)


@pytest.mark.parametrize(
    ("labels", "kind"),
    [
        (["b", "a"] * 20, "object"),
        ([True, False] * 20, "bool"),
        ([3, 1] * 20, "int64"),
        ([3.0, 1.0] * 20, "int64"),
        (pd.Categorical(["b", "a"] * 20), "object"),
        ([True, False, None, True] * 10, "bool"),
        ([1.0, 2.0, None, 1.0] * 10, "int64"),
    ],
)
def test_labels_of_any_usual_kind(labels: object, kind: str) -> None:
    assert make_dataset(table(a=np.arange(ROWS) % 7, target=labels), "target").y.dtype == kind


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([None] * ROWS, "is missing in every row"),
        (["a"] * ROWS, "has one class, 'a'"),
        (["a", "b"] * 19 + ["a", "c"], "1 of 3 classes have one row, such as 'c'"),
        (pd.date_range("2020-01-01", periods=ROWS), "holds dates"),
    ],
)
def test_labels_that_are_no_classes_are_refused(labels: object, message: str) -> None:
    with pytest.raises(WrongCall, match=message):
        make_dataset(table(a=np.arange(ROWS) % 7, target=labels), "target")


def test_infinity_is_refused_with_its_place() -> None:
    with pytest.raises(WrongCall, match="column 'a' is infinite in row 3"):
        features(a=[0, 1, 2, np.inf] * 10)


def test_judging_needs_no_second_class() -> None:
    dataset = to_judge(table(a=np.arange(ROWS) % 7, target=["a"] * ROWS), "target", ["a"])
    assert set(dataset.y) == {"a"}


def test_a_model_sees_raw_rows_as_it_saw_prepared_ones(tmp_path: Path) -> None:
    from decimal import Decimal

    from model import Hyperparameters, fit

    random = np.random.default_rng(1)
    dataset = make_dataset(
        table(
            number=random.normal(size=ROWS),
            whole=random.integers(0, 9, ROWS),
            gaps=np.where(random.random(ROWS) < 0.3, np.nan, 2.0),
            nullable=pd.array([1, None, 3, 4] * 10, dtype="Int64"),
            decimal=[Decimal("1.5"), None, Decimal(2), Decimal(3)] * 10,
            flag=random.random(ROWS) < 0.5,
            flag_gaps=[True, None, False, True] * 10,
            text=random.choice(["x", "y", None], ROWS),
            category=pd.Categorical(random.choice(["u", "v"], ROWS)),
            numbers=pd.Categorical(random.choice([3, 5], ROWS)),
        ),
        "target",
    )
    model = fit(dataset.X, dataset.y, Hyperparameters())
    np.testing.assert_array_equal(model.decision_function(dataset.X), model.decision_function(dataset.raw))
