"""Temporary folders, and what becomes of those whose process was killed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from reprise.base import scratch
from reprise.base.errors import JobFailed

HOLDER = """
import sys
from reprise.base import scratch
with scratch.folder("bundle") as folder:
    (folder / "file").write_text("content")
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    return tmp_path


def holder() -> tuple[subprocess.Popen[str], Path]:
    process = subprocess.Popen([sys.executable, "-c", HOLDER], stdin=-1, stdout=-1, text=True)
    assert process.stdout
    return process, Path(process.stdout.readline().strip())


def test_a_folder_is_gone_when_its_block_ends() -> None:
    with scratch.folder("bundle") as folder:
        (folder / "file").write_text("content")
        assert folder.parent.name.startswith("bundle-")
    assert not folder.parent.exists()


def test_what_a_killed_process_left_is_swept_and_what_a_live_one_holds_stays() -> None:
    dead, left = holder()
    dead.kill()
    dead.wait()
    alive, held = holder()  # sweeps before it makes its own
    assert not left.exists()
    assert (held / "file").read_text() == "content"
    assert scratch.sweep() == 0
    assert held.exists()
    alive.kill()
    alive.wait()
    assert scratch.sweep() == 1
    assert not held.exists()


def test_nobody_else_may_read_there(temporary: Path) -> None:
    with scratch.folder("bundle"):
        assert (temporary / f"reprise-{os.getuid()}").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("plant", ["link", "file", "open to all"])
def test_a_planted_folder_is_refused_by_name(temporary: Path, plant: str) -> None:
    place = temporary / f"reprise-{os.getuid()}"
    if plant == "link":
        place.symlink_to(temporary / "elsewhere")
    elif plant == "file":
        place.write_text("")
    else:
        place.mkdir()
        place.chmod(0o777)
    with pytest.raises(JobFailed, match=str(place)), scratch.folder("bundle"):
        pass
    assert not (temporary / "elsewhere").exists()


def test_no_room_is_said_in_a_line_that_names_tmpdir(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/proc/nowhere")
    with (
        pytest.raises(JobFailed, match=r"no temporary folder can be made at /proc/nowhere.*set TMPDIR"),
        scratch.folder("x"),
    ):
        pass


def test_a_folder_that_its_process_removes_meanwhile_stops_no_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its process removes it between the two steps by which another one asks for its lock."""

    def gone(path: Path) -> bool:
        raise FileNotFoundError(path)

    with scratch.folder("first"):
        monkeypatch.setattr(scratch, "is_held", gone)
        with scratch.folder("second") as second:
            assert second.is_dir()
