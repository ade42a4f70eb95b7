"""A repository that is read, or cloned, runs nothing of its configuration, nor hooks and templates of the user's."""

from contextlib import suppress
from pathlib import Path

import pytest
from conftest import commit_all, git

from reprise.base.errors import JobFailed, WrongCall
from reprise.code.clone import cloned
from reprise.code.project_uri import ProjectUri
from reprise.code.repository import find
from reprise.proof.snapshot import snapshot

HOOKS = ("post-checkout", "post-index-change", "reference-transaction", "pre-auto-gc", "applypatch-msg")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPRISE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    """What an attack that succeeds leaves behind."""
    return tmp_path / "marker"


@pytest.fixture
def script(tmp_path: Path, marker: Path) -> Path:
    path = tmp_path / "attack"
    path.write_text(f"#!/bin/sh\necho $0 $@ >> {marker}\nexit 1\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "MLproject").write_text("name: x\n")
    (folder / "data.bin").write_text("x")
    (folder / ".gitattributes").write_text("*.bin filter=evil diff=evil merge=evil\n")
    commit_all(folder)
    return folder


def hooks(folder: Path, script: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in HOOKS:
        (folder / name).write_text(script.read_text())
        (folder / name).chmod(0o755)
    return folder


def read_all(repository: Path) -> None:
    """Do all that this project does with a repository that it only reads."""
    sha = git(repository, "rev-parse", "HEAD")
    for version in ("f" * 40, "abcdef1", "nowhere"):
        with suppress(JobFailed, WrongCall):
            find(ProjectUri(str(repository), version))
    commit = find(ProjectUri(str(repository), sha))
    patch = b"--- a/MLproject\n+++ b/MLproject\n@@ -1 +1 @@\n-name: x\n+name: y\n"
    with snapshot(commit, patch) as code:
        assert code.file("MLproject") == b"name: y\n"
    for portable in (False, True):
        with cloned(commit, patch, portable=portable) as clone:
            assert (clone.folder / "MLproject").read_text() == "name: y\n"


def test_nothing_of_its_configuration_runs(repository: Path, tmp_path: Path, script: Path, marker: Path) -> None:
    evil = {
        "core.repositoryFormatVersion": "1",
        "extensions.partialClone": "evil",
        "remote.evil.promisor": "true",
        "remote.evil.url": "ssh://nobody@127.0.0.1:9/x",
        "remote.evil.uploadpack": str(script),
        "remote.evil.vcs": "ext",
        "core.sshCommand": str(script),
        "core.gitProxy": str(script),
        "core.fsmonitor": str(script),
        "core.hooksPath": str(hooks(tmp_path / "hooks", script)),
        "core.alternateRefsCommand": str(script),
        "core.askPass": str(script),
        "core.editor": str(script),
        "core.pager": str(script),
        "credential.helper": f"!{script}",
        "filter.evil.smudge": str(script),
        "filter.evil.clean": str(script),
        "filter.evil.process": str(script),
        "filter.evil.required": "true",
        "diff.external": str(script),
        "diff.evil.textconv": str(script),
        "diff.evil.command": str(script),
        "merge.evil.driver": str(script),
        "uploadpack.packObjectsHook": str(script),
        "protocol.ext.allow": "always",
        "protocol.allow": "always",
        "gpg.program": str(script),
        "url.ext::sh.insteadOf": "/",
    }
    hooks(repository / ".git/hooks", script)
    for name, value in evil.items():
        git(repository, "config", name, value)
    read_all(repository)
    assert not marker.exists(), marker.read_text()


def test_the_attack_would_succeed_with_plain_git(repository: Path, script: Path, marker: Path) -> None:
    """So the test above can fail."""
    for name, value in {
        "core.repositoryFormatVersion": "1",
        "extensions.partialClone": "evil",
        "remote.evil.promisor": "true",
        "remote.evil.url": "ssh://nobody@127.0.0.1:9/x",
        "core.sshCommand": str(script),
    }.items():
        git(repository, "config", name, value)
    with suppress(Exception):
        git(repository, "cat-file", "-e", "f" * 40)
    assert marker.exists()


def test_hooks_and_templates_of_the_user_do_not_run_in_clones(
    repository: Path, tmp_path: Path, script: Path, marker: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooks(tmp_path / "template/hooks", script)
    hooks(tmp_path / "own", script)
    configuration = tmp_path / "gitconfig"
    configuration.write_text(f"[core]\nhooksPath = {tmp_path / 'own'}\n[init]\ntemplateDir = {tmp_path / 'template'}\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(configuration))
    monkeypatch.setenv("GIT_TEMPLATE_DIR", str(tmp_path / "template"))
    sha = git(repository, "rev-parse", "HEAD")
    marker.unlink(missing_ok=True)
    for place in (str(repository), repository.as_uri()):
        with cloned(find(ProjectUri(place, sha))) as clone:
            assert not (clone.folder / ".git/hooks").exists()
    assert not marker.exists(), marker.read_text()
