"""Tables of text, and one that is drawn anew in its place."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

__all__ = ["columns", "live_table"]


def columns(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    r"""Return a table: numbers at the right of their column, words at the left.

    >>> columns(["trial", "loss", "note"], [[3, 0.25, ""], [12, None, "pruned"]])
    'trial  loss  note\n    3  0.25\n   12        pruned'
    """
    cells = [list(head), *([_cell(value) for value in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    left = [any(isinstance(row[i], str) for row in rows) for i in range(len(head))]

    def line(row: list[str]) -> str:
        aligned = (
            c.ljust(w) if is_left else c.rjust(w) for c, w, is_left in zip(row, widths, left, strict=True)
        )
        return "  ".join(aligned).rstrip()

    return "\n".join(map(line, cells))


def _cell(value: Any) -> str:
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


@contextlib.contextmanager
def live_table(shown: bool) -> Iterator[Callable[[str], None]]:
    """Give a function that shows a text, each time in the place of the one before.

    Parameters
    ----------
    shown : bool
        Whether to show anything at all.

    Yields
    ------
    callable
        ``draw(text)``, in a notebook below its cell, elsewhere on the terminal.
    """
    if not shown:
        yield lambda text: None
    elif _in_notebook():
        from IPython.display import display

        handle = display({"text/plain": ""}, raw=True, display_id=True)
        yield lambda text: handle.update({"text/plain": text}, raw=True)
    else:
        yield _Terminal().draw


def _in_notebook() -> bool:
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return hasattr(shell, "kernel")


class _Terminal:
    """Draws on stdout, over what it drew before."""

    def __init__(self) -> None:
        self.height = 0

    def draw(self, text: str) -> None:
        above = f"\x1b[{self.height}F\x1b[J" if self.height else ""
        self.height = text.count("\n") + 1
        sys.stdout.write(f"{above}{text}\n")
        sys.stdout.flush()
