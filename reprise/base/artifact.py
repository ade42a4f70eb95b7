"""The paths under which a run keeps files: each stands here once.

A path never changes, for files of runs that were recorded with it stay where they are. Each constant says which job
writes the file and what it holds. docs/engine/record.md lists them.
"""

FOLDER = "provenance"
"""By every job: the folder of what tells where a run came from. Nothing in it is a result."""

PROVENANCE = "provenance/provenance.json"
"""By `train`, `evaluate` and `tune`: commit, environment, parameters, data and what was logged."""

LOCK = "provenance/conda.yaml"
"""By `train`, `evaluate` and `tune`: the environment lock, the project's conda.yaml as it was."""

PATCH = "provenance/patch.diff"
"""By `train`, `evaluate` and `tune`, or the backend: what the working tree had beyond the commit, for `git apply`."""

TRACEBACK = "provenance/traceback.txt"
"""By a job that a fault in the code has ended: the traceback."""

PREDICTIONS = "predictions.parquet"
"""By `train` and `evaluate`: a row for each judged row, its number, true label, predicted label and scores."""

PER_CLASS = "per_class.csv"
"""By `train` and `evaluate`: metrics of each class."""

PER_SEGMENT = "per_segment.csv"
"""By `train` and `evaluate`, of a regression: errors on each quarter of the target."""

CALIBRATION = "calibration.csv"
"""By `train` and `evaluate`, of a calibrated model: mean probability and observed share of each class, bin by bin."""

FIGURES = "figures"
"""By `train`, `evaluate` and `tune`: the folder of figures, PNG files."""

SCALER = "scaler.gz"
"""By `train`: the fitted step `preprocessing` of a pipeline that has one, for `joblib.load`."""

VERDICT = "verdict.json"
"""By `evaluate`: what was judged, how and with which outcome."""

VERDICT_TABLE = "verdict.txt"
"""By `evaluate`: the same as a table for a person."""

TRIALS = "trials.csv"
"""By `tune`: a row for each trial."""

SEARCH_SPACE = "search_space.json"
"""By `tune`: the space that was searched."""

REPRODUCTION = "reproduction.json"
"""By `reproduce`: the verdict, with each finding."""

REPRODUCTION_TABLE = "reproduction.txt"
"""By `reproduce`: the same as a table for a person."""
