"""Optimisations of `python train.py` for costs.py, each with code that disables it before the script starts."""

GIVEN = """
import reprise.store.tracking, mlflow.sklearn
save = mlflow.sklearn.save_model
mlflow.sklearn.save_model = lambda *values, pip_requirements, **more: save(*values, **more)
"""
UNSCORED = """
import reprise.store.tracking, mlflow.pyfunc, mlflow.sklearn
save = mlflow.sklearn.save_model
def save_and_score(model, folder, *, input_example, **more):
    save(model, folder, input_example=input_example, **more)
    mlflow.pyfunc.load_model(str(folder)).predict(input_example)
mlflow.sklearn.save_model = save_and_score
"""
UNCHECKED = """
import reprise.store.tracking, mlflow.utils.environment
mlflow.utils.environment.warn_dependency_requirement_mismatches = lambda _: None
"""
UNDONE = {
    "nothing": "",
    "the collector kept off modules": "import gc; gc.disable = gc.freeze = lambda: None",
    "`skops.io` imported before mlflow": "import mlflow.sklearn",
    "requirements given, not inferred": GIVEN,
    "input example not scored": UNSCORED,
    "figures without pyplot": "import reprise.store.tracking, matplotlib.pyplot",
    "byte-code compiled": "",
    "figures (left in)": (
        "import reprise.store.tracking, reprise.task.evaluation_figures as f; f.draw = lambda *_: None"
    ),
    "MLflow's check of requirements (left in)": UNCHECKED,
}
OPTIONS = {"byte-code compiled": ("-B", "-X", "pycache_prefix=/nonexistent")}
"""Options of Python that disable what code cannot."""

SCRIPT = """
import sys
sys.path.insert(0, {project!r})
sys.argv = ["train.py"]
{undo}
import reprise, train
reprise.main(train.train)
"""
