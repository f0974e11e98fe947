"""The notation and the pages on the helpers: whole, in step with the code, and leading where they say."""

import dataclasses
import doctest
import inspect
import re
import types

import checks as folded_checks
import lesson_map
import methods
import notation
import public
import pytest
import reference
import yaml
from sphinx.util.inventory import InventoryFile

from helpers.core import checks
from helpers.core.hyperparameters import hyperparameter, hyperparameters
from helpers.formulas import regularizers, rules, schedules, surfaces
from tests.conftest import ROOT

PAGES = {path.stem: path.read_text("utf-8") for path in sorted((ROOT / "book" / "api").glob("*.md"))}
ROOTS = {name: re.findall(r"^\.\. api:: (.+)$", text, re.M) for name, text in PAGES.items()}
METHODS = [entry.thing for entry in public.entries() if methods.is_method(entry.thing)]
WITHOUT_EQUATION = {schedules.ReduceOnPlateau}  # it looks at a metric: a state, not a formula of the step


def documents(tree):
    """Yield every document of the table of contents."""
    if isinstance(tree, list):
        for branch in tree:
            yield from documents(branch)
    elif isinstance(tree, dict):
        yield from (tree[key] for key in ("file", "root") if key in tree)
        yield from documents(list(tree.values()))


TOC = set(documents(yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))))


# Everything is there


def listed():
    """Return the full names of everything that the pages show."""
    pages = (reference.contents(roots.split()) for found in ROOTS.values() for roots in found)
    return [entry.path for page in pages for found in page.values() for entry in found]


def test_every_public_thing_is_on_one_page():
    assert sorted(listed()) == sorted(entry.path for entry in public.entries())


def test_methods_stand_in_the_order_of_the_book_and_others_in_that_of_the_source():
    page = reference.contents(["helpers.formulas.surfaces"])["helpers.formulas.surfaces"]
    assert tuple(entry.thing for entry in page[: len(surfaces.METHODS)]) == surfaces.METHODS
    page = reference.contents(["helpers.training"])["helpers.training.loop"]
    assert [entry.name for entry in page][:3] == ["fit", "set_rate", "evaluate"]


def test_what_a_package_offers_comes_before_what_is_inside_it():
    homes = list(reference.contents(["helpers.figures"], ["plots"]))
    assert homes[0] == "helpers.figures.plots"
    places = [homes.index(f"helpers.figures.explorers.{name}") for name in ("kit", "schedules", "facts")]
    assert places == sorted(places)


def test_every_public_name_leads_to_an_entry():
    known = {(entry.home, entry.name) for entry in public.entries()}
    missing = [
        f"{module.__name__}.{name}"
        for module in public.modules("helpers")
        for name in getattr(module, "__all__", ())
        if (public.definer(module, getattr(module, name)), name) not in known
    ]
    assert missing == []


def test_every_page_is_in_the_table_of_contents_and_on_the_overview():
    assert {f"book/api/{name}" for name in PAGES} <= TOC
    linked = set(re.findall(r"\]\(([\w-]+)\.md\)", PAGES["helpers"]))
    assert linked == set(PAGES) - {"helpers"}


def test_every_module_orders_what_exists():
    """A name in ``:first:`` is that of a module."""
    for name, text in PAGES.items():
        for root, first in re.findall(r"^\.\. api:: (.+)\n +:first: (.+)$", text, re.M):
            inside = {module.__name__.rpartition(".")[2] for module in public.modules(root)}
            assert set(first.split()) <= inside, name


@pytest.mark.pages
def test_the_built_pages_have_every_public_name(book):
    with (book / "objects.inv").open("rb") as stream:
        inventory = InventoryFile.load(stream, "", lambda base, uri: uri)
    entries = [entry for kind in inventory if kind.startswith("py:") for entry in inventory[kind].items()]
    names = {name: uri for name, (*_, uri, _) in entries}
    assert [entry.path for entry in public.entries() if entry.path not in names] == []
    assert {uri.partition("#")[0] for uri in names.values()} <= {f"book/api/{name}.html" for name in PAGES}


# What a method says of itself


@pytest.mark.parametrize("kind", METHODS, ids=lambda kind: kind.__name__)
def test_a_method_has_its_equation_its_parameters_and_its_lesson(kind):
    formulas = methods.equations(kind)
    assert bool(formulas) == (kind not in WITHOUT_EQUATION)
    assert all(re.search(r"(?<!\\)=", formula) for formula in formulas)
    text = reference.enriched(inspect.getdoc(kind), kind)
    assert all(
        f"``{name}`` :math:`{a.symbol}`" in re.sub(r"\n +- ", " ", text)
        for name, a in hyperparameters(kind).items()
    )
    assert kind.lesson in lesson_map.lessons()
    assert all(formula in text for formula in formulas)
    assert all(f"``{name.name}``" in text for name in kind.library_names)


def test_equations_have_the_left_sides_of_their_families():
    assert methods.equations(schedules.StepDecay) == [
        r"\eta_t = \eta_0 \gamma^{\left\lfloor{\frac{t}{s}}\right\rfloor}"
    ]
    assert methods.equations(rules.Momentum) == [
        r"v_t &= \mu v_{t-1} + g_t",
        r"\theta_t &= \theta_{t-1} - \eta_t v_t",
    ]
    assert methods.equations(regularizers.L2) == [
        r"R\left(w\right) &= \lambda w^{2}",
        r"\frac{\partial}{\partial w} R\left(w\right) &= 2 \lambda w",
        r"\operatorname{prox}_{\eta R}\left(w\right) &= \frac{w}{1 + 2 \eta \lambda}",
    ]
    assert methods.equations(surfaces.Rosenbrock)[0].startswith(r"f\left(x, y\right) = ")


def test_what_is_made_of_others_shows_them_as_letters():
    assert r"f\left(t - w\right)" in methods.equations(schedules.Warmup)[0]
    assert r"f_2\left(t - m_{1}\right)" in methods.equations(schedules.Joined)[0]
    assert methods.equations(schedules.Lambda) == [r"\eta_t = \eta_0 f\left(t\right)"]
    assert r"g_t + \lambda \theta_{t-1}" in methods.equations(rules.WithL2)[0]


def test_the_torch_line_is_that_of_an_example():
    made, code = methods.torch_line(schedules.StepDecay)
    assert made == "StepDecay(peak_lr=0.1, step_size=300, gamma=0.1)"
    assert code == "StepLR(optimizer, step_size=300, gamma=0.1)"
    assert methods.torch_line(schedules.Lambda) == ("Lambda(lr=0.1, function=f)", "LambdaLR(optimizer, f)")
    assert methods.torch_line(rules.LookAheadNesterov)[1] == ""
    assert methods.torch_line(regularizers.L2) == ("", "")


def test_what_is_allowed_is_said_in_the_words_of_the_check():
    words = {
        checks.fraction: "in [0, 1)",
        checks.count: "a whole number, positive",
        checks.Each(checks.positive): "each positive",
        checks.increasing: "each a whole number, positive; increasing",
    }
    examples = {checks.fraction: 0.5, checks.count: 1}
    for check, text in words.items():
        field = hyperparameter("x", "anything", check, low=0, high=1, example=examples.get(check, (1,)))
        assert methods.allowed(field.metadata["hyperparameter"]) == text


# Docstrings become pages


def test_references_are_lists_and_lessons_are_linked():
    text = (
        "As in [1]_; lesson 8 derives it.\n\nReferences\n----------\n.. [1] A. Author, 1970.\n.. [2] B, 1971."
    )
    assert reference.mended(text) == (
        "As in [1]; :lesson:`lesson 8 <8>` derives it.\n\nReferences\n----------\n"
        "1. \\ A. Author, 1970.\n2. \\ B, 1971."
    )


def test_the_line_of_a_thing_is_its_first_sentence():
    lines = {entry.path: reference.sentence(entry) for entry in public.entries()}
    wrappers = "Every rule that changes what another one is given or gives."
    assert lines["helpers.formulas.rules.WRAPPERS"] == wrappers
    assert lines["helpers.core.symbols.ceil"] == "``ceiling`` of ``sympy``."
    assert [path for path, line in lines.items() if len(line) < 5] == []


@pytest.mark.parametrize("module", [folded_checks, lesson_map, reference], ids=lambda module: module.__name__)
def test_examples_of_the_extensions_hold(module):
    failed, tried = doctest.testmod(module)
    assert (failed, tried > 0) == (0, True)


# Lessons


def test_the_map_has_all_lessons():
    lessons = lesson_map.lessons()
    assert list(lessons) == list(range(1, 27))
    assert all(lesson.title for lesson in lessons.values())
    assert lessons[17].title == "Why lower the rate"


def test_a_written_lesson_is_in_the_contents_and_a_link_on_the_map():
    # The other way round, a link to a lesson that is not there, is an error of the build.
    written = {
        p.relative_to(ROOT).with_suffix("").as_posix() for p in (ROOT / "lessons").glob("part*/*.ipynb")
    }
    assert written <= TOC
    assert written <= {lesson.document for lesson in lesson_map.lessons().values()}


def test_every_lesson_named_in_a_docstring_or_on_a_page_has_a_title():
    sources = [*(ROOT / "helpers").rglob("*.py"), *(ROOT / "book").rglob("*.md")]
    texts = [path.read_text("utf-8") for path in sources]
    numbers = {int(n) for text in texts for n in re.findall(r"(?:\b[Ll]esson |\{lesson\}`)(\d+)", text)}
    assert numbers <= set(lesson_map.lessons())
    assert 17 in numbers


def role(text, *documents):
    """Return what the role makes of a text in a book with these documents."""
    env = types.SimpleNamespace(found_docs=documents, docname="book/api/rules", note_dependency=str)
    errors = types.SimpleNamespace(error=lambda message, line: message)
    document = types.SimpleNamespace(settings=types.SimpleNamespace(env=env))
    inliner = types.SimpleNamespace(document=document, reporter=errors)
    return lesson_map.LessonRole()("lesson", f":lesson:`{text}`", text, 1, inliner)


def test_a_lesson_is_a_link_once_it_is_in_the_contents(monkeypatch):
    [plan], _ = role("9")
    assert plan.astext() == "lesson 9, Weight decay is not L2 under Adam (planned)"
    assert "reftarget" not in plan
    assert role("Lesson 9 <9>")[0][0].astext() == "Lesson 9"
    monkeypatch.setattr(lesson_map, "lessons", lambda: {17: lesson_map.Lesson("Why", "lessons/a/17-why")})
    for text, words in (("17", "lesson 17, Why"), ("Lesson 17 <17>", "Lesson 17")):
        [link], _ = role(text, "lessons/a/17-why")
        assert (link.astext(), link["reftarget"]) == (words, "/lessons/a/17-why")


@pytest.mark.parametrize("number", ["27", "0", "why"])
def test_a_lesson_that_is_not_on_the_map_is_an_error(number):
    assert role(number) == ([], [f"no lesson {number} in the map of book/intro.md"])


# Notation


def test_no_two_symbols_of_one_method_are_the_same():
    for kind in METHODS:
        made = methods.sample(kind, methods.IN_EQUATION)
        known = hyperparameters(kind).items()
        inside = [f for f in dataclasses.fields(kind) if dataclasses.is_dataclass(getattr(made, f.name))]
        symbols = [about.symbol for _, about in known]
        symbols += [about.symbol for f in inside for about in hyperparameters(getattr(made, f.name)).values()]
        symbols += [*kind.argument_symbols.values(), *getattr(made, "state_symbols", {}).values()]
        assert len(symbols) == len(set(symbols)), kind.__name__


def test_every_letter_of_a_formula_is_explained():
    explained = {symbol for symbol, _ in [*notation.letters(), *notation.meanings()]}
    for kind in METHODS:
        made = methods.sample(kind, methods.IN_EQUATION)
        wanted = set(kind.argument_symbols.values())
        wanted |= {f"{symbol}_t" for symbol in getattr(made, "state_symbols", {}).values() if symbol != "t"}
        assert wanted <= explained, kind.__name__


def test_every_field_is_in_the_notation():
    found = {(kind, about.symbol) for users in notation.meanings().values() for kind, about in users.items()}
    assert found == {(kind, a.symbol) for kind in METHODS for a in hyperparameters(kind).values()}


#: Letters that mean one thing here and another there, as in the literature. A new one is a decision.
PERMITTED = {
    "b": {"boundaries", "scale", "steepness"},
    r"\beta": {"decay of the mean", "width of the parabola"},
    "c": {"cool-down", "largest norm", "tilt"},
    "D": {"features", "steps for one factor", "steps of a cycle", "steps of the fall"},
    "d": {"features of the model", "steps down"},
    r"\eta": {"learning rate", "rates"},
    r"\eta_0": {"base learning rate", "peak learning rate", "start learning rate"},
    r"\gamma": {"decay factor", "factor of a step"},
    r"\kappa": {"condition number", "curvature of the way down"},
    r"\lambda": {"L2 factor", "strength", "weight decay"},
    "m": {"milestones", "period factor"},
    "P": {"patience", "steps of the first cycle"},
    "p": {"power", "probability that a network gives"},
    r"\sigma": {"noise of one example", "standard deviation"},
    "s": {"length of a stair", "scale"},
    "w": {"one weight of a layer", "warmup steps", "weight of a yes"},
}


def test_letters_with_several_meanings_are_those_permitted():
    assert {symbol: set(uses) for symbol, uses in notation.clashes().items()} == PERMITTED


def test_lambda_is_no_learning_rate():
    """One source means the penalty's factor by it in one formula and the rate in the next."""
    words = [words for symbol, words in notation.meanings() if symbol == r"\lambda"]
    assert words
    assert not any("rate" in text for text in words)


def test_symbols_are_sorted_by_their_names():
    symbols = sorted([r"\eta_{\text{end}}", "T", r"\beta", "t", r"\eta", "b"], key=notation.sort_key)
    assert symbols == ["b", r"\beta", r"\eta", r"\eta_{\text{end}}", "t", "T"]
