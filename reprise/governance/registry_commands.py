"""`reprise register`, `promote`, `rollback`, `history`, `compare`, `retire` at a terminal."""

from pathlib import Path
from typing import Any

import click

from reprise.base import options, project, project_settings
from reprise.base.errors import WrongCall
from reprise.base.terminal import note, say

AUTO = "auto"


def _named(_context: click.Context, _option: click.Parameter, name: str) -> str:
    return project_settings.current().registered_model if name == AUTO else name


_name = click.option(
    "--name",
    default=AUTO,
    show_default=True,
    callback=_named,
    help="The registered model. auto: that of the project's name.",
)
_env_manager = click.option(
    "--env-manager",
    default="uv",
    show_default=True,
    type=options.ENV_MANAGER,
    help="What builds the environment of the model's own pins, where it is tried. local: hide all but those pins here.",
)
_trust_model = click.option(
    "--trust-model",
    is_flag=True,
    help="Try a model though it may run code of its own, or pins what conda.yaml does not.",
)


@click.command(epilog="Example: reprise register 0b3f5c7e9a1d4f6b8c2e4a6d8f0b1c3d")
@click.argument("run_id")
@_name
@_env_manager
@_trust_model
def register(run_id: str, name: str, *, env_manager: str, trust_model: bool) -> None:
    """Register the model of a run as a version, once it loads with its own pins alone."""
    from reprise.governance.registration import register as make  # noqa: PLC0415  --help need not wait for mlflow

    version = make(run_id, name, _Probe(env_manager, trusted=trust_model))
    say(f"version {version.number} of {name} is the model of run {run_id}: {version.uri}")


@click.command(epilog='Example: reprise promote 3   or   reprise promote 2 --force --reason "the demo needs it"')
@click.argument("version")
@_name
@click.option("--alias", default="champion", show_default=True, type=click.Choice(["champion", "challenger"]))
@click.option("--policy", default="policy.yaml", show_default=True, help="The rules, a path from the project's folder.")
@click.option("--reason", default="", help="The reason, recorded in the history.")
@click.option("--force", is_flag=True, help="Overrule the policy. Needs --reason, and the history keeps it.")
@_env_manager
@_trust_model
def promote(
    version: str,
    name: str,
    *,
    alias: str,
    policy: str,
    reason: str,
    force: bool,
    env_manager: str,
    trust_model: bool,
) -> None:
    """Set the alias champion or challenger on a version that passed the policy."""
    if force and not reason.strip():
        raise WrongCall("--force needs a reason", remedy='add --reason "…"')
    folder = project.required("reprise promote")
    from reprise.governance import promotion  # noqa: PLC0415

    move = promotion.promote(
        name,
        version,
        alias,
        folder / Path(policy),
        reason=reason,
        force=force,
        probe=_Probe(env_manager, trusted=trust_model),
        note=note,
    )
    _say(name, move)


@click.command(epilog='Example: reprise rollback --reason "wrong prices since noon"')
@_name
@click.option(
    "--to", default="previous", show_default=True, help="A version, or previous: the champion before this one."
)
@click.option("--reason", default="", help="The reason, recorded in the history and on the version that is replaced.")
@_env_manager
@_trust_model
def rollback(name: str, to: str, *, reason: str, env_manager: str, trust_model: bool) -> None:
    """Move the alias champion back to an earlier version, after checking that it loads and scores."""
    project.required("reprise rollback")
    from reprise.governance import promotion  # noqa: PLC0415

    wanted = None if to == "previous" else to
    _say(
        name, promotion.rollback(name, wanted, reason=reason, probe=_Probe(env_manager, trusted=trust_model), note=note)
    )


@click.command(epilog="Example: reprise history")
@_name
def history(name: str) -> None:
    """Print who moved which alias from where to where, when, at which commit and why."""
    from reprise.governance.history_text import history_lines  # noqa: PLC0415

    say(*history_lines(name))


@click.command(epilog="Example: reprise compare champion challenger")
@click.argument("one")
@click.argument("other")
@_name
def compare(one: str, other: str, name: str) -> None:
    """Put two runs, versions or aliases side by side: parameters, metrics, data, environment, code."""
    from reprise.governance.run_comparison import compare as lines  # noqa: PLC0415

    say(*lines(one, other, name))


@click.command(epilog="Example: reprise retire --days 30 --last 20 --delete --no-dry-run")
@_name
@click.option(
    "--days",
    default=90,
    show_default=True,
    type=click.IntRange(0, 36_500),
    help="Keep versions younger than this many days.",
)
@click.option(
    "--last", default=10, show_default=True, type=click.IntRange(0), help="Keep this many of the newest versions."
)
@click.option("--archive/--delete", default=True, show_default=True, help="Tag them, or delete them with their files.")
@click.option("--dry-run/--no-dry-run", default=True, show_default=True, help="Only list them.")
def retire(name: str, days: int, last: int, archive: bool, dry_run: bool) -> None:  # noqa: FBT001
    """Archive or delete old versions. Versions with an alias stay. Versions in the history are never deleted."""
    from reprise.governance import retirement  # noqa: PLC0415

    chosen = retirement.candidates(name, days, last)
    for candidate in chosen:
        version, named = candidate.version, "  named in the history: never deleted" if candidate.named else ""
        say(f"version {version.number}  {version.created:%Y-%m-%d}  run {version.run_id or 'unknown'}{named}")
    if dry_run:
        number, what = (len(chosen), "retire") if archive else (sum(not one.named for one in chosen), "be deleted")
        say(f"{number} versions of {name} may {what}; nothing was changed; to do it, add --no-dry-run")
        return
    done = retirement.archive(chosen) if archive else retirement.delete(name, chosen)
    say(f"{'archived' if archive else 'deleted'} {len(done)} versions of {name}")


COMMANDS = (register, promote, rollback, history, compare, retire)


class _Probe:
    """Tries a model in an environment of its own pins alone."""

    def __init__(self, env_manager: str, *, trusted: bool) -> None:
        self.env_manager = env_manager
        self.trusted = trusted

    def __call__(self, uri: str) -> None:
        from reprise.models.bare_environment import answers_alone  # noqa: PLC0415

        answers_alone(uri, self.env_manager, trusted=self.trusted)


def _say(name: str, move: Any) -> None:
    forced = f", forced over: {move.forced}" if move.forced else ""
    say(f"{move.alias} of {name}: version {move.before} -> {move.after}{forced} (run {move.run_id})")
