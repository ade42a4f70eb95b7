"""The provenance of a run: commit, patch, environment, data and parameters."""

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reprise.base import display_text, project, tag
from reprise.base.credentials import without_credentials
from reprise.base.display_text import as_text, few
from reprise.base.engine import Engine, this
from reprise.base.record import FORMAT, Environment, Git, Machine, Record
from reprise.code.checkout import Checkout, describe
from reprise.environment.pins import (
    Lock,
    describe_machine,
    installed_versions,
    mismatches,
    read_lock,
    uncompared_pins,
)


@dataclass(frozen=True)
class Provenance:
    """Everything needed to rerun a run, except for its data.

    Attributes:
        checkout: commit, branch, repository and patch of the project's own folder.
        lock: the environment lock.
        installed: name -> version of every package that this process can import.
        mismatches: where `installed` and `lock` differ, a line each.
        machine: Python, platform, processor, linear algebra.
        parameters: of the entry point, whole, as text and without credentials.
        command: the script and its arguments.
        engine: that fills the run; None leaves it out of the record.
        uncompared: pins that name a place which what is installed does not say it came from, a line each.
    """

    checkout: Checkout
    lock: Lock
    installed: dict[str, str]
    mismatches: list[str]
    machine: Machine
    parameters: Mapping[str, str] = field(default_factory=dict)
    command: Sequence[str] = field(default_factory=lambda: tuple(sys.argv))
    engine: Engine | None = None
    uncompared: Sequence[str] = ()

    def tags(self) -> dict[str, str]:
        """Return the MLflow tags; MLflow's own names where it has one."""
        checkout = self.checkout
        tags = {
            tag.COMMIT: checkout.commit,
            tag.BRANCH: checkout.branch,
            tag.REPOSITORY: checkout.repository,
            tag.DIRTY: str(checkout.dirty).lower() if checkout.commit else None,
            tag.GIT: checkout.problem or "ok",
            tag.PATCH: checkout.patch.state if checkout.commit else "none",
            tag.ENVIRONMENT_LOCK: self.lock.sha256,
            tag.ENVIRONMENT_MATCHES: str(not self.mismatches).lower(),
            tag.PARAMETERS_CUT: display_text.in_tag("; ".join(self._cut())) or None,
        }
        return {name: value for name, value in tags.items() if value is not None}

    def notes(self) -> list[str]:
        """Return notes for a person: no commit, an incomplete patch, a cut parameter, an environment not locked."""
        notes = []
        if self.checkout.problem:
            notes.append(f"no commit is recorded: {self.checkout.problem}")
        if self.checkout.hidden:
            marked = f"{_few(self.checkout.hidden)} (skip-worktree or assume-unchanged)"
            notes.append(f"git ignores changes in {marked}; the patch has them")
        if files := self.checkout.patch.files:
            changed = f"{files} file differs" if files == 1 else f"{files} files differ"
            notes.append(f"the working tree is dirty: {changed} from the commit; the run keeps that as its patch")
        if self.checkout.patch.left_out:
            named = [f"{path} ({reason})" for path, reason in self.checkout.patch.left_out.items()]
            notes.append(f"the patch is incomplete; left out: {_few(named)}")
        if self.checkout.patch.state == "off":
            notes.append("the working tree is dirty and its patch is not recorded (REPRISE_PATCH=off)")
        if self.mismatches:
            notes.append(f"the environment is not the locked one: {_few(self.mismatches)}")
        notes += self.uncompared
        notes += [f"parameter {cut}; provenance.json has it whole" for cut in self._cut()]
        return notes

    def _cut(self) -> list[str]:
        kept = display_text.PARAMETER_LENGTH
        return [
            f"{name} has {length} characters, of which MLflow keeps {kept}"
            for name, length in display_text.cut(self.parameters).items()
        ]

    def record(self) -> Record:
        """Return what provenance.json holds of it; the patch itself is in patch.diff."""
        record: Record = {"format": FORMAT, "git": self._git(), "environment": self._environment()}
        if self.engine:
            record["engine"] = self.engine.record()
        record["parameters"] = dict(self.parameters)
        record["command"] = [Path(self.command[0]).name, *map(without_credentials, self.command[1:])]
        return record

    def _git(self) -> Git:
        checkout = self.checkout
        return {
            "commit": checkout.commit,
            "branch": checkout.branch,
            "repository": checkout.repository,
            "subdirectory": checkout.subdirectory,
            "dirty": checkout.dirty,
            "patch": {"state": checkout.patch.state, "left_out": checkout.patch.left_out},
            "problem": checkout.problem,
            "hidden": list(checkout.hidden),
        }

    def _environment(self) -> Environment:
        return {
            "lock_sha256": self.lock.sha256,
            "matches_lock": not self.mismatches,
            "mismatches": self.mismatches,
            "uncompared": list(self.uncompared),
            "installed": self.installed,
            **self.machine,
        }


def collect(parameters: Mapping[str, Any] | None = None, command: Sequence[str] | None = None) -> Provenance:
    """Collect the provenance of this very process; the project's own files say at which commit.

    Args:
        parameters: of the entry point.
        command: the script and its arguments; None for those that this process was started with.

    Raises:
        WrongCall: there is no project, or its environment lock cannot be read.
    """
    folder = project.required("a run")
    with_patch = os.environ.get("REPRISE_PATCH", "").lower() not in ("off", "0", "false", "no")
    lock, installed = read_lock(), installed_versions()
    return Provenance(
        checkout=describe(folder, with_patch=with_patch),
        lock=lock,
        installed=installed,
        mismatches=mismatches(lock, installed),
        machine=describe_machine(),
        parameters={name: without_credentials(as_text(value)) for name, value in (parameters or {}).items()},
        command=tuple(command or sys.argv),
        engine=this(),
        uncompared=uncompared_pins(lock, installed),
    )


def _few(lines: Iterable[str], limit: int = 5) -> str:
    return "; ".join(few(lines, limit, "provenance.json"))
