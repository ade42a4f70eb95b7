"""The files of a commit with a patch on top, read without a working tree and without running anything."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from reprise.errors import Irreproducible, one_line
from reprise.git import GitError, git
from reprise.running.repository import Commit, borrow


@dataclass(frozen=True)
class Snapshot:
    """A commit and a patch, in the index of a bare repository of its own.

    Attributes:
        folder: that repository.
        subdirectory: the project's folder in it, "" at the top.
    """

    folder: Path
    subdirectory: str

    def file(self, name: str) -> bytes | None:
        """Give a file of the project; None where it has none of that name."""
        path = f"{self.subdirectory}/{name}" if self.subdirectory else name
        try:
            return git(self.folder, "cat-file", "blob", f":{path}")
        except GitError:
            return None


@contextmanager
def snapshot(commit: Commit, patch: bytes) -> Iterator[Snapshot]:
    """Take a snapshot; it is gone when the block ends. Objects are read where they are.

    Args:
        commit: the commit, its objects on this machine.
        patch: as `git diff` writes it; may be empty.

    Raises:
        Irreproducible: the commit cannot be read, or the patch is refused or does not apply.
    """
    with TemporaryDirectory(prefix="reprise-snapshot-") as name:
        folder = Path(name)
        try:
            git(folder, "init", "--quiet", "--bare", "--template=")
            borrow(folder, commit.git_dir)
            git(folder, "read-tree", commit.sha)
        except GitError as error:
            raise Irreproducible(f"commit {commit.sha} cannot be read: {one_line(error, 300)}") from error
        if patch:
            _apply(folder, patch)
        yield Snapshot(folder, commit.subdirectory)


def _apply(folder: Path, patch: bytes) -> None:
    """Apply a patch to the index; git itself refuses paths outside the tree, in .git, or beyond a symbolic link."""
    try:
        git(folder, "apply", "--cached", "-", stdin=patch)
    except GitError as error:
        reason = one_line(error, 300)
        outside = "invalid path" in reason or "beyond a symbolic link" in reason
        what = "names a path outside the project's repository and is refused" if outside else "does not apply"
        raise Irreproducible(f"the recorded patch {what}: {reason}") from error
