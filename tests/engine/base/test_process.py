"""A process that fills a run: alive, gone, or not known."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from conftest import PROJECT

from reprise.base import tag
from reprise.base.process import INITIAL_PID_NAMESPACE, Process, read, state, tags, this_process

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a process is identified on Linux alone")
TELL = "from reprise.base import process, tag; print(process.tags()[tag.PROCESS], flush=True); input()"


def start(*before: str) -> subprocess.Popen[str]:
    """Start a process that tells who it is and waits for a line."""
    command = [*before, sys.executable, "-c", TELL]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=PROJECT, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def told(started: subprocess.Popen[str]) -> Process:
    assert started.stdout
    process = read(started.stdout.readline())
    assert process
    return process


@pytest.fixture
def child() -> Iterator[subprocess.Popen[str]]:
    with start() as started:
        yield started
        started.kill()


def test_a_live_process_is_alive(child: subprocess.Popen[str]) -> None:
    assert state(told(child)) == "alive"
    assert state(this_process()) == "alive"


def test_a_killed_process_is_gone_also_while_nobody_has_waited_for_it(child: subprocess.Popen[str]) -> None:
    process = told(child)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert state(process) == "gone"
    child.wait()
    assert state(process) == "gone"


def test_a_process_id_that_is_used_again_is_another_process() -> None:
    assert state(replace(this_process(), start="1")) == "gone"


def test_a_process_of_another_host_is_unknown() -> None:
    assert state(replace(this_process(), host="elsewhere", pid=2**22)) == "unknown"


def test_after_a_restart_of_this_very_machine_it_is_gone() -> None:
    process = replace(this_process(), boot="another", pid_namespace=INITIAL_PID_NAMESPACE)
    certain = this_process().machine and this_process().pid_namespace == INITIAL_PID_NAMESPACE
    assert state(process) == ("gone" if certain else "unknown")


@pytest.mark.parametrize("difference", [{"machine": "another"}, {"machine": ""}, {"pid_namespace": "pid:[4026532000]"}])
def test_another_boot_of_perhaps_another_machine_is_unknown(difference: Any) -> None:
    assert state(replace(this_process(), boot="another", **difference)) == "unknown"


@pytest.mark.parametrize("missing", ["boot", "pid_namespace", "start"])
def test_what_could_not_be_found_out_makes_it_unknown(missing: str) -> None:
    assert state(replace(this_process(), pid=2**22, **{missing: ""})) == "unknown"


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="only root can make a pid namespace")
def test_a_process_in_a_container_of_the_same_name_is_unknown() -> None:
    """Its id means another process here, or none."""
    with start("unshare", "--pid", "--fork", "--kill-child", "--mount-proc") as contained:
        process = told(contained)
        contained.kill()
    assert process.host == this_process().host
    assert process.pid_namespace != this_process().pid_namespace
    assert state(process) == "unknown"


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="only root can make a pid namespace")
def test_the_proc_of_another_namespace_is_not_believed() -> None:
    with start("unshare", "--pid", "--fork", "--kill-child") as contained:
        process = told(contained)
        contained.kill()
    assert process.start == ""


def test_the_tag_is_read_back() -> None:
    assert read(tags()[tag.PROCESS]) == this_process()
    assert len(tags()[tag.PROCESS]) < 500


@pytest.mark.parametrize("change", [{"pid": "7"}, {"pid": 0}, {"more": 1}])
def test_a_tag_of_another_form_names_no_process(change: dict[str, object]) -> None:
    assert read(json.dumps(asdict(this_process()) | change)) is None


@pytest.mark.parametrize("tag", [None, "", "host=a pid=1", "[]", "{}", "7"])
def test_another_text_names_no_process(tag: str | None) -> None:
    assert read(tag) is None


def test_the_machine_id_itself_is_not_recorded() -> None:
    try:
        with open("/etc/machine-id", encoding="utf-8") as file:  # noqa: PTH123
            machine = file.read().strip()
    except OSError:
        pytest.skip("this machine has no id")
    assert machine not in tags()[tag.PROCESS]


WORKERS = """
import multiprocessing, os, sys, time
from reprise.base.process import end_with

def work(_):
    time.sleep(2)
    return os.getpid()

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    with context.Pool(2, end_with, (os.getpid(),)) as pool:
        print(*set(pool.map(work, range(4), chunksize=1)), flush=True)
        os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers_end_with_the_process_they_work_for_however_they_were_started(method: str, tmp_path: Path) -> None:
    script = tmp_path / "work.py"
    script.write_text(WORKERS)
    variables = {**os.environ, "PYTHONPATH": str(PROJECT)}
    done = subprocess.run(
        [sys.executable, str(script), method], env=variables, stdout=subprocess.PIPE, text=True, timeout=60, check=False
    )
    workers = [int(number) for number in done.stdout.split()]
    assert len(workers) == 2
    _, alive = psutil.wait_procs([psutil.Process(pid) for pid in workers if psutil.pid_exists(pid)], timeout=20)
    assert alive == []
