"""A link to an explorer's state restores it in another page; a link of nonsense changes nothing."""

import json
from urllib.parse import unquote

from helpers.figures.explorers import LipschitzExplorer, RegressionExplorer, ScheduleExplorer, SoftmaxExplorer
from tests.figures.conftest import started
from tests.figures.explorer_checks import typed
from tests.figures.test_explorers_in_browser import STAIRS, present


def reopened(page):
    """Load the same page at the same address afresh."""
    page.reload()
    started(page)


def followed(page, text):
    """Follow a link within the page, which loads it afresh."""
    page.evaluate(
        "text => { window.old = 1; location.hash = `explorer-1=${encodeURIComponent(text)}`; }", text
    )
    page.wait_for_function("window.old === undefined && document.querySelector('.explorer[data-ready]')")


def asked(page):
    """What the address asks for, and of which explorer."""
    name, _, text = page.url.partition("#")[2].partition("=")
    return name, json.loads(unquote(text))


def test_a_link_restores_the_state_and_reset_still_leads_to_the_first(show):
    page = show(ScheduleExplorer(STAIRS))
    page.get_by_label("Schedule", exact=True).select_option("cosine decay")
    typed(page, "peak learning rate, exact value", "0.25")
    page.get_by_role("button", name="Pin this").click()
    page.get_by_role("button", name="Link").click()
    name, wish = asked(page)
    assert name == "explorer-1"
    assert set(wish) == {"parts", "pins"}  # what differs from the start, and nothing else
    wanted = present(page)
    reopened(page)
    assert present(page) == wanted
    assert page.locator(".chip").count() == 1
    page.get_by_role("button", name="Reset").click()
    assert present(page) == STAIRS
    assert page.locator(".chip").count() == 0


def test_a_link_is_copied_and_said(show):
    page = show(ScheduleExplorer(STAIRS), scheme="http", permissions=["clipboard-read", "clipboard-write"])
    page.get_by_label("log axis").check()
    page.get_by_role("button", name="Link").click()
    page.get_by_text("the link to this state is copied.").first.wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == page.url
    assert asked(page) == ("explorer-1", {"log_axis": True})


def test_each_of_several_explorers_has_its_own_link(show):
    page = show(RegressionExplorer(), SoftmaxExplorer(), ScheduleExplorer(STAIRS))
    explorers = page.locator(".explorer")
    explorers.nth(1).get_by_label("True class").select_option("2")
    explorers.nth(1).get_by_role("button", name="Link").click()
    assert asked(page) == ("explorer-2", {"label": 2})
    reopened(page)
    assert page.locator(".explorer").nth(1).get_by_label("True class").input_value() == "2"
    assert present(page, 2) == STAIRS


NONSENSE = {
    "markup": json.dumps({"parts": [{"method": "<img src=x onerror=document.title='taken'>"}], "step": 10}),
    "a number for a yes": json.dumps({"log_axis": 1}),
    "no JSON": "{",
    "no object": "[1, 2]",
    "an unknown method": json.dumps({"parts": [{"method": "Nonsense", "values": {}}]}),
    "values of another kind": json.dumps({"parts": 7, "pins": {}, "total_steps": "many", "log_axis": 1}),
    "values that are missing": json.dumps({"parts": [{"method": "step decay", "values": {}}]}),
    "what it does not know": json.dumps({"__proto__": {"x": 1}, "constructor": {}, "_esm": "alert(1)"}),
}


def test_a_link_of_nonsense_shows_the_first_state(show):
    page = show(ScheduleExplorer(STAIRS))
    for about, text in NONSENSE.items():
        followed(page, text)
        assert page.locator(".explorer > div").count() == 1, about
        assert present(page) == STAIRS and not page.get_by_label("log axis").is_checked(), about
    assert (page.title(), page.locator("img").count()) == ("Explorers", 0)


def test_a_link_beyond_what_a_slider_takes_shows_the_first_state(show):
    page = show(LipschitzExplorer())
    first = page.get_by_role("img").get_attribute("aria-label")
    for value, is_refused in ((1e3, True), (-1.0, True), ("far", True), (10.0, False)):
        followed(page, json.dumps({"scale": value}))
        assert (page.get_by_role("img").get_attribute("aria-label") == first) == is_refused
