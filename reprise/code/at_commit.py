"""The project backends that run a commit, by the names under which MLflow finds them and their runs are tagged."""

COMMIT = "commit"
DATABRICKS = "databricks-commit"
KUBERNETES = "kubernetes-commit"

BACKENDS = (COMMIT, DATABRICKS, KUBERNETES)
"""All of them name a repository and a version as their runs' source; `COMMIT` plays each again."""
