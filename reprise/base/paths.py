"""Check paths and names from a store, a repository or a server before they are used to read or write."""

import re
from pathlib import Path, PurePosixPath, PureWindowsPath

from reprise.base.errors import WrongCall

_NAME = re.compile(r"[0-9A-Za-z_][0-9A-Za-z_.-]{0,254}")
_SHOWN = 200


def name(text: str, what: str) -> str:
    """Check a name that becomes one part of a path, such as a run's or a model's id.

    Args:
        text: as it was given.
        what: it is, for the message, such as `model id`.

    Returns:
        The text: letters, digits, `_`, `.` and `-`, no `.` or `-` at its beginning, 255 at most.

    Raises:
        WrongCall: it is another text.
    """
    if not _NAME.fullmatch(text):
        raise WrongCall(f"{what} {_short(text)} is refused: it must be letters, digits, _, . and -")
    return text


def relative(text: str, what: str) -> str:
    """Check a path that must stay inside of the folder that it is taken from.

    Args:
        text: as it was given, with `/` between its parts; "" is the folder itself.
        what: it is, for the message, such as `subdirectory`.

    Returns:
        The path without `.`, doubled slashes or a slash at its end.

    Raises:
        WrongCall: it is absolute here or on Windows, goes upwards, or leads into git's own folder.
    """
    parts = PurePosixPath(text).parts
    windows = PureWindowsPath(text)
    outside = windows.root or ".." in parts or ".." in windows.parts
    if outside or "\0" in text or any(_is_git_s_own(part) for part in windows.parts):
        raise WrongCall(f"{what} {_short(text)} is refused: it must be a path inside of the folder, not of .git")
    return "/".join(parts)


def inside(folder: Path, text: str, what: str) -> Path:
    """Return a path below a folder, links followed.

    Args:
        folder: where it must stay.
        text: the path from there.
        what: it is, for the message.

    Raises:
        WrongCall: it is no relative path, or a symbolic link leads out of the folder.
    """
    path = folder / relative(text, what)
    if not path.resolve().is_relative_to(folder.resolve()):
        raise WrongCall(f"{what} {_short(text)} is refused: a symbolic link leads out of the folder")
    return path


def _is_git_s_own(part: str) -> bool:
    """Return whether some file system takes a name for `.git`. Case, and dots and blanks at the end, do not count."""
    return part.casefold().rstrip(". ").partition(":")[0] in (".git", "git~1")


def _short(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")
