"""The project's own folder: where MLproject, conda.yaml and the code that runs stand."""

from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent
LOCK_FILE = FOLDER / "conda.yaml"
