"""Train the winner of a search in a run of its own, by a call of the project's train.py."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import mlflow

from reprise.base import project, tag
from reprise.base.display_text import as_text, in_parameter
from reprise.base.errors import JobFailed, WrongCall
from reprise.base.terminal import note
from reprise.contract import project_model
from reprise.contract.command import Call, called, started_as
from reprise.contract.parameter import call
from reprise.contract.parameter import parameters as taken_by
from reprise.contract.parameters import NO_DECISION
from reprise.store.paging import runs_under

JOB = "train"
"""The project's script and its function, and the tag of its runs."""


def load() -> Callable[..., Any]:
    """Import the project's train.py, and return its function.

    Raises:
        WrongCall: there is none, or its parameters cannot be options.
    """
    function = getattr(project_model.importable(JOB), JOB, None)
    if not callable(function):
        raise WrongCall(
            f"{project.FOLDER / JOB}.py defines no function {JOB}, which trains the winner", remedy="bring it back"
        )
    taken_by(function)
    return function  # type: ignore[no-any-return]  # what the project defines


def train(function: Callable[..., Any], parameters: Mapping[str, Any], parent: mlflow.entities.Run) -> str:
    """Train in a child run of the active run, as `mlflow run . -e train` would make.

    If an earlier, lost process has trained the winner for the same parent, it is not trained again.

    Args:
        function: from `load`.
        parameters: of `train`.
        parent: the run that is active.

    Returns:
        The training run's id.

    Raises:
        JobFailed: the function starts no run.
    """
    values = _whole(function, parameters)
    for made in _under(parent):
        if _is_done(made, values):
            return str(made.info.run_id)
    script = project.FOLDER / f"{JOB}.py"
    with called(Call(values, started_as(script, parameters), _tags(parent, str(script)))):
        call(function, values)
    for made in _under(parent):
        return str(made.info.run_id)
    raise JobFailed(
        f"{script.name} trained the winner but started no child run of {parent.info.run_id}",
        remedy="call training_run() in it",
    )


def _whole(function: Callable[..., Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Add the defaults of missing parameters, and report those that the function does not take."""
    known = {one.name: one.default for one in taken_by(function)}
    idle = asdict(NO_DECISION)
    for name in given.keys() - known.keys():
        if name not in idle or given[name] != idle[name]:
            note(f"{JOB}.py takes no {name}: the winner is trained without {name}={given[name]}")
    return {name: given.get(name, default) for name, default in known.items()}


def _under(parent: mlflow.entities.Run) -> list[mlflow.entities.Run]:
    """List the training runs under a run, the newest first."""
    return list(runs_under(parent, f"tags.`{tag.JOB}` = '{JOB}'", order_by=["attributes.start_time DESC"]))


def _is_done(run: mlflow.entities.Run, parameters: Mapping[str, Any]) -> bool:
    """Return whether a run has trained with these parameters; one that its process left RUNNING is ended."""
    if run.info.status == "RUNNING":
        client = mlflow.MlflowClient()
        client.set_tag(run.info.run_id, tag.FAILURE, "its process was lost")
        client.set_terminated(run.info.run_id, "FAILED")
    wanted = {name: in_parameter(as_text(value)) for name, value in parameters.items()}
    return run.info.status == "FINISHED" and wanted.items() <= run.data.params.items()


def _tags(parent: mlflow.entities.Run, script: str) -> dict[str, str]:
    """Return a note that `train` was started, in the way that the parent was."""
    tags = {name: value for name, value in parent.data.tags.items() if name.startswith(tag.PROJECT)}
    if not tags:
        return {tag.SOURCE_NAME: script}
    source = {tag.SOURCE_TYPE: "PROJECT", tag.SOURCE_NAME: parent.data.tags[tag.SOURCE_NAME]}
    return {**tags, **source, tag.ENTRY_POINT: JOB}
