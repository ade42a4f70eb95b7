"""Compare the parameters and defaults in MLproject with those of its scripts, and write them into MLproject."""

import re
import shutil
from pathlib import Path

import yaml

from reprise.base import project, untrusted_text
from reprise.base.errors import WrongCall, one_line
from reprise.contract import entry_points, mlproject_edit, parameter_difference
from reprise.contract.mlproject_edit import NotEdited
from reprise.contract.parameter_difference import ParameterDifference

__all__ = ["ParameterDifference", "disagreements", "notes", "synchronised", "unread", "write"]

BOM = "\ufeff"


def notes(script: str) -> list[str]:
    """List, a line each, where MLproject and the script that runs differ; nothing for a script that it does not start.

    A note fails no run: what cannot be compared is said too.

    Args:
        script: its path, as in sys.argv[0].
    """
    path = Path(script)
    if path.suffix != ".py" or project.mlproject_in(project.FOLDER) is None:
        return []
    try:
        text = _read(project.FOLDER)
        found = list(parameter_difference.compare(project.FOLDER, text))
        started = {name: entry_points.script(project.FOLDER, node) for name, node in entry_points.nodes(text).items()}
        return [str(one) for one in found if (begun := started[one.entry_point]) and begun.name == path.name]
    except Exception as error:  # noqa: BLE001  the run goes on, whatever is wrong with the file
        return [f"MLproject is not compared with {path.name}: {one_line(error)}"]


def disagreements(folder: Path) -> list[ParameterDifference]:
    """Compare a project's MLproject with the scripts at its top that its entry points start.

    Returns:
        Parameters that MLproject lacks or has too many, and defaults that differ; an entry point that is another's YAML
        alias is looked at once.

    Raises:
        WrongCall: MLproject cannot be read.
    """
    text = _read(folder)
    return list(parameter_difference.compare(folder, text)) if text else []


def unread(folder: Path) -> list[str]:
    """Return what of a project's scripts could not be compared with MLproject, a line each.

    Raises:
        WrongCall: MLproject cannot be read.
    """
    return list(parameter_difference.unread(folder, _read(folder)))


def synchronised(folder: Path) -> tuple[str, list[ParameterDifference]]:
    """Return the text of MLproject with corrected parameters, and all else unchanged.

    Returns:
        The text, and what was mended: all but what a person has to fill in.

    Raises:
        WrongCall: MLproject cannot be read, or is written in a way that is not edited.
    """
    raw = _read(folder)
    text = raw.removeprefix(BOM)
    windows = "\r\n" in text and not re.search(r"(?<!\r)\n", text)
    text = text.replace("\r\n", "\n") if windows else text
    _check(text)
    new, mended = _amended(folder, text)
    if not mended:
        return raw, []
    return raw[: raw.startswith(BOM)] + (new.replace("\n", "\r\n") if windows else new), mended


def write(folder: Path, text: str) -> None:
    """Write MLproject atomically, through a link and with its mode."""
    found = project.mlproject_in(folder)
    if found is None:
        raise WrongCall(f"{folder} has no MLproject", remedy="work in a project's folder")
    path = found.resolve()
    spare = path.with_name(f".{path.name}.new")
    try:
        spare.write_bytes(text.encode())
        shutil.copymode(path, spare)
        spare.replace(path)
    finally:
        spare.unlink(missing_ok=True)


def _amended(folder: Path, text: str) -> tuple[str, list[ParameterDifference]]:
    """Correct the differences one by one, and check at the end that nothing else has changed."""
    new, mended = text, list[ParameterDifference]()
    try:
        while found := [one for one in _open(folder, new) if (one.entry_point, one.parameter) not in _keys(mended)]:
            new = mlproject_edit.amend(new, found[0])
            mended.append(found[0])
        whole = _loosely(mlproject_edit.amended(text, mended)) == _loosely(untrusted_text.load_yaml(new))
        if whole and not _open(folder, new):
            return new, mended
    except (NotEdited, yaml.YAMLError, *untrusted_text.NONE):
        pass
    edits = "; ".join(f"{one.entry_point}: {one.edit}" for one in parameter_difference.compare(folder, text))
    raise WrongCall("MLproject is written in a way that reprise sync does not edit", remedy=f"by hand, {edits}")


def _open(folder: Path, text: str) -> list[ParameterDifference]:
    return [one for one in parameter_difference.compare(folder, text) if not one.by_hand]


def _loosely(content: object) -> object:
    """Leave aside how many spaces a command holds between its words."""
    if isinstance(content, dict) and isinstance(content.get("entry_points"), dict):
        entries = {
            name: {**one, "command": mlproject_edit.loosely(one.get("command"))} if isinstance(one, dict) else one
            for name, one in content["entry_points"].items()
        }
        content = {**content, "entry_points": entries}
    return repr(content) if "nan" in repr(content) else content


def _check(text: str) -> None:
    try:
        untrusted_text.load_yaml(text)
    except (yaml.YAMLError, RecursionError) as error:
        raise WrongCall(f"MLproject{untrusted_text.why_not_yaml(error)}") from error


def _keys(found: list[ParameterDifference]) -> set[tuple[str, str]]:
    return {(one.entry_point, one.parameter) for one in found}


def _read(folder: Path) -> str:
    """Read MLproject with its line ends and its byte order mark."""
    path = project.mlproject_in(folder)
    try:
        return path.read_bytes().decode() if path else ""
    except UnicodeDecodeError as error:
        raise WrongCall(f"MLproject is not UTF-8 at byte {error.start}") from error
    except OSError as error:
        raise WrongCall(f"MLproject cannot be read: {error.strerror}") from error
