"""The build itself: requirements, make, one execution for tests and pages, nothing from elsewhere."""

import hashlib
import importlib
import importlib.metadata
import io
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import types

import nbformat
import npm
import pytest
from docutils.core import publish_doctree
from hypothesis import given, strategies
from packaging.requirements import Requirement
from summary import first_paragraph

import helpers
from tests import browser as browsers
from tests import fonts
from tools import execution

ROOT = pathlib.Path(__file__).parents[1]


def requirements(name):
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith(("#", "-c "))]


def declared():
    """Return the dependencies of the package, without parsing TOML (Python 3.10 has no parser)."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    listed = re.search(r"\ndependencies = \[(.*?)\n\]", text, re.S)[1]
    return [Requirement(quoted) for quoted in re.findall(r'"([^"]+)"', listed)]


BOOK, LAB = requirements("requirements.txt"), requirements("requirements-lab.txt")


@pytest.mark.parametrize("requirement", [*BOOK, *LAB], ids=str)
def test_every_requirement_is_pinned(requirement):
    assert [specifier.operator for specifier in requirement.specifier] == ["=="]


@pytest.mark.pinned
@pytest.mark.parametrize("requirement", [r for r in BOOK if not r.marker or r.marker.evaluate()], ids=str)
def test_what_is_installed_is_what_is_pinned(requirement):
    [pin] = requirement.specifier
    assert importlib.metadata.version(requirement.name).partition("+")[0] == pin.version


def test_constraints_agree_with_the_pins():
    held = {r.name.lower(): str(r.specifier) for r in requirements("constraints.txt")}
    on_311 = {"python_version": "3.11", "python_full_version": "3.11.9"}
    pinned = [r for r in [*BOOK, *LAB] if not r.marker or r.marker.evaluate(on_311)]
    pins = {r.name.lower(): str(r.specifier) for r in pinned}
    pins.pop("torch")  # its build is pip's choice, so it stands in no constraint
    assert {name: held.get(name) for name in pins} == pins
    assert "torch" not in held


def test_package_has_lower_bounds_only_and_the_book_pins_satisfy_them():
    installed = {r.name: r for r in BOOK}
    for requirement in declared():
        [bound] = requirement.specifier
        assert bound.operator == ">=", f"{requirement}: an upper bound would replace what Colab has"
        [pin] = installed[requirement.name].specifier
        assert pin.version in requirement.specifier


def test_one_version():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.search(r"^version: (.*)$", citation, re.M)[1] == helpers.__version__


def make(*arguments, cwd=ROOT):
    alone = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(["make", *arguments], cwd=cwd, capture_output=True, text=True, env=alone)


def test_make_alone_lists_what_it_can_do():
    listed = re.findall(r"^  make (\S+)", make().stdout, re.M)
    promised = "book test help serve lessons lint bench clean address offline"
    assert set(promised.split()) <= set(listed)
    assert make("help").stdout == make().stdout


def test_an_old_python_is_refused_in_one_sentence(tmp_path):
    for name in ("Makefile", "requirements.txt", "requirements-lab.txt", "constraints.txt"):
        (tmp_path / name).write_text((ROOT / name).read_text(encoding="utf-8"), encoding="utf-8")
    old = tmp_path / "python3.8"  # today's interpreter, made to believe that it is an old one
    disguise = "import sys; sys.version_info = (3, 8, 18); exec(sys.argv[1])"
    old.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{disguise}" "$2"\n')
    old.chmod(0o755)
    done = make("book", f"PYTHON={old}", cwd=tmp_path)
    assert done.returncode != 0
    assert "The book needs Python 3.10 or newer" in done.stderr
    assert "is 3.8" in done.stderr
    assert not (tmp_path / ".venv").exists()


def test_make_test_and_ci_end_as_they_should():
    recipe = re.search(r"\ntest: .*?\n\n", (ROOT / "Makefile").read_text(), re.S)[0]
    assert recipe.strip().splitlines()[-1] == "\t@$(PYTEST) -m pages $(WORKERS) tests"
    assert not re.search(r"[^|]\|[^|]", recipe), "the status of a command before a pipe is lost"
    # What `make book` forgives, the tests do not: the stage of the lessons ends red.
    assert "NBVAL) $$list)" in recipe and "STRICT" in recipe and "|| test" not in recipe
    script = (ROOT / ".ci" / "run").read_text()
    assert script.strip().splitlines()[-1] == "exec env CI=true make test"
    assert subprocess.run(["bash", "-n", ROOT / ".ci" / "run"]).returncode == 0


# One execution


def write_notebook(path, *sources):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)


@pytest.fixture
def small_project(tmp_path):
    """Two lessons, one of which fails, and what they depend on."""
    for name in ("requirements.txt", "constraints.txt", "pytest.ini"):
        (tmp_path / name).write_text("[pytest]\n" if name == "pytest.ini" else "torch==2\n")
    (tmp_path / "helpers").mkdir()
    (tmp_path / "helpers" / "formulas.py").write_text("rate = 0.1\n")
    write_notebook(tmp_path / "lessons" / "good.ipynb", "x = 1", "print('seen', x)", "x + 1")
    write_notebook(tmp_path / "lessons" / "bad.ipynb", "x = 1", "assert x == 2")
    return tmp_path


def run_nbval(root, *options):
    options = ["-q", "-p", "tools.execution", "--nbval-lax", "--nbval-current-env", *options, "lessons"]
    command, environment = [sys.executable, "-m", "pytest", *options], free_of_thread_settings()
    return subprocess.run(command, cwd=root, capture_output=True, text=True, env=environment)


def free_of_thread_settings(**settings):
    """Return this process's environment as a reader's is: without a word on threads."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OMP_")}
    return {**kept, "PYTHONPATH": str(ROOT), **settings}


def test_what_nbval_saw_is_what_the_book_shows_and_a_dead_kernel_costs_the_rest_of_its_page(small_project):
    places = {name: small_project / "lessons" / f"{name}.ipynb" for name in ("good", "bad", "dies")}
    write_notebook(places["dies"], "print('so far')", "import os; os._exit(1)", "3")
    done = run_nbval(small_project, "--nbval-cell-timeout", "5")
    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search(r"\d\.\d  lessons/good.ipynb", done.stdout), "no seconds for the notebook"
    assert "dies: did not hold here. the cell `import os; os._exit(1)`" in done.stdout
    assert execution.missing(small_project) == []
    ran = dict(execution.cached(small_project))
    [failure] = execution.failures(ran[places["bad"]])
    assert failure == ("the cell `assert x == 2`", "AssertionError", "")
    assert ran[places["dies"]].cells[0].outputs[0].text == "so far\n"
    assert len([*execution.failures(ran[places["dies"]])]) == 2
    shown = ran[places["good"]]
    assert shown.cells[1].outputs[0].text == "seen 1\n"
    assert shown.cells[2].outputs[0].data["text/plain"] == "2"


def test_two_workers_keep_what_they_saw_and_do_not_fight_for_the_cores(small_project):
    good = small_project / "lessons" / "good.ipynb"
    write_notebook(good, "import os, torch; print(os.environ['OMP_NUM_THREADS'], torch.get_num_threads())")
    assert run_nbval(small_project, "-n", "2", "--dist", "loadfile").returncode == 1
    assert execution.missing(small_project) == []
    assert dict(execution.cached(small_project))[good].cells[0].outputs[0].text == "1 1\n"


@pytest.mark.parametrize(
    "changed", ["constraints.txt", "lessons/matplotlibrc", "helpers/new.js", "helpers/formulas.py"]
)
def test_the_outputs_are_dropped_when_what_they_depend_on_changes(small_project, changed):
    good = small_project / "lessons" / "good.ipynb"
    ran = execution.executed(good, {0: [], 1: [], 2: []})
    execution.store({str(good): nbformat.writes(ran)}, small_project)

    def kept():
        return good not in execution.missing(small_project)

    (small_project / "README.md").write_text("nothing that a lesson computes with")
    (small_project / "helpers" / "__pycache__").mkdir()
    (small_project / "helpers" / "__pycache__" / "formulas.pyc").write_text("compiled")
    (small_project / "lessons" / "results").mkdir()
    (small_project / execution.REPLICATIONS).write_text("{}")
    assert kept()
    (small_project / changed).write_text("other")
    assert not kept()


def test_a_worker_leaves_the_cache_to_the_process_that_writes_it(small_project):
    worker = types.SimpleNamespace(workeroutput={}, rootpath=small_project)
    execution.Recorder().pytest_terminal_summary(None, worker)
    assert not (small_project / "_build").exists()


def test_a_notebook_is_kept_only_when_all_its_cells_were_seen(small_project):
    assert execution.executed(small_project / "lessons" / "good.ipynb", {0: [], 1: []}) is None


def test_no_page_is_made_from_a_repetition(small_project, monkeypatch):
    monkeypatch.setenv("CNN_BOOK_REPLICATION", "seeds:1")
    with pytest.raises(RuntimeError, match="no page is made from a repetition: unset CNN_BOOK_REPLICATION"):
        execution.missing(small_project)


def test_a_lesson_that_a_reader_opens_lets_waiting_threads_sleep():
    """What OpenMP itself says it heard, when torch loads it after the lesson's first cell has run."""

    def ask(code, channel, **own):
        channels = {channel: subprocess.PIPE, "text": True, "check": True}
        command, environment = [sys.executable, "-c", code], free_of_thread_settings(**own)
        return subprocess.run(command, cwd=ROOT / "lessons", env=environment, **channels)

    lesson = nbformat.read(execution.notebooks()[0], 4)
    first = next(cell.source for cell in lesson.cells if cell.cell_type == "code")
    told = ask(first + "\nimport torch", "stderr", OMP_DISPLAY_ENV="TRUE").stderr
    assert set(re.findall(r"OMP_WAIT_POLICY *= *'(\w+)'", told)) == {"PASSIVE"}
    words = "import os, helpers; print(os.environ['OMP_WAIT_POLICY'])"
    assert ask(words, "stdout", OMP_WAIT_POLICY="ACTIVE").stdout == "ACTIVE\n"


# Nothing from elsewhere


def archive(*names):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for name in names:
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(name)
            tar.addfile(member, io.BytesIO(name.encode()))
    return stream.getvalue()


def test_a_package_with_another_hash_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"katex@9 must have the sha512 06df9249, got "):
        npm.unpack("katex@9", archive("dist/katex.js"), "06df9249", ["dist/*"], tmp_path / "katex")
    assert not any(tmp_path.iterdir())


def test_only_the_needed_files_of_a_package_are_kept(tmp_path):
    tar = archive(
        "LICENSE", "dist/katex.min.js", "dist/katex.js", "dist/fonts/Main.woff2", "dist/fonts/Main.ttf"
    )
    names = ["LICENSE", "dist/katex.min.js", "dist/fonts/*.woff2"]
    npm.unpack("katex@9", tar, hashlib.sha512(tar).hexdigest(), names, tmp_path / "katex")
    kept = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()}
    assert kept == {"katex/LICENSE", "katex/katex.min.js", "katex/fonts/Main.woff2"}


def test_the_description_is_the_first_paragraph():
    page = publish_doctree("Title\n=====\n\n.. note:: Not this.\n\nThis *one*, and\nits end.\n\nNor this.\n")
    assert first_paragraph(page) == "This one, and its end."
    assert first_paragraph(publish_doctree("word " * 60)) == "word " * 39 + "word…"
    assert first_paragraph(publish_doctree(".. note:: Not this.")) == ""


# The browser of the tests


class NoPlaywright:
    """Playwright without a browser of its own."""

    class chromium:
        executable_path = "/nowhere/chromium"


def test_without_a_browser_one_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setenv("CHROMIUM", "/nowhere/at/all")
    with pytest.raises(RuntimeError, match="no browser for the tests: install Chromium or Google Chrome"):
        browsers.launch(NoPlaywright)
    monkeypatch.delenv("CHROMIUM")
    monkeypatch.setattr(browsers, "PLACES", ())
    monkeypatch.setenv("PATH", "/nowhere")
    assert list(browsers.candidates(NoPlaywright)) == []
    monkeypatch.setattr(browsers, "working", lambda: None)
    monkeypatch.setattr(browsers, "installs", lambda: [[["false"]], [["true"]]])
    monkeypatch.setattr(browsers.subprocess, "run", lambda c, **_: subprocess.CompletedProcess(c, 1))
    assert browsers.get() is None


def test_a_page_reaches_nothing_outside_and_its_complaints_are_kept(closed_page, tmp_path):
    (tmp_path / "a.html").write_text("<img src='https://example.invalid/x.png'><script>throw 3</script>")
    page = closed_page(base=tmp_path.as_uri(), theme="dark", width=320)
    page.goto("a.html")
    assert page.third_party == ["https://example.invalid/x.png"]
    assert [p for p in page.problems if "ERR_NAME_NOT_RESOLVED" not in p] == ["3"]
    assert page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches && innerWidth === 320")


# The fonts of the tests


@pytest.mark.skipif(not shutil.which("fc-list"), reason="fonts are chosen by fontconfig")
def test_a_family_of_fonts_stands_alone_or_one_sentence_says_what_to_install(tmp_path, monkeypatch):
    with pytest.raises(RuntimeError, match=r"FONTS must be one of dejavu, liberation, noto, got FONTS=Arial"):
        fonts.alone("Arial", tmp_path)
    monkeypatch.setitem(fonts.FAMILIES, "dejavu", ("Nobody's", "fonts-of-nobody"))
    with pytest.raises(RuntimeError, match=r"FONTS=dejavu must be installed, got none: .* fonts-of-nobody"):
        fonts.alone("dejavu", tmp_path)


# Properties

PLANTED = """
from hypothesis import given, strategies
@given(strategies.integers(0, 10**6))
def test_planted(x):
    assert x % 997 {}
def test_that_is_no_property():
    assert False
"""


def fuzzed(folder, assertion, seconds, **more):
    (folder / "test_planted.py").write_text(PLANTED.format(assertion))
    command = [sys.executable, "-m", "tests.fuzz", str(seconds), "-p", "tests.conftest", str(folder)]
    environment = {**os.environ, "HYPOTHESIS_STORAGE_DIRECTORY": str(folder), **more}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)


def test_new_examples_find_what_is_wrong_and_say_how_to_repeat_it(tmp_path):
    done = fuzzed(tmp_path, "!= 13", 120, CI="true")  # where hypothesis by itself repeats one set of examples
    assert done.returncode == 1
    assert "@reproduce_failure(" in done.stdout and "1 failed" in done.stdout


def test_new_examples_are_taken_until_the_time_is_over(tmp_path):
    done = fuzzed(tmp_path, ">= 0", 2)
    assert done.returncode == 0
    assert int(re.search(r"(\d+) passed, 1 deselected", done.stdout)[1]) > 1


def test_examples_are_the_same_whatever_else_is_imported(tmp_path, monkeypatch):
    def examples():
        drawn = []
        given(strategies.integers())(lambda x: drawn.append(x))()
        return drawn

    before = examples()
    (tmp_path / "another.py").write_text(f"NUMBERS = {[*range(12_345, 13_345)]}")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module("another")
    assert examples() == before
