"""Kill `promote` with SIGKILL at random moments; after each, the champion must load and answer.

`python tests/engine/kill_promote.py 20` prints a line a kill. Each promote is a process of its own, forked after the
imports, so that the moments fall into the work and not into `import mlflow`; every other one falls between the
first and the last thing that is written.
"""

import multiprocessing
import os
import random
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from conftest import ENTRY_POINTS, environment

from reprise.base.project import FOLDER
from reprise.governance import history, promotion, registration
from reprise.models import registry
from reprise.models.logged_model import load

train = ENTRY_POINTS["train"]

evaluate = ENTRY_POINTS["evaluate"]

NAME = "reprise"


def prepare() -> None:
    """Train two models, register both, and make the first one champion."""
    for seed in ("1", "2"):
        assert CliRunner().invoke(train, ["--seed", seed]).exit_code == 0
        assert CliRunner().invoke(evaluate).exit_code == 0
        registration.register(newest_run(), NAME)
    promote("1")


def newest_run() -> str:
    """Return the newest training run."""
    import mlflow

    runs = mlflow.search_runs(["0"], "tags.`reprise.job` = 'train'", output_format="list")
    return str(runs[0].info.run_id)


def promote(version: str, written: Connection | None = None) -> None:
    """Promote a version as `reprise promote --force` would, and tell when the first thing is written."""
    begin = history.begin

    def tell(*arguments: Any, **named: Any) -> history.Move:
        if written:
            written.send("now")
        return begin(*arguments, **named)

    history.begin = tell
    policy = FOLDER / "policy.yaml"
    promotion.promote(
        NAME, version, "champion", policy, reason="a test", force=True, probe=lambda _uri: None, note=lambda _text: None
    )


def look(answer: Connection) -> None:
    """Let the champion answer, and count what was left unfinished."""
    champion = registry.aliased(NAME, "champion")
    assert champion is not None
    answers = load(f"models:/{NAME}@champion").answer_example()
    answer.send((champion.number, len(answers), len(history.unfinished(NAME))))


def forked(target: Any, *arguments: Any) -> multiprocessing.Process:
    process = multiprocessing.get_context("fork").Process(target=target, args=arguments)
    process.start()
    return process  # type: ignore[return-value]


def waited(target: Any, *arguments: Any) -> None:
    process = forked(target, *arguments)
    process.join()
    assert process.exitcode == 0


def seen() -> tuple[str, int, int]:
    """Return the champion, how many rows it answered, and how many entries are unfinished."""
    receiver, sender = multiprocessing.Pipe(duplex=False)
    waited(look, sender)
    found: tuple[str, int, int] = receiver.recv()
    return found


def timed(version: str) -> tuple[float, float]:
    """Promote a version; give the seconds until the first thing is written, and from there to the end."""
    receiver, sender = multiprocessing.Pipe(duplex=False)
    begin = time.monotonic()
    process = forked(promote, version, sender)
    receiver.recv()
    written = time.monotonic()
    process.join()
    assert process.exitcode == 0
    return written - begin, time.monotonic() - written


def killed(version: str, moment: float, *, after_writing: bool) -> str:
    """Promote a version and kill that; say how it ended."""
    receiver, sender = multiprocessing.Pipe(duplex=False)
    process = forked(promote, version, sender)
    if after_writing:
        receiver.recv()
    time.sleep(moment)
    process.kill()
    process.join()
    if process.exitcode == 0:
        return "came through"
    return f"killed {moment * 1000:.0f} ms after {'the first write' if after_writing else 'its start'}"


def main(kills: int, seed: int) -> None:
    """Kill as often as asked, and let one promotion come through in the end."""
    rng = random.Random(seed)  # noqa: S311
    waited(prepare)
    to_write, to_end = timed("2")
    now = "2"
    for number in range(kills):
        wanted = "1" if now == "2" else "2"
        after_writing = number % 2 == 1
        end = killed(wanted, rng.uniform(0, to_end if after_writing else to_write), after_writing=after_writing)
        before, (now, answers, unfinished) = now, seen()
        assert now in {before, wanted}
        assert answers == 5
        print(f"{number + 1:2}  {before} -> {wanted}: {end}; champion {now} answers; unfinished: {unfinished}")
    waited(promote, "1" if now == "2" else "2")
    assert seen()[2] == 0
    print(f"seed {seed}: the last promotion came through and left nothing unfinished")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        clean = environment(MLFLOW_TRACKING_URI=f"sqlite:///{Path(folder, 'mlflow.db')}")
        os.environ.clear()
        os.environ.update(clean)
        os.chdir(folder)
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 20, int(sys.argv[2]) if len(sys.argv) > 2 else 0)
