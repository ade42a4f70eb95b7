"""`reprise run`."""

from pathlib import Path

import mlflow
import pytest
from conftest import commit_all, put_store, run

from reprise.base import tag

HERE = ("--env-manager", "local")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["./nowhere"], "there is no folder"),
        ([".", "-e", "nothing"], "nothing"),
        ([".#nothing"], "nothing"),
        ([".#:nowhere"], "nowhere"),
        (["."], "has no MLproject"),
        ([".", "-P", "C"], "is not of the form NAME=VALUE"),
    ],
)
def test_a_wrong_call_is_one_line_and_makes_no_run(tmp_path: Path, arguments: list[str], said: str) -> None:
    from click.testing import CliRunner

    from reprise.cli.commands import cli

    (tmp_path / "project").mkdir()
    if arguments != ["."]:
        (tmp_path / "project" / "MLproject").write_text("entry_points: {main: {command: 'true'}}\n")
    commit_all(tmp_path / "project")
    put_store(tmp_path)
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'mlflow.db'}")
    arguments = [arguments[0].replace(".", str(tmp_path / "project"), 1), *arguments[1:]]
    done = CliRunner().invoke(cli, ["run", *HERE, *arguments])
    assert done.exit_code == 2, done.output
    assert said in done.output
    assert mlflow.search_runs(["0"], output_format="list") == []


@pytest.mark.integration
def test_a_folder_runs_as_it_is_and_a_commit_in_a_clone(checkout: Path) -> None:
    commit = commit_all(checkout)
    (checkout / "policy.yaml").write_text((checkout / "policy.yaml").read_text() + "# more\n")
    for arguments in ([], [f"{checkout}#{commit[:12]}", "--run-name", "mine"], ["--patch"]):
        done = run("reprise", "run", *arguments, *HERE, "-P", "seed=1", cwd=checkout)
        assert done.returncode == 0, done.stderr
    patched, at_commit, here = mlflow.search_runs(["0"], output_format="list")
    assert at_commit.info.run_name == "mine"
    assert [one.data.tags[tag.BACKEND] for one in (here, at_commit, patched)] == ["local", "commit", "commit"]
    assert [one.data.tags[tag.DIRTY] for one in (here, at_commit, patched)] == ["true", "false", "true"]
    assert {one.data.tags[tag.COMMIT] for one in (here, at_commit, patched)} == {commit}
    assert {one.data.params["seed"] for one in (here, at_commit, patched)} == {"1"}
    assert len({one.data.metrics["test_accuracy"] for one in (here, at_commit, patched)}) == 1
    failed = run("reprise", "run", *HERE, "-P", "data=nowhere.csv", cwd=checkout)
    assert (failed.returncode, mlflow.search_runs(["0"], output_format="list")[0].info.status) == (2, "FAILED")
