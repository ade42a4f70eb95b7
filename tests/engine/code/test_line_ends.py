"""A checkout whose lines end as Git for Windows ends them is the same project; its runs and verdicts hold elsewhere."""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import mlflow
import pytest
from conftest import PROJECT, commit_all, copy_project, environment, git, reproduced, work_in

from reprise.base import text_digest
from reprise.code.checkout import describe
from reprise.code.clone import cloned
from reprise.code.project_uri import ProjectUri
from reprise.code.repository import find
from reprise.environment.pins import read_lock
from reprise.governance.policy import read_policy
from reprise.governance.promotion import _objections
from reprise.governance.verdict import Verdict


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quick_python: None) -> None:
    monkeypatch.setenv("REPRISE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """This project without its .gitattributes, as projects were that began before there was one."""
    folder = copy_project(tmp_path / "project")
    (folder / ".gitattributes").unlink()
    commit_all(folder)
    return folder


@pytest.fixture
def windows(project: Path, tmp_path: Path) -> Path:
    """A clone of it as Git for Windows makes one."""
    git(tmp_path, "clone", "--quiet", "-c", "core.autocrlf=true", str(project), "windows")
    assert b"\r\n" in (tmp_path / "windows/conda.yaml").read_bytes()
    assert describe(tmp_path / "windows").dirty is False
    return tmp_path / "windows"


def test_a_text_has_one_digest_and_with_the_ends_of_unix_the_one_that_it_always_had() -> None:
    unix, dos = b"a\nb\n", b"a\r\nb\r\n"
    assert text_digest.sha256(unix) == text_digest.sha256(dos) == hashlib.sha256(unix).hexdigest()
    for content in (unix, dos):
        assert set(text_digest.sha256s(content)) == {hashlib.sha256(form).hexdigest() for form in (unix, dos)}
    mixed = b"a\r\nb\n"
    assert hashlib.sha256(mixed).hexdigest() in text_digest.sha256s(mixed)
    assert text_digest.sha256(b"a\rb\n") != text_digest.sha256(b"a\nb\n")


def test_lock_and_policy_of_this_project_have_the_digest_of_their_bytes() -> None:
    assert read_lock(PROJECT / "conda.yaml").sha256 == hashlib.sha256((PROJECT / "conda.yaml").read_bytes()).hexdigest()
    rules = read_policy(PROJECT / "policy.yaml")
    assert rules.sha256 == hashlib.sha256((PROJECT / "policy.yaml").read_bytes()).hexdigest()


def test_lock_and_policy_are_the_same_in_a_checkout_of_windows(project: Path, windows: Path) -> None:
    here, there = read_lock(project / "conda.yaml"), read_lock(windows / "conda.yaml")
    assert (here.sha256, here.pins) == (there.sha256, there.pins)
    here_rules, there_rules = read_policy(project / "policy.yaml"), read_policy(windows / "policy.yaml")
    assert here_rules == there_rules


def test_a_verdict_of_an_earlier_version_in_such_a_checkout_holds(project: Path, windows: Path) -> None:
    raw = hashlib.sha256((windows / "policy.yaml").read_bytes()).hexdigest()
    for folder, judged, holds in ((project, raw, True), (windows, raw, True), (project, "0" * 64, False)):
        rules = read_policy(folder / "policy.yaml")
        verdict = Verdict("passed", "run", judged, "model", "data", "none", "")
        version = SimpleNamespace(uri="models:/x/1", model_id="m-1", source="s", tags={})
        assert (not _objections(version, "model", verdict, rules, None)) is holds  # type: ignore[arg-type]


def test_this_project_is_checked_out_alike_everywhere(tmp_path: Path) -> None:
    folder = copy_project(tmp_path / "project")
    git(tmp_path, "clone", "--quiet", "-c", "core.autocrlf=true", str(folder), "windows")
    for name in git(folder, "ls-files").splitlines():
        assert (tmp_path / "windows" / name).read_bytes() == (folder / name).read_bytes(), name


def test_a_clone_has_the_files_as_the_commit_has_them(
    project: Path, windows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the user prefers; and the patch of a checkout of Windows applies to it."""
    (windows / "conda.yaml").write_bytes((windows / "conda.yaml").read_bytes() + b"# more\r\n")
    (windows / "new.txt").write_bytes(b"one\r\ntwo\r\n")
    patch = describe(windows).patch.content
    (tmp_path / "gitconfig").write_text("[core]\nautocrlf = true\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    for place in (str(project), project.as_uri()):
        with cloned(find(ProjectUri(place, git(project, "rev-parse", "HEAD"))), patch) as clone:
            expected = (project / "conda.yaml").read_bytes() + b"# more\n"
            assert (clone.folder / "conda.yaml").read_bytes() == expected
            assert (clone.folder / "new.txt").read_bytes() == b"one\ntwo\n"
            assert describe(clone.folder).patch.content == patch


TRAIN = "import reprise, train; reprise.main(train.train)"


def train_in(folder: Path, store: str, script: str = TRAIN) -> mlflow.entities.Run:
    """Train as a process in a checkout, and return the run."""
    id_ = mlflow.MlflowClient().get_experiment_by_name("test").experiment_id
    subprocess.run(
        [sys.executable, "-c", f"import sys; sys.argv = ['train.py']; sys.path.insert(0, ''); {script}"],
        cwd=folder,
        env=environment(MLFLOW_TRACKING_URI=store, MLFLOW_EXPERIMENT_ID=id_),
        check=True,
    )
    return mlflow.search_runs([id_], order_by=["attributes.start_time DESC"], output_format="list")[0]


@pytest.mark.integration
@pytest.mark.parametrize("edited", [False, True], ids=["clean", "edited"])
def test_a_run_from_a_checkout_of_windows_is_reproduced(
    project: Path,
    windows: Path,
    store: str,
    monkeypatch: pytest.MonkeyPatch,
    edited: bool,  # noqa: FBT001
) -> None:
    if edited:
        (windows / "train.py").write_bytes((windows / "train.py").read_bytes() + b"# edited\r\n")
    run = train_in(windows, store)
    assert run.data.tags["mlflow.source.git.dirty"] == str(edited).lower()
    work_in(project, monkeypatch)
    shutil.rmtree(windows)  # what is left is another clone
    verdict = reproduced(run)
    assert verdict["verdict"] == "reproduced", json.dumps(verdict, indent=1)


RAW = (
    "import hashlib; from reprise.base import engine, text_digest as e; engine.this(); "  # which those did not record
    "e.sha256 = lambda raw: hashlib.sha256(raw).hexdigest()"
)


@pytest.mark.integration
def test_a_run_that_an_earlier_version_recorded_there_is_reproduced(
    project: Path, windows: Path, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Earlier versions recorded the digest of the lock's bytes in that checkout."""
    raw = hashlib.sha256((windows / "conda.yaml").read_bytes()).hexdigest()
    run = train_in(windows, store, f"{RAW}; {TRAIN}")
    assert run.data.tags["reprise.environment.lock"] == raw
    work_in(project, monkeypatch)
    assert reproduced(run)["verdict"] == "reproduced"
