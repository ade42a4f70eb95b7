"""What copier writes, for many answers."""

import hashlib
import re
import subprocess
import tomllib
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import copier
import pytest
import yaml
from conftest import PROJECT, git
from packaging.requirements import Requirement
from template_repository import make_project, template_repository

from reprise.base import engine
from reprise.contract.mlproject import disagreements, unread
from reprise.environment import engine_pin
from reprise.environment.pins import read_lock

ANSWERS: dict[str, dict[str, str]] = {
    "defaults": {},
    "unusual": {
        "title": 'Größe "x" \\ {{ y }} {% raw %} — 😀',
        "name": "churn-2024.b_1",
        "description": 'It\'s <b>a</b> "sentence" \\n # with `marks`: ü',
        "data": '/daten/"Größe" {x}: # 😀\\n.csv',
        "target": "wo\\'n\" {{ t }} %}",
        "task": "classification",
        "metric": "f1_macro",
        "python": "3.13",
        "licence": "MIT",
        "ci": "github",
    },
    "numbers": {
        "task": "regression",
        "data": "s3://bucket/houses.parquet",
        "target": "price",
        "metric": "neg_mean_absolute_error",
        "ci": "gitlab",
        "licence": "Apache-2.0",
        "python": "3.12",
    },
    "release": {"engine": "reprise==9.9", "data": "data/people.csv"},
    "folder": {"engine": "folder", "description": 'An "air gap" \\ of ours', "name": "gap"},
}


Make = Callable[..., Path]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository that holds this project as it is now."""
    return template_repository(tmp_path_factory.mktemp("template") / "the engine")


@pytest.fixture
def make(template: Path, tmp_path: Path) -> Make:
    """Make a project in a folder of some name."""
    return lambda folder="churn", **answers: make_project(template, tmp_path / folder, **answers)


def files(folder: Path) -> list[str]:
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and not path.is_relative_to(folder / "reprise")
    )


@pytest.mark.parametrize("case", ANSWERS)
def test_a_project_is_whole_and_its_files_agree(case: str, make: Make, template: Path) -> None:
    answers = ANSWERS[case]
    folder = make("my project", **answers)
    name = answers.get("name", "my-project")
    settings = tomllib.loads((folder / "pyproject.toml").read_text())
    assert settings["tool"]["reprise"] == {
        "name": name, "task": answers.get("task", "auto"), "metric": answers.get("metric", "auto"),
    }  # fmt: skip
    mlproject = yaml.safe_load((folder / "MLproject").read_text())
    assert mlproject["name"] == name
    for entry_point in ("main", "train", "tune"):
        parameters = mlproject["entry_points"][entry_point]["parameters"]
        assert parameters["data"]["default"] == answers.get("data", "iris")
        assert parameters["target"]["default"] == answers.get("target", "target")
    assert (disagreements(folder), unread(folder)) == ([], [])
    assert (folder / "README.md").read_text().startswith(f"# {answers.get('title', 'Who cancels?')}\n")
    assert yaml.safe_load((folder / "conda.yaml").read_text())["name"] == name
    for each in ("policy.yaml", "search_space.yaml", "evaluate.py", "model.py", "tests/test_model.py"):
        assert (folder / each).read_bytes() == (PROJECT / each).read_bytes()
        assert not (folder / each).is_symlink()
    for workflow in (*folder.glob(".github/workflows/*.yml"), *folder.glob(".gitlab-ci.yml")):
        assert answers["python"] in str(yaml.safe_load(workflow.read_text()))
    assert all(
        text.endswith("\n") and not text.endswith("\n\n")
        for text in map(Path.read_text, map(folder.joinpath, files(folder)))
    ), "one newline"


@pytest.mark.parametrize("case", ["defaults", "unusual", "numbers"])
def test_its_code_is_clean_and_takes_its_table_by_default(case: str, make: Make) -> None:
    folder = make(**ANSWERS[case])
    checks = [("check",), *([] if case == "unusual" else [("format", "--check")])]  # which prefers other quotes
    for check in checks:
        done = subprocess.run(["ruff", *check, "."], cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    text = (folder / "train.py").read_text()
    if case == "defaults":
        assert text == (PROJECT / "train.py").read_text()
        return
    spec = spec_from_file_location("rendered_train", folder / "train.py")
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (module.Table().data, module.Table().target) == (ANSWERS[case]["data"], ANSWERS[case]["target"])


def test_about_ten_files_are_the_users(make: Make) -> None:
    folder = make()
    assert files(folder) == sorted([
        *(".copier-answers.yml", ".gitattributes", ".gitignore", "MLproject", "README.md", "conda.yaml", "evaluate.py"),
        *("launcher.txt", "model.py", "policy.yaml", "pyproject.toml", "search_space.yaml", "tests/requirements.txt"),
        *("tests/test_model.py", "tests/test_project.py", "train.py"),
    ])  # fmt: skip
    assert sum(len((folder / name).read_text().splitlines()) for name in files(folder)) < 900


def test_nothing_is_called_reprise_but_the_engine(make: Make) -> None:
    folder = make(name="churn")
    for path in ("MLproject", "conda.yaml", "pyproject.toml"):
        text = (folder / path).read_text()
        assert not re.search(r"name[:=] ?\"?reprise|default: reprise|models:/reprise/", text), path


def test_the_pin_is_the_template_s_commit_everywhere_with_the_digest_of_its_engine(make: Make, template: Path) -> None:
    folder = make(python="3.12")
    pin = f"git+file://localhost{str(template).replace(' ', '%20')}@{git(template, 'rev-parse', 'HEAD')}"
    lock = read_lock(folder / "conda.yaml")
    assert lock.python == "3.12"
    assert lock.pins["reprise"] == Requirement(f"reprise @ {pin}")
    engine_pin.check(lock.pins["reprise"])
    assert lock.engine_digest == engine.identify(template / "reprise", "").digest
    assert lock.engine_digest == hashlib.sha256((template / "reprise/MANIFEST").read_bytes()).hexdigest()
    groups = tomllib.loads((folder / "pyproject.toml").read_text())["dependency-groups"]
    assert Requirement(groups["project"][0]) == Requirement(f"reprise[project] @ {pin}")
    assert (folder / "launcher.txt").read_text() == f"reprise[launcher] @ {pin}\n"
    tested = (folder / "tests/requirements.txt").read_text().splitlines()
    assert f"reprise @ {pin}" in tested
    assert {str(one) for one in map(Requirement, filter(lambda line: line[0] != "#", tested))} > {
        str(one) for one in lock.pins.values()
    }


def test_a_release_is_a_pin_too_and_a_folder_needs_none(make: Make) -> None:
    lock = read_lock(make("release", engine="reprise==9.9") / "conda.yaml")
    assert str(lock.pins["reprise"]) == "reprise==9.9"
    assert lock.engine_digest is None, "that of another version is not known"
    folder = make("folder", engine="folder")
    assert "reprise" not in read_lock(folder / "conda.yaml").pins
    assert (folder / "launcher.txt").read_text() == "-e .[launcher]\n"
    assert engine.identify(folder / "reprise", "").digest == engine.identify(PROJECT / "reprise", "").digest
    assert not (folder / "reprise").is_symlink()
    package = tomllib.loads((folder / "pyproject.toml").read_text())
    own = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    for key in ("dependencies", "optional-dependencies", "entry-points", "scripts"):
        assert package["project"][key] == own["project"][key]
    assert package["dependency-groups"]["project"] == own["dependency-groups"]["project"]


def test_a_project_of_numbers_tests_its_main_job_with_numbers(make: Make) -> None:
    text = (make(task="regression") / "tests/test_project.py").read_text()
    assert 'bought=rows["age"] * 2.5' in text
    assert "test_r2" in text
    assert "test_accuracy" not in text


WRONG = {
    "title": [" ", "two\nlines", "a\u2028b"],
    "name": ["", "Reprise", "2nd", "a b", "größe", "a/b", "a-", "yes", "a" * 61, 'a"', "a\n", "{{ a }}"],
    "description": ["\x1b[31m"],
    "data": ["", "a\nb.csv", "https://me:secret@host/a.csv"],
    "target": ["a\tb"],
    "metric": ["a b", 'x"'],
    "engine": ["main", "reprise", "reprise==1.*", "reprise==1.0 ; x", "reprise==1\n"],
    "python": ["3.14"],
}
"""Questions, and answers that are refused."""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with the questions alone, which is enough to be refused."""
    folder = tmp_path_factory.mktemp("small")
    (folder / "copier.yml").write_bytes((PROJECT / "copier.yml").read_bytes())
    (folder / "template").mkdir()
    (folder / "template/a.txt").touch()
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "questions")
    return folder


@pytest.mark.parametrize(("question", "answer"), [(name, one) for name, some in WRONG.items() for one in some])
def test_an_answer_that_will_not_do_is_refused_in_one_line(
    question: str, answer: str, small: Path, tmp_path: Path
) -> None:
    with pytest.raises((ValueError, TypeError)) as error:
        make_project(small, tmp_path / "project", **{question: answer})
    assert "\n" not in str(error.value).strip()
    assert "secret" not in str(error.value)
    assert not (tmp_path / "project").exists()


def ask(source: str, place: Path, **options: Any) -> None:
    copier.run_copy(source, place, data={"title": "x"}, defaults=True, quiet=True, **options)


def test_a_source_that_is_no_pin_is_refused(small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(str(small), tmp_path / "fine")
    monkeypatch.chdir(small.parent)
    with pytest.raises(ValueError, match="is no full path or URL"):
        ask(f"./{small.name}", tmp_path / "relative")
    (small / "new.txt").touch()
    with pytest.raises(ValueError, match="has changes that no commit holds"), pytest.warns(match="Dirty"):
        ask(str(small), tmp_path / "dirty")
    (small / "new.txt").unlink()
    assert not (tmp_path / "dirty").exists()
