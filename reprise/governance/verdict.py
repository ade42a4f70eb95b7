"""The current verdict on a model, in tags of the logged model.

The tags name the files, the policy and the champion of the judgement.
"""

from dataclasses import dataclass

import mlflow
from mlflow.exceptions import MlflowException

from reprise.base import tag
from reprise.base.display_text import in_tag
from reprise.base.errors import ABSENT, JobFailed
from reprise.base.tracking_server import permission_needed

NO_CHAMPION = "none"


@dataclass(frozen=True)
class Verdict:
    """What `evaluate` said of a model.

    Attributes:
        verdict: `passed` or `refused`.
        run_id: the evaluation's run, which holds verdict.json.
        policy: SHA-256 of the policy.
        model: digest of the model's files.
        data: fingerprint of the rows that were judged.
        champion: the logged model it was compared with, or `none`.
        reasons: the rules that it does not meet, in words; empty where it passed. A tag may hold a part.
    """

    verdict: str
    run_id: str
    policy: str
    model: str
    data: str
    champion: str
    reasons: str

    def tags(self) -> dict[str, str]:
        """Return it as tags of a logged model or of a model version."""
        return {name: in_tag(getattr(self, field)) for field, name in tag.VERDICT_FIELDS.items()}


def verdict_of(model_id: str) -> Verdict | None:
    """Read the newest verdict on a logged model; None where it was never judged.

    Raises:
        JobFailed: the model is deleted.
    """
    with permission_needed("READ", f"the experiment of model {model_id}"):
        try:
            tags = mlflow.MlflowClient().get_logged_model(model_id).tags
        except MlflowException as error:
            if error.error_code not in ABSENT:
                raise
            raise JobFailed(
                f"models:/{model_id} is deleted from the store", remedy="name a version of another model"
            ) from error
    if tag.VERDICT not in tags:
        return None
    return Verdict(**{field: tags.get(name, "") for field, name in tag.VERDICT_FIELDS.items()})
