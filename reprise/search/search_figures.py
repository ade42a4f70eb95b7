"""Figures of a search: the scores of its settings, and the best score over the trials."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from reprise.search.trials import Trial
from reprise.task import canvas
from reprise.task.canvas import ground, in_words

LINES = 2000
"""Trials that are drawn at most, the best of them."""
_WORD = 20
"""Characters of a value that stands beside an axis."""
_SPREAD = 100
"""From this ratio of the largest to the smallest number, an axis is logarithmic."""


def draw(trials: Sequence[Trial], winner: Trial, metric: str, folder: Path) -> dict[str, str]:
    """Write the figures of a search as PNG files into a folder; failed trials are left out.

    Args:
        trials: in order of rung and candidate.
        winner: stands out.
        metric: name of the score.
        folder: where to.

    Returns:
        The run's tags that say which are missing, and why.
    """
    good = [trial for trial in trials if trial.failure is None]
    figures = {
        "parallel_coordinates": partial(_parallel_coordinates, good, winner, metric),
        "best_so_far": partial(_best_so_far, trials, metric),
    }
    return canvas.write(figures, folder)


def _parallel_coordinates(trials: Sequence[Trial], winner: Trial, metric: str) -> Figure:
    """Draw a line a trial over an axis a hyper-parameter, the score last and as colour (Inselberg 1985)."""
    best = sorted(trials, key=lambda trial: trial.mean)[-LINES:]
    shown = [*(trial for trial in best if trial is not winner), winner]
    names = list(dict.fromkeys(name for trial in shown for name in trial.candidate.hyperparameters))
    axes_values = [_Axis([trial.candidate.hyperparameters.get(name) for trial in shown], name) for name in names]
    scores = np.array([trial.mean for trial in shown])
    axes_values.append(_Axis(scores.tolist(), metric))
    figure, axes = ground(2.2 + 1.7 * len(axes_values), 4.6)
    heights = np.array([axis.heights for axis in axes_values]).T
    lines = np.stack([np.broadcast_to(np.arange(len(axes_values)), heights.shape), heights], axis=2)
    colour = ScalarMappable(Normalize(scores.min(), scores.max()), colormaps["viridis"])
    axes.add_collection(LineCollection(list(lines), colors=colour.to_rgba(scores), linewidths=1, alpha=0.7))
    axes.add_collection(LineCollection([lines[-1]], colors="#D55E00", linewidths=3, label="winner"))
    for place, axis in enumerate(axes_values):
        axes.axvline(place, color="black", linewidth=0.8)
        for height, label in axis.ticks:
            axes.text(
                place - 0.03, height, label, ha="right", va="center", fontsize=8,
                bbox={"facecolor": "white", "alpha": 0.7, "pad": 0.5, "linewidth": 0},
            )  # fmt: skip
    axes.set(xlim=(-0.6, len(axes_values) - 0.8), ylim=(-0.05, 1.05), title=f"{len(shown)} trials")
    axes.set_xticks(range(len(axes_values)), [axis.name for axis in axes_values])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    axes.legend(loc="upper left", bbox_to_anchor=(0, 1.12), frameon=False, fontsize=8)
    figure.colorbar(colour, ax=axes, label=in_words(metric))
    return figure


class _Axis:
    """The places of a hyper-parameter's values between 0 and 1: numbers by size, words in turn."""

    def __init__(self, values: Sequence[Any], name: str) -> None:
        numbers = [float(value) for value in values if isinstance(value, (int, float))]
        words = sorted({_word(value) for value in values if not isinstance(value, (int, float))})
        # Numbers have the whole axis, or what is left above the words where a parameter takes both.
        room = 0.0 if not words else 1.0 if not numbers else 0.4
        places = np.linspace(0, room, len(words)) if len(words) > 1 else [room / 2]
        self.words = dict(zip(words, places, strict=False))
        self.floor = 0.6 if words else 0.0
        positive = bool(numbers) and min(numbers) > 0
        self.logarithmic = positive and max(numbers) / min(numbers) >= _SPREAD
        self.low, self.high = (min(numbers), max(numbers)) if numbers else (0.0, 1.0)
        self.name = f"{in_words(name)} (log)" if self.logarithmic else in_words(name)
        self.heights = [self._height(value) for value in values]
        self.ticks = [(height, in_words(word, _WORD)) for word, height in self.words.items()]
        if numbers:
            levels = np.geomspace if self.logarithmic else np.linspace
            marks = levels(self.low, self.high, 5) if self.high > self.low else [self.low]
            self.ticks += [(self._height(float(mark)), f"{mark:.3g}") for mark in marks]

    def _height(self, value: Any) -> float:
        if not isinstance(value, (int, float)):
            return float(self.words[_word(value)])
        low, high, number = self.low, self.high, float(value)
        if self.logarithmic:
            low, high, number = np.log([low, high, number])
        share = (number - low) / (high - low) if high > low else 0.5
        return float(self.floor + (1 - self.floor) * share)


def _best_so_far(trials: Sequence[Trial], metric: str) -> Figure:
    """Draw each trial's score, in the order in which they ended, and the best until then, a line a rung."""
    figure, axes = ground(6.8, 4.2)
    ordered = sorted(trials, key=lambda trial: (trial.rung, trial.end, trial.candidate.number))
    scores = np.array([trial.mean for trial in ordered])
    numbers = np.arange(1, len(ordered) + 1)
    axes.scatter(numbers, scores, s=10, color="#56B4E9", label="trial")
    for rung in sorted({trial.rung for trial in ordered}):
        here = np.array([trial.rung == rung for trial in ordered])
        best = np.fmax.accumulate(scores[here])
        axes.step(numbers[here], best, where="post", color="#D55E00", label="best so far" if rung == 0 else None)
    failed = np.isnan(scores)
    if failed.any():
        axes.plot(
            numbers[failed], np.full(failed.sum(), np.nanmin(scores)), "x", color="black", markersize=5, label="failed"
        )
    axes.set(xlabel="trials, in the order in which they ended", ylabel=f"{in_words(metric)}, mean over folds")
    axes.set_title("Best so far")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    return figure


def _word(value: Any) -> str:
    return "not used" if value is None else str(value)
