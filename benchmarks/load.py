"""Log from many clients to one tracking server at once, and report lost runs and the time taken.

MLFLOW_TRACKING_URI=http://HOST:5000 python benchmarks/load.py --clients 20 --runs 50
"""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import mlflow
from mlflow.entities import Metric, Param


def log_runs(experiment_id: str, count: int) -> list[str]:
    """Log runs in sequence, each with metrics, a parameter and an artifact, and return their ids."""
    client, made = mlflow.MlflowClient(), []
    with TemporaryDirectory() as folder:
        result = Path(folder, "result.txt")
        result.write_text("42", encoding="utf-8")
        for _ in range(count):
            run_id = client.create_run(experiment_id).info.run_id
            metrics = [Metric("loss", 0.0, 0, 0), Metric("accuracy", 1.0, 0, 0)]
            client.log_batch(run_id, metrics, [Param("C", "1.0")])
            client.log_artifact(run_id, str(result))
            client.set_terminated(run_id)
            made.append(run_id)
    return made


@click.command(epilog="Example: python benchmarks/load.py --clients 20 --runs 50")
@click.option("--clients", default=20, show_default=True, help="Threads, each with a client of its own.")
@click.option("--runs", default=50, show_default=True, help="Of each client.")
def load(clients: int, runs: int) -> None:
    """Log to the server in MLFLOW_TRACKING_URI, and count the runs that arrived."""
    os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"
    experiment = mlflow.MlflowClient().create_experiment(f"load {time.time():.0f}")
    begin = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        logged = {run for made in pool.map(lambda _: log_runs(experiment, runs), range(clients)) for run in made}
    seconds = time.perf_counter() - begin
    found = mlflow.search_runs([experiment], max_results=100_000, output_format="list")
    finished = {run.info.run_id for run in found if run.info.status == "FINISHED"}
    click.echo(f"{clients} clients x {runs} runs: {len(logged)} logged, {len(finished & logged)} of them FINISHED")
    click.echo(f"runs in another state: {len(found) - len(finished)}")
    click.echo(f"{seconds:.0f} s, {len(logged) / seconds:.1f} runs a second")


if __name__ == "__main__":
    load()
