"""How well the probabilities of a calibrated classifier agree with what was observed."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from sklearn.calibration import calibration_curve

from reprise.task import canvas
from reprise.task.canvas import ground, in_words, legend
from reprise.task.decision import is_calibrated
from reprise.task.evaluation import Evaluation
from reprise.task.result import Result

BINS = 10
"""Of equal width, from probability 0 to 1."""

SHOWN = 8
"""Curves that the figure draws at most."""


@dataclass(frozen=True)
class Calibration:
    """Probabilities beside the truth.

    Attributes:
        truth: labels, shape (rows,).
        probabilities: shape (rows, classes); None of a classifier that is not calibrated.
        classes: the labels that the classifier knows.
    """

    truth: np.ndarray
    probabilities: np.ndarray | None
    classes: np.ndarray

    @property
    def curve(self) -> pd.DataFrame:
        """For each class and each bin that holds rows: mean probability, observed share and number of rows, unweighted.

        Of two classes only the second is there.
        """
        if self.probabilities is None:
            return pd.DataFrame()
        parts = []
        two = len(self.classes) == 2  # noqa: PLR2004
        for number, label in list(enumerate(self.classes))[1 if two else 0 :]:
            probability = self.probabilities[:, number]
            observed, predicted = calibration_curve(self.truth == label, probability, n_bins=BINS)
            place = np.searchsorted(np.linspace(0, 1, BINS + 1)[1:-1], probability)  # as calibration_curve puts them
            rows = np.bincount(place, minlength=BINS)
            columns = {"probability": predicted, "observed": observed, "rows": rows[rows > 0]}
            parts.append(pd.DataFrame({"class": str(label), **columns}))
        return pd.concat(parts, ignore_index=True)

    def draw(self, folder: Path) -> dict[str, str]:
        """Write calibration.png into a folder; return the tag that says where it is missing."""
        return canvas.write({"calibration": partial(_draw, self.curve)}, folder)


def calibration(model: Any, evaluation: Result) -> Calibration:
    """Return the probabilities that a calibrated classifier gave the rows of an evaluation, beside the truth."""
    truth = evaluation.truth.to_numpy()
    likely = evaluation.probabilities if isinstance(evaluation, Evaluation) and is_calibrated(model) else None
    if likely is None:
        return Calibration(truth, None, np.array([]))
    return Calibration(truth, likely.to_numpy(), np.asarray(likely.attrs["classes"]))


def _draw(curve: pd.DataFrame) -> Figure:
    figure, axes = ground(6.4, 5.2)
    axes.plot([0, 1], [0, 1], color="black", linewidth=0.8, linestyle=":")
    names = list(dict.fromkeys(curve["class"]))[:SHOWN]
    lines = []
    for name in names:
        part = curve[curve["class"] == name]
        lines += axes.plot(part["probability"], part["observed"], marker="o", markersize=4, linewidth=1.4)
    axes.set(
        xlabel="Mean predicted probability", ylabel="Observed share", title="Calibration, each class against the rest"
    )
    axes.grid(alpha=0.3)
    legend(axes, lines, [in_words(name, 20) for name in names], "class")
    return figure
