"""A page of its own for explorers: what the book's theme gives them, and nothing else."""

import itertools

import pytest

from tests.conftest import served

pytest.register_assert_rewrite("tests.figures.explorer_checks")

PAGE = """<!doctype html>
<html lang="en" data-theme="{theme}"><head><meta charset="utf-8"><title>Explorers</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>
html[data-theme="light"] {{ --pst-color-text-base: #323232; --pst-color-background: #ffffff }}
html[data-theme="dark"] {{ --pst-color-text-base: #ced6dd; --pst-color-background: #14181e }}
html[data-theme="dark"] {{ color-scheme: dark }}
html {{ background: var(--pst-color-background); color: var(--pst-color-text-base) }}
body {{ font-family: sans-serif; margin: 12px }}
</style><script>{tools}</script></head><body>{explorers}<p>After.</p></body></html>
"""

NUMBERS = itertools.count()

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


# Explorers start where a reader comes.
STARTED = """async () => {
    for (const host of document.querySelectorAll('.explorer')) {
        const ready = () => host.hasAttribute('data-ready');
        for (let i = 0; i < 600 && !ready(); i++) {
            host.scrollIntoView(); // what lies above is laid out on the way, and moves it
            await new Promise((done) => setTimeout(done, 20));
        }
        if (!ready()) throw new Error(`not started: ${host.ariaLabel} ${host.innerText}`);
    }
    if (!location.hash) scrollTo(0, 0);
}"""


def started(page):
    """Go through a page, so that all its explorers start, and return it."""
    page.evaluate(STARTED)
    return page


WRITTEN = {}


def written(explorer):
    """An explorer as HTML, which is written once for each state."""
    key = explorer._esm, str(explorer.state())
    if key not in WRITTEN:
        WRITTEN[key] = explorer.html()
    return WRITTEN[key]


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """Where the pages stand."""
    folder = tmp_path_factory.mktemp("explorers")
    (folder / "favicon.ico").touch()
    return folder


@pytest.fixture(scope="session")
def address(folder):
    """The same on a loopback server."""
    with served(folder) as address:
        yield address


@pytest.fixture
def show(closed_page, folder, request):
    """Open a page of some explorers, with the network closed: ``show(*explorers, scheme="file", width=760)``.

    It ends without an error and without a request to another place.
    """
    pages = []

    def open_page(
        *explorers, scheme="file", width=760, theme="light", ready=True, share="\n".join, **options
    ):
        name, shown = f"{next(NUMBERS)}.html", share(map(written, explorers))
        (folder / name).write_text(PAGE.format(theme=theme, tools=TOOLS, explorers=shown), encoding="utf-8")
        base = folder.as_uri() if scheme == "file" else request.getfixturevalue("address")
        page = closed_page(width=width, theme=theme, base=base, **options)
        page.mouse.move(0, 0)
        page.goto(name)
        if ready:
            started(page)
        pages.append(page)
        return page

    yield open_page
    for page in pages:
        assert (page.problems, page.third_party) == ([], [])
