"""The entry point `train`, started by another one in the same process: the same code, and a run of its own.

A process of its own would import MLflow once more, which takes longer than most fits.
"""

import json
import os
import runpy
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import MISSING, fields
from typing import Any

import click
import mlflow

from model import Hyperparameters
from reprise.base import project
from reprise.base.errors import WrongCall
from reprise.base.limits import in_parameter
from reprise.search.search_space import Convert

SCRIPT = "train.py"


def load() -> click.Command:
    """Give the command that `train.py` defines."""
    command: click.Command = runpy.run_path(str(project.FOLDER / SCRIPT))["train"]
    return command


def hyperparameters(command: click.Command) -> dict[str, Convert]:
    """Give the hyper-parameters that `train` takes, with what checks a value of each.

    Raises:
        WrongCall: an option's default is not its field's; a trial would be fitted with another value than its winner.
    """
    options = {option.name: option for option in command.params}

    def converter(option: click.Parameter) -> Convert:
        return lambda value: option.type.convert(value, option, None)

    known = [field for field in fields(Hyperparameters) if field.name in options]
    for field in known:
        given = options[field.name].default
        if field.default is not MISSING and given != field.default:
            message = (
                f"{SCRIPT} takes {field.name}={given!r} by default and Hyperparameters {field.default!r}; "
                f"write default=Hyperparameters.{field.name} in {SCRIPT}"
            )
            raise WrongCall(message)
    return {field.name: converter(options[field.name]) for field in known}


def train(command: click.Command, parameters: Mapping[str, Any], parent: mlflow.entities.Run) -> str:
    """Train, in a run under another one that is active, such as `mlflow run . -e train` would make.

    What a process before this one has trained for the same parent, and was lost then, is not trained again.

    Args:
        command: from `load`.
        parameters: of `train`.
        parent: the run that is active.

    Returns:
        The training run's id.
    """
    for made in _under(parent):
        if _is_done(made, parameters):
            return str(made.info.run_id)
    options = {option.name: option.opts[0] for option in command.params}
    arguments = [f"{options[name]}={value}" for name, value in parameters.items()]
    with _started_as(arguments, parent):
        command.main(arguments, standalone_mode=False)
    return str(_under(parent)[0].info.run_id)


def _under(parent: mlflow.entities.Run) -> list[mlflow.entities.Run]:
    """List the training runs under a run, the newest first."""
    under = f"tags.`mlflow.parentRunId` = '{parent.info.run_id}' and tags.`reprise.job` = 'train'"
    newest = ["attributes.start_time DESC"]
    return list(mlflow.MlflowClient().search_runs([parent.info.experiment_id], under, order_by=newest))


def _is_done(run: mlflow.entities.Run, parameters: Mapping[str, Any]) -> bool:
    """Tell whether a run has trained with these parameters; one that its process left RUNNING is ended."""
    if run.info.status == "RUNNING":
        client = mlflow.MlflowClient()
        client.set_tag(run.info.run_id, "reprise.failure", "its process was lost")
        client.set_terminated(run.info.run_id, "FAILED")
    wanted = {name: in_parameter(str(value)) for name, value in parameters.items()}
    return run.info.status == "FINISHED" and wanted.items() <= run.data.params.items()


@contextmanager
def _started_as(arguments: Sequence[str], parent: mlflow.entities.Run) -> Iterator[None]:
    """Let MLflow and provenance see that `train.py` was started, in the way that the parent was."""
    tags = {name: value for name, value in parent.data.tags.items() if name.startswith("mlflow.project.")}
    if tags:
        tags |= {"mlflow.project.entryPoint": "train", "mlflow.source.type": "PROJECT"}
        tags |= {"mlflow.source.name": parent.data.tags["mlflow.source.name"]}
    before = sys.argv
    sys.argv = [str(project.FOLDER / SCRIPT), *arguments]
    os.environ["MLFLOW_RUN_CONTEXT"] = json.dumps(tags)
    try:
        yield
    finally:
        sys.argv = before
        del os.environ["MLFLOW_RUN_CONTEXT"]
