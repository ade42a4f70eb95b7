"""The model: its hyper-parameters, and how it is fitted. This is the file to edit for another model.

Keep `Hyperparameters` (what a run can vary) and `fit` (table in, fitted scikit-learn estimator out). Options, search
space and pages follow from them; `reprise sync` writes a hyper-parameter that is new into MLproject.
"""

from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from pydantic import Field
from sklearn.kernel_approximation import Nystroem
from sklearn.pipeline import Pipeline
from sklearn.svm import SVC, LinearSVC

from reprise.preprocessing import make_preprocessing

EXACT_ROWS = 20_000
"""Up to this many training rows `auto` means `exact`. SVC is the more accurate one, but its time grows with the
square of the rows: docs/solver.md has the measurement."""

COMPONENTS = 100
"""Columns of the approximate kernel map: scikit-learn's own default."""

Positive = Annotated[float, Field(gt=0)]


@dataclass(frozen=True)
class Hyperparameters:
    """What a run can vary."""

    C: Positive = 1.0
    """Inverse strength of regularisation, above 0."""

    kernel: Literal["linear", "poly", "rbf", "sigmoid"] = "rbf"
    """Kernel of the support vector machine."""

    gamma: Positive | Literal["scale", "auto"] = "scale"
    """Kernel coefficient: scale (1 / (columns * variance)), auto (1 / columns), or a number above 0."""

    solver: Literal["exact", "approximate", "auto"] = "auto"
    """exact (SVC), approximate (Nystroem and LinearSVC; linear in rows), or auto: by the number of rows."""


def fit(X: Any, y: Any, hyperparameters: Hyperparameters, seed: int = 0) -> Pipeline:
    """Fit preprocessing and classifier.

    Args:
        X: DataFrame of shape (rows, features): numbers, booleans, text; values may be missing.
        y: class labels of shape (rows,), two classes or more.
        hyperparameters: what this run varies.
        seed: makes the approximate solver deterministic.

    Returns:
        A fitted pipeline, which takes raw rows.
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
