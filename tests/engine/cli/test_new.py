"""`reprise new`: where the template is, and what copier is told. tests/engine/template/ has what it makes."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from conftest import PROJECT, git

import reprise
from reprise.base.errors import JobFailed, WrongCall
from reprise.cli import new
from reprise.cli.commands import cli
from reprise.environment import distribution_origin

SHA = "a" * 40


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with the questions, which are enough to make a project of one file."""
    folder = tmp_path / "check out"
    (folder / "template").mkdir(parents=True)
    (folder / "copier.yml").write_bytes((PROJECT / "copier.yml").read_bytes())
    (folder / "template/{{ _copier_conf.answers_file }}.jinja").write_text("{{ _copier_answers | to_nice_yaml }}")
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "questions")
    return folder


@pytest.fixture
def origin(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Set what the installer recorded of this launcher."""
    return lambda found: monkeypatch.setattr(distribution_origin, "recorded", lambda _: found)


def editable(folder: Path) -> dict[str, Any]:
    return {"url": folder.as_uri(), "dir_info": {"editable": True}}


def call(*arguments: str | Path) -> Any:
    return CliRunner().invoke(cli, ["new", *map(str, arguments)])


def test_a_project_is_made_of_the_checkout_at_its_commit(
    checkout: Path, origin: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    origin(editable(checkout))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "people.csv").touch()
    done = call("churn 1", "--defaults", "-d", "title=Größe", "-d", "data=people.csv", "-d", "target=a=b")
    assert done.exit_code == 0, done.output
    answers = yaml.safe_load((tmp_path / "churn 1/.copier-answers.yml").read_text())
    assert answers["_src_path"] == str(checkout)
    assert git(checkout, "rev-parse", "HEAD").startswith(answers["_commit"])
    assert (answers["title"], answers["name"], answers["target"]) == ("Größe", "churn-1", "a=b")
    assert answers["data"] == str(tmp_path / "people.csv")
    for line in (f"note: the table is {tmp_path}/people.csv", "git init && git add .", "cd 'churn 1'"):
        assert line in done.output


def test_an_answer_that_will_not_do_is_one_line(checkout: Path, origin: Any, tmp_path: Path) -> None:
    origin(editable(checkout))
    done = call(tmp_path / "churn", "--defaults", "-d", "title=x", "-d", "name=reprise")
    assert done.exit_code == 2
    assert "Error: Validation error for question 'name': reprise is the engine's name: choose another\n" in done.output
    assert "Traceback" not in done.output
    assert not (tmp_path / "churn").exists()


def test_a_checkout_with_changes_is_refused_unless_a_commit_is_named(
    checkout: Path, origin: Any, tmp_path: Path
) -> None:
    origin(editable(checkout))
    (checkout / "new.txt").touch()
    done = call(tmp_path / "churn", "--defaults", "-d", "title=x")
    assert done.exit_code == 2
    assert "which has changes that no commit holds; commit them, or take the last commit: --vcs-ref HEAD" in done.output
    assert call(tmp_path / "churn", "--defaults", "-d", "title=x", "--vcs-ref", "HEAD").exit_code == 0
    assert not (tmp_path / "churn/new.txt").exists()


def test_a_folder_that_holds_something_is_refused(checkout: Path, origin: Any, tmp_path: Path) -> None:
    origin(editable(checkout))
    (tmp_path / "churn").mkdir()
    (tmp_path / "churn/mine").touch()
    done = call(tmp_path / "churn", "--defaults", "-d", "title=x")
    assert (done.exit_code, "is there already; name a new folder" in done.output) == (2, True)


def test_the_template_is_where_the_installer_took_the_launcher_from(
    origin: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git_record = {"url": "https://host/reprise.git", "vcs_info": {"vcs": "git", "commit_id": SHA}}
    origin(git_record)
    assert new.template_of(None, None) == new.Template("https://host/reprise.git", SHA)
    assert new.template_of(None, "v9") == new.Template("https://host/reprise.git", "v9")
    origin({**git_record, "url": "file://localhost/srv/my%20code"})
    assert new.template_of(None, None) == new.Template("/srv/my code", SHA)
    assert new.template_of("/elsewhere", None) == new.Template("/elsewhere", "HEAD")
    for found in (None, {"url": "file:///a.whl", "archive_info": {}}):
        origin(found)
        with pytest.raises(WrongCall, match="does not say which repository it is of; name the template: --template"):
            new.template_of(None, None)
    origin(editable(tmp_path))
    with pytest.raises(WrongCall, match="which is no repository of it; name the template"):
        new.template_of(None, None)
    place = tmp_path / "reprise-9.9.dist-info"
    place.mkdir()
    text = "Metadata-Version: 2.1\nName: reprise\nVersion: 9.9\nProject-URL: Repository, https://host/r.git\n"
    (place / "METADATA").write_text(text)
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    origin(None)
    assert new.template_of(None, None) == new.Template("https://host/r.git", f"v{reprise.__version__}")


def test_without_copier_uv_fetches_it_and_without_both_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    (tmp_path / "uv").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    command = [str(tmp_path / "uv"), "tool", "run", "--quiet", "--from", new.COPIER, "copier"]
    assert new.copier() == command
    assert f'"{new.COPIER}"' in (PROJECT / "pyproject.toml").read_text(), "that of the tests"
    monkeypatch.setenv("PATH", "")
    with pytest.raises(JobFailed, match="neither copier nor uv is on the PATH; pip install copier"):
        new.copier()
