"""Every wrong call is answered by one line and makes no run."""

import signal
import sys
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import mlflow
import pytest
from conftest import ENTRY_POINTS
from wrong_calls import Call, Outcome, Site, calls, make_files, outcome, said

from reprise.base import entry_point, tracking_server

command = ENTRY_POINTS["train"]

CALLS = list(calls(Path(), ""))
PROCESSES = [call.name for call in CALLS if call.variables or call.name in ("C=abc", "data=missing.csv")]
"""Calls that get a process of their own here. `python tests/engine/wrong_calls.py` gives one to each."""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Call]]:
    folder = tmp_path_factory.mktemp("files")
    make_files(folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as site:
        threading.Thread(target=site.serve_forever, daemon=True).start()
        yield {call.name: call for call in calls(folder, f"http://127.0.0.1:{site.server_port}")}
        site.shutdown()


def check(found: Outcome) -> None:
    assert found.exit_code == found.call.exit_code
    assert found.runs == []
    assert len([line for line in found.lines if not line.startswith("note: ")]) == 1, found.lines
    assert found.call.says in found.lines[-1]


@pytest.mark.parametrize("name", [call.name for call in CALLS if call.name not in PROCESSES])
def test_a_wrong_call_gets_one_line_and_makes_no_run(
    name: str,
    prepared: dict[str, Call],
    store: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In this process, through the entry point's own end."""
    monkeypatch.setattr(sys, "argv", ["train.py", *prepared[name].arguments])
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setenv(tracking_server.RETRIES_VARIABLE, "1")
    with pytest.raises(SystemExit) as ended:
        entry_point.main(command)
    runs = mlflow.search_runs(search_all_experiments=True, output_format="list")
    check(Outcome(prepared[name], int(str(ended.value.code)), said(capsys.readouterr().err), runs))


@pytest.mark.integration
@pytest.mark.parametrize("name", PROCESSES)
def test_a_process_gives_the_same_line(name: str, prepared: dict[str, Call], tmp_path: Path) -> None:
    check(outcome(prepared[name], tmp_path / "call"))
