"""The directives ``symbols`` and ``clashes``: the notation, read from the fields that carry it."""

from __future__ import annotations

import dataclasses
import pathlib
import re
from collections import defaultdict

import restructured as rst
from methods import allowed
from public import entries
from sphinx.util.docutils import SphinxDirective

from helpers.core.hyperparameters import Hyperparameter, hyperparameters

PAGE = pathlib.Path(__file__).parents[1] / "notation.md"
LETTER = re.compile(r"^\| \$(?P<symbol>[^$]+)\$ \| (?P<words>[^|]+) \|", re.M)


def methods() -> dict[type, str]:
    """Return every class that has hyperparameters, and the name under which readers find it."""
    kinds = {entry.thing: entry.path for entry in entries() if dataclasses.is_dataclass(entry.thing)}
    return {kind: path for kind, path in kinds.items() if hyperparameters(kind)}


def family(kind: type) -> str:
    """Return the module of the formulas to which a method belongs, such as ``"schedules"``."""
    return kind.__module__.split(".")[2]


def meanings() -> dict[tuple[str, str], dict[type, Hyperparameter]]:
    """Return symbol and words of all fields, and the methods in which they are used."""
    users = defaultdict(dict)
    for kind in methods():
        for field in hyperparameters(kind).values():
            users[field.symbol, field.words][kind] = field
    return dict(sorted(users.items(), key=lambda item: sort_key(item[0][0])))


def sort_key(symbol: str) -> tuple[str, str]:
    """Sort Greek letters by their names among the Latin ones, small before capital ones."""
    plain = re.sub(r"[\\{}]|text", "", symbol)
    return plain.lower(), plain.swapcase()


def letters() -> list[tuple[str, str]]:
    """Return the letters that are no fields and their meanings, from the table on the page."""
    return [(row["symbol"], row["words"]) for row in LETTER.finditer(PAGE.read_text(encoding="utf-8"))]


def clashes() -> dict[str, dict[str, set[str]]]:
    """Return the symbols with several meanings, and for each meaning the families that use it so."""
    uses = defaultdict(lambda: defaultdict(set))
    for symbol, words in letters():
        uses[symbol][words].add("everywhere")
    for (symbol, words), kinds in meanings().items():
        uses[symbol][words] |= {family(kind) for kind in kinds}
    several = {symbol: dict(own) for symbol, own in uses.items() if len(own) > 1}
    return dict(sorted(several.items(), key=lambda item: sort_key(item[0])))


class Symbols(SphinxDirective):
    """A table for each family of methods."""

    def run(self) -> list:
        rows, paths = defaultdict(list), methods()
        for (symbol, words), kinds in meanings().items():
            for name in sorted({family(kind) for kind in kinds}):
                users = {kind: field for kind, field in kinds.items() if family(kind) == name}
                field = next(iter(users.values()))
                where = ", ".join(f":py:class:`~{paths[kind]}`" for kind in users)
                rows[name].append([f":math:`{symbol}`", words, field.unit or "—", allowed(field), where])
        lines = []
        for name in sorted(rows):
            header = ["symbol", "meaning", "unit", "allowed", "used in"]
            lines += [*rst.heading(name.capitalize()), *rst.table(header, rows[name], "api-facts")]
        return rst.parse(self, lines)


class Clashes(SphinxDirective):
    """The symbols that mean one thing here and another there."""

    def run(self) -> list:
        rows = []
        for symbol, uses in clashes().items():
            texts = [f"{words} ({', '.join(sorted(families))})" for words, families in uses.items()]
            rows.append([f":math:`{symbol}`", "; ".join(texts)])
        return rst.parse(self, rst.table(["symbol", "meanings"], rows, "api-facts"))


def setup(app):
    """Add the directives (Sphinx calls this)."""
    app.add_directive("symbols", Symbols)
    app.add_directive("clashes", Clashes)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
