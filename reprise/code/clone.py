"""A temporary clone of a repository at one commit, in which a project runs."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from reprise.base.display_text import listed
from reprise.base.errors import JobFailed
from reprise.base.process_lock import hold, is_held, locked
from reprise.base.terminal import note
from reprise.code import clone_cache
from reprise.code import patch as patches
from reprise.code.git import OFFLINE, GitError, explain, git, succeeds, text
from reprise.code.repository import Commit, has

LISTED = 3

AS_COMMITTED = {"core.autocrlf": "false", "core.eol": "lf", "core.safecrlf": "false", "core.attributesFile": os.devnull}
"""Settings by which a clone's files are as the commit has them, whatever line ends and attributes a user prefers."""


@dataclass(frozen=True)
class Clone:
    """A clone.

    Attributes:
        folder: the top of its working tree.
        lock: a file descriptor; as long as a process holds it, the clone is not swept away.
        spare: a folder beside the tree, gone with it.
    """

    folder: Path
    lock: int
    spare: Path


@contextmanager
def cloned(commit: Commit, patch: bytes = b"", *, portable: bool = False) -> Iterator[Clone]:
    """Check a commit out into a clone of its own.

    The clone borrows its objects, so neither the repository's size nor its history costs anything; and it has the
    repository's URL as its remote `origin`. No hook runs in it, neither the repository's nor the user's own. Filters of
    the user's own do run, such as those of git-lfs.

    Args:
        commit: what to check out.
        patch: what to apply to it, as `git diff --binary` writes it.
        portable: whether the clone is to have the commit's objects itself, so that it works on another machine.

    Raises:
        JobFailed: the patch does not apply, or a submodule or the disk fails.
    """
    place, lock = _place()
    try:
        tree = place / "tree"
        with clone_cache.writing(place):
            (place / "spare").mkdir()
            _check_out(commit, tree, portable=portable)
            _apply(patch, tree, commit)
        yield Clone(tree, lock, place / "spare")
    finally:
        shutil.rmtree(place, ignore_errors=True)
        os.close(lock)


def _place() -> tuple[Path, int]:
    """Make and lock a folder for a clone, and remove the folders of ended processes."""
    clones = clone_cache.folder("clones")
    with clone_cache.writing(clones), locked(clones.with_suffix(".lock")):
        for old in clones.iterdir():
            with suppress(FileNotFoundError):  # its own process removes it at this moment
                if not is_held(old / "lock"):
                    shutil.rmtree(old, ignore_errors=True)
        place = clones / secrets.token_hex(6)
        place.mkdir()
        return place, hold(place / "lock")


def _check_out(commit: Commit, tree: Path, *, portable: bool) -> None:
    try:
        if portable or "\n" in str(commit.git_dir):  # which git does not quote in a list of object directories
            _fetch_one(commit, tree)
        else:
            options = ("--quiet", "--shared", "--no-checkout", "--template=")
            git(tree.parent, "clone", *options, str(commit.git_dir), str(tree), env=OFFLINE)
        if not has(tree, commit.sha):  # of a shallow repository, which cannot be borrowed from
            git(tree, "fetch", "--quiet", str(commit.git_dir), commit.sha, env=OFFLINE)
        _describe_origin(commit, tree)
        for name, value in AS_COMMITTED.items():
            git(tree, "config", name, value)
        git(tree, "-c", "advice.detachedHead=false", "checkout", "--quiet", "--detach", commit.sha)
    except GitError as error:
        raise JobFailed(f"commit {commit.sha} cannot be checked out: {explain(error, commit.git_dir)}") from error
    if (tree / ".gitmodules").exists():
        _check_out_submodules(commit, tree)
    _look_for_pointers(tree)


def _fetch_one(commit: Commit, tree: Path) -> None:
    """Fetch the commit alone, without its history, whether or not a branch leads to it."""
    any_commit = "git -c uploadpack.allowAnySHA1InWant=true upload-pack"
    git(tree.parent, "init", "--quiet", "--template=", str(tree))
    git(
        tree, "fetch", "--quiet", "--depth=1", "--no-tags", "--no-write-fetch-head", f"--upload-pack={any_commit}",
        commit.git_dir.as_uri(), commit.sha, env=OFFLINE,
    )  # fmt: skip


def _describe_origin(commit: Commit, tree: Path) -> None:
    """Name the repository that the commit came from, also as the one to ask for what a partial clone lacks."""
    git(tree, "config", "remote.origin.url", commit.url)
    lacking = text(commit.git_dir, "config", "--get-regexp", r"^remote\..*\.(promisor|partialclonefilter)$")
    for line in (lacking or "").splitlines():
        name, _, value = line.partition(" ")
        git(tree, "config", f"remote.origin.{name.rpartition('.')[2]}", value)
    if lacking:
        git(tree, "config", "core.repositoryFormatVersion", "1")
        git(tree, "config", "extensions.partialClone", "origin")


def _check_out_submodules(commit: Commit, tree: Path) -> None:
    from_here = "always" if Path(commit.url).is_absolute() or commit.url.startswith("file:") else "user"
    try:
        git(tree, "-c", f"protocol.file.allow={from_here}", "submodule", "update", "--quiet", "--init", "--recursive")
    except GitError as error:
        raise JobFailed(f"a submodule of commit {commit.sha} cannot be fetched: {explain(error, tree)}") from error


def _look_for_pointers(tree: Path) -> None:
    """Report which files git-lfs left as pointers."""
    if not succeeds(tree, "grep", "--quiet", "filter=lfs", "--", ".gitattributes", "*/.gitattributes"):
        return
    pattern = r"^version https://git-lfs\.github\.com/spec/v1"
    files = (text(tree, "grep", "--files-with-matches", "-I", "--extended-regexp", pattern) or "").splitlines()
    if files:
        note(f"{listed(files, LISTED)} hold pointers of git-lfs instead of content; run git lfs install")


def _apply(patch: bytes, tree: Path, commit: Commit) -> None:
    try:
        patches.apply(tree, patch, "--index", "--whitespace=nowarn")
    except patches.RefusedPatchError as error:
        raise JobFailed(f"the patch is refused: {error}") from error
    except GitError as error:
        raise JobFailed(f"the patch does not apply to commit {commit.sha}: {explain(error, tree)}") from error
