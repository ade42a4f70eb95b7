"""The environment of a job: its pins, and how it is built."""
