"""The pin of the engine: what may be one, and whether an installed engine is the one that it names.

A version alone names no engine, since anybody can build a package of that version. The installer's record decides
(address and commit), and the digest of the engine's files, which `reprise lock` writes into conda.yaml.
"""

import re
from pathlib import Path

from packaging.requirements import Requirement

from reprise.base import engine
from reprise.base.credentials import without_credentials
from reprise.base.errors import WrongCall
from reprise.environment import distribution_origin

NAME = engine.PACKAGE.name
"""The distribution's name, and the package's."""

GIT = "git+"

_DIGEST = re.compile(r"^# engine sha256:([0-9a-f]{64})$", re.MULTILINE)


def check(pin: Requirement) -> None:
    """Check that a requirement names one engine for good, without a secret.

    Raises:
        WrongCall: it names a branch, a tag or an abbreviated commit, or its address holds credentials.
    """
    address = (pin.url or "").partition("#")[0]
    shown = without_credentials(address)
    if shown != address:
        raise WrongCall(
            f"the pin of {pin.name} holds credentials, {shown} without them, and every run would record them",
            remedy="take them out, and give them to git by a credential helper or a key for ssh",
        )
    if not address.startswith(GIT):
        return
    place, revision = distribution_origin.split_revision(address)
    if not distribution_origin.is_commit(revision):
        said = f"by {revision!r}, which is no full commit and may come to name another" if revision else "by no commit"
        raise WrongCall(
            f"{pin.name} is pinned {said}",
            remedy=f"write {place}@<the commit's 40 digits>, which git ls-remote {place.removeprefix(GIT)} lists",
        )


def place_of(pin: Requirement | None) -> str | None:
    """Return the address that a pin takes the engine from, a repository's without its commit; None for an index."""
    if pin is None or not pin.url:
        return None
    address = pin.url.partition("#")[0]
    return distribution_origin.split_revision(address)[0].removeprefix(GIT) if address.startswith(GIT) else address


def digest_line(digest: str) -> str:
    """Write the engine's digest as conda.yaml has it, in a comment, which every environment manager skips."""
    return f"# engine sha256:{digest}\n"


def digest_in(content: str) -> str | None:
    """Read the digest of the engine that a conda.yaml pins; None where it has none."""
    found = _DIGEST.search(content)
    return found[1] if found else None


def difference(pin: Requirement, digest: str | None, version: str, site_packages: list[str] | None) -> str | None:
    """Return how an installed engine differs from the one that is pinned, or None if it does not.

    Args:
        pin: of the engine.
        digest: the locked digest of its files; None for a lock that has none.
        version: that is installed.
        site_packages: an environment's folders; None for the engine of this process.
    """
    found = distribution_origin.recorded(NAME, site_packages)
    if (
        pin.url
        and pin.url.startswith(GIT)
        and not distribution_origin.is_commit(distribution_origin.revision_of(pin.url))
    ):
        return f"{version}, locked {without_credentials(pin.url)}, which is no full commit"
    if pin.url and (other := distribution_origin.difference(pin.url, version, found)):
        return other
    if pin.url and found and pin.url.startswith(GIT) and (other := _other_address(pin.url, found["url"])):
        return f"{version} of {other}, locked {without_credentials(pin.url)}"
    if not pin.url and not pin.specifier.contains(version, prereleases=True):
        return f"{version}, locked {pin.specifier}"
    installed = digest and digest_of(site_packages)
    return f"{version} sha256:{installed}, locked sha256:{digest}" if installed != digest else None


def uncompared(pin: Requirement, digest: str | None, version: str) -> str | None:
    """Return a line where nothing but a version says that the engine of this process is the one that is pinned."""
    if digest or (pin.url and distribution_origin.recorded(NAME)):
        return None
    wanted = without_credentials(pin.url) if pin.url else str(pin.specifier)
    return f"{NAME} {version} is not compared with {wanted}: conda.yaml has no digest of it, which reprise lock writes"


def digest_of(site_packages: list[str] | None) -> str | None:
    """Compute the digest of an installed engine's files; None where there is none.

    Args:
        site_packages: an environment's folders; None for the engine of this process.
    """
    if site_packages is None:
        return engine.this().digest
    places = [Path(folder) / NAME for folder in site_packages]
    return next((engine.identify(one, "").digest for one in places if one.is_dir()), None)


def _other_address(wanted: str, found: str) -> str | None:
    """Return the address that an engine came from, if it is not the one that its pin names."""
    place, _ = distribution_origin.split_revision(wanted.partition("#")[0])
    return None if _plain(place.removeprefix(GIT)) == _plain(found) else without_credentials(found)


def _plain(address: str) -> str:
    """Return an address without what makes no difference."""
    address = without_credentials(address.replace("file://localhost/", "file:///", 1))
    return address.rstrip("/").removesuffix(".git").rstrip("/")
