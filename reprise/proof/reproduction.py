"""Rerun a recorded run at its commit, compare both, and reach a verdict."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import mlflow
from mlflow.entities import RunTag

from reprise.base import artifact, scratch, tag
from reprise.base.credentials import without_credentials
from reprise.base.display_text import in_tag
from reprise.base.errors import Irreproducible, JobFailed, WrongCall
from reprise.base.terminal import note
from reprise.models.registry import Version
from reprise.proof import circumstances, consistency, result_comparison, search_trials, stored_run, suspects
from reprise.proof.model_files import as_files, compare_code, with_files
from reprise.proof.outcome import Finding, Match, Reproduction, finding_text
from reprise.proof.prediction_agreement import agreement
from reprise.proof.preparation import Plan, prepare
from reprise.proof.registered_versions import Subject, check_version, served
from reprise.proof.rerun_experiment import in_own_experiment, steps_taken_over
from reprise.proof.rerun_table import settled
from reprise.proof.run_identity import RunIdentities
from reprise.proof.run_models import TAMPERED, folders, models_of, needs_of, refused
from reprise.proof.run_models import check as check_models
from reprise.proof.run_names import identity_of
from reprise.proof.run_results import contradictions, results_of
from reprise.running.commit_run import run_at_commit
from reprise.store.recorded import Recorded, existing, read

LISTED = 5
"""The most contradictions that are printed before the rerun. The table has all."""

Announce = Callable[[Plan], None]


def reproduce(
    subject: Subject,
    repository: str,
    env_manager: str,
    experiment_id: str,
    announce: Announce,
    *,
    trusted: bool = False,
    apply_patch: bool = True,
    published: bool = False,
) -> Reproduction:
    """Reproduce a run.

    Args:
        subject: the run, and the registered version that was named, if one was.
        repository: where its commit is; `recorded` for where the run says, else this project's own checkout.
        env_manager: of the rerun; `recorded` for the run's own.
        experiment_id: of the rerun.
        announce: called with the request just before it is run.
        trusted: whether models are loaded that may run code of their own or have no recorded digest.
        apply_patch: whether uncommitted changes that the store has are applied, and so run.
        published: whether a branch or tag of the repository must lead to the commit.

    Raises:
        WrongCall: there is no such run.
    """
    with scratch.folder("reproduce") as folder:
        recorded = read(subject.run, folder / "recorded")
        parent = search_trials.search_of(recorded)
        search = read(existing(parent), folder / "search") if parent else recorded
        models = models_of(recorded, folder / "models")
        record = (*check(recorded, search, subject.version), *check_models(recorded, models), *contradictions(recorded))
        _warn([finding for finding in record if finding.match == Match.DIFFERENT])
        try:
            search_trials.check_has_results(recorded)
            terms = {"apply_patch": apply_patch, "published": published}
            plan = in_own_experiment(prepare(search, repository, env_manager, experiment_id, **terms), search)
            announce(plan)
            if search.engine and search.engine.edited:
                note(f"the engine of the recorded run was edited: {search.engine.few()}")
            again = rerun = _rerun(plan, search, folder / "again")
            if parent:
                again = read(existing(search_trials.counterpart(recorded, rerun.run)), folder / "trial")
        except Irreproducible as error:
            return Reproduction(recorded.run_id, None, None, search.commit, record, missing=error.missing)
        sides = RunIdentities(identity_of(recorded), identity_of(again))
        models_again = models_of(again, folder / "models-again")
        files, files_again = folders(models), folders(models_again)
        needs = (needs_of(files), needs_of(files_again))
        given = circumstances.compare(search, rerun, plan.replaced, plan.lock, sides, needs)
        given += tuple(steps_taken_over(plan, search))
        record = tuple(with_files(record, files, files_again))
        refusals = (
            refused(models, recorded, files_again, trusted=trusted),
            refused(models_again, again, files_again, trusted=trusted),
        )
        findings, tolerance = _compare((recorded, files), (again, files_again), record, given, sides, refusals)
        place = without_credentials(plan.request.place.repository)
        return Reproduction(recorded.run_id, again.run_id, place, search.commit, findings, tolerance=tolerance)


def _warn(found: Sequence[Finding]) -> None:
    """Report contradictions of the record, before the rerun."""
    for finding in found[:LISTED]:
        note(f"the record contradicts itself: {finding_text(finding)}")
    if len(found) > LISTED:
        note(f"the record contradicts itself in {len(found) - LISTED} more places, listed in the final table")


def check(recorded: Recorded, search: Recorded, version: Version | None) -> tuple[Finding, ...]:
    """Check the record of a run against itself, and against a registered version that names it.

    Args:
        recorded: the run.
        search: the search that it is a trial of; the run itself for any other.
        version: the version; None where none was named.
    """
    found = stored_run.read(search)
    findings = consistency.check(found, search.provenance)
    if search is not recorded:
        findings += tuple(search_trials.check_listed(recorded, found.table))
    return findings + (tuple(check_version(version, served(version), found)) if version else ())


def keep(verdict: Reproduction, verdict_run_id: str) -> None:
    """Log a verdict to its own run, and link the reproduced run to it."""
    client = mlflow.MlflowClient()
    client.log_text(verdict_run_id, json.dumps(verdict.record(), indent=2), artifact.REPRODUCTION)
    client.log_text(verdict_run_id, verdict.table(), artifact.REPRODUCTION_TABLE)
    tags = {
        tag.VERDICT: str(verdict.outcome),
        tag.VERDICT_REASON: in_tag(verdict.reason),
        tag.REPRODUCTION_RUN_ID: verdict.rerun_id,
    }
    client.log_batch(verdict_run_id, tags=[RunTag(name, value) for name, value in tags.items() if value])
    client.set_tag(verdict.run_id, tag.REPRODUCTION, f"{verdict.outcome}, run {verdict_run_id}")


def _rerun(plan: Plan, recorded: Recorded, folder: Path) -> Recorded:
    """Run the job again. Its code decides about a table in doubt.

    Raises:
        Irreproducible: it cannot be run, or its table has changed.
    """
    if plan.doubt:
        why = "today's code says so, and the run recorded no digest of the bytes, so its own code decides"
        note(f"{plan.doubt}; {why}")
    try:
        rerun = read(_run(plan), folder)
    except Irreproducible as error:
        raise Irreproducible(*error.missing, *([plan.doubt] if plan.doubt else [])) from error
    if said := settled(plan.doubt, recorded, rerun):
        note(said)
    return rerun


def _run(plan: Plan) -> mlflow.entities.Run:
    try:
        result = run_at_commit(plan.request)
    except (JobFailed, WrongCall) as error:
        said = error.format_message()
        raise Irreproducible(f"the run cannot be repeated: {said}{_python_to_bring(said)}") from error
    run = existing(result.run_id)
    if result.exit_code:
        reason = run.data.tags.get(tag.FAILURE, f"exit code {result.exit_code}")
        raise Irreproducible(f"the job succeeded when it was recorded and fails now: {reason} (run {result.run_id})")
    return run


def _python_to_bring(said: str) -> str:
    """Return what to do if uv cannot download a Python, because uv itself would suggest to install it with uv."""
    if "environment cannot be built" not in said:
        return ""
    found = re.search(r"cpython-(\d+\.\d+\.\d+)|interpreter found for Python (\d+(?:\.\d+)*)", said)
    if found is None:
        return ""
    version = found[1] or found[2]
    return (
        f"; Python {version} is not on this machine and uv cannot download it: put one on the PATH, or give another "
        "--env-manager"
    )


def _compare(
    recorded: tuple[Recorded, Mapping[str, Path]],
    again: tuple[Recorded, Mapping[str, Path]],
    record: tuple[Finding, ...],
    given: tuple[Finding, ...],
    sides: RunIdentities,
    refusals: tuple[Mapping[str, str], Mapping[str, str]],
) -> tuple[tuple[Finding, ...], float | None]:
    differs = any(finding.area == "machine" and finding.match == Match.DIFFERENT for finding in given)
    tolerance = result_comparison.TOLERANCE if differs else None
    unloaded, unloaded_again = refusals
    both = {name: why for name, why in unloaded.items() if why != TAMPERED and name in again[1]}
    results = result_comparison.compare(
        results_of(*recorded, unloaded), results_of(*again, {**unloaded_again, **both}), tolerance, sides
    )
    by_files = [as_files(name, recorded[1][name], again[1][name], why) for name, why in both.items()]
    codes = compare_code(recorded[1], again[1])
    found = (*record, *given, *codes, *(finding for finding in results if finding.name not in both), *by_files)
    if recorded[0].provenance:
        found += tuple(agreement(found, recorded[0].run.data.metrics))
    return (*found, *suspects.suspects(found, frozenset(recorded[1]))), tolerance
