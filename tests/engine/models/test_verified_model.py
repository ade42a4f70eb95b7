"""Nothing of a model is loaded before its files are found to be those that were logged."""

import json
import os
import pickle
import zipfile
from pathlib import Path

import mlflow
import pytest
import yaml
from conftest import ENTRY_POINTS, OTHER, Job, commit_all, invoke
from packaging.requirements import Requirement
from sklearn.linear_model import LogisticRegression

from reprise.base import project, tag
from reprise.base.errors import JobFailed, WrongCall
from reprise.models import module_space, verified_model
from reprise.models.logged_model import load
from reprise.models.own_code import CodeOrigin
from reprise.models.verified_model import code_in
from reprise.proof import model_files
from reprise.proof.outcome import Finding, Match, Reproduction
from reprise.proof.run_models import folders, models_of
from reprise.store.recorded import Recorded


class Attack:
    """What runs a command where it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.marker}",)


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    return tmp_path / "marker"


def model_of(run: mlflow.entities.Run) -> mlflow.entities.LoggedModel:
    return mlflow.get_logged_model(mlflow.get_run(run.info.run_id).outputs.model_outputs[0].model_id)


def files(model: mlflow.entities.LoggedModel) -> Path:
    return Path(model.artifact_location.removeprefix("file://"))


def turn_into_pickle(folder: Path, marker: Path) -> None:
    """Let a model's folder run a command when it is loaded."""
    (folder / "model.pkl").write_bytes(pickle.dumps(Attack(marker)))
    content = yaml.safe_load((folder / "MLmodel").read_text())
    content["flavors"]["python_function"] |= {"model_path": "model.pkl", "loader_module": "mlflow.sklearn"}
    content["flavors"]["sklearn"] |= {"serialization_format": "pickle", "pickled_model": "model.pkl"}
    (folder / "MLmodel").write_text(yaml.safe_dump(content))


def uris(run: mlflow.entities.Run) -> list[str]:
    version = mlflow.register_model(f"models:/{model_of(run).model_id}", "reprise")
    mlflow.MlflowClient().set_registered_model_alias("reprise", "champion", version.version)
    names = [f"runs:/{run.info.run_id}/model", f"models:/{model_of(run).model_id}"]
    return [*names, f"models:/reprise/{version.version}", "models:/reprise@champion"]


def test_the_digest_belongs_to_the_model_itself(train: Job) -> None:
    run = train()
    assert model_of(run).tags[tag.MODEL_DIGEST] == mlflow.get_run(run.info.run_id).data.tags[tag.MODEL_DIGEST]
    for uri in uris(run):
        assert load(uri).model_id == model_of(run).model_id


def test_an_altered_model_is_loaded_by_none_of_its_names(train: Job, marker: Path) -> None:
    run = train()
    turn_into_pickle(files(model_of(run)), marker)
    for uri in uris(run):
        with pytest.raises(JobFailed, match=r"are not those that were logged: SHA-256 [0-9a-f]{64}, recorded"):
            load(uri)
    assert not marker.exists()


@pytest.mark.parametrize("command", ["evaluate", "probe"])
def test_entry_points_load_no_altered_model(train: Job, marker: Path, command: str) -> None:
    run = train()
    turn_into_pickle(files(model_of(run)), marker)
    with pytest.raises(JobFailed, match="are not those that were logged"):
        invoke(ENTRY_POINTS[command], "--model", uris(run)[0])
    assert mlflow.last_active_run().info.status in ("FAILED", "FINISHED")
    assert not marker.exists()


def test_an_altered_champion_is_not_loaded_for_a_comparison(train: Job, evaluate: Job, marker: Path) -> None:
    champion = train(*OTHER)
    uris(champion)
    turn_into_pickle(files(model_of(champion)), marker)
    run = train()
    evaluate("--model", f"models:/{model_of(run).model_id}")
    assert not marker.exists()


def test_files_beside_the_model_in_its_run_are_not_mixed_in(train: Job, tmp_path: Path) -> None:
    run = train()
    (tmp_path / "extra.py").write_text("raise SystemExit")
    mlflow.MlflowClient().log_artifact(run.info.run_id, str(tmp_path / "extra.py"), "model")
    assert load(f"runs:/{run.info.run_id}/model").files == load(f"models:/{model_of(run).model_id}").files


def test_a_second_model_among_the_artifacts_changes_nothing(train: Job, tmp_path: Path, marker: Path) -> None:
    run = train()
    (tmp_path / "MLmodel").write_text("flavors: {}\n")
    mlflow.MlflowClient().log_artifact(run.info.run_id, str(tmp_path / "MLmodel"), "z")
    turn_into_pickle(files(model_of(run)), marker)
    with pytest.raises(JobFailed, match="are not those that were logged"):
        load(f"runs:/{run.info.run_id}/model")


def test_a_digest_that_run_and_model_say_differently_is_a_contradiction(train: Job) -> None:
    run = train()
    mlflow.MlflowClient().set_tag(run.info.run_id, tag.MODEL_DIGEST, "0" * 64)
    with pytest.raises(JobFailed, match="the record contradicts itself"):
        load(f"runs:/{run.info.run_id}/model")


def test_a_model_of_an_earlier_version_has_its_digest_in_its_run(train: Job) -> None:
    run = train()
    mlflow.MlflowClient().delete_logged_model_tag(model_of(run).model_id, tag.MODEL_DIGEST)
    assert load(f"runs:/{run.info.run_id}/model").model_id


def test_a_model_without_a_digest_or_in_a_pickle_wants_to_be_trusted(store: str) -> None:
    with mlflow.start_run():
        pickled = mlflow.sklearn.log_model(
            LogisticRegression().fit([[0.0], [1.0]], [0, 1]), name="model", serialization_format="pickle",
            pip_requirements=[],
        )  # fmt: skip
    uri = f"models:/{pickled.model_id}"
    with pytest.raises(WrongCall, match="has no recorded digest"):
        load(uri)
    folder = Path(mlflow.artifacts.download_artifacts(uri))
    from reprise.store.saved_model import folder_digest

    mlflow.set_logged_model_tags(pickled.model_id, {tag.MODEL_DIGEST: folder_digest(folder)})
    with pytest.raises(WrongCall, match="it is a pickle"):
        load(uri)
    assert load(uri, trusted=True).model_id == pickled.model_id


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"python_function": {"loader_module": "os"}}, "loader 'os'"),
        ({"python_function": {"code": "code"}}, "names code, 'code'"),
        ({"sklearn": {"skops_trusted_types": ["os.system"]}}, "trusts 'os.system'"),
        ({"sklearn": {"skops_trusted_types": ["builtins.eval"]}}, "trusts 'builtins.eval'"),
        ({"sklearn": {"serialization_format": "cloudpickle"}}, "it is a pickle"),
        ({"python_function": {"data": "inner"}}, "names data, 'inner'"),
        ({"python_function": {"model_path": "../model.skops"}}, "names the file '../model.skops', outside"),
        ({"python_function": {"model_path": "MLmodel"}}, "its file 'MLmodel' cannot be read"),
    ],
)
def test_what_may_run_code_is_named(tmp_path: Path, change: dict[str, dict[str, object]], reason: str) -> None:
    flavors: dict[str, dict[str, object]] = {
        "python_function": {"loader_module": "mlflow.sklearn"},
        "sklearn": {"serialization_format": "skops", "skops_trusted_types": ["sklearn.svm._classes.SVC"]},
    }
    (tmp_path / "MLmodel").write_text(yaml.safe_dump({"flavors": flavors}))
    assert code_in(tmp_path) is None
    for name, fields in change.items():
        flavors[name] |= fields
    (tmp_path / "MLmodel").write_text(yaml.safe_dump({"flavors": flavors}))
    assert reason in (code_in(tmp_path) or "")


def described(folder: Path, **flavors: dict[str, object]) -> Path:
    """Write an MLmodel of a model in skops format, with flavors as given beside or in place of its own."""
    own: dict[str, dict[str, object]] = {
        "python_function": {"loader_module": "mlflow.sklearn", "model_path": "model.skops"},
        "sklearn": {"serialization_format": "skops", "pickled_model": "model.skops", "skops_trusted_types": []},
    }
    content = {name: own.get(name, {}) | flavors.get(name, {}) for name in {**own, **flavors}}
    (folder / "MLmodel").write_text(yaml.safe_dump({"flavors": content}))
    return folder


@pytest.mark.parametrize("key", ["code", "code_path", "code_paths", "model_code_path"])
@pytest.mark.parametrize("named", ["evil", "", "code/", "./code", ["code", "evil"], 5])
def test_code_of_any_flavor_is_named(tmp_path: Path, key: str, named: object) -> None:
    (tmp_path / "evil").mkdir()
    (tmp_path / "evil/evilmod.py").write_text("raise SystemExit('it has run')")
    described(tmp_path, other={key: named}, sklearn={"skops_trusted_types": ["evilmod.X"]})
    assert "its MLmodel names code" in (code_in(tmp_path) or "")


def test_code_that_is_looked_for_is_code_that_is_checked(tmp_path: Path) -> None:
    for name in ("evil", "more"):
        (tmp_path / name).mkdir()
    described(tmp_path, other={"code": "evil", "code_paths": ["more", ""]}, third={"code": None})
    assert module_space._places(tmp_path) == [tmp_path / "evil", tmp_path / "more"]  # noqa: SLF001


@pytest.mark.parametrize(
    "name", ["mlruns.1.models.m-1.artifacts.evil.X", "evil.X", "model.X", "__main__.X", ".evil.X", "X", "sklearnx.Y"]
)
def test_a_type_of_no_installed_package_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for place in (tmp_path, tmp_path / "mlruns/1/models/m-1/artifacts"):
        place.mkdir(parents=True, exist_ok=True)
        (place / "evil.py").write_text("raise SystemExit('it has run')")
    described(tmp_path, sklearn={"skops_trusted_types": ["numpy.dtype", name]})
    assert f"{name!r} is of no installed package" in (code_in(tmp_path) or "")


def test_a_module_that_stands_before_an_installed_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verified_model, "read_direct", lambda: {"mypy": Requirement("mypy")})
    described(tmp_path, sklearn={"skops_trusted_types": ["mypy.X"]})
    assert code_in(tmp_path) is None
    (tmp_path / "mypy.py").write_text("raise SystemExit('it has run')")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "'mypy.X' is of no installed package" in (code_in(tmp_path) or "")


class TestNamedPackages:
    """Loading trusts types of packages that the project's pyproject.toml names, and of no other one."""

    @pytest.fixture
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """A project in a repository of its own, which names pytest only."""
        folder = tmp_path / "project"
        folder.mkdir()
        (folder / "pyproject.toml").write_text("[dependency-groups]\nproject = ['pytest>=8']\n")
        monkeypatch.setattr(project, "FOLDER", folder)
        return folder

    @pytest.mark.usefixtures("folder")
    def test_a_package_that_is_named(self, tmp_path: Path) -> None:
        described(tmp_path, sklearn={"skops_trusted_types": ["pytest.X", "sklearn.svm.Y", "collections.OrderedDict"]})
        assert code_in(tmp_path) is None

    @pytest.mark.usefixtures("folder")
    @pytest.mark.parametrize(
        ("name", "reason"),
        [
            ("mypy.X", "its MLmodel trusts 'mypy.X', of mypy, which pyproject.toml does not name"),
            ("collections.UserDict", "its MLmodel trusts 'collections.UserDict'"),
            ("collections._sys", "its MLmodel trusts 'collections._sys'"),
        ],
    )
    def test_any_other_is_refused_though_it_is_installed(self, tmp_path: Path, name: str, reason: str) -> None:
        described(tmp_path, sklearn={"skops_trusted_types": ["pytest.X", name]})
        assert code_in(tmp_path) == reason

    def test_one_that_the_model_s_commit_named(self, folder: Path, tmp_path: Path) -> None:
        described(tmp_path, sklearn={"skops_trusted_types": ["pytest.X"]})
        commit = commit_all(folder)
        (folder / "pyproject.toml").write_text("[dependency-groups]\nproject = ['numpy']\n")
        assert "'pytest.X', of pytest, which pyproject.toml does not name" in (code_in(tmp_path) or "")
        assert code_in(tmp_path, CodeOrigin(commit)) is None
        assert code_in(tmp_path, CodeOrigin("0" * 40)) is not None

    @pytest.mark.usefixtures("folder")
    def test_one_that_the_rerun_s_model_holds(self, tmp_path: Path) -> None:
        (tmp_path / "again").mkdir()
        for place in (tmp_path, tmp_path / "again"):
            described(place, sklearn={"skops_trusted_types": ["mypy.X"]})
        assert code_in(tmp_path) is not None
        assert code_in(tmp_path, learned_again=tmp_path / "again") is None

    def test_a_project_without_such_a_list_trusts_what_is_installed(self, folder: Path, tmp_path: Path) -> None:
        (folder / "pyproject.toml").unlink()
        described(tmp_path, sklearn={"skops_trusted_types": ["mypy.X"]})
        assert code_in(tmp_path) is None

    def test_a_list_that_cannot_be_read_vouches_for_nothing(self, folder: Path, tmp_path: Path) -> None:
        (folder / "pyproject.toml").write_text("[")
        described(tmp_path, sklearn={"skops_trusted_types": ["pytest.X"]})
        assert "pyproject.toml cannot be read" in (code_in(tmp_path) or "")


def test_a_type_that_the_file_itself_names_is_checked_too(tmp_path: Path) -> None:
    described(tmp_path, sklearn={"pickled_model": "other.skops"})
    held = {"__module__": "builtins", "__class__": "dict", "content": [{"__module__": "evil", "__class__": "X"}]}
    for name, schema in (("model.skops", {}), ("other.skops", held)):
        with zipfile.ZipFile(tmp_path / name, "w") as file:
            file.writestr("schema.json", json.dumps(schema))
    assert "'evil.X' is of no installed package" in (code_in(tmp_path) or "")


@pytest.mark.parametrize("content", ["[" * 100_000, "{", "0" * (65 << 20)])
def test_a_file_whose_types_cannot_be_read_is_refused(tmp_path: Path, content: str) -> None:
    described(tmp_path)
    with zipfile.ZipFile(tmp_path / "model.skops", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("schema.json", content)
    assert "its file 'model.skops' cannot be read: " in (code_in(tmp_path) or "")


def test_an_archive_that_cannot_be_unpacked_or_would_grow_is_compared_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The digest of such a model differs, or nobody recorded one: a verdict must come of it all the same."""
    path = tmp_path / "model.skops"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("schema.json", "{}")
        file.writestr("a.npy", b"0" * 200_000)
    monkeypatch.setattr(model_files, "UNPACKED", 1 << 20)
    assert model_files._content(path) != path.read_bytes()  # noqa: SLF001  it was unpacked
    monkeypatch.setattr(model_files, "UNPACKED", 1 << 10)
    assert model_files._content(path) == path.read_bytes()  # noqa: SLF001
    monkeypatch.setattr(model_files, "UNPACKED", 1 << 20)
    whole = path.read_bytes()
    for place, value in (
        (6, 1),
        (8, 77),
    ):  # encrypted; packed by an unknown method
        changed = bytearray(whole)
        for sign, at in ((b"PK\3\4", place), (b"PK\1\2", place + 2)):
            start = 0
            while (start := changed.find(sign, start)) >= 0:
                changed[start + at] = value
                start += 4
        path.write_bytes(changed)
        assert model_files._content(path) == bytes(changed)  # noqa: SLF001


def test_models_of_one_name_are_told_apart_by_the_order_in_which_they_were_logged(store: str, tmp_path: Path) -> None:
    def log() -> Recorded:
        with mlflow.start_run() as run:
            for value in range(4):
                fitted = LogisticRegression(C=value + 1.0).fit([[0.0], [1.0]], [0, 1])
                mlflow.sklearn.log_model(fitted, name="model", pip_requirements=[])
        return Recorded(mlflow.get_run(run.info.run_id), tmp_path / "none", {})

    for number in range(2):
        found = folders(models_of(log(), tmp_path / f"models{number}"))
        assert list(found) == ["model", "model (2)", "model (3)", "model (4)"]
        assert [mlflow.sklearn.load_model(str(folder)).C for folder in found.values()] == [1.0, 2.0, 3.0, 4.0]


def test_a_model_that_is_not_loaded_and_whose_files_differ_stands_in_the_reason(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.pkl").write_text(name)
    same = model_files.as_files("model", tmp_path / "one", tmp_path / "one", "it is a pickle")
    assert same.match == Match.EQUAL
    left = model_files.as_files("model", tmp_path / "one", tmp_path / "other", "it is a pickle")
    metric = Finding("results", "accuracy", Match.EQUAL)
    reason = Reproduction("run", "again", None, None, (metric, left)).reason
    assert reason == (
        "bit for bit, in all that was compared; model is not compared (it is a pickle; files that differ from the "
        "rerun's: model.pkl)"
    )
