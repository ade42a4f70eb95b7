"""Create a user of a tracking server with access control, or change a role. Run it as the server's admin.

    export MLFLOW_TRACKING_URI=http://127.0.0.1:5000 MLFLOW_TRACKING_USERNAME=admin MLFLOW_TRACKING_PASSWORD=…
    python deploy/server/grant.py ada trainer

Roles:
    reader: may read everything.
    trainer: may also train and evaluate.
    promoter: may also evaluate, register, promote and roll back.

The admin creates the experiments and the registered model first. Otherwise whoever creates them would manage them.
"""

import os
from http import HTTPStatus
from typing import Any

import click
import mlflow
import requests
from mlflow.exceptions import MlflowException

from reprise.governance.history import experiment_name

ROLES = ("reader", "trainer", "promoter")

Resource = tuple[str, str]
"""Kind of a resource, as MLflow names it, and its id."""


class Refused(click.ClickException):
    """The server refused a request."""

    def __init__(self, path: str, answer: requests.Response) -> None:
        try:
            content = answer.json()
            said = f"{content['error_code']}: {content['message']}"
        except (ValueError, KeyError, TypeError):
            said = answer.text[:300]
        # MLflow's messages about its database hold the values of the statement, such as a password's hash.
        said = said.partition(" Error: ")[0].partition("[SQL")[0]
        if answer.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            said += "; log in as the server's admin, by MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
        super().__init__(f"{path}: {answer.status_code} {said}")
        self.status = answer.status_code


@click.command(epilog="Example: python deploy/server/grant.py ada trainer --experiment churn")
@click.argument("user")
@click.argument("role", type=click.Choice(ROLES))
@click.option(
    "--experiment", help="Where the runs of train and evaluate are. Default: the project's, which has its name."
)
@click.option(
    "--name", default="reprise", show_default=True, help="The project's name, which its registered model has."
)
@click.option(
    "--password", envvar="REPRISE_NEW_PASSWORD", help="Of a new user, 12 characters or more; asked for by default."
)
def grant(user: str, role: str, experiment: str | None, name: str, password: str | None) -> None:
    """Create a user, unless the user exists, and grant exactly the permissions of a role.

    The permissions are on an experiment, a registered model and its history. They replace the former ones on these.
    """
    _make(user, password)
    runs, history = ("experiment", _experiment(experiment or name)), ("experiment", _experiment(experiment_name(name)))
    model = ("registered_model", _registered_model(name))
    had, wanted = _grants(user), {"reader": [], "trainer": [runs], "promoter": [runs, history, model]}[role]
    for resource in (runs, history, model):
        if resource in had and resource not in wanted:
            _change("revoke", user, resource)
            click.echo(f"{user}: no longer {had[resource]} on {' '.join(resource)}")
    for resource in wanted:
        _change("grant", user, resource, permission="EDIT")
        click.echo(f"{user}: EDIT on {' '.join(resource)}")
    for resource, permission in had.items():
        if resource not in (runs, history, model):
            click.echo(f"{user}: still {permission} on {' '.join(resource)}, which is left as it is")
    click.echo(f"{user}: {role}")


def _make(user: str, password: str | None) -> None:
    try:
        _ask("GET", "2.0/mlflow/users/get", username=user)
    except Refused as refused:
        if refused.status != HTTPStatus.NOT_FOUND:
            raise
        password = password or click.prompt("Password", hide_input=True, confirmation_prompt=True)
        _ask("POST", "2.0/mlflow/users/create", username=user, password=password)
    else:
        click.echo(f"{user} is there already, and keeps the password")


def _grants(user: str) -> dict[Resource, str]:
    """List what a user was granted, without the server's own roles, which this command does not change."""
    rows = _ask("GET", "3.0/mlflow/users/permissions/list", username=user)["permissions"]
    own = [row for row in rows if row["role_name"].startswith("__user_")]
    return {(row["resource_type"], row["resource_pattern"]): row["permission"] for row in own}


def _change(how: str, user: str, resource: Resource, **content: str) -> None:
    kind, identifier = resource
    path = f"3.0/mlflow/users/permissions/{how}"
    _ask("POST", path, username=user, resource_type=kind, resource_id=identifier, **content)


def _experiment(name: str) -> str:
    found = mlflow.get_experiment_by_name(name)
    return str(found.experiment_id if found else mlflow.create_experiment(name))


def _registered_model(name: str) -> str:
    try:
        mlflow.MlflowClient().create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    return name


def _ask(method: str, path: str, **content: str) -> dict[str, Any]:
    login = (os.environ.get("MLFLOW_TRACKING_USERNAME", ""), os.environ.get("MLFLOW_TRACKING_PASSWORD", ""))
    address = f"{mlflow.get_tracking_uri().rstrip('/')}/api/{path}"
    sent = {"params": content} if method == "GET" else {"json": content}
    answer = requests.request(method, address, auth=login, timeout=30, **sent)  # type: ignore[arg-type]
    if answer.status_code != requests.codes.ok:
        raise Refused(path, answer)
    return answer.json() if answer.content.strip() else {}


if __name__ == "__main__":
    grant()
