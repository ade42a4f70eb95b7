"""The parts of evaluate.py: a loaded model, rows that it has not seen, and a run that judges it on them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from reprise.store import tracking  # isort: skip  first, since it imports skops and mlflow in the order that is fast

import mlflow

from reprise.base import project, tag
from reprise.base.display_text import in_tag, printable
from reprise.base.terminal import note, say, step, summary
from reprise.contract.command import current
from reprise.data import dataset_inputs
from reprise.governance import evidence, policy
from reprise.governance.judgement import REFUSED, Judgement, judge
from reprise.governance.verdict import NO_CHAMPION, Verdict
from reprise.jobs import next_command, run_artifacts
from reprise.jobs.own_metrics import all_metrics, own_metrics, tags_of
from reprise.models import held_out, logged_model
from reprise.store import bundle, provenance
from reprise.task.result import Result, evaluate_answers, in_short


def read_policy(path: str = "policy.yaml") -> policy.Policy:
    """Read the rules that a model must pass.

    Args:
        path: from the project's folder.

    Raises:
        WrongCall: there is no such file, or it holds no rules; the message names line and key.
    """
    return policy.read_policy(project.FOLDER / path, all_metrics())


def load(model: str = "latest", *, trusted: bool = False) -> logged_model.Subject:
    """Load a logged model, once its files are found to be those that were logged.

    Args:
        model: any MLflow model URI, `champion` or `challenger` of this project, or `latest` for that of the
            experiment's newest training run.
        trusted: whether it may be loaded though it may run code of its own.

    Raises:
        WrongCall: there is none, or it is not to be trusted.
        JobFailed: its files are not those that were logged.
    """
    with step(f"load {model}"):
        return logged_model.load(logged_model.newest() if model == "latest" else model, trusted=trusted)


def find_champion(uri: str, challenger: logged_model.Subject, *, trusted: bool = False) -> evidence.Champion | None:
    """Find the model to compare with; None for `none`, and where nothing has the alias yet.

    Args:
        uri: `champion`, which is that of this project, `models:/name@alias`, `models:/name/3`, or `none`.
        challenger: the model that is judged.
        trusted: as in `load`.

    Raises:
        WrongCall: the URI is of another kind, or names a version that does not exist.
    """
    with step(f"load {uri}"):
        return evidence.find_champion(uri, challenger, trusted=trusted)


def rows_to_judge(model: logged_model.Subject, data: str = "held-out", target: str = "auto") -> held_out.HeldOutRows:
    """Find the rows to judge a model on.

    Args:
        model: from `load`.
        data: `held-out` for the rows that its training run held out, or a table as in training.
        target: the column of true labels; `auto` for the one it was trained to predict.

    Raises:
        WrongCall: the model has no recorded training run, and none of data and target can replace it.
        JobFailed: the recorded table has changed.
    """
    with step(f"read {data}"):
        rows = held_out.rows_to_judge(model, data, target)
    for line in (*model.notes(), *rows.dataset.notes):
        note(line)
    return rows


@dataclass
class EvaluationRun:
    """The MLflow run of an evaluation.

    Attributes:
        run: MLflow's own object.
        origin: commit, patch, environment and parameters.
        model: what is judged.
    """

    run: mlflow.entities.Run
    origin: provenance.Provenance
    model: logged_model.Subject

    def judge(self, rows: held_out.HeldOutRows, champion: evidence.Champion | None, rules: policy.Policy) -> None:
        """Judge the model by the policy and against the champion, log the verdict, and print it.

        Args:
            rows: from `rows_to_judge`.
            champion: from `find_champion`.
            rules: from `read_policy`.

        Raises:
            click.exceptions.Exit: the policy refuses the model; with exit code 1.
        """
        with step(f"judge {len(rows.dataset.y)} rows"):
            X, y = self.model.as_served(rows.dataset.raw), rows.dataset.y
            evaluation = evaluate_answers(
                self.model.predict, self.model.classifier, X, y, self.model.task, rows.dataset.weight, own_metrics()
            )
            judgement = judge(evidence.gather(self.model, rows, evaluation, champion, rules), rules)
        with step("log"), bundle.staging() as folder:
            missing = run_artifacts.write_evaluation(evaluation, folder / "artifacts")
            missing |= run_artifacts.write_calibration(self.model.classifier, evaluation, folder / "artifacts")
            refusal = self._log(rows, champion, rules, evaluation, judgement, missing, folder)
        self._tell(rows, evaluation, judgement)
        if refusal:
            say(f"Error: {refusal}", err=True)
            raise click.exceptions.Exit(1)  # within the run, which so ends as FAILED: `mlflow run` would end it so too

    def _log(
        self,
        rows: held_out.HeldOutRows,
        champion: evidence.Champion | None,
        rules: policy.Policy,
        evaluation: Result,
        judgement: Judgement,
        missing: Mapping[str, str],
        folder: Path,
    ) -> str | None:
        """Log all results, and return why the policy refuses the model, or None."""
        data_record, datasets = dataset_inputs.describe(rows.table, {"test": rows.dataset})
        verdict = Verdict(
            verdict=judgement.verdict,
            run_id=self.run.info.run_id,
            policy=rules.sha256,
            model=self.model.files.digest,
            data=data_record["test"]["fingerprint"],
            champion=champion.identity if champion else NO_CHAMPION,
            reasons="; ".join(map(str, judgement.refusals)),
        )
        refused = judgement.verdict == REFUSED
        refusal = f"the policy refuses {self.model.uri}: {verdict.reasons}" if refused else None
        run_artifacts.write_verdict(verdict, judgement, folder / "artifacts")
        run_artifacts.write_provenance(
            self.origin,
            {**data_record, "task": self.model.task, "notes": list(rows.dataset.notes)},
            folder / "artifacts",
        )
        tags = {tag.DATA_FINGERPRINT: rows.table.fingerprint, tag.TASK: self.model.task, **verdict.tags(), **missing}
        tags |= tags_of(evaluation.own)
        if refusal:
            tags |= {tag.FAILURE: in_tag(refusal), tag.EXIT_CODE: "1"}
        found = bundle.ResultBundle(
            {f"test_{name}": value for name, value in evaluation.metrics.items()} | {"rows": len(rows.dataset.y)},
            tags=tags,
            datasets=datasets,
            judged_model_id=self.model.model_id,
            judged_model_tags=verdict.tags() if self.model.model_id else {},
        )
        bundle.log(folder, self.run, found)
        return refusal

    def _tell(self, rows: held_out.HeldOutRows, evaluation: Result, judgement: Judgement) -> None:
        table = evaluation.table
        if "class" in table:
            table = table.assign(**{"class": table["class"].map(printable)})
        say("", *table.to_string(index=False, float_format="{:.4f}".format).splitlines())
        say("", *judgement.table().splitlines())
        of_run = f", of training run {self.model.run_id}" if self.model.run_id else ""
        summary(
            {
                "verdict": judgement.verdict,
                evaluation.headline: f"{in_short(evaluation)} on {len(rows.dataset.y)} {rows.description}",
                "model": self.model.uri + of_run,
                "look": next_command.ui_command(self.run),
            }
        )


@contextmanager
def evaluation_run(model: logged_model.Subject) -> Iterator[EvaluationRun]:
    """Start the MLflow run of an evaluation, or continue the one that `mlflow run` has started.

    Args:
        model: what is judged; the run stands under its training run.

    Yields:
        What judges and records in that run.
    """
    how = current()
    origin = provenance.collect(how.parameters, how.command)
    for line in origin.notes():
        note(line)
    tags: dict[str, Any] = origin.tags() | model.tags()
    with tracking.start_run("evaluate", how.parameters, tags) as run:
        yield EvaluationRun(run, origin, model)
