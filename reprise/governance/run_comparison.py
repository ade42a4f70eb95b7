"""Compare two runs: parameters, metrics, data, environment and code."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import mlflow
from mlflow.exceptions import MlflowException

from reprise.base import project, tag
from reprise.base.errors import ABSENT, WrongCall
from reprise.base.terminal import columns
from reprise.code import git
from reprise.models import registry
from reprise.store.recorded import provenance_of

RUN_ID = re.compile(r"[0-9a-f]{32}")
TAGS = {
    "commit": tag.COMMIT,
    "branch": tag.BRANCH,
    "patch": tag.PATCH,
    "lock": tag.ENVIRONMENT_LOCK,
    "data": tag.DATA_FINGERPRINT,
}

MACHINE: tuple[Literal["python_version", "platform", "cpus"], ...] = ("python_version", "platform", "cpus")
"""What of a run's machine is compared."""


@dataclass(frozen=True)
class ComparedRun:
    """One of the two.

    Attributes:
        title: as it was asked for, and the run that this is.
        fields: group -> name -> value, as texts.
        commit: of its code, where recorded.
    """

    title: str
    fields: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    commit: str | None = None


def compare(one: str, other: str, name: str) -> list[str]:
    """Compare two runs, versions or aliases. Return a line for each difference, and the number of equal values.

    Args:
        one: a run's id, a version's number, an alias, or `models:/name/3`.
        other: likewise.
        name: the registered model that numbers and aliases are of.

    Raises:
        WrongCall: there is no such run, version or alias.
    """
    sides = _side(one, name), _side(other, name)
    return [*_table(*sides), *_code(*sides)]


def _side(what: str, name: str) -> ComparedRun:
    run_id: str | None = what
    if not RUN_ID.fullmatch(what):
        version = registry.of_uri(what) if what.startswith("models:/") else registry.find(name, what.removeprefix("@"))
        run_id = version.run_id if version else None
    try:
        run = mlflow.get_run(run_id) if run_id else None
    except MlflowException as error:
        if error.error_code not in ABSENT:
            raise
        run = None
    if run is None:
        raise WrongCall(f"{what!r} is no run, version or alias with a run in {mlflow.get_tracking_uri()}")
    record = provenance_of(run.info.run_id)
    origin = {label: run.data.tags[tag] for label, tag in TAGS.items() if tag in run.data.tags}
    environment = record.get("environment", {}) if record else {}
    origin |= {key: str(environment[key]) for key in MACHINE if key in environment}
    fields = {
        "origin": origin,
        "parameter": run.data.params,
        "metric": {key: f"{value:.6g}" for key, value in run.data.metrics.items()},
        "package": environment.get("installed", {}),
    }
    title = f"run {run.info.run_id[:8]}" if what == run.info.run_id else f"{what} (run {run.info.run_id[:8]})"
    return ComparedRun(title, fields, origin.get("commit"))


def _table(one: ComparedRun, other: ComparedRun) -> Iterator[str]:
    rows, equal = [("", one.title, other.title)], []
    for group, left in one.fields.items():
        right = other.fields[group]
        same = [key for key in left if left[key] == right.get(key)]
        equal += [f"{len(same)} {group}s"] if same else []
        rows += [
            (f"{group} {key}", left.get(key, "-"), right.get(key, "-")) for key in sorted({*left, *right} - set(same))
        ]
    yield from columns(rows)
    yield f"equal: {', '.join(equal) or 'nothing'}"


def _code(one: ComparedRun, other: ComparedRun) -> Iterator[str]:
    if not one.commit or not other.commit:
        yield "code: a commit is not recorded"
    elif one.commit == other.commit:
        yield f"code: the same commit {one.commit[:12]}"
    else:
        stat = git.text(project.FOLDER, "diff", "--stat", one.commit, other.commit, "--")
        absent = f"code: this checkout does not hold both commits, {one.commit[:12]} and {other.commit[:12]}"
        yield from stat.splitlines() if stat else [absent]
