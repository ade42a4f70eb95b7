"""What a store, a table or a repository holds reaches no terminal as it is, whichever command shows it."""

import io
import json
import re
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import mlflow
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from conftest import ENTRY_POINTS, PROJECT, SCRIPTS, Job, run, script
from mlflow import MlflowClient
from registered import done

from reprise.base import terminal
from reprise.base.display_text import printable
from reprise.base.errors import JobFailed
from reprise.cli.commands import cli
from reprise.governance import history
from reprise.proof.outcome import Finding, Match, Reproduction

HOSTILE = "x\nrepository  https://forged.example/\r\x1b[2J\x1b]0;owned\x07\x9b31m\u202egnp\u2066\u2028\u200b\ufeff\x85\x08\x0b"
"""A line of its own, terminal escapes in 7 and in 8 bits, text turned round, letters that are not seen."""


def check(shown: str) -> None:
    """Ensure that a text has no letter that acts, and no line that the hostile text begins."""
    acting = {letter for letter in shown if unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Zl", "Zp")} - {"\n"}
    assert not acting, (acting, shown)
    assert not re.search(r"^\W*repository +https://forged", shown, re.MULTILINE), shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("text, Grüße, 日本, 👩\u200d🔬, क\u200cष", "text, Grüße, 日本, 👩\u200d🔬, क\u200cष"),
        ("a\nb\tc\r", r"a\nb\tc\r"),
        ("\x1b[31mred\x07", r"\x1b[31mred\x07"),
        ("\x9b31m\x85", r"\x9b31m\x85"),
        ("abc\u202edcba\u2066", r"abc\u202edcba\u2066"),
        ("a\u2028b\u200bc\ufeff", r"a\u2028b\u200bc\ufeff"),
        ("\ud800", r"\ud800"),
        ("C:\\new", "C:\\new"),
        (None, "None"),
    ],
)
def test_a_value_is_shown_as_letters_that_are_what_they_look_like(text: object, shown: str) -> None:
    assert printable(text) == shown


@pytest.fixture
def hostile(judged: MlflowClient) -> Iterator[MlflowClient]:
    """A registry and its runs, in which every text that somebody could have written is hostile."""
    done("promote", "1", "--reason", "good")
    client, kept = judged, {}
    for number in ("1", "2", "3"):
        made = client.get_run(client.get_model_version("reprise", number).run_id)
        for name in {*made.data.tags, "reprise.failure", "mlflow.source.git.branch", "mlflow.source.git.repoURL"}:
            if name not in ("reprise.job", "mlflow.log-model.history"):
                client.set_tag(made.info.run_id, name, HOSTILE + number)
        client.set_tag(made.info.run_id, "mlflow.runName", HOSTILE)
        client.log_param(made.info.run_id, "note", HOSTILE + number)
        path = client.download_artifacts(made.info.run_id, "provenance/provenance.json")
        kept[made.info.run_id] = Path(path).read_text()
        record = json.loads(kept[made.info.run_id])
        record["environment"] |= {
            "python_version": HOSTILE + number,
            "mismatches": [HOSTILE],
            "installed": {HOSTILE: HOSTILE + number},
        }
        record["git"]["patch"]["left_out"] = {HOSTILE: HOSTILE}
        record["data"]["source"]["uri"] = HOSTILE
        client.log_text(made.info.run_id, json.dumps(record), "provenance/provenance.json")
    (move,) = history.moves("reprise")
    for name in (
        "reprise.move.reason",
        "reprise.move.forced",
        "reprise.move.detail",
        "mlflow.user",
        "mlflow.source.git.commit",
    ):
        client.set_tag(move.run_id, name, HOSTILE)
    client.set_tag(move.run_id, "reprise.move.before", HOSTILE)
    yield client
    for run_id, text in kept.items():  # other tests read the same files
        client.log_text(run_id, text, "provenance/provenance.json")


CALLS: dict[str, list[Any]] = {
    "show": [("RUN",), ("no such run" + HOSTILE,)],
    "best": [("--metric", "test_accuracy"), ("--metric", "test_accuracy", "--where", HOSTILE)],
    "history": [(), ("--name", HOSTILE)],
    "compare": [("1", "3"), ("1", HOSTILE)],
    "register": [("RUN",), (HOSTILE,), ("RUN", "--name", HOSTILE)],
    "promote": [("3",), ("2",), (HOSTILE,), ("2", "--policy", HOSTILE)],
    "rollback": [(), ("--to", HOSTILE)],
    "retire": [("--days", "0", "--last", "0"), ("--name", HOSTILE)],
    "doctor": [()],
    "upload": [(HOSTILE,)],
    "ui": [(HOSTILE,)],
    "reproduce": [(HOSTILE,), ("--all", "--model", "reprise"), ("--all", "--model", HOSTILE)],
    "tune": [("-P", HOSTILE)],
    "work": [(HOSTILE,), ("RUN", "--key", HOSTILE)],
    "attach": [(HOSTILE,)],
    "fill": [("RUN", HOSTILE)],
    "run": [(HOSTILE,), (".", "-e", HOSTILE), (".", "--experiment-name", HOSTILE)],
}
NOT_OF_A_STORE = {"lock", "sync", "job", "new"}


def test_every_command_is_tried() -> None:
    assert set(CALLS) | NOT_OF_A_STORE == set(cli.commands)


@pytest.mark.parametrize("call", [(name, *arguments) for name, calls in CALLS.items() for arguments in calls])
def test_no_command_shows_a_hostile_text_as_it_is(
    call: tuple[str, ...], hostile: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    # In this order: what is imported only now takes the real one, for the tests that come after.
    monkeypatch.setattr("reprise.proof.reproductions.run_entry_point", lambda *_: 1)
    monkeypatch.setattr("reprise.running.entry_point_run.run_entry_point", lambda *_: 1)
    run_id = hostile.get_model_version("reprise", "1").run_id
    found = CliRunner().invoke(cli, [run_id if part == "RUN" else part for part in call])
    assert found.exception is None or isinstance(found.exception, SystemExit), repr(found.exception)
    assert found.output
    check(found.output)


def test_a_table_shows_no_hostile_text_as_it_is(train: Job, tmp_path: Path) -> None:
    """Column names, labels and the values that errors name; the summary, the tables per class and per rule."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame({HOSTILE: random.normal(size=60), "b": [0, 1] * 30, "target": [HOSTILE, "no"] * 30})
    frame.to_parquet(tmp_path / "odd.parquet")
    frame.assign(c=[f"{HOSTILE}{row}" for row in range(60)]).to_parquet(tmp_path / "odd2.parquet")
    for name, arguments in {
        "train": ["--data", "odd.parquet"],
        "evaluate": ["--model", "latest"],
        "tune": ["--data", HOSTILE],
        "probe": ["--model", HOSTILE],
        "predict": ["--model", HOSTILE, "--data", HOSTILE],
        "reproduce": ["--run", HOSTILE],
    }.items():
        found = CliRunner().invoke(ENTRY_POINTS[name], arguments)
        assert found.exception is None or isinstance(found.exception, SystemExit), repr(found.exception)
        check(found.output)
    assert set(ENTRY_POINTS) == {"train", "evaluate", "tune", "probe", "predict", "reproduce"}
    for arguments in (["--target", HOSTILE, "--task", "classification"], ["--features", HOSTILE], ["--target", "c"]):
        found = CliRunner().invoke(ENTRY_POINTS["train"], ["--data", "odd2.parquet", *arguments])
        assert found.exit_code
        check(found.output)


def test_a_verdict_shows_no_hostile_text_as_it_is() -> None:
    findings = (
        Finding("results", HOSTILE, Match.DIFFERENT, HOSTILE, HOSTILE, HOSTILE),
        Finding("machine", HOSTILE, Match.SKIPPED, note=HOSTILE),
    )
    check(Reproduction("0" * 32, HOSTILE, HOSTILE, HOSTILE, findings).table())


def test_notes_errors_and_summaries_are_plain(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.note(HOSTILE)
    terminal.say(HOSTILE)
    terminal.summary({HOSTILE: HOSTILE})
    with terminal.step(HOSTILE):
        pass
    JobFailed(HOSTILE).show()
    shown = capsys.readouterr()
    check(click.unstyle(shown.out) + shown.err)
    assert len(shown.err.splitlines()) == 2


def test_columns_stand_below_each_other() -> None:
    assert terminal.columns([("a", 1, "x"), ("long", 22, "")]) == ["a     1   x", "long  22"]
    assert terminal.columns([("a", "x"), ("", "  y")], least=3) == ["a    x", "       y"]
    assert terminal.columns([("longer", "x")], least=3) == ["longer  x"]
    assert terminal.columns([]) == []


def test_labels_and_texts_stand_side_by_side(capsys: pytest.CaptureFixture[str]) -> None:
    assert terminal.labelled({"run": "abc", "nothing": None, "metric": "0.5"}) == ["run     abc", "metric  0.5"]
    assert terminal.labelled({}) == []
    terminal.summary({"run": "abc", "a run": "def"})
    assert click.unstyle(capsys.readouterr().out) == "\nrun    abc\na run  def\n"


def test_the_areas_of_a_verdict_begin_where_those_of_every_other_do() -> None:
    findings = (
        Finding("results", "accuracy", Match.DIFFERENT, 1, 2),
        Finding("data", "rows", Match.EQUAL),
        Finding("data", "columns", Match.EQUAL),
    )
    assert Reproduction("0" * 32, None, None, None, findings).table().splitlines()[3:] == [
        "",
        "data          2 equal",
        "results       1 different",
        "                accuracy 1, again 2",
    ]


def test_only_one_module_aligns_a_table() -> None:
    """A finding of doctor is shown as it is found, before the next; a moment of a history has the width of a date."""
    aligning = {path.name for path in (PROJECT / "reprise").rglob("*.py") if ".ljust(" in path.read_text()}
    assert aligning == {"terminal.py", "diagnosis.py", "history_text.py"}


def test_only_one_module_prints() -> None:
    files = [*(PROJECT / "reprise").rglob("*.py"), *(PROJECT / f"{name}.py" for name in SCRIPTS)]
    printing = re.compile(r"click\.(s?echo|echo_via_pager)\(|(?<![\w.])print\(|std(out|err)\.write\(")
    assert [file.name for file in files if printing.search(file.read_text())] == ["terminal.py"]


@pytest.mark.integration
@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1"])
def test_an_encoding_that_lacks_letters_fails_no_run(encoding: str, project: Path) -> None:
    """What the encoding lacks is an escape; the run ends as it would have."""
    labels = ["日本", "≤ 5", "plain"]
    frame = pd.DataFrame({"size": np.arange(90.0), "target": np.repeat(labels, 30)})
    frame.to_csv(project / "letters.csv", index=False)
    mlflow.set_tracking_uri(f"sqlite:///{project / 'mlflow.db'}")
    for job, options, letters in (
        ("train", ["--data", "letters.csv"], "accuracy"),
        ("evaluate", [], r"\u2264 5"),
        ("probe", ["--model", "MODEL"], r"\u65e5\u672c"),
    ):
        if "MODEL" in options:
            (model,) = mlflow.search_logged_models(output_format="list")
            options = ["--model", f"models:/{model.model_id}"]  # noqa: PLW2901  known by now
        found = run("python", *script(job), *options, cwd=project, PYTHONIOENCODING=encoding)
        assert "UnicodeEncodeError" not in found.stderr
        assert found.returncode == (1 if "the policy refuses" in found.stderr else 0), found.stderr
        # Click takes ASCII for a terminal that was set up by mistake, and writes UTF-8.
        shown = letters.encode().decode("unicode_escape") if encoding == "ascii" else letters
        assert shown in found.stdout
    runs = mlflow.search_runs(output_format="list")
    assert {one.data.tags["reprise.job"] for one in runs} == {"train", "evaluate", "probe"}
    done = run("reprise", "show", runs[-1].info.run_id, cwd=project, PYTHONIOENCODING=encoding)
    assert done.returncode == 0, done.stderr


def test_streams_of_this_process_take_every_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="cp1252", errors="strict") for _ in range(2))
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    terminal.accept_every_letter()
    print("🏃 View run ≤ café")
    terminal.note("≤")
    for stream in (out, err):
        stream.flush()
    assert out.buffer.getvalue() == rb"\U0001f3c3 View run \u2264 caf" + b"\xe9\n"
    assert err.buffer.getvalue() == rb"note: \u2264" + b"\n"
