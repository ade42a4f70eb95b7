"""Check that a pod can reach the tracking server, the artifacts and the repository."""

import ipaddress
from urllib.parse import unquote, urlsplit

from reprise.base.credentials import without_credentials
from reprise.base.errors import WrongCall
from reprise.code.project_uri import local_folder
from reprise.kubernetes.template import Manifest, container, pod, shares_host_network

TRACKING = "MLFLOW_TRACKING_URI"

OTHER_ENGINE = (
    "pin the engine at an address of the network or by its release on an index, or put it into the project's folder "
    "(copier update --data engine=folder)"
)
"""What to do about an engine that is out of reach."""


def tracking_uri(uri: str, template: Manifest) -> str:
    """Return the tracking URI for the pod: the template's own, else the one in force here.

    Raises:
        WrongCall: a pod cannot reach it.
    """
    own = {one["name"]: one.get("value") for one in container(template).get("env") or []}
    if TRACKING in own:
        uri = own[TRACKING] or ""  # of a secret: nothing to be seen from here
    if not uri and TRACKING in own:
        return uri
    place = urlsplit(uri)
    if place.scheme not in ("http", "https", "databricks"):
        shown = without_credentials(uri)
        raise WrongCall(
            f"the runs are kept in {shown}, which a pod cannot reach",
            remedy=f"start a tracking server and set {TRACKING}",
        )
    if without_credentials(uri) != uri:
        raise WrongCall(
            f"{TRACKING} holds a password, which a Job would show",
            remedy=(
                "take it out, and give MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD here and, "
                "by a Secret in envFrom, to the pod"
            ),
        )
    if place.scheme != "databricks":
        _refuse_loopback(uri, template, f"the tracking server {uri}", f"or name it as pods do: env {TRACKING} there")
    return uri


def artifacts(location: str, template: Manifest) -> None:
    """Ensure that a pod can log artifacts.

    Raises:
        WrongCall: they are kept in a folder that the pod does not mount.
    """
    path = location.removeprefix("file://")
    if "://" in path or location.startswith(("mlflow-artifacts:", "dbfs:")):
        return
    if not _is_mounted(path, template):
        raise WrongCall(
            f"the experiment keeps artifacts in {location}, a folder that the pod does not have",
            remedy=(
                "use an experiment of a server that passes them on (mlflow server --serve-artifacts), "
                "or mount the folder in the template"
            ),
        )


def repository(url: str, template: Manifest) -> None:
    """Ensure that a pod can ask for the repository.

    Raises:
        WrongCall: it is a folder of this machine, or on this machine's loopback.
    """
    folder = local_folder(url)
    path = url.removeprefix("file://") if url.startswith("file:") else folder and str(folder)
    if path and not _is_mounted(path, template):
        raise WrongCall(
            f"repository {url} is a folder of this machine, which a pod does not have", remedy="give it a remote"
        )
    if not path:
        _refuse_loopback(url, template, f"the repository {url}", "or name it by an address that pods reach")


def engine(place: str | None, template: Manifest) -> None:
    """Ensure that a pod can ask for the engine that the project pins.

    Args:
        place: the address in the pin; None for a package index, or for an engine in the project's folder.
        template: the job template.

    Raises:
        WrongCall: it is a folder or file of this machine, or on this machine's loopback.
    """
    if place is None:
        return
    address = urlsplit(place)
    if address.scheme == "file" and not _is_mounted(unquote(address.path), template):
        raise WrongCall(
            f"the project pins its engine at {without_credentials(place)}, which is of this machine and which a pod "
            "does not have",
            remedy=OTHER_ENGINE,
        )
    if address.scheme != "file":
        _refuse_loopback(place, template, f"the repository {place} of the engine", "or name it as pods reach it")


def _refuse_loopback(uri: str, template: Manifest, what: str, otherwise: str) -> None:
    host = urlsplit(uri).hostname if "://" in uri else uri.partition(":")[0].rpartition("@")[2]
    if _is_loopback(host or "") and not shares_host_network(template):
        raise WrongCall(
            f"{what} is on this machine's loopback, which a pod cannot reach; start it on an address of the network, "
            f"{otherwise}; or set hostNetwork: true in the job template if the node is this machine"
        )


def _is_loopback(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    return address.is_loopback or address.is_unspecified


def _is_mounted(path: str, template: Manifest) -> bool:
    """Return whether a folder is the pod's too, by a volume that is not made for the pod alone."""
    shared = {volume["name"] for volume in pod(template).get("volumes") or [] if "emptyDir" not in volume}
    mounts = [mount for mount in container(template).get("volumeMounts") or [] if mount["name"] in shared]
    places = [mount["mountPath"].rstrip("/") for mount in mounts]
    return any(path == place or path.startswith(f"{place}/") for place in places)
