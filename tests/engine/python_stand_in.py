"""A `python` that has MLflow and scikit-learn imported before it is called: a process that waits, and forks.

`import mlflow` and what follows take four seconds of a job that works for one, and the tests start hundreds of jobs.
So they find this `python` on their PATH, with `mlflow` and `reprise` beside it. Each script runs in a process of its
own, with the caller's folder, variables and output. Its own modules are imported there: the project's, and the engine
that lies beside them. Anything else, such as `python -c`, goes to the real interpreter.
"""

import atexit
import email
import functools
import gc
import importlib
import importlib.metadata
import json
import os
import runpy
import select
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

LIBRARIES = (
    *("mlflow", "mlflow.sklearn", "mlflow.pyfunc", "mlflow.store.tracking.sqlalchemy_store"),
    *("mlflow.store.model_registry.sqlalchemy_store", "mlflow.store.artifact.local_artifact_repo"),
    *("sklearn.svm", "sklearn.pipeline", "sklearn.kernel_approximation", "sklearn.linear_model", "sklearn.metrics"),
    *("sklearn.compose", "sklearn.model_selection", "sklearn.datasets", "skops.io", "matplotlib.figure"),
    *("matplotlib.backends.backend_agg", "pandas", "pyarrow.parquet", "pydantic", "joblib", "threadpoolctl"),
    *("requests", "yaml", "packaging.requirements", "cloudpickle", "detect_secrets.core.scan", "git"),
    *("alembic.command", "pyarrow.pandas_compat", "pandas.io.formats.csvs", "narwhals._pandas_like.namespace"),
)
"""What jobs import that is neither the project's nor the engine's."""

EXECVE = os.execve

HEEDED = ("PYTHONPATH", "PYTHONIOENCODING")
"""Python's own variables that a script finds heeded. With others the real interpreter is called."""

COMMANDS = ("python", "mlflow", "reprise")
"""What waits. The last two are scripts beside the interpreter."""

CLIENT = """#!{python} -IS
import array, json, os, signal, socket, sys

words, real = [*{script!r}, *sys.argv[1:]], [*{real!r}, *sys.argv[1:]]
with open({server!r}) as file:
    server, cores = json.load(file)
taken = lambda name: name.startswith("PYTHON") and name not in {heeded!r} or name.endswith("_NUM_THREADS")
settings = lambda of: {{name: of[name] for name in of if taken(name)}}
script = {script!r} or words and (words[0] == "-m" or words[0].endswith(".py"))
if not script or settings(os.environ) != settings(server) or sorted(os.sched_getaffinity(0)) != cores:
    os.execv(real[0], real)
connection = socket.socket(socket.AF_UNIX)
connection.connect({address!r})
call = json.dumps([words, os.getcwd(), dict(os.environ)]).encode()
streams = array.array("i", [0, 1, 2])
connection.sendmsg([len(call).to_bytes(8, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, streams)])
connection.sendall(call)
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, lambda number, _: connection.sendall(bytes([number])))
status = int(connection.makefile().readline())
if status < 0:
    if -status != signal.SIGKILL:
        signal.signal(-status, signal.SIG_DFL)
    os.kill(os.getpid(), -status)
os._exit(status)
"""


@contextmanager
def waiting(folder: Path, python: Path = Path(sys.executable)) -> Iterator[Path]:
    """Let a process of an interpreter wait, and give the folder of the `python` that calls it."""
    (folder / "bin").mkdir()
    address, server = folder / "calls", folder / "server.json"
    for name in COMMANDS:
        real = str(python.with_name(name) if name != "python" else python)
        script = [real] if name != "python" else []
        program = folder / "bin" / name
        program.write_text(
            CLIENT.format(
                python=str(python),
                real=[real],
                script=script,
                heeded=HEEDED,
                server=str(server),
                address=str(address),
            )
        )
        program.chmod(0o755)
    server.write_text(json.dumps([dict(os.environ), sorted(os.sched_getaffinity(0))]))
    with subprocess.Popen([python, __file__, str(address)]) as process:
        try:
            while not address.exists():
                assert process.poll() is None
                time.sleep(0.05)
            yield folder / "bin"
        finally:
            process.kill()


def serve(address: Path) -> None:
    """Import the libraries, and let each caller's script run in a process of its own."""
    for name in LIBRARIES:
        importlib.import_module(name)
    importlib.import_module("sqlalchemy.orm").configure_mappers()
    leave_stores_to_the_system()
    read_metadata_once()
    for package in importlib.metadata.distributions():
        package.metadata  # noqa: B018  is read
    importlib.import_module("matplotlib.figure").Figure().savefig(os.devnull, format="png")  # which finds the fonts
    _forget_the_engine()  # MLflow has loaded its plugins of this engine
    assert threading.active_count() == 1, "a fork would lose the other threads"
    del sys.path[0]
    gc.collect()
    gc.freeze()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(address.with_suffix(".new")))
        listener.listen(64)
        address.with_suffix(".new").rename(address)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries them
        while True:
            connection, _ = listener.accept()
            if os.fork():
                connection.close()
                continue
            listener.close()
            _attend(connection, address)


def _attend(connection: socket.socket, address: Path) -> None:
    """Start what is called for, and tell how it ended; end it where the caller is gone."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    size, streams, *_ = socket.recv_fds(connection, 8, 3)
    with connection.makefile("rb") as file:
        words, folder, variables = json.loads(file.read(int.from_bytes(size, "big")))
    process = os.fork()
    if not process:
        connection.close()
        os.setsid()
        for target, stream in enumerate(streams):
            os.dup2(stream, target)
            os.close(stream)
        _open_streams(variables.get("PYTHONIOENCODING"))
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(variables)
        _end(_status_of(words, address.with_name("bin") / "python"))
    for stream in streams:
        os.close(stream)
    ended = os.pidfd_open(process)
    waiting: list[Any] = [connection, ended]
    while ended not in select.select(waiting, [], [])[0]:
        sent = connection.recv(1)  # the number of a signal, or nothing from a caller that is gone
        if not sent:
            os.killpg(process, signal.SIGKILL)
            break
        os.kill(process, sent[0])
    status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    connection.sendall(f"{status}\n".encode())
    os._exit(0)


def _open_streams(encoding: str | None) -> None:
    """Open what Python has at its start: the former ones believe in another kind of file."""
    name, _, errors = (encoding or "").partition(":")
    for number, stream in enumerate(("stdin", "stdout", "stderr")):
        old = getattr(sys, stream)
        errors_here = "backslashreplace" if number == 2 else errors or ("strict" if name else old.errors)
        mode, buffering = "w" if number else "r", 1 if number == 2 else -1
        new = open(number, mode, buffering, name or old.encoding, errors_here, closefd=False)  # noqa: SIM115  they stay
        setattr(sys, stream, new)
        setattr(sys, f"__{stream}__", new)


def _status_of(words: list[str], python: Path) -> int:
    """Run a script or a module as the interpreter would, and return its exit code.

    Args:
        words: of the command.
        python: that was called. `reproduce` builds an environment where `python` is another than its own.
    """
    import numpy as np

    tempfile.tempdir = None  # to be found anew, for the caller's variables
    np.random.seed()  # noqa: NPY002  else all would draw the same
    main = _new_main()
    module = words.pop(0) == "-m" if words[0] == "-m" else False
    sys.argv, sys.executable = words, str(python)
    os.execve = _go_on  # type: ignore[assignment]
    sys.path[:0] = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.path.insert(0, os.getcwd() if module else str(Path(words[0]).resolve().parent))  # noqa: PTH109  as Python does
    _register_plugins()
    if module:
        return _status_within(lambda: runpy._run_module_as_main(words[0]))  # type: ignore[attr-defined]  # noqa: SLF001
    main.__file__ = str(Path(words[0]).absolute())
    code = compile(Path(words[0]).read_bytes(), main.__file__, "exec")
    return _status_within(lambda: exec(code, main.__dict__))  # noqa: S102


def _new_main() -> Any:
    """Put an empty `__main__` in the place of this script's."""
    main: Any = types.ModuleType("__main__")
    main.__builtins__ = __builtins__
    sys.modules["__main__"] = main
    return main


def _status_within(work: Callable[[], Any]) -> int:
    """Return the exit code with which the interpreter would end."""
    try:
        work()
    except SystemExit as ended:
        if ended.code is None or isinstance(ended.code, int):
            return ended.code or 0
        print(ended.code, file=sys.stderr)
        return 1
    except BaseException:  # noqa: BLE001  as the interpreter does
        sys.excepthook(*sys.exc_info())
        return 1
    return 0


def _go_on(program: str, words: list[str], variables: dict[str, str]) -> None:
    """Run the code by which the launcher hands over to a project's own engine; start any other program."""
    if program != sys.executable or words[1:3] != ["-P", "-c"]:
        EXECVE(program, words, variables)
    code, sys.argv = words[3], ["-c", *words[4:]]
    os.environ.clear()
    os.environ.update(variables)
    _forget_the_engine()
    sys.path[0] = str(Path(words[4]).parent)
    _register_plugins()
    del sys.path[0]
    main = _new_main()
    _end(_status_within(lambda: exec(compile(code, "<string>", "exec"), main.__dict__)))  # noqa: S102


def leave_stores_to_the_system() -> None:
    """Let SQLite not wait for the disk, which guards a store against a failure of the machine alone.

    A process that is killed leaves the same either way.
    """
    from sqlalchemy import engine, event

    @event.listens_for(engine.Engine, "connect")
    def _(connection: Any, _record: object) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.execute("PRAGMA synchronous = OFF")


def read_metadata_once() -> None:
    """Let a package's metadata be parsed once: a job asks for those of all packages several times.

    What `importlib.metadata` gives is a copy, so none changes another's.
    """
    email.message_from_string = functools.lru_cache(maxsize=1000)(email.message_from_string)  # type: ignore[assignment]


def _register_plugins() -> None:
    """Let MLflow take those of the engine that is found from here."""
    from mlflow.tracking._tracking_service.utils import _tracking_store_registry

    _tracking_store_registry.register_entrypoints()


def _forget_the_engine() -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "reprise"]:
        del sys.modules[name]


def _end(status: int) -> None:
    """End this process as Python ends, but for the clearing of memory."""
    threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001
    atexit._run_exitfuncs()  # noqa: SLF001
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(status & 0xFF)


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
