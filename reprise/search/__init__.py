"""The search for the best hyper-parameters, each trial a run."""
