"""Check, without running anything, that all parts of a recorded run are there, and plan its rerun."""

import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from reprise.base import artifact, engine, tag, text_digest
from reprise.base.errors import Irreproducible, WrongCall
from reprise.code.repository import SHA, find
from reprise.environment.pins import Lock, installed_versions, parse_lock
from reprise.proof import rerun_table, thread_counts
from reprise.proof.repositories import candidates, place_of
from reprise.proof.rerun_parameters import given
from reprise.proof.search_trials import search_of
from reprise.proof.snapshot import Snapshot, snapshot
from reprise.running.run_request import RunRequest
from reprise.store.recorded import Recorded

MANAGERS = ("uv", "conda", "virtualenv")
PROGRAMS = {"virtualenv": "pyenv"}


@dataclass(frozen=True)
class Plan:
    """The plan of a rerun.

    Attributes:
        request: what is to be run.
        replaced: parameters that name the same thing otherwise than recorded, such as data found in another place.
        lock: the environment lock at the commit; None for a project without one that is read here.
        here: whether this process's own environment is taken, since it is the one that the lock names.
        lacks: what this machine lacks for the same last bits; None where it is not known to lack anything.
        doubt: what is wrong with the table by today's reader alone, so that the rerun decides; None without a doubt.
    """

    request: RunRequest
    replaced: dict[str, str]
    lock: Lock | None
    here: bool
    lacks: str | None = None
    doubt: str | None = None


def prepare(
    recorded: Recorded,
    repository: str,
    env_manager: str,
    experiment_id: str,
    *,
    apply_patch: bool = True,
    published: bool = False,
) -> Plan:
    """Check all that can be checked without running, and plan the rerun.

    Args:
        recorded: the run to reproduce.
        repository: where its commit is; `recorded` for where the run says, else this project's own checkout.
        env_manager: of the rerun; `recorded` for the run's own, where it can be had here.
        experiment_id: of the rerun.
        apply_patch: whether uncommitted changes that the store has are applied, and so run.
        published: whether a branch or tag of the repository must lead to the commit.

    Raises:
        Irreproducible: something is missing; each piece that is known to be missing has its line.
    """
    missing = list(_gaps(recorded))
    if missing or recorded.commit is None or recorded.entry_point is None:
        raise Irreproducible(*missing)
    if recorded.patch and not apply_patch:
        raise Irreproducible(
            f"it was not tried, since its uncommitted changes ({len(recorded.patch)} bytes) come from the store: read "
            f"{artifact.PATCH} of run {recorded.run_id}, then name the run itself, or add --apply-patches"
        )
    repositories = candidates(recorded.repositories) if repository == "recorded" else [repository]
    place, commit = place_of(recorded.commit, recorded.subdirectory, repositories, published=published)
    with snapshot(commit, recorded.patch) as code:
        parameters = given(code, recorded)
        lock = _lock(code, recorded)
        table = rerun_table.find(code, recorded)
        replaced = {**table.parameters, **_model(recorded)}
    here = env_manager == "recorded" and lock is not None and _is_here(recorded, lock)
    request = RunRequest(
        place=place,
        entry_point=recorded.entry_point,
        parameters={**parameters, **replaced},
        env_manager="local" if here else _env_manager(recorded, env_manager, lock),
        python=recorded.environment.get("python_version"),
        patch=recorded.patch,
        experiment_id=experiment_id,
        tags={tag.RERUN_OF: recorded.run_id},
        variables=thread_counts.variables(recorded.environment, thread_counts.cores()),
    )
    lacks = thread_counts.lacking(recorded.environment, thread_counts.cores())
    return Plan(request, replaced, lock, here, lacks, table.doubt)


def request_at(plan: Plan, recorded: Recorded, commit: str) -> RunRequest:
    """Return the same request at another commit, in the environment of the lock there.

    Raises:
        WrongCall, JobFailed: the commit cannot be had.
    """
    request = replace(plan.request, place=replace(plan.request.place, version=commit))
    if not plan.here:
        return request
    with snapshot(find(request.place), b"") as code:
        same = text_digest.unix_line_ends(code.file("conda.yaml") or b"") == text_digest.unix_line_ends(
            recorded.lock or b""
        )
    return request if same else replace(request, env_manager=_builder(recorded))


def _gaps(recorded: Recorded) -> Iterator[str]:
    """List the gaps of the record itself."""
    tags, status = recorded.tags, recorded.run.info.status
    if status != "FINISHED":
        yield f"the run is {status}, so it has no results to compare"
    if recorded.commit is None:
        yield f"no commit is recorded: {_why_no_commit(recorded)}"
    elif not SHA.fullmatch(recorded.commit):
        yield f"the recorded commit {recorded.commit!r} is no full SHA"
    if recorded.entry_point is None:
        yield "no entry point is recorded: the run was started neither by mlflow run nor by this project"
    if tag.ENVIRONMENT_LOCK in tags and not (recorded.provenance and recorded.lock):
        yield f"{artifact.PROVENANCE} or {artifact.LOCK} is gone from the run's artifacts, or not whole"
    state = recorded.patch_state
    if state == "off":
        yield "the working tree was dirty and its patch was not recorded (REPRISE_PATCH=off)"
    left_out = recorded.provenance["git"]["patch"]["left_out"] if recorded.provenance else {}
    if state == "incomplete":
        named = "; ".join(f"{path} ({reason})" for path, reason in left_out.items())
        yield f"the patch is incomplete; left out: {named}"
    if state == "complete" and not recorded.patch:
        yield "the recorded patch is gone from the run's artifacts"


def _why_no_commit(recorded: Recorded) -> str:
    if search := search_of(recorded):
        return f"the run is a trial of search {search}, which has the record; name that one"
    return recorded.tags.get(tag.GIT, "neither the job nor MLflow has found one")


def _lock(code: Snapshot, recorded: Recorded) -> Lock | None:
    """Read the lock at the commit, which must be the one that the run recorded."""
    recorded_lock, content = recorded.lock, code.file("conda.yaml")
    if recorded_lock is None:
        return None
    if content is None:
        raise Irreproducible(f"commit {recorded.commit} has no conda.yaml, and the run recorded one")
    lock = _parsed(content, f"conda.yaml at commit {recorded.commit}")
    if not _is_of(content, recorded):
        was = _parsed(recorded_lock, f"{artifact.LOCK} in the run's artifacts")
        changes = "; ".join(_pin_changes(was, lock)) or "another text with the same pins"
        raise Irreproducible(
            f"the environment lock is not that of the commit: {artifact.LOCK} against conda.yaml: {changes}"
        )
    return lock


def _is_of(content: bytes, recorded: Recorded) -> bool:
    """Return whether a lock is the one that the job read. `consistency` compares the store's copy and tag."""
    stated = recorded.environment.get("lock_sha256")
    if stated is None:
        return text_digest.unix_line_ends(content) == text_digest.unix_line_ends(recorded.lock or b"")
    return stated in text_digest.sha256s(content)


def _parsed(content: bytes, name: str) -> Lock:
    try:
        return parse_lock(content)
    except WrongCall as error:
        raise Irreproducible(f"{name} is no environment lock") from error


def _pin_changes(recorded: Lock, now: Lock) -> Iterator[str]:
    if recorded.python != now.python:
        yield f"python recorded {recorded.python}, at the commit {now.python}"
    for name in sorted({*recorded.pins, *now.pins}):
        old, new = (lock.pins.get(name, "no pin") for lock in (recorded, now))
        if str(old) != str(new):
            yield f"{name} recorded {old}, at the commit {new}"


def _model(recorded: Recorded) -> dict[str, str]:
    """Name the model that an evaluation judged by its id: an alias, or `latest`, is another one by now."""
    model_id = recorded.tags.get(tag.EVALUATES_MODEL_ID)
    return {"model": f"models:/{model_id}"} if model_id and "model" in recorded.parameters else {}


def _env_manager(recorded: Recorded, asked: str, lock: Lock | None) -> str | None:
    """Choose how the rerun gets its environment."""
    if asked != "recorded":
        return asked
    return (_builder(recorded) if lock else None) or _manager(recorded)


def _manager(recorded: Recorded) -> str:
    return recorded.tags.get(tag.ENVIRONMENT_MANAGER, "local")  # MLflow tags all others


def _builder(recorded: Recorded) -> str | None:
    """Choose the run's own environment manager, else another that is installed here, or None."""
    wanted = (_manager(recorded), *MANAGERS)
    return next((name for name in wanted if name in MANAGERS and shutil.which(PROGRAMS.get(name, name))), None)


def _is_here(recorded: Recorded, lock: Lock) -> bool:
    """Return whether this process has exactly the Python, packages and engine of the run."""
    environment, here, names = recorded.environment, installed_versions(), lock.pins
    if engine.PACKAGE.name in names and recorded.engine and recorded.engine.digest != engine.this().digest:
        return False
    same = all(here.get(name) == environment["installed"].get(name) for name in names)
    python = shutil.which("python") == str(Path(sys.executable).with_name("python"))  # what `python` in a command means
    return same and python and environment["python_version"] == platform.python_version()
