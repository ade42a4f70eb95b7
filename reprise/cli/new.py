"""Start a project of the template that this launcher's engine comes with, by copier."""

import importlib.metadata
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

import click

from reprise.base import engine
from reprise.base.credentials import without_credentials
from reprise.base.errors import JobFailed, WrongCall, one_line
from reprise.base.terminal import note, say
from reprise.code.git import text
from reprise.environment import distribution_origin
from reprise.environment.engine_pin import NAME

COPIER = "copier>=9.10,<10"
"""What uv runs where there is no copier. The launcher does not bring it, for most of its users make a project once."""

_ADDRESS = "name the template: --template <address> --vcs-ref <commit, tag or branch>"
_REPOSITORY = "repository"  # a label of the package's URLs


@dataclass(frozen=True)
class Template:
    """Where the template is.

    Attributes:
        address: of a repository.
        ref: the commit, tag or branch in it.
    """

    address: str
    ref: str


def new(folder: Path, answers: Mapping[str, str], address: str | None, ref: str | None, *, defaults: bool) -> None:
    """Make a project in a folder that is not there yet, or empty.

    Args:
        folder: of the project.
        answers: to the questions of copier.yml, which are then not asked. A table's path is taken from the current
            folder.
        address: of the template; None for the one that this engine came from.
        ref: its commit, tag or branch; None for that of this engine, or for the newest commit of an address.
        defaults: whether the other questions take their defaults.

    Raises:
        WrongCall: the folder is taken, the template cannot be found, or an answer will not do.
        JobFailed: copier is missing, or fails.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise WrongCall(f"{folder} is there already", remedy="name a new folder, or an empty one")
    template = template_of(address, ref)
    command = [*copier(), "copy", "--vcs-ref", template.ref, *(["--defaults"] if defaults else [])]
    for name, value in answers.items():
        command += ["--data", f"{name}={_from_here(value) if name == 'data' else value}"]
    note(f"the template is {without_credentials(template.address)}, {template.ref}")
    done = subprocess.run(
        [*command, "--", template.address, str(folder)], stderr=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()] or [f"exit code {done.returncode}"]
        reason = without_credentials(one_line(lines[-1], 500))
        if reason.startswith("ValueError: "):  # of a question
            raise WrongCall(reason.removeprefix("ValueError: "))
        raise JobFailed(f"copier has made no project: {reason}")
    say(*click.unstyle(done.stderr).rstrip().splitlines(), err=True)


def copier() -> list[str]:
    """Return the command of copier: the one beside this Python or on the path, else one that uv fetches.

    Raises:
        JobFailed: there is neither copier nor uv.
    """
    beside = Path(sys.executable).with_name("copier")
    if found := (str(beside) if beside.exists() else shutil.which("copier")):
        return [found]
    if uv := shutil.which("uv"):
        note("uv fetches copier, which makes the project")
        return [uv, "tool", "run", "--quiet", "--from", COPIER, "copier"]
    raise JobFailed("neither copier nor uv is on the PATH", remedy="pip install copier")


def template_of(address: str | None, ref: str | None) -> Template:
    """Find the template: the one that is named, else what the installer took this engine from.

    Args:
        address: of the template's repository, if it is named.
        ref: a commit, tag or branch in it, if that is named.

    Raises:
        WrongCall: it is not known, is no template, or has changes that no commit holds.
    """
    if address:
        return Template(address, ref or "HEAD")
    found = distribution_origin.recorded(NAME)
    if found is None:
        return _of_release(ref)
    path = Path(unquote(urlsplit(found["url"]).path)) if found["url"].startswith("file:") else None
    if isinstance(found.get("vcs_info"), dict):
        address = str(path) if path else str(found["url"])
        return Template(address, ref or str(found["vcs_info"].get("commit_id") or "HEAD"))
    if path is None or "dir_info" not in found:
        return _of_release(ref)
    commit, changes = text(path, "rev-parse", "HEAD"), text(path, "status", "--porcelain")
    if not commit or not (path / "copier.yml").is_file():
        raise WrongCall(f"this launcher was installed from {path}, which is no repository of it", remedy=_ADDRESS)
    if changes and not ref:
        raise WrongCall(
            f"this launcher was installed from {path}, which has changes that no commit holds",
            remedy="commit them, or take the last commit: --vcs-ref HEAD",
        )
    return Template(str(path), commit if ref in (None, "HEAD") else str(ref))


def _of_release(ref: str | None) -> Template:
    urls = importlib.metadata.metadata(NAME).get_all("Project-URL") or []
    labelled = dict(reversed([part.strip() for part in line.split(",", 1)]) for line in urls)
    for address, label in labelled.items():
        if label.lower() == _REPOSITORY:
            return Template(address, ref or f"v{engine.this().version}")
    message = f"this launcher, {engine.this().version}, does not say which repository it is of"
    raise WrongCall(message, remedy=_ADDRESS)


def _from_here(table: str) -> str:
    """Return a table's full path if it is a file; else what names it, as it is."""
    path = Path(table)
    if path.is_absolute() or not path.is_file():
        return table
    note(f"the table is {path.absolute()}")
    return str(path.absolute())
