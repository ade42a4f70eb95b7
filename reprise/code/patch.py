"""Apply a recorded patch after checking its unpacked size, since a small patch can need any amount of memory."""

import base64
import re
import zlib
from collections import Counter
from pathlib import Path

from reprise.code.git import GitError, git

LIMIT = 256 * 2**20
"""Bytes that a patch and what its binary parts unpack to may have together: 25 times the changes that one may record,
for a patch holds what was there before as well."""

_PARTS = 2
"""Parts for one path: its kind may change, as from a file to a link, which is a removal and an addition."""
_BINARY = re.compile(rb"^(literal|delta) (.*)\n", re.MULTILINE)
_COPIES = re.compile(rb"^(copy from|rename from) ", re.MULTILINE)
_HEADER = 20
"""Bytes that suffice for the two numbers at the beginning of a delta."""


class RefusedPatchError(GitError):
    """The patch contains something that no recorded patch has. It was not given to git."""


def apply(folder: Path, patch: bytes, *options: str) -> None:
    """Apply a patch in a repository; nothing is done for an empty one.

    Git itself refuses paths outside of the tree, in its `.git`, or beyond a symbolic link.

    Args:
        folder: of the repository.
        patch: as `git diff --binary --no-renames` writes it.
        options: of `git apply`.

    Raises:
        RefusedPatchError: it would grow beyond the limit.
        GitError: it does not apply.
    """
    if not patch:
        return
    check(patch)
    listed = git(folder, "apply", "--numstat", "-z", "-", stdin=patch).split(b"\0")
    path, parts = Counter(entry.split(b"\t", 2)[-1] for entry in listed if entry).most_common(1)[0]
    if parts > _PARTS:
        message = f"it has {parts} parts for {path.decode(errors='replace')!r}; a recorded one has a single part a file"
        raise RefusedPatchError(message)
    git(folder, "apply", *options, "-", stdin=patch)


def check(patch: bytes) -> None:
    """Check the unpacked size of a patch without unpacking it.

    Raises:
        RefusedPatchError: beyond the limit, or it copies files, so that it may grow without end.
    """
    if found := _COPIES.search(patch):
        message = f"it has a part that says {found[1].decode()!r}; a recorded one holds each file's own content"
        raise RefusedPatchError(message)
    total = len(patch) + sum(_unpacked(patch, found) for found in _BINARY.finditer(patch))
    if total > LIMIT:
        raise RefusedPatchError(f"it unpacks to {total / 2**20:,.0f} MiB; at most {LIMIT / 2**20:,.0f} MiB are allowed")


def _unpacked(patch: bytes, found: re.Match[bytes]) -> int:
    """Return the bytes that a binary part asks for: its own, and those that a delta expands to."""
    kind, said = found.groups()
    try:
        if not re.fullmatch(rb"\d{1,20}", said):
            raise ValueError  # noqa: TRY301
        size = int(said)
        if kind == b"literal" or size > LIMIT:
            return size
        _, rest = _number(_beginning(patch, found.end()))
        result, _ = _number(rest)
    except (ValueError, zlib.error) as error:
        raise RefusedPatchError("a binary part of it is not as git writes it") from error
    return size + result


def _beginning(patch: bytes, start: int) -> bytes:
    """Unpack the first bytes of a binary part whose lines begin at a place: a letter for the length, then base 85."""
    unpack = zlib.decompressobj()
    content = b""
    while len(content) < _HEADER and not unpack.eof:
        end = patch.find(b"\n", start)
        line = patch[start : end if end >= 0 else None]
        if not line:
            break
        length = line[0] - (64 if line[:1].isupper() else 70)
        content += unpack.decompress(base64.b85decode(line[1:])[:length], _HEADER)
        start += len(line) + 1
    return content


def _number(content: bytes) -> tuple[int, bytes]:
    """Read a number as a delta writes it, seven bits a byte, the least first; and give what follows."""
    value = 0
    for place, byte in enumerate(content):
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:  # noqa: PLR2004  the highest bit says that more follows
            return value, content[place + 1 :]
    raise ValueError
