"""The model: its hyper-parameters, and how it is fitted. Edit this file for another model.

Keep `Hyperparameters`, which a run can vary, and `fit`, which takes a table and returns a fitted scikit-learn
estimator. Options, search space and pages follow from them. `reprise sync` adds a new hyper-parameter to MLproject.
"""

from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from pydantic import Field
from sklearn.compose import TransformedTargetRegressor
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR, LinearSVC

from reprise.preprocessing import make_preprocessing

EXACT_ROWS = 20_000
"""The most training rows for which `auto` means `exact`. That is more accurate, but its time grows with the square of
the number of rows. docs/solver.md has the measurements."""

COMPONENTS = 100
"""Columns of the approximate kernel map, the default of scikit-learn."""

Positive = Annotated[float, Field(gt=0)]
Task = Literal["classification", "regression"]


@dataclass(frozen=True)
class Hyperparameters:
    """The values that a run can vary."""

    C: Positive = 1.0
    """Inverse strength of regularisation, above 0."""

    kernel: Literal["linear", "poly", "rbf", "sigmoid"] = "rbf"
    """Kernel of the support vector machine."""

    gamma: Positive | Literal["scale", "auto"] = "scale"
    """Kernel coefficient: scale (1 / (columns * variance)), auto (1 / columns), or a number above 0."""

    solver: Literal["exact", "approximate", "auto"] = "auto"
    """exact (SVC, SVR), approximate (Nystroem and a linear model; linear in rows), or auto: by the number of rows."""


def fit(
    X: Any, y: Any, hyperparameters: Hyperparameters, seed: int = 0, sample_weight: Any = None,
    task: Task = "classification",
) -> Pipeline:  # fmt: skip
    """Fit preprocessing and a classifier or regressor.

    Args:
        X: DataFrame of shape (rows, features) with numbers, booleans or text. Values may be missing.
        y: class labels of shape (rows,), with two classes or more; for regression, numbers.
        hyperparameters: the values of this run.
        seed: random seed of the approximate solver.
        sample_weight: how much each row counts, shape (rows,); None where all count the same.
        task: whether labels or numbers are predicted.

    Returns:
        A fitted pipeline that takes raw rows.
    """
    preprocessing = make_preprocessing(X)
    Z = preprocessing.fit_transform(X)
    resolved = resolve(hyperparameters, Z)
    steps = [("preprocessing", preprocessing)]
    if resolved.solver == "approximate" and resolved.kernel != "linear":
        kernel_map = make_kernel_map(resolved, Z.shape[0], seed)
        Z = kernel_map.fit_transform(Z)
        steps.append(("kernel_map", kernel_map))
    name = "classifier" if task == "classification" else "regressor"
    estimator = make_estimator(resolved, seed, task).fit(Z, y, sample_weight=sample_weight)
    return Pipeline([*steps, (name, estimator)])


def make_kernel_map(resolved: Hyperparameters, rows: int, seed: int) -> Nystroem:
    """Build the unfitted approximate kernel map. `resolved` holds no `scale` or `auto`."""
    return Nystroem(kernel=resolved.kernel, gamma=resolved.gamma, n_components=min(COMPONENTS, rows), random_state=seed)


def make_estimator(resolved: Hyperparameters, seed: int, task: Task) -> Any:
    """Build the unfitted estimator; a regressor standardises the target. `resolved` holds no `scale` or `auto`."""
    exact, kernel = resolved.solver == "exact", {"kernel": resolved.kernel, "gamma": resolved.gamma}
    if task == "classification":
        return SVC(C=resolved.C, **kernel) if exact else LinearSVC(C=resolved.C, random_state=seed)
    alpha = 1 / (2 * resolved.C)  # as scikit-learn relates the two
    regressor = SVR(C=resolved.C, **kernel) if exact else Ridge(alpha=alpha, random_state=seed)
    return TransformedTargetRegressor(regressor, transformer=StandardScaler())


def resolve(hyperparameters: Hyperparameters, Z: Any) -> Hyperparameters:
    """Replace `auto` and `scale` by their values for the preprocessed rows Z of shape (rows, columns)."""
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
    """Read the resolved solver and, if the kernel has one, the resolved gamma from a fitted pipeline."""
    estimator, kernel_map = pipeline[-1], pipeline.named_steps.get("kernel_map")
    estimator = getattr(estimator, "regressor_", estimator)
    solver = "exact" if isinstance(estimator, (SVC, SVR)) else "approximate"
    kernelised = kernel_map or estimator
    if getattr(kernelised, "kernel", "linear") == "linear":
        return {"solver": solver}
    return {"solver": solver, "gamma": kernelised.gamma}
