"""Progress bars that somebody watches, and that leave nothing behind.

>>> with progress_bar(3) as bar:  # nobody watches an example: nothing is shown
...     bar.update()
"""

from __future__ import annotations

import sys

from tqdm.std import tqdm

from helpers.training import processes

__all__ = ["progress_bar", "someone_watches"]


def someone_watches() -> bool:
    """Tell whether a person looks on: at a terminal, or at a notebook that could ask for input.

    A notebook that is run for a test or for a book cannot ask for input. Of several processes that train
    together, the first one is watched.
    """
    if not processes.is_main():
        return False
    if "IPython" in sys.modules:
        kernel = sys.modules["IPython"].get_ipython()
        if hasattr(kernel, "get_parent"):
            return bool(kernel.get_parent().get("content", {}).get("allow_stdin", False))
    return sys.stderr is not None and sys.stderr.isatty()


def progress_bar(total: int, **look: object) -> tqdm:
    """Return a bar that shows where :func:`someone_watches`, and vanishes when it is done.

    Parameters
    ----------
    total : int
        Steps to go.
    **look
        What else tqdm takes, such as ``unit``, which is a step unless another is given.

    Returns
    -------
    tqdm
        With ``update()``, to be used in a ``with`` block.
    """
    if not someone_watches():
        return tqdm(disable=True)
    from tqdm.auto import tqdm as visible  # looks for a notebook's widgets: only where they are wanted

    return visible(**{"total": total, "unit": "step", "leave": False, **look})
