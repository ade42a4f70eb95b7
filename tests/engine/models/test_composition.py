"""What a model is made of decides what it is pinned to and what loading it trusts."""

import json
import re
import sys
from collections import Counter, UserDict
from dataclasses import replace
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest
from packaging.requirements import Requirement
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier, StackingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from reprise.base import project
from reprise.base.errors import JobFailed, WrongCall
from reprise.data.schema import example, kinds, signature
from reprise.environment.pins import Lock, read_lock
from reprise.models.composition import compose
from reprise.models.logged_model import save
from reprise.models.model_content import content_of

MODULE = """
from sklearn.linear_model import LogisticRegression

class Boosted(LogisticRegression):
    pass

class Pickled(LogisticRegression):
    def __getstate__(self):
        return {}

    def __reduce__(self):
        return rebuilt, (self.__dict__,)

def rebuilt(state):
    model = Pickled()
    model.__dict__.update(state)
    return model
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


@pytest.fixture
def named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let the project name direct dependencies in its pyproject.toml."""

    def write(*names: str, text: str = "[dependency-groups]\nproject = {names}\n") -> None:
        (folder / "pyproject.toml").write_text(text.format(names=json.dumps(names)))

    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.setattr(project, "FOLDER", folder)
    return write


def locked(*pins: str) -> Lock:
    lock = read_lock()
    return replace(lock, pins=lock.pins | {Requirement(pin).name: Requirement(pin) for pin in pins})


def saved(folder: Path, classifier: Any, lock: Lock, *, may_pickle: bool = False) -> list[str]:
    X = pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0]})
    y = pd.Series([0, 0, 1, 1])
    pipeline = make_pipeline(StandardScaler(), classifier).fit(X, y)
    save(folder, pipeline, signature(X, y), example(X), kinds(X), lock, may_pickle=may_pickle)
    return (folder / "requirements.txt").read_text().split()


def test_scikit_learn_needs_no_more_than_every_model() -> None:
    made = compose(content_of(make_pipeline(StandardScaler(), LogisticRegression()), None), read_lock(), {})
    assert (made.types, made.distributions, made.code.files) == ([], [], {})


def test_a_distribution_that_is_named_and_locked_is_a_requirement_with_what_it_needs_and_is_trusted(
    boosted: Any, named: Any, tmp_path: Path
) -> None:
    named("Gradient_Boosts>=1")
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
    message = (
        "the model holds boosting.Boosted, of gradient-boosts, which conda.yaml does not pin: it could not be loaded "
        'elsewhere; add "gradient-boosts>=1.5,<2", to [dependency-groups] project in pyproject.toml, then run reprise '
        "lock"
    )
    with pytest.raises(JobFailed, match=re.escape(message)):
        saved(tmp_path / "model", boosted(), read_lock())
    assert not (tmp_path / "model").exists()


def test_a_distribution_that_only_another_one_needs_is_not_trusted(boosted: Any, named: Any, tmp_path: Path) -> None:
    named("scikit-learn")
    message = (
        "the model holds boosting.Boosted, of gradient-boosts, which pyproject.toml does not name: on loading, only "
        'types of direct dependencies are trusted; add "gradient-boosts>=1.5,<2", to'
    )
    with pytest.raises(JobFailed, match=re.escape(message)):
        saved(tmp_path / "model", boosted(), locked("gradient-boosts==1.5"))


@pytest.mark.parametrize(
    "text", ["no toml", "[dependency-groups]\nproject = [1]", "[dependency-groups]\nproject = ['==']"]
)
def test_a_list_of_dependencies_that_cannot_be_read_is_a_wrong_call(named: Any, tmp_path: Path, text: str) -> None:
    named(text=text)
    with pytest.raises(WrongCall, match=r"pyproject\.toml cannot be read: .*; repair it"):
        saved(tmp_path / "model", LogisticRegression(), read_lock())


def test_the_extras_that_the_project_asks_for_are_requirements_too(boosted: Any, named: Any, tmp_path: Path) -> None:
    with (tmp_path / "site/gradient_boosts-1.5.dist-info/METADATA").open("a") as file:
        file.write("Provides-Extra: fast\nRequires-Dist: kubernetes; extra == 'fast'\n")
    lock = locked("gradient-boosts==1.5", "kubernetes==37.0.2")
    for wanted, expected in (("gradient-boosts", False), ("gradient-boosts[fast]", True)):
        named(wanted)
        assert ("kubernetes==37.0.2" in saved(tmp_path / wanted, boosted(), lock)) is expected


def test_a_standard_type_that_only_holds_values_is_trusted_and_no_other(named: Any, tmp_path: Path) -> None:
    named("scikit-learn")
    fitted = LogisticRegression()
    fitted.names_ = Counter(a=1)
    saved(tmp_path / "model", fitted, read_lock())
    loaded = mlflow.sklearn.load_model(str(tmp_path / "model"))
    assert loaded[-1].names_ == Counter(a=1)
    fitted.names_ = UserDict(a=1)
    with pytest.raises(
        JobFailed, match=r"holds collections\.UserDict of Python's standard library, which is not trusted"
    ):
        saved(tmp_path / "again", fitted, read_lock())


@pytest.mark.parametrize(
    "classifier",
    [
        HistGradientBoostingClassifier(max_iter=2),
        StackingClassifier([("forest", RandomForestClassifier(2)), ("line", LogisticRegression())], cv=2),
        CalibratedClassifierCV(RandomForestClassifier(2), cv=2, method="isotonic"),
    ],
    ids=lambda classifier: type(classifier).__name__,
)
def test_what_scikit_learn_itself_brings_needs_no_other_pin(classifier: Any, named: Any, tmp_path: Path) -> None:
    named()
    plain = saved(tmp_path / "plain", LogisticRegression(), read_lock())
    assert saved(tmp_path / "model", classifier, read_lock()) == plain
    assert len(mlflow.pyfunc.load_model(str(tmp_path / "model")).predict(pd.DataFrame({"a": [0.0, 3.0]}))) == 2


def test_a_requirement_that_the_lock_does_not_pin_is_refused(boosted: Any, tmp_path: Path) -> None:
    lock = locked("gradient-boosts==1.5")
    without = replace(lock, pins={name: pin for name, pin in lock.pins.items() if name != "click"})
    with pytest.raises(JobFailed, match=r"gradient-boosts needs click, which conda.yaml does not pin"):
        saved(tmp_path / "model", boosted(), without)


def test_an_estimator_that_skops_cannot_save_is_pickled_only_where_the_user_says_so(
    boosted: Any, named: Any, tmp_path: Path
) -> None:
    named("gradient-boosts")
    lock, classifier = locked("gradient-boosts==1.5"), sys.modules[boosted.__module__].Pickled()
    message = r"skops cannot save Pickled: what it has saved fails when it is loaded: AttributeError: .*, pickle=yes"
    with pytest.raises(JobFailed, match=message) as caught:
        saved(tmp_path / "model", classifier, lock)
    assert "\n" not in caught.value.format_message()
    assert not (tmp_path / "model").exists()
    requirements = saved(tmp_path / "model", classifier, lock, may_pickle=True)
    assert {"gradient-boosts==1.5", str(lock.pins["cloudpickle"])} <= {*requirements}
    loaded = mlflow.pyfunc.load_model(str(tmp_path / "model"))
    assert list(loaded.predict(pd.DataFrame({"a": [0.0, 3.0]}))) == [0, 1]


def test_a_type_of_no_installed_package_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "loose_file.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    import loose_file

    with pytest.raises(JobFailed, match=r"the model holds loose_file\.Boosted, of no installed package"):
        saved(tmp_path / "model", loose_file.Boosted(), read_lock())
    del sys.modules["loose_file"]
