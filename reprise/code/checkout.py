"""The checkout that code came from: commit, branch, repository, and the patch of a dirty tree.

Nothing here writes into the user's repository. The patch is made with an index and an object directory of its own, and
optional locks are off.
"""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from reprise.base import scratch
from reprise.base.credentials import without_credentials
from reprise.code.git import GitError, explain, git, path_of, prefix_of, quoted, succeeds, text
from reprise.code.secret_files import has_secret_name, secret_in

PATCH_LIMIT = 10 * 2**20
"""Bytes of changed and untracked files that a patch may hold; the largest are left out first."""
_LOOK = ("-c", "core.ignoreStat=false", "-c", "core.trustCTime=true", "-c", "core.checkStat=default")
"""Settings by which git looks at a file again unless all that the system says of it is the same."""


@dataclass(frozen=True)
class Patch:
    """What the working tree has beyond its commit.

    Attributes:
        state: `none` (clean), `complete`, `incomplete` (see left_out) or `off`.
        content: the patch, for `git apply`; binary files included.
        left_out: path -> why it is not in the patch.
    """

    state: str = "none"
    content: bytes = b""
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def files(self) -> int:
        """How many files the content changes."""
        return len(re.findall(rb"^diff --git ", self.content, re.MULTILINE))


@dataclass(frozen=True)
class Checkout:
    """The commit of a folder's code, or the reason why there is none.

    Attributes:
        commit: 40 hexadecimal digits (64 in a SHA-256 repository), or None.
        branch: the branch checked out; None where HEAD is detached.
        repository: the URL of the remote `origin`, else of the first, without credentials; None without remotes.
        subdirectory: the folder's path in its repository, "" at the top.
        dirty: whether anything, not ignored, differs from the commit.
        problem: why there is no commit.
        hidden: changed files that `git status` does not name, since git was told not to look at them (`skip-worktree`,
            `assume-unchanged`); they are in the patch.
    """

    commit: str | None = None
    branch: str | None = None
    repository: str | None = None
    subdirectory: str = ""
    dirty: bool = False
    patch: Patch = field(default_factory=Patch)
    problem: str | None = None
    hidden: tuple[str, ...] = ()


def describe(folder: Path, *, with_patch: bool = True) -> Checkout:
    """Describe the checkout that a folder belongs to.

    Args:
        folder: any folder of a working tree, a linked worktree's too.
        with_patch: whether to make the patch of a dirty tree.
    """
    try:
        top = path_of(git(folder, "rev-parse", "--show-toplevel"))
        commit = _commit(folder)
        if folder != top and succeeds(folder, "check-ignore", "--quiet", str(folder)):
            return Checkout(problem=f"the repository around the project, {top}, ignores its folder")
        changes, hidden = _changes(top)
        return Checkout(
            commit=commit,
            branch=text(folder, "symbolic-ref", "--quiet", "--short", "HEAD"),
            repository=remote_url(folder),
            subdirectory=prefix_of(folder),
            dirty=bool(changes),
            patch=_patch(top, changes) if with_patch else Patch("off" if changes else "none"),
            hidden=hidden,
        )
    except GitError as error:
        return Checkout(problem=explain(error, folder))


def changed_files(folder: Path) -> list[str]:
    """List what differs from the commit in the checkout that a folder belongs to, not ignored; paths from its top.

    Raises:
        GitError: the folder is in no checkout that git reads.
    """
    return sorted(_changes(path_of(git(folder, "rev-parse", "--show-toplevel")))[0])


def remote_url(folder: Path) -> str | None:
    """Return the URL of the remote `origin`, else of the first, without credentials; None without remotes."""
    return next(iter(remote_urls(folder)), None)


def remote_urls(folder: Path) -> list[str]:
    """List the URLs of all remotes, those of `origin` first, without credentials."""
    lines = (text(folder, "config", "--get-regexp", r"^remote\..*\.url$") or "").splitlines()
    remotes = [(name, url) for name, _, url in (line.partition(" ") for line in lines) if url]
    return [without_credentials(url) for name, url in sorted(remotes, key=lambda one: one[0] != "remote.origin.url")]


def _commit(folder: Path) -> str:
    try:
        return git(folder, "rev-parse", "--verify", "--quiet", "HEAD^{commit}").decode().strip()
    except GitError as error:
        raise GitError("the repository has no commit yet: run git commit") from error


def _changes(top: Path) -> tuple[dict[str, str], tuple[str, ...]]:
    """List paths that differ from HEAD, those included that git was told not to look at.

    Returns:
        path -> `changed`, `untracked` or `submodule` (its own content differs); and the paths that `git status` hides.
    """
    unseen = _unseen(top)
    with _index_that_sees(top, unseen) as variables:
        changes = _status(top, variables)
    return changes, tuple(sorted(unseen & changes.keys()))


def _unseen(top: Path) -> set[str]:
    """List files that git was told not to look at; not those that a sparse checkout leaves out."""
    listed = os.fsdecode(git(top, "ls-files", "-v", "-z", "--full-name")).split("\0")
    sparse = text(top, "config", "--type=bool", "core.sparseCheckout") == "true"
    unseen = set()
    for flag, path in ((entry[0], entry[2:]) for entry in listed if entry):
        if flag.islower() or (flag == "S" and (not sparse or os.path.lexists(top / path))):
            unseen.add(path)
    return unseen


@contextmanager
def _index_that_sees(top: Path, unseen: set[str]) -> Iterator[dict[str, str]]:
    """Copy the index, and let git look at these files in the copy."""
    if not unseen:
        yield {}
        return
    index = path_of(git(top, "rev-parse", "--path-format=absolute", "--git-path", "index"))
    with scratch.folder("index") as folder:
        copy = str(shutil.copy(index, folder))
        variables = {"GIT_INDEX_FILE": copy}
        paths = b"".join(os.fsencode(path) + b"\0" for path in unseen)
        for flag in ("--no-assume-unchanged", "--no-skip-worktree"):
            git(top, "update-index", flag, "-z", "--stdin", env=variables, stdin=paths)
        yield variables


def _status(top: Path, variables: dict[str, str]) -> dict[str, str]:
    options = ["--porcelain=v2", "-z", "--untracked-files=all", "--no-renames", "--ignore-submodules=none"]
    status = git(top, *_LOOK, "status", *options, env=variables)
    changes = {}
    for entry in os.fsdecode(status).split("\0"):
        if entry.startswith("? "):
            changes[entry[2:]] = "untracked"
        elif entry.startswith("1 "):
            fields = entry.split(" ", 8)
            inside = fields[2].startswith("S") and fields[2][2:] != ".."
            changes[fields[8]] = "submodule" if inside else "changed"
        elif entry.startswith("u "):
            changes[entry.split(" ", 10)[10]] = "changed"
    return changes


def _patch(top: Path, changes: dict[str, str]) -> Patch:
    if not changes:
        return Patch()
    left_out = {path: reason for path, kind in changes.items() if (reason := _unfit(top, path, kind))}
    left_out |= _beyond_limit(top, [path for path in changes if path not in left_out])
    kept = [path for path in changes if path not in left_out]
    content = _diff(top, kept)
    if secret_in(content):  # a line that was taken out
        left_out |= {path: f"of its patch, {found}" for path in kept if (found := secret_in(_diff(top, [path])))}
        content = _diff(top, [path for path in kept if path not in left_out])
    return Patch("incomplete" if left_out else "complete", content, left_out)


def _unfit(top: Path, path: str, kind: str) -> str | None:
    if has_secret_name(path):
        return "its name is one that secrets have"
    if path.endswith("/"):
        return "it is a repository of its own"
    if kind == "submodule":
        return "a submodule with changes of its own"
    file = top / path
    try:
        if file.is_file() and not file.is_symlink() and file.stat().st_size <= PATCH_LIMIT:
            return secret_in(file.read_bytes())
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    return None


def _beyond_limit(top: Path, paths: list[str]) -> dict[str, str]:
    sizes = {path: (top / path).lstat().st_size for path in paths if (top / path).is_file()}
    left_out, total = {}, sum(sizes.values())
    for path in sorted(sizes, key=lambda path: -sizes[path]):
        if total <= PATCH_LIMIT:
            break
        total -= sizes[path]
        left_out[path] = f"its {sizes[path] / 2**20:.1f} MiB would take the patch over {PATCH_LIMIT / 2**20:g} MiB"
    return left_out


def _diff(top: Path, paths: list[str]) -> bytes:
    if not paths:
        return b""
    objects = path_of(git(top, "rev-parse", "--path-format=absolute", "--git-path", "objects"))
    with scratch.folder("patch") as folder:
        aside = {
            "GIT_INDEX_FILE": str(folder / "index"),
            "GIT_OBJECT_DIRECTORY": str(folder),
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": quoted(objects),
        }
        listed = b"".join(b":(top,literal)" + os.fsencode(path) + b"\0" for path in paths)
        git(top, "read-tree", "HEAD", env=aside)
        git(
            top, "add", "--all", "--force", "--sparse", "--pathspec-from-file=-", "--pathspec-file-nul",
            env=aside, stdin=listed,
        )  # fmt: skip
        return git(
            top, "diff-index", "--cached", "--patch", "--binary", "--full-index", "--no-renames", "--no-color",
            "--no-ext-diff", "--no-textconv", "--src-prefix=a/", "--dst-prefix=b/", "HEAD", env=aside,
        )  # fmt: skip


def in_branch(folder: Path, commit: str, branch: str) -> str:
    """Return `yes` if a commit is in the history of a branch, local or of origin, else the reason."""
    named = (f"refs/heads/{branch}", f"refs/remotes/origin/{branch}")
    heads = [name for name in named if succeeds(folder, "rev-parse", "--verify", "--quiet", name)]
    if not heads:
        return f"this checkout has no branch {branch}"
    if not succeeds(folder, "cat-file", "-e", f"{commit}^{{commit}}"):
        return f"this checkout does not have commit {commit[:12]}"
    found = any(succeeds(folder, "merge-base", "--is-ancestor", commit, head) for head in heads)
    return "yes" if found else f"commit {commit[:12]} is not in {branch}"
