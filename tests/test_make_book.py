"""A reader never loses the book: a check that does not hold on their machine is noted, and costs no page."""

import json
import os
import re
import shutil
import subprocess

import nbformat
import pytest
from checks import counted

from tests.conftest import ROOT
from tools import replication

WRITTEN = ("Makefile", "requirements.txt", "constraints.txt", "_config.yml", "pyproject.toml")
FOLDERS = ("tools", "helpers", "book", ".cache")
NAME = "01-small"
CELLS = {
    "sound": ("# Checked: one and one\n# are `2`.\nprint('by hand', 1 + 1)\nassert 1 + 1 == 2", ["check"]),
    "lucky": ("# Measured: the coin shows heads.\nprint('tails, 3 of 8')\nassert 3 / 8 > 0.5", ["check"]),
    "often": ("# Measured: the coin falls.\nassert True", ["check"]),
    "crash": ("1 / 0", []),
    "after": ("print('the rest')", []),
}


def lesson(folder):
    """Write a lesson in which a check and a plain cell fail, and its counts for the digest that it has."""
    cells = [nbformat.v4.new_markdown_cell("# A small lesson\n\nA sentence about it.\n", id="title")]
    for name, (source, tags) in CELLS.items():
        cells.append(nbformat.v4.new_code_cell(source, id=name, metadata={"tags": tags}))
    path = folder / "lessons" / "part1" / f"{NAME}.ipynb"
    path.parent.mkdir(parents=True)
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, path)
    held = {"kernels": 3, "rounding": 9, "seeds": 8}
    facts = {"digest": replication.digest(path), "repetitions": {"kernels": 3, "rounding": 10, "seeds": 10}}
    record = {"lessons": {NAME: facts | {"held": dict.fromkeys(CELLS, held)}}}
    (folder / "lessons" / "results").mkdir()
    (folder / "lessons" / "results" / "replications.json").write_text(json.dumps(record))
    shutil.copy(ROOT / "lessons" / "matplotlibrc", folder / "lessons")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Run ``make book`` on a book of two pages; return how it ended, and where."""
    folder = tmp_path_factory.mktemp("book")
    for name in WRITTEN:
        shutil.copy(ROOT / name, folder)
    for name in FOLDERS:
        if (ROOT / name).exists():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / ".venv").symlink_to((ROOT / ".venv").resolve())
    lesson(folder)
    toc = f"format: jb-book\nroot: book/intro\nchapters:\n- file: lessons/part1/{NAME}\n"
    (folder / "_toc.yml").write_text(toc)
    alone = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "PYTEST"))}
    done = subprocess.run(["make", "book"], cwd=folder, capture_output=True, text=True, env=alone)
    return done, folder


def page(made):
    return (made[1] / "_build" / "html" / "lessons" / "part1" / f"{NAME}.html").read_text(encoding="utf-8")


def test_a_check_that_fails_costs_no_page_and_no_exit_status(made):
    done, folder = made
    assert done.returncode == 0, done.stdout + done.stderr
    assert (folder / "_build" / "html" / "index.html").is_file()
    assert "the rest" in page(made), "the cells after the failed one ran"


def test_the_terminal_names_lesson_sentence_and_numbers(made):
    said = made[0].stdout
    assert f"{NAME}: did not hold here. Measured: the coin shows heads." in said
    assert "AssertionError" in said and "tails, 3 of 8" in said
    assert "ZeroDivisionError" in said and "one and one" not in said


def test_the_page_notes_it_in_its_place_and_folds_what_held(made):
    opened = re.findall(r"<details[^>]*>", page(made))
    assert [("open" in tag, "measured" in tag) for tag in opened] == [(0, 0), (1, 1), (0, 1)]
    text = re.sub(r"<[^>]+>|\s+", " ", page(made))
    notes = re.findall(r"On the machine that built this page, this (\w+ \w+ \w+)", text)
    assert notes == ["check did not", "cell ended with"]
    assert text.index("the coin shows heads") < text.index("did not hold") < text.index("the coin falls")


def test_a_measured_line_says_how_often_it_held(made):
    lines = re.findall(r"<summary>(.*?)</summary>", page(made), re.S)
    lines = [" ".join(re.sub(r"<[^>]+>", "", line).split()) for line in lines]
    counts = "held in 12 of 13 repetitions; with other seeds in 8 of 10"
    assert lines == [
        "Checked one and one are 2.",
        f"Measured the coin shows heads. {counts}",
        f"Measured the coin falls. {counts}",
    ]


CONTRAST = """n => {
    const light = color => color.match(/[\\d.]+/g).slice(0, 3).map(c => (c /= 255) <= 0.04045 ? c / 12.92
        : ((c + 0.055) / 1.055) ** 2.4).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
    const [a, b] = [getComputedStyle(n).color, getComputedStyle(document.body).backgroundColor].map(light);
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_check_opens_by_keyboard_and_is_readable(made, closed_page, theme):
    html = made[1] / "_build" / "html"
    page = closed_page(width=320, theme=theme, base=html.as_uri())
    page.goto(f"lessons/part1/{NAME}.html")
    check = page.locator("details.check").first
    code = check.locator("pre").first
    assert not code.is_visible()
    check.locator("summary").focus()
    page.keyboard.press("Enter")
    assert code.is_visible() and check.get_attribute("open") is not None
    for part in ("summary", "summary .held"):
        assert page.locator(f"details.check {part}").last.evaluate(CONTRAST) > 4.5
    sides = page.locator("details.check").evaluate_all("n => n.map(d => getComputedStyle(d).borderLeftStyle)")
    assert sides == ["solid", "dashed", "dashed"], "what is proved and what is measured look different"


def test_a_check_is_readable_in_print(made, closed_page):
    page = closed_page(theme="dark", base=(made[1] / "_build" / "html").as_uri())
    page.goto(f"lessons/part1/{NAME}.html")
    page.emulate_media(media="print")
    for part in ("summary", "summary .held"):
        line = page.locator(f"details.check {part}").last
        assert line.is_visible()
        shade = line.evaluate("n => getComputedStyle(n).color.match(/\\d+/g).slice(0, 3).map(Number)")
        assert max(shade) <= 0x44, "dark ink, whatever the theme"


def test_counts_of_another_code_are_not_shown(made, monkeypatch):
    record = made[1] / "lessons" / "results" / "replications.json"
    monkeypatch.setattr(replication, "RECORD", record)
    digest = replication.digest(made[1] / "lessons" / "part1" / f"{NAME}.ipynb")
    assert counted(NAME, "lucky", digest)
    assert [counted(NAME, "lucky", "another"), counted("02-other", "lucky", digest)] == ["", ""]
    assert counted(NAME, "a new cell", digest) == ""
