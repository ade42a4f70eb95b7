"""The command line, and the display of a run."""
