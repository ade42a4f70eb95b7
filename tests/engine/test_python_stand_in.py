"""The `python` that waits does with a script what the real one does: python_stand_in.py."""

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from conftest import environment

SCRIPT = """
import os, sys
print(sys.argv, __name__, __file__, sys.path[0], os.getcwd(), os.environ.get("WORD"), sys.stdin.read())
print(sys.executable)
print(sys.modules["__main__"].__dict__.get("left"), file=sys.stderr)
left = "behind"
import beside
ENDING
"""
ENDINGS = {
    "done": ("", 0),
    "a code": ("sys.exit(3)", 3),
    "a text": ("sys.exit('no')", 1),
    "an error": ("raise ValueError('no')", 1),
    "a signal": ("os.kill(os.getpid(), 9)", -9),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_script_sees_and_says_the_same(ending: str, waiting_python: Path, tmp_path: Path) -> None:
    code, status = ENDINGS[ending]
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/job.py").write_text(SCRIPT.replace("ENDING", f"sys.stdout.flush()\n{code}"))
    (tmp_path / "folder/beside.py").write_text("print('beside')")
    quick, real = (
        subprocess.run(
            [python, "folder/job.py", "--a", "ü"],
            cwd=tmp_path, env=environment(WORD="a b"), input="in", capture_output=True, text=True, check=False,
        )
        for python in (waiting_python / "python", sys.executable)
    )  # fmt: skip
    assert (quick.returncode, quick.stdout) == (status, real.stdout.replace(sys.executable, f"{waiting_python}/python"))
    assert real.returncode == status
    assert quick.stderr.splitlines()[-1:] == real.stderr.splitlines()[-1:]


def test_where_threads_or_python_itself_are_set_the_real_one_is_called(waiting_python: Path, tmp_path: Path) -> None:
    (tmp_path / "job.py").write_text("import sys; print('mlflow' in sys.modules)")
    for variables, waiting in (({}, True), ({"OMP_NUM_THREADS": "1"}, False), ({"PYTHONHASHSEED": "1"}, False)):
        command = [str(waiting_python / "python"), "job.py"]
        said = subprocess.run(command, cwd=tmp_path, env=environment(**variables), stdout=subprocess.PIPE, check=True)
        assert said.stdout.decode() == f"{waiting}\n"


def test_a_script_ends_with_its_caller(waiting_python: Path, tmp_path: Path) -> None:
    (tmp_path / "job.py").write_text("import os, time; print(os.getpid(), flush=True); time.sleep(600)")
    with subprocess.Popen([waiting_python / "python", tmp_path / "job.py"], stdout=subprocess.PIPE) as caller:
        assert caller.stdout
        process = int(caller.stdout.readline())
        caller.kill()
    end = time.monotonic() + 30
    while psutil.pid_exists(process) and time.monotonic() < end:
        time.sleep(0.1)
    assert not psutil.pid_exists(process)
