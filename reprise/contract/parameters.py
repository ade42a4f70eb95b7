"""Types of the parameters that jobs share, with their texts for `--help`."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

Data = Annotated[str, Field(description="iris, wine, breast_cancer, digits; a .csv, .csv.gz or .parquet; a URI.")]
"""What names a table."""

Target = Annotated[str, Field(description="The column to predict.")]
"""The name of a column."""

Features = Annotated[str, Field(description="all, or column names separated by commas.")]
"""The columns to learn from."""

Share = Annotated[float, Field(gt=0, lt=1, description="Share of the rows that is held out, between 0 and 1.")]
"""A number between zero and one, both excluded."""

Seed = Annotated[int, Field(ge=0, le=2**32 - 1, description="Decides which rows are held out, and all else random.")]
"""What scikit-learn takes as a random_state."""

Pickle = Annotated[bool, Field(description="yes: pickle a model that skops cannot save. Loading a pickle runs code.")]
"""Whether a person allows a pickle."""

Champion = Annotated[
    str, Field(description="The model to compare with: champion, which is this project's, a version's URI, or none.")
]
"""The model to compare with, by its alias in this project or by the URI of a model version."""

TrustModel = Annotated[
    bool,
    Field(description="yes: load a model though it may run code of its own, or nobody recorded what its files were."),
]
"""Whether a person takes it upon themselves to load a model."""


@dataclass(frozen=True)
class TableOptions:
    """What `read` takes: a table, and how it becomes features and target."""

    data: str = "iris"
    """iris, wine, breast_cancer, digits; a .csv, .csv.gz or .parquet; a URI."""

    target: str = "target"
    """The column to predict."""

    features: str = "all"
    """all, or column names separated by commas."""

    exclude: str = "none"
    """none, or names of columns to leave out, separated by commas."""

    missing: str = "auto"
    """auto (in a CSV file the words of pandas), none, or words for gaps, separated by commas, such as auto,?"""

    weight: str = "none"
    """none, or the column of sample weights: how much each row counts in fit and metrics."""

    task: Literal["auto", "classification", "regression"] = "auto"
    """auto (by the target's values), classification, regression."""


@dataclass(frozen=True)
class DecisionOptions:
    """What `split` takes for classes: how a classifier comes to probabilities, and to a decision between two."""

    calibrate: Literal["none", "isotonic", "sigmoid"] = "none"
    """none, isotonic or sigmoid: adds probabilities to a classifier, or corrects them."""

    threshold: str = "0.5"
    """Of two classes: a probability, balanced, or the name of a metric to find one by."""


NO_DECISION = DecisionOptions()
"""The options that leave a classifier as `fit` made it."""


@dataclass(frozen=True)
class HoldoutOptions:
    """What `split` takes: which rows are held out."""

    test_size: Share = 0.25
    """Share of the rows that is held out, between 0 and 1."""

    split: str = "random"
    """random, group:<column>, time:<column>, or column:<name> that says train or test."""
