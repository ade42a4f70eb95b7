"""The experiment that a run is in."""

import re
from pathlib import Path

import click
import mlflow
import pytest
from conftest import EXPERIMENT, commit_all, put_store, run, work_in
from mlflow.tracking.default_experiment import registry

from reprise.base.errors import WrongCall
from reprise.doctor import store_check
from reprise.search.best import best_run
from reprise.store import experiment, store_plugin


def named(folder: Path, name: str) -> Path:
    """Write a project that has nothing but a name."""
    folder.mkdir(exist_ok=True)
    (folder / "MLproject").write_text("name: x\n")
    (folder / "pyproject.toml").write_text(f"[tool.reprise]\nname = '{name}'\n", encoding="utf-8")
    return folder


@pytest.fixture
def churn(store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a project of the name churn, with no experiment named otherwise."""
    monkeypatch.delenv(EXPERIMENT)
    folder = named(tmp_path / "churn", "churn")
    work_in(folder, monkeypatch)
    return folder


def name_of(number: str) -> str:
    return str(mlflow.get_experiment(number).name)


def test_runs_go_to_the_experiment_of_the_projects_name(churn: Path) -> None:
    with mlflow.start_run() as started:
        pass
    assert name_of(started.info.experiment_id) == "churn"
    assert experiment.experiment_id() == started.info.experiment_id


@pytest.mark.parametrize(("variable", "value"), [("MLFLOW_EXPERIMENT_NAME", "mine"), (EXPERIMENT, "0")])
def test_a_variable_wins(churn: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    monkeypatch.setenv(variable, value)
    assert name_of(experiment.experiment_id()) == {"0": "Default"}.get(value, value)
    assert mlflow.get_experiment_by_name("churn") is None


def test_a_project_without_a_name_has_mlflows_default(churn: Path) -> None:
    (churn / "pyproject.toml").unlink()
    assert experiment.experiment_id() == "0" == registry.get_experiment_id()


def test_reading_creates_no_experiment(churn: Path) -> None:
    with pytest.raises(WrongCall, match="has no experiment 'churn' yet; train first"):
        best_run("test_accuracy")
    assert mlflow.get_experiment_by_name("churn") is None


def test_a_deleted_experiment_takes_no_run(churn: Path) -> None:
    mlflow.delete_experiment(experiment.experiment_id())
    with pytest.raises(WrongCall, match="is deleted and takes no runs; bring it back with: mlflow experiments restore"):
        experiment.experiment_id()


def test_files_lie_beside_a_store_in_another_folder(
    churn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "away").mkdir()
    monkeypatch.chdir(tmp_path / "away")
    place = mlflow.get_experiment(experiment.experiment_id()).artifact_location
    assert place == (tmp_path / "mlruns" / "churn").as_uri()


def test_a_run_says_where_its_files_go_if_not_beside_the_store(store: str, tmp_path: Path) -> None:
    client, elsewhere = mlflow.MlflowClient(), tmp_path.parent / "elsewhere"
    near, far = (client.create_experiment(str(place), str(place)) for place in (tmp_path / "beside", elsewhere))
    assert experiment.artifacts_apart(store, client.create_run(near)) is None
    line = experiment.artifacts_apart(store, client.create_run(far))
    assert line
    assert str(elsewhere) in line


class TestTheCall:
    """What `mlflow run` names decides, not the folder that it is called in."""

    @pytest.fixture
    def other(self, churn: Path, tmp_path: Path) -> Path:  # noqa: ARG002  works in another project
        return named(tmp_path / "other", "other")

    @pytest.mark.parametrize("form", ["{}", "{}#HEAD"])
    def test_of_a_folder(self, other: Path, form: str) -> None:
        with context(uri=form.format(other), backend="commit"):
            assert name_of(registry.get_experiment_id()) == "other"

    def test_of_a_subdirectory_as_mlflow_writes_it(self, other: Path) -> None:
        with context(uri=f"{other.parent}#other", backend="local"):
            assert name_of(registry.get_experiment_id()) == "other"

    @pytest.mark.usefixtures("other")
    def test_of_a_repository_elsewhere_is_left_to_the_backend(self) -> None:
        with context(uri="https://host/repo.git#v1", backend="commit"):
            assert registry.get_experiment_id() == "0"
            assert experiment.chosen("0") == ""

    def test_a_name_given_to_it_wins(self, other: Path) -> None:
        with context(uri=str(other), backend="commit", experiment_id="7"):
            assert experiment.chosen("7") == "7"

    def test_that_cannot_go_on_ends_with_one_line(self, other: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (other / "pyproject.toml").write_text("[tool.reprise]\nname = 'a/b'\n")
        with context(uri=str(other)), pytest.raises(SystemExit) as ended:
            registry.get_experiment_id()
        assert ended.value.code == 2
        assert re.fullmatch(r"Error: .* name is 'a/b'; .*\n", capsys.readouterr().err)


def context(**parameters: str) -> click.Context:
    """Return the context of a call of `mlflow run`."""
    made = click.Context(click.Command("run"), info_name="run")
    made.params = parameters
    return made


def test_the_plugin_is_registered_once() -> None:
    for _ in range(2):
        store_plugin.register()
    providers = [type(one) for one in registry._default_experiment_provider_registry]  # noqa: SLF001
    assert providers.count(store_plugin.ProjectExperiment) == 1


@pytest.mark.integration
def test_two_projects_on_one_store_have_their_own_experiments_models_and_histories(
    project: Path, tmp_path: Path
) -> None:
    put_store(tmp_path)
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    mlflow.set_tracking_uri(uri)
    everything = (
        ["mlflow", "run", str(project), "--env-manager", "local"],
        ["mlflow", "run", f"file://{project}#HEAD", "-b", "commit", "--env-manager", "local"],
        ["reprise", "run", "--env-manager", "local"],
        ["python", "train.py"],
    )
    for name, commands in {"one": everything, "Zwei 2": everything[:1]}.items():
        file = project / "pyproject.toml"
        file.write_text(re.sub(r'(?m)^name = ".*"( *# of the)', f'name = "{name}"\\1', file.read_text()))
        commit_all(project)
        for command in commands:
            done = run(*command, cwd=project, MLFLOW_TRACKING_URI=uri, MLFLOW_EXPERIMENT_ID="")
            assert done.returncode == 0, done.stderr
        number = mlflow.get_experiment_by_name(name).experiment_id
        runs = mlflow.search_runs([number], output_format="list")
        assert len(runs) == len(commands)
        done = run(
            "reprise", "register", runs[0].info.run_id, "--env-manager", "local", cwd=project, MLFLOW_TRACKING_URI=uri
        )
        assert f"version 1 of {name} is the model" in done.stdout, done.stderr
        force = ("--env-manager", "local", "--force", "--reason", "first")
        assert run("reprise", "promote", "1", *force, cwd=project, MLFLOW_TRACKING_URI=uri).returncode == 0
        assert run("reprise", "history", cwd=project, MLFLOW_TRACKING_URI=uri).stdout.count("champion") == 1
    assert mlflow.search_runs(["0"], output_format="list") == []
    assert {model.name for model in mlflow.MlflowClient().search_registered_models()} == {"one", "Zwei 2"}


@pytest.mark.usefixtures("churn")
def test_doctor_finds_nothing_wrong_before_the_first_run(store: str) -> None:
    assert store_check.artifacts(store).level == "ok"
    assert mlflow.get_experiment_by_name("churn") is None
