"""Where a training runs, with how many threads, from which seed, and whether somebody watches.

>>> torch.equal(torch.rand(3, generator=seeded(1)), torch.rand(3, generator=seeded(1)))
True
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

import torch
from tqdm.std import tqdm

from helpers.core import checks

__all__ = ["device", "progress_bar", "randomness", "seeded", "someone_watches", "threads"]


def device() -> torch.device:
    """Return the fastest device here: a CUDA GPU, else Apple's (mps), else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


@contextlib.contextmanager
def threads(n: int) -> Iterator[None]:
    """Let torch compute with `n` CPU threads inside a ``with`` block, and with as many as before after it.

    Two processes side by side should share the cores: with more threads than cores they wait for
    each other, which can slow both down tenfold.

    Raises
    ------
    ValueError
        If `n` is not positive.
    """
    checks.count("n", n)
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def seeded(seed: int | torch.Generator) -> torch.Generator:
    """Return a source of random numbers of its own, so that torch's global one stays untouched.

    Parameters
    ----------
    seed : int or torch.Generator
        A whole number, zero or above. A generator is returned as it is, to go on where it stands.

    Returns
    -------
    torch.Generator

    Raises
    ------
    TypeError, ValueError
        If `seed` is neither.
    """
    if isinstance(seed, torch.Generator):
        return seed
    checks.index("seed", seed)
    return torch.Generator().manual_seed(int(seed))


@contextlib.contextmanager
def randomness(seed: int) -> Iterator[None]:
    """Let torch's global generators start from `seed` inside a ``with`` block, and restore them after it.

    For what takes no generator: the initial weights of torch's layers, the masks of dropout.

    Parameters
    ----------
    seed : int
        Zero or above.

    Examples
    --------
    >>> with randomness(seed=0):
    ...     layer = torch.nn.Linear(2, 1)
    >>> with randomness(seed=0):
    ...     twin = torch.nn.Linear(2, 1)
    >>> torch.equal(layer.weight, twin.weight)
    True
    """
    gpus = [torch.cuda.current_device()] if torch.cuda.is_initialized() else []
    with torch.random.fork_rng(devices=gpus):
        torch.default_generator.manual_seed(seed)
        if gpus:
            torch.cuda.manual_seed(seed)
        yield


def someone_watches() -> bool:
    """Tell whether a person looks on: at a terminal, or at a notebook that could ask for input.

    A notebook that is run for a test or for a book cannot ask for input.
    """
    if "IPython" in sys.modules:
        kernel = sys.modules["IPython"].get_ipython()
        if hasattr(kernel, "get_parent"):
            return bool(kernel.get_parent().get("content", {}).get("allow_stdin", False))
    return sys.stderr is not None and sys.stderr.isatty()


def progress_bar(total: int, shown: bool | None = None, **look: object) -> tqdm:
    """Return a bar that vanishes when it is done, and that is never seen in captured output.

    Parameters
    ----------
    total : int
        Steps to go.
    shown : bool, optional
        Whether to show it; by default if :func:`someone_watches`.
    **look
        What else tqdm takes, such as ``unit``, which is a step unless another is given.

    Returns
    -------
    tqdm
        With ``update()``, to be used in a ``with`` block.
    """
    if not (someone_watches() if shown is None else shown):
        return tqdm(disable=True)
    from tqdm.auto import tqdm as visible  # looks for a notebook's widgets: only where they are wanted

    return visible(**{"total": total, "unit": "step", "leave": False, **look})
