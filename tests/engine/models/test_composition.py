"""What a model is made of decides what it is pinned to and what loading it trusts."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest
from packaging.requirements import Requirement
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from reprise.base.errors import JobFailed
from reprise.data.schema import example, kinds, signature
from reprise.environment.pins import Lock, read_lock
from reprise.models.composition import compose
from reprise.models.logged_model import save

MODULE = """
from sklearn.linear_model import LogisticRegression

class Boosted(LogisticRegression):
    pass
"""


@pytest.fixture
def boosted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A classifier of an installed distribution, `gradient-boosts`, whose package is called otherwise: `boosting`."""
    site = tmp_path / "site"
    (site / "boosting").mkdir(parents=True)
    (site / "boosting/__init__.py").write_text(MODULE)
    info = site / "gradient_boosts-1.5.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: Gradient_Boosts\nVersion: 1.5\nRequires-Dist: click\nRequires-Dist: numpy\n"
    )
    (info / "RECORD").write_text("boosting/__init__.py,,\n")
    monkeypatch.syspath_prepend(str(site))
    import boosting

    yield boosting.Boosted
    del sys.modules["boosting"]


def locked(*pins: str) -> Lock:
    lock = read_lock()
    return replace(lock, pins=lock.pins | {Requirement(pin).name: Requirement(pin) for pin in pins})


def saved(folder: Path, classifier: Any, lock: Lock) -> list[str]:
    X = pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0]})
    y = pd.Series([0, 0, 1, 1])
    pipeline = make_pipeline(StandardScaler(), classifier).fit(X, y)
    save(folder, pipeline, signature(X, y), example(X), kinds(X), lock)
    return (folder / "requirements.txt").read_text().split()


def test_scikit_learn_needs_no_more_than_every_model() -> None:
    made = compose(make_pipeline(StandardScaler(), LogisticRegression()), read_lock())
    assert (made.types, made.distributions, made.code.files) == ([], [], {})


def test_a_distribution_that_the_lock_pins_is_a_requirement_with_what_it_needs_and_is_trusted(
    boosted: Any, tmp_path: Path
) -> None:
    plain = saved(tmp_path / "plain", LogisticRegression(), read_lock())
    found = saved(tmp_path / "model", boosted(), locked("gradient-boosts==1.5"))
    assert "gradient-boosts==1.5" in found
    assert {line.partition("==")[0] for line in found} >= {"click", "numpy", "scikit-learn", "skops"}
    assert set(plain) < set(found)
    loaded = mlflow.pyfunc.load_model(str(tmp_path / "model"))
    assert list(loaded.predict(pd.DataFrame({"a": [0.0, 3.0]}))) == [0, 1]


def test_a_distribution_that_the_lock_does_not_pin_is_refused_before_anything_is_written(
    boosted: Any, tmp_path: Path
) -> None:
    message = "the model holds boosting.Boosted, of gradient-boosts, which conda.yaml does not pin"
    with pytest.raises(JobFailed, match=message):
        saved(tmp_path / "model", boosted(), read_lock())
    assert not (tmp_path / "model").exists()


def test_a_requirement_that_the_lock_does_not_pin_is_refused(boosted: Any, tmp_path: Path) -> None:
    lock = locked("gradient-boosts==1.5")
    without = replace(lock, pins={name: pin for name, pin in lock.pins.items() if name != "click"})
    with pytest.raises(JobFailed, match=r"gradient-boosts needs click, which conda.yaml does not pin"):
        saved(tmp_path / "model", boosted(), without)


def test_a_type_of_no_installed_package_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "loose_file.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    import loose_file

    with pytest.raises(JobFailed, match=r"the model holds loose_file\.Boosted, of no installed package"):
        saved(tmp_path / "model", loose_file.Boosted(), read_lock())
    del sys.modules["loose_file"]
