"""The repositories that may hold a recorded commit: the recorded ones, then this project's own checkout."""

from collections.abc import Iterable
from pathlib import Path

from reprise.base import project
from reprise.base.credentials import without_credentials
from reprise.base.errors import Irreproducible, JobFailed, WrongCall
from reprise.code.checkout import remote_urls
from reprise.code.git import OFFLINE, GitError, git, path_of, text
from reprise.code.project_uri import ProjectUri, local_folder
from reprise.code.repository import Commit, find, is_published


def own() -> list[str]:
    """Return this project's checkout and the URLs of its remotes; nothing where it is in no repository."""
    top = text(project.FOLDER, "rev-parse", "--show-toplevel")
    return [*([top] if top else []), *remote_urls(project.FOLDER)]


def candidates(recorded: Iterable[str]) -> list[str]:
    """List where to look: the recorded repositories, then this project's checkout, whose path need not be recorded.

    A commit's SHA stands for its content, so it is the same code wherever it is found.
    """
    return list(dict.fromkeys([*recorded, *own()[:1]]))


def trusted(recorded: Iterable[str], named: Iterable[str]) -> list[str]:
    """Keep the candidates that the caller named, that this project has as remotes, or that are its checkout."""
    known = {_normal(url) for url in (*own(), *named)}
    return [url for url in candidates(recorded) if _normal(url) in known]


def place_of(
    commit: str, subdirectory: str, repositories: Iterable[str], *, published: bool = False
) -> tuple[ProjectUri, Commit]:
    """Find the first repository that holds a commit.

    Args:
        commit: its full SHA.
        subdirectory: the project's folder in the repository, "" at the top.
        repositories: where to look.
        published: whether a branch or tag there must lead to the commit.

    Raises:
        Irreproducible: none does, or the subdirectory is outside of the repository; the message says why of each.
    """
    reasons = []
    for repository in repositories:
        try:
            place = ProjectUri(_top(repository), commit, subdirectory)
            found = find(place)
            if not published or is_published(place, found):
                return place, found
            reasons.append(f"no branch or tag of {without_credentials(repository)} leads to it")
        except (JobFailed, WrongCall) as error:
            reasons.append(error.format_message())
    what = "cannot be had" if published else "is gone"
    raise Irreproducible(f"commit {commit} {what}: {'; '.join(reasons) or 'no repository is recorded'}")


def _top(repository: str) -> str:
    """Return the top of the checkout that a folder on this machine is in, from where subdirectories are recorded."""
    folder = local_folder(repository)
    try:
        return str(path_of(git(folder, "rev-parse", "--show-toplevel", env=OFFLINE))) if folder else repository
    except GitError:
        return repository  # bare, or none


def _normal(url: str) -> str:
    clean = without_credentials(url).rstrip("/").removesuffix(".git").removeprefix("file://")
    return str(Path(clean).resolve()) if clean.startswith("/") else clean
