"""A project at a commit as a Kubernetes Job."""
