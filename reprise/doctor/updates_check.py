"""Ask the template's repository whether a newer version is there. This is the one check that uses the network."""

import re
from collections.abc import Iterator
from pathlib import Path

import yaml
from packaging.version import InvalidVersion, Version

from reprise.base import untrusted_text
from reprise.base.credentials import without_credentials
from reprise.base.errors import one_line
from reprise.code.git import GitError, git
from reprise.doctor.diagnosis import Diagnosis
from reprise.environment import distribution_origin
from reprise.environment.pinned_engine import pin_in

ANSWERS = ".copier-answers.yml"
"""Where copier records a project's template."""

SUBJECT = "updates"
UPDATE = "copier update --defaults --vcs-ref"

_PATIENCE = 20  # seconds for a server
_SHORT = 12  # digits of a commit that a person compares
_HASH = re.compile(r"(?:.*-g)?([0-9a-f]{7,40})")  # of git describe, with or without a tag before it
_NO_QUESTIONS = {"GIT_TERMINAL_PROMPT": "0", "GIT_SSH_COMMAND": "ssh -oBatchMode=yes -oConnectTimeout=10"}


def examine(folder: Path) -> Iterator[Diagnosis]:
    """Compare the version of the template that a project has with the newest commit and the newest release."""
    try:
        answers = untrusted_text.load_yaml((folder / ANSWERS).read_bytes())
        source, recorded = str(answers["_src_path"]), str(answers["_commit"])
    except (OSError, yaml.YAMLError, *untrusted_text.NONE, KeyError, TypeError) as error:
        yield Diagnosis(
            "note", SUBJECT, f"{ANSWERS} names no template ({one_line(error, 100)}), so there is none to ask"
        )
        return
    shown = without_credentials(source)
    try:
        place = source.removeprefix("git+")
        listed = git(folder, "ls-remote", "--quiet", "--", place, env=_NO_QUESTIONS, timeout=_PATIENCE).decode()
    except GitError as error:
        reason = without_credentials(one_line(error, 200))
        yield Diagnosis("note", SUBJECT, f"{shown} could not be asked for a newer version: {reason}")
        return
    tips = {name: sha for sha, _, name in (line.partition("\t") for line in listed.splitlines())}
    yield compare(shown, tips, _commit(folder, recorded, tips))


def compare(source: str, tips: dict[str, str], commit: str | None) -> Diagnosis:
    """Compare a project's commit of the template with what the template's repository has.

    Args:
        source: the repository's address.
        tips: name of a branch or tag -> its commit, as `git ls-remote` lists them.
        commit: the project's, perhaps abbreviated; None where it is not known.
    """
    newest, release = tips.get("HEAD", ""), _newest_release(tips)
    if commit and newest.startswith(commit):
        return Diagnosis("ok", SUBJECT, f"this project has the newest commit of {source}, {newest[:_SHORT]}")
    if commit and release and _of_tag(tips, release).startswith(commit):
        text = f"this project has the newest release of {source}, {release}; its newest commit is {newest[:_SHORT]}"
        return Diagnosis("ok", SUBJECT, text)
    others = f" and release {release}" if release else ""
    here = commit[:_SHORT] if commit else "an unknown commit"
    text = f"{source} has commit {newest[:_SHORT]}{others}; this project has {here}"
    return Diagnosis("note", SUBJECT, text, f"{UPDATE} HEAD, as docs/updates.md says")


def _commit(folder: Path, recorded: str, tips: dict[str, str]) -> str | None:
    """Return the template's commit in a project: that of the engine's pin, or what copier recorded of it."""
    pin = pin_in(folder)
    if pin is not None and pin.url:
        return distribution_origin.revision_of(pin.url) or None
    if tagged := _of_tag(tips, recorded):
        return tagged
    found = _HASH.fullmatch(recorded)
    return found[1] if found else None


def _of_tag(tips: dict[str, str], name: str) -> str:
    """Return a tag's commit; an annotated tag is an object of its own, and its commit stands beside it."""
    return tips.get(f"refs/tags/{name}^{{}}") or tips.get(f"refs/tags/{name}", "")


def _newest_release(tips: dict[str, str]) -> str | None:
    names = [name.removeprefix("refs/tags/") for name in tips if name.startswith("refs/tags/") and "^" not in name]
    versions = {}
    for name in names:
        try:
            versions[Version(name)] = name
        except InvalidVersion:
            continue
    stable = {version: name for version, name in versions.items() if not version.is_prerelease}
    return stable[max(stable)] if stable else None
