"""The files that a run leaves as artifacts."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
from sklearn.pipeline import Pipeline

from reprise.base import artifact, project, record
from reprise.base.record import Data
from reprise.data.dataset import Dataset
from reprise.governance.judgement import Judgement
from reprise.governance.verdict import Verdict
from reprise.store.provenance import Provenance
from reprise.task import evaluation_figures, regression_figures
from reprise.task.calibration import calibration
from reprise.task.decision import within
from reprise.task.evaluation import Evaluation
from reprise.task.result import Result


def write_evaluation(evaluation: Result, folder: Path) -> dict[str, str]:
    """Write predictions.parquet, per_class.csv (of a regression per_segment.csv) and figures/.

    Returns:
        The run's tags that say which figures are missing, and why.
    """
    evaluation.predictions.to_parquet(folder / artifact.PREDICTIONS, index=False)
    evaluation.table.to_csv(folder / evaluation.table_file, index=False)
    figures = folder / artifact.FIGURES
    figures.mkdir()
    if isinstance(evaluation, Evaluation):
        return evaluation_figures.draw(evaluation, figures)
    return regression_figures.draw(evaluation, figures)


def write_calibration(model: Any, evaluation: Result, folder: Path) -> dict[str, str]:
    """Write calibration.csv and figures/calibration.png of a calibrated classifier, and nothing of another.

    Returns:
        As `write_evaluation`.
    """
    found = calibration(model, evaluation)
    if found.probabilities is None:
        return {}
    found.curve.to_csv(folder / artifact.CALIBRATION, index=False)
    return found.draw(folder / artifact.FIGURES)


def write_verdict(verdict: Verdict, judgement: Judgement, folder: Path) -> None:
    """Write verdict.json, which says what was judged, how and with which outcome, and verdict.txt, its table."""
    content = {**asdict(verdict), "outcomes": [asdict(outcome) for outcome in judgement.outcomes]}
    (folder / artifact.VERDICT).write_text(json.dumps(content, indent=2), encoding="utf-8")
    (folder / artifact.VERDICT_TABLE).write_text(judgement.table() + "\n", encoding="utf-8")


def write_decision_regions(model: Any, dataset: Dataset, folder: Path) -> dict[str, str]:
    """Write figures/decision_regions.png where a plane can show them: exactly two features, both numbers.

    For many classes it would show nothing, and take minutes: each pair of classes judges each point of the grid.

    Returns:
        As `write_evaluation`.
    """
    X = dataset.X
    plane = X.shape[1] == 2 and all(pd.api.types.is_any_real_numeric_dtype(kind) for kind in X.dtypes)  # noqa: PLR2004
    if (
        not plane
        or len(getattr(model, "classes_", range(evaluation_figures.LABELLED + 1))) > evaluation_figures.LABELLED
    ):
        return {}
    return evaluation_figures.draw_decision_regions(model, X, dataset.y, folder / artifact.FIGURES)


def write_preprocessing(model: Any, folder: Path) -> None:
    """Write scaler.gz, the fitted step `preprocessing` of a pipeline that has one, for `joblib.load`."""
    inner = within(model)
    step = inner.named_steps.get("preprocessing") if isinstance(inner, Pipeline) else None
    if step is not None:
        joblib.dump(step, folder / artifact.SCALER)


def write_search(trials: pd.DataFrame, space: Sequence[dict[str, Any]], folder: Path) -> None:
    """Write trials.csv and search_space.json, the space that was searched; the folder figures/ is for its pictures."""
    trials.to_csv(folder / artifact.TRIALS, index=False)
    (folder / artifact.SEARCH_SPACE).write_text(json.dumps(space, indent=2), encoding="utf-8")
    (folder / artifact.FIGURES).mkdir()


def write_provenance(provenance: Provenance, data: Data, folder: Path) -> None:
    """Write provenance/: provenance.json, the environment lock, and the patch where the tree was dirty."""
    (folder / artifact.FOLDER).mkdir()
    content = record.text({**provenance.record(), "data": data})
    (folder / artifact.PROVENANCE).write_text(content, encoding="utf-8")
    (folder / artifact.LOCK).write_bytes(project.LOCK_FILE.read_bytes())
    if provenance.checkout.patch.content:
        (folder / artifact.PATCH).write_bytes(provenance.checkout.patch.content)
