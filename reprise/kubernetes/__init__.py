"""A project at a commit as a Kubernetes Job: what is asked of the cluster, and what becomes of it."""
