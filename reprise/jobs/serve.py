"""Serve a logged model over HTTP."""

import os
import sys
from typing import Annotated

from pydantic import Field

from reprise.base import project_settings
from reprise.base.terminal import note


def serve(
    model: str = "champion",
    host: str = "127.0.0.1",
    port: Annotated[int, Field(ge=0, le=65535)] = 5001,
) -> None:
    """Serve a logged model by `mlflow models serve` in this environment, until the process is ended.

    A server keeps the model that it has loaded. Restart it after the alias has moved.

    Args:
        model: champion or challenger of this project, or any MLflow model URI.
        host: The address to listen on.
        port: The port to listen on.

    Example: python -m reprise job serve --model models:/reprise/3 --port 5001
    """
    uri = project_settings.current().model_uri(model)
    note(f"serving {uri}")
    sys.stderr.flush()
    options = [f"--model-uri={uri}", f"--host={host}", f"--port={port}", "--env-manager=local"]
    os.execv(sys.executable, [sys.executable, "-m", "mlflow", "models", "serve", *options])  # noqa: S606
