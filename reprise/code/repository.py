"""A git repository, local or remote. Resolve a version in it, and fetch the objects of the commit.

A remote repository has a bare and partial clone in the cache, with only the files of requested commits. A local
repository is read in place, and never written to.
"""

import errno
import hashlib
import os
import re
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from reprise.base.credentials import without_credentials
from reprise.base.errors import JobFailed, WrongCall
from reprise.base.process_lock import locked
from reprise.code import clone_cache
from reprise.code.checkout import remote_url
from reprise.code.git import OFFLINE, GitError, explain, git, path_of, prefix_of, quoted, succeeds, text
from reprise.code.project_uri import FORMS, ProjectUri, local_folder

TIMEOUT = 600
"""Seconds that a server has to answer in, unless `REPRISE_GIT_TIMEOUT` says otherwise."""

SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
"""A commit's full name, of SHA-1 or SHA-256."""

_REMOTE_HEAD = "refs/reprise/HEAD"
_CANDIDATE = re.compile(r"^hint:\s+([0-9a-f]+) (?:commit|tag) (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Commit:
    """A commit, found.

    Attributes:
        sha: 40 hexadecimal digits (64 in a SHA-256 repository).
        branch: the branch that was asked for, or is checked out where none was; None otherwise.
        url: the repository, without credentials: its URL, or for one on this machine that of its remote, else its path.
        subdirectory: the project's folder in the repository, "" at the top.
        git_dir: where its objects are: the cache, or the user's own repository, which is only read.
    """

    sha: str
    branch: str | None
    url: str
    subdirectory: str
    git_dir: Path


def find(place: ProjectUri, also: str | None = None) -> Commit:
    """Find the commit that a project's URI names.

    Args:
        place: the repository, version and folder.
        also: the version as it was given a second time, which must name the same commit.

    Raises:
        WrongCall: there is no such repository or version, or the two versions are not the same commit.
        JobFailed: the repository cannot be reached.
    """
    folder = local_folder(place.repository)
    version, also = (None if asked == "HEAD" and not folder else asked for asked in (place.version or also, also))
    git_dir = _own(folder) if folder else _cached(place.repository, [version, also])
    asked = folder or git_dir
    sha = _resolve(asked, version or ("HEAD" if folder else _REMOTE_HEAD), place.repository)
    if also and _resolve(asked, also, place.repository) != sha:
        raise WrongCall(f"version {also!r} is not the commit that #{version} names", remedy="leave one of them out")
    url = without_credentials(place.repository)
    subdirectory = place.subdirectory
    if folder:
        url = remote_url(folder) or str(folder)
        subdirectory = "/".join(part for part in (prefix_of(folder), subdirectory) if part)
    return Commit(sha, _branch(asked, version, checked_out=folder is not None), url, subdirectory, git_dir)


def has(git_dir: Path, sha: str) -> bool:
    """Return whether a repository on this machine holds a commit."""
    return succeeds(git_dir, "cat-file", "-e", f"{sha}^{{commit}}", env=OFFLINE)


def is_published(place: ProjectUri, commit: Commit) -> bool:
    """Return whether a branch or a tag of a repository leads to a commit, as it stands there now.

    A server may serve more, such as what strangers propose. Of a checkout on this machine the commit checked out counts
    too, but not what it has fetched from elsewhere.

    Args:
        place: the repository.
        commit: found in it.

    Raises:
        JobFailed: the repository cannot be reached.
    """
    folder = local_folder(place.repository)
    if folder is None:
        with locked(commit.git_dir.with_suffix(".lock")):
            _fetch(commit.git_dir, place.repository, [])
    named = text(
        commit.git_dir, "for-each-ref", "--count=1", "--contains", commit.sha, "refs/heads", "refs/tags", env=OFFLINE
    )
    checked_out = folder is not None and succeeds(
        folder, "merge-base", "--is-ancestor", commit.sha, "HEAD", env=OFFLINE
    )
    return bool(named or checked_out)


def borrow(repository: Path, git_dir: Path) -> None:
    """Let one of our own repositories read the objects of another one, without its configuration.

    Raises:
        GitError: git cannot read the other one.
    """
    objects = path_of(git(git_dir, "rev-parse", "--path-format=absolute", "--git-path", "objects", env=OFFLINE))
    (repository / "objects/info").mkdir(parents=True, exist_ok=True)
    (repository / "objects/info/alternates").write_bytes(os.fsencode(f"{quoted(objects)}\n"))


def _own(folder: Path) -> Path:
    if not folder.exists():
        raise WrongCall(f"repository {str(folder)!r} does not exist", remedy="name a git URL or a folder in a checkout")
    try:
        return path_of(git(folder, "rev-parse", "--path-format=absolute", "--git-common-dir", env=OFFLINE))
    except GitError as error:
        raise WrongCall(f"{str(folder)!r} cannot be run at a commit: {explain(error, folder)}") from error


def _cached(url: str, asked: list[str | None]) -> Path:
    """Fetch a version into the cache. A commit that is there already needs no call to the server."""
    versions = [version for version in asked if version]
    commits = [version for version in versions if SHA.fullmatch(version)]
    git_dir = (
        clone_cache.folder("repositories") / f"{hashlib.sha256(without_credentials(url).encode()).hexdigest()[:24]}.git"
    )
    with clone_cache.writing(git_dir), locked(git_dir.with_suffix(".lock")):
        if not (git_dir / "HEAD").exists():
            _make(git_dir, url)
        if not versions:
            _ask_server(git_dir, url, "fetch", "--quiet", "--no-tags", "origin", f"+HEAD:{_REMOTE_HEAD}")
        elif not all(version in commits and has(git_dir, version) for version in versions):
            _fetch(git_dir, url, commits)
        for version in versions or [_REMOTE_HEAD]:
            _fetch_files(git_dir, url, version)
    return git_dir


def _make(git_dir: Path, url: str) -> None:
    """Make an empty repository completely or not at all. It is partial if the server can leave files out."""
    unfinished = git_dir.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    git(git_dir.parent, "init", "--quiet", "--bare", "--template=", str(unfinished))
    settings = {"gc.auto": "0"}  # running clones borrow its objects
    if _leaves_files_out(unfinished, url):
        settings |= {"core.repositoryFormatVersion": "1", "extensions.partialClone": "origin"}
        settings |= {"remote.origin.promisor": "true", "remote.origin.partialclonefilter": "blob:none"}
    for name, value in settings.items():
        git(unfinished, "config", name, value)
    unfinished.rename(git_dir)


def _leaves_files_out(git_dir: Path, url: str) -> bool:
    """Return whether a server offers filters. With a server of plain files, git 2.39 would ask for ever."""
    trace = git_dir / "trace"
    _ask_server(git_dir, url, "ls-remote", "--quiet", "origin", "HEAD", env={"GIT_TRACE_PACKET": str(trace)})
    said = trace.read_text(encoding="utf-8", errors="replace") if trace.exists() else ""
    trace.unlink(missing_ok=True)
    return bool(re.search(r"< (fetch=.* ?filter\b|.*\\0.* filter( |$))", said, re.MULTILINE))


def _fetch(git_dir: Path, url: str, commits: list[str]) -> None:
    """Fetch all branches and tags; a commit on none of them is asked for by itself."""
    every = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
    _ask_server(git_dir, url, "fetch", "--quiet", "--prune", "--no-tags", "origin", *every)
    for commit in commits:
        if not has(git_dir, commit):
            with suppress(JobFailed):  # servers may refuse; what is missing is named when it is looked up
                _ask_server(git_dir, url, "fetch", "--quiet", "--no-tags", "origin", commit)


def _fetch_files(git_dir: Path, url: str, version: str) -> None:
    """Fetch the files of a commit that are not here yet, all in one call."""
    if not succeeds(git_dir, "rev-parse", "--verify", "--quiet", f"{version}^{{commit}}", env=OFFLINE):
        return
    listed = git(git_dir, "rev-list", "--objects", "--no-walk", "--missing=print", f"{version}^{{commit}}")
    missing = [line[1:] for line in listed.split(b"\n") if line.startswith(b"?")]
    if missing:
        options = ["--no-tags", "--no-write-fetch-head", "--recurse-submodules=no", "--filter=blob:none", "--stdin"]
        _ask_server(git_dir, url, "fetch", "--quiet", *options, "origin", stdin=b"\n".join(missing))


def _ask_server(
    git_dir: Path, url: str, *arguments: str, stdin: bytes = b"", env: Mapping[str, str] | None = None
) -> None:
    """Run git such that no prompt and no silent server can hang it; the URL, with its password, goes to no file.

    Raises:
        JobFailed: the server cannot be reached, refuses, or does not answer in time.
        OSError: there is no room for what it sends.
    """
    settings = {"remote.origin.url": url, "http.lowSpeedLimit": "1", "http.lowSpeedTime": "60"}
    own = int(os.environ.get("GIT_CONFIG_COUNT") or 0)  # settings that the user gives git in this way stay
    variables = {"GIT_CONFIG_COUNT": str(own + len(settings)), **(env or {})}
    for number, (name, value) in enumerate(settings.items(), own):
        variables |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    if "GIT_SSH" not in os.environ and not text(git_dir, "config", "core.sshCommand"):
        variables["GIT_SSH_COMMAND"] = os.environ.get("GIT_SSH_COMMAND", "ssh -oBatchMode=yes -oConnectTimeout=20")
    timeout = _timeout()
    try:
        git(git_dir, *arguments, env=variables, stdin=stdin, timeout=timeout)
    except GitError as error:
        if clone_cache.is_full(git_dir) or "No space left" in str(error):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
        message = f"repository {without_credentials(url)} cannot be fetched: {_cause(error)}"
        raise JobFailed(message) from error


def _timeout() -> float:
    given = os.environ.get("REPRISE_GIT_TIMEOUT", str(TIMEOUT))
    try:
        return float(given)
    except ValueError as error:
        raise WrongCall(f"REPRISE_GIT_TIMEOUT is {given!r}", remedy="set it to a number of seconds") from error


def _cause(error: GitError) -> str:
    """Return the informative line of git's output, and a remedy."""
    lines = [line for line in without_credentials(str(error)).splitlines() if line.strip()]
    fatal = [line.partition(":")[2].strip() for line in lines if line.startswith(("fatal:", "error:", "ssh:"))]
    reason = (fatal or lines)[0]
    if "no answer within" in reason:
        return f"{reason}; raise REPRISE_GIT_TIMEOUT for a slow server"
    return f"{reason}; check that git ls-remote works there without a prompt"


def _resolve(folder: Path, version: str, repository: str) -> str:
    named = without_credentials(repository)
    if version.startswith("-"):
        raise WrongCall(f"{version!r} is no commit, tag or branch", remedy=f"write {FORMS}")
    try:
        return git(folder, "rev-parse", "--verify", f"{version}^{{commit}}", env=OFFLINE).decode().strip()
    except GitError as error:
        if "ambiguous" in str(error):
            found = "; ".join(f"{sha} ({what})" for sha, what in _CANDIDATE.findall(str(error)))
            raise WrongCall(f"{version!r} is ambiguous in {named}: {found}", remedy="write more digits") from error
        if version == "HEAD":
            raise WrongCall(f"{named}: {explain(error, folder)}; is there a commit?") from error
        message = f"{version!r} is no commit, tag or branch of {named}"
        raise WrongCall(message, remedy=f"write {FORMS}") from error


def _branch(folder: Path, version: str | None, *, checked_out: bool) -> str | None:
    if version is None:
        return text(folder, "symbolic-ref", "--quiet", "--short", "HEAD", env=OFFLINE) if checked_out else None
    known = succeeds(folder, "show-ref", "--verify", "--quiet", f"refs/heads/{version}", env=OFFLINE)
    return version if known else None
