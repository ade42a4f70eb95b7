"""Code in a model's folder: is each file of it the project's own?"""

from dataclasses import dataclass
from pathlib import Path

from reprise.base import project
from reprise.code.git import OFFLINE, GitError, git, succeeds
from reprise.code.repository import SHA

FOLDER = "code"
"""A model's folder of code, as MLflow calls it."""

SOURCES = ("", "src/")
"""Where modules may lie in a project's folder."""

ENGINE = f"{__name__.partition('.')[0]}/"


@dataclass(frozen=True)
class Origin:
    """Where a model's code says that it is from.

    Attributes:
        commit: of the run that logged the model; None where none is recorded.
        subdirectory: the project's folder in that commit, "" at the top.
    """

    commit: str | None = None
    subdirectory: str = ""


def stranger(folder: Path, origin: Origin, learned_again: Path | None = None) -> str | None:
    """Say which file of a model's code is not the project's own; None where all are.

    Bytes are compared: nothing is made of line ends.

    Args:
        folder: the model's.
        origin: where it is from.
        learned_again: the folder of the same model of the run's repetition, whose code was run at that commit.
    """
    code = folder / FOLDER
    if code.is_symlink() or not code.is_dir():
        return f"its MLmodel names code, {FOLDER!r}, which it does not have"
    for path in sorted(code.rglob("*")):
        name = path.relative_to(code).as_posix()
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            return f"its {FOLDER}/{name} is a link, or no file"
        if path.is_file() and not _is_own(name, path.read_bytes(), origin, learned_again):
            commit = f"commit {origin.commit[:12]} in this checkout's repository" if origin.commit else "any commit"
            return f"its {FOLDER}/{name} is neither that of {commit}, nor the file that this checkout has now"
    return None


def _is_own(name: str, content: bytes, origin: Origin, learned_again: Path | None) -> bool:
    if not all(part.removesuffix(".py").isidentifier() for part in name.split("/")):
        return False
    if learned_again and _holds(learned_again / FOLDER / name, content):
        return True
    if name.startswith(ENGINE) and _holds(project.ENGINE / name, content):
        return True
    here = [f"{source}{name}" for source in SOURCES if _holds(project.FOLDER / source / name, content)]
    return any(not _is_ignored(place) for place in here) or _was(name, content, origin)


def _holds(place: Path, content: bytes) -> bool:
    try:
        return place.is_file() and place.read_bytes() == content
    except OSError:
        return False


def _is_ignored(name: str) -> bool:
    """Tell whether git ignores a file in the project's folder: a store may lie there, and what it holds is not ours."""
    return succeeds(project.FOLDER, "check-ignore", "--quiet", "--", f"./{name}", env=OFFLINE)


def _was(name: str, content: bytes, origin: Origin) -> bool:
    """Tell whether the file has this content in the commit, as far as this checkout's repository has that."""
    if origin.commit is None or not SHA.fullmatch(origin.commit):
        return False
    folder = f"{origin.subdirectory.strip('/')}/" if origin.subdirectory.strip("/") else ""
    return any(_blob(f"{origin.commit}:{folder}{source}{name}") == content for source in SOURCES)


def _blob(named: str) -> bytes | None:
    try:
        return git(project.FOLDER, "cat-file", "blob", named, env=OFFLINE)
    except (GitError, ValueError):  # ValueError: a recorded subdirectory that holds a NUL
        return None
