"""A page that is there at once: what it loads, what when somebody comes, and what it can do without."""

import base64
import hashlib
import re

import equations
import pytest
import sheet
from numbering import numbered

from tests.conftest import BOOK
from tests.figures.conftest import started

LESSON = "lessons/part5-schedules/17-why-lower-the-rate.html"
#: Files of the book and nothing else; KaTeX and explorers have styles in their attributes.
POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self' {}",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "worker-src 'self' blob:",
        "base-uri 'none'",
        "form-action 'self'",
    ]
)


def lessons():
    """Return the built lessons."""
    return sorted(p.relative_to(BOOK).as_posix() for p in BOOK.glob("lessons/**/*.html"))


def come(page):
    """Let the page notice a reader."""
    page.evaluate("dispatchEvent(new Event('pointermove'))")


def inline(html):
    """Return the sources by which a policy allows the scripts that stand in a page: the hash of each."""
    scripts = re.findall(r"<script>(.*?)</script>", html, re.S)
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    return [f"'sha256-{one}'" for one in hashes]


# Equations


def test_an_equation_is_markup_for_eyes_and_ears_and_can_be_copied():
    markup = equations.markup(r"\eta_0 > 0")
    assert '<span class="katex-html" aria-hidden="true">' in markup
    assert "<math " in markup
    assert r'<annotation encoding="application/x-tex">\eta_0 &gt; 0</annotation>' in markup


@pytest.mark.parametrize("tex", [r"\frac{1}{", r"\nosuchmacro", "é"])
def test_what_katex_refuses_is_an_error_with_its_words(tex):
    with pytest.raises(ValueError, match=r"(KaTeX|Error).* in "):
        equations.markup(tex)


def test_lines_of_a_displayed_formula_stand_below_each_other():
    assert equations.lines("a = b") == "a = b"
    assert equations.lines(r"a &= b \\ &= c") == r"\begin{split}a &= b \\ &= c\end{split}"
    assert equations.markup(equations.lines("a = b\n\nc = d"), display=True).count("mtr") == 4


def test_numbers_begin_afresh_in_every_page():
    kinds = {"displaymath": {"a": (8,), "b": (9,)}, "exercise": {"c": (30,)}}
    assert numbered("lessons/part5/17-why", kinds) == {
        "displaymath": {"a": (17, 1), "b": (17, 2)},
        "exercise": {"c": (17, 1)},
    }


# One style sheet


@pytest.mark.parametrize(
    ("css", "left"),
    [
        ("a{top:0} b{top:0}", "a{top:0}"),
        (".x, .y { top: 0 }", ".x{top: 0}"),
        ("a:not(.y):hover > .x::after { top: 0 }", "a:not(.y):hover > .x::after{top: 0}"),
        (":is(.y, .x) { top: 0 }", ":is(.y, .x){top: 0}"),
        ('a[href^=".y"] { content: "a;}.y" }', 'a[href^=".y"]{content: "a;}.y"}'),
        ("@media print { .y { top: 0 } }", ""),
        ("@media print { @supports (a: b) { .x { top: 0 } } }", "@media print{@supports (a: b){.x{top: 0}}}"),
        ("@font-face { font-family: A }", "@font-face{font-family: A}"),
        ("/* .x */ .y { top: 0 }", ""),
        (r".x\:y { top: 0 }", ""),
    ],
)
def test_a_rule_stays_where_a_page_can_meet_it(css, left):
    assert sheet.used(css, {"a", "x"}) == left


@pytest.mark.pages
@pytest.mark.parametrize("name", ["book/intro.html", LESSON])
def test_no_rule_is_missing(name, closed_page, book):
    """Every element of the still page looks as it does with all rules of all sheets."""
    page = closed_page()
    page.is_spent = True
    page.route("**/*.js", lambda route: route.abort())
    page.goto(name)
    page.add_style_tag(content="* { content-visibility: visible !important }")
    looks = """() => [...document.querySelectorAll('body *')].filter((n) => n.checkVisibility()).map((n) => {
        const box = n.getBoundingClientRect(), style = getComputedStyle(n);
        return [n.className, box.x, box.y, box.width, box.height, style.color, style.backgroundColor].join();
    })"""
    before = page.evaluate(looks)
    css = "".join(sheet.sheet_text(book / "_static", one) for one in sheet_names(book))
    (book / "_static" / "whole.css").write_text(css, encoding="utf-8")
    page.evaluate(
        """() => new Promise((done) => {
            const link = document.querySelector('link[rel=stylesheet]');
            link.onload = done;
            link.href = link.href.replace('book.css', 'whole.css');
        })"""
    )
    (book / "_static" / "whole.css").unlink()
    assert page.evaluate(looks) == before


def sheet_names(book):
    """Return the sheets of which ``book.css`` is made, as it names them."""
    first = (book / "_static" / "book.css").read_text("utf-8").partition("*/")[0]
    return first.removeprefix("/*").split()


# What a page loads, and when


@pytest.mark.pages
def test_a_page_waits_for_one_sheet_and_gets_scripts_when_somebody_comes(closed_page):
    page = closed_page(height=600)
    requests = []
    page.on("request", lambda request: requests.append(request.url.rpartition("/")[2]))
    page.goto(LESSON, wait_until="networkidle")
    scripts = {name for name in requests if name.endswith(".js")}
    assert {name for name in requests if ".css" in name} == {"book.css"}
    assert scripts - {"page.js", "host.js"} <= set(re.findall(r"[0-9a-f]{12}\.js", " ".join(scripts)))
    come(page)
    page.wait_for_selector(".copybtn", state="attached")
    assert {"bootstrap.js", "copybutton.js"} <= set(requests)


@pytest.mark.pages
@pytest.mark.parametrize("act", ["theme", "search"])
def test_the_first_press_of_all_is_not_lost(act, closed_page):
    page = closed_page(width=800)
    page.goto(LESSON)
    if act == "theme":
        page.evaluate("document.querySelector('.theme-switch-button').click()")
        come(page)
        page.wait_for_function("document.documentElement.dataset.mode === 'dark'")
    else:
        page.keyboard.press("Control+k")
        page.wait_for_function("document.activeElement.matches('input[type=search]')")


@pytest.mark.pages
@pytest.mark.parametrize("name", [LESSON, "book/intro.html", "search.html"])
@pytest.mark.parametrize("mode", ["light", "dark"])
def test_the_chosen_theme_is_there_before_anything_is_painted(name, mode, closed_page):
    page = closed_page(theme="light" if mode == "dark" else "dark")
    page.is_spent = True
    page.goto(name)
    page.evaluate("mode => localStorage.setItem('mode', mode)", mode)
    page.route("**/*.js*", lambda route: route.abort())
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == mode
    page.problems.clear()  # of the scripts that were held back


@pytest.mark.pages
def test_a_formula_is_copied_as_its_latex(closed_page):
    page = closed_page()
    page.goto(LESSON)
    come(page)
    page.wait_for_selector(".copybtn", state="attached")
    formula = page.locator("article p:has(.katex)").first
    tex = formula.locator("annotation").first.text_content()
    formula.evaluate("node => getSelection().selectAllChildren(node)")
    copied = """() => {
        const clipboardData = new DataTransfer();
        const event = new ClipboardEvent('copy', { clipboardData, cancelable: true });
        document.dispatchEvent(event);
        return clipboardData.getData('text/plain');
    }"""
    assert f"${tex}$" in page.evaluate(copied)


@pytest.mark.pages
def test_without_scripts_equations_solutions_and_pictures_are_there_and_no_dead_button(closed_page):
    page = closed_page(java_script_enabled=False)
    page.goto(LESSON)
    assert page.locator(".math .katex-html").first.is_visible()
    solution = page.locator("details.solution").first
    assert not solution.locator(".katex, p").first.is_visible()
    solution.locator("> summary").click()
    assert solution.locator("p").first.is_visible()
    assert page.locator(".explorer .chart").first.is_visible()
    assert not page.locator(".theme-switch-button").first.is_visible()


@pytest.mark.pages
def test_pictures_keep_their_place_before_they_come(closed_page):
    page = closed_page()
    page.goto(LESSON)
    images = page.locator("article img").evaluate_all(
        "nodes => nodes.map(n => [n.loading, n.width / n.height, n.naturalWidth / n.naturalHeight || null])"
    )
    assert images and all(loading == "lazy" for loading, *_ in images)
    assert all(real is None or shape == pytest.approx(real, rel=0.01) for _, shape, real in images)


@pytest.mark.pages
@pytest.mark.parametrize("name", [*lessons(), "book/intro.html", "search.html?q=momentum"])
def test_every_page_works_under_a_strict_content_security_policy(name, closed_page):
    page = closed_page()

    def strict(route):
        answer = route.fetch()
        policy = POLICY.format(" ".join(inline(answer.text())))
        route.fulfill(response=answer, headers={**answer.headers, "content-security-policy": policy})

    page.is_spent = True
    page.route(re.compile(r"\.html(\?|$)"), strict)
    page.goto(name)
    come(page)
    started(page)
    page.wait_for_load_state("networkidle")
    assert (page.problems, page.third_party) == ([], [])


@pytest.mark.pages
@pytest.mark.parametrize("name", [*lessons(), "book/intro.html"])
def test_one_script_stands_in_a_page(name, book):
    text = (book / name).read_text("utf-8")
    assert len(inline(text)) == 1 and not re.search(r"<[^>]+ on(click|load)=", text)


@pytest.mark.pages
def test_the_map_shows_each_lesson_with_its_picture_and_minutes(closed_page):
    page = closed_page(java_script_enabled=False)
    page.goto("book/intro.html")
    entries = page.locator("li.written")
    assert entries.count() == len(lessons())
    for entry in entries.all():
        address = entry.get_by_role("link").first.get_attribute("href")
        assert entry.locator("img").count() == 1
        text = (BOOK / "book" / address).resolve().read_text("utf-8")
        assert f"{entry.locator('.minutes').inner_text()} to read" in " ".join(text.split())


@pytest.mark.pages
def test_a_lesson_that_was_read_to_its_foot_is_marked_in_the_contents(closed_page):
    page = closed_page()
    page.is_spent = True
    page.goto(LESSON)
    assert page.locator("a.read").count() == 0
    page.locator(".foot").scroll_into_view_if_needed()
    page.locator("a.read").first.wait_for()
    page.goto("book/intro.html")
    assert page.locator(".bd-docs-nav a.read").all_inner_texts() == ["Why lower the rate"]


@pytest.mark.pages
@pytest.mark.parametrize("name", lessons())
def test_the_foot_says_with_what_and_when_a_page_was_made_and_how_often_its_checks_held(name, book):
    text = (book / name).read_text("utf-8")
    [foot] = re.findall(r'<p class="foot">(.*?)</p>', text)
    made = r"Made on 20\d\d-\d\d-\d\d with Python 3\.\d+\.\d+, torch \S+ and NumPy \S+\. Its "
    held = re.fullmatch(made + r"(\d+) checks held in (\d+) of (\d+) repetitions\.", foot)
    if held is None:  # other versions than those of the record
        assert re.fullmatch(made + r"checks have not been repeated with this code yet\.", foot)
        return
    n, good, total = map(int, held.groups())
    assert n == text.count('<details class="check ') and 0 < good <= total and total % n == 0
