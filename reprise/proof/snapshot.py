"""The files of a commit with a patch on top, read without a working tree and without running anything."""

import os
import posixpath
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from reprise.base import scratch
from reprise.base.errors import Irreproducible, one_line
from reprise.code import patch as patches
from reprise.code.git import GitError, git
from reprise.code.repository import Commit, borrow


@dataclass(frozen=True)
class Snapshot:
    """A commit and a patch, in a bare repository of its own.

    Attributes:
        folder: that repository.
        tree: the git tree of both together.
        subdirectory: the project's folder in it, "" at the top.
    """

    folder: Path
    tree: str
    subdirectory: str

    def file(self, name: str) -> bytes | None:
        """Return a file of the project, links within the repository followed; None where it has none of that name."""
        path = posixpath.normpath(posixpath.join(self.subdirectory, name))
        asked = f"{self.tree}:{path}"
        try:
            if "\n" in path:  # which git reads no list of; links are not followed then
                return git(self.folder, "cat-file", "blob", asked)
            answer = git(self.folder, "cat-file", "--batch", "--follow-symlinks", stdin=os.fsencode(asked) + b"\n")
        except (GitError, ValueError):
            return None
        head, _, content = answer.partition(b"\n")
        return content[:-1] if head.split()[1:2] == [b"blob"] else None

    def names(self) -> list[str]:
        """List what stands in the project's folder itself, by name."""
        place = f"{self.tree}:{self.subdirectory}"
        try:
            listed = git(self.folder, "ls-tree", "--name-only", "-z", place)
        except GitError:
            return []
        return [name for name in listed.decode(errors="surrogateescape").split("\0") if name]

    def mlproject(self) -> str | None:
        """Return the name of the project's MLproject, however it is spelled, as MLflow finds it; None without one."""
        return next(iter(sorted(name for name in self.names() if name.lower() == "mlproject")), None)


@contextmanager
def snapshot(commit: Commit, patch: bytes) -> Iterator[Snapshot]:
    """Take a snapshot; it is gone when the block ends. Objects are read where they are.

    Args:
        commit: the commit, its objects on this machine.
        patch: as `git diff` writes it; may be empty.

    Raises:
        Irreproducible: the commit cannot be read, or the patch is refused or does not apply.
    """
    with scratch.folder("snapshot") as folder:
        try:
            git(folder, "init", "--quiet", "--bare", "--template=")
            borrow(folder, commit.git_dir)
            git(folder, "read-tree", commit.sha)
        except GitError as error:
            raise Irreproducible(f"commit {commit.sha} cannot be read: {one_line(error, 300)}") from error
        yield Snapshot(folder, _apply(folder, patch), commit.subdirectory)


def _apply(folder: Path, patch: bytes) -> str:
    """Apply a patch to the index, and give the tree that comes of it."""
    try:
        patches.apply(folder, patch, "--cached")
        return git(folder, "write-tree", "--missing-ok").decode().strip()
    except GitError as error:
        reason = one_line(error, 300)
        outside = "invalid path" in reason or "beyond a symbolic link" in reason
        what = "does not apply"
        if outside or isinstance(error, patches.RefusedPatchError):
            what = "names a path outside the project's repository and is refused" if outside else "is refused"
        raise Irreproducible(f"the recorded patch {what}: {reason}") from error
