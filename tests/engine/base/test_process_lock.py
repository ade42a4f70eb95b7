"""A lock that another process holds: what a person is told, and when the waiting ends."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import PROJECT, environment

from reprise.base import process_lock
from reprise.base.process_lock import KeptLocked, hold, locked

HOLDER = """
import sys, time
from pathlib import Path
from reprise.base.process_lock import hold
hold(Path(sys.argv[1]))
print(flush=True)
time.sleep(float(sys.argv[2]))
"""


@contextmanager
def held(path: Path, seconds: float) -> Iterator[int]:
    """Let another process hold a lock; give its id."""
    command = [sys.executable, "-c", HOLDER, str(path), str(seconds)]
    with subprocess.Popen(command, cwd=PROJECT, env=environment(), stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        yield process.pid
        process.kill()


def test_who_waits_is_told_for_whom_and_goes_on_when_the_other_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(process_lock, "SILENT", 0.3)
    with held(tmp_path / "lock", 2) as other:
        with locked(tmp_path / "lock", 60):
            pass
        said = capsys.readouterr().err
    assert said == f"note: waiting for process {other}, which holds the lock {tmp_path / 'lock'}\n"


def test_a_short_wait_says_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with held(tmp_path / "lock", 0.5), locked(tmp_path / "lock"):
        assert capsys.readouterr().err == ""


def test_waiting_ends_with_a_line_that_names_process_and_file(tmp_path: Path) -> None:
    with held(tmp_path / "lock", 600) as other:
        began = time.monotonic()
        with pytest.raises(KeptLocked) as raised, locked(tmp_path / "lock", 0.5):
            pass
        assert 0.4 < time.monotonic() - began < 5
    message = f"process {other} has held the lock {tmp_path / 'lock'} for 0.5 s; end it, or try again later"
    assert raised.value.format_message() == message


def test_a_planted_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic link"):
        hold(tmp_path / "lock")
    assert not (tmp_path / "elsewhere").exists()
