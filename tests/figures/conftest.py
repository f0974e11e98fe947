"""A page of its own for explorers: what the book's theme gives them, and nothing else."""

import functools
import http.server
import threading

import pytest

PAGE = """<!doctype html>
<html lang="en" data-theme="{theme}"><head><meta charset="utf-8"><title>Explorers</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>
html[data-theme="light"] {{ --pst-color-text-base: #323232; --pst-color-background: #ffffff }}
html[data-theme="dark"] {{ --pst-color-text-base: #ced6dd; --pst-color-background: #14181e }}
html[data-theme="dark"] {{ color-scheme: dark }}
html {{ background: var(--pst-color-background); color: var(--pst-color-text-base) }}
body {{ font-family: sans-serif; margin: 12px }}
</style></head><body>{explorers}<p>After.</p></body></html>
"""


# For the tests' own scripts: the root of an explorer's view, its module and state, nodes of it.
TOOLS = """window.tools = {
    root: (i = 0) => document.querySelectorAll('.explorer > div:last-of-type')[i].shadowRoot,
    all: (selector, read, i = 0) => [...tools.root(i).querySelectorAll(selector)].map(read),
    told: () => JSON.parse(document.querySelector('.explorer script[type="application/json"]').textContent),
    load: (esm) => import(URL.createObjectURL(new Blob([esm], { type: 'text/javascript' }))),
    place: () => document.body.appendChild(document.createElement('div')),
};"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        """Keep requests out of the test's output."""


@pytest.fixture
def served(tmp_path):
    """The address of the test's own folder on a loopback server."""
    handler = functools.partial(Quiet, directory=tmp_path)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture
def show(closed_page, tmp_path, request):
    """Open a page of some explorers, with the network closed: ``show(*explorers, scheme="file", width=760)``.

    The page must end without an error and without a request.
    """
    pages = []

    def open_page(*explorers, scheme="file", width=760, theme="light", ready=True, **options):
        (tmp_path / "page.html").write_text(
            PAGE.format(theme=theme, explorers="\n".join(e.html() for e in explorers)), encoding="utf-8"
        )
        (tmp_path / "favicon.ico").touch()
        base = tmp_path.as_uri() if scheme == "file" else request.getfixturevalue("served")
        page = closed_page(width=width, theme=theme, base=base, **options)
        page.set_default_timeout(8000)
        page.add_init_script(TOOLS)
        page.goto("page.html")
        if ready:
            page.wait_for_function("document.querySelectorAll('.explorer:not([data-ready])').length === 0")
        pages.append(page)
        return page

    yield open_page
    for page in pages:
        assert (page.problems, page.third_party) == ([], [])
