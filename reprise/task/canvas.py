"""The canvas of figures: an opaque light ground, readable in light and dark, and plain text.

Figures are drawn on Figure objects without pyplot: no window system, no global state, and a quarter of a second less to
import.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from reprise.base import tag
from reprise.base.display_text import printable
from reprise.base.errors import error_summary
from reprise.base.terminal import note

LONGEST = 60
"""Characters of a name that an axis shows at most."""

_DOTS_PER_INCH = 110
_AS_WRITTEN: dict[Any, Any] = {"text.parse_math": False, "text.usetex": False}
"""Matplotlib's settings by which a dollar, a backslash, `_` and `^` are letters, not a formula."""


def write(figures: Mapping[str, Callable[[], Figure]], folder: Path) -> dict[str, str]:
    """Draw figures and write them as PNG files; one that fails is left out, for no run fails for a figure.

    Args:
        figures: name -> what draws it.
        folder: where to.

    Returns:
        The run's tags that say which are missing, and why.
    """
    missing = {}
    for name, draw in figures.items():
        path = folder / f"{name}.png"
        try:
            with mpl.rc_context(_AS_WRITTEN), warnings.catch_warnings():
                # A letter that the font lacks becomes a box; a warning for each would bury what matters.
                warnings.filterwarnings("ignore", "Glyph .* missing from font")
                draw().savefig(path, facecolor="white")
        except Exception as error:  # noqa: BLE001  whatever a table's names and numbers do to the drawing
            path.unlink(missing_ok=True)
            reason = f"it could not be drawn: {type(error).__name__}: {error_summary(error)}"
            note(f"figure {name} is missing: {reason}")
            missing[tag.FIGURE.format(name=name)] = reason
    return missing


def ground(width: float, height: float) -> tuple[Figure, Any]:
    """Return an empty figure, so many inches wide and high, and its axes."""
    figure = Figure(figsize=(width, height), dpi=_DOTS_PER_INCH, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.add_subplot()


def in_words(value: object, longest: int = LONGEST) -> str:
    """Write a name or label as a figure shows it: in one plain line that is not too long."""
    text = printable(value)
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def legend(axes: Any, handles: Sequence[Any], names: Sequence[str], title: str | None = None) -> None:
    """Name what is drawn; matplotlib by itself leaves out a name that is empty or begins with `_`."""
    made = axes.legend(handles, [str(number) for number in range(len(names))], title=title, fontsize=8)
    for text, name in zip(made.get_texts(), names, strict=True):
        text.set_text(name)
