"""Run git. No other module calls the program.

Queries write nothing into a user's repository, because optional locks are off. Prompts are off, so that none can hang.
Replacements by `git replace` are ignored.
"""

import os
import shutil
import signal
import subprocess
from pathlib import Path
from subprocess import PIPE

from reprise.base.errors import one_line

MISSING = "git is not installed"

OFFLINE = {"GIT_NO_LAZY_FETCH": "1", "GIT_ALLOW_PROTOCOL": "file"}
"""Variables by which git fetches nothing that a repository lacks: its own configuration says what fetching runs."""


class GitError(Exception):
    """Git refused; the message is git's.

    Attributes:
        output: what it printed before it did.
    """

    def __init__(self, message: str, output: bytes = b"") -> None:
        super().__init__(message)
        self.output = output


def git(
    folder: Path, *arguments: str, env: dict[str, str] | None = None, stdin: bytes = b"", timeout: float | None = None
) -> bytes:
    """Run git on a folder, whatever repository the caller's environment points to, and return what it prints.

    Args:
        folder: where git works.
        arguments: of git.
        env: variables beyond the caller's own.
        stdin: what git reads.
        timeout: seconds until git is ended; None for as long as it takes.

    Raises:
        GitError: git is not installed, ends with another exit code than 0, or not in time.
    """
    clean = {name: value for name, value in os.environ.items() if name not in _LOCAL_VARIABLES}
    clean |= {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_NO_REPLACE_OBJECTS": "1", "LC_ALL": "C"}
    clean |= env or {}
    command = ["git", "-C", str(folder), *_SETTINGS, *arguments]
    if not shutil.which("git", path=clean.get("PATH")):
        raise GitError(MISSING)
    with subprocess.Popen(command, env=clean, stdin=PIPE, stdout=PIPE, stderr=PIPE, start_new_session=True) as process:
        try:
            output, errors = process.communicate(stdin, timeout)
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)  # git's own children too, which talk to the server
            if isinstance(error, subprocess.TimeoutExpired):
                raise GitError(f"no answer within {timeout:g} s") from error
            raise
    if process.returncode:
        message = errors.decode(errors="replace").strip() or f"git {arguments[0]} failed"
        raise GitError(message, output)
    return output


def text(folder: Path, *arguments: str, env: dict[str, str] | None = None) -> str | None:
    """Return what git prints, without the last line's end; None where it refuses or prints nothing."""
    try:
        return git(folder, *arguments, env=env).decode(errors="replace").rstrip("\n") or None
    except GitError:
        return None


def succeeds(folder: Path, *arguments: str, env: dict[str, str] | None = None) -> bool:
    """Return whether git ends with exit code 0."""
    try:
        git(folder, *arguments, env=env)
    except GitError:
        return False
    return True


def quoted(path: Path) -> str:
    """Write a path as git reads it in a list of object directories, where a colon or a line's end would cut it."""
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def path_of(output: bytes) -> Path:
    """Read a path that git printed, whatever bytes it holds."""
    return Path(os.fsdecode(output.removesuffix(b"\n")))


def prefix_of(folder: Path) -> str:
    """Return a folder's path in its repository, "" at the top and in a bare one; whatever bytes its name holds.

    Raises:
        GitError: it is in no repository that git reads.
    """
    return os.fsdecode(git(folder, "rev-parse", "--show-prefix", env=OFFLINE)).removesuffix("\n").removesuffix("/")


def explain(error: GitError, folder: Path) -> str:
    """Return one line on why git refused, with a remedy if one is known."""
    message = str(error)
    if "dubious ownership" in message:
        return f"git distrusts the folder's owner: run git config --global --add safe.directory {folder}"
    if "not a git repository" in message:
        return "the project's folder is in no git repository: run git init and commit"
    if "work tree" in message:
        return "the project's folder is inside a bare repository or a .git folder"
    return one_line(message)


_SETTINGS = tuple(
    word
    for setting in ("core.fsmonitor=false", "core.quotePath=false", f"core.hooksPath={os.devnull}")
    for word in ("-c", setting)
)
"""Git runs no hook here, neither a repository's nor the user's."""

_LOCAL_VARIABLES = {
    "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR", "GIT_PREFIX", "GIT_NAMESPACE", "GIT_CEILING_DIRECTORIES", "GIT_GRAFT_FILE", "GIT_SHALLOW_FILE",
    "GIT_EXTERNAL_DIFF", "GIT_DIFF_OPTS",
}  # fmt: skip
