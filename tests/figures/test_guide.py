"""The guide to making an explorer: what it shows runs as it stands."""

import importlib.util
import re
import sys

import pytest

from helpers.formulas.schedules import ExponentialDecay
from tests.conftest import ROOT

GUIDE = (ROOT / "helpers" / "figures" / "explorers" / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def explorer(tmp_path_factory):
    """The explorer of the guide, in a folder of its own."""
    folder = tmp_path_factory.mktemp("guide")
    for ending, language in (("py", "python"), ("js", "javascript")):
        [text, *_] = re.findall(rf"```{language}\n(.*?)```", GUIDE, re.S)
        (folder / f"decay.{ending}").write_text(text, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("decay", folder / "decay.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["decay"] = module
    spec.loader.exec_module(module)
    yield module.DecayExplorer()
    del sys.modules["decay"]


def test_its_explorer_computes_what_the_book_computes(explorer):
    state = "{peak_lr: 0.1, gamma: 0.5, decay_steps: 50}"
    rates = explorer.evaluate(f"[0, 50, 500].map((step) => formulas.rate(step, {state}))")
    schedule = ExponentialDecay(0.1, gamma=0.5, decay_steps=50)
    assert rates == pytest.approx([schedule(step) for step in (0, 50, 500)], rel=1e-12)


def test_its_explorer_is_one_in_a_page_and_without_a_script(explorer, show):
    assert "after 500 steps 34.9 % of the rate is left" in explorer.still()
    page = show(explorer)
    page.locator(".prompt").first.click()
    label = page.get_by_role("img").get_attribute("aria-label")
    assert label == "after 500 steps 0.0977 % of the rate is left"


def test_its_knob_is_moved_by_keys_and_by_the_pointer(explorer, show):
    page = show(explorer)
    page.get_by_role("slider", name="step", exact=True).press("ArrowRight")
    assert page.locator("text.halo").last.text_content() == "step 60: 0.08812"
    box = page.locator(".chart").bounding_box()
    page.mouse.move(box["x"] + 54, box["y"] + 100)
    assert page.locator("text.halo").last.text_content() == "step 0: 0.1"


def rewritten(explorer, tmp_path, source, **fields):
    """Make an explorer like this one, of another file, with other fields."""
    (tmp_path / "other.py").write_text("")
    (tmp_path / "decay.js").write_text(source)
    spec = importlib.util.spec_from_file_location("other", tmp_path / "other.py")
    sys.modules["other"] = importlib.util.module_from_spec(spec)
    kind = type("Other", (type(explorer).__mro__[1],), {"family": "decay", "__module__": "other", **fields})
    return kind()


@pytest.mark.parametrize(
    "source, fields, message",
    [
        ("function knob() {}\n", {}, "decay.js must not name knob, which kit.js has already"),
        ("const [one, text] = [1, 2];\n", {}, "decay.js must not name text, which marks.js has already"),
        ("", {"questions": (("What?", {"rate": 1.0}),)}, "got questions and limited='rate'"),
        ("", {"limited": ("lr",)}, "got questions and limited='lr'"),
    ],
)
def test_what_is_misnamed_is_said(explorer, tmp_path, source, fields, message):
    imports = 'import { h } from "./kit.js";\nimport { bar } from "./marks.js";\n'
    with pytest.raises(ValueError, match=message):
        rewritten(explorer, tmp_path, imports + source, **fields)


def test_a_notebook_without_quickjs_shows_no_still_picture(explorer, monkeypatch):
    monkeypatch.setitem(sys.modules, "quickjs", None)
    data, _ = explorer._repr_mimebundle_()
    assert '<div class="ex still"><noscript>' in data["text/html"]


def test_what_it_names_is_there():
    for file, sentence in (("kit.js", r"`kit\.js` has (.*?);"), ("marks.js", r"`marks\.js` has (.*?)\.\n")):
        source = (ROOT / "helpers" / "figures" / "explorers" / file).read_text("utf-8")
        for name in re.findall(r"`(\w+)`", re.search(sentence, GUIDE, re.S)[1]):
            assert re.search(rf"^export (const|function) {name}\b", source, re.M), name
