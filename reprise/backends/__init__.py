"""MLflow project backends: where and at which commit a project runs."""
