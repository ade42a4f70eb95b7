"""Models: their types, their files, their checks, and their names in the registry."""
