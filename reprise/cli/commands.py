"""The command `reprise` and its subcommands, except the entry points of the project."""

import sys
from pathlib import Path
from typing import Any

import click

import reprise
from reprise.base import options, project, project_settings
from reprise.base.entry_point import main as end_well
from reprise.base.terminal import coloured, note, say
from reprise.cli.engine_choice import hand_over
from reprise.cli.job_commands import job
from reprise.governance import registry_commands


@click.group()
@click.version_option(reprise.__version__)
def cli() -> None:
    """Inspect runs, move models in the registry, and lock the environment of this project."""
    if said := project.acts_elsewhere():
        note(said)


@cli.command(epilog="Example: reprise run 'https://host/churn.git#v1.2' -P C=10")
@click.argument("uri", default=".")
@options.parameters
@click.option("-e", "--entry-point", default="main", show_default=True, help="A name in MLproject, or a script.")
@click.option("--env-manager", default="uv", show_default=True, type=options.ENV_MANAGER)
@click.option("--run-name", help="Default: a name of MLflow's making.")
@click.option("--experiment-name", help="Default: the experiment of the project's name.")
@click.option("--patch", is_flag=True, help="Run the last commit in a clone, with the changes that no commit holds.")
def run(uri: str, parameters: dict[str, str], entry_point: str, env_manager: str, **named: Any) -> None:
    """Run a project: a folder as it is, or <repository>#<commit, tag or branch> in a clone."""
    from reprise.cli.run import run as start  # noqa: PLC0415  --help need not wait for mlflow

    sys.exit(start(uri, entry_point, parameters, env_manager, **named).exit_code)


@cli.command(epilog="Example: reprise show 0b3f5c7e9a1d4f6b8c2e4a6d8f0b1c3d")
@click.argument("run_id")
def show(run_id: str) -> None:
    """Show the provenance of a run: commit, patch, data, environment."""
    from reprise.cli.show import describe_run  # noqa: PLC0415  --help need not wait for mlflow

    say(*describe_run(run_id))


@cli.command(epilog="Example: reprise ui --port 5001")
@click.argument("run_id", required=False)
@click.option("--backend-store-uri", "store", help="Default: the current tracking URI, or ./mlflow.db if none is set.")
@click.option("--port", default=5000, show_default=True, type=click.IntRange(0, 65535), help="0: any free port.")
def ui(run_id: str | None, store: str | None, port: int) -> None:
    """Open MLflow's web interface, on a run if one is named."""
    from reprise.cli.ui import serve  # noqa: PLC0415

    serve(run_id, store, port)


@cli.command(epilog="Example: reprise upload reprise-unlogged/0b3f5c7e9a1d4f6b8c2e4a6d8f0b1c3d")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--to-recorded-store",
    is_flag=True,
    help="Log to the store that the folder names, with your login, instead of the current store.",
)
def upload(folder: Path, to_recorded_store: bool) -> None:  # noqa: FBT001  click passes flags so
    """Log results that were kept because the store had failed, and end their run as FINISHED."""
    from reprise.store.bundle import upload_later  # noqa: PLC0415

    say(f"run {upload_later(folder, to_recorded_store=to_recorded_store)} is logged")


@cli.command(epilog="Example: reprise attach 0b3f5c7e9a1d4f6b8c2e4a6d8f0b1c3d")
@click.argument("run_id")
@click.option("--context", help="Context of kubeconfig. Default: the context that the Job was created with.")
def attach(run_id: str, context: str | None) -> None:
    """Follow a run's Job on Kubernetes again, to its end. Ctrl-C deletes the Job."""
    from reprise.kubernetes.attach import attach  # noqa: PLC0415

    attach(run_id, context)


@cli.command(
    hidden=True, epilog="Example: reprise fill 0b3f5c7e9a1d4f6b8c2e4a6d8f0b1c3d 'https://host/repo.git#4e1f2a'"
)
@click.argument("run_id")
@click.argument("project_uri")
@click.option("--entry-point", default="main", help="A name in MLproject, or a script.")
@click.option("--env-manager", default="uv", type=options.ENV_MANAGER)
@options.parameters
def fill(run_id: str, project_uri: str, entry_point: str, env_manager: str, parameters: dict[str, str]) -> None:
    """Run a project at a commit in an existing run. The pod of a Job calls this."""
    from reprise.kubernetes.attempt import attempt  # noqa: PLC0415

    sys.exit(attempt(run_id, project_uri, entry_point, parameters, env_manager))


@cli.command(epilog="Example: reprise doctor --fix")
@click.option(
    "--fix",
    is_flag=True,
    help="End runs and remove temporary folders whose process is gone, and rename an unfinished store.",
)
@click.option("--updates", is_flag=True, help="Ask the template's repository whether a newer version is there.")
def doctor(fix: bool, updates: bool) -> None:  # noqa: FBT001  click passes flags so
    """Check this machine and project, and print a remedy for each problem. Exit code 1 if a check fails."""
    from reprise.doctor import examine  # noqa: PLC0415

    levels = []
    for finding in examine(fix=fix, updates=updates):
        coloured(finding.show())
        levels.append(finding.level)
    say("", f"failures: {levels.count('FAIL')}, warnings: {levels.count('warn')}")
    if "FAIL" in levels:
        sys.exit(1)


@cli.command(epilog="Example: reprise reproduce models:/reprise/3")
@click.argument("run", required=False)
@click.option("--all", "every", is_flag=True, help="All versions of the registered model that --model names.")
@click.option("--model", help="The registered model of --all.")
@click.option("--trust", multiple=True, metavar="URL", help="With --all: a repository whose code may be run.")
@click.option(
    "--apply-patches",
    is_flag=True,
    help="With --all: also apply and run the uncommitted changes that the store holds.",
)
@click.option("--commits", metavar="A..B", help="Find the first commit at which a metric differs from the run's.")
@click.option("--metric", help="The metric that --commits compares. Default: any.")
@click.option(
    "--env-manager",
    default="uv",
    show_default=True,
    type=options.ENV_MANAGER,
    help="Environment manager of the comparison.",
)
@click.option(
    "--rerun-env-manager",
    "rerun",
    type=options.ENV_MANAGER,
    help="Environment manager of the rerun. Default: the recorded one, if it is installed.",
)
@options.TRUST_MODEL
def reproduce(
    run: str | None,
    every: bool,  # noqa: FBT001  click passes flags so
    model: str | None,
    trust: tuple[str, ...],
    apply_patches: bool,  # noqa: FBT001
    commits: str | None,
    metric: str | None,
    env_manager: str,
    rerun: str | None,
    trust_model: bool,  # noqa: FBT001
) -> None:
    """Rerun a recorded run (id, model URI or latest). Exit code 0: reproduced, 1: diverged, 3: cannot be reproduced."""
    from reprise.proof import reproductions  # noqa: PLC0415

    if every != bool(model) or every == bool(run) or (every and (commits or metric)):
        raise click.UsageError("name a run, or --all --model NAME")
    if (metric and not commits) or ((trust or apply_patches) and not every):
        raise click.UsageError("--metric is for --commits; --trust and --apply-patches are for --all")
    project.required("reprise reproduce")
    chosen = {"commits": commits, "metric": metric, "env_manager": rerun, "trust_model": "yes" if trust_model else None}
    parameters = {name: value for name, value in chosen.items() if value}
    if model:
        parameters["apply_patch"] = "yes" if apply_patches else "no"
        sys.exit(reproductions.every(model, trust, parameters, env_manager))
    sys.exit(reproductions.one(str(run), parameters, env_manager))


@cli.command(epilog="Example: reprise tune -P data=digits -P trials=200")
@options.parameters
@click.option("--env-manager", default="uv", type=options.ENV_MANAGER)
def tune(parameters: dict[str, str], env_manager: str) -> None:
    """Search hyper-parameters and train with the best ones, by the entry point tune."""
    from reprise.running.entry_point_run import run_entry_point  # noqa: PLC0415

    sys.exit(run_entry_point("tune", parameters, env_manager))


@cli.command(epilog="Example: reprise work 0b3f5c7e9a1d4f6b8c2e4a6d8f0b1c3d")
@click.argument("run_id")
@click.option("--env-manager", default="uv", type=options.ENV_MANAGER)
@click.option(
    "--key",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A copy of the search's key. Default: the key of your own search on this machine.",
)
def work(run_id: str, env_manager: str, key: Path | None) -> None:
    """Join a search with scheduler=here as a worker, from any machine, until the search ends."""
    from reprise.running.work import work  # noqa: PLC0415

    sys.exit(work(run_id, env_manager, key))


@cli.command(epilog="Example: reprise best --metric test_accuracy --where \"params.kernel = 'rbf'\"")
@click.option(
    "--metric", help="Such as test_accuracy, or cv_accuracy of the trials of tune. Default: that of pyproject.toml."
)
@click.option("--where", default="", help="A further condition, in the syntax of MLflow's search_runs.")
@click.option(
    "--direction",
    default="auto",
    show_default=True,
    type=click.Choice(["auto", "maximize", "minimize"]),
    help="Whether higher or lower is better. auto decides by the metric's name.",
)
def best(metric: str | None, where: str, direction: Any) -> None:
    """Find the best training run or trial of the experiment."""
    from reprise.search.best import best_run, run_lines  # noqa: PLC0415

    metric = metric or project_settings.current().test_metric
    if metric is None:
        raise click.UsageError('name a metric with --metric, or write metric = "…" into [tool.reprise]')
    say(*run_lines(best_run(metric, where, direction), metric))


@cli.command(epilog="Example: reprise new churn --data data=people.csv --data target=bought")
@click.argument("folder", type=click.Path(path_type=Path))
@options.answers
@click.option("--defaults", is_flag=True, help="Take the defaults of all other questions but the title.")
@click.option("--template", help="The template's repository. Default: the one that this launcher came from.")
@click.option("--vcs-ref", help="Its commit, tag or branch. Default: the commit that this launcher came from.")
def new(folder: Path, answers: dict[str, str], template: str | None, vcs_ref: str | None, defaults: bool) -> None:  # noqa: FBT001
    """Start a project of your own in a new folder, by copier."""
    from reprise.cli.new import new as start  # noqa: PLC0415

    start(folder, answers, template, vcs_ref, defaults=defaults)


@cli.command(epilog="Example: reprise lock --python 3.12")
@click.option("--upgrade", is_flag=True, help="Take the newest versions. Default: keep the pins that still fit.")
@click.option("--python", help="The version of Python to lock, such as 3.12. Default: that of conda.yaml.")
def lock(python: str | None, upgrade: bool) -> None:  # noqa: FBT001  click passes flags so
    """Pin the dependencies of pyproject.toml in conda.yaml and tests/requirements.txt."""
    from reprise.environment.lock import write_lock  # noqa: PLC0415

    for path in write_lock(python, upgrade=upgrade):
        say(f"wrote {path}")


@cli.command(epilog="Example: reprise sync")
@click.option("--check", is_flag=True, help="Only list differences. Exit code 1 if there are any.")
def sync(check: bool) -> None:  # noqa: FBT001  click passes flags so
    """Write parameters of train.py and model.py into MLproject if they are missing or have other defaults there."""
    from reprise.contract import mlproject  # noqa: PLC0415

    folder = project.required("reprise sync")
    text, mended = ("", mlproject.disagreements(folder)) if check else mlproject.synchronised(folder)
    if mended and not check:
        mlproject.write(folder, text)
    for one in mended:
        say(str(one) if check else one.done)
    left = [] if check else mlproject.disagreements(folder)
    for line in (*map(str, left), *(unread := mlproject.unread(folder))):
        say(line)
    if left or (check and mended):
        sys.exit(1)
    if not mended and not unread:
        say("MLproject names every parameter of its scripts, with their defaults")


cli.add_command(job)
for command in registry_commands.COMMANDS:
    cli.add_command(command)


def main() -> None:
    """Run the command line, by the project's own engine if it has one."""
    hand_over()
    end_well(cli)
