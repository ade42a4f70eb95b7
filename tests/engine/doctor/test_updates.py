"""`reprise doctor --updates`: a project's version of the template, and the newest one."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from conftest import commit_all, git

from reprise import doctor
from reprise.cli.commands import cli
from reprise.doctor import updates_check
from reprise.doctor.diagnosis import Diagnosis

OLD, NEW = "a" * 40, "b" * 40


@pytest.fixture
def template(tmp_path: Path) -> Path:
    folder = tmp_path / "template"
    folder.mkdir()
    commit_all(folder, "first")
    return folder


def project(folder: Path, source: object, commit: str, pin: str = "") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / updates_check.ANSWERS).write_text(f"_commit: {commit}\n_src_path: {source}\n")
    lines = f"\n      - reprise @ git+https://host/r.git@{pin}" if pin else " [numpy==2.0.0]"
    (folder / "conda.yaml").write_text(f"dependencies:\n  - python=3.11\n  - pip\n  - pip:{lines}\n")
    return folder


def test_a_newer_commit_and_a_newer_release_are_named(template: Path, tmp_path: Path) -> None:
    first = git(template, "rev-parse", "HEAD")
    folder = project(tmp_path / "churn", template, first[:9])
    (finding,) = updates_check.examine(folder)
    assert (finding.level, finding.remedy) == ("ok", None)
    assert f"this project has the newest commit of {template}, {first[:12]}" in finding.text
    newest = commit_all(template, "second")
    git(template, "tag", "--annotate", "--message", "release", "v1.10.0", first)
    git(template, "tag", "v1.9.0", first)
    git(template, "tag", "v2.0.0rc1")
    git(template, "tag", "nonsense")
    (finding,) = updates_check.examine(folder)
    assert finding.level == "ok"
    assert f"the newest release of {template}, v1.10.0; its newest commit is {newest[:12]}" in finding.text
    git(template, "tag", "--force", "v1.10.0", newest)
    (finding,) = updates_check.examine(folder)
    assert finding.level == "note"
    assert finding.text == f"{template} has commit {newest[:12]} and release v1.10.0; this project has {first[:9]}"
    assert finding.remedy == "copier update --defaults --vcs-ref HEAD, as docs/updates.md says"


@pytest.mark.parametrize(
    ("recorded", "pin", "level"),
    [
        (f"v1.0.0-3-g{NEW[:7]}", "", "ok"),
        (NEW, "", "ok"),
        ("v1.0.0", "", "note"),
        ("v1.0.0", NEW, "ok"),
        (NEW, OLD, "note"),
        ("unheard-of", "", "note"),
    ],
)
def test_the_commit_is_that_of_the_pin_or_what_copier_recorded(
    recorded: str, pin: str, level: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = f"{NEW}\tHEAD\n{OLD}\trefs/tags/v1.0.0\n{NEW}\trefs/tags/v2.0.0\n"
    monkeypatch.setattr(updates_check, "git", lambda *_, **__: listed.encode())
    folder = project(tmp_path / "churn", "https://host/r.git", recorded, pin)
    (finding,) = updates_check.examine(folder)
    assert finding.level == level
    assert ("an unknown commit" in finding.text) == (recorded == "unheard-of")


def test_without_an_answer_or_a_template_it_is_a_note(tmp_path: Path) -> None:
    folder = project(tmp_path / "churn", f"https://me:hunter2secret@127.0.0.1:9/{'r' * 9}.git", OLD)
    (finding,) = updates_check.examine(folder)
    assert finding.level == "note"
    assert "could not be asked for a newer version" in finding.text
    assert "hunter2secret" not in finding.show()
    for content in ("", "[]", "_commit: a", "a: [", "{"):
        (folder / updates_check.ANSWERS).write_text(content)
        (finding,) = updates_check.examine(folder)
        assert (finding.level, "names no template" in finding.text) == ("note", True)
    (folder / updates_check.ANSWERS).unlink()
    (finding,) = updates_check.examine(folder)
    assert finding.level == "note"


def test_doctor_asks_only_where_that_is_wanted(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Path] = []

    def examine(folder: Path) -> list[Diagnosis]:
        asked.append(folder)
        return []

    monkeypatch.setattr(updates_check, "examine", examine)
    list(doctor.examine())
    assert not asked
    CliRunner().invoke(cli, ["doctor", "--updates"])
    assert len(asked) == 1
