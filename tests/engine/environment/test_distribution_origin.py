"""Pins that name a place: a commit, a wheel, a URL; and the engine that a project pins."""

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import PROJECT
from packaging.requirements import Requirement

import reprise
from reprise.base import engine
from reprise.base.errors import WrongCall
from reprise.doctor import environment_check
from reprise.environment import direct_dependencies, distribution_origin, engine_pin, pinned_engine
from reprise.environment import lock as lock_module
from reprise.environment.pins import Lock, differing_pins, parse_lock, read_lock, uncompared_pins

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


ENGINE = parse_lock(f"dependencies:\n  - python=3.11\n  - pip: ['{LINES[0]}']\n".encode()).pins["reprise"]
HERE = engine.this().digest


def packages(folder: Path, found: object) -> list[str]:
    """Make a folder of packages with an engine of one file, and what its installer recorded."""
    (folder / "reprise").mkdir(exist_ok=True)
    (folder / "reprise/__init__.py").write_text('__version__ = "9.9"\n')
    place = folder / "reprise-9.9.dist-info"
    place.mkdir(exist_ok=True)
    (place / "METADATA").write_text("Metadata-Version: 2.1\nName: reprise\nVersion: 9.9\n")
    (place / distribution_origin.FILE).write_text(json.dumps(found))
    return [str(folder)]


def test_an_engine_is_known_by_address_and_commit_and_by_its_files_but_never_by_its_version(tmp_path: Path) -> None:
    info = {"vcs": "git", "commit_id": SHA}
    place = packages(tmp_path, {"url": GIT.removeprefix("git+"), "vcs_info": info})
    own = str(engine_pin.digest_of(place))

    def said(pin: str, digest: str | None = own) -> str | None:
        return engine_pin.difference(Requirement(pin), digest, "9.9", place)

    assert said(LINES[0]) is None
    assert said(f"reprise @ {GIT.removesuffix('.git')}@{SHA}") is None
    assert f"9.9 of commit {SHA}, locked" in str(said(f"reprise @ {GIT}@{OTHER}"))
    assert said(f"reprise @ git+https://other/reprise.git@{SHA}") == (
        f"9.9 of {GIT.removeprefix('git+')}, locked git+https://other/reprise.git@{SHA}"
    )
    assert "which is no full commit" in str(said(f"reprise @ {GIT}@main"))
    assert said("reprise==9.9") is None
    for pin in ("reprise==9.9", LINES[0]):
        assert said(pin, "0" * 64) == f"9.9 sha256:{own}, locked sha256:{'0' * 64}"
    packages(tmp_path, None)
    assert said(LINES[0]) is None
    assert said(LINES[0], "0" * 64) is not None


def test_an_engine_that_only_a_version_speaks_for_is_named_as_not_compared() -> None:
    text = f"dependencies:\n  - python=3.11\n  - pip: [reprise=={reprise.__version__}]\n"
    installed = {"reprise": reprise.__version__}
    lock = parse_lock(text.encode())
    (said,) = uncompared_pins(lock, installed)
    assert said.endswith("conda.yaml has no digest of it, which reprise lock writes")
    lock = parse_lock((engine_pin.digest_line(HERE) + text).encode())
    assert (uncompared_pins(lock, installed), differing_pins(lock, installed)) == ([], [])
    lock = parse_lock((engine_pin.digest_line("1" * 64) + text).encode())
    (said,) = differing_pins(lock, installed)
    assert said == f"reprise {reprise.__version__} sha256:{HERE}, locked sha256:{'1' * 64}"


@pytest.mark.parametrize("revision", ["@main", "@v1.0", f"@{SHA[:12]}", ""])
def test_a_branch_a_tag_and_a_short_hash_are_no_pins(revision: str, tmp_path: Path) -> None:
    line = f"reprise @ {GIT}{revision}"
    with pytest.raises(WrongCall, match="reprise is pinned by") as error:
        engine_pin.check(Requirement(line))
    assert f"write {GIT}@<the commit's 40 digits>" in str(error.value.remedy)
    with pytest.raises(WrongCall, match="reprise is pinned by"):
        pinned_engine.place_in(project(tmp_path, line))
    (finding,) = environment_check.engines_pin(read_lock(tmp_path / "conda.yaml"))
    assert finding.level == "FAIL"


def test_credentials_in_a_pin_are_refused_and_not_shown() -> None:
    with pytest.raises(WrongCall, match="holds credentials") as error:
        engine_pin.check(Requirement(f"reprise @ git+https://me:hunter2secret@host/reprise.git@{SHA}"))
    assert "hunter2secret" not in f"{error.value} {error.value.remedy}"
    engine_pin.check(Requirement(f"reprise @ git+ssh://git@host/me/reprise.git@{SHA}"))


def test_lock_refuses_such_pins_before_anything_is_compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = f'[dependency-groups]\nproject = ["reprise[project] @ {GIT}@main"]\n'
    (project(tmp_path, "reprise==0.1.0") / "pyproject.toml").write_text(text)
    monkeypatch.setattr(lock_module, "FOLDER", tmp_path)
    monkeypatch.setattr(lock_module, "read_lock", lambda: read_lock(tmp_path / "conda.yaml"))
    monkeypatch.setattr("subprocess.run", lambda *_, **__: pytest.fail("nothing is compiled"))
    with pytest.raises(WrongCall, match="reprise is pinned by 'main'"):
        lock_module.write_lock()


def test_what_the_engine_needs_counts_as_named_by_a_project_that_pins_it() -> None:
    text = f'[dependency-groups]\nproject = ["reprise[project] @ {GIT}@{SHA}", "lightgbm>=4"]\n'
    named = direct_dependencies.parse_direct(text.encode())
    assert named is not None
    assert {"reprise", "lightgbm", "pandas", "skops", "mlflow-skinny"} <= {*named}
    assert not {"uv", "kubernetes"} & {*named}
    own = direct_dependencies.parse_direct((PROJECT / "pyproject.toml").read_bytes())
    assert own is not None
    assert {*named} - {"reprise", "lightgbm"} == {*own}


def test_a_worker_comes_by_the_folder_or_by_the_pin(tmp_path: Path) -> None:
    file = "reprise/search/worker.py"
    assert not pinned_engine.has_engine(tmp_path, file)
    assert pinned_engine.has_engine(project(tmp_path, "reprise==0.1.0"), file)
    (tmp_path / "reprise/search").mkdir(parents=True)
    (tmp_path / "reprise/__init__.py").touch()
    assert not pinned_engine.has_engine(tmp_path, file), "its own engine acts, which has none"
    (tmp_path / file).touch()
    assert pinned_engine.has_engine(project(tmp_path, "other==1.0"), file)
