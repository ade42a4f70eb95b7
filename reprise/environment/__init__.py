"""The environment of a job: its pins and its build."""
