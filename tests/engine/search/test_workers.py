"""Workers that come to a search and leave it, and a search that is lost: as processes, without a cluster."""

import signal
from contextlib import ExitStack
from pathlib import Path

import mlflow
import pandas as pd
import pytest
from click.testing import CliRunner
from conftest import Job, run, script
from search_processes import LOCAL, SEARCH, TRIALS, runs, started, wait_until, with_old_joblib, work

from reprise.cli.commands import cli

pytestmark = pytest.mark.integration


def test_all_workers_are_lost_and_the_search_itself_and_every_trial_is_made_once(checkout: Path) -> None:
    """The only worker is killed, others come; then the search is, and what carries on finds the workers waiting.

    It has a new key, which the workers find as they found the first.
    """
    logs = checkout.parent
    with ExitStack() as stack:
        first = stack.enter_context(started(logs / "first.log", *script("tune"), *SEARCH, cwd=checkout))
        wait_until(lambda: runs("tune") and "reprise.tune.scheduler" in runs("tune")[0].data.tags)
        (search,) = runs("tune")
        other = run("reprise", "work", search.info.run_id, *LOCAL, cwd=checkout, PYTHONPATH=with_old_joblib(logs))
        reason = "this worker has another environment than the search: joblib 0.1 instead of 1"
        assert (other.returncode, reason in other.stderr, "Traceback" in other.stderr) == (1, True, False), other.stderr
        lost = work(stack, checkout, "lost")
        wait_until(lambda: len(runs("trial")) >= 3)
        lost.children()[0].kill()
        assert lost.wait(30) == 128 + signal.SIGKILL
        before = len(runs("trial"))
        workers = [work(stack, checkout, f"worker{number}") for number in range(2)]
        wait_until(lambda: len(runs("trial")) > before + 3)
        first.kill()
        first.wait(30)
        made = {trial.info.run_id for trial in runs("trial") if trial.info.status == "FINISHED"}
        assert len(made) < TRIALS
        carried_on = run("python", *script("tune"), *SEARCH, cwd=checkout, MLFLOW_RUN_ID=search.info.run_id)
        assert carried_on.returncode == 0, carried_on.stderr
        assert [one.wait(30) for one in workers] == [0, 0]
    assert ["Traceback" in (logs / f"worker{number}.log").read_text() for number in range(2)] == [False, False]
    (search,), (winner,) = runs("tune"), runs("train")
    assert (search.info.status, winner.info.status) == ("FINISHED", "FINISHED")
    assert search.data.tags["reprise.tune.winner"] == winner.info.run_id
    trials = runs("trial")
    assert sorted(int(trial.data.tags["reprise.tune.candidate"]) for trial in trials) == list(range(TRIALS))
    assert made < {trial.info.run_id for trial in trials}
    path = mlflow.artifacts.download_artifacts(run_id=search.info.run_id, artifact_path="trials.csv")
    assert sorted(pd.read_csv(path)["run_id"]) == sorted(trial.info.run_id for trial in trials)


def test_a_run_that_takes_no_workers_is_refused(tune: Job) -> None:
    made = tune("--trials", "1", "--folds", "2", "--n-jobs", "1")
    refused = CliRunner().invoke(cli, ["work", made.info.run_id])
    assert (refused.exit_code, f"run {made.info.run_id} takes no workers" in refused.output) == (2, True)
    refused = CliRunner().invoke(cli, ["work", "0" * 32])
    assert (refused.exit_code, "is not in sqlite" in refused.output) == (2, True)
