"""The rules of the house: who may import whom."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from attacks import attacks
from conftest import ENTRY_POINTS, JOBS, PROJECT

import reprise
from reprise.code.project_uri import BACKENDS

MODULES = sorted((PROJECT / "reprise").rglob("*.py"))
NAMES = {".".join(path.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__"): path for path in MODULES}
PACKAGES = (
    *("base", "contract", "code", "environment", "store", "data", "models", "task", "running", "kubernetes"),
    *("backends", "search", "governance", "proof", "doctor", "jobs", "cli"),
)
"""Each may import those before it, and none after it."""

PUBLIC_MODULES = {"reprise.preprocessing", "reprise.preprocessing.make_preprocessing"}

NEEDS_THE_ENVIRONMENT = {
    *(f"data.{name}" for name in ("csv_file", "csv_rows", "dataset", "dataset_inputs", "delimited_file", "features")),
    *(f"data.{name}" for name in ("fingerprint", "labels", "model_columns", "number_notation", "schema", "table")),
    *(f"data.{name}" for name in ("column_choice", "holdout", "sample_weight", "split_column", "table_identity")),
    *(
        "data.target",
        "data.date_columns",
        "data.text_columns",
        "data.leading_zero",
        "data.missing_words",
        "search.decision_folds",
    ),
    *(f"models.{name}" for name in ("composition", "held_out", "logged_model", "model_content", "module_space")),
    "models.recorded_rows",
    *(f"proof.{name}" for name in ("bisection", "booster_dump", "fitted_state", "leaf_comparison")),
    "proof.prediction_agreement",
    *(f"proof.{name}" for name in ("preparation", "reproduction", "rerun_experiment", "rerun_table", "run_results")),
    *(f"proof.{name}" for name in ("result_comparison", "table_change", "table_comparison", "value_comparison")),
    *(f"search.{name}" for name in ("candidates", "dask_calls", "dask_cluster", "dask_tls", "folds", "search_figures")),
    *("search.decision_folds", "search.scorer", "data.table_identity", "task.judged_rows"),
    *(f"search.{name}" for name in ("search_space", "trial_engine", "trial_log", "trials", "tuning", "winner")),
    "search.worker",
    *(f"jobs.{name}" for name in ("judging", "predict", "probe", "reproduce", "run_artifacts", "training", "tune")),
    *(f"task.{name}" for name in ("canvas", "evaluation", "evaluation_figures", "known_metrics", "regression")),
    *("task.regression_figures", "task.result", "governance.evidence", "governance.paired_test"),
    *("jobs.decisions", "jobs.own_metrics", "task.calibration", "task.decision"),
    *("store.tracking", "preprocessing"),
}
"""Modules that fit, score or load models, or read tables; all others work in the launcher, which has none of the
packages for it."""


def imports(path: Path, *, top_only: bool = False) -> set[str]:
    """Names of all that a file imports."""
    tree = ast.parse(path.read_text())
    nodes = tree.body if top_only else list(ast.walk(tree))
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def test_preprocessing_is_scikit_learn_alone() -> None:
    """It may travel with a model to where this engine is not."""
    roots = {name.partition(".")[0] for name in imports(PROJECT / "reprise/preprocessing.py")}
    assert roots <= {"sklearn", "numpy", "pandas", "typing", "datetime", "re"}


def test_the_engine_imports_nothing_of_the_project() -> None:
    for path in MODULES:
        assert not {name.partition(".")[0] for name in imports(path)} & {"model", "train", "evaluate"}, path


def test_the_project_uses_the_public_names_alone() -> None:
    for name in ("train", "evaluate", "model"):
        used = {other for other in imports(PROJECT / f"{name}.py") if other.startswith("reprise.")}
        assert used <= {*(f"reprise.{public}" for public in reprise.__all__), *PUBLIC_MODULES}, name


def test_only_one_module_calls_git() -> None:
    calling = [path.name for path in MODULES if '= ["git",' in path.read_text()]
    assert calling == ["git.py"]


def test_only_one_module_turns_the_pages_of_a_search() -> None:
    assert [path.name for path in MODULES if "page_token" in path.read_text()] == ["paging.py"]


def test_only_one_module_changes_variables_for_a_while() -> None:
    """All others that write to the environment do so for good, for the processes that they start."""
    writing = re.compile(r"os\.environ(\[[^\]]*\] = |\.pop\(|\.update\(|\.setdefault\()|del os\.environ")
    for_good = {"cli/engine_choice.py", "base/tracking_server.py", "environment/conda.py", "store/tracking.py"}
    found = {path.relative_to(PROJECT / "reprise").as_posix() for path in MODULES if writing.search(path.read_text())}
    assert found == {"base/environment_variables.py", *for_good}


def test_only_one_module_talks_to_the_model_registry() -> None:
    talking = re.compile(r"\.\w*(registered_model|model_version)\w*\(")
    assert [path.name for path in MODULES if talking.search(path.read_text())] == ["registry.py"]


def test_no_module_imports_in_a_circle() -> None:
    packages = {name for name, path in NAMES.items() if path.name == "__init__.py"}
    graph = {name: (imports(path) & set(NAMES)) - packages for name, path in NAMES.items()}
    assert sum(map(len, graph.values())) > len(graph)

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, f"a circle: {' -> '.join([*trail, name])}"
        for below in graph[name]:
            visit(below, (*trail, name))

    for name in graph:
        visit(name, ())


def imports_between_packages() -> str:
    """Write the table of docs/engine/architecture.md: which package imports which."""
    lines = ["| package | imports |", "|---|---|"]
    for here in PACKAGES:
        used: set[str] = set()
        for name, path in NAMES.items():
            if name.startswith(f"reprise.{here}."):
                used |= {other.split(".")[1] for other in imports(path) & set(NAMES) if other.count(".")}
        lines.append(f"| `{here}` | {', '.join(one for one in PACKAGES if one in used - {here}) or 'none'} |")
    return "\n".join(lines)


def test_the_page_on_the_engine_says_what_a_package_holds_and_imports() -> None:
    page = (PROJECT / "docs/engine/architecture.md").read_text()
    assert imports_between_packages() in page
    _, _, held = page.partition("| package | content |\n|---|---|\n")
    assert re.findall(r"^\| `(\w+)` \| \S", held.partition("\n\n")[0], re.MULTILINE) == list(PACKAGES)


def test_the_user_s_part_is_short() -> None:
    files = ["MLproject", "conda.yaml", "policy.yaml", "search_space.yaml", "model.py", "train.py", "evaluate.py"]
    paths = [*(PROJECT / name for name in files), *(PROJECT / "tests").glob("*.py")]
    assert sum(len(path.read_text().splitlines()) for path in paths) < 550


def test_a_package_imports_only_those_before_it() -> None:
    assert set(PACKAGES) == {path.parent.name for path in MODULES} - {"reprise"}
    upwards = []
    for name, path in NAMES.items():
        here = name.split(".")[1] if name.count(".") else ""
        named = {other.split(".")[1] for other in imports(path) & set(NAMES) if other.count(".")} & set(PACKAGES)
        if here in PACKAGES:
            later = PACKAGES[PACKAGES.index(here) + 1 :]
            upwards += [f"{name} imports from {other}" for other in sorted(named & set(later))]
    assert upwards == []


def test_every_backend_that_mlflow_finds_is_known() -> None:
    declared = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["entry-points"]
    assert set(BACKENDS) == set(declared["mlflow.project_backend"])


def test_no_file_is_two_nouns() -> None:
    assert {
        path.name: len(path.read_text().splitlines()) for path in MODULES if len(path.read_text().splitlines()) > 300
    } == {}


@pytest.mark.parametrize("entry_point", ENTRY_POINTS)
def test_the_imports_are_the_fast_ones(entry_point: str) -> None:
    """A late import of skops.io searches all of mlflow's modules; the collector would search what is imported."""
    check = (
        f"import gc, sys, {JOBS.get(entry_point, entry_point)}; names = list(sys.modules); "
        "print(names.index('skops.io') < names.index('mlflow'), gc.isenabled(), gc.get_freeze_count() > 100_000)"
    )
    done = subprocess.run([sys.executable, "-c", check], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True", "True"]


def test_the_launcher_needs_no_package_of_the_project_environment() -> None:
    """The command line works where there is no scikit-learn, pandas, skops or matplotlib."""
    absent = ["sklearn", "pandas", "skops", "matplotlib", "pyarrow", "joblib", "numpy", "scipy", "threadpoolctl"]
    absent += ["cloudpickle", "distributed"]
    lean = [name for name in NAMES if name.removeprefix("reprise.") not in {*NEEDS_THE_ENVIRONMENT, "__main__"}]
    assert len(lean) == len(NAMES) - len(NEEDS_THE_ENVIRONMENT) - 1
    check = f"""
import importlib, sys
sys.modules.update(dict.fromkeys({absent!r}))
for name in {lean!r}:
    importlib.import_module(name)
"""
    subprocess.run([sys.executable, "-c", check], cwd=PROJECT, check=True)


def test_every_attack_names_tests_that_there_are() -> None:
    """`python tests/engine/attacks.py` runs them."""
    sources = {
        path.stem.removeprefix("test_"): path.read_text() for path in (PROJECT / "tests/engine").rglob("test_*.py")
    }
    for name in (name for attack in attacks() for name in attack.tests):
        file, _, function = name.partition("::")
        assert f"def {function.partition('[')[0]}" in sources.get(file, ""), name
