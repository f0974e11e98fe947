"""The directive ``api``: a page on modules of the helpers, written by their docstrings and their methods.

A method's entry has what no docstring repeats: its equation, its hyperparameters, its names in other
libraries and the lesson that derives it, all read from the class (see ``methods.py``).
"""

from __future__ import annotations

import importlib
import inspect
import itertools
import re
from typing import Any, ClassVar

import methods
import restructured as rst
from docutils.parsers.rst import directives
from public import Entry, entries, modules
from sphinx.ext import napoleon
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.docutils import SphinxDirective

from helpers.formulas.surfaces import Surface

CITED = re.compile(r"\[(\d+)\]_")
LESSON = re.compile(r"\b([Ll]esson (\d+))\b")
REFERENCE = re.compile(r"^\.\. \[(\d+)\] ", re.M)
ROLE = re.compile(r":(?:class|func|meth|mod|attr|data|exc|obj):`~?(?:[\w.]*\.)?(\w+)`")
SECTION = re.compile(r"^\w[\w ]*\n---", re.M)


# What stands on a page


class Api(SphinxDirective):
    """Everything public of the modules named, with a table of it before the rest."""

    required_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar = {"first": directives.unchanged}

    def run(self) -> list:
        roots = self.arguments[0].split()
        homes = contents(roots, self.options.get("first", "").split())
        lone = roots[0] if len(roots) == 1 else ""
        intro = [*module(lone), *rst.directive("py:currentmodule", lone)] if lone else []
        sections = [line for home, things in homes.items() for line in section(home, things, lone)]
        return rst.parse(self, [*intro, *summary(homes), *sections])


def contents(roots: list[str], first: list[str] = ()) -> dict[str, list[Entry]]:
    """Return the public things of modules by the module that defines them, without modules that have none.

    The modules named in `first` come first, behind them those of which a package offers something.
    """
    order = [*(roots if len(roots) == 1 else ()), *first]
    places = {name: i for i, name in enumerate(order)}
    homes = [m.__name__ for root in roots for m in modules(root)]
    things = {home: [entry for entry in entries() if entry.home == home] for home in homes}

    def rank(home: str) -> tuple[int, bool]:
        is_offered = any(entry.path != f"{home}.{entry.name}" for entry in things[home])
        return places.get(home, places.get(_short(home), len(order))), not is_offered

    return {home: sorted(things[home], key=_rank) for home in sorted(homes, key=rank) if things[home]}


def _rank(entry: Entry) -> tuple[int, int]:
    """Return the place of a thing: methods as in their module's table, then the others as in the source."""
    table = getattr(importlib.import_module(entry.path.rpartition(".")[0]), "METHODS", ())
    source = ModuleAnalyzer.for_module(entry.home)
    source.analyze()
    in_source = source.tagorder.get(entry.name, len(source.tagorder))
    return table.index(entry.thing) if entry.thing in table else len(table), in_source


def section(home: str, things: list[Entry], root: str) -> list[str]:
    """Return a module's part of a page; that of the page's root has its heading already."""
    head = [*rst.heading(title(home, root)), *module(home)] if home != root else []
    return [*head, *(line for entry in things for line in documented(entry))]


def title(home: str, root: str) -> str:
    """Return the heading of a module on the page of a package, or on a page of several modules.

    >>> title("helpers.figures.explorers.kit", "helpers.figures"), title("helpers.formulas.line_search", "")
    ('Explorers: kit', 'Line search')
    """
    name = home.removeprefix(f"{root}.") if root else _short(home)
    return name.replace(".", ": ").replace("_", " ").capitalize()


def module(name: str) -> list[str]:
    """Return the lines that show a module's docstring."""
    return rst.directive("automodule", name)


def documented(entry: Entry) -> list[str]:
    """Return the lines of a thing's entry."""
    thing = entry.thing
    if not _ours(thing):
        return rst.directive("py:data", entry.name, [sentence(entry)], module=entry.path.rpartition(".")[0])
    if _data(thing):
        return rst.directive("autodata", entry.path, no_value="")
    if inspect.isroutine(thing):
        return rst.directive("autofunction", entry.path)
    kind = "autoexception" if issubclass(thing, BaseException) else "autoclass"
    bases = {"show_inheritance": ""} if any(map(_is_public, thing.__bases__)) else {}
    return rst.directive(kind, entry.path, members="", **bases)


def summary(homes: dict[str, list[Entry]]) -> list[str]:
    """Return the table of a page: each name with one line, constants last."""
    things = sorted(itertools.chain(*homes.values()), key=lambda entry: _data(entry.thing))
    rows = [[f":py:obj:`~{entry.path}`", sentence(entry)] for entry in things]
    return rst.table(["name", "what it is"], rows, "api-summary")


def sentence(entry: Entry) -> str:
    """Return one line on a public thing: of its docstring, or of the comment before a constant."""
    if not _ours(entry.thing):
        return f"``{entry.thing.__name__}`` of ``{entry.thing.__module__.partition('.')[0]}``."
    comments = ModuleAnalyzer.for_module(entry.home).find_attr_docs() if _data(entry.thing) else {}
    text = "\n".join(comments.get(("", entry.name), [])) or inspect.getdoc(entry.thing) or ""
    paragraph = " ".join(text.partition("\n\n")[0].split())
    return ROLE.sub(r"``\1``", CITED.sub(r"[\1]", re.split(r"(?<=[^.]\.) (?=[A-Z])", paragraph)[0]))


def _data(thing: Any) -> bool:
    return not (inspect.isclass(thing) or inspect.isroutine(thing))


def _ours(thing: Any) -> bool:
    return _data(thing) or thing.__module__.startswith("helpers.")


def _short(home: str) -> str:
    return home.rpartition(".")[2]


# What stands in an entry


#: How sections become markup: parameters as a list, whose types are words and lead nowhere.
STYLE = napoleon.Config(
    napoleon_use_param=False,
    napoleon_use_rtype=False,
    napoleon_custom_sections=[("Attributes", "params_style")],
)


def complete(app, what, name, thing, options, lines) -> None:
    """Give a docstring what it does not say, and turn its sections into markup.

    napoleon as an extension would take the words before a colon for the type of an attribute.
    """
    text = mended("\n".join(lines))
    text = enriched(text, thing) if methods.is_method(thing) else text
    lines[:] = napoleon.NumpyDocstring(text, STYLE).lines()


def mended(text: str) -> str:
    """Return a docstring whose references are a plain list: as footnotes, two on one page would clash.

    A name that begins with a letter and a dot is no list inside the list. Lessons become links.
    """
    return LESSON.sub(r":lesson:`\1 <\2>`", CITED.sub(r"[\1]", REFERENCE.sub(r"\1. \\ ", text)))


def enriched(text: str, kind: type) -> str:
    """Return a method's docstring with its equations, its hyperparameters, its names elsewhere."""
    cut = SECTION.search(text)
    head, sections = (text[: cut.start()], text[cut.start() :]) if cut else (text, "")
    first, _, rest = head.partition("\n\n")
    words = kind.words[0].upper() + kind.words[1:]
    does = "used first" if issubclass(kind, Surface) else "derived"
    lesson = f"{words}: {does} in :lesson:`{kind.lesson}`."
    formulas = methods.equations(kind)
    equations = rst.equation(*formulas) if formulas else [""]
    own = ["", lesson, *equations, rest, *methods.parameters(kind)]
    return "\n".join([first, *own, sections, *methods.elsewhere(kind)])


def only_ours(app, name, thing, options, bases) -> None:
    """Name no base classes but the public ones of the book."""
    bases[:] = filter(_is_public, bases)


def _is_public(base: type) -> bool:
    return base.__module__.startswith("helpers") and not base.__name__.startswith("_")


def setup(app):
    """Add the directive and what it needs (Sphinx calls this)."""
    app.setup_extension("sphinx.ext.autodoc")
    app.add_directive("api", Api)
    app.connect("autodoc-process-docstring", complete)
    app.connect("autodoc-process-bases", only_ours)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
