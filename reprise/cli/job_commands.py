"""`reprise job …`: the engine's own entry points in the current environment. MLproject calls them."""

import importlib

import click

from reprise.contract.command import command

JOBS = {
    "predict": "Predict the rows of a table by a logged model.",
    "probe": "Load a logged model and score its input example.",
    "reproduce": "Rerun a recorded run, compare the results, and give a verdict.",
    "serve": "Serve a logged model over HTTP, by MLflow's own server.",
    "tune": "Search hyper-parameters, and train with the best of them.",
}
"""Name of each module of `reprise.jobs` that is a job, and what it does."""


class _Jobs(click.Group):
    """The jobs, each imported when it is called, so that listing them needs no modelling packages."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the jobs' names."""
        del ctx
        return list(JOBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a job's command, or None."""
        del ctx
        if cmd_name not in JOBS:
            return None
        return command(getattr(importlib.import_module(f"reprise.jobs.{cmd_name}"), cmd_name))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of jobs for `--help`."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(JOBS.items()))


@click.group(cls=_Jobs, epilog="Example: python -m reprise job tune --trials 20")
def job() -> None:
    """Run a job in this environment, which must be the project's. MLproject calls this."""
