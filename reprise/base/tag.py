"""The names under which runs, models and versions carry their record: each stands here once.

A name never changes, for runs that were recorded under it stay. Each constant says on what it stands, who writes it and
which values it takes. docs/engine/record.md lists them.
"""

JOB = "reprise.job"
"""On a run, by every job: `train`, `evaluate`, `tune`, `trial`, `reproduce`, `promote`, `rollback` or `probe`."""

PROCESS = "reprise.process"
"""On a run, by every job and backend: the process that fills it, as JSON (`reprise.base.process`)."""

ENGINE = "reprise.engine"
"""On a run, by every job: version and digest of the engine that filled it, then ` edited` where its files were."""

FAILURE = "reprise.failure"
"""On a run, by whatever ends it badly: why, in one line."""

EXIT_CODE = "reprise.exit_code"
"""On a run, by whatever ends it badly: the exit code, as 1 failed or refused, 2 a wrong call, 3 irreproducible."""

WARNING = "reprise.warning"
"""On a trial's run, by `tune`: what the fit warned of."""

RESUMABLE = "reprise.resumable"
"""On a run, by `tune`: `true`, for another process may fill it further when its own is lost."""

STORE_SERVER = "reprise.store_server"
"""On a run, by the backends: which MLflow reached the store by a server of which other version."""

GIT = "reprise.git"
"""On a run, by `train`, `evaluate`, `tune` and `reproduce`: `ok`, or why no commit is recorded."""

PATCH = "reprise.patch"
"""On a run and a model version, by every job and backend: `none`, `complete`, `incomplete` or `off`."""

VERSION = "reprise.version"
"""On a run, by the backends: the branch, tag or commit that was asked for."""

SUBDIRECTORY = "reprise.subdirectory"
"""On a run, by the backends: the project's folder in its repository; absent at the top."""

EXTRA_PARAMETERS = "reprise.extra_parameters"
"""On a run, by the backends: the parameters given beyond those that MLproject declares, a JSON list of names."""

PARAMETERS_CUT = "reprise.parameters.cut"
"""On a run, by `train`, `evaluate`, `tune` and `reproduce`: the parameters that MLflow could not keep whole.
provenance.json has them."""

ENVIRONMENT_LOCK = "reprise.environment.lock"
"""On a run and a model version, by `train`, `evaluate`, `tune` and `reproduce`: SHA-256 of conda.yaml."""

ENVIRONMENT_MATCHES = "reprise.environment.matches"
"""On a run and a model version, by `train`, `evaluate`, `tune` and `reproduce`: `true` or `false`, whether the
installed packages are the locked ones."""

DATA_FINGERPRINT = "reprise.data.fingerprint"
"""On a run and a model version, by `train`, `evaluate` and `tune`: the table's fingerprint, 64 hexadecimal digits."""

TASK = "reprise.task"
"""On a run and a model version, by `train`, `evaluate` and `tune`: `classification` or `regression`. A run without it
is a classification."""

METRICS = "reprise.metrics"
"""On a run, by `train`, `evaluate` and `tune`: the metrics of the project's own, as JSON, each with its bounds and
whether more is better."""

PROVENANCE_SHA256 = "reprise.provenance.sha256"
"""On a run, a model version and, among its parameters, a logged model, by `train`, `evaluate` and `tune`: SHA-256 of
provenance.json."""

MODEL_DIGEST = "reprise.model.digest"
"""On a run, a logged model and a model version, by `train` and `register`: digest of the model's files."""

MODEL_FORMAT = "reprise.model.format"
"""On a run, a logged model and a model version, by `train` and `register`: `skops`, or `pickle`, which the user has to
allow. It is `skops` where the tag is absent."""

MODEL_LOADS = "reprise.model.loads"
"""On a model version, by `register`, `promote` and `rollback`: digest of the files that loaded and answered their input
example in an environment made of their own pins alone."""

BOOLEANS = "reprise.booleans"
"""On a logged model, in its metadata, by `train`: the columns that were read as booleans, a list of names."""

DATES = "reprise.dates"
"""On a logged model, in its metadata, by `train`: the columns that were read as dates, a list of names; absent where
there is none."""

FIGURE = "reprise.figure.{name}"
"""On a run, by `train`, `evaluate` and `tune`: why the figure of that name is missing."""

RERUN_OF = "reprise.rerun_of"
"""On a rerun, by `reproduce`: id of the run that it repeats."""

BISECTS = "reprise.bisects.run_id"
"""On a rerun, by `reproduce --commits`: id of the run whose result is looked for."""

REPRODUCES = "reprise.reproduces.run_id"
"""On the run of a reproduction, by `reproduce`: id of the run to reproduce."""

REPRODUCTION = "reprise.reproduction"
"""On a run, by `reproduce`: the newest outcome, then `, run ` and the id of the run that found it."""

REPRODUCTION_RUN_ID = "reprise.reproduction.run_id"
"""On the run of a reproduction, by `reproduce`: id of the rerun."""

VERDICT_REASON = "reprise.verdict.reason"
"""On the run of a reproduction, by `reproduce`: why, in one line."""

VERDICT = "reprise.verdict"
"""On a run and the model it judged, by `evaluate`, `reproduce` and `promote`: `passed` or `refused`; of a reproduction
its outcome."""

VERDICT_RUN_ID = "reprise.verdict.run_id"
"""On a run and the model it judged, by `evaluate` and `promote`: id of the evaluation's run, which holds
verdict.json."""

VERDICT_POLICY = "reprise.verdict.policy"
"""On a run and the model it judged, by `evaluate` and `promote`: SHA-256 of the policy."""

VERDICT_MODEL = "reprise.verdict.model"
"""On a run and the model it judged, by `evaluate` and `promote`: digest of the model's files."""

VERDICT_DATA = "reprise.verdict.data"
"""On a run and the model it judged, by `evaluate` and `promote`: fingerprint of the rows that were judged."""

VERDICT_CHAMPION = "reprise.verdict.champion"
"""On a run and the model it judged, by `evaluate` and `promote`: the logged model that it was compared with,
or `none`."""

VERDICT_REASONS = "reprise.verdict.reasons"
"""On a run and the model it judged, by `evaluate` and `promote`: the rules that it does not meet. A long
text is cut, and verdict.json has it whole."""

VERDICT_FIELDS = {
    "verdict": VERDICT,
    "run_id": VERDICT_RUN_ID,
    "policy": VERDICT_POLICY,
    "model": VERDICT_MODEL,
    "data": VERDICT_DATA,
    "champion": VERDICT_CHAMPION,
    "reasons": VERDICT_REASONS,
}
"""Fields of verdict.json, and of `reprise.governance.verdict.Verdict` -> the tag that says the same."""

EVALUATES_MODEL_URI = "reprise.evaluates.model_uri"
"""On a run, by `evaluate`: the model as it was asked for."""

EVALUATES_MODEL_ID = "reprise.evaluates.model_id"
"""On a run, by `evaluate`: id of the logged model."""

EVALUATES_RUN_ID = "reprise.evaluates.run_id"
"""On a run, by `evaluate`: id of the training run."""

TUNE_SETTINGS = "reprise.tune.settings"
"""On a run, by `tune`: what another search must share to resume this one, as JSON."""

TUNE_RESUMES = "reprise.tune.resumes"
"""On a run, by `tune`: id of the search whose trials it takes over."""

TUNE_SCHEDULER = "reprise.tune.scheduler"
"""On a run, by `tune`: address of the scheduler that workers come to. Who carries the search on writes its own."""

TUNE_WINNER = "reprise.tune.winner"
"""On a run, by `tune`: id of the run that trained the best candidate."""

TUNE_CANDIDATE = "reprise.tune.candidate"
"""On a trial's run, by `tune`: the candidate's number."""

TUNE_RUNG = "reprise.tune.rung"
"""On a trial's run, by `tune`: the rung of successive halving, 0 for the first."""

TUNE_ROWS = "reprise.tune.rows"
"""On a trial's run, by `tune`: the number of rows that it was given."""

KUBERNETES_JOB = "reprise.kubernetes.job"
"""On a run, by the Kubernetes backend: its Job, as `<namespace>/<name>`."""

KUBERNETES_CONTEXT = "reprise.kubernetes.context"
"""On a run, by the Kubernetes backend: the context of the kubeconfig that it was started with."""

KUBERNETES_POD = "reprise.kubernetes.pod"
"""On a run, by the Kubernetes backend: the pod that fills it."""

MOVE = "reprise.move.{field}"
"""On a run of the registry's history, by `promote` and `rollback`: `model`, `alias`, `before`, `after`, `reason`,
`forced`, `host`, `process`, `lock`, `follows`, `outcome` and `detail` of the move (`reprise.governance.history`)."""

POLICY = "reprise.policy"
"""On a run of the registry's history, by `promote`: SHA-256 of the policy in force."""

ALIAS_RUN_ID = "reprise.{alias}.run_id"
"""On a model version, by `promote` and `rollback`: id of the history's run that last gave it that alias."""

ROLLED_BACK = "reprise.rolled_back"
"""On a model version, by `rollback`: id of the history's run, and the reason."""

ARCHIVED = "reprise.archived"
"""On a model version, by `retire`: the day, as `2026-01-31`."""

RESOLVED = "resolved.{name}"
"""On a run, among its parameters, by `train` and `tune`: what the parameter of that name came to, such as `auto`."""

COMMIT = "mlflow.source.git.commit"
"""On a run and a model version, by every job and backend: the full commit."""

BRANCH = "mlflow.source.git.branch"
"""On a run and a model version, by every job and backend: the branch; absent where HEAD is detached."""

REPOSITORY = "mlflow.source.git.repoURL"
"""On a run and a model version, by every job and backend: URL of the remote, without credentials."""

DIRTY = "mlflow.source.git.dirty"
"""On a run and a model version, by every job and backend: `true` or `false`, whether any file
differed from the commit."""

SOURCE_NAME = "mlflow.source.name"
"""On a run, by MLflow and the backends: the project as it was asked for, or the script."""

SOURCE_TYPE = "mlflow.source.type"
"""On a run, by MLflow and the backends: `PROJECT` where `mlflow run` or a backend started it."""

ENTRY_POINT = "mlflow.project.entryPoint"
"""On a run, by MLflow and the backends: the entry point in MLproject."""

ENVIRONMENT_MANAGER = "mlflow.project.env"
"""On a run, by MLflow and the backends: `uv`, `conda`, `virtualenv` or `local`."""

BACKEND = "mlflow.project.backend"
"""On a run, by MLflow and the backends: the backend, `local` for MLflow's own."""

PROJECT = "mlflow.project."
"""On a run, by MLflow and the backends: what all tags begin with that say how a project was started."""

PARENT = "mlflow.parentRunId"
"""On a run, by `tune` and `evaluate`: id of the run that it stands under, the search or the training run."""

USER = "mlflow.user"
"""On a run, by MLflow, the backends and `promote`: who started it."""

DATA_CONTEXT = "mlflow.data.context"
"""On a data set input, by `train`, `evaluate` and `tune`: `train` or `test`."""
