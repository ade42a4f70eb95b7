"""Figures are drawn for any names and numbers, and one that is not drawn fails no run."""

from pathlib import Path

import matplotlib as mpl
import mlflow
import numpy as np
import pandas as pd
import pytest
from conftest import Job
from matplotlib.text import Text
from PIL import Image
from sklearn.linear_model import LogisticRegression

from reprise.search import search_figures
from reprise.search.candidates import Candidate
from reprise.search.trials import Trial
from reprise.task import canvas, evaluation_figures
from reprise.task.evaluation import Evaluation

pytestmark = pytest.mark.usefixtures("drawn")
NAMES = [
    *("$", "$x", "$x$", "$\\frac{1}$", "a_b^c", "_hidden", "__", "", " ", "\\", "\\alpha", "{", "%", "#", "&", "~"),
    *(
        "x" * 5000,
        "two\nlines",
        "a\ttab",
        "\x00",
        "\x1b[31mred",
        "\u202egnp",
        "日本",
        "👩\u200d🔬",
        "x\u2028y",
    ),
]
"""What matplotlib takes for a formula, TeX or its own mark, what it cannot draw, and what is too long."""


def texts_of(figure: mpl.figure.Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text)]


@pytest.mark.parametrize("name", NAMES)
def test_any_label_is_drawn_as_it_is_written(name: str, tmp_path: Path) -> None:
    labels = np.array([name, "other"], dtype=object)
    y = np.repeat(labels, 6)
    scores = pd.DataFrame(np.random.default_rng(0).normal(size=(len(y), 2)), columns=[str(label) for label in labels])
    assert evaluation_figures.draw(Evaluation(labels, pd.Series(y), y[::-1], scores), tmp_path) == {}
    wanted = {"confusion_matrix.png", "class_balance.png", "roc.png", "precision_recall.png"}
    assert {path.name for path in tmp_path.iterdir()} == wanted
    for path in tmp_path.iterdir():
        with Image.open(path) as image:
            assert min(image.size) > 300, "the labels leave no room for the axes"


@pytest.mark.parametrize("name", NAMES)
def test_any_column_is_drawn_as_it_is_written(name: str, tmp_path: Path) -> None:
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(40, 2)), columns=[name, f"{name}2"])
    y = pd.Series([name, "other"] * 20, name=name)
    model = LogisticRegression().fit(X, y)
    assert evaluation_figures.draw_decision_regions(model, X, y, tmp_path) == {}
    figure = evaluation_figures._decision_regions(model, X, y)  # noqa: SLF001
    texts = texts_of(figure)
    assert canvas.in_words(name) in texts
    legend = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert set(legend) == {canvas.in_words(name, evaluation_figures.LABELLED), "other"}, "also one that begins with _"


@pytest.mark.parametrize("classes", [2, 30])
def test_figures_are_drawn_for_few_and_many_classes(classes: int, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    labels = np.array([f"class ${number}$ _^ {'long ' * 9}" for number in range(classes)], dtype=object)
    y = np.repeat(labels, 4)
    scores = pd.DataFrame(random.normal(size=(len(y), classes)), columns=labels)
    assert evaluation_figures.draw(Evaluation(labels, pd.Series(y), random.permutation(y), scores), tmp_path) == {}
    assert len(list(tmp_path.iterdir())) == 4


@pytest.mark.parametrize("name", [name for name in NAMES if name])
def test_any_hyperparameter_and_value_of_a_search_is_drawn(name: str, tmp_path: Path) -> None:
    trials = [
        Trial(Candidate(number, {name: value, "C": 10.0**number}), 0, 9, (0.5,), 0.5 + number / 9, 0.1, 1.0, 0, number)
        for number, value in enumerate([name, f"{name}2", None])
    ]
    assert search_figures.draw(trials, trials[-1], name, tmp_path) == {}
    assert {path.name for path in tmp_path.iterdir()} == {"parallel_coordinates.png", "best_so_far.png"}


def test_a_users_own_settings_of_matplotlib_make_no_formulas(tmp_path: Path) -> None:
    y = np.array(["$x", "other"] * 6, dtype=object)
    with mpl.rc_context({"text.usetex": True}):
        assert evaluation_figures.draw(Evaluation(np.unique(y), pd.Series(y), y, None), tmp_path) == {}


def test_a_figure_that_fails_is_a_note_and_a_tag(
    train: Job, evaluate: Job, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise ValueError("no\nink")

    monkeypatch.setattr(evaluation_figures, "_confusion", fail)
    for job in (train, evaluate):
        run = job()
        assert run.info.status == "FINISHED"
        reason = "it could not be drawn: ValueError: no ink"
        tags = {name: value for name, value in run.data.tags.items() if name.startswith("reprise.figure")}
        assert tags == {"reprise.figure.confusion_matrix": reason}
        assert f"note: figure confusion_matrix is missing: {reason}\n" in capsys.readouterr().err
        listed = [item.path for item in mlflow.MlflowClient().list_artifacts(run.info.run_id, "figures")]
        assert "figures/confusion_matrix.png" not in listed
        assert "figures/roc.png" in listed


def test_a_figure_that_fails_half_way_leaves_no_file(tmp_path: Path) -> None:
    class Half:
        def savefig(self, path: Path, **_: object) -> None:
            path.write_bytes(b"half")
            raise MemoryError

    assert list(canvas.write({"half": Half}, tmp_path)) == ["reprise.figure.half"]  # type: ignore[dict-item]
    assert not list(tmp_path.iterdir())
