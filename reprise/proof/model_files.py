"""The files of a model that differ from those of the rerun's model."""

import json
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from reprise.base.display_text import few
from reprise.models.own_code import FOLDER as CODE
from reprise.proof.outcome import UNLOADED, Finding, Match
from reprise.store import saved_model, seal

LISTED = 5
"""Files that a finding names at most."""

UNPACKED, PACKING = 64 << 20, 20
"""An archive is unpacked to compare it up to so many bytes, or so many times its own size."""

_OF_ITS_DAY = ("artifact_path", "model_id", "model_uuid", "run_id", "utc_time_created", "model_size_bytes")
"""The fields of MLmodel about the time and place of logging."""


def with_files(record: Iterable[Finding], models: Mapping[str, Path], again: Mapping[str, Path]) -> Iterator[Finding]:
    """Add to each finding about a model that was changed which of its files differ from the rerun's.

    Args:
        record: findings of the area `record`.
        models: name -> folder, as they are in the store.
        again: those of the rerun.
    """
    for finding in record:
        name = finding.name
        if finding.match == Match.DIFFERENT and name in models and name in again:
            files = ", ".join(_differing(models[name], again[name])) or "none"
            yield replace(finding, note=f"{finding.note}; files that differ from the rerun's: {files}")
        else:
            yield finding


def as_files(name: str, recorded: Path, again: Path, why: str) -> Finding:
    """Compare a model that is not loaded by its files.

    Args:
        name: of the model.
        recorded: its folder.
        again: that of the rerun's.
        why: it is not loaded.
    """
    if differing := _differing(recorded, again):
        note = f"{why}; files that differ from the rerun's: {', '.join(differing)}"
        return Finding("results", name, Match.SKIPPED, UNLOADED, note=note)
    return Finding("results", name, Match.EQUAL, note=f"by its files; {why}")


def compare_code(models: Mapping[str, Path], again: Mapping[str, Path]) -> Iterator[Finding]:
    """Compare the code that models carry, file by file.

    Args:
        models: name -> folder, as they are in the store.
        again: those of the rerun.
    """
    for name in models.keys() & again.keys():
        old, new = (_files(folder, f"{CODE}/") for folder in (models[name], again[name]))
        if not old and not new:
            continue
        differing = few((file for file in sorted({*old, *new}) if not _same(file, old, new)), LISTED)
        match, note = Match.EQUAL, f"{len(new)} files"
        if differing:
            match, note = Match.DIFFERENT, f"files that differ from the rerun's: {', '.join(differing)}"
        yield Finding("code", f"code that {name} carries", match, note=note)


def _differing(recorded: Path, again: Path) -> list[str]:
    old, new = (_files(folder) for folder in (recorded, again))
    return few((name for name in sorted({*old, *new}) if not _same(name, old, new)), LISTED)


def _same(name: str, old: Mapping[str, Path], new: Mapping[str, Path]) -> bool:
    return name in old and name in new and _content(old[name]) == _content(new[name])


def _files(folder: Path, begin: str = "") -> dict[str, Path]:
    found = {name: path for name, path in seal.files(folder) if path.name != saved_model.ADDED}
    return {name: path for name, path in found.items() if name.startswith(begin)}


def _content(path: Path) -> object:
    """Read a file without what differs from one writing to the next."""
    content = path.read_bytes()
    try:
        said = saved_model.read_mlmodel(path.parent) if path.name == saved_model.MLMODEL else None
        if said is not None:
            return json.dumps({key: value for key, value in said.items() if key not in _OF_ITS_DAY}, default=str)
        if path.suffix == ".skops":
            return _archive(path)
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, ValueError, TypeError, RuntimeError):
        pass
    return content


def _archive(path: Path) -> tuple[list[str], bytes]:
    """Read a file of skops: arrays by their digests, and the rest without Python's addresses, which name them."""
    with zipfile.ZipFile(path) as file:
        members = file.infolist()
        if sum(member.file_size for member in members) > max(UNPACKED, PACKING * path.stat().st_size):
            raise zipfile.BadZipFile
        arrays = sorted(_sha256(file, member) for member in members if member.filename != "schema.json")
        schema = file.read("schema.json")
    return arrays, re.sub(rb'"__id__": \d+|"[\da-f]+\.\w+"', b"", schema)


def _sha256(file: zipfile.ZipFile, member: zipfile.ZipInfo) -> str:
    with file.open(member) as content:
        return seal.digest_of(content)
