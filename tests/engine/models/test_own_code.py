"""A user's own classes and functions are part of the model: saved with it, loaded by MLflow alone, never mixed."""

import importlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import joblib
import mlflow
import pandas as pd
import pytest
import sklearn
import yaml
from conftest import commit_all, copy_project, environment, git, put_store, run
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import reprise.base.project
from reprise.base.errors import JobFailed
from reprise.data.schema import example, kinds, signature
from reprise.environment.pins import read_lock
from reprise.models.logged_model import save
from reprise.models.module_space import ModuleSpace
from reprise.models.own_code import CodeOrigin
from reprise.models.verified_model import code_in
from reprise.proof.model_files import compare_code
from reprise.proof.outcome import Match
from reprise.task.result import evaluate

ROWS = pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0]})
LABELS = pd.Series([0, 0, 1, 1])

MODEL = """
import sklearn
from sklearn.base import BaseEstimator, TransformerMixin
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow

class Shift(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        return self

    def transform(self, X):
        from parts.amounts import amount

        return X + amount()

def keep(X):
    return X

if __name__ == "__main__":
    import other
"""
AMOUNTS = "from .inner import AMOUNT\n\ndef amount():\n    return AMOUNT\n"
FILES = {
    "model.py": MODEL,
    "parts/amounts.py": AMOUNTS,
    "parts/inner.py": "AMOUNT = 1.0\n",
    "other.py": "",
    "parts/x.py": "",
}

ALONE = """
import importlib.abc, json, sys

class Blocked(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked} and not any("/code" in place for place in [*sys.path, *(path or [])]):
            raise ModuleNotFoundError(name)

sys.path = [place for place in sys.path if place not in {hidden}]
sys.meta_path.insert(0, Blocked())
import mlflow, pandas as pd
rows = pd.DataFrame({rows})
served = mlflow.pyfunc.load_model(sys.argv[1]).predict(rows)
raw = mlflow.sklearn.load_model(sys.argv[1]).predict(rows)
files = [module.__file__ for name, module in sys.modules.items() if name in {blocked}]
print(json.dumps([list(map(int, served)), list(map(int, raw)), files]))
"""

Write = Callable[[dict[str, str]], Any]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Write modules into a project of their own, commit them, and import its `model`."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.setattr(reprise.base.project, "FOLDER", folder)
    monkeypatch.syspath_prepend(str(folder))
    names = {"model", "parts", "other", "colorsys"}
    before = {name: module for name, module in sys.modules.items() if name.partition(".")[0] in names}

    def forget() -> None:
        for name in [name for name in sys.modules if name.partition(".")[0] in names]:
            del sys.modules[name]

    def written(files: dict[str, str]) -> Any:
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(content)
        shutil.rmtree(folder / "__pycache__", ignore_errors=True)
        commit_all(folder)
        forget()
        importlib.invalidate_caches()
        return importlib.import_module("model")

    yield written
    forget()
    sys.modules.update(before)


def saved(folder: Path, *steps: Any) -> Path:
    fitted = make_pipeline(*steps).fit(ROWS, LABELS)
    save(folder, fitted, signature(ROWS, LABELS), example(ROWS), kinds(ROWS), read_lock())
    return folder


def carried(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder / "code").as_posix() for path in (folder / "code").rglob("*.py"))


def alone(model: Path) -> list[Any]:
    """Let MLflow load and ask a model in a process that finds neither the engine nor a project."""
    hidden = [str(reprise.base.project.ENGINE), str(reprise.base.project.FOLDER), ""]
    script = ALONE.format(blocked={"reprise", "model", "parts"}, hidden=hidden, rows=ROWS.to_dict("list"))
    done = subprocess.run(
        [sys.executable, "-c", script, str(model)],
        cwd=model,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers: list[Any] = json.loads(done.stdout.splitlines()[-1])
    return answers


class TestSaving:
    """What is saved with a model."""

    def test_scikit_learn_alone_carries_no_code(self, tmp_path: Path) -> None:
        assert not (saved(tmp_path / "model", LogisticRegression()) / "code").exists()

    def test_the_modules_that_it_needs_and_no_other(self, write: Write, tmp_path: Path) -> None:
        folder = saved(tmp_path / "saved", write(FILES).Shift(), LogisticRegression())
        assert carried(folder) == ["model.py", "parts/amounts.py", "parts/inner.py"]
        assert "pyarrow" not in (folder / "requirements.txt").read_text()

    def test_mlflow_alone_loads_it(self, write: Write, tmp_path: Path) -> None:
        from sklearn.preprocessing import FunctionTransformer

        model = write(FILES)
        folder = saved(tmp_path / "saved", model.Shift(), FunctionTransformer(model.keep), LogisticRegression())
        served, raw, files = alone(folder)
        assert served == raw == [0, 0, 1, 1]
        assert files
        assert all(file.startswith(str(folder)) for file in files if file)

    def test_what_it_imports_of_the_engine_comes_with_what_that_needs(self, write: Write, tmp_path: Path) -> None:
        engine = "from reprise.base.errors import JobFailed\n"
        folder = saved(tmp_path / "saved", write(FILES | {"model.py": engine + MODEL}).Shift(), LogisticRegression())
        assert {"reprise/__init__.py", "reprise/base/__init__.py", "reprise/base/errors.py"} <= {*carried(folder)}
        assert "reprise/models/logged_model.py" not in carried(folder)
        assert "click==" in (folder / "requirements.txt").read_text()
        served, _, files = alone(folder)
        assert served == [0, 0, 1, 1]
        assert str(folder / "code/reprise/__init__.py") in files

    def test_names_that_a_package_imports_as_they_are_asked_for(self, write: Write, tmp_path: Path) -> None:
        lazy = (
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from parts.amounts import amount\n\n"
            "def __getattr__(name):\n    import importlib\n"
            "    return getattr(importlib.import_module('parts.' + 'amounts'), name)\n"
        )
        model = "from parts import amount\n" + MODEL.replace("        from parts.amounts import amount\n", "")
        folder = saved(
            tmp_path / "saved",
            write(FILES | {"model.py": model, "parts/__init__.py": lazy}).Shift(),
            LogisticRegression(),
        )
        assert carried(folder) == ["model.py", "parts/__init__.py", "parts/amounts.py", "parts/inner.py"]
        assert alone(folder)[0] == [0, 0, 1, 1]

    def test_what_the_script_itself_defines_is_refused(
        self, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        model = write(FILES)
        model.Shift.__module__ = "__main__"
        monkeypatch.setattr(sys.modules["__main__"], "Shift", model.Shift, raising=False)
        monkeypatch.setattr(sys.modules["__main__"], "__file__", "/a/train.py", raising=False)
        with pytest.raises(JobFailed, match=r"holds Shift, which train\.py itself defines.*define it in model\.py"):
            saved(tmp_path / "saved", model.Shift(), LogisticRegression())

    @pytest.mark.parametrize(
        ("files", "message"),
        [
            ({"model.py": MODEL + "keep = lambda X: X\n"}, r"<lambda> of model, which is no name at the top"),
            (
                {"model.py": "import pytest\n" + MODEL},
                r"model\.py imports pytest, of pytest, which conda\.yaml does not pin",
            ),
            ({"parts/inner.py": "import pytest\nAMOUNT = 1.0\n"}, r"parts/inner\.py imports pytest"),
            (
                {"model.py": "import colorsys\n" + MODEL, "colorsys.py": ""},
                r"needs colorsys\.py, which has the name of",
            ),
        ],
    )
    def test_what_could_not_be_loaded_elsewhere_is_refused(
        self, write: Write, tmp_path: Path, files: dict[str, str], message: str
    ) -> None:
        from sklearn.preprocessing import FunctionTransformer

        model = write(FILES | files)
        with pytest.raises(JobFailed, match=message):
            saved(tmp_path / "saved", FunctionTransformer(model.keep), model.Shift(), LogisticRegression())
        assert not (tmp_path / "saved").exists()

    def test_a_module_that_was_changed_while_it_ran_is_named_or_refused(
        self, write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        model = write(FILES)
        saved(tmp_path / "saved", model.Shift(), LogisticRegression())
        assert "parts/inner.py was changed while this ran" in capsys.readouterr().err
        (reprise.base.project.FOLDER / "parts/inner.py").write_text("def (")
        with pytest.raises(JobFailed, match=r"inner\.py is no Python that can be read"):
            saved(tmp_path / "again", model.Shift(), LogisticRegression())

    def test_what_its_code_can_do_without_is_a_requirement_only_where_it_is_locked(
        self, write: Write, tmp_path: Path
    ) -> None:
        optional = (
            "try:\n    import pytest\nexcept ImportError:\n    pytest = None\n\ndef later():\n    import requests\n"
        )
        folder = saved(tmp_path / "saved", write(FILES | {"model.py": optional + MODEL}).Shift(), LogisticRegression())
        requirements = (folder / "requirements.txt").read_text()
        assert "requests==" in requirements
        assert "pytest" not in requirements

    def test_a_bare_estimator_is_a_model_too(self, tmp_path: Path) -> None:
        fitted = RandomForestClassifier(3, random_state=0).fit(ROWS, LABELS)
        save(tmp_path / "saved", fitted, signature(ROWS, LABELS), example(ROWS), kinds(ROWS), read_lock())
        assert alone(tmp_path / "saved")[0] == list(fitted.predict(ROWS))
        for model in (fitted, make_pipeline(RandomForestClassifier(3, random_state=0)).fit(ROWS, LABELS)):
            assert evaluate(model, ROWS, LABELS, "classification").metrics["accuracy"] == 1.0


class TestModuleSpace:
    """Two models whose code has the same names."""

    @pytest.fixture
    def two(self, write: Write, tmp_path: Path) -> list[Path]:
        """Two models: the second's modules differ in what is imported first and in what is imported as it is called."""
        first = saved(tmp_path / "first", write(FILES).Shift(), LogisticRegression())
        changed = "sklearn.set_config(transform_output='pandas')\n"
        other = FILES | {"model.py": MODEL + changed, "parts/inner.py": "AMOUNT = 100.0\n"}
        settings = sklearn.get_config()
        second = saved(tmp_path / "second", write(other).Shift(), LogisticRegression())
        sklearn.set_config(**settings)
        return [first, second]

    def test_each_uses_its_own_even_what_it_imports_as_it_is_called(self, two: list[Path]) -> None:
        spaces = [ModuleSpace(folder) for folder in two]
        models = []
        for folder, space in zip(two, spaces, strict=True):
            with space.entered():
                models.append(mlflow.pyfunc.load_model(str(folder)).get_raw_model())
        shifts = [space.wrap(model[0]) for space, model in zip(spaces, models, strict=True)]
        for _ in range(2):
            assert [float(shift.transform(ROWS)["a"].iloc[0]) for shift in shifts] == [1.0, 100.0]

    def test_nothing_is_left_in_the_process(self, two: list[Path]) -> None:
        before, path, settings = sys.modules["model"], list(sys.path), sklearn.get_config()
        names = {name for name in sys.modules if name.partition(".")[0] in ("model", "parts")}
        for folder in two:
            space = ModuleSpace(folder)
            with space.entered():
                mlflow.pyfunc.load_model(str(folder)).predict(ROWS)
                assert sys.modules["model"].__file__ == str(folder / "code/model.py")
        assert sys.modules["model"] is before
        assert {name for name in sys.modules if name.partition(".")[0] in ("model", "parts")} == names
        assert sys.path == path
        assert sklearn.get_config() == settings
        assert not [path for folder in two for path in folder.rglob("*.pyc")]

    def test_what_a_model_does_not_carry_it_lacks_here_too(self, two: list[Path]) -> None:
        (two[0] / "code/parts/inner.py").unlink()
        space = ModuleSpace(two[0])
        with space.entered():
            model = mlflow.pyfunc.load_model(str(two[0]))
        with pytest.raises(ModuleNotFoundError, match=r"parts\.inner"), space.entered():
            model.predict(ROWS)

    def test_what_runs_in_parallel_uses_them_too(self, write: Write, tmp_path: Path) -> None:
        from sklearn.compose import ColumnTransformer

        folders = []
        for amount in ("1.0", "100.0"):
            shift = write(FILES | {"parts/inner.py": f"AMOUNT = {amount}\n"}).Shift
            steps = ColumnTransformer([("one", shift(), ["a"]), ("two", shift(), ["a"])], n_jobs=2)
            with joblib.parallel_config(backend="threading"):
                folders.append(saved(tmp_path / amount, steps, LogisticRegression()))
        spaces = [ModuleSpace(folder) for folder in folders]
        found = []
        for folder, space in zip(folders, spaces, strict=True):
            with space.entered():
                model = mlflow.pyfunc.load_model(str(folder)).get_raw_model()
            found.append(float(space.wrap(model[0]).transform(ROWS)[0, 0]))
        assert found == [1.0, 100.0]


class TestTrust:
    """Which code is run without being asked for."""

    @pytest.fixture
    def model(self, write: Write, tmp_path: Path) -> Path:
        return saved(tmp_path / "saved", write(FILES).Shift(), LogisticRegression())

    @pytest.fixture
    def origin(self, model: Path) -> CodeOrigin:  # noqa: ARG002  it is written and committed by then
        return CodeOrigin(git(reprise.base.project.FOLDER, "rev-parse", "HEAD"))

    def test_that_of_the_recorded_commit(self, model: Path, origin: CodeOrigin) -> None:
        (reprise.base.project.FOLDER / "parts/inner.py").write_text("AMOUNT = 2.0\n")
        commit_all(reprise.base.project.FOLDER)
        assert code_in(model, origin) is None
        assert "code/parts/inner.py is neither that of any commit" in (code_in(model) or "")

    def test_that_of_a_project_in_a_folder_of_its_repository(self, model: Path, tmp_path: Path) -> None:
        (tmp_path / "whole").mkdir()
        (reprise.base.project.FOLDER / ".git").rename(tmp_path / "gone")
        folder = reprise.base.project.FOLDER.rename(tmp_path / "whole/inside")
        commit = commit_all(tmp_path / "whole")
        reprise.base.project.FOLDER = folder
        for path in folder.rglob("*.py"):
            path.unlink()
        assert code_in(model, CodeOrigin(commit, "inside")) is None
        assert code_in(model, CodeOrigin(commit)) is not None

    def test_that_of_the_checkout_as_it_is_now(self, model: Path) -> None:
        assert code_in(model) is None

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("model.py", b"import os\n"),
            ("sitecustomize.py", b""),
            ("parts/inner.py", b"AMOUNT = 1.0\r\n"),
            ("__pycache__/model.cpython-311.pyc", b""),
            ("reprise/__init__.py", b"import os\n"),
        ],
    )
    def test_any_other_file_is_named(self, model: Path, origin: CodeOrigin, name: str, content: bytes) -> None:
        (model / "code" / name).parent.mkdir(exist_ok=True)
        (model / "code" / name).write_bytes(content)
        assert f"its code/{name} is neither that of commit {origin.commit:.12} in" in (code_in(model, origin) or "")

    def test_a_link_and_a_file_that_git_ignores_are_refused(
        self, model: Path, origin: CodeOrigin, tmp_path: Path
    ) -> None:
        folder = reprise.base.project.FOLDER
        for place in (folder / "store", model / "code/store"):
            place.mkdir()
            (place / "evil.py").write_text("")
        assert code_in(model, origin) is None
        (folder / ".gitignore").write_text("store/\n")
        assert "code/store/evil.py" in (code_in(model, origin) or "")
        shutil.rmtree(model / "code/store")
        (model / "code/linked").symlink_to(tmp_path)
        assert "code/linked is a link" in (code_in(model, origin) or "")

    def test_a_commit_that_is_none_or_not_here_vouches_for_nothing(self, model: Path) -> None:
        shutil.rmtree(reprise.base.project.FOLDER / "parts")
        for commit in ("HEAD", "--batch", "0" * 40):
            assert "code/parts" in (code_in(model, CodeOrigin(commit)) or "")

    def test_the_engine_s_own_files(self, write: Write, tmp_path: Path) -> None:
        engine = "from reprise.base.errors import JobFailed\n"
        folder = saved(tmp_path / "saved", write(FILES | {"model.py": engine + MODEL}).Shift(), LogisticRegression())
        assert code_in(folder) is None

    def test_a_type_of_the_project_without_the_code_that_it_needs_is_refused(self, model: Path) -> None:
        (model / "code/model.py").unlink()
        assert "'model.Shift' is of no installed package, and of no module that it carries" in (code_in(model) or "")
        shutil.rmtree(model / "code")
        content = yaml.safe_load((model / "MLmodel").read_text())
        for flavor in content["flavors"].values():
            flavor["code"] = None
        (model / "MLmodel").write_text(yaml.safe_dump(content))
        assert "'model.Shift' is of no installed package" in (code_in(model) or "")

    def test_what_the_rerun_carries_too(self, model: Path, tmp_path: Path) -> None:
        shutil.copytree(model, tmp_path / "again")
        for path in reprise.base.project.FOLDER.rglob("*.py"):
            path.unlink()
        assert code_in(model) is not None
        assert code_in(model, learned_again=tmp_path / "again") is None
        (tmp_path / "again/code/model.py").write_text("")
        assert "code/model.py" in (code_in(model, learned_again=tmp_path / "again") or "")

    def test_code_that_differs_from_the_rerun_s_is_a_finding(self, model: Path, tmp_path: Path) -> None:
        shutil.copytree(model, tmp_path / "again")
        pair = {"model": model}, {"model": tmp_path / "again"}
        assert [finding.match for finding in compare_code(*pair)] == [Match.EQUAL]
        (tmp_path / "again/code/model.py").write_text("")
        (finding,) = compare_code(*pair)
        assert finding.match == Match.DIFFERENT
        assert finding.note == "files that differ from the rerun's: code/model.py"


FLOWERS = {
    "sepal length (cm)": [5.1, 6.3],
    "sepal width (cm)": [3.5, 3.3],
    "petal length (cm)": [1.4, 6.0],
    "petal width (cm)": [0.2, 2.5],
}
SHIFTED = """

from sklearn.base import BaseEstimator, TransformerMixin


class Shift(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X):
        from features import offset

        return CHANGED


_fit = fit


def fit(X: Any, y: Any, hyperparameters: Hyperparameters, seed: int = 0) -> Pipeline:
    fitted = _fit(Shift().fit(X).transform(X), y, hyperparameters, seed)
    return Pipeline([("shift", Shift().fit(X)), *fitted.steps])
"""


class Place:
    """A folder with a project's checkout and a store."""

    def __init__(self, top: Path) -> None:
        self.top, self.project = top, top / "project"
        put_store(top)
        self.client = mlflow.MlflowClient(f"sqlite:///{top / 'mlflow.db'}")

    def call(self, *command: str) -> None:
        """Call a command in the project's folder; it ends well."""
        store = {"MLFLOW_TRACKING_URI": f"sqlite:///{self.top / 'mlflow.db'}", "REPRISE_CACHE": str(self.top / "cache")}
        done = run(*command, "--env-manager", "local", cwd=self.project, **store)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"

    def newest(self, job: str) -> mlflow.entities.Run:
        experiments = [one.experiment_id for one in self.client.search_experiments()]
        return self.client.search_runs(experiments, f"tags.`reprise.job` = '{job}'", order_by=["start_time DESC"])[0]

    def artifact(self, job: str, name: str) -> dict[str, Any]:
        place = self.newest(job).info.artifact_uri.removeprefix("file://")
        content: dict[str, Any] = json.loads(Path(place, name).read_text())
        return content


@pytest.mark.integration
def test_models_of_two_commits_are_judged_promoted_and_reproduced_each_with_its_own_code(tmp_path: Path) -> None:
    """The first is promoted and reproduced when the project's own classes have become others."""
    place = Place(tmp_path)
    text = (copy_project(place.project) / "model.py").read_text()
    runs = []
    for changed, offset in (("X + offset()", 0), ("offset() - 50 * X", 7)):
        (place.project / "model.py").write_text(text + SHIFTED.replace("CHANGED", changed))
        (place.project / "features.py").write_text(f"def offset():\n    return {offset}\n")
        commit_all(place.project)
        place.call("mlflow", "run", ".", "-P", f"seed={offset}")
        runs.append(place.newest("train"))
    first = f"runs:/{runs[0].info.run_id}/model"
    accuracy = [one.data.metrics["test_accuracy"] for one in runs]
    assert min(accuracy) > 0.9

    place.call("mlflow", "run", ".", "-e", "evaluate", "-P", f"model={first}")
    assert place.newest("evaluate").data.metrics["test_accuracy"] == accuracy[0]
    run(
        "reprise",
        "register",
        runs[0].info.run_id,
        "--env-manager",
        "local",
        cwd=place.project,
        MLFLOW_TRACKING_URI=f"sqlite:///{tmp_path}/mlflow.db",
    )
    place.call("reprise", "promote", "1")

    place.call("mlflow", "run", ".", "-e", "evaluate")
    assert place.newest("evaluate").data.metrics["test_accuracy"] == accuracy[1]
    outcomes = place.artifact("evaluate", "verdict.json")["outcomes"]
    change = next(outcome for outcome in outcomes if outcome["rule"] == "change.accuracy")
    assert float(change["value"]) == pytest.approx(accuracy[1] - accuracy[0], abs=1e-4), change

    pd.DataFrame(FLOWERS).to_csv(tmp_path / "flowers.csv", index=False)
    place.call(
        "mlflow", "run", ".", "-e", "predict", "-P", f"data={tmp_path}/flowers.csv", "-P", f"output={tmp_path}/out"
    )
    assert json.loads((tmp_path / "out").read_text())["predictions"] == [0, 2]

    place.call("reprise", "reproduce", runs[0].info.run_id)
    found = place.artifact("reproduce", "reproduction.json")
    matches = {finding["name"]: finding["match"] for finding in found["findings"]}
    assert found["verdict"] == "reproduced"
    assert matches["code that model carries"] == matches["model"] == "equal"
