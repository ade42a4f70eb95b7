"""Reprise: what the MLflow Project's entry points share."""

__version__ = "0.1.0"
"""The engine's version, which the package's build reads from here, and so does a folder that no build has seen."""
