"""Version and digest of this package, and its files that differ from the release.

`MANIFEST` holds the SHA-256 of each file, as `sha256sum` writes it. `python -m reprise.base.engine --write` renews it.
The engine's digest is the SHA-256 of that text, computed from the present files. For an unedited engine it is the
digest that `sha256sum MANIFEST` prints.
"""

import hashlib
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import reprise
from reprise.base import tag, text_digest
from reprise.base.display_text import listed
from reprise.base.record import Engine as EngineRecord
from reprise.base.terminal import say

PACKAGE = Path(__file__).resolve().parent.parent
"""The folder that this package's files are in."""

MANIFEST = "MANIFEST"

LISTED = 3
"""Edited files that a line names."""

_SHORT = 12  # digits of a digest that a person compares
_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")
_LEFT_BEHIND = re.compile(r"__pycache__|.*\.(py[co]|orig|rej|bak)|.*~|\..*")  # by Python, an editor or a merge
_IMPORTABLE = (".py", ".so", ".pyd")
_VERSION = re.compile(r"""^__version__ = ["']([^"']+)["']$""", re.MULTILINE)


@dataclass(frozen=True)
class Engine:
    """An engine's identity.

    Attributes:
        version: of its release.
        digest: SHA-256 over the names and contents of its files.
        edited: the files that are not those of the release, the kind of edit behind each; empty where all are.
    """

    version: str
    digest: str
    edited: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Write it as the tag has it."""
        return f"{self.version} sha256:{self.digest[:_SHORT]}{' edited' if self.edited else ''}"

    def tags(self) -> dict[str, str]:
        """Return the MLflow tags."""
        return {tag.ENGINE: str(self)}

    def record(self) -> EngineRecord:
        """Return what provenance.json holds."""
        return {"version": self.version, "digest": self.digest, "edited": list(self.edited)}

    def few(self) -> str:
        """Name the first edited files, and how many more there are."""
        return listed(self.edited, LISTED)

    def notes(self) -> list[str]:
        """Return a note if the engine differs from its release."""
        return [f"the engine was edited: {self.few()}; the run records that"] if self.edited else []


def parse(said: object) -> Engine | None:
    """Read the engine from provenance.json. Return None if it has none, as in older runs."""
    if not isinstance(said, dict):
        return None
    version, digest, edited = (said.get(key) for key in ("version", "digest", "edited"))
    if not (isinstance(version, str) and isinstance(digest, str) and isinstance(edited, list)):
        return None
    return Engine(version, digest, tuple(map(str, edited)))


@cache
def this() -> Engine:
    """Identify the engine that runs; its files are read once a process."""
    return identify(PACKAGE, reprise.__version__)


def identify(folder: Path, version: str) -> Engine:
    """Identify the engine in a folder by the files of its release and by other files that Python could import.

    Args:
        folder: the package's.
        version: of its release.
    """
    found = hashes(folder)
    released = read_manifest(folder)
    found = {name: one for name, one in found.items() if name.endswith(_IMPORTABLE) or name in (released or {})}
    digest = hashlib.sha256(text(found).encode()).hexdigest()
    if released is None:
        return Engine(version, digest, (f"{MANIFEST} (missing)",))
    return Engine(version, digest, tuple(_edits(released, found)))


def hashes(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file of a package by its name in the folder, sorted; line ends are those of Unix."""
    return {name: text_digest.sha256(Path(path).read_bytes()) for name, path in sorted(_files(str(folder), ""))}


def text(found: dict[str, str]) -> str:
    """Write hashes as `sha256sum` does."""
    return "".join(f"{digest}  {name}\n" for name, digest in found.items())


def read_manifest(folder: Path) -> dict[str, str] | None:
    """Read the hashes of a release's files; None where the folder has none that can be read."""
    try:
        lines = (folder / MANIFEST).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    found = [match for line in lines if (match := _LINE.fullmatch(line))]
    return {match[2]: match[1] for match in found} or None


def version_in(folder: Path) -> str | None:
    """Read the version of the engine in a folder, without running anything of it; None where it does not say."""
    try:
        found = _VERSION.search((folder / "__init__.py").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return None
    return found[1] if found else None


def _files(folder: str, prefix: str) -> Iterator[tuple[str, str]]:
    for entry in os.scandir(folder):
        if _LEFT_BEHIND.fullmatch(entry.name):
            continue
        if entry.is_dir():
            yield from _files(entry.path, f"{prefix}{entry.name}/")
        elif prefix or entry.name != MANIFEST:
            yield f"{prefix}{entry.name}", entry.path


def _edits(released: dict[str, str], found: dict[str, str]) -> Iterator[str]:
    for name in sorted({*released, *found}):
        if name not in found:
            yield f"{name} (missing)"
        elif name not in released:
            yield f"{name} (added)"
        elif released[name] != found[name]:
            yield f"{name} (changed)"


def _main(arguments: list[str]) -> int:
    """Return which engine this is, or write its manifest anew."""
    if arguments == ["--write"]:
        content = text(hashes(PACKAGE))
        (PACKAGE / MANIFEST).write_text(content, encoding="utf-8", newline="\n")
        say(f"wrote {PACKAGE / MANIFEST}")
        return 0
    if arguments:
        say("Usage: python -m reprise.base.engine [--write]", err=True)
        return 2
    say(str(this()), *this().edited)
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
