"""Options that several commands take."""

import click

ENV_MANAGER = click.Choice(["uv", "virtualenv", "conda", "local"])
"""The environment managers, by MLflow's names. local builds no environment."""


def _apart(ctx: click.Context, param: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in given]
    for name, equals, value in pairs:
        if not (name and equals):
            raise click.BadParameter(f"{name + equals + value!r} is not of the form NAME=VALUE.", ctx, param)
    return {name: value for name, _, value in pairs}


parameters = click.option(
    "-P",
    "--param-list",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    callback=_apart,
    help="A parameter of the entry point, as in mlflow run. May be repeated.",
)

answers = click.option(
    "-d",
    "--data",
    "answers",
    multiple=True,
    metavar="NAME=VALUE",
    callback=_apart,
    help="An answer, which is then not asked, as in copier copy. May be repeated.",
)

TRUST_MODEL = click.option(
    "--trust-model",
    type=bool,
    default="no",
    show_default=True,
    help="yes: load a model even if it may run code of its own or has no recorded digest.",
)
"""An option of commands that load a model which somebody else may have logged."""
