"""Run a project at a commit, in a clone of its own, in its environment and in an MLflow run."""
