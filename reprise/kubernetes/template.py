"""The job template: plain YAML of a batch/v1 Job, to which only the settings of a run are added."""

from pathlib import Path
from typing import Any

import yaml

from reprise.base import untrusted_text
from reprise.base.errors import LONGEST, WrongCall, one_line
from reprise.running.search_workers import KEY

Manifest = dict[str, Any]

DASK_CERTIFICATES = "DASK_DISTRIBUTED__COMM__TLS__CA_FILE"
"""Variable: whose certificates Dask trusts, by its own configuration."""


def read(path: Path) -> Manifest:
    """Read a template and see that a run can be put into it; all else is for the API server to judge.

    Raises:
        WrongCall: it is no YAML of one Job with a container and an image, or asks for what a run cannot be.
    """
    try:
        content = untrusted_text.load_yaml(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise WrongCall(f"job template {str(path)!r} cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise WrongCall(f"job template {str(path)!r} is no YAML: {one_line(error, LONGEST)}") from error
    problem = _problem(content)
    if problem:
        raise WrongCall(f"job template {str(path)!r} {problem}")
    return dict(content)


def pod(template: Manifest) -> dict[str, Any]:
    """Return the pod's specification."""
    spec: dict[str, Any] = template["spec"]["template"]["spec"]
    return spec


def container(template: Manifest) -> dict[str, Any]:
    """Return the container that runs the project: the first."""
    first: dict[str, Any] = pod(template)["containers"][0]
    return first


def shares_host_network(template: Manifest) -> bool:
    """Return whether the pod's loopback is its node's."""
    return bool(pod(template).get("hostNetwork"))


def brings_key(template: Manifest) -> bool:
    """Return whether the template names a key for the pods of a search, or certificates for Dask."""
    names = {one["name"] for one in container(template).get("env") or []}
    return bool(names & {KEY, DASK_CERTIFICATES})


def secrets(template: Manifest) -> dict[str, bool]:
    """List the secrets that the pod names: name -> whether it cannot start without."""
    found: dict[str, bool] = {}
    for one in [*pod(template)["containers"], *(pod(template).get("initContainers") or [])]:
        sources = [source.get("secretRef") for source in one.get("envFrom") or []]
        sources += [(value.get("valueFrom") or {}).get("secretKeyRef") for value in one.get("env") or []]
        for source in filter(None, sources):
            found[source["name"]] = found.get(source["name"], False) or not source.get("optional")
    for volume in pod(template).get("volumes") or []:
        if name := (secret := volume.get("secret") or {}).get("secretName"):
            found[name] = found.get(name, False) or not secret.get("optional")
    return found


def _problem(content: Any) -> str | None:  # noqa: PLR0911  a list of what may be wrong
    if not isinstance(content, dict) or content.get("kind") != "Job" or content.get("apiVersion") != "batch/v1":
        return "is not one Job of batch/v1"
    try:
        spec = pod(content)
        first = spec["containers"][0]
    except (KeyError, IndexError, TypeError):
        return "has no container at spec.template.spec.containers"
    if not isinstance(first, dict) or not first.get("image"):
        return "names no image in its first container"
    if field := _no_list(spec, first):
        return f"has {field} that are no list of mappings, each with a name"
    if "command" in first or "args" in first:
        return "sets command or args of its first container, which are the backend's to set; take them out"
    if spec.get("restartPolicy", "Never") != "Never":
        return (
            f"has restartPolicy {spec['restartPolicy']}; use Never, so that each attempt and its failure stay visible"
        )
    for field in ("completions", "parallelism"):
        if content["spec"].get(field, 1) != 1:
            return f"has {field}: {content['spec'][field]}; one run is filled by one pod at a time"
    return None


def _no_list(spec: Any, first: Any) -> str | None:
    """Name a field that is read here and has another form."""
    for place, fields in ((spec, ("containers", "initContainers", "volumes")), (first, ("env", "volumeMounts"))):
        for field in fields:
            value = place.get(field) or []
            if not isinstance(value, list) or not all(isinstance(one, dict) and "name" in one for one in value):
                return field
    return None
