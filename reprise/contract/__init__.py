"""What the engine knows of a project: model.py's names, the options that follow from them, and MLproject's lines."""
