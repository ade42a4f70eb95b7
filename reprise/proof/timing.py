"""Which metrics tell a time or a load: they differ from run to run and are no result."""

import re

_TIMING = re.compile(
    r"^system/|(^|[_./ -])(seconds?|secs?|minutes?|hours?|m?s|time|times|duration|elapsed|latency|throughput|runtime)$",
    re.IGNORECASE,
)


def is_timing(metric: str) -> bool:
    """Tell by a metric's name, such as `fit_seconds` or `system/cpu_utilization_percentage`."""
    return bool(_TIMING.search(metric))
