"""Fixtures for tests in a real browser.

``browser``      one headless Chromium for the session, for which there is no network but the loopback
``book``         the folder of the built book
``book_url``     that folder on a loopback web server
``closed_page``  a factory of pages that record what they ask for outside one base address
"""

import collections
import contextlib
import functools
import http.server
import itertools
import os
import pathlib
import threading

import hypothesis
import pytest
from hypothesis.internal.conjecture import providers
from playwright.sync_api import sync_playwright

from tests.browser import launch
from tests.fonts import alone

os.environ.setdefault("MPLBACKEND", "agg")  # a test opens no window
# A property is tried on the same examples everywhere, and on new ones by `make fuzz`. Time says little on a
# machine that also does something else.
untimed = {"deadline": None, "suppress_health_check": [hypothesis.HealthCheck.too_slow]}
hypothesis.settings.register_profile("book", **untimed, derandomize=True)
hypothesis.settings.register_profile("fuzz", **untimed, derandomize=False, print_blob=True)
hypothesis.settings.load_profile("book")

ROOT = pathlib.Path(__file__).parents[1]
BOOK = pathlib.Path(os.environ.get("BOOK_HTML", ROOT / "_build" / "html"))


@pytest.hookimpl(trylast=True)  # when --hypothesis-profile has been read
def pytest_configure():
    """Let the same examples not depend on what is imported: hypothesis tries the constants of modules."""
    if hypothesis.settings.default.derandomize:
        providers._get_local_constants = lambda: providers._local_constants


def pytest_collection_modifyitems(items):
    """Mark what opens a browser, so that ``-m browser`` chooses it."""
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """One browser for the session; a missing one is a failure, never a skip."""
    with sync_playwright() as playwright:
        try:
            fonts = os.environ.get("FONTS")
            browser = launch(playwright, fonts and alone(fonts, tmp_path_factory.mktemp("fonts")))
        except RuntimeError as error:
            pytest.fail(str(error), pytrace=False)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def book():
    """Return the folder of the built book."""
    if not (BOOK / "index.html").is_file():
        pytest.fail(f"the book is not built: run `make book` (looked in {BOOK})", pytrace=False)
    return BOOK.resolve()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        """Keep requests out of the test's output."""


@contextlib.contextmanager
def served(folder):
    """Give the address of a folder on a loopback server, with the closing slash."""
    handler = functools.partial(_Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="session")
def book_url(book):
    """Return the address of the built book on a loopback server."""
    with served(book) as address:
        yield address


def said(message):
    """Return an error of the console, with the address that it is about where it does not say it."""
    text, url = message.text, (message.location or {}).get("url", "")
    return f"{text} {url}" if text.startswith("Failed to load") else text


def _watched(page, base):
    """Record what a page asks for outside ``base``, and what it complains about."""
    own = (base, "data:", "blob:", "about:")
    page.on("request", lambda r: None if r.url.startswith(own) else page.third_party.append(r.url))
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on("console", lambda m: page.problems.append(said(m)) if m.type == "error" else None)
    return page


@pytest.fixture(scope="session")
def idle(browser):
    """Pages that no test has now, by their base and options; to open one costs more than to show in it."""
    pages = collections.defaultdict(list)
    yield pages
    for page in itertools.chain(*pages.values()):
        page.context.close()


@pytest.fixture
def closed_page(browser, idle, request):
    """Return a factory of pages that reach nothing but the loopback, and are watched.

    ``closed_page(width=1280, theme="light", base=None)`` gives a page to fill; relative addresses in
    ``page.goto`` start at ``base``: the built book on a loopback server unless another is named, such as
    ``book.as_uri()`` for the book from disk. What the page asked for outside ``base`` is in
    ``page.third_party``; its console errors and uncaught exceptions are in ``page.problems``. Another test
    gets it afterwards, unless ``page.is_spent`` says that it is not as it was.
    """
    pages = []

    def open_page(width=1280, theme="light", base=None, height=900, **options):
        base = (base or request.getfixturevalue("book_url")).rstrip("/") + "/"
        shelf = idle[base, repr(options)]
        page = (
            shelf.pop() if shelf else _watched(browser.new_context(base_url=base, **options).new_page(), base)
        )
        pages.append((shelf, page))
        page.third_party, page.problems = [], []
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=theme, media="null")
        return page

    yield open_page
    for shelf, page in pages:
        page.context.close() if hasattr(page, "is_spent") else shelf.append(page)
