"""The model: one scikit-learn pipeline, and its hyper-parameters. This is the file to replace with your own.

Keep `Hyperparameters` (what a run can vary), `fit` (table in; out comes a fitted pipeline whose step `preprocessing` is
logged beside it) and `resolved_hyperparameters` (what `auto` came to); all else follows.
"""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.compose import make_column_selector as select
from sklearn.impute import SimpleImputer
from sklearn.kernel_approximation import Nystroem
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.utils import check_array

Kernel = Literal["linear", "poly", "rbf", "sigmoid"]
Solver = Literal["exact", "approximate", "auto"]

EXACT_ROWS = 20_000
"""Up to this many training rows `auto` means `exact`. SVC is the more accurate one, but its time grows with the
square of the rows: docs/solver.md has the measurement."""

CATEGORIES = 100
"""Columns that one categorical column may become; rarer categories share the last one."""

MISSING = "\0missing"
"""The category of a missing value: no text of a table, not even one that is met first when the model answers."""

GAP = -1.0
BOOLEANS: dict[Any, float] = {
    np.nan: GAP,  # first: what looks for words takes no NaN
    None: GAP,
    "True": 1.0,
    "TRUE": 1.0,
    "true": 1.0,
    "False": 0.0,
    "FALSE": 0.0,
    "false": 0.0,
}
"""What may stand for a boolean beside True, False, 1 and 0, or for a missing one: a served CSV file holds words."""

COMPONENTS = 100
"""Columns of the approximate kernel map: scikit-learn's own default."""


@dataclass(frozen=True)
class Hyperparameters:
    """What a run can vary.

    Attributes:
        C: inverse strength of regularisation, > 0.
        kernel: the kernel of the support vector machine.
        gamma: kernel coefficient: `scale` (1 / (columns * variance)), `auto` (1 / columns), or a number > 0.
        solver: `exact` (sklearn.svm.SVC), `approximate` (Nystroem and LinearSVC; linear in rows), or `auto`.
    """

    C: float = 1.0
    kernel: Kernel = "rbf"
    gamma: float | Literal["scale", "auto"] = "scale"
    solver: Solver = "auto"


def fit(X: Any, y: Any, hyperparameters: Hyperparameters, seed: int = 0) -> Pipeline:
    """Fit preprocessing and classifier.

    Args:
        X: DataFrame of shape (rows, features): numbers, booleans, text; values may be missing.
        y: class labels of shape (rows,), two classes or more.
        hyperparameters: what this run varies.
        seed: makes the approximate solver deterministic.

    Returns:
        A fitted pipeline, which takes raw rows: `preprocessing`, for the approximate solver `kernel_map`, and
        `classifier`.
    """
    preprocessing = make_preprocessing(X)
    Z = preprocessing.fit_transform(X)
    resolved = resolve(hyperparameters, Z)
    steps = [("preprocessing", preprocessing)]
    if resolved.solver == "approximate" and resolved.kernel != "linear":
        kernel_map = make_kernel_map(resolved, Z.shape[0], seed)
        Z = kernel_map.fit_transform(Z)
        steps.append(("kernel_map", kernel_map))
    return Pipeline([*steps, ("classifier", make_classifier(resolved, seed).fit(Z, y))])


def make_preprocessing(X: Any) -> ColumnTransformer:
    """Standardise and impute numbers and booleans; one-hot encode categories, where missing is one category more."""
    truths = [name for name in X if _is_boolean(X[name])]
    texts = [name for name in select(dtype_exclude=["number", "bool"])(X) if name not in truths]
    missing = MISSING
    while any((X[name] == missing).any() for name in texts):
        missing += "_"
    numbers = make_pipeline(StandardScaler(), SimpleImputer(strategy="median", keep_empty_features=True))
    booleans = make_pipeline(
        FunctionTransformer(check_array, kw_args={"dtype": "object", "ensure_all_finite": False}),
        *(SimpleImputer(missing_values=word, strategy="constant", fill_value=BOOLEANS[word]) for word in BOOLEANS),
        SimpleImputer(missing_values=GAP, strategy="median", keep_empty_features=True),
        StandardScaler(),
    )
    categories = make_pipeline(
        # Rows that arrive as JSON hold None where tables hold NaN.
        SimpleImputer(missing_values=np.nan, strategy="constant", fill_value=missing),
        SimpleImputer(missing_values=None, strategy="constant", fill_value=missing),
        OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=CATEGORIES),
    )
    return ColumnTransformer(
        [
            ("numbers", numbers, select(dtype_include="number")(X)),
            *([("booleans", booleans, truths)] if truths else []),
            ("categories", categories, texts),
        ]
    )


def _is_boolean(column: Any) -> bool:
    """Tell whether a column holds booleans; where some are missing it is one of objects."""
    if column.dtype != object:
        return bool(column.dtype == bool)
    present = column.dropna()
    return len(present) > 0 and bool(present.map(type).isin([bool, np.bool_]).all())


def make_kernel_map(resolved: Hyperparameters, rows: int, seed: int) -> Nystroem:
    """Build the unfitted map into columns in which the kernel is a product; `resolved` holds no `scale` or `auto`."""
    return Nystroem(kernel=resolved.kernel, gamma=resolved.gamma, n_components=min(COMPONENTS, rows), random_state=seed)


def make_classifier(resolved: Hyperparameters, seed: int) -> SVC | LinearSVC:
    """Build the unfitted classifier; `resolved` holds no `scale` or `auto`."""
    if resolved.solver == "exact":
        return SVC(C=resolved.C, kernel=resolved.kernel, gamma=resolved.gamma)
    return LinearSVC(C=resolved.C, random_state=seed)


def resolve(hyperparameters: Hyperparameters, Z: Any) -> Hyperparameters:
    """Replace `auto` and `scale` by what they stand for on the preprocessed rows Z, shape (rows, columns)."""
    rows, columns = Z.shape
    solver, gamma = hyperparameters.solver, hyperparameters.gamma
    if solver == "auto":
        solver = "exact" if rows <= EXACT_ROWS else "approximate"
    if gamma == "auto":
        gamma = 1.0 / columns
    elif gamma == "scale":
        variance = float(Z.multiply(Z).mean() - Z.mean() ** 2) if hasattr(Z, "multiply") else float(Z.var())
        gamma = 1.0 / (columns * variance) if variance else 1.0
    return replace(hyperparameters, gamma=gamma, solver=solver)


def resolved_hyperparameters(pipeline: Pipeline) -> dict[str, Any]:
    """Read from a fitted pipeline what `auto` and `scale` came to: solver and, where the kernel has one, gamma."""
    classifier, kernel_map = pipeline.named_steps["classifier"], pipeline.named_steps.get("kernel_map")
    solver = "exact" if isinstance(classifier, SVC) else "approximate"
    kernelised = kernel_map or classifier
    if getattr(kernelised, "kernel", "linear") == "linear":
        return {"solver": solver}
    return {"solver": solver, "gamma": kernelised.gamma}
