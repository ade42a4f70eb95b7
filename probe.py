"""Load a logged model and let it score its own input example: does it answer?"""

import click

from reprise.store import tracking  # isort: skip  first, since it imports skops and mlflow in the order that is fast

from reprise.base.entry_point import main
from reprise.base.options import TRUST_MODEL
from reprise.base.terminal import step, summary
from reprise.models import logged_model


@click.command(epilog="Example: python probe.py --model models:/reprise@champion")
@click.option("--model", default="models:/reprise@champion", show_default=True, help="Any MLflow model URI.")
@TRUST_MODEL
def probe(model: str, trust_model: bool) -> None:  # noqa: FBT001  click passes flags so
    """Load a logged model and let it score its input example."""
    with tracking.start_run("probe", click.get_current_context().params, {}):
        with step(f"load {model}"):
            subject = logged_model.load(model, trusted=trust_model)
        with step("score"):
            answers = subject.answer_example()
    summary({"model": model, "answers": ", ".join(map(str, answers))})


if __name__ == "__main__":
    main(probe)
