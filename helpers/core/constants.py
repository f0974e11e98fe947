"""Numbers that have a symbol: plain floats, which SymPy reads as the symbol."""

from __future__ import annotations

import math

__all__ = ["pi"]


class _Pi(float):
    """The number pi; `helpers.core.symbols` tells SymPy to read it as the symbol."""


pi = _Pi(math.pi)
