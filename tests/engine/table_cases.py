"""Small tables of kinds that go wrong elsewhere, and what is right for each.

`python tests/engine/table_cases.py` reads each, trains on it where it can be trained on, and prints a table: case, what
came out, whether that is right. `data/test_table_cases.py` holds them to it. All values in them are random.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from conftest import PROJECT

from reprise.base.errors import WrongCall
from reprise.data.dataset import Dataset, make_dataset
from reprise.data.table import read_table

from model import Hyperparameters, fit

CASES = PROJECT / "tests/engine/cases"


@dataclass(frozen=True)
class Outcome:
    """What a table came to: a data set, or the line that refuses it."""

    dataset: Dataset | None
    refusal: str = ""

    def __str__(self) -> str:
        if self.dataset is None:
            return f"refused: {self.refusal}"
        kinds = ", ".join(f"{name!r} {kind}" for name, kind in self.dataset.X.dtypes.items())
        notes = "".join(f"; note: {note}" for note in self.dataset.notes)
        return f"{len(self.dataset.y)} rows, {self.dataset.y.nunique()} classes, {kinds}{notes}"

    def numbers(self, **expected: float) -> bool:
        """Return whether columns are numbers whose first value is as expected."""
        found = self.dataset
        return found is not None and all(
            name in found.X and found.X[name].dtype.kind in "if" and found.X[name].iloc[0] == value
            for name, value in expected.items()
        )

    def refused(self, *parts: str) -> bool:
        """Return whether it was refused in a line that holds these parts."""
        return self.dataset is None and all(part in self.refusal for part in parts)

    def noted(self, *parts: str) -> bool:
        """Return whether one note holds these parts."""
        return self.dataset is not None and any(all(part in note for part in parts) for note in self.dataset.notes)


def outcome(path: Path) -> Outcome:
    """Read a table and fit the shipped model on it."""
    try:
        dataset = make_dataset(read_table(str(path)), "target")
    except WrongCall as error:
        return Outcome(None, error.format_message())
    fit(dataset.X, dataset.y, Hyperparameters())
    return Outcome(dataset)


def same(first: str, second: str) -> bool:
    """Return whether two tables come to the same features and labels."""
    one, other = outcome(CASES / first).dataset, outcome(CASES / second).dataset
    assert one is not None
    assert other is not None
    return one.X.equals(other.X) and one.y.equals(other.y)


def categories(found: Outcome, column: str) -> int:
    """Count the categories that the fitted model tells apart in a column, gaps among them."""
    assert found.dataset is not None
    model = fit(found.dataset.X[[column]], found.dataset.y, Hyperparameters())
    return int(model.named_steps["preprocessing"].transform(found.dataset.X[[column]]).shape[1])


RIGHT: dict[str, tuple[str, Callable[[Outcome], bool]]] = {
    "mixed_decimal/t.csv": ("two columns of numbers", lambda o: o.numbers(a=13.44, b=8.474)),
    "mixed_decimal/min.csv": ("two columns of numbers", lambda o: o.numbers(a=0.5, b=0.25)),
    "german_thousands/t.csv": ("refused by name", lambda o: o.refused("'km'", "84.743", "thousands")),
    "thousands_nbsp/t.csv": ("refused by name", lambda o: o.refused("'km'", "write digits alone")),
    "thousands_space/t.csv": ("refused by name", lambda o: o.refused("'km'", "write digits alone")),
    "late_percent/t.csv": ("refused by name", lambda o: o.refused("'p'", "%'", "write digits alone")),
    "currency_chf/t.csv": ("refused by name", lambda o: o.refused("'p'", "'CHF 13.44' in row 0")),
    "sci_comma/t.csv": ("refused by name", lambda o: o.refused("'p'", "'1,344E+01' in row 0")),
    "question_mark/t.csv": (
        "a gap, with a note",
        lambda o: (
            o.numbers(hp=13.4) and o.noted("'hp'", "'?'") and same("question_mark/t.csv", "question_mark/empty.csv")
        ),
    ),
    "question_mark/empty.csv": ("read", lambda o: o.numbers(hp=13.4)),
    "footer_total/t.csv": (
        "the row is dropped, x is numbers",
        lambda o: o.noted("1 of 121 rows") and same("footer_total/t.csv", "footer_total/without.csv"),
    ),
    "footer_total/without.csv": ("read", lambda o: o.numbers(x=13.44)),
    "repeated_header2/t.csv": ("refused with line numbers", lambda o: o.refused("62, 63")),
    "unnamed_index/t.csv": (
        "the index is left out, with a note",
        lambda o: o.noted("it has no name") and same("unnamed_index/t.csv", "unnamed_index/without.csv"),
    ),
    "unnamed_index/without.csv": ("read", lambda o: o.numbers(noise=0.020)),
    "stray_quote/t.csv": ("refused: rows against lines", lambda o: o.refused("55 of 120 lines", "'note', row 5")),
    "missing_category/t.csv": ("as many categories as as_none.csv", lambda o: categories(o, "c") == 3),
    "missing_category/as_none.csv": ("gaps are a category", lambda o: categories(o, "c") == 3),
    "newline_header_first/t.csv": ("read", lambda o: o.numbers(**{"height\n(cm)": 13.4}, a=8.5)),
    "leading_zero_target/t.csv": (
        "text, three classes",
        lambda o: o.dataset is not None and sorted(o.dataset.y.unique()) == ["001", "01", "1"] and o.noted("'target'"),
    ),
    "bool_gap/t.csv": (
        "read; served in tests/engine/models/test_serving.py",
        lambda o: o.numbers(x=8.47) and o.dataset is not None,
    ),
    "dollar_labels/t.csv": (
        "read; drawn in tests/engine/task/test_evaluation_figures.py",
        lambda o: o.numbers(x=13.44),
    ),
    "dollar_labels/one_two.csv": ("read", lambda o: o.numbers(x=13.44)),
    "dollar_labels/three.csv": ("read", lambda o: o.numbers(z=0.5)),
}
"""File -> what is right for it, and how that is told."""


def main() -> int:
    """Print the table; the exit code counts what is wrong."""
    wrong = 0
    for name, (right, is_right) in RIGHT.items():
        found = outcome(CASES / name)
        good = is_right(found)
        wrong += not good
        came = str(found).replace("\n", r"\n")
        print(f"{'right' if good else 'WRONG':6} {name:28} wanted: {right}\n{'':36}{came}")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
