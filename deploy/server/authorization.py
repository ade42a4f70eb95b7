"""Check requests to the tracking server beyond MLflow's own checks, as `authorization_function` of basic_auth.ini.

MLflow lets every user create experiments and registered models, and whoever creates one manages it. An experiment names
the place of its artifacts, and a version names the place of its files. The server reads and writes there with its own
permissions. Here a user needs a grant to edit one resource of a kind before the user may change any of that kind. Only
an admin chooses a place for artifacts. Only an admin may send other requests, such as traces, webhooks, gateways and
jobs.
"""

import re

from flask import Response, g, make_response, request
from mlflow.protos.service_pb2 import CreateExperiment
from mlflow.server import auth
from mlflow.server.auth.permissions import get_permission
from mlflow.server.handlers import _get_request_message
from werkzeug.datastructures import Authorization

LOOKS = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing."""

SEARCHES = frozenset(
    {
        "mlflow/artifacts/presigned-download-url", "mlflow/datasets/search", "mlflow/experiments/search",
        "mlflow/experiments/search-datasets", "mlflow/issues/search", "mlflow/logged-models/search",
        "mlflow/registered-models/get-latest-versions", "mlflow/runs/search", "mlflow/traces/batchGetInfos",
        "mlflow/traces/calculate-filter-correlation", "mlflow/traces/metrics", "mlflow/traces/search",
        "mlflow/ui-telemetry",
    }
)  # fmt: skip
"""Requests that change nothing although they are sent by POST."""

OWN = "mlflow/users/update-password"
"""The request to change a password. MLflow itself checks that it is the user's own."""

CHANGES = {
    **dict.fromkeys(("artifacts", "experiments", "logged-models", "runs", "upload-artifact"), "experiment"),
    **dict.fromkeys(("model-versions", "registered-models"), "registered_model"),
}
"""Family of requests -> kind of resource, one of which the user must be allowed to edit. MLflow then checks which."""

_PATH = re.compile(r"/(?:ajax-)?api/[0-9]\.0/(mlflow/([^/]+)(?:/.*)?|mlflow-artifacts/.*)")


def authenticate() -> Authorization | Response:
    """Check the password, then whether the user may send this request. Each request is checked once."""
    if "authenticated" not in g:
        who = auth.authenticate_request_basic_auth()
        refusal = None if isinstance(who, Response) else _refusal(str(who.username))
        g.authenticated = make_response((f"Permission denied: {refusal}", 403)) if refusal else who
    answer: Authorization | Response = g.authenticated
    return answer


def _refusal(username: str) -> str | None:
    """Return why a user may not send this request, or None if the user may."""
    path = _PATH.fullmatch(request.path)
    if request.method in LOOKS or request.path == "/graphql" or (path and path[1] in SEARCHES | {OWN}):
        return None
    user = auth.store.get_user(username)
    if user.is_admin:
        return None
    kind = "experiment" if path and path[2] is None else CHANGES.get(path[2] if path else "")
    if kind is None:
        return "only an admin may send this request"
    granted = [grant for role in auth.store.list_user_roles(user.id) for grant in role.permissions]
    if not any(grant.resource_type == kind and get_permission(grant.permission).can_update for grant in granted):
        return f"{username} may edit no {kind}, and so make none; an admin grants it (deploy/server/grant.py)"
    if path and path[1] == "mlflow/experiments/create" and _get_request_message(CreateExperiment()).artifact_location:
        return "only an admin says where an experiment keeps its artifacts; leave artifact_location out"
    return None
