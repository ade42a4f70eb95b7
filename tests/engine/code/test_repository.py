"""A project's URI, the commit that it names, and the clone in which it runs."""

import os
import socket
import subprocess
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from conftest import commit_all, git

from reprise.base.errors import JobFailed, WrongCall
from reprise.code.clone import cloned
from reprise.code.project_uri import ProjectUri, parse
from reprise.code.repository import find


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    monkeypatch.setenv("REPRISE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository of two commits, a tag and two branches; a server may send parts of it."""
    folder = tmp_path / "a 'repo'"
    (folder / "inner").mkdir(parents=True)
    (folder / "value.txt").write_text("first")
    (folder / "inner/MLproject").write_text("name: inner\n")
    commit_all(folder, "first")
    git(folder, "tag", "v1")
    git(folder, "branch", "old")
    (folder / "value.txt").write_text("second")
    commit_all(folder, "second")
    git(folder, "config", "uploadpack.allowFilter", "true")
    return folder


def sha(repository: Path, version: str = "HEAD") -> str:
    return git(repository, "rev-parse", version)


@pytest.mark.parametrize(
    ("uri", "repository", "version", "subdirectory"),
    [
        ("git@host:me/repo.git#abc123", "git@host:me/repo.git", "abc123", ""),
        ("https://host/repo#v1:sub/folder", "https://host/repo", "v1", "sub/folder"),
        ("file:///srv/repo.git#:sub/", "file:///srv/repo.git", None, "sub"),
        (".", ".", None, ""),
        ("/srv/repo#feature/x", "/srv/repo", "feature/x", ""),
    ],
)
def test_a_uri_names_repository_version_and_folder(
    uri: str, repository: str, version: str | None, subdirectory: str
) -> None:
    assert parse(uri) == ProjectUri(repository, version, subdirectory)


def test_a_folder_with_a_hash_in_its_name_is_that_folder(tmp_path: Path) -> None:
    (tmp_path / "a#b").mkdir()
    assert parse(str(tmp_path / "a#b")) == ProjectUri(str(tmp_path / "a#b"))


@pytest.mark.parametrize("folder", ["../other", "/etc", "a/../..", ".git/hooks"])
def test_a_folder_outside_of_the_repository_is_refused(folder: str) -> None:
    for refused in (lambda: parse(f"repo#main:{folder}"), lambda: ProjectUri("repo", "main", folder)):
        with pytest.raises(WrongCall, match=r"^subdirectory .* is refused: it must be a path inside"):
            refused()


@pytest.mark.parametrize("kind", ["path", "bare path", "file URL", "ssh"])
def test_every_kind_of_repository_and_version(
    kind: str, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(tmp_path, "clone", "--quiet", "--bare", str(repository), "bare.git")
    (tmp_path / "ssh").write_text('#!/bin/sh\nfor last; do :; done\nexec sh -c "$last"\n')  # git's ssh, to this host
    (tmp_path / "ssh").chmod(0o755)
    monkeypatch.setenv("GIT_SSH_COMMAND", str(tmp_path / "ssh"))
    place = {
        "path": str(repository),
        "bare path": str(tmp_path / "bare.git"),
        "file URL": repository.as_uri(),
        "ssh": f"git@host:{tmp_path}/bare.git",
    }[kind]
    first, second = sha(repository, "v1"), sha(repository)
    asked = {first: first, first[:8]: first, "v1": first, "old": first, "main": second, None: second}
    found = {version: find(ProjectUri(place, version)) for version in asked}
    assert {version: commit.sha for version, commit in found.items()} == asked
    assert (found["main"].branch, found["old"].branch, found["v1"].branch, found[first].branch) == (
        *("main", "old"),
        *(None, None),
    )
    with cloned(found[first[:8]]) as clone:
        assert (clone.folder / "value.txt").read_text() == "first"
        assert git(clone.folder, "status", "--porcelain") == ""
    assert not clone.folder.exists()


def test_a_checkout_is_known_by_its_remote_and_a_folder_in_it_by_its_path(repository: Path) -> None:
    assert find(ProjectUri(str(repository))).url == str(repository)
    git(repository, "remote", "add", "origin", "https://me:secret@example.org/repo.git")
    commit = find(ProjectUri(str(repository / "inner"), "v1"))
    assert (commit.url, commit.subdirectory) == ("https://example.org/repo.git", "inner")
    with cloned(commit) as clone:
        assert git(clone.folder, "remote", "get-url", "origin") == "https://example.org/repo.git"


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_checkout_stays_byte_for_byte_as_it_was(repository: Path) -> None:
    """Its .git included: index, HEAD, branches, remotes, objects; from a dirty tree and a linked worktree too."""
    (repository / "value.txt").write_text("changed")
    (repository / "new.txt").write_text("untracked")
    git(repository, "worktree", "add", "--quiet", "--detach", str(repository.parent / "linked"), "v1")
    before = snapshot(repository)
    for place in (repository, repository.parent / "linked"):
        for version in ("v1", "main", None):
            with cloned(find(ProjectUri(str(place), version))) as clone:
                (clone.folder / "value.txt").write_text("written by the job")
                git(clone.folder, "commit", "--quiet", "--all", "--message", "by the job")
                git(clone.folder, "branch", "by-the-job")
    assert snapshot(repository) == before
    assert find(ProjectUri(str(repository.parent / "linked"))).sha == sha(repository, "v1")


def test_a_commit_that_no_branch_holds_is_found_where_it_is(repository: Path) -> None:
    lost = sha(repository)
    git(repository, "reset", "--quiet", "--hard", "v1")
    for place in (str(repository), repository.as_uri()):
        with cloned(find(ProjectUri(place, lost))) as clone:
            assert (clone.folder / "value.txt").read_text() == "second"


def test_only_the_files_that_are_asked_for_come_over(repository: Path, cache: Path) -> None:
    """The cache is partial, and what is in it needs no server."""
    place = ProjectUri(repository.as_uri(), sha(repository))
    (kept,) = [find(place).git_dir]
    listed = git(kept, "rev-list", "--objects", "--all", "--missing=print").splitlines()
    assert f"?{sha(repository, 'v1:value.txt')}" in listed
    assert sha(repository, "HEAD:value.txt") in {line.split()[0] for line in listed}
    repository.rename(repository.with_name("away"))
    with cloned(find(place)) as clone:
        assert (clone.folder / "value.txt").read_text() == "second"


def test_a_branch_is_looked_up_anew_each_time(repository: Path) -> None:
    place = ProjectUri(repository.as_uri(), "main")
    before = find(place).sha
    (repository / "value.txt").write_text("third")
    assert find(place).sha == before
    after = commit_all(repository, "third")
    assert find(place).sha == after
    with cloned(find(place)) as clone:
        assert (clone.folder / "value.txt").read_text() == "third"


def test_a_shallow_checkout_is_cloned_from(repository: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", "--depth", "1", repository.as_uri(), "shallow")
    with cloned(find(ProjectUri(str(tmp_path / "shallow")))) as clone:
        assert (clone.folder / "value.txt").read_text() == "second"
    with pytest.raises(WrongCall, match="is no commit, tag or branch of"):
        find(ProjectUri(str(tmp_path / "shallow"), sha(repository, "v1")))


def test_a_server_whose_head_names_no_branch_is_asked_for_one(repository: Path) -> None:
    git(repository, "symbolic-ref", "HEAD", "refs/heads/trunk")
    assert find(ProjectUri(repository.as_uri(), "main")).sha == sha(repository, "main")
    with pytest.raises(JobFailed, match="couldn't find remote ref HEAD"):
        find(ProjectUri(repository.as_uri()))


def test_head_of_a_server_is_the_server_s_own(repository: Path) -> None:
    git(repository, "branch", "master", "v1")
    assert find(ProjectUri(repository.as_uri(), "HEAD")).sha == sha(repository)


def test_settings_of_git_in_the_environment_hold(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", f"url.{repository.as_uri()}.insteadOf")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "https://nowhere.example.org/repo.git")
    assert find(ProjectUri("https://nowhere.example.org/repo.git", "v1")).sha == sha(repository, "v1")


def test_two_versions_must_be_one_commit(repository: Path) -> None:
    assert find(ProjectUri(str(repository), "main"), sha(repository)).sha == sha(repository)
    with pytest.raises(WrongCall, match="version 'v1' is not the commit that #main names"):
        find(ProjectUri(repository.as_uri(), "main"), "v1")


@pytest.mark.parametrize("version", ["nothing", "sub/folder", "0" * 40, "-x", "value.txt"])
def test_what_is_no_version_is_said_with_the_forms_that_there_are(version: str, repository: Path) -> None:
    for place in (str(repository), repository.as_uri()):
        with pytest.raises(WrongCall, match=r"is no commit, tag or branch.*#<commit, tag or branch>:<subdirectory>"):
            find(ProjectUri(place, version))


def test_an_ambiguous_sha_names_what_it_may_be(tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    commit_all(folder, "root")
    stream = "".join(
        f"commit refs/heads/many\ncommitter A <a@example.org> {number} +0000\ndata 1\nx\n" for number in range(1500)
    )
    command = ["git", "-C", str(folder), "fast-import", "--quiet", "--force"]
    subprocess.run(command, input=stream.encode(), check=True)
    commits = git(folder, "rev-list", "many").splitlines()
    starts = [commit[:4] for commit in commits]
    twice = next(start for start in starts if starts.count(start) > 1)
    with pytest.raises(WrongCall, match=f"'{twice}' is ambiguous .*: {twice}.*; {twice}.*; write more digits"):
        find(ProjectUri(str(folder), twice))


class Refusing(BaseHTTPRequestHandler):
    """A git server that wants a password."""

    def do_GET(self) -> None:
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="git"')
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Report nothing."""


@pytest.fixture
def refusing() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_repository_that_cannot_be_reached_hangs_nobody(
    refusing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A password is asked of nobody, a server that says nothing is given up; no password is repeated."""
    monkeypatch.setenv("REPRISE_GIT_TIMEOUT", "2")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        places = {
            f"{refusing}/repo.git": "could not read Username",
            f"{refusing.replace('://', '://me:hunter2@')}/repo.git": "Authentication failed",
            "http://127.0.0.1:9/repo.git": "cannot be fetched",
            f"http://127.0.0.1:{silent.getsockname()[1]}/repo.git": "no answer within 2 s",
            (tmp_path / "nothing.git").as_uri(): "cannot be fetched",
        }
        for place, reason in places.items():
            with pytest.raises(JobFailed, match=reason) as raised:
                find(ProjectUri(place, "main"))
            assert "hunter2" not in str(raised.value)
            assert "\n" not in str(raised.value)


class Private(SimpleHTTPRequestHandler):
    """A git server of plain files that wants the right password."""

    def do_GET(self) -> None:
        if self.headers["Authorization"] == f"Basic {b64encode(b'me:hunter2').decode()}":
            super().do_GET()
        else:
            Refusing.do_GET(self)  # type: ignore[arg-type]

    def log_message(self, *_: object) -> None:
        """Report nothing."""


def test_a_password_reaches_the_server_and_no_file(repository: Path, tmp_path: Path, cache: Path) -> None:
    git(tmp_path, "clone", "--quiet", "--bare", str(repository), "site/repo.git")
    git(tmp_path / "site/repo.git", "update-server-info")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Private, directory=str(tmp_path / "site"))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        commit = find(ProjectUri(f"http://me:hunter2@127.0.0.1:{server.server_port}/repo.git", "main"))
        server.shutdown()
    assert (commit.sha, commit.url) == (sha(repository), f"http://127.0.0.1:{server.server_port}/repo.git")
    with cloned(commit) as clone:
        assert (clone.folder / "value.txt").read_text() == "second"
        assert b"hunter2" not in b"".join(snapshot(cache).values())


def test_what_is_no_repository_is_said(tmp_path: Path, repository: Path) -> None:
    (tmp_path / "plain").mkdir()
    (tmp_path / "empty").mkdir()
    git(tmp_path / "empty", "init", "--quiet")
    for place, reason in {
        tmp_path / "nowhere": "does not exist",
        tmp_path / "plain": "in no git repository",
        tmp_path / "empty": "is there a commit",
        repository / "value.txt": "Not a directory",
    }.items():
        with pytest.raises(WrongCall, match=reason):
            find(ProjectUri(str(place)))


def test_a_cache_that_cannot_be_written_is_named(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("REPRISE_CACHE", str(tmp_path / "file"))
    with pytest.raises(JobFailed, match="name another cache in REPRISE_CACHE"):
        find(ProjectUri(repository.as_uri()))
    with (
        pytest.raises(JobFailed, match="name another cache in REPRISE_CACHE"),
        cloned(find(ProjectUri(str(repository)))),
    ):
        pass


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own with hardly any room."""
    (tmp_path / "disk").mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(tmp_path / "disk")]
    if os.geteuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("this user may not mount a file system")
    yield tmp_path / "disk"
    subprocess.run(["umount", "--lazy", str(tmp_path / "disk")], check=True)


def test_a_full_disk_is_said(repository: Path, full_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPRISE_CACHE", str(full_disk))
    for place in (str(repository), repository.as_uri()):
        with pytest.raises(JobFailed, match="No space left on device"), cloned(find(ProjectUri(place))):
            pass
    with suppress(OSError):
        (full_disk / "rest").write_bytes(bytes(12_000))
    for place in (str(repository), repository.as_uri()):
        with pytest.raises(JobFailed, match="No space left on device"), cloned(find(ProjectUri(place))):
            pass


def test_an_interrupted_run_leaves_nothing_that_breaks_the_next(repository: Path, cache: Path) -> None:
    """Half a repository in the cache, and clones of processes that are gone, are taken away."""
    place = ProjectUri(repository.as_uri())
    kept = find(place).git_dir
    kept.rename(kept.with_suffix(".unfinished"))
    (kept.with_suffix(".unfinished") / "HEAD").unlink()
    (cache / "clones/dead/tree").mkdir(parents=True)
    (cache / "clones/dead/lock").write_text("")
    with cloned(find(place)) as clone:
        assert (clone.folder / "value.txt").read_text() == "second"
        with cloned(find(place)) as second:
            assert clone.folder.exists()
            assert second.folder.exists()
    assert list((cache / "clones").iterdir()) == []


def diff(repository: Path) -> bytes:
    return subprocess.run(["git", "-C", str(repository), "diff", "--binary"], check=True, capture_output=True).stdout


def test_a_patch_is_applied_or_refused(repository: Path) -> None:
    (repository / "value.txt").write_text("patched")
    patch = diff(repository)
    commit = find(ProjectUri(str(repository)))
    with cloned(commit, patch) as clone:
        assert (clone.folder / "value.txt").read_text() == "patched"
    outside = patch.replace(b"value.txt", b"../../value.txt")
    inside_git = patch.replace(b"value.txt", b".git/config")
    stale = patch.replace(b"-second", b"-other")
    for bad in (outside, inside_git, stale, b"no patch at all"):
        with pytest.raises(JobFailed, match=f"the patch does not apply to commit {commit.sha}"), cloned(commit, bad):
            pass


def test_submodules_come_along_and_one_that_cannot_is_named(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "library").mkdir()
    (tmp_path / "library/code.txt").write_text("of the library")
    commit_all(tmp_path / "library")
    git(repository, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(tmp_path / "library"), "lib")
    commit_all(repository)
    with cloned(find(ProjectUri(str(repository)))) as clone:
        assert (clone.folder / "lib/code.txt").read_text() == "of the library"
    (tmp_path / "library").rename(tmp_path / "gone")
    with pytest.raises(JobFailed, match="a submodule of commit"), cloned(find(ProjectUri(str(repository)))):
        pass


def test_pointers_of_git_lfs_are_said(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (repository / ".gitattributes").write_text("*.bin filter=lfs diff=lfs merge=lfs -text\n")
    (repository / "large.bin").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
    commit_all(repository)
    with cloned(find(ProjectUri(str(repository)))):
        assert "large.bin hold pointers of git-lfs" in capsys.readouterr().err
