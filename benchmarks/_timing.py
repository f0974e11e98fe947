"""What every benchmark does: alternate the contestants, take medians, print a table."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping


def alternate(contestants: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Return the median time of each contestant, in CPU seconds of this process.

    They take turns, one run each a round and the order turning, so that what disturbs the machine
    disturbs all alike; the first round only warms up.
    """
    names, times = list(contestants), {name: [] for name in contestants}
    for i in range(rounds + 1):
        for name in names[i % len(names) :] + names[: i % len(names)]:
            start = time.process_time()
            contestants[name]()
            times[name].append(time.process_time() - start)
    return {name: statistics.median(spent[1:]) for name, spent in times.items()}


def table(title: str, rows: list[tuple]) -> None:
    """Print rows under a title, the first of them as the head, in columns."""
    cells = [[cell if isinstance(cell, str) else _number(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    print(f"\n{title}")
    for row in cells:
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
