"""A booster is compared by its own dump, which is the same for two fits and another one for other trees."""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from reprise.proof import fitted_state
from reprise.proof.booster_dump import dumped
from reprise.proof.outcome import Finding, Match
from reprise.proof.result_comparison import RunResults, compare

X, y = load_iris(return_X_y=True, as_frame=True)
MIXED = X.assign(kind=pd.Categorical(["u", "v", "w"] * 50))
Make = Callable[..., Any]


def lightgbm(rate: float = 0.1) -> Any:
    module = pytest.importorskip("lightgbm")
    return module.LGBMClassifier(n_estimators=4, learning_rate=rate, verbose=-1)


def xgboost(rate: float = 0.1) -> Any:
    module = pytest.importorskip("xgboost")
    return module.XGBClassifier(n_estimators=4, learning_rate=rate, enable_categorical=True)


def catboost(rate: float = 0.1) -> Any:
    module = pytest.importorskip("catboost")
    return module.CatBoostClassifier(
        iterations=4, learning_rate=rate, verbose=0, allow_writing_files=False, cat_features=["kind"]
    )


def differences(one: Any, other: Any) -> list[Finding]:
    old, new = (RunResults(leaves={"model": fitted_state.parameters(model)}) for model in (one, other))
    return [finding for finding in compare(old, new, None) if finding.match != Match.EQUAL]


@pytest.mark.parametrize("make", [lightgbm, xgboost, catboost])
def test_two_fits_are_equal_and_nothing_is_left_out(make: Make) -> None:
    one, other = (make().fit(MIXED, y) for _ in range(2))
    assert differences(one, other) == []
    values = fitted_state.parameters(one).values()
    assert sum(isinstance(value, np.ndarray) and value.size > 1 for value in values) > 10
    assert not [value for value in values if isinstance(value, fitted_state.Opaque)]


@pytest.mark.parametrize("make", [lightgbm, xgboost, catboost])
def test_other_trees_differ_by_name(make: Make) -> None:
    found = differences(make().fit(MIXED, y), make(0.2).fit(MIXED, y))
    assert any("ree" in finding.name and finding.match == Match.DIFFERENT for finding in found)


@pytest.mark.parametrize("make", [lightgbm, xgboost, catboost])
def test_it_is_the_same_before_and_after_it_was_saved(make: Make) -> None:
    import skops.io

    fitted = make().fit(MIXED, y)
    content = skops.io.dumps(fitted)
    loaded = skops.io.loads(content, trusted=skops.io.get_untrusted_types(data=content))
    assert differences(fitted, loaded) == []
    assert np.array_equal(fitted.predict_proba(MIXED), loaded.predict_proba(MIXED))


def test_the_number_of_threads_is_no_part_of_the_trees() -> None:
    one, other = (lightgbm().set_params(n_jobs=number).fit(X, y) for number in (1, 2))
    assert [finding.name for finding in differences(one, other) if "n_jobs" not in finding.name] == []
    assert one.booster_.model_to_string() != other.booster_.model_to_string()


def test_what_catboost_cannot_write_without_ids_is_said_to_be_not_compared() -> None:
    module = pytest.importorskip("catboost")
    rows = X.assign(text=["good text here", "bad one", "so so"] * 50)
    options: dict[str, Any] = {"iterations": 3, "verbose": 0, "allow_writing_files": False, "text_features": ["text"]}
    one, other = (module.CatBoostClassifier(**options).fit(rows, y) for _ in range(2))
    (finding,) = differences(one, other)
    assert (finding.match, finding.note) == (Match.SKIPPED, "CatBoostTrees does not show what it holds")


def test_any_other_object_has_no_dump_and_no_library_is_imported() -> None:
    before = set(sys.modules)
    assert dumped(LogisticRegression()) is None
    assert dumped(1) is None
    assert not {"lightgbm", "xgboost", "catboost"} & (set(sys.modules) - before)
