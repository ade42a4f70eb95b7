"""The name that pyproject.toml gives a project."""

from pathlib import Path

import pytest
from conftest import PROJECT

from reprise.base.errors import WrongCall
from reprise.base.project_settings import ProjectSettings, read


def written(folder: Path, text: str) -> Path:
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")
    return folder


def test_this_project_has_a_name() -> None:
    assert read(PROJECT).name == "reprise"


@pytest.mark.parametrize("text", ["", "[project]\nname = 'other'\n", "[tool.ruff]\nline-length = 120\n"])
def test_a_project_without_the_table_has_no_name_and_the_model_of_earlier_versions(tmp_path: Path, text: str) -> None:
    assert read(tmp_path) == ProjectSettings()
    assert read(written(tmp_path, text)).registered_model == "reprise"


@pytest.mark.parametrize("name", ["churn", "churn-2", "Kündigungen 2026", "v1.2", "_x", "a" * 100])
def test_a_name_is_that_of_the_registered_model(tmp_path: Path, name: str) -> None:
    settings = read(written(tmp_path, f"[tool.reprise]\nname = '{name}'\n"))
    assert settings.registered_model == name
    assert settings.model_uri("champion") == f"models:/{name}@champion"
    assert settings.model_uri("models:/other/3") == "models:/other/3"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('name = "a/b"', r"name is 'a/b'"),
        ('name = "models:x"', r"name is 'models:x'"),
        ('name = "a@b"', r"name is 'a@b'"),
        ('name = ""', r"name is ''"),
        ('name = " x"', r"name is ' x'"),
        ('name = "x "', r"name is 'x '"),
        ('name = "../x"', r"name is '../x'"),
        ('name = "a\\nb"', r"name is 'a\\nb'"),
        ("name = 3", "name is 3"),
        (f'name = "{"a" * 101}"', "1 to 100"),
        ('nom = "x"', r"has no key 'nom'; take it out; the keys are name, model, task, metric"),
        ('task = "clustering"', r"task is 'clustering'; write auto, classification or regression"),
        ('model = "model.py/"', r"model is 'model.py/'"),
        ('metric = "a b"', r"metric is 'a b'"),
        ("name = ", "is no TOML"),
    ],
)
def test_a_table_that_is_wrong_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(WrongCall, match=said) as caught:
        read(written(tmp_path, f"[tool.reprise]\n{text}\n"))
    assert "\n" not in caught.value.format_message()


def test_a_scorers_name_tells_the_metric_of_training_runs(tmp_path: Path) -> None:
    assert read(tmp_path).test_metric is None
    assert read(written(tmp_path, "[tool.reprise]\nmetric = 'r2'\n")).test_metric == "test_r2"
    loss = read(written(tmp_path, "[tool.reprise]\nmetric = 'neg_log_loss'\n"))
    assert loss.test_metric == "test_log_loss"


def test_a_table_of_another_kind_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(WrongCall, match=r"\[tool.reprise\] is 3"):
        read(written(tmp_path, "[tool]\nreprise = 3\n"))


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    assert read(written(tmp_path, "[tool.reprise]\nname = 'one'\n")).name == "one"
    assert read(written(tmp_path, "[tool.reprise]\nname = 'two'\n")).name == "two"
