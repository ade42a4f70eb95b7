"""Keep Python's garbage collector from scanning imported modules.

Objects made by an import live as long as the process. The collector would scan them again and again during imports, and
once more at the end of the process. That took two of every five CPU seconds of a run on iris.
"""

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_garbage_collection() -> Iterator[None]:
    """Collect nothing within the block, in which modules are imported, and look through none of it later."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if enabled:
            gc.enable()


def freeze_loaded_objects() -> None:
    """Look through nothing of what there is now, nor of what there is as the process ends; for a script alone."""
    gc.freeze()
    atexit.register(gc.freeze)
