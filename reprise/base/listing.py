"""Lists that are cut for a message: the first entries, and how many more there are."""

from collections.abc import Iterable


def few(entries: Iterable[str], limit: int, where: str = "") -> list[str]:
    """Return the first entries, and one more that counts the rest.

    Args:
        entries: to choose from.
        limit: how many are shown.
        where: the place that holds all of them.
    """
    entries = list(entries)
    rest = f"and {len(entries) - limit} more"
    return [*entries[:limit], f"{rest} (all in {where})" if where else rest] if len(entries) > limit else entries


def listed(names: Iterable[object], limit: int) -> str:
    """Return the first names in a line, and how many more there are."""
    words = [str(name) for name in names]
    shown = ", ".join(words[:limit])
    return f"{shown} and {len(words) - limit} more" if len(words) > limit else shown
