"""The jobs: the parts of train.py and evaluate.py, and the entry points of the engine."""
