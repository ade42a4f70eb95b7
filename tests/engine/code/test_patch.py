"""Patches that a store holds: what git writes is applied, what would take all memory is not given to git."""

import zlib
from base64 import b85encode
from pathlib import Path

import pytest
from conftest import commit_all, git

from reprise.base.errors import Irreproducible, JobFailed
from reprise.code.checkout import describe
from reprise.code.clone import cloned
from reprise.code.git import GitError
from reprise.code.patch import LIMIT, RefusedPatchError, apply, check
from reprise.code.project_uri import ProjectUri
from reprise.code.repository import find
from reprise.proof.snapshot import snapshot

HEAD = b"""diff --git a/data.bin b/data.bin
index 3b18e512dba79e4c8300dd08aeb37f8e728b8dad..83d5f0ef53b95ef3b1bbf7a2cd5e0d8cbb1f6fa1 100644
GIT binary patch
"""


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REPRISE_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "MLproject").write_text("name: x\n")
    (folder / "data.bin").write_bytes(bytes(range(256)) * 400)
    (folder / "text.txt").write_text("one\n" * 1000)
    commit_all(folder)
    return folder


def packed(content: bytes) -> bytes:
    """Write a binary part's lines as git does."""
    small = zlib.compress(content)
    lines = []
    for start in range(0, len(small), 52):
        piece = small[start : start + 52]
        length = len(piece) + (64 if len(piece) <= 26 else 70)
        lines.append(bytes([length]) + b85encode(piece + b"\0" * (-len(piece) % 4)) + b"\n")
    return b"".join(lines) + b"\n"


def number(value: int) -> bytes:
    found = b""
    while value > 0x7F:
        found += bytes([value & 0x7F | 0x80])
        value >>= 7
    return found + bytes([value])


def delta(result: int) -> bytes:
    """A delta of a few bytes whose result is as large as one likes: the same stretch is copied again and again."""
    content = number(102400) + number(result) + b"\x80"
    return b"delta %d\n" % len(content) + packed(content)


def literal(size: int, content: bytes = b"x") -> bytes:
    return b"literal %d\n" % size + packed(content)


BACK = literal(1)
REFUSED = {
    "literal of 3 GiB": HEAD + literal(3 * 2**30) + BACK,
    "literals of 300 MiB together": (HEAD + literal(100 * 2**20) + BACK) * 3,
    "what was there before of 3 GiB": HEAD + literal(1) + literal(3 * 2**30),
    "delta to 3 GiB": HEAD + delta(3 * 2**30) + BACK,
    "delta of 3 GiB": HEAD + b"delta 3221225472\n" + packed(b"x") + BACK,
    "a number with a sign": HEAD + b"literal +3221225472\n" + packed(b"x") + BACK,
    "a number on the next line": HEAD + b"literal \n3221225472\n" + packed(b"x") + BACK,
    "a number without end": HEAD + b"literal " + b"9" * 5000 + b"\n" + packed(b"x") + BACK,
    "behind another heading": b"literal 1\nzzz\n" + HEAD + literal(3 * 2**30) + BACK,
    "copies": b"".join(
        b"diff --git a/data.bin b/c%d\nsimilarity index 100%%\ncopy from data.bin\ncopy to c%d\n" % (n, n)
        for n in range(9)
    ),
    "a file over and over": b"--- a/text.txt\n+++ b/text.txt\n@@ -1 +1 @@\n-one\n+two\n" * 3,
}


@pytest.mark.parametrize("patch", REFUSED.values(), ids=REFUSED)
def test_a_patch_that_would_grow_is_refused_in_one_line(repository: Path, patch: bytes) -> None:
    commit = find(ProjectUri(str(repository), "main"))
    with (
        pytest.raises(Irreproducible, match=r"^the recorded patch is refused: (it|a binary part) [^\n]*$"),
        snapshot(commit, patch),
    ):
        pass
    with pytest.raises(JobFailed, match=r"^the patch is refused: "), cloned(commit, patch):
        pass


def test_the_memory_is_what_git_would_take_otherwise(repository: Path) -> None:
    """So the test above can fail: git unpacks what a small patch says, here up to a size that hurts nobody."""
    size = 60 * 2**20
    patch = HEAD + literal(size, bytes(size)) + BACK
    assert len(patch) < size / 500
    with pytest.raises(GitError) as refused:  # for its hash is another one; it was unpacked by then
        apply(repository, patch, "--cached")
    assert not isinstance(refused.value, RefusedPatchError)
    assert size < LIMIT


def test_what_git_writes_is_taken(repository: Path) -> None:
    """Binary files changed in part (a delta), as a whole, removed, and of another kind than before."""
    changed = bytearray((repository / "data.bin").read_bytes())
    changed[5000:5010] = b"0123456789"
    (repository / "data.bin").write_bytes(changed)
    (repository / "new.bin").write_bytes(bytes(reversed(range(256))))
    (repository / "text.txt").unlink()
    (repository / "text.txt").symlink_to("data.bin")
    (repository / "literal 999999999999").write_text("literal 999999999999\ncopy from x\n")
    patch = describe(repository).patch.content
    assert b"\ndelta " in patch
    assert b"\nliteral " in patch
    check(patch)
    with cloned(find(ProjectUri(str(repository), "main")), patch) as clone:
        assert (clone.folder / "data.bin").read_bytes() == changed
        assert (clone.folder / "text.txt").readlink() == Path("data.bin")
        assert git(clone.folder, "status", "--porcelain").count("\n") == 3


def test_a_subdirectory_that_is_a_link_leads_nowhere_else(repository: Path, tmp_path: Path) -> None:
    from reprise.base.errors import WrongCall
    from reprise.running.commit_run import workspace_at
    from reprise.running.run_request import RunRequest

    (tmp_path / "elsewhere").mkdir()
    (repository / "out").symlink_to(tmp_path / "elsewhere")
    commit_all(repository)
    place = ProjectUri(str(repository), "main", "out")
    commit = find(place)
    with cloned(commit) as clone, pytest.raises(WrongCall, match="'out' is refused: a symbolic link leads out"):
        workspace_at(RunRequest(place), commit, clone)
