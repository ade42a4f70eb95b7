"""Figures of an evaluation."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from sklearn.metrics import auc, precision_recall_curve, roc_curve

from reprise.task import canvas
from reprise.task.canvas import ground, in_words, legend
from reprise.task.evaluation import Evaluation

LABELLED = 20
"""Classes that a figure names one by one at most, and characters of a class's name."""
_GRID = 200
# Okabe and Ito's palette, told apart by colour-blind readers (https://jfly.uni-koeln.de/color/).
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#B0A000")


def draw(evaluation: Evaluation, folder: Path) -> dict[str, str]:
    """Write the figures of an evaluation as PNG files into a folder; return the tags that say which are missing."""
    figures = {
        "confusion_matrix": partial(_confusion, evaluation),
        "class_balance": partial(_class_balance, evaluation),
    }
    if evaluation.one_vs_rest():
        figures["roc"] = partial(_curves, evaluation, _roc, "ROC", "False positive rate", "True positive rate")
        figures["precision_recall"] = partial(
            _curves, evaluation, _precision_recall, "Precision and recall", "Recall", "Precision"
        )
    return canvas.write(figures, folder)


def draw_decision_regions(model: Any, X: pd.DataFrame, y: pd.Series, folder: Path) -> dict[str, str]:
    """Write the decision regions of a model of two numeric features, with the rows X, shape (rows, 2), on top.

    Returns:
        As `draw`.
    """
    return canvas.write({"decision_regions": partial(_decision_regions, model, X, y)}, folder)


def _decision_regions(model: Any, X: pd.DataFrame, y: pd.Series) -> Figure:
    figure, axes = ground(6.4, 5.2)
    classes = list(model.classes_)
    (left, right), (bottom, top) = (_limits(X.iloc[:, column]) for column in (0, 1))
    grid = np.meshgrid(np.linspace(left, right, _GRID), np.linspace(bottom, top, _GRID))
    points = pd.DataFrame(np.column_stack([axis.ravel() for axis in grid]), columns=X.columns)
    regions = np.searchsorted(classes, model.predict(points)).reshape(_GRID, _GRID)
    colours = [_COLOURS[number % len(_COLOURS)] for number in range(len(classes))]
    levels = np.arange(len(classes) + 1) - 0.5
    axes.contourf(*grid, regions, levels=levels, colors=colours, alpha=0.25)
    dots = []
    for label, colour in zip(classes, colours, strict=True):
        rows = (y == label).to_numpy()
        dots.append(
            axes.scatter(X.iloc[rows, 0], X.iloc[rows, 1], s=18, color=colour, edgecolor="white", linewidth=0.5)
        )
    axes.set(xlabel=in_words(X.columns[0]), ylabel=in_words(X.columns[1]), title="Decision regions and held-out rows")
    if len(classes) <= LABELLED:
        legend(axes, dots, [_short(label) for label in classes], in_words(y.name))
    return figure


def _confusion(evaluation: Evaluation) -> Figure:
    counts = evaluation.confusion
    side = min(3.2 + 0.45 * len(counts), 12)
    figure, axes = ground(side + 0.8, side)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(image, ax=axes, label="share of the true class", fraction=0.046)
    axes.set(xlabel="Predicted class", ylabel="True class", title="Confusion matrix")
    _name_classes(axes, evaluation)
    if len(counts) <= LABELLED:
        for (row, column), count in np.ndenumerate(counts):
            colour = "white" if shares[row, column] > 0.5 else "black"  # noqa: PLR2004  half way up the colours
            axes.text(column, row, str(count), ha="center", va="center", color=colour, fontsize=9)
    return figure


def _class_balance(evaluation: Evaluation) -> Figure:
    counts = evaluation.confusion
    figure, axes = ground(6.4, 4)
    places = np.arange(len(counts))
    axes.bar(places - 0.2, counts.sum(axis=1), width=0.4, color=_COLOURS[0], label="true")
    axes.bar(places + 0.2, counts.sum(axis=0), width=0.4, color=_COLOURS[1], label="predicted")
    axes.set(ylabel="rows", title="Class balance")
    if len(counts) <= LABELLED:
        names = [_short(label) for label in evaluation.classes]
        axes.set_xticks(places, names, **_slant(names))
    axes.legend()
    return figure


def _curves(evaluation: Evaluation, curve: Callable[..., Any], name: str, across: str, up: str) -> Figure:
    figure, axes = ground(6.4, 5.2)
    curves = evaluation.one_vs_rest()
    lines, names = [], []
    for number, (label, truth, score) in enumerate(curves):
        x, y, note = curve(truth, score, evaluation.weight)
        lines += axes.plot(x, y, color=_COLOURS[number % len(_COLOURS)], linewidth=1.6)
        names.append(f"{_short(label)} ({note})")
    axes.set(
        xlabel=across, ylabel=up, xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), title=f"{name}, each class against the rest"
    )
    axes.grid(alpha=0.3)
    if len(curves) <= LABELLED:
        legend(axes, lines, names, "class")
    return figure


def _roc(truth: np.ndarray, score: np.ndarray, weight: np.ndarray | None) -> tuple[np.ndarray, np.ndarray, str]:
    x, y, _ = roc_curve(truth, score, sample_weight=weight)
    return x, y, f"area {auc(x, y):.3f}"


def _precision_recall(
    truth: np.ndarray, score: np.ndarray, weight: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, str]:
    precision, recall, _ = precision_recall_curve(truth, score, sample_weight=weight)
    return recall, precision, f"{truth.sum()} rows"


def _name_classes(axes: Any, evaluation: Evaluation) -> None:
    if len(evaluation.classes) > LABELLED:
        return
    names = [_short(label) for label in evaluation.classes]
    axes.set_xticks(range(len(names)), names, fontsize=8, **_slant(names))
    axes.set_yticks(range(len(names)), names, fontsize=8)


def _slant(names: list[str]) -> dict[str, Any]:
    return {"rotation": 45, "ha": "right"} if max(map(len, names)) > 3 else {}  # noqa: PLR2004  more would overlap


def _limits(column: pd.Series) -> tuple[float, float]:
    margin = 0.05 * (column.max() - column.min() or 1)
    return column.min() - margin, column.max() + margin


def _short(label: object) -> str:
    return in_words(label, LABELLED)
