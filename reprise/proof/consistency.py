"""Check a record against itself, wherever two places state the same fact of a run. Pure: values in, findings out.

provenance.json states most facts and holds digests of the rest (`reprise.store.seal`). Older runs have no such digests.
Of these, only the facts that are stated twice are checked, and the rest is listed as not checked.
"""

import shlex
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from reprise.base import artifact, display_text, engine, tag, text_digest
from reprise.base.credentials import without_credentials
from reprise.base.display_text import TAG_LENGTH
from reprise.base.record import CONTEXTS, Data, Record
from reprise.proof.outcome import Finding, Match
from reprise.proof.record_agreement import pair, same, same_option
from reprise.proof.search_trials import check_search
from reprise.proof.stored_run import StoredDataset, StoredRun
from reprise.proof.volatile_names import volatile_kind
from reprise.store import seal
from reprise.store.recorded import unquoted

NAME = "provenance.json"
UNCHECKED = "recorded before runs sealed them: defaults, metrics, resolved parameters, files except the lock"


def check(stored: StoredRun, record: Record) -> tuple[Finding, ...]:
    """Compare every two places that state the same fact.

    Args:
        stored: what the store says of the run.
        record: what provenance.json holds; empty where there is none.

    Returns:
        Findings of the area `record`: of each the value of provenance.json or another file, and that of the store.
        None of a run that has no provenance.json and never had one.
    """
    found = [*_seal(stored, record)]
    if record:
        found += [*_code(stored, record), *_engine(stored, record), *_environment(stored, record)]
        found += _data(stored, record["data"])
        found += _logged(stored, record) if "logged" in record else _unsealed(stored, record["data"])
        found += [*_command(stored, record), *_models(stored), *_verdict(stored, record)]
    return _once(found)


def _seal(stored: StoredRun, record: Record) -> Iterator[Finding]:
    now, named = stored.files.get(artifact.PROVENANCE), stored.tags.get(tag.PROVENANCE_SHA256)
    if named or "logged" in record:
        yield pair(NAME, now, named, f"SHA-256 of the file, and the tag {tag.PROVENANCE_SHA256}")
    for model_id, model in stored.models.items():
        if model and (said := model.parameters.get(tag.PROVENANCE_SHA256)):
            yield pair(f"{NAME} of {model_id}", now, said, f"SHA-256 of the file, and what model {model_id} says")
    if "run_id" in record:
        yield pair("run id", record["run_id"], stored.run_id, f"{NAME}, and the run")


def _code(stored: StoredRun, record: Record) -> Iterator[Finding]:
    git, patch = record["git"], record["git"]["patch"]
    if git.get("commit") is None:  # the backend that started the job may know it all the same
        return
    stated = {tag.COMMIT: git["commit"], tag.BRANCH: git.get("branch"), tag.REPOSITORY: git.get("repository")}
    stated[tag.DIRTY] = str(git["dirty"]).lower() if "dirty" in git else None
    for name, value in stated.items():
        if value is not None:
            yield _tag(stored, name, value)
    if "state" in patch:
        yield _tag(stored, tag.PATCH, patch["state"])
        there = artifact.PATCH in stored.files
        if patch["state"] == "complete" or (patch["state"] == "none" and there and not _at_commit(stored)):
            wanted = "there" if patch["state"] == "complete" else None
            yield pair(artifact.PATCH, wanted, "there" if there else None, f"by {NAME}, and among the artifacts")


def _at_commit(stored: StoredRun) -> bool:
    """Return whether a backend started the job, which has then recorded a patch by itself."""
    return stored.tags.get(tag.BACKEND, "local") != "local"


def _engine(stored: StoredRun, record: Record) -> Iterator[Finding]:
    if said := engine.parse(record.get("engine")):
        yield _tag(stored, tag.ENGINE, str(said))


def _environment(stored: StoredRun, record: Record) -> Iterator[Finding]:
    environment = record["environment"]
    if "lock_sha256" in environment:
        yield _tag(stored, tag.ENVIRONMENT_LOCK, environment["lock_sha256"])
        now = text_digest.sha256s(stored.lock) if stored.lock is not None else ()
        said, places = environment["lock_sha256"], f"{NAME}, and SHA-256 of the file"
        yield pair(artifact.LOCK, said, now[0] if now else None, places, agree=said in now)
    if "matches_lock" in environment:
        yield _tag(stored, tag.ENVIRONMENT_MATCHES, str(environment["matches_lock"]).lower())


def _data(stored: StoredRun, data: Data) -> Iterator[Finding]:
    yield _tag(stored, tag.DATA_FINGERPRINT, data["fingerprint"])
    for context in CONTEXTS:
        rows = data.get(context)
        if not isinstance(rows, Mapping) or not stored.datasets:
            continue
        yield from _dataset(context, rows["fingerprint"], stored.datasets.get(context, ()))


def _dataset(context: str, fingerprint: str, found: Iterable[StoredDataset]) -> Iterator[Finding]:
    """Compare the digest of a data set input. MLflow shares its other fields among all runs with the same rows."""
    name, place = f"data set {context}", f"fingerprint of {NAME}, and the run's data set input"
    digests = {dataset.fingerprint or dataset.digest for dataset in found}
    digests |= {dataset.digest for dataset in found}
    wrong = sorted(value for value in digests if not fingerprint.startswith(value))
    yield pair(name, fingerprint, wrong[0] if wrong else (fingerprint if digests else None), place)


def _command(stored: StoredRun, record: Record) -> Iterator[Finding]:
    """Compare parameters with the command line."""
    parameters = record.get("parameters") or stored.parameters
    place = f"parameters of {NAME}" if "parameters" in record else "the run's parameters"
    for name, value in _options(record.get("command", [])).items():
        logged = parameters.get(name)
        if (
            logged is None
            or len(logged) >= display_text.PARAMETER_LENGTH
            or ("://" in logged and value.startswith("/"))
        ):
            continue  # cut, or a file that MLflow has brought to this machine
        shown = without_credentials(logged)
        agree = same_option(value, shown) or (stored.by_mlflow_run and same_option(value, unquoted(shown)))
        yield pair(f"parameter {name}", value, shown, f"the command line in {NAME}, and {place}", agree=agree)


def _options(command: Iterable[Any]) -> dict[str, str]:
    """Read options and their values from a command line; of one that is given twice, the last counts."""
    found: dict[str, str] = {}
    waiting = None
    for word in map(str, command):
        if word.startswith("--"):
            name, given, value = word[2:].partition("=")
            waiting = None if given else name.replace("-", "_")
            found |= {name.replace("-", "_"): without_credentials(value)} if given else {}
        elif waiting:
            found[waiting] = without_credentials(word)
            waiting = None
    return found


def _models(stored: StoredRun) -> Iterator[Finding]:
    for model_id, model in stored.models.items():
        if model is None:
            yield pair(f"model {model_id}", "there", None, "the run's outputs, and the store's models")
            continue
        if model.run_id:
            yield pair(f"run of {model_id}", stored.run_id, model.run_id, "the run, and the run that the model names")
        for name, value in model.parameters.items():
            if name in stored.parameters:
                places = f"the run's parameter, and that of model {model_id}"
                yield pair(f"parameter {name} of {model_id}", stored.parameters[name], value, places)
        for name, score in model.metrics.items():
            agree = same(stored.metrics.get(name), score)
            places = f"the run's metric, and that of model {model_id}"
            yield pair(f"metric {name} of {model_id}", stored.metrics.get(name), score, places, agree=agree)
        if tag.MODEL_DIGEST in model.tags and tag.MODEL_DIGEST in stored.tags:
            one, other = stored.tags[tag.MODEL_DIGEST], model.tags[tag.MODEL_DIGEST]
            yield pair(f"{tag.MODEL_DIGEST} of {model_id}", one, other, "the run's tag, and the model's")


def _verdict(stored: StoredRun, record: Record) -> Iterator[Finding]:
    """Compare verdict.json with the tags of its run, and of the model that was judged while it is its newest."""
    said = {
        name: value
        for name, value in (stored.verdict or {}).items()
        if name in tag.VERDICT_FIELDS and isinstance(value, str)
    }
    for name, value in said.items():
        named = tag.VERDICT_FIELDS[name]
        if named in stored.tags:
            agree = _kept(value, stored.tags[named])
            yield pair(f"tag {named}", value, stored.tags[named], "verdict.json, and the tag", agree=agree)
        if stored.judged and stored.judged.tags.get(tag.VERDICT_RUN_ID) == stored.run_id:
            there = stored.judged.tags.get(named)
            places = "verdict.json, and the tag of the model that was judged"
            yield pair(f"tag {named} of the model", value, there, places, agree=_kept(value, there))
    if "run_id" in said:
        yield pair("run id of the verdict", said["run_id"], stored.run_id, "verdict.json, and the run")
    rows = record["data"].get("test")
    if "data" in said and isinstance(rows, Mapping):
        yield pair("data of the verdict", said["data"], rows["fingerprint"], f"verdict.json, and {NAME}")


def _kept(value: str, kept: str | None) -> bool:
    """Return whether a tag holds a text, whole or cut as this or an earlier version cuts it."""
    return kept in (value, display_text.in_tag(value), value[:TAG_LENGTH])


def _logged(stored: StoredRun, record: Record) -> Iterator[Finding]:
    """Compare all that provenance.json says of what the run has logged elsewhere."""
    logged = record["logged"]
    for name in sorted({*logged["tags"], *(seal.sealed_tags(logged) & set(stored.tags))}):
        yield _tag(stored, name, logged["tags"].get(name))
    for name, value in record["parameters"].items():
        there = stored.parameters.get(name)
        yield pair(f"parameter {name}", value, there, f"{NAME}, and the run's parameter", agree=_whole(value, there))
    for name, value in logged["resolved"].items():
        there = stored.parameters.get(tag.RESOLVED.format(name=name))
        agree = display_text.in_parameter(value) == there
        yield pair(f"parameter resolved.{name}", value, there, f"{NAME}, and the run's parameter", agree=agree)
    for name, number in logged["metrics"].items():
        score = stored.metrics.get(name)
        yield pair(f"metric {name}", number, score, f"{NAME}, and the run's metric", agree=same(number, score))
        yield from () if volatile_kind(name) else _history(stored, name, number)
    for name, value in logged["files"].items():
        yield pair(f"file {name}", value, stored.files.get(name), f"SHA-256 in {NAME}, and of the artifact")
    if logged["model"] and not stored.models:
        yield pair("model", "there", None, f"{NAME}, and the run's outputs")
    if not stored.datasets:
        yield pair("data sets", "there", None, f"{NAME}, and the run's data set inputs")
    if stored.table is not None:
        yield from check_search(stored, stored.table, logged["resolved"])


def _whole(value: str, logged: str | None) -> bool:
    """Return whether a logged parameter holds a value: as it is, in a shell's quotes, or cut."""
    if logged is None:
        return False
    shown, value = without_credentials(logged), without_credentials(value)  # an earlier version may take out less
    if len(logged) >= display_text.PARAMETER_LENGTH:
        return any(text.startswith(shown) for text in (value, shlex.quote(value)))
    return value in (shown, unquoted(shown))


def _history(stored: StoredRun, name: str, value: Any) -> Iterator[Finding]:
    """Compare a metric's earlier values: one that a job logs once has one, or the same again after a lost process."""
    others = [each for each in stored.histories.get(name, ()) if not same(each, value)]
    places = "the metric's value, and one of its history"
    yield pair(f"history of {name}", value, others[0] if others else value, places)


def _unsealed(stored: StoredRun, data: Data) -> Iterator[Finding]:
    """Compare what only runs of before the seal need, by the meaning that it had for all of them."""
    counts = [data[context]["rows"] for context in CONTEXTS if isinstance(data.get(context), Mapping)]
    if "rows" in stored.metrics and counts:
        yield pair("metric rows", float(sum(counts)), stored.metrics["rows"], f"data of {NAME}, and the metric")
    for name in stored.metrics:
        if name.startswith("test_"):  # logged once, by every version
            yield from _history(stored, name, stored.metrics[name])
    if stored.table is not None:
        yield from check_search(stored, stored.table, {})
    yield Finding("record", "digests", Match.SKIPPED, note=UNCHECKED)


def _tag(stored: StoredRun, name: str, value: Any) -> Finding:
    return pair(f"tag {name}", value, stored.tags.get(name), f"{NAME}, and the tag {name}")


def _once(found: Iterable[Finding]) -> tuple[Finding, ...]:
    """Keep one finding of each name; of several, the first that differs."""
    kept: dict[str, Finding] = {}
    for finding in found:
        if finding.name not in kept or (kept[finding.name].match, finding.match) == (Match.EQUAL, Match.DIFFERENT):
            kept[finding.name] = finding
    return tuple(kept.values())
