"""Reprise: what the MLflow Project's entry points share."""
