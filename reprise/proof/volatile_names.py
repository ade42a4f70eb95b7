"""Names of metrics, parameters, columns and keys that mean volatile values: times, loads, process ids."""

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


UNITS = _words("s sec secs second seconds ms millis milliseconds us ns mins minute minutes hour hours")
TIMES = _words(
    "time times timing timings duration durations elapsed latency runtime walltime uptime throughput fps qps"
)
RESULTS = _words(
    "mae mse rmse msle rmsle mape smape wape mase mdae medae error errors err loss losses bias residual residuals rms "
    "deviation deviations n num number count predicted forecast actual target truth true horizon window lag"
)
"""Words of a result: `mae_minutes` is an error in minutes, and `n_times` a number."""

MEMORY, SIZES = _words("memory rss vms mem"), _words("mb mib gb gib kb kib bytes percent")
PROCESSES, HOSTS = _words("pid ppid pids"), _words("host hostname hosts hostnames nodename fqdn")

TIME, LOAD, PROCESS, HOST = "a time", "a load of the machine", "a process id", "a host"


def volatile_kind(name: str) -> str | None:
    """Return the kind of a name whose values are volatile, by its whole words, or None for a result."""
    if name.startswith("system/"):
        return LOAD
    words = [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", re.sub(r"'s\b", "", name))]
    if not words or RESULTS & {*words}:
        return None
    last = words[-1]
    if last in TIMES or (last in UNITS and (len(words) > 1 or len(last) > 1)):
        return TIME
    if MEMORY & {*words} and last in MEMORY | SIZES:
        return LOAD
    if last in PROCESSES or words[-2:] == ["process", "id"]:
        return PROCESS
    return HOST if last in HOSTS or words[-2:] == ["host", "name"] else None
