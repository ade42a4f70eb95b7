"""Which of a model's files differ from those of the model that was learned again."""

import json
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import yaml

from reprise import yaml_nodes
from reprise.proof.verdict import Finding, Match

LISTED = 5
"""Files that a finding names at most."""

_OF_ITS_DAY = ("artifact_path", "model_id", "model_uuid", "run_id", "utc_time_created", "model_size_bytes")
"""What MLmodel says of when and where the model was logged."""

_ADDED = "registered_model_meta"
"""A file that MLflow adds when a model is downloaded by its registered name."""


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


def _differing(recorded: Path, again: Path) -> list[str]:
    old, new = (_files(folder) for folder in (recorded, again))
    names = sorted({*old, *new})
    found = [name for name in names if name not in old or name not in new or _content(old[name]) != _content(new[name])]
    return found[:LISTED] + ([f"and {len(found) - LISTED} more"] if len(found) > LISTED else [])


def _files(folder: Path) -> dict[str, Path]:
    paths = (path for path in folder.rglob("*") if path.is_file() and path.name != _ADDED)
    return {path.relative_to(folder).as_posix(): path for path in paths}


def _content(path: Path) -> object:
    """Read a file without what differs from one writing to the next."""
    content = path.read_bytes()
    try:
        if path.name == "MLmodel":
            said = yaml_nodes.load(content)
            return json.dumps({key: value for key, value in said.items() if key not in _OF_ITS_DAY}, default=str)
        if path.suffix == ".skops":
            return _archive(path)
    except (yaml.YAMLError, ValueError, TypeError, AttributeError, zipfile.BadZipFile, KeyError):
        pass
    return content


def _archive(path: Path) -> tuple[list[int], bytes]:
    """Read a file of skops: arrays by their checksums, and the rest without Python's addresses, which name them."""
    with zipfile.ZipFile(path) as file:
        arrays = sorted(member.CRC for member in file.infolist() if member.filename != "schema.json")
        schema = file.read("schema.json")
    return arrays, re.sub(rb'"__id__": \d+|"[\da-f]+\.\w+"', b"", schema)
