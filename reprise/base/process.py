"""Identify the process that fills a run, so that a dead process can be told from a live one.

A process id alone is not enough. It is reused, and it means another process on another machine, after a restart and in
a container. So the machine, its boot, the pid namespace and the start of the process are recorded with it. If one of
them cannot be found, as on systems without /proc, the answer is `unknown`, never `gone`.
"""

import hashlib
import hmac
import json
import multiprocessing
import os
import re
import socket
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from reprise.base import tag, untrusted_text

_LARGEST_ID = 2**31 - 1  # which a process's id can be
_MACHINE_ID = 32  # digits; where a machine has no id yet, there may be a word instead

_CLOCK = 2
"""Seconds by which a process's start, which is counted from the boot, may seem later than it was."""

_INTERPRETERS = re.compile(rb"python|mlflow|jupyter|java|Rscript|/R\b")
"""What a program that fills runs is called by; a shell that stands in the folder is none."""

State = Literal["alive", "gone", "unknown"]

INITIAL_PID_NAMESPACE = "pid:[4026531836]"
"""The namespace that Linux boots with, the same number on every machine: this process is in no container."""


@dataclass(frozen=True)
class Process:
    """A process, and everything that its id depends on. An empty text stands for an unknown value.

    Attributes:
        host: the machine's name.
        machine: a digest of Linux's machine id, which lasts over restarts and is itself confidential.
        boot: the kernel's id of this boot.
        pid_namespace: where the id counts; a container has one of its own.
        pid: the id.
        start: clock ticks from the boot to the process's start.
    """

    host: str
    machine: str
    boot: str
    pid_namespace: str
    pid: int
    start: str


def this_process() -> Process:
    """Identify the process that calls."""
    _, start = _status(os.getpid())
    return Process(
        host=socket.gethostname(),
        machine=_machine(),
        boot=_read(Path("/proc/sys/kernel/random/boot_id")),
        pid_namespace=_pid_namespace(),
        pid=os.getpid(),
        start=start,
    )


def tags() -> dict[str, str]:
    """Return the tag that a run carries which this process fills."""
    return {tag.PROCESS: json.dumps(asdict(this_process()))}


def read(tag: str | None) -> Process | None:
    """Read the tag's value; None where it is absent or of another form."""
    try:
        fields = untrusted_text.parse_json(tag or "null")
        process = Process(**fields)
    except (ValueError, TypeError):
        return None
    return process if isinstance(process.pid, int) and 0 < process.pid <= _LARGEST_ID else None


def state(process: Process) -> State:
    """Return whether a process is alive.

    Returns:
        `gone` only where this is certain: it is of this machine and of this process's pid namespace, and no process has
        its id or one does that was started at another time. Also after a restart of the machine, outside of containers.
    """
    here = this_process()
    if process.host != here.host or not process.boot or not process.start or not process.pid_namespace:
        return "unknown"
    if process.boot != here.boot:
        return "gone" if _is_of_this_machine(process, here) else "unknown"
    if process.pid_namespace != here.pid_namespace:
        return "unknown"
    return _state_here(process)


def may_fill(run_id: str, started: float, store: Path) -> bool:
    """Return whether a live process of this machine may fill a run that names no process.

    It may if it was given the run by `MLFLOW_RUN_ID`, or if it is older than the run and has its store open. An
    interpreter also may if the store is named in its `MLFLOW_TRACKING_URI`, or lies in the folder that it works in.

    Args:
        run_id: of the run.
        started: when the run was made, in seconds since the epoch.
        store: the SQLite file that keeps it.

    Returns:
        False only where this is certain.
    """
    if _pid_namespace() != INITIAL_PID_NAMESPACE:
        return True  # this process does not see all others
    boot, others = boot_time(), [place for place in Path("/proc").glob("[0-9]*") if place.name != str(os.getpid())]
    return boot is None or any(_may_fill(place, run_id, started, store, boot) for place in others)


def _may_fill(place: Path, run_id: str, started: float, store: Path, boot: float) -> bool:
    interpreter = bool(_INTERPRETERS.search(_read_bytes(place / "cmdline")))
    try:
        environment = os.fsdecode((place / "environ").read_bytes()).split("\0")
        if f"MLFLOW_RUN_ID={run_id}" in environment:
            return True
        if not _is_older(place, started, boot):
            return False
        if any(file.resolve() == store.resolve() for file in (place / "fd").iterdir()):
            return True
        named = any(f"MLFLOW_TRACKING_URI=sqlite:///{path}" in environment for path in (store, store.resolve()))
        return interpreter and (named or (place / "cwd").resolve() == store.resolve().parent)
    except (FileNotFoundError, ProcessLookupError):
        return False  # it has ended
    except OSError:
        return interpreter and _is_older(place, started, boot)  # of another user, and so not to be looked into


def _is_older(place: Path, started: float, boot: float) -> bool:
    _, ticks = _status(int(place.name))
    return boot + int(ticks or 0) / os.sysconf("SC_CLK_TCK") <= started + _CLOCK


def end_with(parent: int) -> None:
    """End this process soon after its parent, because it would wait for its parent's work for ever.

    Args:
        parent: its process id.
    """
    own = os.getppid() == parent
    spawner = multiprocessing.parent_process()  # of the child of a fork server, whose own parent that server is

    def watch() -> None:
        while os.getppid() == parent if own else spawner is None or spawner.is_alive():
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def boot_time() -> float | None:
    """Return when this machine was started, in seconds since the epoch; None where that is not known."""
    found = re.search(r"^btime (\d+)$", _read(Path("/proc/stat")), re.MULTILINE)
    return float(found[1]) if found else None


def _is_of_this_machine(process: Process, here: Process) -> bool:
    """Return whether another boot was one of this machine; a container's name and files may exist on many."""
    in_no_container = process.pid_namespace == here.pid_namespace == INITIAL_PID_NAMESPACE
    return in_no_container and process.machine == here.machine != ""


def _state_here(process: Process) -> State:
    try:
        os.kill(process.pid, 0)  # sends nothing; asks the kernel even where /proc hides other users' processes
    except ProcessLookupError:
        return "gone"
    except (PermissionError, OverflowError):
        pass
    condition, start = _status(process.pid)
    if not start:
        return "unknown"
    return "alive" if start == process.start and condition not in ("Z", "X") else "gone"


def _status(pid: int) -> tuple[str, str]:
    """Read a process's state (`Z` for a zombie) and start time, empty if they cannot be read."""
    try:
        if str(Path("/proc/self").readlink()) != str(os.getpid()):
            return "", ""  # the /proc of another namespace, where ids mean other processes
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return "", ""
    return fields[0], fields[19]  # proc(5): the 3rd and the 22nd field; the 2nd, a name, may hold anything


def _machine() -> str:
    machine_id = _read(Path("/etc/machine-id"))
    if len(machine_id) != _MACHINE_ID:
        return ""
    # machine-id(5) asks for this: what is published must not lead back to the id
    return hmac.new(machine_id.encode(), b"reprise", hashlib.sha256).hexdigest()[:_MACHINE_ID]


def _pid_namespace() -> str:
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


def _read(path: Path) -> str:
    return _read_bytes(path).decode(errors="replace").strip()


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
