"""The code that a model brings along: its folders of code, and the types that it holds."""

import glob
import json
import re
import site
import sys
import sysconfig
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

from reprise.base import project
from reprise.code.git import OFFLINE, GitError, git, succeeds
from reprise.code.repository import SHA

FOLDER = "code"
"""A model's folder of code, as MLflow calls it."""

SOURCES = ("", "src/")
"""Folders of a project that may hold modules."""

ENGINE = f"{__name__.partition('.')[0]}/"

_KEY = re.compile(r"(model_)?code(_paths?)?")
_UNPACKED, _PACKING = 64 << 20, 20  # bytes, and how many times its packed size, that a list of types may come to


@dataclass(frozen=True)
class CodeOrigin:
    """The recorded origin of a model's code.

    Attributes:
        commit: of the run that logged the model; None where none is recorded.
        subdirectory: the project's folder in that commit, "" at the top.
    """

    commit: str | None = None
    subdirectory: str = ""


def code_named(content: Mapping[str, Any]) -> list[str]:
    """List what an MLmodel names as code in any of its flavors, each once: MLflow has a flavor's on `sys.path`."""
    flavors = content.get("flavors")
    each = [flavor for flavor in flavors.values() if isinstance(flavor, dict)] if isinstance(flavors, dict) else []
    values = [value for flavor in each for key, value in flavor.items() if _KEY.fullmatch(str(key))]
    named = [one for value in values for one in (value if isinstance(value, list) else [value])]
    return list(dict.fromkeys(str(one) for one in named if one is not None))


def types_in(file: Path | IO[bytes]) -> set[tuple[str, str]]:
    """List module and name of all types and functions that a model holds, as skops writes them down.

    Raises:
        ValueError: it is no file of skops, or unpacks to far too many bytes.
    """
    try:
        with zipfile.ZipFile(file) as opened:
            member = opened.getinfo("schema.json")
            if member.file_size > max(_UNPACKED, _PACKING * member.compress_size):
                raise ValueError(f"its list of types unpacks to {member.file_size} bytes")
            return set(_typed(json.loads(opened.read(member))))
    except (OSError, zipfile.BadZipFile, zlib.error, EOFError, KeyError, RuntimeError) as error:
        raise ValueError(str(error)) from error


def of_nowhere(types: Iterable[str], code: Path | None, packages: Path | None = None) -> str | None:
    """Name the first type that is neither Python's, nor an installed package's, nor of the model's code.

    Another one would be imported from wherever a module of that name lies: in the current folder, in the project's.

    Args:
        types: dotted names, that of the module first.
        code: the model's folder of code; None where it has none.
        packages: the folder of an environment's packages; None for those of this process.
    """
    known: dict[str, bool] = {}
    for name in types:
        root = name.partition(".")[0]
        if root not in known:
            known[root] = root in sys.stdlib_module_names or _is_installed(root, packages)
        if not known[root] and not (code and is_module_of(code, name)):
            return name
    return None


def stranger(folder: Path, origin: CodeOrigin, learned_again: Path | None = None) -> str | None:
    """Return which file of a model's code is not the project's own; None where all are.

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


def _is_own(name: str, content: bytes, origin: CodeOrigin, learned_again: Path | None) -> bool:
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
    """Return whether git ignores a file in the project's folder. A store may lie there, and its files are not ours."""
    return succeeds(project.FOLDER, "check-ignore", "--quiet", "--", f"./{name}", env=OFFLINE)


def file_at(origin: CodeOrigin, name: str) -> bytes | None:
    """Read a file of the project in a commit; None where this checkout's repository has no such commit or file."""
    if origin.commit is None or not SHA.fullmatch(origin.commit):
        return None
    folder = f"{origin.subdirectory.strip('/')}/" if origin.subdirectory.strip("/") else ""
    return _blob(f"{origin.commit}:{folder}{name}")


def _was(name: str, content: bytes, origin: CodeOrigin) -> bool:
    """Return whether the file has this content in the commit, as far as this checkout's repository has that."""
    return any(file_at(origin, f"{source}{name}") == content for source in SOURCES)


def _blob(named: str) -> bytes | None:
    try:
        return git(project.FOLDER, "cat-file", "blob", named, env=OFFLINE)
    except (GitError, ValueError):  # ValueError: a recorded subdirectory that holds a NUL
        return None


def _typed(node: Any) -> Iterator[tuple[str, str]]:
    waiting = [node]
    while waiting:
        here = waiting.pop()
        if isinstance(here, dict):
            if "__module__" in here and "__class__" in here:
                yield str(here["__module__"]), str(here["__class__"])
            waiting += here.values()
        elif isinstance(here, list):
            waiting += here


def _is_installed(root: str, packages: Path | None) -> bool:
    """Return whether what Python would import by a name lies among its installed packages; nothing is imported."""
    if packages:
        candidates = (packages / root, packages / f"{root}.py", *packages.glob(f"{glob.escape(root)}.*.so"))
        return root.isidentifier() and any(place.exists() for place in candidates)
    try:
        spec = find_spec(root) if root.isidentifier() and root != "__main__" else None
    except (ValueError, ImportError, AttributeError):
        return False
    if spec is None:
        return False
    found = [spec.origin] if spec.has_location and spec.origin else list(spec.submodule_search_locations or ())
    places = {*map(sysconfig.get_path, ("purelib", "platlib")), *site.getsitepackages()}
    places |= {site.getusersitepackages()} if site.ENABLE_USER_SITE else set()
    whole = [Path(place).resolve() for place in places]
    return bool(found) and all(any(Path(one).resolve().is_relative_to(place) for place in whole) for one in found)


def is_module_of(code: Path, name: str) -> bool:
    """Return whether a type is of a module, or of a package, whose file lies in a model's folder of code."""
    parts = name.split(".")[:-1]
    for number, part in enumerate(parts, 1):
        if not part.isidentifier():
            return False
        place = code.joinpath(*parts[:number])
        if place.with_name(f"{part}.py").is_file() or (place / "__init__.py").is_file():
            return True
    return False
