"""Figures of the evaluation of a regressor."""

from functools import partial
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from reprise.task import canvas
from reprise.task.canvas import ground, in_words
from reprise.task.regression import RegressionEvaluation

POINTS = 5_000
"""Rows that a figure shows one by one at most; more of them hide one another, and take long to draw."""

_BLUE, _ORANGE = "#0072B2", "#D55E00"


def draw(evaluation: RegressionEvaluation, folder: Path) -> dict[str, str]:
    """Write the figures of an evaluation as PNG files into a folder; return the tags that say which are missing."""
    figures = {
        "predicted_against_actual": partial(_predicted, evaluation),
        "residuals_against_predicted": partial(_residuals, evaluation),
        "distribution_of_residuals": partial(_distribution, evaluation),
        "error_by_quantile": partial(_error_by_quantile, evaluation),
    }
    return canvas.write(figures, folder)


def _shown(evaluation: RegressionEvaluation) -> tuple[np.ndarray, str]:
    """Choose evenly spaced rows to draw, and say in a title how many of all they are."""
    rows = len(evaluation.predicted)
    if rows <= POINTS:
        return np.arange(rows), f"{rows} rows"
    return np.linspace(0, rows - 1, POINTS).astype(int), f"{POINTS} of {rows} rows"


def _predicted(evaluation: RegressionEvaluation) -> Figure:
    figure, axes = ground(6.0, 5.6)
    rows, title = _shown(evaluation)
    truth, predicted = evaluation.truth.to_numpy(), evaluation.predicted
    low, high = min(truth.min(), predicted.min()), max(truth.max(), predicted.max())
    axes.plot([low, high], [low, high], color="black", linewidth=1, linestyle="--", label="predicted = actual")
    axes.scatter(truth[rows], predicted[rows], s=14, color=_BLUE, alpha=0.6, edgecolor="white", linewidth=0.4)
    axes.set(xlabel=f"Actual {in_words(evaluation.truth.name)}", ylabel="Predicted")
    axes.set_title(f"Predicted against actual, {title}")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    return figure


def _residuals(evaluation: RegressionEvaluation) -> Figure:
    figure, axes = ground(6.4, 4.6)
    rows, title = _shown(evaluation)
    axes.axhline(0, color="black", linewidth=1, linestyle="--")
    axes.scatter(
        evaluation.predicted[rows], evaluation.residuals[rows],
        s=14, color=_BLUE, alpha=0.6, edgecolor="white", linewidth=0.4,
    )  # fmt: skip
    axes.set(xlabel=f"Predicted {in_words(evaluation.truth.name)}", ylabel="Predicted minus actual")
    axes.set_title(f"Residuals against predicted, {title}")
    axes.grid(alpha=0.3)
    return figure


def _distribution(evaluation: RegressionEvaluation) -> Figure:
    figure, axes = ground(6.4, 4.2)
    residuals = evaluation.residuals
    axes.hist(residuals, bins="auto" if len(residuals) <= POINTS else 100, color=_BLUE, alpha=0.8)
    axes.axvline(0, color="black", linewidth=1, linestyle="--")
    axes.axvline(residuals.mean(), color=_ORANGE, linewidth=1.6, label=f"mean {residuals.mean():.4g}")
    axes.set(xlabel=f"Predicted minus actual {in_words(evaluation.truth.name)}", ylabel="rows")
    axes.set_title("Distribution of residuals")
    axes.legend(fontsize=8)
    return figure


def _error_by_quantile(evaluation: RegressionEvaluation) -> Figure:
    figure, axes = ground(6.4, 4.2)
    table = evaluation.per_segment
    places = np.arange(len(table))
    axes.bar(places - 0.2, table["mean_absolute_error"], width=0.4, color=_BLUE, label="mean absolute error")
    axes.bar(places + 0.2, table["bias"], width=0.4, color=_ORANGE, label="mean of predicted minus actual")
    axes.axhline(0, color="black", linewidth=0.8)
    names = [f"{low:.4g} to {high:.4g}" for low, high in zip(table["from"], table["to"], strict=True)]
    axes.set_xticks(places, [f"{name}\n{rows} rows" for name, rows in zip(names, table["rows"], strict=True)])
    axes.set(xlabel=f"Quarters of actual {in_words(evaluation.truth.name)}", title="Error by quantile")
    axes.legend(fontsize=8)
    return figure
