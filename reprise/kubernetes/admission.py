"""Check that the cluster would admit a Job, before anything is created."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from reprise.base.errors import JobFailed, WrongCall
from reprise.kubernetes.api_server import METADATA, ApiServer, Refused, ask
from reprise.kubernetes.job_follower import JobPlace
from reprise.kubernetes.template import Manifest, secrets

NEEDED = {
    ("batch", "jobs", ""): ("create", "get", "list", "watch", "delete"),
    ("", "pods", ""): ("get", "list", "watch"),
    ("", "pods", "log"): ("get",),
}
"""(group, resource, subresource) -> verbs, of all requests about a Job."""

NEEDED_FOR_KEY = {("", "secrets", ""): ("create",)}
"""The same, for the key of a search."""


def check_admitted(server: ApiServer, namespace: str, jobs: Sequence[Manifest], key: Manifest | None = None) -> None:
    """Ask for permissions, for the secrets that the pods name, and for a dry run of each Job and of a pod of it.

    Args:
        server: whom to ask.
        namespace: of the Jobs.
        jobs: of one template.
        key: the Secret that will be made for them, without its content; None for none.

    Raises:
        WrongCall: the template is not valid, or names a namespace or a secret that is not there.
        JobFailed: the cluster does not answer, refuses the credentials, or forbids.
    """
    _ask_permissions(server, namespace, {**NEEDED, **NEEDED_FOR_KEY} if key else NEEDED)
    ours = key["metadata"]["name"] if key else None
    for name, required in secrets(jobs[0]).items():
        if required and name != ours and has_secret(server, namespace, name) is False:
            raise WrongCall(f"secret {name!r}, which the job template names, is not in namespace {namespace}")
    try:
        if key:
            ask(server, "POST", secrets_of(namespace), {"dryRun": "All"}, key)
        for job in jobs:
            place = JobPlace(namespace, job["metadata"]["name"])
            ask(server, "POST", place.collection, {"dryRun": "All"}, job)
            _dry_run_pod(server, place, job)
    except Refused as refused:
        if refused.status in (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.NOT_FOUND):
            raise WrongCall(
                f"the cluster would refuse the Job: {refused.said}", remedy="correct the job template"
            ) from refused
        raise


def secrets_of(namespace: str) -> str:
    """Return the path of a namespace's secrets."""
    return f"/api/v1/namespaces/{namespace}/secrets"


def has_secret(server: ApiServer, namespace: str, name: str) -> bool | None:
    """Return whether a secret is there; None where this user may not know. Its content is not asked for."""
    try:
        ask(server, "GET", f"{secrets_of(namespace)}/{name}", accept=METADATA)
    except Refused as refused:
        if refused.status == HTTPStatus.NOT_FOUND:
            return False
        if refused.status == HTTPStatus.FORBIDDEN:
            return None
        raise
    return True


def _ask_permissions(server: ApiServer, namespace: str, needed: Mapping[tuple[str, str, str], tuple[str, ...]]) -> None:
    missing = []
    for (group, resource, subresource), verbs in needed.items():
        name = "/".join(filter(None, (resource, subresource)))
        asked = {"namespace": namespace, "group": group, "resource": resource, "subresource": subresource}
        missing += [f"{verb} {name}" for verb in verbs if not _may(server, {**asked, "verb": verb})]
    if missing:
        raise JobFailed(
            f"context {server.context!r} may not {', '.join(missing)} in namespace {namespace}",
            remedy="ask its owner for a Role that allows it, such as deploy/role.yaml",
        )


def _may(server: ApiServer, attributes: dict[str, str]) -> bool:
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    answer = ask(server, "POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body=review)
    return bool(answer["status"]["allowed"])


def _dry_run_pod(server: ApiServer, place: JobPlace, job: Manifest) -> None:
    """Ask for the pod as well, which a Job is granted without: quotas and policies speak of pods alone."""
    template = job["spec"]["template"]
    pod: dict[str, Any] = {"apiVersion": "v1", "kind": "Pod", "spec": template["spec"]}
    pod["metadata"] = {**template["metadata"], "name": f"{place.name}-dryx"}
    try:
        ask(server, "POST", place.pods, {"dryRun": "All"}, pod)
    except Refused as refused:
        if refused.status == HTTPStatus.FORBIDDEN and 'cannot create resource "pods"' in refused.said:
            return  # creating Jobs is enough; the rest shows when the Job is there
        raise
