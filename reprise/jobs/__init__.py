"""The jobs: what train.py and evaluate.py are made of, and the entry points that are the engine's own."""
