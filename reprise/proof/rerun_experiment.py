"""The experiment of a rerun. It has no earlier runs, because some jobs reuse steps of those."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import count

import mlflow
from mlflow.exceptions import MlflowException

from reprise.code.git import succeeds
from reprise.code.repository import find
from reprise.proof.outcome import Finding, Match
from reprise.proof.preparation import Plan
from reprise.store.recorded import Recorded

CALL = "set_experiment"
"""The call of code that names its experiment by itself. MLflow then refuses a run of another experiment."""


def in_own_experiment(plan: Plan, recorded: Recorded) -> Plan:
    """Plan the rerun of another project's run in an experiment that has no earlier runs.

    This project's own jobs reuse nothing, except a search with `resume`. Code that names its experiment by itself can
    run only there.
    """
    if recorded.provenance:
        return plan
    theirs = recorded.run.info.experiment_id
    place = theirs if _names_its_experiment(plan) else _new(recorded)
    variables = {**plan.request.variables, "MLFLOW_EXPERIMENT_NAME": None}  # MLflow refuses one that is not the id's
    return replace(plan, request=replace(plan.request, experiment_id=place, variables=variables))


def steps_taken_over(plan: Plan, recorded: Recorded) -> Iterator[Finding]:
    """Find the steps that a rerun reuses."""
    resumed = recorded.parameters.get("resume", "none")
    if recorded.provenance and resumed != "none":
        note = f"resume reused them, so they were not tried again; reproduce run {resumed} as well"
        yield Finding("code", f"trials of run {resumed}", Match.SKIPPED, note=note)
    if not recorded.provenance and plan.request.experiment_id == recorded.run.info.experiment_id:
        note = (
            f"the code calls {CALL}, so the rerun is in the run's experiment; steps that it reuses were not run again"
        )
        yield Finding("code", "steps of earlier runs", Match.SKIPPED, note=note)


def _names_its_experiment(plan: Plan) -> bool:
    commit = find(plan.request.place)
    called = succeeds(commit.git_dir, "grep", "--quiet", "--fixed-strings", "-e", CALL, commit.sha)
    return called or CALL.encode() in plan.request.patch


def _new(recorded: Recorded) -> str:
    """Make an experiment, its artifacts beside those of the run's where this process can choose."""
    client = mlflow.MlflowClient()
    location = None
    if not mlflow.get_tracking_uri().startswith("http"):
        beside = client.get_experiment(recorded.run.info.experiment_id).artifact_location
        location = f"{beside}/reruns/{recorded.run_id}"
    for number in count(1):
        name = f"rerun of {recorded.run_id}" + (f" ({number})" if number > 1 else "")
        if client.get_experiment_by_name(name) is None:
            try:
                return str(client.create_experiment(name, artifact_location=location and f"{location}/{number}"))
            except MlflowException as error:
                if error.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise
    raise AssertionError
