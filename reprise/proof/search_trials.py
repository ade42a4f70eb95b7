"""The trials of a search. A trial is a run without a record of its own, which its search has.

A trial is reproduced with its search. The search is run again, and the trials of the same number are compared.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress

import mlflow

from reprise.base import tag, untrusted_text
from reprise.base.errors import Irreproducible
from reprise.proof.outcome import Finding, Match
from reprise.proof.record_agreement import pair, same
from reprise.proof.stored_run import StoredChild, StoredRun
from reprise.store.recorded import Recorded, unquoted

JOB = "trial"


def search_of(recorded: Recorded) -> str | None:
    """Return the run of the search that a trial belongs to; None for any other run."""
    return recorded.tags.get(tag.PARENT) if recorded.tags.get(tag.JOB) == JOB else None


def check_has_results(recorded: Recorded) -> None:
    """Refuse a trial that failed; other runs are looked at as a whole.

    Raises:
        Irreproducible: the run is a trial, and has failed.
    """
    if search_of(recorded) and recorded.run.info.status != "FINISHED":
        why = recorded.tags.get(tag.FAILURE, "nothing says why")
        raise Irreproducible(f"the trial is {recorded.run.info.status} ({why}), so it has no results to compare")


def counterpart(trial: Recorded, search: mlflow.entities.Run) -> str:
    """Find the trial of a search with the same candidate's number and rung as another's.

    Args:
        trial: of the one search.
        search: the other search's run.

    Raises:
        Irreproducible: it has none.
    """
    number, rung = trial.tags.get(tag.TUNE_CANDIDATE), trial.tags.get(tag.TUNE_RUNG)
    wanted = f"tags.`{tag.PARENT}` = '{search.info.run_id}'"
    wanted += f" and tags.`{tag.TUNE_CANDIDATE}` = '{number}' and tags.`{tag.TUNE_RUNG}` = '{rung}'"
    for run in mlflow.MlflowClient().search_runs([search.info.experiment_id], wanted, max_results=1):
        return str(run.info.run_id)
    raise Irreproducible(f"the search that was run again, {search.info.run_id}, made no trial {number} of rung {rung}")


def check_listed(trial: Recorded, table: Iterable[Mapping[str, str]] | None) -> Iterator[Finding]:
    """Check whether a trial is in its search's table.

    Args:
        trial: its run.
        table: trials.csv of the search; None where that is gone.
    """
    listed = trial.run_id if any(row.get("run_id") == trial.run_id for row in table or ()) else None
    yield pair("trial", listed, trial.run_id, "trials.csv of its search, and the run")


def check_search(
    stored: StoredRun, table: Iterable[Mapping[str, str]], resolved: Mapping[str, str]
) -> Iterator[Finding]:
    """Compare the trials with the search's table, and the winner with what won.

    Args:
        stored: what the store says of the search's run.
        table: trials.csv.
        resolved: what provenance.json says that the best hyper-parameters were.
    """
    metric = _metric(stored)
    for row in table:
        yield from check_trial(row, stored.children.get(row.get("run_id", "")), metric)
    winner = stored.tags.get(tag.TUNE_WINNER)
    made = stored.children.get(winner) if winner else None
    if made:
        yield pair("parent of the winner", stored.run_id, made.parent, "the search, and the winner's parent")
        for name, value in resolved.items():
            there = made.parameters.get(name)
            yield pair(
                f"winner's {name}",
                value,
                there,
                "provenance.json, and the winner's parameter",
                agree=same(value, there),
            )


def _metric(stored: StoredRun) -> str:
    """Read the scorer's name from the settings, which have it in place of `auto`, else from the parameters."""
    named = unquoted(stored.parameters.get("metric", ""))
    with suppress(ValueError):
        settings = untrusted_text.parse_json(stored.tags.get(tag.TUNE_SETTINGS, ""))
        if named == "auto" and isinstance(settings, dict):
            return str(settings.get("metric", named))
    return named


def check_trial(row: Mapping[str, str], run: StoredChild | None, metric: str) -> Iterator[Finding]:
    """Compare a trial's run with its row in trials.csv.

    Args:
        row: of the table.
        run: the trial's run; None where it is gone.
        metric: the scorer's name.
    """
    name = f"trial {row.get('candidate')}" + (f", rung {row['rung']}" if row.get("rung", "0") != "0" else "")
    if run is None:
        yield Finding("record", name, Match.SKIPPED, note="its run is gone")
        return
    said = {key.removeprefix("params."): value for key, value in row.items() if key.startswith("params.") and value}
    compared: list[tuple[str, str | None, str | float | None, str]] = [
        (key, value, run.parameters.get(key), f"parameter {key}") for key, value in said.items()
    ]
    named = {"candidate": tag.TUNE_CANDIDATE, "rung": tag.TUNE_RUNG, "rows": tag.TUNE_ROWS}
    compared += [(key, row.get(key), run.tags.get(name), f"tag {name}") for key, name in named.items() if key in row]
    scores = {"mean": f"cv_{metric}", "std": f"cv_{metric}_std", "fit_seconds": "fit_seconds"}
    compared += [
        (key, row[key], run.metrics.get(place), f"metric {place}") for key, place in scores.items() if row.get(key)
    ]
    different = [each for each in compared if not same(each[1], each[2])]
    for key, value, there, place in different:
        yield pair(f"{name}: {key}", value, there, f"trials.csv, and the {place} of the trial's run")
    if not different:
        yield pair(name, len(compared), len(compared), "values in trials.csv, and of the trial's run")
