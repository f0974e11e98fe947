"""reStructuredText in lines: what the generated pages are made of."""

from __future__ import annotations

import pathlib
from collections.abc import Iterable

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

import helpers

HELPERS = pathlib.Path(helpers.__file__).parent


def indented(lines: Iterable[str], by: int = 3) -> list[str]:
    """Return lines that belong to what stands above them."""
    return [" " * by + line if line else "" for line in lines]


def directive(name: str, argument: str = "", body: Iterable[str] = (), **options: str) -> list[str]:
    """Return a directive between blank lines; an option ``no_value=""`` is a flag."""
    flags = [f":{key.replace('_', '-')}: {value}".rstrip() for key, value in options.items()]
    return ["", f".. {name}:: {argument}".rstrip(), *indented([*flags, "", *body]), ""]


def heading(title: str) -> list[str]:
    """Return the heading of a section."""
    return ["", title, "-" * len(title), ""]


def equation(*lines: str) -> list[str]:
    """Return a displayed formula; several lines stand under each other, aligned where they have an ``&``."""
    stacked = [r"\begin{aligned}", *(rf"{line} \\" for line in lines), r"\end{aligned}"]
    return directive("math", "", stacked if len(lines) > 1 else lines)


def table(header: Iterable[str], rows: Iterable[Iterable[str]], kind: str) -> list[str]:
    """Return a table of a class of styles; cells are markup on one line."""
    cells = [line for row in (header, *rows) for line in _row(row)]
    return directive("list-table", "", cells, header_rows="1", **{"class": kind})


def _row(cells: Iterable[str]) -> list[str]:
    return [f"{'* -' if i == 0 else '  -'} {cell}".rstrip() for i, cell in enumerate(cells)]


def parse(made_by: SphinxDirective, lines: list[str]) -> list[nodes.Node]:
    """Return what lines stand for; their headings are below that in which the directive stands.

    The page is read again when a module of the helpers, or one beside this, changes.
    """
    for source in (*HELPERS.rglob("*.py"), *pathlib.Path(__file__).parent.glob("*.py")):
        made_by.env.note_dependency(str(source))
    parsed = made_by.parse_text_to_nodes("\n".join(lines), allow_section_headings=True)
    for section in nodes.Element("", *parsed).findall(nodes.section):
        section["names"].clear()  # else it is a label of the whole book, which only one page can have
    return parsed
