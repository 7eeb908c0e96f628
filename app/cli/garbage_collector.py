"""How seldom Python looks for garbage. Standard library only: nothing else is loaded yet."""

import gc

GC_THRESHOLDS = (20_000, 20, 20)  # the allocations and collections between two searches for cycles


def collect_seldom() -> None:
    """Search for reference cycles rarely. Checks, pages and the loading of modules leave hardly
    any, and each search goes through all that is there, but for what is there now.
    """
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
