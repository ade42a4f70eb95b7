"""Pins that name a place: a commit, a wheel, a URL; and the engine that a project pins."""

import json
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

import reprise
from reprise.environment import distribution_origin, pinned_engine
from reprise.environment.pins import Lock, differing_pins, parse_lock, uncompared_pins

SHA, OTHER = "a" * 40, "b" * 40
GIT = "git+https://host/me/reprise.git"
WHEEL = "file:///wheels/reprise-0.1.0-py3-none-any.whl"
LINES = [f"reprise @ {GIT}@{SHA}", f"reprise @ {WHEEL}", "reprise==0.1.0"]


def git_at(commit: str, asked: str = "") -> dict[str, Any]:
    info = {"vcs": "git", "commit_id": commit, **({"requested_revision": asked} if asked else {})}
    return {"url": "https://elsewhere/reprise.git", "vcs_info": info}


def archive(url: str, sha256: str | None = None) -> dict[str, Any]:
    return {"url": url, "archive_info": {"hashes": {"sha256": sha256}} if sha256 else {}}


@pytest.mark.parametrize("line", LINES)
def test_a_lock_with_such_a_line_is_read(line: str) -> None:
    lock = parse_lock(f"dependencies:\n  - python=3.11\n  - pip\n  - pip:\n      - {line}\n".encode())
    assert Requirement(str(lock.pins["reprise"])) == Requirement(line)


SAME: list[tuple[str, dict[str, Any] | None]] = [
    (f"{GIT}@{SHA}", git_at(SHA)),
    (f"{GIT}@v1", git_at(OTHER, "v1")),
    (f"{GIT}@{SHA}#subdirectory=engine", git_at(SHA)),
    (f"git+ssh://git@host/me/reprise.git@{SHA}", git_at(SHA)),
    (WHEEL, archive(WHEEL)),
    (f"{WHEEL}#sha256={'1' * 64}", archive("file:///copied/reprise-0.1.0-py3-none-any.whl", "1" * 64)),
    (f"{GIT}@{SHA}", None),
    (WHEEL, None),
    (WHEEL, {"url": WHEEL, "archive_info": "spoilt"}),
]


@pytest.mark.parametrize(("wanted", "found"), SAME)
def test_what_came_from_there_does_not_differ(wanted: str, found: dict[str, Any] | None) -> None:
    assert distribution_origin.difference(wanted, "0.1.0", found) is None


DIFFERENT: list[tuple[str, dict[str, Any] | None, str]] = [
    (f"{GIT}@{SHA}", git_at(OTHER), f"0.1.1 of commit {OTHER}, locked {GIT}@{SHA}"),
    (f"{GIT}@v1", git_at(OTHER, "v2"), f"0.1.1 of commit {OTHER}, locked {GIT}@v1"),
    (f"{GIT}@{SHA}", {"url": "file:///my%20code", "dir_info": {"editable": True}}, "0.1.1 of /my code, locked"),
    (WHEEL, archive(WHEEL), f"0.1.1, locked {WHEEL}"),
    (WHEEL, None, f"0.1.1, locked {WHEEL}"),
    (
        "https://h/reprise.zip",
        archive("https://h/other.zip"),
        "0.1.1 of https://h/other.zip, locked https://h/reprise.zip",
    ),
    ("https://h/reprise.zip", {"url": "file:///code", "dir_info": {}}, "0.1.1 of the folder /code, locked"),
    (f"https://h/a.zip#sha256={'1' * 64}", archive("https://h/a.zip", "2" * 64), "0.1.1 of https://h/a.zip, locked"),
    (f"git+https://me:secret@host/r.git@{SHA}", git_at(OTHER), f"locked git+https://host/r.git@{SHA}"),
]


@pytest.mark.parametrize(("wanted", "found", "said"), DIFFERENT)
def test_what_came_from_elsewhere_is_named(wanted: str, found: dict[str, Any] | None, said: str) -> None:
    assert said in str(distribution_origin.difference(wanted, "0.1.1", found))
    assert "secret" not in str(distribution_origin.difference(wanted, "0.1.1", found))


def environment(folder: Path, found: object) -> list[str]:
    """Make a folder of packages with one distribution."""
    place = folder / "thing-0.1.0.dist-info"
    place.mkdir(exist_ok=True)
    (place / "METADATA").write_text("Metadata-Version: 2.1\nName: thing\nVersion: 0.1.0\n")
    if found is not None:
        (place / distribution_origin.FILE).write_text(found if isinstance(found, str) else json.dumps(found))
    return [str(folder)]


def test_what_the_installer_recorded_is_read_and_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = Lock("0" * 64, "3.11", {"thing": Requirement(f"thing @ git+https://host/thing.git@{SHA}")})
    place = environment(tmp_path, None)
    assert differing_pins(lock, {"thing": "0.1.0"}, place) == []
    monkeypatch.setattr("sys.path", place)
    (said,) = uncompared_pins(lock, {"thing": "0.1.0"})
    assert said.startswith("thing 0.1.0 does not say where it came from: it is not compared with git+https://host/")
    environment(tmp_path, git_at(OTHER))
    assert uncompared_pins(lock, {"thing": "0.1.0"}) == []
    assert differing_pins(lock, {"thing": "0.1.0"}, place)[0].startswith(f"thing 0.1.0 of commit {OTHER}, locked ")
    assert differing_pins(lock, {}, place)[0].startswith("thing is not installed, locked git+https")
    for spoilt in ("{", "[]", '{"url": 5}'):
        environment(tmp_path, spoilt)
        assert distribution_origin.recorded("thing", place) is None


def project(folder: Path, line: str) -> Path:
    (folder / "conda.yaml").write_text(f"dependencies:\n  - python=3.11\n  - pip\n  - pip:\n      - {line}\n")
    return folder


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("reprise==9.0", "9.0"),
        ("reprise @ file:///wheels/reprise-9.0-py3-none-any.whl", "9.0"),
        (f"reprise=={reprise.__version__}", None),
        (f"reprise @ {GIT}@{SHA}", None),
        ("other==1.0", None),
        ("", None),
    ],
)
def test_a_launcher_says_that_a_project_pins_another_version(line: str, wanted: str | None, tmp_path: Path) -> None:
    said = pinned_engine.other_engine(project(tmp_path, line), "uv")
    here = (
        f"this launcher's engine is {reprise.__version__}, the project pins {wanted}; the job runs with the project's"
    )
    assert said == (here if wanted else None)
    (tmp_path / "reprise").mkdir()
    (tmp_path / "reprise/__init__.py").touch()
    assert pinned_engine.other_engine(tmp_path, "uv") is None


def test_a_worker_comes_by_the_folder_or_by_the_pin(tmp_path: Path) -> None:
    file = "reprise/search/worker.py"
    assert not pinned_engine.has_engine(tmp_path, file)
    assert pinned_engine.has_engine(project(tmp_path, "reprise==0.1.0"), file)
    (tmp_path / "reprise/search").mkdir(parents=True)
    (tmp_path / "reprise/__init__.py").touch()
    assert not pinned_engine.has_engine(tmp_path, file), "its own engine acts, which has none"
    (tmp_path / file).touch()
    assert pinned_engine.has_engine(project(tmp_path, "other==1.0"), file)
