"""`reprise …`, and the help of every command."""

import re
import urllib.request
from subprocess import PIPE, Popen
from typing import Any

import click
import mlflow
import pytest
from click.testing import CliRunner
from conftest import ENTRY_POINTS, PROJECT, Job, environment, run
from mlflow.exceptions import MlflowException

from reprise.cli.commands import cli

COMMANDS = {**{f"{name}.py": command for name, command in ENTRY_POINTS.items()}, **cli.commands}


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_every_command_shows_an_example(name: str) -> None:
    shown = CliRunner().invoke(COMMANDS[name], ["--help"])
    assert shown.exit_code == 0
    assert re.search(r"Example: (reprise|python) ", shown.output)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_says_what_it_is(name: str) -> None:
    for option in COMMANDS[name].params:
        assert isinstance(option, click.Argument) or option.help or isinstance(option.type, click.Choice), option.name


def test_show_tells_where_a_run_came_from(train: Job) -> None:
    made = train("--data", "wine")
    shown = CliRunner().invoke(cli, ["show", made.info.run_id]).output
    for text in ("train", made.data.tags["reprise.data.fingerprint"], "param C", "metric test_accuracy", "models:/m-"):
        assert text in shown


def test_show_of_no_run_is_one_line(store: str) -> None:
    shown = CliRunner().invoke(cli, ["show", "nothing"])
    assert shown.exit_code == 2
    assert "run 'nothing' is not in sqlite" in shown.output


def test_show_of_a_run_whose_record_is_spoilt_shows_the_rest(train: Job) -> None:
    made = train()
    for content in ("{garbage", "[]", "{}"):
        mlflow.MlflowClient().log_text(made.info.run_id, content, "provenance/provenance.json")
        shown = CliRunner().invoke(cli, ["show", made.info.run_id])
        assert (shown.exit_code, "metric test_accuracy" in shown.output) == (0, True)


def test_a_store_that_is_away_is_not_a_run_that_is_missing(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow.set_tracking_uri("http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    shown = CliRunner().invoke(cli, ["show", "0" * 32])
    assert isinstance(shown.exception, MlflowException), "reprise.base.entry_point makes a line of it, and exit code 1"


def test_ui_of_no_run_is_one_line(store: str) -> None:
    shown = CliRunner().invoke(cli, ["ui", "nothing"])
    assert shown.exit_code == 2
    assert "run 'nothing' is not in sqlite" in shown.output


def test_tune_starts_the_entry_point_and_ends_as_it_does(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    started: Any = []
    monkeypatch.setattr("reprise.running.entry_point_run.run_entry_point", lambda *call: started.append(call) or 1)
    done = CliRunner().invoke(cli, ["tune", "-P", "data=digits", "-P", "space=a=b.yaml"])
    assert done.exit_code == 1
    assert started == [("tune", {"data": "digits", "space": "a=b.yaml"}, "uv")]


@pytest.mark.parametrize("call", [("tune",), ("fill", "0" * 32, "https://host/repo.git")])
@pytest.mark.parametrize("pair", ["trials", "=5", ""])
def test_a_parameter_without_a_name_or_a_value_is_a_wrong_call(call: tuple[str, ...], pair: str) -> None:
    wrong = CliRunner().invoke(cli, [*call, "-P", pair])
    assert (wrong.exit_code, f"{pair!r} is not of the form NAME=VALUE" in wrong.output) == (2, True)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_environment_manager_is_one_that_there_is(name: str) -> None:
    for option in COMMANDS[name].params:
        if "--env-manager" in option.opts or "--rerun-env-manager" in option.opts:
            choices = getattr(option.type, "choices", None) or option.type.name.split("|")
            assert set(choices) - {"recorded"} == {"uv", "virtualenv", "conda", "local"}


@pytest.mark.integration
def test_ui_serves_the_page_of_a_run(train: Job, store: str) -> None:
    made = train()
    command = ["python", "-c", "from reprise.cli.commands import main; main()", "ui", made.info.run_id, "--port", "0"]
    with Popen(command, cwd=PROJECT, env=environment(MLFLOW_TRACKING_URI=store), stdout=PIPE, text=True) as server:
        try:
            address = server.stdout.readline().strip() if server.stdout else ""
            assert address.endswith(f"#/experiments/{made.info.experiment_id}/runs/{made.info.run_id}")
            with urllib.request.urlopen(address.partition("#")[0]) as page:
                assert b"<html" in page.read()
            mlflow.set_tracking_uri(address.partition("#")[0])
            assert mlflow.get_run(made.info.run_id).data.metrics == made.data.metrics
        finally:
            server.terminate()
            server.wait(60)


@pytest.mark.integration
def test_the_console_script_is_installed() -> None:
    done = run("reprise", "--version", cwd=PROJECT)
    assert done.returncode == 0, done.stderr
    assert re.search(r"\d+\.\d+", done.stdout)
