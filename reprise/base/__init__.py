"""Errors, the terminal, paths, processes and limits, which every other package uses."""
