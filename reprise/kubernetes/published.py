"""Check that the commit is on the remote that a pod fetches from, and whether that takes credentials."""

from pathlib import Path

from reprise.base.credentials import without_credentials
from reprise.base.errors import JobFailed, WrongCall, one_line
from reprise.code.git import GitError, git, succeeds, text
from reprise.code.project_uri import ProjectUri, local_folder
from reprise.code.repository import Commit, find, has

TIMEOUT = 60
"""Seconds that a server has to say what it holds."""

_SSH = {"GIT_SSH_COMMAND": "ssh -oBatchMode=yes -oConnectTimeout=20"}


def check_pushed(place: ProjectUri, commit: Commit) -> None:
    """Ask the remote of a checkout whether it has the commit; what came from a URL has been fetched from there.

    Raises:
        WrongCall: it does not.
        JobFailed: it cannot be asked.
    """
    folder = local_folder(place.repository)
    if folder is None:
        return
    remote = _remote(folder)
    if remote is None:
        raise WrongCall(f"{str(folder)!r} has no remote, and a pod fetches from one: run git remote add origin …")
    tips = _tips(folder, remote)
    if commit.sha in tips or any(_is_behind(folder, commit.sha, tip) for tip in tips):
        return
    try:
        find(ProjectUri(commit.url, commit.sha))  # what others have pushed on top is not here
    except WrongCall as error:
        target = commit.branch or f"{commit.sha[:12]}:refs/heads/<branch>"
        raise WrongCall(
            f"commit {commit.sha} is not on {remote} ({commit.url})", remedy=f"run git push {remote} {target}"
        ) from error


def takes_credentials(url: str) -> bool:
    """Return whether a repository is readable only with a key or a password."""
    if "://" not in url or url.startswith(("ssh:", "git+ssh:")):
        return local_folder(url) is None
    if not url.startswith("http"):
        return False
    try:
        git(Path("/"), "-c", "credential.helper=", "ls-remote", "--quiet", url, "HEAD", timeout=TIMEOUT)
    except GitError:
        return True
    return False


def _remote(folder: Path) -> str | None:
    remotes = (text(folder, "remote") or "").splitlines()
    return "origin" if "origin" in remotes else next(iter(remotes), None)


def _tips(folder: Path, remote: str) -> set[str]:
    try:
        listed = git(folder, "ls-remote", "--quiet", "--heads", "--tags", remote, env=_SSH, timeout=TIMEOUT).decode()
    except GitError as error:
        message = without_credentials(one_line(error))
        raise JobFailed(f"cannot check whether remote {remote} has the commit: {message}") from error
    return {line.partition("\t")[0] for line in listed.splitlines()}


def _is_behind(folder: Path, sha: str, tip: str) -> bool:
    return has(folder, tip) and succeeds(folder, "merge-base", "--is-ancestor", sha, tip)
