"""The book's address stands in ``_config.yml``; everything else that has it, has it from there."""

import re
import subprocess
import sys
from types import SimpleNamespace

import nbformat
import pytest
import yaml

from tests.test_pages import built_pages
from tools import address
from tools.address import ROOT
from tools.execution import notebooks

URL, BRANCH = address.read()
FORK = "https://github.com/Me/my-fork"
PLANTED = "# Read me\n\nThe book: [its repository](%s), and what it is not: %s-other.\n"


def carriers(root):
    return {p.relative_to(root): p.read_bytes() for pattern in address.CARRIERS for p in root.glob(pattern)}


@pytest.fixture
def copy(tmp_path):
    """The files that carry the address, and two more: a page, and a notebook without a bootstrap cell."""
    for name, content in carriers(ROOT).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    (tmp_path / "README.md").write_text(PLANTED % (URL, URL))
    bare = nbformat.v4.new_notebook()
    bare.cells = [nbformat.v4.new_markdown_cell("# A"), nbformat.v4.new_code_cell("1")]
    (tmp_path / "lessons" / "part9").mkdir(parents=True)
    nbformat.write(bare, tmp_path / "lessons" / "part9" / "99-bare.ipynb")
    address.renew_cells(tmp_path)
    return tmp_path


@pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.stem)
def test_every_notebook_begins_with_the_bootstrap_cell(path):
    first = next(cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "code")
    assert first.source == address.bootstrap(URL, BRANCH), "run `make address` to renew it"
    assert (first.id, first.metadata.get("tags")) == ("bootstrap", ["remove-input"])


def test_the_citation_names_the_address():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["repository-code"] == URL


def test_the_address_stands_in_no_other_file():
    folders = ("benchmarks", "book", "helpers", "lessons", "tests", "tools")
    files = [*ROOT.glob("*.*"), *(path for folder in folders for path in (ROOT / folder).rglob("*.*"))]
    others = {path for path in files if path.is_file() and path.relative_to(ROOT) not in carriers(ROOT)}
    assert [path for path in others if URL.encode() in path.read_bytes()] == []


def test_moving_there_and_back_changes_nothing(copy):
    before = carriers(copy)
    address.move(FORK + ".git/", copy)
    assert address.read(copy) == (FORK, BRANCH)
    assert FORK in (copy / "CITATION.cff").read_text(encoding="utf-8")
    for path in copy.glob("lessons/**/*.ipynb"):
        first = next(cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "code")
        assert first.source == address.bootstrap(FORK, BRANCH)
    assert (copy / "README.md").read_text() == PLANTED % (FORK, URL)
    address.move(URL, copy)
    assert carriers(copy) == before


def test_a_notebook_without_the_cell_gets_it_before_its_first_code(copy):
    cells = nbformat.read(copy / "lessons" / "part9" / "99-bare.ipynb", 4).cells
    assert [cell.cell_type for cell in cells] == ["markdown", "code", "code"]
    assert cells[1].source == address.bootstrap(URL, BRANCH)


@pytest.mark.parametrize("url", ["github.com/me/book", "http://github.com/me/book", "https://github.com", ""])
def test_what_is_no_address_is_refused(copy, url):
    before = carriers(copy)
    with pytest.raises(ValueError, match=rf"must look like https://github\.com/.*, got URL={url}$"):
        address.move(url, copy)
    assert carriers(copy) == before


@pytest.mark.parametrize(
    ("url", "pages"),
    [
        (FORK, "https://me.github.io/my-fork/"),
        ("https://github.com/Me/me.github.io", "https://me.github.io/"),
        ("https://gitlab.com/group/part/book", "https://group.gitlab.io/part/book/"),
        ("https://git.example.org/me/book", ""),
        ("https://nobody.invalid/book", ""),
    ],
)
def test_address_of_the_pages(url, pages):
    assert address.pages(url) == pages


@pytest.mark.parametrize("url", [FORK, "https://nobody.invalid/book"])
def test_buttons_stay_away_until_they_lead_somewhere(url):
    buttons = {"use_issues_button": True, "launch_buttons": {"colab_url": "x"}, "repository_url": url}
    config = SimpleNamespace(html_theme_options={"show_toc_level": 2, **buttons})
    address.adapt_pages(None, config)
    assert config.html_theme_options == {"show_toc_level": 2, **(buttons if url == FORK else {})}
    assert config.html_baseurl == config.ogp_site_url == address.pages(url)


@pytest.mark.pages
def test_built_pages_lead_to_the_address_or_nowhere(book):
    links = {}
    for name in built_pages():
        text = (book / name).read_text(encoding="utf-8")
        links[name] = set(re.findall(rf'href="([^"]*(?:{re.escape(URL)}|colab\.research)[^"]*)"', text))
    if address.is_public(URL):
        lessons = [name for name in links if name.startswith("lessons/part")]
        assert [name for name in lessons if not any("colab" in link for link in links[name])] == []
    else:
        assert not any(links.values()), links


# What the cell says when it cannot help


def run_bootstrap(folder, url=URL):
    command = [sys.executable, "-c", address.bootstrap(url, BRANCH)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_outside_a_checkout_without_a_public_address_the_cell_says_what_to_do(tmp_path):
    done = run_bootstrap(tmp_path, "https://nobody.invalid/book")
    assert "This copy of the book has no public home yet. Open the notebook inside a clone" in done.stderr


def test_another_package_of_the_same_name_is_not_taken_silently(tmp_path):
    (tmp_path / "helpers").mkdir()
    (tmp_path / "helpers" / "__init__.py").write_text("")
    done = run_bootstrap(tmp_path)
    assert f"`helpers` at ['{tmp_path / 'helpers'}'] is another package, not this book's." in done.stderr


def test_in_a_checkout_the_cell_takes_its_helpers_and_its_style():
    report = "\nimport matplotlib as m\nprint(helpers.__file__, m.rcParams['figure.figsize'])"
    command = [sys.executable, "-c", address.bootstrap(URL, BRANCH) + report]
    done = subprocess.run(command, cwd=ROOT / "lessons", capture_output=True, text=True)
    style = (ROOT / "lessons" / "matplotlibrc").read_text(encoding="utf-8")
    width, height = re.search(r"^figure.figsize\s*:\s*([\d.]+)\s*,\s*([\d.]+)", style, re.M).groups()
    assert done.stdout.strip() == f"{ROOT / 'helpers' / '__init__.py'} {[float(width), float(height)]}"
