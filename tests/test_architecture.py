"""How the house is built: floors, sizes, words about every public name, and nothing that does not belong."""

import ast
import dataclasses
import importlib
import inspect
import io
import re
import statistics
import subprocess
import sys
import tokenize

import pytest

from tests.conftest import ROOT

FLOORS = {"core": 0, "formulas": 1, "training": 2, "recipes": 3, "figures": 3}  # two rooms under the roof
BODY_LINES, MEDIAN, MODULE_LINES = 30, 9, 400

PATHS = sorted((ROOT / "helpers").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("test_*.py")) + sorted((ROOT / "tests").rglob("*_table.py"))


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


SOURCES = {module_name(path): path.read_text(encoding="utf-8") for path in PATHS}
PACKAGES = {module_name(path) for path in PATHS if path.name == "__init__.py"}


def imports(name, nodes, modules=SOURCES, packages=PACKAGES):
    """Yield every module that these nodes of a module import, as far as possible by its own name."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            here = name.split(".") if name in packages else name.split(".")[:-1]
            base = here[: len(here) - node.level + 1] if node.level else []
            target = ".".join([*base, *filter(None, [node.module])])
            for alias in node.names:
                yield f"{target}.{alias.name}" if f"{target}.{alias.name}" in modules else target


def floor(name):
    """Return the height of a module's floor; the package itself lies under all of them."""
    parts = name.split(".")
    return FLOORS[parts[1]] if len(parts) > 1 else -1


def goes_down(name, other):
    """Return whether a module may import another: of its own room, or of a floor below."""
    return name.split(".")[:2] == other.split(".")[:2] or floor(other) < floor(name)


def circle(graph):
    """Return the modules of a circle of imports, or an empty list."""
    done = set()

    def walk(name, trail):
        if name in trail:
            return [*trail[trail.index(name) :], name]
        if name in done:
            return []
        done.add(name)
        return next(filter(None, (walk(n, [*trail, name]) for n in graph.get(name, ()))), [])

    return next(filter(None, (walk(name, []) for name in graph)), [])


TREES = {name: ast.parse(source) for name, source in SOURCES.items()}


@pytest.mark.parametrize("name", TREES)
def test_an_import_goes_down_only(name):
    found = [other for other in imports(name, ast.walk(TREES[name])) if other in SOURCES]
    assert [other for other in found if not goes_down(name, other)] == []


def test_imports_go_in_no_circle():
    # Nor does an import inside a function: what comes later is a circle too.
    graph = {
        name: {i for i in imports(name, ast.walk(tree)) if i in SOURCES and i != name}
        for name, tree in TREES.items()
    }
    assert circle(graph) == []


@pytest.mark.parametrize("name", TREES)
def test_helpers_know_no_lesson_and_no_test(name):
    strangers = {"lessons", "tests", "tools", "book"}
    assert [i for i in imports(name, ast.walk(TREES[name])) if i.split(".")[0] in strangers] == []


def test_a_circle_and_an_import_that_goes_up_are_found():
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []
    modules = {"helpers.core", "helpers.core.checks", "helpers.figures.plots"}
    packages = {"helpers.core"}
    source = "from . import checks\nfrom .checks import positive\ndef f():\n    import helpers.figures.plots"
    found = set(imports("helpers.core", ast.walk(ast.parse(source)), modules, packages))
    assert found == {"helpers.core.checks", "helpers.figures.plots"}
    figure, recipe, check = "helpers.figures.plots", "helpers.recipes.mnist", "helpers.core.checks"
    assert goes_down(figure, check) and goes_down(figure, "helpers.figures.display")
    assert not any(goes_down(*pair) for pair in ((check, figure), (figure, recipe), (recipe, figure)))


def test_formulas_are_imported_without_torch():
    names = [name for name in SOURCES if name.startswith("helpers.formulas")]
    code = f"import sys, importlib\nsys.modules['torch'] = None\nfor n in {names}: importlib.import_module(n)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


# How large it is

#: Code lines of helpers, Python and JavaScript, without docstrings, comments and blanks. On 2026-11-22 they
#: were 9,231 with the explorers of lessons 1 to 21, and 757 of the laboratory: what comes makes its own room.
CEILING, WITH_LABORATORY = 9_500, 10_000
LABORATORY = ("laboratory.py", "laboratory.js", "engine.js", "worker.js")
QUIET = (
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
)


def code_lines(text, ending):
    """Return the number of lines that are code."""
    if ending == ".js":
        return sum(bool(line.strip()) and not line.strip().startswith("//") for line in text.splitlines())
    words = {
        line
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Expr) and isinstance(getattr(node.value, "value", None), str)
        for line in range(node.lineno, node.end_lineno + 1)
    }
    tokens = [t for t in tokenize.generate_tokens(io.StringIO(text).readline) if t.type not in QUIET]
    return len({line for t in tokens for line in range(t.start[0], t.end[0] + 1)} - words)


def test_the_helpers_stay_compact():
    files = [path for path in (ROOT / "helpers").rglob("*") if path.suffix in (".py", ".js")]
    lines = {path: code_lines(path.read_text(encoding="utf-8"), path.suffix) for path in files}
    assert sum(n for path, n in lines.items() if path.name not in LABORATORY) <= CEILING
    assert sum(lines.values()) <= WITH_LABORATORY


def test_only_code_is_counted():
    python = '"""Words."""\n\n# More.\ndef f():\n    """Say."""\n    return (\n        1  # one\n    )\n'
    assert code_lines(python, ".py") == 4
    assert code_lines("// Words.\n\nconst a = 1;\n", ".js") == 1


# What each module says and does not say


def public(tree):
    """Yield the public functions and classes of a module, and the public methods of the latter."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node, node.name
            inner = node.body if isinstance(node, ast.ClassDef) else []
            methods = [n for n in inner if isinstance(n, ast.FunctionDef) and not n.name.startswith("_")]
            yield from ((n, f"{node.name}.{n.name}") for n in methods)


def undocumented(tree):
    """Return the public names that lack a first sentence, or a word on more than three parameters.

    A method may be described once, where a base class declares it.
    """
    faults = []
    for node, name in public(tree):
        text = ast.get_docstring(node) or ""
        if not text and "." in name:
            continue
        if not re.match(r"[^\n]+(\n[^\n]+)?[.:](\s|$)", text):
            faults.append(f"{name}: no first sentence")
        function = isinstance(node, ast.FunctionDef) and "." not in name
        if function and len(node.args.args + node.args.kwonlyargs) > 3 and "Parameters\n---" not in text:
            faults.append(f"{name}: parameters")
    return faults


def bodies(tree):
    """Yield every function with the number of lines of its body, docstring aside."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            yield node.name, body[-1].end_lineno - body[0].lineno + 1 if body else 0


def foreign(tree):
    """Return what library code does not do: import everything, print, assert."""
    faults = {
        "star": lambda n: isinstance(n, ast.ImportFrom) and n.names[0].name == "*",
        "print": lambda n: isinstance(n, ast.Call) and getattr(n.func, "id", "") == "print",
        "assert": lambda n: isinstance(n, ast.Assert),
    }
    return [fault for fault, is_it in faults.items() if any(map(is_it, ast.walk(tree)))]


@pytest.mark.parametrize("name", TREES)
def test_every_public_name_is_documented(name):
    assert ast.get_docstring(TREES[name])
    assert undocumented(TREES[name]) == []


def named(tree):
    """Yield the objects of helpers that code names: imported, an attribute, an entry of a table of them."""
    bound = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "helpers":
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                own = getattr(importlib.import_module(node.module), alias.name, None)
                bound[alias.asname or alias.name] = (
                    importlib.import_module(whole) if whole in SOURCES else own
                )

    def value(node):
        if isinstance(node, ast.Attribute):
            return getattr(value(node.value), node.attr, None)
        return bound.get(node.id) if isinstance(node, ast.Name) else None

    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name):
            thing = value(node)
            for one in (thing, *entries(thing)):
                yield from one.__mro__ if isinstance(one, type) else (one, type(one))


def entries(thing):
    """Return what a table holds, or the fields of a dataclass instance."""
    if dataclasses.is_dataclass(thing) and not isinstance(thing, type):
        return [*vars(thing).values(), *map(type, vars(thing).values())]
    return thing.values() if isinstance(thing, dict) else thing if isinstance(thing, tuple | list) else ()


def makers(tree, name):
    """Yield the functions that make the fields of a class: they are tested with it."""
    module = importlib.import_module(name)
    for owner in ast.walk(tree):
        for node in owner.body if isinstance(owner, ast.ClassDef) else ():
            if isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Call):
                *path, maker = ast.unparse(node.value.func).split(".")
                yield getattr(getattr(module, *path) if path else module, maker, None)


@pytest.fixture(scope="module")
def tested():
    """Return the identities of what any test names, and of what makes the fields of classes."""
    things = [thing for path in TESTS for thing in named(ast.parse(path.read_text(encoding="utf-8")))]
    things += [maker for name, tree in TREES.items() for maker in makers(tree, name)]
    return set(map(id, things))


def has_example(thing):
    """Return whether the text of a name runs it."""
    return bool(re.search(rf">>> .*\b{thing.__name__}\b", inspect.getdoc(thing) or ""))


@pytest.mark.parametrize("name", TREES)
def test_every_public_name_is_tested(name, tested):
    module = importlib.import_module(name)
    labels = [label for _, label in public(TREES[name]) if label in getattr(module, "__all__", ())]
    things = [getattr(module, label) for label in labels]
    assert [t.__name__ for t in things if id(t) not in tested and not has_example(t)] == []


def test_a_word_in_a_test_is_no_test_of_a_name():
    checks = importlib.import_module("helpers.core.checks")
    things = list(named(ast.parse("from helpers.core import checks\nindex = shape = checks.count")))
    assert checks.count in things and checks.index not in things


@pytest.mark.parametrize("name", TREES)
def test_functions_are_short_and_modules_are_one_thing(name):
    assert [f"{f}: {lines} lines" for f, lines in bodies(TREES[name]) if lines > BODY_LINES] == []
    assert SOURCES[name].count("\n") <= MODULE_LINES, "past that, it is two things"
    assert name.split(".")[-1] not in ("utils", "util", "misc", "common")


def test_functions_are_short_as_a_rule():
    assert statistics.median(lines for tree in TREES.values() for _, lines in bodies(tree)) <= MEDIAN


@pytest.mark.parametrize("name", TREES)
def test_no_print_no_star_no_assert(name):
    assert foreign(TREES[name]) == []


def test_each_rule_finds_what_breaks_it():
    tree = ast.parse(
        inspect.cleandoc(
            '''
            from os import *
            def bare(x): print(x)
            def unsaid(w, x, y, *, z):
                """Say nothing of them."""
                assert x
            class Shown:
                def method(self): pass
                def said(self, words):
                    """Say"""
            '''
        )
    )
    assert foreign(tree) == ["star", "print", "assert"]
    assert undocumented(tree) == [
        "bare: no first sentence",
        "unsaid: parameters",
        "Shown: no first sentence",
        "Shown.said: no first sentence",
    ]
    assert dict(bodies(tree)) == {"bare": 1, "unsaid": 1, "method": 1, "said": 0}
