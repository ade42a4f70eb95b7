"""What the options `calibrate` and `threshold` make of a fitted classifier."""

from typing import Any

from reprise.base.terminal import note, step
from reprise.contract.parameters import DecisionOptions
from reprise.data.dataset import Dataset
from reprise.data.split_column import SplitColumn
from reprise.search.decision_folds import decided, decision_folds, describe
from reprise.task import decision


def check(options: DecisionOptions, training: Dataset) -> None:
    """Check that the training rows suffice for what is asked, and print what a person should know.

    Raises:
        WrongCall: they do not, or it is not for their target.
    """
    decision.check(options.calibrate, options.threshold, training.y, training.weight)
    for line in decision.notes(options.calibrate, training.y):
        note(line)


def decide(
    model: Any, options: DecisionOptions, training: Dataset, by: SplitColumn | None, seed: int
) -> tuple[Any, dict[str, float]]:
    """Calibrate a fitted classifier and give it a threshold, as far as that is asked.

    Args:
        model: from `fit` of model.py.
        options: what is asked.
        training: the rows that it was fitted on.
        by: the column that split them; the folds part its groups too.
        seed: of the folds.

    Returns:
        The classifier, itself or within others, and the resolved threshold where one was found.

    Raises:
        WrongCall: there are too few rows or groups for folds, or the classifier has no probabilities for a threshold.
        JobFailed: it cannot be calibrated.
    """
    for line in describe(options, by):
        note(line)
    folds = decision_folds(options, training.y, by, seed)
    model, threshold = decided(model, options, training.X, training.y, training.weight, folds, step)
    if threshold is None:
        return model, {}
    wanted = decision.threshold_of(options.threshold)
    found = isinstance(wanted, str)
    of = "probability" if hasattr(model, "predict_proba") else "decision function"
    how = f", found by {wanted} on {len(folds[1])} folds" if found else ""
    note(f"the answer is {str(model.classes_[1])!r} from {threshold:.6g} of its {of} on{how}")
    return model, {"threshold": threshold} if found else {}
