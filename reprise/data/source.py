"""The source of a table: a bundled table, a file or a URI, brought to a local file."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

import requests

from reprise.base import paths, project, scratch
from reprise.base.credentials import without_credentials
from reprise.base.errors import WrongCall, in_short, one_line
from reprise.base.record import Source as SourceRecord

BUNDLED = ("iris", "wine", "breast_cancer", "digits")
SUFFIXES = (".csv", ".csv.gz", ".parquet")
MLFLOW_SCHEMES = ("runs", "mlflow-artifacts", "models", "dbfs", "gs", "abfss", "wasbs", "hdfs")
LISTED = 200
"""Characters of an overlong name that one line of error shows."""

TIMEOUT = (10, 60)
"""Seconds to wait for a connection, and for each next piece of an answer."""


@dataclass(frozen=True)
class Source:
    """A table's origin, so that it can be found again.

    Attributes:
        kind: `bundled`, `file` or `uri`.
        name: what the table is called: a bundled name, or the file's name.
        uri: where it is: the bundled name, an absolute path, or the URI without credentials.
        in_project: for a file inside the project's folder, its path from there, since that folder may move.
        sha256: of its bytes, as they were read or downloaded (`reprise.data.source_bytes`); None before that, and where
            there is no file.
        size: the number of those bytes.
        package: of a bundled table, the distribution that it comes with, such as `scikit-learn==1.7.2`.
    """

    kind: str
    name: str
    uri: str
    in_project: str | None = None
    sha256: str | None = None
    size: int | None = None
    package: str | None = None


def locate(data: str) -> Source:
    """Return what `data` names, without opening it.

    Raises:
        WrongCall: the file does not exist or is not of a kind that is read here.
    """
    if data in BUNDLED:
        return Source("bundled", data, data)
    try:
        parts = urlsplit(data)
    except ValueError as error:
        raise WrongCall(f"data {without_credentials(data)!r} is no URI: {error}") from error
    scheme = parts.scheme
    if scheme == "file":
        if parts.netloc not in ("", "localhost"):
            raise WrongCall(
                f"data {data!r} names the host {parts.netloc!r}; a file URI reads only from this machine",
                remedy="write file:///…",
            )
        data, scheme = url2pathname(parts.path), ""
    if len(scheme) > 1:  # one letter is a Windows drive
        if scheme == "s3" and "@" in data:
            message = (
                f"data {without_credentials(data)!r} is named with a login, which S3 does not take; set "
                "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            )
            raise WrongCall(message)
        name = PurePosixPath(unquote(urlsplit(data).path)).name
        _check_suffix(name, data)
        return Source("uri", name, without_credentials(data))
    if not data.strip():
        raise WrongCall(f"data {data!r} is empty", remedy=f"name a file, a URI or one of {', '.join(BUNDLED)}")
    path = Path(data).expanduser().absolute()
    try:
        _check_file(path, data)
    except OSError as error:
        raise WrongCall(f"data {_beginning(data)!r} cannot be looked up: {error.strerror}") from error
    inside = path.resolve().is_relative_to(project.FOLDER)
    return Source(
        "file", path.name, str(path), path.resolve().relative_to(project.FOLDER).as_posix() if inside else None
    )


@contextmanager
def local_file(source: Source, data: str) -> Iterator[Path]:
    """Bring the source's content to this machine for as long as the context lasts; `data` is as the user gave it."""
    if source.kind == "file":
        yield Path(source.uri)
        return
    with scratch.folder("data") as folder:
        path = folder / source.name
        scheme = urlsplit(data).scheme
        try:
            if scheme in ("http", "https"):
                _download_http(data, path)
            elif scheme == "s3":
                _download_s3(data, path)
            elif scheme in MLFLOW_SCHEMES:
                path = _download_mlflow(data, str(folder))
            else:
                message = f"data {source.uri!r}: the scheme {scheme!r} is not known"
                raise WrongCall(message, remedy="use https, s3, file or runs")
        except (OSError, requests.RequestException) as error:
            raise WrongCall(f"data {source.uri!r} cannot be fetched: {_cause(error)}") from error
        yield path


def again(source: SourceRecord) -> str:
    """Return how to name a recorded source now: a file of the project is looked for in this checkout first.

    Raises:
        WrongCall: the record names a file of the project that is outside of it.
    """
    return str(in_checkout(source) or source["uri"])


def in_checkout(source: SourceRecord) -> Path | None:
    """Return the file of this checkout that a recorded source names; None where it names none, or that is not there.

    Raises:
        WrongCall: the file is outside of the project.
    """
    inside = source.get("in_project")
    name = paths.relative(str(inside), "the record's file of the project") if inside else None
    path = project.FOLDER / name if name else None  # a link of one's own checkout may lead where it likes
    return path if path and path.is_file() else None


def _check_file(path: Path, data: str) -> None:
    if path.is_dir():
        raise WrongCall(f"data {data!r} is a directory", remedy=f"name one file: {', '.join(SUFFIXES)}")
    if path.is_fifo():
        raise WrongCall(f"data {data!r} is a pipe, which cannot be read twice", remedy="write it to a file first")
    if not path.exists():
        hint = "" if Path(data).is_absolute() else f" (looked for in {path.parent}; an absolute path is never in doubt)"
        raise WrongCall(
            f"data {data!r} does not exist{hint}", remedy=f"name a file, a URI or one of {', '.join(BUNDLED)}"
        )
    _check_suffix(path.name, data)
    if not os.access(path, os.R_OK):
        raise WrongCall(f"data {data!r} may not be read by this user", remedy="change its permissions")


def _beginning(text: str) -> str:
    return text if len(text) <= LISTED else f"{text[:LISTED]}…"


def _check_suffix(name: str, data: str) -> None:
    if not name.lower().endswith(SUFFIXES):
        message = f"data {without_credentials(data)!r} has a file type that is not supported"
        raise WrongCall(message, remedy=f"use {', '.join(SUFFIXES)}")


def _download_http(url: str, path: Path) -> None:
    with requests.get(url, stream=True, timeout=TIMEOUT) as answer, path.open("wb") as file:
        if not answer.ok:
            message = f"data {without_credentials(url)!r}: the server answers {answer.status_code} {answer.reason}"
            raise WrongCall(message)
        for chunk in answer.iter_content(1 << 20):
            file.write(chunk)


def _download_s3(uri: str, path: Path) -> None:
    from pyarrow.fs import S3FileSystem  # noqa: PLC0415  its libraries start slowly, and few tables come from S3

    parts = urlsplit(uri)
    files = S3FileSystem(endpoint_override=os.environ.get("MLFLOW_S3_ENDPOINT_URL"), connect_timeout=TIMEOUT[0])
    with files.open_input_stream(f"{parts.netloc}{parts.path}") as remote, path.open("wb") as file:
        shutil.copyfileobj(remote, file, 1 << 20)


def _download_mlflow(uri: str, folder: str) -> Path:
    import mlflow  # noqa: PLC0415  a table by its name or path needs nothing of MLflow

    try:
        return Path(mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=folder))
    except mlflow.exceptions.MlflowException as error:
        raise WrongCall(f"data {without_credentials(uri)!r} cannot be fetched: {_cause(error)}") from error


def _cause(error: Exception) -> str:
    if isinstance(error, requests.Timeout):
        return f"no answer within {TIMEOUT[1]} s"
    said = in_short(error) if isinstance(error, requests.ConnectionError) else one_line(error)
    return without_credentials(said)[:300] or type(error).__name__
