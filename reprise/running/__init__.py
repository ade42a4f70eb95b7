"""How a project runs: at a commit, in a clone of its own, in its environment, in an MLflow run of its own."""
