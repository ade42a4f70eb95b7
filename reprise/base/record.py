"""The schema of provenance.json: each key stands here once, with its type and what it means.

A record outlives the code that wrote it. So a reader takes what is there: keys of `WHOLE` are in every record, any
other may be missing in one of an earlier version, and a key that is not known here is left alone. The types say what
this version writes. docs/engine/record.md lists the keys.
"""

import json
import typing
from functools import cache
from typing import Any, Literal, TypedDict

from reprise.base import untrusted_text

FORMAT = 1
"""Version of provenance.json; a reader refuses what is newer."""

Context = Literal["train", "test"]
CONTEXTS: tuple[Context, ...] = ("train", "test")
"""The rows that were learned from, and those that were held out or judged."""


class Patch(TypedDict, total=False):
    """What the working tree had beyond its commit; its text is patch.diff."""

    state: str
    """`none`, `complete`, `incomplete` or `off`."""
    left_out: dict[str, str]
    """Path of each file that is not in the patch -> why."""


class Git(TypedDict, total=False):
    """The checkout that the code came from."""

    commit: str | None
    """The full commit; null where there is none to name."""
    branch: str | None
    """The branch; null where HEAD is detached."""
    repository: str | None
    """URL of the remote, without credentials; null without one."""
    subdirectory: str
    """The project's folder in its repository, empty at the top."""
    dirty: bool
    """Whether anything, not ignored, differs from the commit."""
    patch: Patch
    """What the working tree had beyond its commit."""
    problem: str | None
    """Why there is no commit."""
    hidden: list[str]
    """Changed files that git was told not to look at; the patch has them."""


class Library(TypedDict, total=False):
    """A library of linear algebra, as threadpoolctl describes it."""

    user_api: str | None
    """What it is used for, such as `blas`."""
    internal_api: str | None
    """What it is, such as `openblas`."""
    version: str | None
    """Its version."""
    num_threads: int | None
    """The threads that it takes."""
    architecture: str | None
    """The processor that it is tuned to."""


class Machine(TypedDict, total=False):
    """What a result may depend on beside the packages."""

    python: str
    """Python's version, as it describes itself."""
    python_version: str
    """Python's version, such as `3.11.9`."""
    implementation: str
    """Python's implementation, such as `CPython`."""
    platform: str
    """Operating system and C library."""
    machine: str
    """Kind of processor, such as `x86_64`."""
    cpus: int | None
    """Number of processors."""
    threads: dict[str, str]
    """Variables of the process that set a number of threads -> value."""
    simd: list[str]
    """Instruction sets that NumPy found."""
    blas: list[Library]
    """Libraries of linear algebra that were loaded."""


class Environment(Machine, total=False):
    """The packages and the machine."""

    lock_sha256: str
    """SHA-256 of conda.yaml."""
    matches_lock: bool
    """Whether the installed packages are those of the lock."""
    mismatches: list[str]
    """Where they are not, a line each."""
    uncompared: list[str]
    """Pins that name a place which what is installed does not say it came from, a line each."""
    installed: dict[str, str]
    """Package -> version, of all that the process could import."""


class Engine(TypedDict, total=False):
    """The engine that filled the run."""

    version: str
    """Of its release."""
    digest: str
    """SHA-256 over the names and contents of its files."""
    edited: list[str]
    """Files that are not those of the release, the kind of edit behind each."""


class Source(TypedDict, total=False):
    """Where the table came from."""

    kind: str
    """`bundled`, `file` or `uri`."""
    name: str
    """A bundled table's name, or the file's."""
    uri: str
    """The bundled name, an absolute path, or the URI without credentials."""
    in_project: str | None
    """Path from the project's folder, of a file inside it."""
    sha256: str | None
    """SHA-256 of the bytes; null where there is no file."""
    size: int | None
    """Number of those bytes."""
    package: str | None
    """The distribution that a bundled table comes with, such as `scikit-learn==1.7.2`."""


class Column(TypedDict, total=False):
    """A column of the table."""

    name: str
    """Its name."""
    kind: str
    """The kind of its values."""
    sha256: str
    """SHA-256 over its values, the first 16 digits."""


class Parts(TypedDict, total=False):
    """Hashes by which it can be said what of a table has changed."""

    columns: list[Column]
    """Each column, in order."""
    rows: str | None
    """A hash of all rows that does not depend on their order; null where a value has no hash."""


class Rows(TypedDict, total=False):
    """Some rows of the table."""

    fingerprint: str
    """SHA-256 over their content."""
    rows: int
    """How many there are."""


class Data(TypedDict, total=False):
    """The table, and how its rows were chosen and split."""

    source: Source
    """Where it came from."""
    fingerprint: str
    """SHA-256 over all of its content, schema included."""
    reading: int
    """Version of how it was read; 1 where this is missing."""
    missing: str
    """The words that stand for a missing value, as the caller named them; `auto` where this is missing."""
    rows: int
    """Number of its rows."""
    columns: list[str]
    """Names of its columns."""
    parts: Parts
    """Hashes of its parts."""
    target: str
    """The column to predict."""
    task: str
    """`classification` or `regression`; classification where this is missing."""
    task_reason: str
    """Why it is that task, in words."""
    train: Rows
    """The rows that were learned from."""
    test: Rows
    """The rows that were held out, or judged."""
    features: str
    """The features, as the caller named them."""
    exclude: str
    """The columns that were left out, as the caller named them; `none` where this is missing."""
    weight: str
    """The column of sample weights; `none`, or missing, where all rows count the same."""
    split: str
    """What decided which rows were held out; `random` where this is missing."""
    test_size: float
    """The share that was held out."""
    seed: int
    """What decided which rows."""
    notes: list[str]
    """What was left out or converted, a line each."""


class Logged(TypedDict, total=False):
    """The seal: what the run logged elsewhere (`reprise.store.seal`)."""

    files: dict[str, str]
    """Path of each artifact -> SHA-256; not of provenance.json itself."""
    metrics: dict[str, float | str]
    """Metric -> value; as text where it is not finite."""
    resolved: dict[str, str]
    """Parameter -> what it came to."""
    tags: dict[str, str]
    """Tag -> value, of those in `sealed` that the run had."""
    sealed: list[str]
    """Names of all tags that were sealed in this version."""
    model: str | None
    """Digest of the model's files; null of a run without a model."""


class Record(TypedDict, total=False):
    """All of provenance.json."""

    format: int
    """Version of this file."""
    git: Git
    """The checkout that the code came from."""
    environment: Environment
    """The packages and the machine."""
    engine: Engine
    """The engine that filled the run."""
    parameters: dict[str, str]
    """Parameters of the entry point, whole, without credentials."""
    command: list[str]
    """The script's name and its arguments, without credentials."""
    data: Data
    """The table, and how its rows were chosen and split."""
    run_id: str
    """The run that this file belongs to."""
    logged: Logged
    """The seal."""


WHOLE = (
    "format",
    "git.subdirectory",
    "git.patch.left_out",
    *(f"environment.{name}" for name in ("python_version", "implementation", "platform", "machine")),
    *(f"environment.{name}" for name in ("installed", "mismatches", "simd", "blas")),
    "data.source.uri",
    "data.fingerprint",
    "data.rows",
)
"""Keys without which a file is no record, whatever else it holds: every version wrote them."""


def parsed(text: str) -> Record | None:
    """Read a record.

    Returns:
        None where the text is no JSON, or lacks a key of `WHOLE` or has it in another kind. Of one of a newer format
        only that is known.
    """
    try:
        content = untrusted_text.parse_json(text)
    except ValueError:
        return None
    version = _value(content, "format")
    newer = isinstance(version, int) and version > FORMAT
    if newer or all(isinstance(_value(content, key), kind) for key, kind in _kinds().items()):
        return typing.cast("Record", content)
    return None


def text(record: Record) -> str:
    """Write a record as provenance.json holds it."""
    return json.dumps(record, indent=2)


@cache
def _kinds() -> dict[str, Any]:
    return {key: _kind(key) for key in WHOLE}


def _kind(key: str) -> Any:
    """Look up which kind of value a key has, by the schema."""
    found: Any = Record
    for name in key.split("."):
        found = typing.get_type_hints(found)[name]
    return typing.get_origin(found) or found


def _value(content: Any, key: str) -> Any:
    for name in key.split("."):
        content = content.get(name) if isinstance(content, dict) else None
    return content
