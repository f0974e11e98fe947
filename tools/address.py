"""The address of the book's repository: kept in ``_config.yml``, written from there into all that needs it.

``python -m tools.address URL`` moves the book (or a fork) to a new address; without an argument it renews the
bootstrap cell of every notebook. As a Sphinx extension it derives the address of the published pages, and
takes the buttons away that would lead nowhere as long as the book has no public home.
"""

import pathlib
import re
import sys
from urllib.parse import urlsplit

ROOT = pathlib.Path(__file__).parents[1]
# The files in which the address stands word for word.
CARRIERS = ("_config.yml", "CITATION.cff", "*.md", "book/**/*.md", "lessons/**/*.ipynb")

BOOTSTRAP = """\
# Book set-up: takes `helpers` from this checkout, or installs them from the book's repository (Colab).
import importlib.util
import os
import pathlib
import subprocess
import sys

import matplotlib

_source = os.environ.get("CNN_BOOK_URL", "git+{url}@{branch}")
_cwd = pathlib.Path.cwd()
_root = next((p for p in [_cwd, *_cwd.parents] if (p / "lessons" / "matplotlibrc").is_file()), None)
if _root is not None:
    sys.path.insert(0, str(_root))
elif importlib.util.find_spec("helpers") is None:
    if ".invalid/" in _source:
        raise ModuleNotFoundError(
            "This copy of the book has no public home yet. Open the notebook inside a clone of its "
            "repository, or set the environment variable CNN_BOOK_URL to an address of it for pip."
        )
    # What is installed already, torch and numpy first of all, satisfies the package's lower bounds and stays.
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", _source], check=True)
    importlib.invalidate_caches()

import helpers

if getattr(helpers, "BOOK", None) != "How CNNs Learn":
    raise ImportError(
        f"`helpers` at {{list(helpers.__path__)}} is another package, not this book's. "
        "Remove or rename it, restart the kernel and run this cell again."
    )
_home = pathlib.Path(helpers.__file__).parents[1]
_styles = [_home / folder / "matplotlibrc" for folder in ("lessons", "helpers/figures")]
matplotlib.rc_file(next(path for path in _styles if path.is_file()))"""


def read(root=ROOT):
    """Return the repository's address and the branch or tag that notebooks install from."""
    import yaml

    repository = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))["repository"]
    return repository["url"], repository["branch"]


def is_public(url):
    """Tell whether somebody can go there: nobody can register a name under ``.invalid``."""
    return not urlsplit(url).hostname.endswith(".invalid")


def pages(url):
    """Return the address of the published pages, or "" where the host's rule for it is not known."""
    host, (owner, *rest) = urlsplit(url).hostname, urlsplit(url).path.strip("/").split("/")
    home = {"github.com": f"{owner.lower()}.github.io", "gitlab.com": f"{owner.lower()}.gitlab.io"}.get(host)
    if home is None:
        return ""
    return f"https://{home}/" + "".join(f"{part}/" for part in rest if part.lower() != home)


def bootstrap(url, branch):
    """Return the source of the first code cell of every notebook."""
    return BOOTSTRAP.format(url=url, branch=branch)


def renew_cells(root=ROOT):
    """Write the bootstrap cell into every notebook, before its first code cell where it has none."""
    import nbformat

    source = bootstrap(*read(root))
    for path in sorted(root.glob("lessons/**/*.ipynb")):
        notebook = nbformat.read(path, nbformat.NO_CONVERT)
        first = next((i for i, c in enumerate(notebook.cells) if c.cell_type == "code"), len(notebook.cells))
        if not (first < len(notebook.cells) and notebook.cells[first].get("id") == "bootstrap"):
            cell = nbformat.v4.new_code_cell(id="bootstrap", metadata={"tags": ["remove-input"]})
            notebook.cells.insert(first, cell)
        if notebook.cells[first].source != source:
            notebook.cells[first].source = source
            nbformat.write(notebook, path)


def move(url, root=ROOT):
    """Move the book to another address, wherever the present one stands."""
    url = url.strip().rstrip("/").removesuffix(".git")
    if not re.fullmatch(r"https://[\w.-]+(/[\w.-]+)+", url):
        raise ValueError(f"the address must look like https://github.com/OWNER/REPOSITORY, got URL={url}")
    old = re.compile(re.escape(read(root)[0]) + r"(?![\w-])")
    for path in (path for pattern in CARRIERS for path in root.glob(pattern)):
        text = path.read_text(encoding="utf-8")
        if old.search(text):
            path.write_text(old.sub(url, text), encoding="utf-8", newline="\n")
    renew_cells(root)


def adapt_pages(app, config):
    """Tell the built pages their address; take away what would lead nowhere."""
    options = config.html_theme_options
    url = options["repository_url"]
    config.html_baseurl = config.ogp_site_url = pages(url)
    if not is_public(url):
        buttons = [name for name in options if name.startswith("use_")]
        for name in ("repository_url", "launch_buttons", *buttons):
            options.pop(name, None)


def setup(app):
    """Connect before the theme reads its options (Sphinx calls this)."""
    app.connect("config-inited", adapt_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


if __name__ == "__main__":
    try:
        move(sys.argv[1]) if len(sys.argv) > 1 else renew_cells()
    except ValueError as error:
        sys.exit(str(error))
    print("the book's address is", *read())
