"""Load a logged model and score its own input example."""

from reprise.store import tracking  # isort: skip  first, since it imports skops and mlflow in the order that is fast

from reprise.base.terminal import step, summary
from reprise.contract.command import current
from reprise.contract.parameters import TrustModel
from reprise.models import logged_model


def probe(model: str = "champion", *, trust_model: TrustModel = False) -> None:
    """Load a logged model and score its input example.

    Args:
        model: champion or challenger of this project, or any MLflow model URI.

    Example: python -m reprise job probe --model challenger
    """
    with tracking.start_run("probe", current().parameters, {}):
        with step(f"load {model}"):
            subject = logged_model.load(model, trusted=trust_model)
        with step("score"):
            answers = subject.answer_example()
    summary({"model": model, "answers": ", ".join(map(str, answers))})
