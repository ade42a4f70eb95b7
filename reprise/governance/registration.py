"""Register the model of a run as a version, with its provenance as tags."""

from collections.abc import Callable

import mlflow

from reprise.base import tag
from reprise.base.errors import JobFailed, WrongCall
from reprise.governance.registry_lock import exclusively
from reprise.models import registry, stored_model
from reprise.models.registry import Version
from reprise.store.recorded import existing

PROVENANCE = (
    tag.COMMIT,
    tag.BRANCH,
    tag.REPOSITORY,
    tag.DIRTY,
    tag.PATCH,
    tag.ENVIRONMENT_LOCK,
    tag.ENVIRONMENT_MATCHES,
    tag.DATA_FINGERPRINT,
    tag.TASK,
    tag.PROVENANCE_SHA256,
    tag.MODEL_FORMAT,
)
"""The run's tags that go to the version as well."""


Probe = Callable[[str], None]
"""Load a model by its URI with its own pins alone and let it answer its example; raises JobFailed where it cannot."""


def register(run_id: str, name: str, probe: Probe | None = None) -> Version:
    """Register the model that a run has logged as a version.

    Args:
        run_id: of the run.
        name: of the registered model.
        probe: tries the model; None to leave that to a promotion.

    Raises:
        WrongCall: there is no such run, it is deleted, or it has no model, or that has a version already.
        JobFailed: the model's files are gone, or are not those that the run logged, or it does not load.
    """
    registry.check_name(name)
    run = existing(run_id)
    outputs = run.outputs.model_outputs if run.outputs else []
    if run.info.status != "FINISHED" or not outputs:
        raise WrongCall(
            f"run {run_id} is {run.info.status} and has {len(outputs)} models", remedy="name a finished training run"
        )
    model_id = str(outputs[0].model_id)
    files = stored_model.fetch(f"models:/{model_id}")
    logged = mlflow.get_logged_model(model_id).tags.get(tag.MODEL_DIGEST) or run.data.tags.get(tag.MODEL_DIGEST)
    if logged and logged != files.digest:
        message = (
            f"the files of models:/{model_id} are not those that run {run_id} logged: digest {files.digest}, {logged}"
        )
        raise JobFailed(message)
    tags = {key: run.data.tags[key] for key in PROVENANCE if key in run.data.tags} | {tag.MODEL_DIGEST: files.digest}
    registry.check_unregistered(name, model_id, run_id)
    if probe:
        probe(f"models:/{model_id}")
        tags[tag.MODEL_LOADS] = files.digest
    with exclusively(name):
        return registry.register(name, model_id, run_id, tags)
