"""How much of a text MLflow keeps, and how a cut is said."""

from collections.abc import Mapping

from reprise.base.errors import TAG_LENGTH

PARAMETER_LENGTH = 6000
"""Characters that MLflow keeps of a parameter's value (`mlflow.utils.validation.MAX_PARAM_VAL_LENGTH`)."""


def in_parameter(text: str) -> str:
    """Cut a parameter's value to what MLflow keeps, as MLflow itself does."""
    return text[:PARAMETER_LENGTH]


def in_tag(text: str) -> str:
    """Cut a text for a tag; one that is cut says so at its end, and how long it was."""
    if len(text) <= TAG_LENGTH:
        return text
    said = f" … (cut, {len(text)} characters in all)"
    return text[: TAG_LENGTH - len(said)] + said


def cut(parameters: Mapping[str, str]) -> dict[str, int]:
    """Name the parameters of which MLflow keeps a part, with the number of characters of each."""
    return {name: len(value) for name, value in parameters.items() if len(value) > PARAMETER_LENGTH}
