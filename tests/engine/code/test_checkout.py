"""Which commit, and what the working tree has beyond it; with real git."""

import os
import stat
from pathlib import Path

import pytest
from conftest import commit_all, git

from reprise.code.checkout import PATCH_LIMIT, describe, remote_urls


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    (folder / "src").mkdir(parents=True)
    (folder / "src/a.txt").write_text("one\ntwo\n")
    (folder / "image.bin").write_bytes(bytes(range(256)))
    (folder / "gone.txt").write_text("gone\n")
    (folder / ".gitignore").write_text("ignored.txt\n")
    commit_all(folder)
    return folder


def make_dirty(folder: Path) -> None:
    (folder / "src/a.txt").write_text("one\nthree\n")
    (folder / "image.bin").write_bytes(bytes(reversed(range(256))))
    (folder / "gone.txt").unlink()
    (folder / "ignored.txt").write_text("not for git\n")
    (folder / "new name é.txt").write_text("no newline at the end")
    (folder / "new.bin").write_bytes(os.urandom(2000))
    (folder / "script.sh").write_text("#!/bin/sh\n")
    (folder / "script.sh").chmod(0o755)
    (folder / "link").symlink_to("src/a.txt")
    (folder / "staged.txt").write_text("staged\n")
    git(folder, "add", "staged.txt")
    (folder / "staged.txt").write_text("staged, then changed\n")


def content(folder: Path) -> dict[str, tuple[object, ...]]:
    """Every file but git's and the ignored: kind, permission to execute, content."""
    found: dict[str, tuple[object, ...]] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if name.startswith(".git/") or name == "ignored.txt" or (path.is_dir() and not path.is_symlink()):
            continue
        if path.is_symlink():
            found[name] = ("link", path.readlink())
        else:
            found[name] = ("file", bool(path.stat().st_mode & stat.S_IXUSR), path.read_bytes())
    return found


def inside(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Git's own folder, byte for byte, with times of change."""
    files = (path for path in (folder / ".git").rglob("*") if path.is_file())
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


def test_a_clean_checkout(repository: Path) -> None:
    checkout = describe(repository)
    assert checkout.commit == git(repository, "rev-parse", "HEAD")
    assert (checkout.branch, checkout.repository, checkout.dirty) == ("main", None, False)
    assert checkout.patch.state == "none"


def test_the_patch_on_a_clean_clone_gives_the_same_tree(repository: Path, tmp_path: Path) -> None:
    make_dirty(repository)
    checkout = describe(repository)
    assert (checkout.dirty, checkout.patch.state, checkout.patch.left_out) == (True, "complete", {})
    (tmp_path / "patch.diff").write_bytes(checkout.patch.content)
    git(tmp_path, "clone", "--quiet", str(repository), "clone")
    git(tmp_path / "clone", "apply", str(tmp_path / "patch.diff"))
    assert content(tmp_path / "clone") == content(repository)


def test_the_repository_stays_byte_for_byte(repository: Path) -> None:
    make_dirty(repository)
    before = inside(repository)
    describe(repository)
    assert inside(repository) == before


def test_settings_of_the_user_do_not_bend_the_patch(repository: Path, tmp_path: Path) -> None:
    for name, value in {"diff.noprefix": "true", "diff.external": "false", "color.ui": "always"}.items():
        git(repository, "config", name, value)
    make_dirty(repository)
    (tmp_path / "patch.diff").write_bytes(describe(repository).patch.content)
    git(tmp_path, "clone", "--quiet", str(repository), "clone")
    git(tmp_path / "clone", "apply", str(tmp_path / "patch.diff"))
    assert content(tmp_path / "clone") == content(repository)


def test_secrets_are_named_and_never_stored(repository: Path) -> None:
    secret = "hunter2-do-not-store"  # noqa: S105
    key = "-----BEGIN OPENSSH " + "PRIVATE KEY-----\n" + secret
    files = {".env": secret, ".env.local": secret, "id_rsa": secret, "server.pem": secret, "notes.txt": key}
    for name, text in files.items():
        (repository / name).write_text(text)
    (repository / ".aws").mkdir()
    (repository / ".aws/credentials").write_text(secret)
    (repository / "harmless.txt").write_text("harmless")
    patch = describe(repository).patch
    assert patch.state == "incomplete"
    assert set(patch.left_out) == {*files, ".aws/credentials"}
    assert secret.encode() not in patch.content
    assert b"harmless" in patch.content


def test_a_staged_secret_is_not_stored_either(repository: Path) -> None:
    (repository / ".env").write_text("hunter2")
    git(repository, "add", ".env")
    patch = describe(repository).patch
    assert set(patch.left_out) == {".env"}
    assert patch.content == b""


def test_beyond_the_limit_the_largest_files_are_left_out(repository: Path) -> None:
    (repository / "large.bin").write_bytes(bytes(PATCH_LIMIT))
    (repository / "small.txt").write_text("small")
    patch = describe(repository).patch
    assert patch.state == "incomplete"
    assert set(patch.left_out) == {"large.bin"}
    assert b"small" in patch.content


def test_a_repository_inside_is_named(repository: Path) -> None:
    (repository / "inner").mkdir()
    (repository / "inner/file").write_text("x")
    commit_all(repository / "inner")
    assert set(describe(repository).patch.left_out) == {"inner/"}


def test_the_patch_can_be_turned_off(repository: Path) -> None:
    make_dirty(repository)
    checkout = describe(repository, with_patch=False)
    assert (checkout.dirty, checkout.patch.state, checkout.patch.content) == (True, "off", b"")


def test_a_linked_worktree_and_a_detached_head(repository: Path, tmp_path: Path) -> None:
    first = git(repository, "rev-parse", "HEAD")
    (repository / "more.txt").write_text("more")
    commit_all(repository)
    git(repository, "worktree", "add", "--quiet", "--detach", str(tmp_path / "tree"), first)
    (tmp_path / "tree/new.txt").write_text("new")
    checkout = describe(tmp_path / "tree")
    assert (checkout.commit, checkout.branch, checkout.dirty) == (first, None, True)
    assert b"new.txt" in checkout.patch.content


def test_a_project_in_a_folder_of_its_repository(repository: Path) -> None:
    checkout = describe(repository / "src")
    assert checkout.subdirectory == "src"
    assert checkout.commit == git(repository, "rev-parse", "HEAD")


def test_the_environment_of_a_git_hook_does_not_mislead(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").mkdir()
    commit_all(tmp_path / "other")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other/.git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "other/.git/index"))
    commit = describe(repository).commit
    monkeypatch.undo()
    assert commit == git(repository, "rev-parse", "HEAD")


def test_the_remote_is_named_without_its_credentials(repository: Path) -> None:
    git(repository, "remote", "add", "backup", "https://backup.example.org/me.git")
    assert describe(repository).repository == "https://backup.example.org/me.git"
    git(repository, "remote", "add", "origin", "https://user:ghp_token@example.org/me/repo.git")
    assert describe(repository).repository == "https://example.org/me/repo.git"
    git(repository, "remote", "set-url", "origin", "git@example.org:me/repo.git")
    assert describe(repository).repository == "git@example.org:me/repo.git"
    assert remote_urls(repository) == ["git@example.org:me/repo.git", "https://backup.example.org/me.git"]


def test_no_repository_no_commit_and_no_git_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folder").mkdir()
    assert "in no git repository" in (describe(tmp_path / "folder").problem or "")
    git(tmp_path / "folder", "init", "--quiet")
    assert "has no commit yet" in (describe(tmp_path / "folder").problem or "")
    monkeypatch.setenv("PATH", "")
    assert describe(tmp_path / "folder").problem == "git is not installed"


def test_an_ignored_folder_has_no_commit_of_its_own(repository: Path) -> None:
    (repository / ".gitignore").write_text("copies/\n")
    commit_all(repository)
    (repository / "copies/project").mkdir(parents=True)
    assert "ignores its folder" in (describe(repository / "copies/project").problem or "")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")
def test_another_owner_is_said_with_the_remedy(
    repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for path in [repository, *repository.rglob("*")]:
        os.lchown(path, 12345, 12345)
    assert f"safe.directory {repository}" in (describe(repository).problem or "")


@pytest.mark.parametrize("flag", ["--skip-worktree", "--assume-unchanged"])
def test_edits_that_git_was_told_not_to_see_are_in_the_patch(repository: Path, tmp_path: Path, flag: str) -> None:
    git(repository, "update-index", flag, "src/a.txt", "image.bin", "gone.txt")
    assert not describe(repository).dirty
    make_dirty(repository)
    before = inside(repository)
    checkout = describe(repository)
    assert inside(repository) == before
    assert checkout.hidden == ("gone.txt", "image.bin", "src/a.txt")
    (tmp_path / "patch.diff").write_bytes(checkout.patch.content)
    git(tmp_path, "clone", "--quiet", str(repository), "clone")
    git(tmp_path / "clone", "apply", str(tmp_path / "patch.diff"))
    assert content(tmp_path / "clone") == content(repository)


def test_settings_that_hide_edits_hide_none(repository: Path) -> None:
    for name, value in {"core.trustctime": "false", "core.checkStat": "minimal", "core.ignoreStat": "true"}.items():
        git(repository, "config", name, value)
    git(repository, "update-index", "--refresh")
    file = repository / "src/a.txt"
    times = file.stat()
    file.write_text("one\nTWO\n")  # as long as before
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert describe(repository).dirty
    assert b"+TWO" in describe(repository).patch.content


def test_what_a_sparse_checkout_leaves_out_is_no_edit(repository: Path) -> None:
    git(repository, "sparse-checkout", "set", "--no-cone", "/src/")
    assert not (repository / "image.bin").exists()
    assert not describe(repository).dirty
    (repository / "image.bin").write_bytes(b"back, and changed")
    assert describe(repository).dirty


@pytest.mark.parametrize("name", ["a:b", 'a"b', "a\nb", "a%20b", " a", "a\\b", "ä"])
def test_a_folder_of_any_name_has_its_commit_and_patch(repository: Path, tmp_path: Path, name: str) -> None:
    odd = repository.rename(tmp_path / name)
    (odd / "src").rename(odd / name)
    commit_all(odd)
    make = odd / name / "a.txt"
    make.write_text("changed")
    checkout = describe(odd / name)
    assert (checkout.problem, checkout.subdirectory) == (None, name)
    assert checkout.patch.state == "complete"
    assert b"+changed" in checkout.patch.content


def test_a_line_with_a_token_is_in_no_patch_even_where_it_was_taken_out(repository: Path) -> None:
    token = "ghp_" + "a1B2" * 9
    (repository / "settings.ini").write_text(f"token = {token}\n")
    commit_all(repository)
    (repository / "settings.ini").write_text("token = none\n")
    (repository / "other.txt").write_text("kept\n")
    patch = describe(repository).patch
    assert set(patch.left_out) == {"settings.ini"}
    assert token.encode() not in patch.content
    assert b"kept" in patch.content


def test_what_git_replace_puts_in_a_commit_s_place_is_an_edit(repository: Path, tmp_path: Path) -> None:
    """`git status` calls such a tree clean, yet a clone of the commit has another."""
    commit = git(repository, "rev-parse", "HEAD")
    (repository / "src/a.txt").write_text("replaced\n")
    git(repository, "checkout", "--quiet", "-b", "aside")
    other = commit_all(repository)
    git(repository, "branch", "--quiet", "--force", "main", commit)
    git(repository, "symbolic-ref", "HEAD", "refs/heads/main")
    git(repository, "replace", commit, other)
    assert git(repository, "status", "--porcelain") == ""
    checkout = describe(repository)
    assert (checkout.commit, checkout.dirty, checkout.patch.state) == (commit, True, "complete")
    assert b"+replaced" in checkout.patch.content
