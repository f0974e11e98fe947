"""A page of its own for explorers: what the book's theme gives them, and nothing else."""

import functools
import http.server
import threading

import pytest
from explorers import once  # of book/_ext

pytest.register_assert_rewrite("tests.figures.explorer_checks")

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


# For the tests' own scripts: the root of an explorer's view, nodes of it, its module and state.
TOOLS = """window.tools = {
    root: (i = 0) => document.querySelectorAll('.explorer > div:last-of-type')[i].shadowRoot,
    all: (selector, read, i = 0) => [...tools.root(i).querySelectorAll(selector)].map(read),
    told: (i = 0) => {
        const own = JSON.parse(document.querySelectorAll('.explorer script[type]')[i].textContent);
        const [css, kit] = [...document.querySelectorAll('[data-kit]')].map((part) => part.textContent);
        return { ...own, esm: `const css = ${JSON.stringify(css)};${JSON.parse(kit)}\n${own.esm}` };
    },
    load: (esm) => import(URL.createObjectURL(new Blob([esm], { type: 'text/javascript' }))),
    place: () => document.body.appendChild(document.createElement('div')),
    // A model as a notebook has it, with what it is asked to do.
    model: (state) => {
        const model = {
            state, listeners: [], saved: 0, get: (name) => state[name], link: () => '',
            on: (events, act) => model.listeners.push(act),
            off: (events, act) => model.listeners.splice(model.listeners.indexOf(act), 1),
            save_changes: () => { model.saved += 1; },
        };
        return model;
    },
    // All that a reader sees of a view: nodes and the values of its fields, without what it has said.
    seen: (root) => {
        const copy = root.querySelector('.ex').cloneNode(true);
        copy.querySelectorAll('.message, [role=status]').forEach((node) => node.remove());
        copy.querySelectorAll('[style=""]').forEach((node) => node.removeAttribute('style'));
        const fields = [...root.querySelectorAll('input, select')];
        return [copy.innerHTML, ...fields.map((f) => (f.type === 'checkbox' ? f.checked : f.value))];
    },
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

    As in the book, what they share stands there once, unless `share` is another function. The page must end
    without an error and without a request.
    """
    pages = []

    def open_page(*explorers, scheme="file", width=760, theme="light", ready=True, share=once, **options):
        html = share("\n".join(e.html() for e in explorers))
        (tmp_path / "page.html").write_text(PAGE.format(theme=theme, explorers=html), encoding="utf-8")
        (tmp_path / "favicon.ico").touch()
        base = tmp_path.as_uri() if scheme == "file" else request.getfixturevalue("served")
        page = closed_page(width=width, theme=theme, base=base, **options)
        page.add_init_script(TOOLS)
        page.goto("page.html")
        if ready:
            page.wait_for_function("document.querySelectorAll('.explorer:not([data-ready])').length === 0")
        pages.append(page)
        return page

    yield open_page
    for page in pages:
        assert (page.problems, page.third_party) == ([], [])
