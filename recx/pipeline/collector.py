"""Python's garbage collector in the processes of the kit: less often, and not at their end."""

import atexit
import gc

OBJECTS = 50_000
"""New objects after which the collector looks for cycles; 700 by default."""


def spare_imports() -> None:
    """Keep the collector from searching what PyTorch and transformers create when they are imported.

    These objects live as long as the process. Searching them again and again takes a fifth of the time of the imports
    (7 s on a slow core), and searching them once more at the end takes another 2 s.
    """
    gc.set_threshold(OBJECTS, *gc.get_threshold()[1:])
    atexit.register(gc.freeze)
