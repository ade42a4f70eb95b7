"""Judge a logged model on rows that it has not learned from, against the policy and against the champion."""

import click

from reprise.store import tracking  # isort: skip  first, since it imports skops and mlflow in the order that is fast

from reprise import results
from reprise.base import project
from reprise.base.entry_point import main
from reprise.base.limits import in_tag
from reprise.base.options import TRUST_MODEL
from reprise.base.plain import plain
from reprise.base.terminal import note, say, step, summary
from reprise.cli.launch import ui_command
from reprise.data import inputs
from reprise.governance.evidence import find_champion, gather
from reprise.governance.judgement import REFUSED, judge
from reprise.governance.policy import read_policy
from reprise.governance.verdict import NO_CHAMPION, Verdict
from reprise.models import logged_model
from reprise.models.held_out import rows_to_judge
from reprise.store import bundle, provenance
from reprise.task.evaluation import assess, scores


@click.command(epilog="Example: python evaluate.py --model models:/reprise/3 --data new-rows.csv")
@click.option("--model", default="latest", show_default=True, help="latest (training run), or any MLflow model URI.")
@click.option("--data", default="held-out", show_default=True, help="held-out (rows), or any table as in train.")
@click.option("--target", default="auto", show_default=True, help="The true labels' column; auto: as in training.")
@click.option("--policy", default="policy.yaml", show_default=True, help="The rules, a path from the project's folder.")
@click.option(
    "--champion",
    default="models:/reprise@champion",
    show_default=True,
    help="To compare with: a version's URI, or none.",
)
@TRUST_MODEL
def evaluate(model: str, data: str, target: str, policy: str, champion: str, trust_model: bool) -> None:  # noqa: FBT001
    """Judge a logged model on its held-out rows, or on another table. Exit code 1 where the policy refuses it."""
    rules = read_policy(project.FOLDER / policy)
    with step(f"load {model}"):
        subject = logged_model.load(logged_model.newest() if model == "latest" else model, trusted=trust_model)
        rival = find_champion(champion, subject, trusted=trust_model)
    with step(f"read {data}"):
        rows = rows_to_judge(subject, data, target)
    parameters = click.get_current_context().params
    origin = provenance.collect(parameters)
    for line in (*subject.notes(), *rows.dataset.notes, *origin.notes()):
        note(line)

    with tracking.start_run("evaluate", parameters, origin.tags() | subject.tags()) as run:
        with step(f"judge {len(rows.dataset.y)} rows"):
            X, y = subject.as_served(rows.dataset.raw), rows.dataset.y
            evaluation = assess(y, subject.predict(X), scores(subject.classifier, X, y.index))
            judgement = judge(gather(subject, rows, evaluation, rival, rules), rules)
        with step("log"), bundle.staging() as folder:
            data_record, datasets = inputs.describe(rows.table, {"test": rows.dataset})
            verdict = Verdict(
                verdict=judgement.verdict,
                run_id=run.info.run_id,
                policy=rules.sha256,
                model=subject.files.digest,
                data=data_record["test"]["fingerprint"],
                champion=rival.identity if rival else NO_CHAMPION,
                reasons="; ".join(map(str, judgement.refusals)),
            )
            missing = results.write_evaluation(evaluation, folder / "artifacts")
            results.write_verdict(verdict, judgement, folder / "artifacts")
            results.write_provenance(origin, data_record | {"notes": rows.dataset.notes}, folder / "artifacts")
            metrics = {f"test_{name}": value for name, value in evaluation.metrics.items()}
            metrics["rows"] = len(rows.dataset.y)
            tags = {"reprise.data.fingerprint": rows.table.fingerprint, **verdict.tags(), **missing}
            refusal = f"the policy refuses {subject.uri}: {verdict.reasons}" if judgement.verdict == REFUSED else None
            if refusal:
                tags |= {"reprise.failure": in_tag(refusal), "reprise.exit_code": "1"}
            found = bundle.Results(
                metrics,
                tags=tags,
                datasets=datasets,
                judged_model_id=subject.model_id,
                judged_model_tags=verdict.tags() if subject.model_id else {},
            )
            bundle.log(folder, run, found)

        per_class = evaluation.per_class.assign(**{"class": evaluation.per_class["class"].map(plain)})
        say("", *per_class.to_string(index=False, float_format="{:.4f}".format).splitlines())
        say("", *judgement.table().splitlines())
        summary(
            {
                "verdict": judgement.verdict,
                "accuracy": f"{metrics['test_accuracy']:.4f} on {len(rows.dataset.y)} {rows.description}",
                "model": subject.uri + (f", of training run {subject.run_id}" if subject.run_id else ""),
                "look": ui_command(run),
            }
        )
        if refusal:
            say(f"Error: {refusal}", err=True)
            raise click.exceptions.Exit(1)  # within the run, which so ends as FAILED: `mlflow run` would end it so too


if __name__ == "__main__":
    main(evaluate)
