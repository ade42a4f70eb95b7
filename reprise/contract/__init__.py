"""The contract between a project and the engine: model.py, the options of its scripts, and MLproject."""
