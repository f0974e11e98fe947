"""The directive ``api``: a page on modules of the helpers, written by their docstrings and their methods.

A method's entry has what no docstring repeats: its equation, its hyperparameters, its names in other
libraries and the lesson that derives it, all read from the class (see ``methods.py``).
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from typing import Any, ClassVar

import methods
import restructured as rst
from docutils.parsers.rst import directives
from public import Entry, entries, modules
from sphinx.ext import napoleon
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import make_refnode

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
        intro = [*module(lone), *_current(lone)] if lone else []
        sections = [line for home, found in homes.items() for line in section(home, found, lone)]
        return rst.parse(self, [*intro, *summary(homes), *sections])


def contents(roots: list[str], first: list[str] = ()) -> dict[str, list[Entry]]:
    """Return the public things of modules by the module that defines them, without modules that have none.

    The modules named in `first` come first, behind them those of which a package offers something.
    """
    order = [*(roots if len(roots) == 1 else ()), *first]
    places = {name: i for i, name in enumerate(order)}
    homes = [m.__name__ for root in roots for m in modules(root)]
    found = {home: [entry for entry in entries() if entry.home == home] for home in homes}

    def rank(home: str) -> tuple[int, bool]:
        offered = any(entry.path != f"{home}.{entry.name}" for entry in found[home])
        return places.get(home, places.get(_short(home), len(order))), not offered

    return {home: sorted(found[home], key=_rank) for home in sorted(homes, key=rank) if found[home]}


def _rank(entry: Entry) -> tuple[int, int]:
    """Return the place of a thing: methods as in their module's table, then the others as in the source."""
    table = getattr(importlib.import_module(entry.path.rpartition(".")[0]), "METHODS", ())
    source = ModuleAnalyzer.for_module(entry.home)
    source.analyze()
    in_source = source.tagorder.get(entry.name, len(source.tagorder))
    return table.index(entry.thing) if entry.thing in table else len(table), in_source


def section(home: str, found: list[Entry], root: str) -> list[str]:
    """Return a module's part of a page; that of the page's root has its heading already."""
    head = [*rst.heading(title(home, root)), *module(home)] if home != root else []
    return [*head, *(line for entry in found for line in documented(entry))]


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
        return rst.directive("py:data", entry.name, [about(entry)], module=entry.path.rpartition(".")[0])
    if _data(thing):
        return rst.directive("autodata", entry.path, no_value="")
    if inspect.isroutine(thing):
        return rst.directive("autofunction", entry.path)
    kind = "autoexception" if issubclass(thing, BaseException) else "autoclass"
    based = any(map(_is_told, thing.__bases__))
    return rst.directive(kind, entry.path, members="", **{"show_inheritance": ""} if based else {})


def summary(homes: dict[str, list[Entry]]) -> list[str]:
    """Return the table of a page: each name with one line, constants last."""
    listed = [entry for found in homes.values() for entry in found]
    listed.sort(key=lambda entry: _data(entry.thing))
    rows = [[f":py:obj:`~{entry.path}`", about(entry)] for entry in listed]
    return rst.table(["name", "what it is"], rows, "api-summary")


def about(entry: Entry) -> str:
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


def _current(name: str) -> list[str]:
    return rst.directive("py:currentmodule", name)


# What stands in an entry


#: How sections become markup: parameters as a list, whose types are words and lead nowhere.
STYLE = napoleon.Config(
    napoleon_use_param=False,
    napoleon_use_rtype=False,
    napoleon_custom_sections=[("Attributes", "params_style")],
)


def complete(app, what, name, thing, options, lines) -> None:
    """Give a docstring what it does not say, and turn its sections into markup."""
    text = mended("\n".join(lines))
    if what == "class" and methods.is_method(thing):
        text = enriched(text, thing)
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
    sentence, _, rest = head.partition("\n\n")
    words = kind.words[0].upper() + kind.words[1:]
    does = "used first" if issubclass(kind, Surface) else "derived"
    lesson = f"{words}: {does} in :lesson:`{kind.lesson}`."
    formulas = methods.equations(kind)
    shown = rst.equation(*formulas) if formulas else [""]
    own = ["", lesson, *shown, rest, *methods.parameters(kind)]
    return "\n".join([sentence, *own, sections, *methods.elsewhere(kind)])


def only_ours(app, name, thing, options, bases) -> None:
    """Name no base classes but the public ones of the book."""
    bases[:] = filter(_is_told, bases)


def _is_told(base: type) -> bool:
    return base.__module__.startswith("helpers") and not base.__name__.startswith("_")


# Where a name leads


def resolve(app, env, node, shown):
    """Follow a name in a docstring to a thing that is documented elsewhere, or in a base class.

    A name that exists and is not public stays text; one that does not exist remains unresolved.
    """
    if node.get("refdomain") != "py":
        return None
    target, domain = node["reftarget"], env.get_domain("py")
    for path in candidates(target, node.get("py:module"), node.get("py:class")):
        if path in domain.objects:
            found = domain.objects[path]
            return make_refnode(app.builder, node["refdoc"], found.docname, found.node_id, shown, path)
    return shown if hasattr(sys.modules.get(node.get("py:module")), target) else None


def candidates(target: str, module: str | None, kind: str | None) -> Iterator[str]:
    """Yield the full names that a name may stand for: a member of a base class, or anything of that name."""
    first, dot, rest = target.partition(".")
    for base in getattr(getattr(sys.modules.get(module), kind or "", None), "__mro__", ()):
        yield from (f"{entry.path}.{target}" for entry in entries() if entry.thing is base)
    full = {f"{entry.home}.{entry.name}": entry.path for entry in entries()}
    if target in full:
        yield full[target]
    same = [entry.path for entry in entries() if entry.name == first]
    if len(same) == 1:
        yield same[0] + dot + rest


def setup(app):
    """Add the directive and what it needs (Sphinx calls this)."""
    app.setup_extension("sphinx.ext.autodoc")
    app.add_directive("api", Api)
    app.connect("autodoc-process-docstring", complete)
    app.connect("autodoc-process-bases", only_ours)
    app.connect("missing-reference", resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
