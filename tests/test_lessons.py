"""The rules of a lesson, read from its notebook; what a page must be is in ``test_pages.py``."""

import json
import re

import nbformat
import pytest

from tests.conftest import ROOT
from tools import address, replication
from tools.execution import notebooks, statement

LESSONS = [path for path in notebooks() if path.parent.name.startswith("part")]
CODE_LINES, STATEMENT = 15, 200
SECTIONS = (
    "The question",
    "Explore",
    "On a real network",
    "Often said, not quite true",
    "Recap",
    "Exercises",
    "References",
)
HOLLOW = re.compile(r"\b(clearly|obviously|simply|trivially)\b", re.I)
NOT_PROSE = re.compile(r"```python[\s\S]*?```|`[^`\n]+`|\$\$[^$]*\$\$|\$[^$\n]+\$|https?://\S+|^>.*$", re.M)
BOOTSTRAP = address.bootstrap(*address.read())


def cells(notebook, kind):
    return [cell for cell in notebook.cells if cell.cell_type == kind]


def tags(cell):
    return set(cell.metadata.get("tags", []))


def prose(notebook):
    """Return the text cells without code, formulas, addresses and what others are quoted with."""
    text = "\n\n".join(cell.source for cell in cells(notebook, "markdown"))
    return NOT_PROSE.sub(" ", text)


def stored_outputs(notebook):
    """Notebooks are stored without outputs: clean differences, nothing stale."""
    return [cell.id for cell in cells(notebook, "code") if cell.outputs or cell.execution_count is not None]


def kernel(notebook):
    """The kernel is the one that everybody has."""
    found = notebook.metadata.get("kernelspec", {}).get("name")
    return [] if found == "python3" else [str(found)]


def cell_ids(notebook):
    """Every cell has an id of its own, so that a difference shows what moved."""
    ids = [cell.get("id", "none") for cell in notebook.cells]
    return sorted({i for i in ids if i == "none" or ids.count(i) > 1})


def bootstrap(notebook):
    """The first code cell is the one that every notebook has."""
    first = next(iter(cells(notebook, "code")), None)
    found = first and (first.source, first.get("id"), tags(first))
    return [] if found == (BOOTSTRAP, "bootstrap", {"remove-input"}) else ["run `make address`"]


def title(notebook):
    """A lesson opens with its title and one plain sentence, the page's description."""
    lines = [line for line in notebook.cells[0].source.splitlines() if line.strip()]
    opens = notebook.cells[0].cell_type == "markdown" and len(lines) > 1 and lines[0].startswith("# ")
    plain = opens and re.match(r"[A-Z]", lines[1]) and not re.search(r"[$\\`{]", lines[1])
    return [] if plain else ["title and sentence"]


def sections(notebook):
    """The sections that no lesson lacks."""
    text = "\n".join(cell.source for cell in cells(notebook, "markdown"))
    headings = [heading.strip().lower() for heading in re.findall(r"^##+ (.*)$", text, re.M)]
    return [name for name in SECTIONS if not any(h.startswith(name.lower()) for h in headings)]


def check_cell(notebook):
    """A statement that no cell checks is a statement that drifts."""
    checked = any("check" in tags(cell) for cell in cells(notebook, "code"))
    return [] if checked else ["no cell is tagged `check`"]


def statements(notebook):
    """A check cell opens with the sentence that it checks, and nothing else is a check."""
    faults = []
    for cell in cells(notebook, "code"):
        kind, words = statement(cell.source)
        fits = 10 < len(words) <= STATEMENT and words.endswith(".") if kind else False
        if ("check" in tags(cell)) != bool(kind) or (kind and not fits):
            faults.append(cell.id)
    return faults


def figures(notebook):
    """A figure says what it shows, to those who see it and to those who do not."""
    faults = []
    for cell in cells(notebook, "code"):
        shown = cell.metadata.get("mystnb", {})
        words = [shown.get("image", {}).get("alt", ""), shown.get("figure", {}).get("caption", "")]
        if shown.keys() & {"image", "figure"} and not all(len(text.split()) > 3 for text in words):
            faults.append(cell.id)
    return faults


def code_lines(notebook):
    """What a reader reads in one piece fits one look; the statement of a check is read by itself."""
    folded = {"hide-input", "hide-cell", "remove-input", "remove-cell"}
    read = [cell for cell in cells(notebook, "code") if not tags(cell) & folded]
    code = [(cell.id, re.sub(r"\A# \w+ed: .*\n(#.*\n)*", "", cell.source)) for cell in read]
    return [name for name, source in code if len(re.findall(r"^.*\S", source, re.M)) > CODE_LINES]


def code_manners(notebook):
    """No star import, no magic that runs something else, no semicolon at the end of a line."""
    pattern = re.compile(r";\s*$|^\s*from .* import \*|^\s*(%run|%pip|%load|!)", re.M)
    return [match[0].strip() for cell in cells(notebook, "code") for match in pattern.finditer(cell.source)]


def exercises(notebook):
    """Each exercise has a label and a worked solution; each solution has its exercise."""
    text = "\n".join(cell.source for cell in cells(notebook, "markdown"))
    blocks = re.findall(r"^(?:`{3,}|:{3,})\{exercise(?:-start)?\}.*\n((?:\s*:\w+:.*\n)*)", text, re.M)
    labels = [re.search(r":label:\s*(\S+)", options) for options in blocks]
    asked = [label[1] if label else "an exercise without a label" for label in labels]
    solved = re.findall(r"^(?:`{3,}|:{3,})\{solution(?:-start)?\}\s*(\S+)", text, re.M)
    return [*sorted(set(asked) ^ set(solved)), *([] if asked else ["no exercise"])]


def hollow_words(notebook):
    """Words that tell a reader how to feel instead of saying something."""
    return HOLLOW.findall(prose(notebook))


OF_ALL = (stored_outputs, kernel, cell_ids, bootstrap)  # assignments too
RULES = (*OF_ALL, title, sections, check_cell, statements, figures, code_lines, code_manners, exercises)
RULES += (hollow_words,)


@pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.stem)
def test_lesson_keeps_the_rules(path):
    notebook = nbformat.read(path, nbformat.NO_CONVERT)
    rules = RULES if path in LESSONS else OF_ALL
    faults = {rule.__name__: found for rule in rules if (found := rule(notebook))}
    assert faults == {}, faults


@pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.stem)
def test_notebook_is_stored_as_jupyter_stores_it(path):
    text = path.read_text(encoding="utf-8").rstrip("\n")
    assert text == nbformat.writes(nbformat.reads(text, nbformat.NO_CONVERT)), "open and save it once"


def test_every_lesson_is_in_the_book_in_reading_order():
    contents = (ROOT / "_toc.yml").read_text(encoding="utf-8")
    inside = re.findall(r"^\s*- file: (lessons/part\S+)", contents, re.M)
    assert inside == [path.relative_to(ROOT).with_suffix("").as_posix() for path in LESSONS]
    numbers = [int(path.name.split("-")[0]) for path in LESSONS]
    assert numbers == sorted(set(numbers))


# How often a measured statement held

RECORD = json.loads(replication.RECORD.read_text(encoding="utf-8"))
OFTEN = re.compile(r"\b(mostly|usually|in most|often|of ten|more than half)\b")


def stale(path, record):
    """Return what is wrong with the counts of a lesson in a record."""
    known = record["lessons"].get(path.stem)
    if known is None:
        return ["no counts"]
    faults = [] if known["digest"] == replication.digest(path) else ["counts of other code"]
    least = replication.MINIMUM
    run = known["repetitions"]
    faults += [f"{run[kind]} by {kind}" for kind in least if run[kind] < least[kind]]
    for cell, (_, words) in replication.checks(path).items():
        held = known["held"].get(cell, dict.fromkeys(least, 0))
        missed = {kind: run[kind] - held[kind] for kind in least}
        by_seeds = missed["seeds"] > 1 and not OFTEN.search(words)
        if missed["kernels"] or missed["rounding"] or by_seeds:
            faults.append(f"{cell} failed {missed}: {words}")
    return faults


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_every_check_was_repeated_and_held(path):
    assert stale(path, RECORD) == [], "run `make replicate`"


def test_counts_that_are_missing_old_few_or_bad_are_found():
    path = LESSONS[-1]
    known = replication.checks(path)
    run = dict(replication.MINIMUM)
    good = {"digest": replication.digest(path), "repetitions": run, "held": dict.fromkeys(known, run)}
    cell = next(iter(known))
    assert stale(path, {"lessons": {path.stem: good}}) == []
    assert stale(path, {"lessons": {}}) == ["no counts"]

    def found(**changes):
        return " ".join(stale(path, {"lessons": {path.stem: good | changes}}))

    assert "other code" in found(digest="another")
    assert "9 by seeds" in found(repetitions=good["repetitions"] | {"seeds": 9})
    for held in ({"rounding": 9}, {"kernels": 2}, {"seeds": 8}):
        assert cell in found(held=good["held"] | {cell: good["held"][cell] | held})
    assert cell in found(held={i: held for i, held in good["held"].items() if i != cell})


def notebook_that_breaks_every_rule():
    text = "Clearly no title.\n\n```{exercise}\nDo it.\n```\n\n```{solution} ex-other\nDone.\n```"
    shown = {"mystnb": {"image": {"alt": "a plot"}}}
    empty = {"id": "same", "metadata": {}, "outputs": [], "execution_count": None}
    shown["tags"] = ["checks"]
    source = "# Checked: x\n" + "x = 1;\n" * (CODE_LINES + 1)
    long = {**empty, "metadata": shown, "execution_count": 1, "source": source}
    run = {**empty, "source": "from os import *\n%run other.py"}
    cells = [{"cell_type": "markdown", "id": "text", "metadata": {}, "source": text}]
    cells += [{"cell_type": "code", **code} for code in (long, run)]
    return nbformat.from_dict({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells})


def test_every_rule_finds_what_breaks_it():
    bad = notebook_that_breaks_every_rule()
    found = {rule.__name__: rule(bad) for rule in RULES}
    assert [name for name, faults in found.items() if not faults] == []
    assert found["code_manners"] == [*[";"] * (CODE_LINES + 1), "from os import *", "%run"]
    assert found["exercises"] == ["an exercise without a label", "ex-other"]
    assert found["sections"] == list(SECTIONS)


def test_quotations_code_and_formulas_are_not_prose():
    cell = nbformat.v4.new_markdown_cell("`simply` and $clearly$.\n\n> Obviously.\n")
    assert hollow_words(nbformat.v4.new_notebook(cells=[cell])) == []
