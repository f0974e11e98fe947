"""Checks of arrays, for NumPy and torch alike; the messages have the form of :mod:`helpers.core.checks`.

>>> import numpy as np
>>> labels("labels", np.array([0, 2, 10]), n_classes=10)
Traceback (most recent call last):
...
ValueError: labels must be in [0, 10), got labels[2]=10
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
from array_api_compat import array_namespace, is_array_api_obj

from helpers.core import checks

__all__ = ["dtype", "every", "floats", "labels", "namespace", "not_empty", "probabilities"]


def namespace(**arrays: Any) -> ModuleType:
    """Return the functions of the library that all the arrays belong to.

    Parameters
    ----------
    **arrays : array
        The arguments by name.

    Returns
    -------
    module
        An array API namespace.

    Raises
    ------
    TypeError
        If one is no array, or if the libraries differ.
    """
    for name, array in arrays.items():
        if not is_array_api_obj(array):
            raise TypeError(f"{name} must be an array or a tensor, got {name} of type {type(array).__name__}")
    try:
        return array_namespace(*arrays.values())
    except TypeError:
        kinds = " and ".join(type(array).__name__ for array in arrays.values())
        raise TypeError(f"{' and '.join(arrays)} must come from one library, got {kinds}") from None


def dtype(name: str, array: Any, *kinds: str) -> None:
    """Require entries of a kind, such as ``"real floating"``, ``"integral"`` or ``"bool"``.

    Raises
    ------
    TypeError
        If the array's dtype is of none of the kinds.
    """
    if not array_namespace(array).isdtype(array.dtype, kinds):
        raise TypeError(f"{name} must be {' or '.join(kinds)}, got {name} of dtype {array.dtype}")


def floats(name: str, array: Any, shape: str | tuple[int, ...] | None = None, **sizes: int) -> None:
    """Require a NumPy array of floats, and perhaps a shape.

    Parameters
    ----------
    name : str
        The argument's name.
    array : ndarray
    shape : str or tuple of int, optional
        A pattern as for :func:`helpers.core.checks.shape`, with its `sizes`, or the very shape.
    **sizes : int
        Sizes that are known already.

    Raises
    ------
    TypeError
        If `array` is no NumPy array, or not of floats.
    ValueError
        If its shape does not fit.
    """
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{name} must be a NumPy array, got {name} of type {type(array).__name__}")
    if array.dtype.kind != "f":
        raise TypeError(f"{name} must be real floating, got {name} of dtype {array.dtype}")
    if shape is not None:
        checks.shape(name, array, shape if isinstance(shape, str) else " ".join(map(str, shape)), **sizes)


def not_empty(name: str, array: Any) -> None:
    """Require at least one entry: a mean over nothing has no value."""
    if 0 in array.shape:
        raise ValueError(f"{name} must not be empty, got {name} of shape {tuple(array.shape)}")


def every(name: str, array: Any, fits: Any, requirement: str) -> None:
    """Require something of every entry, and name the first that is not fit.

    Parameters
    ----------
    name : str
        The argument's name.
    array : array
    fits : array of bool, same shape
        Which entries are fit.
    requirement : str
        The same in words, such as ``"be in [0, 1]"``.

    Raises
    ------
    ValueError
        If an entry is not fit.
    """
    xp = array_namespace(fits)
    if not xp.all(fits):
        first = int(xp.nonzero(xp.reshape(~fits, (-1,)))[0][0])
        index = tuple(int(i) for i in np.unravel_index(first, tuple(array.shape)))
        place = f"{name}[{', '.join(map(str, index))}]" if index else name
        raise ValueError(f"{name} must {requirement}, got {place}={array[index].item()!r}")


def labels(name: str, array: Any, n_classes: int) -> None:
    """Require one class label a sample: whole numbers from 0 to ``n_classes - 1``.

    Parameters
    ----------
    name : str
    array : array of integers, shape (N,)
    n_classes : int
    """
    checks.shape(name, array, "N")
    dtype(name, array, "integral")
    every(name, array, (array >= 0) & (array < n_classes), f"be in [0, {n_classes})")


def probabilities(name: str, array: Any) -> None:
    """Require a distribution in every row: nothing negative, and a sum of 1 to within rounding."""
    checks.shape(name, array, "N K")
    dtype(name, array, "real floating")
    xp = array_namespace(array)
    every(name, array, array >= 0, "be zero or positive")
    sums = xp.sum(array, axis=1)
    tolerance = max(1e-3, float(xp.finfo(array.dtype).eps) ** 0.5)
    every(f"{name}.sum(axis=1)", sums, abs(sums - 1) <= tolerance, "be 1")
