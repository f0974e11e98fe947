"""Methods: what a schedule, an update rule, a loss or a surface says of itself, and what others call it.

What other libraries call the methods of a folder stands in a table beside them, a Markdown file with a
section for each class: a line of torch with our fields in braces, and a list of names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from helpers.core.hyperparameters import Hyperparameters

__all__ = ["LibraryName", "Method", "read_libraries"]


@dataclass(frozen=True)
class LibraryName:
    """What a library calls a method, and where its convention differs from ours.

    Parameters
    ----------
    library : str
        ``"torch"``, ``"Keras"``, ``"Paddle"``, ``"optax"`` or ``"timm"``.
    name : str
        The class or function there.
    difference : str
        One phrase; empty when the numbers are the same.
    """

    library: str
    name: str
    difference: str = ""


def read_libraries(path: Path) -> dict[str, dict[str, Any]]:
    """Return, for each class that a table has a section on, its ``torch_code`` and its ``library_names``.

    Parameters
    ----------
    path : Path
        The Markdown file, such as ``libraries.md`` beside the schedules.

    Raises
    ------
    ValueError
        If a line of a list is not a library and a name in backticks, with or without a difference.
    """
    table = {}
    for section in path.read_text(encoding="utf-8").split("\n## ")[1:]:
        kind, *lines = section.splitlines()
        code = [line.strip() for line in lines if line.startswith("    ")]
        names = [_library_name(line) for line in lines if line.startswith("- ")]
        table[kind] = {"torch_code": "".join(code), "library_names": tuple(names)}
    return table


def _library_name(line: str) -> LibraryName:
    parts = re.fullmatch(r"- (\w+) `([^`]+)`(?:: (.+))?", line)
    if not parts:
        raise ValueError(f"a line must be '- library `name`: difference', got {line!r}")
    return LibraryName(*parts.groups(default=""))


class Method(Hyperparameters):
    """Base of every method that the book derives: its name in words, its lesson, its names elsewhere."""

    #: One phrase for menus and tables.
    words: ClassVar[str]
    #: The lesson that derives it, or that uses it first.
    lesson: ClassVar[int]
    #: LaTeX of the arguments of its formulas, where it is not their names.
    argument_symbols: ClassVar[dict[str, str]] = {}
    #: The table of what other libraries call the methods of a family (see :func:`read_libraries`).
    libraries: ClassVar[dict[str, dict[str, Any]]] = {}
    #: The torch expression that does the same; our fields stand in braces. Empty where torch has none.
    torch_code: ClassVar[str] = ""
    #: The same method elsewhere, and how the convention differs there.
    library_names: ClassVar[tuple[LibraryName, ...]] = ()

    def __init_subclass__(cls) -> None:
        for name, fact in cls.libraries.get(cls.__name__, {}).items():
            setattr(cls, name, fact)
