"""Check git, the project's repository, and whether others can get its commit."""

import shlex
from collections.abc import Iterator
from pathlib import Path

from reprise.code.checkout import Checkout, describe
from reprise.code.git import GitError, git, text
from reprise.doctor.diagnosis import Diagnosis

LISTED = 5


def examine(folder: Path) -> Iterator[Diagnosis]:
    """Examine the repository that the project's folder is in.

    A commit counts as pushed when a remote-tracking branch holds it, so no remote is asked.
    """
    try:
        version = git(Path("/"), "--version").decode().strip().removeprefix("git version ")
    except GitError:
        yield Diagnosis("FAIL", "git", "not found: runs carry no commit", "install git: https://git-scm.com/downloads")
        return
    yield Diagnosis("ok", "git", version)

    checkout = describe(folder, with_patch=False)
    if checkout.problem:
        problem, _, remedy = checkout.problem.partition(": run ")
        yield Diagnosis("FAIL", "repository", f"runs carry no commit: {problem}", remedy or f"look at {folder}")
        return
    yield _state(checkout, folder)
    yield _pushed(checkout, folder)


def _state(checkout: Checkout, folder: Path) -> Diagnosis:
    where = f"{folder}, {checkout.branch or 'HEAD detached'} at {_short(checkout)}"
    if checkout.dirty:
        changes = f"git -C {shlex.quote(str(folder))} status --short"
        if checkout.hidden:
            unseen = f"git ignores changes in {', '.join(checkout.hidden[:LISTED])} (skip-worktree or assume-unchanged)"
            remedy = f"git -C {shlex.quote(str(folder))} ls-files -v, where h and S mark such files"
            return Diagnosis("warn", "repository", f"{where}, not all committed: runs carry a patch", remedy, (unseen,))
        return Diagnosis("note", "repository", f"{where}, not all committed: runs carry a patch", changes)
    return Diagnosis("ok", "repository", f"{where}, clean")


def _pushed(checkout: Checkout, folder: Path) -> Diagnosis:
    branch = checkout.branch
    remote = text(folder, "config", f"branch.{branch}.remote") if branch else None
    remotes = (text(folder, "remote") or "").splitlines()
    if not remotes:
        remedy = f"git remote add origin URL && git push -u origin {branch or 'HEAD:refs/heads/NAME'}"
        return Diagnosis("warn", "pushed", "no remote: in other clones no run of this one can be reproduced", remedy)
    holding = text(folder, "for-each-ref", "--contains", "HEAD", "--format=%(refname:lstrip=2)", "refs/remotes")
    branches = [name for name in (holding or "").splitlines() if not name.endswith("/HEAD")]
    if branches:
        return Diagnosis("ok", "pushed", f"{_short(checkout)} is in {branches[0]}")
    remedy = "git push" if remote in remotes else f"git push -u {remotes[0]} {branch or 'HEAD:refs/heads/NAME'}"
    missing = f"no remote's branch holds {_short(checkout)}: in other clones its runs cannot be reproduced"
    return Diagnosis("warn", "pushed", missing, remedy)


def _short(checkout: Checkout) -> str:
    return (checkout.commit or "")[:10]
