"""Check a model's files before any of them is loaded: their digest, and the code that they hold."""

import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import mlflow
from mlflow.exceptions import MlflowException

from reprise.base import project, tag
from reprise.base.errors import JobFailed, WrongCall, one_line
from reprise.base.project import LOCK_FILE
from reprise.base.project_settings import FILE
from reprise.environment.direct_dependencies import Direct, parse_direct, read_direct
from reprise.environment.pins import parse_lock
from reprise.models import registry
from reprise.models.own_code import (
    FOLDER,
    CodeOrigin,
    code_named,
    file_at,
    is_module_of,
    of_nowhere,
    stranger,
    types_in,
)
from reprise.models.trusted_types import GROUND, STANDARD, distributions, is_standard, package
from reprise.store import saved_model
from reprise.store.recorded import provenance_of
from reprise.store.saved_model import folder_digest

OPTION = "--trust-model=yes"
"""The option by which a person allows a model's own code to run."""

MODEL_ID = re.compile(r"m-[0-9a-f]{32}")
"""A logged model's id."""


def check(folder: Path, uri: str, model_id: str | None, run_id: str | None) -> None:
    """Check a model before it is loaded.

    Args:
        folder: its files, as they were downloaded.
        uri: what the user called it.
        model_id: its id in the store, `m-…`; None where it has none.
        run_id: the run that logged it; None where that is not known.

    Raises:
        JobFailed: its files are not those that were logged.
        WrongCall: they have no recorded digest, or loading them runs code that they hold and that is not the
            project's own. A person may trust them.
    """
    check_digest(folder, uri, model_id, run_id)
    check_code(folder, uri, run_id)


def check_digest(folder: Path, uri: str, model_id: str | None, run_id: str | None) -> None:
    """Check that a model's files are those that were logged; arguments and exceptions are those of `check`."""
    recorded = recorded_digest(model_id, run_id)
    if recorded is None:
        message = f"model {uri!r} has no recorded digest, so its files cannot be compared with those that were logged"
        raise WrongCall(message, remedy=f"if you trust whoever can write to its store, add {OPTION}")
    now = folder_digest(folder)
    if now != recorded:
        message = f"the files of model {uri!r} are not those that were logged: SHA-256 {now}, recorded {recorded}"
        raise JobFailed(message, remedy="restore them")


def check_code(folder: Path, uri: str, run_id: str | None, packages: Path | None = None) -> None:
    """Check that loading a model runs no code but the project's own.

    Args:
        folder: its files, as they were downloaded.
        uri: what the user called it.
        run_id: the run that logged it; None where that is not known.
        packages: as for `code_in`.

    Raises:
        WrongCall: it does. A person may trust it.
    """
    if not code_in(folder, packages=packages):
        return
    if reason := code_in(folder, _origin(run_id), packages=packages):  # the store is asked only where that may help
        raise WrongCall(
            f"model {uri!r} runs code of its own when it is loaded: {reason}", remedy=f"if you trust it, add {OPTION}"
        )


def strange_pin(folder: Path, uri: str, run_id: str | None) -> None:
    """Check that a model pins nothing but what conda.yaml pins now or did in its commit: installing runs code, too.

    Raises:
        WrongCall: it does. A person may trust it.
    """
    try:
        wanted = {str(one) for one in saved_model.read_requirements(folder)}
    except (OSError, ValueError) as error:
        raise JobFailed(f"the requirements.txt of model {uri!r} cannot be read: {one_line(error, 200)}") from error
    left = wanted - _locked(None)
    if left and (left := left - _locked(_origin(run_id))):
        message = f"model {uri!r} pins {min(left)}, which conda.yaml pins neither now nor in the commit of its run"
        raise WrongCall(message, remedy=f"if you trust it, add {OPTION}")


def _locked(origin: CodeOrigin | None) -> set[str]:
    """Return the pins of this checkout's conda.yaml, or of that in a commit; none where there is no such file."""
    try:
        content = file_at(origin, LOCK_FILE.name) if origin else (project.FOLDER / LOCK_FILE.name).read_bytes()
        return {str(pin) for pin in parse_lock(content).pins.values()} if content else set()
    except (OSError, WrongCall):
        return set()


def identity(uri: str) -> tuple[str | None, str | None]:
    """Return a model's id and its run's, as the store has them; its own files are not asked, for they may say anything.

    Args:
        uri: `models:/m-…`, `models:/name/3`, `models:/name@alias` or `runs:/<run id>/model`.
    """
    client = mlflow.MlflowClient()
    try:
        if uri.startswith("runs:/"):
            run_id, _, name = uri.removeprefix("runs:/").strip("/").partition("/")
            outputs = client.get_run(run_id).outputs
            models = [client.get_logged_model(one.model_id) for one in outputs.model_outputs] if outputs else []
            found = [model.model_id for model in models if model.name == name]
            return (found[-1] if found else None), run_id
        named = uri.removeprefix("models:/").strip("/")
        if MODEL_ID.fullmatch(named):
            return named, client.get_logged_model(named).source_run_id
        version = registry.of_uri(uri)
    except MlflowException:
        version = None
    return (version.model_id, version.run_id) if version else (None, None)


def recorded_digest(model_id: str | None, run_id: str | None) -> str | None:
    """Return the recorded digest of a model, by its id in the store, or None.

    Models of earlier versions have it in a tag of their run, which counts only where that run has this one model.

    Raises:
        JobFailed: model and run say two digests.
    """
    if model_id is None:
        return None
    client = mlflow.MlflowClient()
    try:
        model = client.get_logged_model(model_id)
        source = model.source_run_id or run_id
        run = client.get_run(source) if source else None
    except MlflowException:
        return None
    of_model = model.tags.get(tag.MODEL_DIGEST)
    outputs = [output.model_id for output in run.outputs.model_outputs] if run and run.outputs else []
    of_run = run.data.tags.get(tag.MODEL_DIGEST) if run and outputs == [model_id] else None
    if of_model and of_run and of_model != of_run:
        both = f"{tag.MODEL_DIGEST} of model {model_id} is {of_model}, that of its run {of_run}"
        raise JobFailed(f"the record contradicts itself: {both}")
    return of_model or of_run


def _origin(run_id: str | None) -> CodeOrigin:
    """Return where the code of a run's model is from, as the run recorded it."""
    try:
        tags = mlflow.MlflowClient().get_run(run_id).data.tags if run_id else {}
    except MlflowException:
        tags = {}
    commit, folder = tags.get(tag.COMMIT), tags.get(tag.SUBDIRECTORY, "")
    record = provenance_of(run_id) if run_id else None
    return CodeOrigin(commit, record["git"]["subdirectory"] if record else folder)


def code_in(
    folder: Path,
    origin: CodeOrigin | None = None,
    learned_again: Path | None = None,
    *,
    packages: Path | None = None,
) -> str | None:
    """Return why loading a model may run code that is not the project's own; None where it does not.

    skops builds objects of the types that MLmodel lists as trusted, and runs nothing else. It imports these by their
    names, so each must be of a package that is installed here and that the project names, or of the code that was
    checked.

    Args:
        folder: its files.
        origin: where its code says that it is from; it is compared with this checkout's repository.
        learned_again: as in `reprise.models.own_code.stranger`.
        packages: another environment's folder of packages, where it is to be loaded; None for this process's own.
    """
    try:
        content = saved_model.read_mlmodel(folder) or {}
        flavors: dict[str, Any] = content["flavors"]
        served, own = flavors["python_function"], flavors.get("sklearn") or {}
        module, data = str(served["loader_module"]), served.get("data")
        code = set(code_named(content))
        files = {str(name) for name in (served.get("model_path"), own.get("pickled_model")) if name}
        skops = module == "mlflow.sklearn" and own.get("serialization_format") == "skops"
        types = [str(name) for name in own.get("skops_trusted_types") or ()]
    except (KeyError, TypeError, AttributeError) as error:
        return f"its MLmodel cannot be read: {one_line(error, 100)}"
    if not skops:
        return f"it is a pickle, or in another format that can hold code (loader {module!r})"
    if data is not None:  # MLflow would load what that place holds, by an MLmodel that lies there
        return f"its MLmodel names data, {str(data)!r}"
    if other := sorted(code - {FOLDER}):
        return f"its MLmodel names code, {other[0]!r}"
    if code and (reason := stranger(folder, origin or CodeOrigin(), learned_again)):
        return reason
    place = folder / FOLDER if code else None
    return (
        _running_type(types)
        or _strange_type(folder, types, files, place, packages)
        or _unnamed_type(types, place, origin or CodeOrigin(), learned_again, packages)
    )


def _running_type(trusted: list[str]) -> str | None:
    """Return which type of Python's own, of those that MLmodel lists, could run commands."""
    for name in trusted:
        if is_standard(name) and name not in STANDARD:
            return f"its MLmodel trusts {name!r}"
    return None


def _unnamed_type(
    trusted: list[str], code: Path | None, origin: CodeOrigin, learned_again: Path | None, packages: Path | None
) -> str | None:
    """Return which type, of those that MLmodel lists, is of an installed package that the project does not name.

    The project's pyproject.toml says so, as it is now or was in the model's commit. What the run's repetition trusts
    is trusted as well.
    """
    foreign = [name for name in trusted if not (is_standard(name) or package(name) in GROUND)]
    foreign = [name for name in foreign if not (code and is_module_of(code, name))]
    try:
        lists = _named(origin) if foreign else []
    except WrongCall as error:
        return error.problem
    if not lists:
        return None
    named, again = {one for each in lists for one in each}, _trusted_by(learned_again)
    installed = distributions(map(package, foreign), packages)
    for name in foreign:
        found = installed[package(name)]
        if name not in again and not named & {*found}:
            return (
                f"its MLmodel trusts {name!r}, of {', '.join(found) or 'no distribution'}, which {FILE} does not name"
            )
    return None


def _named(origin: CodeOrigin) -> list[Direct]:
    """Return the lists of direct dependencies that this checkout has now and had in a commit, where it has them."""
    lists = [read_direct()]
    if content := file_at(origin, FILE):
        with suppress(ValueError):
            lists.append(parse_direct(content))
    return [one for one in lists if one is not None]


def _trusted_by(folder: Path | None) -> set[str]:
    """Return the types that the MLmodel of the run's repetition lists."""
    content = saved_model.read_mlmodel(folder) if folder else None
    flavor = ((content or {}).get("flavors") or {}).get("sklearn") or {}
    return {str(name) for name in flavor.get("skops_trusted_types") or ()}


def _strange_type(
    folder: Path, trusted: list[str], files: set[str], code: Path | None, packages: Path | None
) -> str | None:
    """Return a type of the model, in MLmodel or in its files, that would be imported from elsewhere."""
    held: set[str] = set()
    for name in sorted(files):
        try:
            place = (folder / name).resolve()
            if not place.is_relative_to(folder.resolve()):
                return f"its MLmodel names the file {name!r}, outside of its folder"
            held |= {f"{module}.{type_}" for module, type_ in types_in(place)} if place.exists() else set()
        except (ValueError, OSError) as error:
            return f"its file {name!r} cannot be read: {one_line(error, 100)}"
    found = of_nowhere([*trusted, *sorted(held)], code, packages)
    return f"{found!r} is of no installed package, and of no module that it carries" if found else None
