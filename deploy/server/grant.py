"""Make a user of a tracking server with access control, and grant what a role needs. Run it as the server's admin.

    export MLFLOW_TRACKING_URI=http://127.0.0.1:5000 MLFLOW_TRACKING_USERNAME=admin MLFLOW_TRACKING_PASSWORD=…
    python deploy/server/grant.py ada trainer

The roles: `reader` looks at everything; `trainer` trains and evaluates as well; `promoter` evaluates, registers,
promotes and rolls back. What is granted on is made first, by the admin: else whoever makes it would manage it.
"""

import os
from typing import Any

import click
import mlflow
import requests
from mlflow.exceptions import MlflowException

from reprise.governance.history import experiment_name

ROLES = ("reader", "trainer", "promoter")


@click.command(epilog="Example: python deploy/server/grant.py ada trainer --experiment churn")
@click.argument("user")
@click.argument("role", type=click.Choice(ROLES))
@click.option("--experiment", default="Default", show_default=True, help="Where the runs of train and evaluate are.")
@click.option("--name", default="reprise", show_default=True, help="The registered model.")
@click.password_option(envvar="REPRISE_NEW_PASSWORD", help="The user's; 12 characters or more.")
def grant(user: str, role: str, experiment: str, name: str, password: str) -> None:
    """Make a user, and grant what a role needs on an experiment, a registered model and its history."""
    runs, history = _experiment(experiment), _experiment(experiment_name(name))
    _registered_model(name)
    _ask("2.0/mlflow/users/create", username=user, password=password)
    grants = {
        "reader": [],
        "trainer": [("experiment", runs)],
        "promoter": [("experiment", runs), ("experiment", history), ("registered_model", name)],
    }
    for kind, resource in grants[role]:
        _ask(
            "3.0/mlflow/users/permissions/grant",
            username=user,
            resource_type=kind,
            resource_id=resource,
            permission="EDIT",
        )
        click.echo(f"{user}: EDIT on {kind} {resource}")
    click.echo(f"{user}: {role}")


def _experiment(name: str) -> str:
    found = mlflow.get_experiment_by_name(name)
    return str(found.experiment_id if found else mlflow.create_experiment(name))


def _registered_model(name: str) -> None:
    try:
        mlflow.MlflowClient().create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _ask(path: str, **content: Any) -> None:
    login = (os.environ["MLFLOW_TRACKING_USERNAME"], os.environ["MLFLOW_TRACKING_PASSWORD"])
    address = f"{mlflow.get_tracking_uri().rstrip('/')}/api/{path}"
    answer = requests.post(address, json=content, auth=login, timeout=30)
    if answer.status_code != requests.codes.ok:
        raise click.ClickException(f"{path}: {answer.status_code} {answer.text[:300]}")


if __name__ == "__main__":
    grant()
