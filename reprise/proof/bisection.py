"""The first commit at which a run's metrics differ, found by git bisect in a separate clone."""

import re
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from pathlib import Path

from reprise.base import scratch, tag
from reprise.base.errors import Irreproducible, JobFailed, WrongCall, one_line
from reprise.code.git import GitError, git, text
from reprise.code.repository import Commit, find
from reprise.proof.outcome import Finding, Match
from reprise.proof.preparation import Plan, request_at
from reprise.proof.result_comparison import RunResults, compare
from reprise.running.commit_run import run_at_commit
from reprise.store.recorded import Recorded, existing

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Bisection:
    """The result of a bisection.

    Attributes:
        commit: the first commit at which a metric differs.
        subject: its message's first line.
        findings: the metrics that differ there.
    """

    commit: str
    subject: str
    findings: tuple[Finding, ...]


def bisect(recorded: Recorded, plan: Plan, commits: str, metric: str, tell: Tell) -> Bisection:
    """Search a range of commits for the first at which a metric is not what a run recorded.

    Args:
        recorded: the run.
        plan: how it is run again.
        commits: `A..B`; at A the metrics must still be the recorded ones, at B they must not.
        metric: the metric to look at; `any` for all that are no times.
        tell: called with a line for each commit that was tried.

    Raises:
        WrongCall: the range or the metric is none.
        Irreproducible: the run has a patch, which belongs to one commit only.
        JobFailed: the ends of the range do not differ as they must, or too many commits cannot be run.
    """
    good, bad = _range(commits)
    if plan.request.patch:
        raise Irreproducible(f"run {recorded.run_id} has a patch, which belongs to its own commit; bisect a clean run")
    if metric != "any" and metric not in recorded.run.data.metrics:
        raise WrongCall(
            f"run {recorded.run_id} has no metric {metric!r}; it has {', '.join(recorded.run.data.metrics)}"
        )
    trial = _Trial(recorded, plan, metric, tell)
    first, last = (find(replace(plan.request.place, version=end)) for end in (good, bad))
    if trial.differs(first.sha):
        raise JobFailed(f"at {good} ({first.sha}) a metric differs already", remedy="begin the range earlier")
    if not trial.differs(last.sha):
        raise JobFailed(f"at {bad} ({last.sha}) no metric differs; there is nothing to find in {commits}")
    with scratch.folder("bisect") as folder:
        clone = folder / "clone"
        _clone(last, clone)
        commit = _search(clone, first.sha, last.sha, trial)
        subject = git(clone, "log", "-1", "--format=%s", commit).decode(errors="replace").strip()
    return Bisection(commit, subject, trial.found[commit])


class _Trial:
    """Runs the job at one commit after another, and remembers what differed."""

    def __init__(self, recorded: Recorded, plan: Plan, metric: str, tell: Tell) -> None:
        self.recorded, self.plan, self.metric, self.tell = recorded, plan, metric, tell
        self.found: dict[str, tuple[Finding, ...]] = {}
        self.failed: set[str] = set()

    def differs(self, commit: str) -> bool:
        """Return whether a metric differs at a commit.

        Raises:
            JobFailed: the job cannot be run there.
        """
        request = request_at(self.plan, self.recorded, commit)
        result = run_at_commit(replace(request, tags={tag.BISECTS: self.recorded.run_id}))
        if result.exit_code:
            raise JobFailed(f"the job fails at {commit} (run {result.run_id})")
        before = self._metrics(self.recorded.run.data.metrics)
        findings = compare(before, self._metrics(existing(result.run_id).data.metrics), tolerance=None)
        self.found[commit] = tuple(finding for finding in findings if finding.match == Match.DIFFERENT)
        named = ", ".join(f"{finding.name} {finding.again}" for finding in self.found[commit])
        self.tell(f"{commit}: {named or 'equal'}")
        return bool(named)

    def _metrics(self, metrics: dict[str, float]) -> RunResults:
        return RunResults({name: value for name, value in metrics.items() if self.metric in ("any", name)})


def _range(commits: str) -> tuple[str, str]:
    good, dots, bad = commits.partition("..")
    if not (good and dots and bad) or bad.startswith("."):
        raise WrongCall(f"commits {commits!r} is no range", remedy="write A..B, such as v1.0..main")
    return good, bad


def _clone(commit: Commit, clone: Path) -> None:
    """Clone the history for git's bisect to write into; its objects are borrowed."""
    try:
        git(clone.parent, "clone", "--quiet", "--bare", "--shared", str(commit.git_dir), str(clone))
    except GitError as error:
        raise JobFailed(f"{commit.url} cannot be cloned: {one_line(error)}") from error


def _search(clone: Path, good: str, bad: str, trial: _Trial) -> str:
    try:
        said = git(clone, "bisect", "start", "--no-checkout", bad, good)
        while not (done := re.search(rb"^([0-9a-f]{40,64}) is the first bad commit", said, re.MULTILINE)):
            commit = git(clone, "rev-parse", "BISECT_HEAD").decode().strip()
            said = git(clone, "bisect", _judged(commit, trial), commit)
    except GitError as error:
        raise JobFailed(_no_single_commit(error, clone, trial.failed)) from error
    return done[1].decode()


def _no_single_commit(error: GitError, clone: Path, failed: AbstractSet[str]) -> str:
    """Return why git's bisect ends without a commit, and which ones it may be where some cannot be run."""
    candidates = re.findall(r"^[0-9a-f]{40,64}$", error.output.decode(errors="replace"), re.MULTILINE)
    if not candidates:
        return f"git bisect finds no single commit: {one_line(error) or 'too many fail'}"
    named = []
    for commit in candidates:
        subject = text(clone, "log", "-1", "--format=%s", commit) or ""
        named.append(f"{commit} {subject}{' (cannot be run)' if commit in failed else ''}")
    return f"the first commit at which a metric differs is one of {len(named)}: {'; '.join(named)}"


def _judged(commit: str, trial: _Trial) -> str:
    try:
        return "bad" if trial.differs(commit) else "good"
    except (JobFailed, WrongCall) as error:
        trial.failed.add(commit)
        trial.tell(f"{commit}: skipped, {error.format_message()}")
        return "skip"
