"""The key of a search: the TLS key and certificate of its Dask cluster. Only processes with this key take part.

A file in PEM holds a private key and its certificate, which is signed by that key. All processes of a search show it to
one another, and admit no other. A search makes a new one, in a folder that only its user reads, unless it is given one.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from reprise.base import scratch
from reprise.base.errors import WrongCall
from reprise.running.search_workers import KEY

NAME = "reprise-search"
"""Whom the certificate names. No host: workers may be anywhere, and are known by the key alone."""

DAYS = 365
CLOCKS = timedelta(days=1)
"""By how much the clock of another machine may be behind."""

_PURPOSE = "key"


@dataclass(frozen=True)
class SearchKey:
    """The TLS key and certificate that the processes of a search show to one another.

    Attributes:
        file: where it is.
        made: whether it was made for this search, and is deleted with it.
    """

    file: Path
    made: bool

    def offer(self, run_id: str) -> Path:
        """Publish the key to workers of the same user and machine, by the search's run.

        Returns:
            The file that workers elsewhere need a copy of.
        """
        if not self.made:
            return self.file
        offered = _offered(self.file.parent, run_id)
        _write(offered, self.file.read_bytes())
        return offered


@contextmanager
def kept() -> Iterator[SearchKey]:
    """Make a key and keep it in a file. It is gone when the block ends, or swept later where the process is killed.

    Raises:
        JobFailed: there is no room for it.
        WrongCall: the package that makes it is missing.
    """
    with scratch.folder(_PURPOSE) as folder:
        file = folder / "key.pem"
        _write(file, make())
        yield SearchKey(file, made=True)


def given() -> SearchKey | None:
    """Return the key that the environment names (`REPRISE_KEY`)."""
    file = os.environ.get(KEY)
    return SearchKey(Path(file), made=False) if file else None


def find(run_id: str) -> SearchKey | None:
    """Find the key of a search: the one that the environment names, or that of this user's search on this machine."""
    if found := given():
        return found
    files = [_offered(folder, run_id) for folder in scratch.held(_PURPOSE)]
    return next((SearchKey(file, made=False) for file in reversed(files) if file.exists()), None)


def make() -> bytes:
    """Make a private key and its certificate, in PEM.

    Raises:
        WrongCall: the package that makes it is missing.
    """
    try:
        from cryptography import x509  # noqa: PLC0415  only searches on Dask need it
        from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
    except ImportError as error:
        raise WrongCall(
            "the key of a search needs cryptography: add it to [dependency-groups] project in pyproject.toml, then run "
            "reprise lock"
        ) from error
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, private.public_key(), x509.random_serial_number())
        .not_valid_before(now - CLOCKS)
        .not_valid_after(now + timedelta(days=DAYS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(private, hashes.SHA256())
    )
    form = serialization.PrivateFormat.PKCS8
    return private.private_bytes(
        serialization.Encoding.PEM, form, serialization.NoEncryption()
    ) + certificate.public_bytes(serialization.Encoding.PEM)


def _offered(folder: Path, run_id: str) -> Path:
    return folder / f"{run_id}.pem"


def _write(file: Path, content: bytes) -> None:
    """Write a file that only this user may read, from its first moment."""
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(content)
