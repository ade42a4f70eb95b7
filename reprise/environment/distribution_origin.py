"""Compare the recorded origin of an installed distribution with the place that its pin names.

A pin such as `reprise @ git+https://…@<commit>` or `reprise @ file:///….whl` names a place, and the installer writes
that into `direct_url.json` (https://packaging.python.org/en/latest/specifications/direct-url/).
"""

import importlib.metadata
import re
import sys
from typing import Any
from urllib.parse import unquote, urlsplit

from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from reprise.base import untrusted_text
from reprise.base.credentials import without_credentials

FILE = "direct_url.json"

_COMMIT = re.compile(r"[0-9a-f]{40}")


def recorded(name: str, site_packages: list[str] | None = None) -> dict[str, Any] | None:
    """Read the origin that a distribution's installer recorded. Return None for packages from an index.

    Args:
        name: of the distribution.
        site_packages: an environment's folders; None for this process's own.
    """
    for distribution in importlib.metadata.distributions(name=name, path=site_packages or sys.path):
        try:
            content = untrusted_text.parse_json(distribution.read_text(FILE) or "null")
        except ValueError:
            return None
        return content if isinstance(content, dict) and isinstance(content.get("url"), str) else None
    return None


def difference(wanted: str, version: str, found: dict[str, Any] | None) -> str | None:
    """Return how an installed distribution differs from a pin that names a place, or None if it does not.

    The commit decides for git, and else the digest where both sides have one: the same code may come from elsewhere.

    Args:
        wanted: the place, as the pin has it.
        version: that is installed.
        found: from `recorded`.
    """
    other = version_of(wanted)
    if other and other != version:
        return f"{version}, locked {without_credentials(wanted)}"
    if found is None:
        return None
    if wanted.startswith("git+"):
        return _other_commit(wanted, version, found)
    if "dir_info" in found:
        return f"{version} of the folder {_path(found['url'])}, locked {without_credentials(wanted)}"
    digest, same = _sha256(wanted), wanted.partition("#")[0] == found["url"]
    hashes = _part(found, "archive_info").get("hashes")
    installed = hashes.get("sha256") if isinstance(hashes, dict) else None
    if (digest == installed) if digest and installed else same:
        return None
    return f"{version} of {without_credentials(found['url'])}, locked {without_credentials(wanted)}"


def is_commit(revision: str) -> bool:
    """Return whether a revision is a full commit, which always names the same content."""
    return _COMMIT.fullmatch(revision) is not None


def split_revision(address: str) -> tuple[str, str]:
    """Split the address of a git repository into the place and the revision; "" where it names none."""
    head, slash, tail = address.rpartition("/")
    name, _, revision = tail.partition("@")
    return f"{head}{slash}{name}", revision


def revision_of(place: str) -> str:
    """Read the revision in the address of a git repository, whose fragment may name a folder; "" without one."""
    return split_revision(place.partition("#")[0])[1]


def version_of(place: str) -> str | None:
    """Read the version in the name of the wheel that a place is; None where it is none."""
    try:
        return str(parse_wheel_filename(unquote(urlsplit(place).path).rpartition("/")[2])[1])
    except (InvalidWheelFilename, ValueError):
        return None


def _other_commit(wanted: str, version: str, found: dict[str, Any]) -> str | None:
    revision = revision_of(wanted)
    info = _part(found, "vcs_info")
    commit, asked = (str(info.get(key, "")) for key in ("commit_id", "requested_revision"))
    if revision == (commit if is_commit(revision) else asked):
        return None
    place = f"commit {commit}" if commit else _path(found["url"])
    return f"{version} of {place}, locked {without_credentials(wanted)}"


def _part(found: dict[str, Any], name: str) -> dict[str, Any]:
    part = found.get(name)
    return part if isinstance(part, dict) else {}


def _sha256(place: str) -> str | None:
    match = re.search(r"[#&]sha256=([0-9a-f]{64})", place)
    return match[1] if match else None


def _path(url: str) -> str:
    return unquote(url.removeprefix("file://")) if url.startswith("file://") else without_credentials(url)
