"""Show a run's provenance to a person."""

from typing import Any

import mlflow

from reprise.base import tag
from reprise.base.terminal import labelled
from reprise.store.recorded import existing, provenance_of


def describe_run(run_id: str) -> list[str]:
    """Return lines on the provenance of a run.

    Raises:
        WrongCall: there is no such run.
    """
    run = existing(run_id)
    tags = run.data.tags
    lines = {
        "run": f"{run_id} {run.info.run_name or ''} {run.info.status}",
        "job": tags.get(tag.JOB, tags.get(tag.ENTRY_POINT, "unknown")),
        "failure": tags.get(tag.FAILURE),
        "reproduction": tags.get(tag.REPRODUCTION),
        "verdict": tags.get(tag.VERDICT),
        "commit": tags.get(tag.COMMIT, f"none: {tags.get(tag.GIT, 'not recorded')}"),
        "branch": tags.get(tag.BRANCH),
        "repository": tags.get(tag.REPOSITORY),
        "patch": tags.get(tag.PATCH),
        "lock": tags.get(tag.ENVIRONMENT_LOCK),
        "engine": tags.get(tag.ENGINE),
        "data": tags.get(tag.DATA_FINGERPRINT),
        **_recorded(run_id),
        **{f"param {name}": value for name, value in sorted(run.data.params.items())},
        **{f"metric {name}": f"{value:g}" for name, value in sorted(run.data.metrics.items())},
        "model": ", ".join(f"models:/{output.model_id}" for output in _models(run)) or None,
    }
    return labelled(lines)


def _models(run: mlflow.entities.Run) -> list[Any]:
    return list(run.outputs.model_outputs) if run.outputs else []


def _recorded(run_id: str) -> dict[str, str]:
    """Read the entries that only provenance.json has."""
    record = provenance_of(run_id)
    if record is None:
        return {}
    left_out = record["git"]["patch"]["left_out"]
    mismatches = record["environment"]["mismatches"]
    return {
        "left out": "; ".join(f"{path} ({reason})" for path, reason in left_out.items()),
        "python": record["environment"]["python_version"],
        "mismatches": "; ".join(mismatches),
        "source": record["data"]["source"]["uri"],
        "rows": str(record["data"]["rows"]),
    }
