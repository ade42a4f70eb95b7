"""A model is saved in skops format where that can be done, and pickled only where the user says so."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from reprise.base.errors import JobFailed
from reprise.data.schema import example, kinds, signature
from reprise.environment.pins import read_lock
from reprise.models.logged_model import save
from reprise.models.model_content import PICKLE, SKOPS, check_alike, content_of
from reprise.models.verified_model import code_in

X = pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0]})
y = pd.Series([0, 0, 1, 1])


def with_pattern() -> Any:
    """A pipeline with an object that pickle saves and skops does not."""
    fitted = LogisticRegression().fit(X, y)
    fitted.pattern_ = re.compile("x")
    return make_pipeline(FunctionTransformer(), fitted)


def with_lambda() -> Any:
    """A pipeline with a function that no other process could import."""
    return make_pipeline(FunctionTransformer(lambda rows: rows * 2), LogisticRegression()).fit(X, y)


def with_generator() -> Any:
    """A pipeline with an object that nothing saves."""
    fitted = LogisticRegression().fit(X, y)
    fitted.rows_ = (row for row in range(3))
    return make_pipeline(FunctionTransformer(), fitted)


def saved(folder: Path, model: Any, *, may_pickle: bool) -> str:
    return save(folder, model, signature(X, y), example(X), kinds(X), read_lock(), may_pickle=may_pickle)


@pytest.mark.parametrize("may_pickle", [False, True])
def test_what_skops_can_save_is_never_a_pickle(*, may_pickle: bool, tmp_path: Path) -> None:
    model = make_pipeline(FunctionTransformer(), LogisticRegression()).fit(X, y)
    assert saved(tmp_path / "model", model, may_pickle=may_pickle) == SKOPS
    assert code_in(tmp_path / "model") is None


@pytest.mark.parametrize("make", [with_pattern, with_lambda])
def test_it_is_pickled_where_the_user_says_so_and_the_run_says_why(
    make: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = make()
    assert saved(tmp_path / "model", model, may_pickle=True) == PICKLE
    said = capsys.readouterr().err
    assert "note: the model is saved as a pickle: skops cannot save LogisticRegression: " in said
    assert "wants trust_model=yes" in said
    assert "it is a pickle" in str(code_in(tmp_path / "model"))
    requirements = (tmp_path / "model/requirements.txt").read_text().split()
    assert {line.partition("==")[0] for line in requirements} >= {"cloudpickle", "mlflow-skinny", "scikit-learn"}
    assert not [line for line in requirements if line.startswith("skops==")]
    assert list(mlflow.pyfunc.load_model(str(tmp_path / "model")).predict(X)) == list(model.predict(X))


def test_a_model_that_skops_loads_with_other_answers_is_refused_or_pickled(monkeypatch: pytest.MonkeyPatch) -> None:
    import skops.io

    model, other = (make_pipeline(FunctionTransformer(), LogisticRegression()).fit(X, each) for each in (y, 1 - y))
    model[-1].names_ = Counter(a=1)  # a type that is not scikit-learn's
    check_alike(model, content_of(model, X), X)
    monkeypatch.setattr(skops.io, "loads", lambda *_data, **_trusted: other)
    why = "skops cannot save LogisticRegression: what it has saved gives other answers when it is loaded"
    with pytest.raises(JobFailed, match=why):
        check_alike(model, content_of(model, X), X)
    found = content_of(model, X, may_pickle=True)
    assert (found.format, found.why) == (PICKLE, why)


def test_what_holds_scikit_learn_alone_is_not_loaded_for_a_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("skops.io.loads")
    model = make_pipeline(FunctionTransformer(), LogisticRegression()).fit(X, y)
    check_alike(model, content_of(model, X), X)


def test_what_neither_saves_is_said(tmp_path: Path) -> None:
    with pytest.raises(JobFailed, match=r"skops cannot save LogisticRegression: .*; neither can a pickle: .*generator"):
        saved(tmp_path / "model", with_generator(), may_pickle=True)


def test_a_pickle_s_requirements_are_those_of_its_functions_too(tmp_path: Path) -> None:
    import requests

    model = make_pipeline(FunctionTransformer(lambda rows: rows * requests.codes.ok), LogisticRegression()).fit(X, y)
    saved(tmp_path / "model", model, may_pickle=True)
    assert "requests==" in (tmp_path / "model/requirements.txt").read_text()
