"""Seeds of trainings: the one place where a whole lesson is repeated with others, or with another rounding.

Whatever starts a training takes its random numbers by way of this module: initial weights and the order of
the images. Data splits, and what a picture is drawn from, do not. ``make replicate`` sets the environment
variable ``CNN_BOOK_REPLICATION`` to ``seeds:3`` or ``rounding:3`` and runs a lesson; nothing else sets it.

>>> bool(generator(0).random() == np.random.default_rng(0).random())
True
"""

from __future__ import annotations

import os
import re
import sys
from typing import Any

import numpy as np
from array_api_compat import array_namespace

from helpers.core import checks

__all__ = ["generator", "replication", "rounded", "shifted"]

VARIABLE = "CNN_BOOK_REPLICATION"
#: So far apart are the seeds of two repetitions: no lesson has that many.
SHIFT = 10_000


def replication() -> tuple[str, int]:
    """Return what this process repeats, ``("seeds", n)`` or ``("rounding", n)``, else ``("", 0)``.

    Raises
    ------
    ValueError
        If the environment variable says anything else.
    """
    value = os.environ.get(VARIABLE, "")
    if not value:
        return "", 0
    match = re.fullmatch(r"(seeds|rounding):([1-9]\d{0,3})", value)
    checks.require(match is not None, "be 'seeds:n' or 'rounding:n' with n from 1 to 9999", VARIABLE, value)
    return match[1], int(match[2])


def shifted(seed: int) -> int:
    """Return the seed that a training takes where it was given this one: the same, but in a repetition."""
    kind, n = replication()
    return seed + SHIFT * n if kind == "seeds" else seed


def generator(seed: int) -> np.random.Generator:
    """Return NumPy's source of random numbers for a training: its initial weights, the order of its images.

    Parameters
    ----------
    seed : int
        Zero or above.

    Raises
    ------
    TypeError, ValueError
        If `seed` is no such number.
    """
    checks.index("seed", seed)
    return np.random.default_rng(shifted(seed))


def rounded(images: Any) -> Any:
    """Return the images of a training: the same, but times ``1 + 1e-6 z`` in a repetition by rounding.

    Every training reads images, the loops that a lesson writes out too; a change of their last digits goes
    the way that the rounding of another processor goes, through every step.

    Parameters
    ----------
    images : array of floats

    Returns
    -------
    array of the same shape and type
    """
    kind, n = replication()
    if kind != "rounding":
        return images
    factor = 1 + 1e-6 * np.random.default_rng(n).standard_normal(tuple(images.shape))
    return images * array_namespace(images).asarray(factor, dtype=images.dtype)


if replication()[0]:
    sys.stdout.write(f"A repetition ({os.environ[VARIABLE]}): no page is to be made from these outputs.\n")
