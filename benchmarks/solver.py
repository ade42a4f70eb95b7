"""Measure seconds and accuracy of the exact and the approximate solver by number of rows.

Run `python benchmarks/solver.py` in the project's environment. `--write` writes the table into docs/solver.md.
"""

import sys
import time
from pathlib import Path

import click
import numpy as np
import pandas as pd
from sklearn.datasets import make_classification

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from model import Hyperparameters, fit  # noqa: E402  the project stands beside this folder

ROWS = (1_000, 3_000, 10_000, 20_000, 40_000)
TEST_ROWS = 5_000
PAGE = PROJECT / "docs/solver.md"
START, END = "<!-- table -->\n", "<!-- end of table -->\n"


def table(rows: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Build rows of 20 numbers in 4 classes of 3 clusters each, with 5 % wrong labels."""
    X, y = make_classification(
        rows, n_features=20, n_informative=8, n_classes=4, n_clusters_per_class=3, flip_y=0.05, random_state=0
    )
    return pd.DataFrame(X).add_prefix("x"), y


def measure(rows: int, solver: str) -> tuple[float, float]:
    """Fit on a number of rows, and return CPU seconds and accuracy on other rows."""
    X, y = table(rows + TEST_ROWS)
    begin = time.process_time()
    model = fit(X[:rows], y[:rows], Hyperparameters(solver=solver))  # type: ignore[arg-type]
    return time.process_time() - begin, model.score(X[rows:], y[rows:])


@click.command()
@click.option("--write", is_flag=True, help="Put the table into docs/solver.md.")
def main(write: bool) -> None:  # noqa: FBT001
    """Measure both solvers on tables of growing size."""
    lines = ["| rows | exact, CPU s | approximate, CPU s | ratio | exact, accuracy | approximate, accuracy |"]
    lines += ["|---:|---:|---:|---:|---:|---:|"]
    for rows in ROWS:
        (exact, right), (approximate, nearly) = measure(rows, "exact"), measure(rows, "approximate")
        ratio = exact / approximate
        lines.append(f"| {rows:,} | {exact:.2f} | {approximate:.2f} | {ratio:.1f} | {right:.3f} | {nearly:.3f} |")
        click.echo(lines[-1])
    if write:
        before, _, rest = PAGE.read_text(encoding="utf-8").partition(START)
        after = rest.partition(END)[2]
        PAGE.write_text(before + START + "\n".join(lines) + "\n" + END + after, encoding="utf-8")


if __name__ == "__main__":
    main()
