"""A model is registered only if it loads and answers its input example with its own pins and nothing else."""

import shutil
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest
import yaml
from click.testing import CliRunner
from conftest import PROJECT, Job, commit_all
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from reprise.base import project, tag
from reprise.base.errors import JobFailed, WrongCall
from reprise.cli.commands import cli
from reprise.data.schema import example, kinds, signature
from reprise.environment.pins import read_lock
from reprise.models import bare_environment, registry
from reprise.models.bare_environment import answers_alone
from reprise.models.logged_model import save
from reprise.models.verified_model import code_in, strange_pin
from reprise.preprocessing import make_preprocessing


def folder_of(run: mlflow.entities.Run) -> Path:
    """Return the folder of a run's model in the store."""
    (output,) = mlflow.get_run(run.info.run_id).outputs.model_outputs
    return Path(mlflow.get_logged_model(output.model_id).artifact_location.removeprefix("file://"))


def uri_of(run: mlflow.entities.Run) -> str:
    return f"runs:/{run.info.run_id}/model"


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved model."""
    X, y = pd.DataFrame({"a": [0.0, 1.0, 2.0, None], "b": ["u", None, "v", "u"]}), pd.Series([0, 0, 1, 1])
    folder = tmp_path_factory.mktemp("saved") / "model"
    pipeline = make_pipeline(make_preprocessing(X), LogisticRegression()).fit(X, y)
    save(folder, pipeline, signature(X, y), example(X), kinds(X), read_lock())
    return folder


@pytest.fixture
def saved(whole: Path, tmp_path: Path) -> Path:
    """A copy of that model, to change at will."""
    return Path(shutil.copytree(whole, tmp_path / "model"))


def tried(folder: Path) -> None:
    answers_alone(str(folder), "local", trusted=True)


def test_a_model_answers_with_its_own_pins_and_finds_no_other_package(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = bare_environment._TRY + (  # noqa: SLF001
        "\nfor name in ('pytest', 'matplotlib', 'reprise', 'model'):\n"
        "    try:\n        __import__(name)\n    except ModuleNotFoundError:\n        continue\n"
        "    sys.exit(f'ValueError: it finds {name}')\n"
    )
    monkeypatch.setattr(bare_environment, "_TRY", seen)
    tried(saved)


def test_what_is_missing_is_named(saved: Path) -> None:
    requirements = saved / "requirements.txt"
    kept = [line for line in requirements.read_text().splitlines() if not line.startswith("skops==")]
    requirements.write_text("\n".join(kept))
    message = (
        "does not answer its input example with its own pins alone: ModuleNotFoundError: No module named 'skops'; name "
        "the package that brings skops in pyproject.toml, run reprise lock, and train again"
    )
    with pytest.raises(JobFailed, match=message) as caught:
        tried(saved)
    assert "\n" not in caught.value.format_message()


@pytest.mark.parametrize("line", ["--index-url https://example.org", "./here", "-r other.txt"])
def test_what_is_no_pin_is_no_environment(saved: Path, line: str) -> None:
    with (saved / "requirements.txt").open("a") as file:
        file.write(f"\n{line}\n")
    with pytest.raises(JobFailed, match=r"requirements\.txt cannot be read"):
        tried(saved)


def test_another_environment_than_that_of_the_pins_is_said(saved: Path) -> None:
    edit(saved / "requirements.txt", "click==", "click<8,>")
    with pytest.raises(JobFailed, match=r"this environment is not that of the model: click .*; give --env-manager uv"):
        tried(saved)


def test_a_model_without_an_example_is_said(saved: Path) -> None:
    content = yaml.safe_load((saved / "MLmodel").read_text())
    del content["saved_input_example_info"]
    (saved / "MLmodel").write_text(yaml.safe_dump(content))
    with pytest.raises(JobFailed, match="its own pins alone: ValueError: it has no input example to score"):
        tried(saved)


def test_strange_pins_are_not_installed(
    saved: Path, store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    strange_pin(saved, "it", None)
    commit = commit_all(copied(tmp_path / "project"))
    monkeypatch.setattr(project, "FOLDER", tmp_path / "project")
    (tmp_path / "project/conda.yaml").unlink()
    with pytest.raises(WrongCall, match=r"'it' pins alembic|'it' pins annotated.*, which conda\.yaml pins neither now"):
        strange_pin(saved, "it", None)
    with mlflow.start_run(tags={tag.COMMIT: commit}) as run:
        strange_pin(saved, "it", run.info.run_id)
    edit(saved / "requirements.txt", "scikit-learn==", "scikit-learn-of-mine==")
    with pytest.raises(
        WrongCall, match=r"pins scikit-learn-of-mine==.*, which conda\.yaml pins neither now nor in the"
    ):
        strange_pin(saved, "it", run.info.run_id)


def copied(folder: Path) -> Path:
    folder.mkdir()
    shutil.copy(PROJECT / "conda.yaml", folder)
    return folder


def test_an_altered_model_is_not_tried(train: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    run = train()
    edit(folder_of(run) / "requirements.txt", "scikit-learn==", "scikit-learn-of-mine==")
    monkeypatch.setattr(bare_environment, "_try", None)
    with pytest.raises(JobFailed, match="are not those that were logged"):
        answers_alone(uri_of(run), "local")


def test_types_are_looked_for_where_the_model_is_to_be_loaded(tmp_path: Path) -> None:
    """The launcher has none of a model's packages itself."""
    flavors: dict[str, Any] = {
        "python_function": {"loader_module": "mlflow.sklearn"},
        "sklearn": {"serialization_format": "skops", "skops_trusted_types": ["sklearn.svm._classes.SVC"]},
    }
    (tmp_path / "MLmodel").write_text(yaml.safe_dump({"flavors": flavors}))
    packages = tmp_path / "packages"
    packages.mkdir()
    assert "'sklearn.svm._classes.SVC' is of no installed package" in (code_in(tmp_path, packages=packages) or "")
    (packages / "sklearn").mkdir()
    assert code_in(tmp_path, packages=packages) is None


def test_only_what_loads_is_registered_and_the_version_says_so(train: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    run = train()
    register = ["register", run.info.run_id, "--env-manager", "local"]
    with monkeypatch.context() as patch:
        patch.setattr(bare_environment, "_TRY", "import no_such_package")
        refused = CliRunner().invoke(cli, register)
    assert (refused.exit_code, "No module named 'no_such_package'" in refused.output) == (1, True)
    assert not list(registry.versions("reprise"))
    done = CliRunner().invoke(cli, register)
    assert done.exit_code == 0, done.output
    (version,) = registry.versions("reprise")
    assert version.tags[tag.MODEL_LOADS] == version.tags[tag.MODEL_DIGEST]


@pytest.mark.integration
def test_an_environment_is_built_once_of_the_pins_alone(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_ENV_ROOT", str(tmp_path / "envs"))
    for _ in range(2):
        answers_alone(str(saved), "uv", trusted=True)
    assert capfd.readouterr().err.count("building an environment of the model's own pins") == 1
    (place,) = (tmp_path / "envs/at-commit").glob("*.whole")
    installed = {path.name for path in place.with_suffix("").glob("lib/python3*/site-packages/*")}
    assert "sklearn" in installed
    assert not {"matplotlib", "alembic", "reprise"} & installed
