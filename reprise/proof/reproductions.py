"""Reproduce one run, or every version of a registered model, from the launcher."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import mlflow

from reprise.base import tag
from reprise.base.errors import Irreproducible, WrongCall
from reprise.base.terminal import columns, note, say
from reprise.models import registry
from reprise.proof.outcome import ReproductionOutcome
from reprise.proof.registered_versions import subject
from reprise.proof.repositories import place_of, trusted
from reprise.running.entry_point_run import run_entry_point
from reprise.store.recorded import Recorded, existing

REFUSED, FAILED = "refused", "failed"
BADNESS = (0, 3, 1)
"""Exit codes from the best verdict to the worst; any other is a failure, as bad as the last."""


@dataclass(frozen=True)
class Row:
    """The result for one model version.

    Attributes:
        version: of the registered model.
        verdict: reproduced, diverged, cannot be reproduced, refused, or failed.
        reason: why.
        exit_code: of its verdict.
    """

    version: str
    verdict: str
    reason: str
    exit_code: int


def one(named: str, parameters: Mapping[str, str], env_manager: str) -> int:
    """Reproduce a run, in the project's environment.

    Args:
        named: a run id, a model URI, or `latest`.
        parameters: more parameters of the entry point `reproduce`.
        env_manager: of the project's environment.

    Returns:
        0 reproduced, 1 diverged, 3 cannot be reproduced; 2 or more for another failure.

    Raises:
        WrongCall: there is no such run or model.
    """
    return run_entry_point("reproduce", {"run": subject(named).name, **parameters}, env_manager)


def every(name: str, trust: Sequence[str], parameters: Mapping[str, str], env_manager: str) -> int:
    """Reproduce the run of each version of a registered model, and print one table.

    Args:
        name: of the registered model.
        trust: repositories whose code may be run, beside this project's checkout and remotes.
        parameters: more parameters of the entry point `reproduce`.
        env_manager: of the project's environment.

    Returns:
        The exit code of the worst verdict.

    Raises:
        WrongCall: there is no such model.
    """
    versions = sorted(registry.versions(name), key=lambda version: int(version.number))
    if not versions:
        raise WrongCall(f"registered model {name!r} is not in {mlflow.get_registry_uri()}, or has no version")
    rows: dict[str, Row] = {}
    for number, version in enumerate(versions, 1):
        note(f"{number} of {len(versions)}: models:/{name}/{version.number}, run {version.run_id or 'unknown'}")
        rows[version.number] = _row(version, trust, parameters, env_manager)
    say()
    say(*columns((f"{name}/{row.version}", row.verdict, row.reason) for row in rows.values()))
    return max((row.exit_code for row in rows.values()), key=_badness)


def _row(
    version: registry.Version,
    trust: Sequence[str],
    parameters: Mapping[str, str],
    env_manager: str,
) -> Row:
    try:
        run = existing(version.run_id) if version.run_id else None
    except WrongCall as error:
        return Row(version.number, str(ReproductionOutcome.IRREPRODUCIBLE), error.format_message(), 3)
    if run is None:
        return Row(version.number, str(ReproductionOutcome.IRREPRODUCIBLE), "no run logged it", 3)
    record = Recorded(run, Path(), {})
    places = trusted(record.repositories, trust)
    try:
        place = _trusted_place(record.commit, places)
    except Irreproducible as error:
        named = ", ".join(record.repositories) or "none recorded"
        untrusted = "" if {*record.repositories} & {*places} else f"its repository, {named}, is not trusted, and "
        return Row(version.number, REFUSED, f"{untrusted}{error.format_message()}", 3)
    # The job looks again, at the commit that it will really run: that in provenance.json, or of a trial's search.
    exit_code = one(version.uri, {"repository": place, "published": "yes", **parameters}, env_manager)
    return Row(version.number, *_verdict(record.run_id, exit_code), exit_code)


def _trusted_place(commit: str | None, places: Sequence[str]) -> str:
    """Find a trusted repository with a branch or tag that leads to a commit; any where the run's tags name none."""
    if commit is None and places:
        return places[0]
    return place_of(str(commit), "", places, published=True)[0].repository


def _verdict(run_id: str, exit_code: int) -> tuple[str, str]:
    """Read the verdict that was just given."""
    if exit_code not in BADNESS:
        return FAILED, f"exit code {exit_code}"
    outcome, _, verdict_run_id = existing(run_id).data.tags.get(tag.REPRODUCTION, "").partition(", run ")
    if outcome not in list(ReproductionOutcome) or ReproductionOutcome(outcome).exit_code != exit_code:
        return FAILED, f"exit code {exit_code}, and no verdict"
    return outcome, existing(verdict_run_id).data.tags[tag.VERDICT_REASON]


def _badness(exit_code: int) -> int:
    return BADNESS.index(exit_code) if exit_code in BADNESS else len(BADNESS)
