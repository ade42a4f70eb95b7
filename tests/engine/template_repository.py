"""The template as a repository, and projects that copier makes of it in this process."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import copier
from conftest import PROJECT, commit_all, git

_RENEW = """
from pathlib import Path
from reprise.base import engine
Path("reprise/MANIFEST").write_text(engine.text(engine.hashes(Path("reprise"))))
"""


def template_repository(folder: Path) -> Path:
    """Copy this project's files as they are now, with its links, into a repository of one commit."""
    listed = git(PROJECT, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in filter(None, listed.split("\0")):
        source, place = PROJECT / name, folder / name
        if os.path.lexists(source):
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, place, follow_symlinks=False)
    subprocess.run([sys.executable, "-c", _RENEW], cwd=folder, check=True)
    commit_all(folder, "the template")
    return folder


def make_project(template: Path, folder: Path, **answers: str) -> Path:
    """Make a project with some answers, the defaults for the others."""
    data = {"title": "Who cancels?", **answers}
    copier.run_copy(str(template), folder, data=data, defaults=True, quiet=True, vcs_ref="HEAD")
    return folder
