"""What holds of every explorer: one row of ``FAMILIES``, and all of it is checked of a further family.

What is a family's own, above all that its numbers are Python's, is in a file of its own.
"""

import dataclasses
import functools
import re
from collections.abc import Callable

import pytest

from helpers.figures import explorers
from helpers.figures.explorers import (
    CodeExplorer,
    ConvolutionExplorer,
    Explorer,
    LaboratoryExplorer,
    LipschitzExplorer,
    NormalizationExplorer,
    PlateauExplorer,
    RaceExplorer,
    RegressionExplorer,
    ScheduleExplorer,
    SignalExplorer,
    SoftmaxExplorer,
)
from tests.figures.explorer_checks import (
    CELLS,
    CONTROLS,
    assert_all_is_shown,
    layouts,
    message,
    opened_table,
    resized,
    seen,
    typed,
)
from tests.figures.test_explorers import EXAMPLES, STAIRS
from tests.figures.test_plateau_explorer import CURVES, QUESTIONS, START
from tests.figures.test_race_explorer import RECORD

BLUE = {"light": "rgb(0, 114, 178)", "dark": "rgb(86, 180, 233)"}
RIVAL = {"light": "rgb(213, 94, 0)", "dark": "rgb(240, 127, 46)"}
THIRD = {"light": "rgb(0, 127, 95)", "dark": "rgb(47, 191, 152)"}
INK = {"light": "rgb(50, 50, 50)", "dark": "rgb(206, 214, 221)"}

FOUR = ("CosineDecay", "LinearDecay", "ExponentialDecay", "Constant")


@dataclasses.dataclass
class Family:
    """An explorer, and what is its own in the checks that all families share.

    Parameters
    ----------
    name : str
        What it is an explorer of.
    make : callable
        Makes the explorer.
    other : callable
        Makes one of another state.
    says : str
        A part of what only the other one says.
    label : str
        The label of the still picture.
    result : str
        CSS selector of the result in words; that of a picture is its label.
    questions : int
        How many there are to try, each with a picture and a result of its own.
    idle : int
        How many of them leave the result as it is at the start.
    colors : dict
        CSS selector and property to the one color of the theme that it has.
    refused : sequence of tuple of str
        What is typed in vain: the name of the field, the text, what it must be, what stays.
    pictures : int
        How many charts there are.
    slowest : callable, optional
        Makes the explorer whose updates take longest, if not the first.
    slider : int
        Which slider is moved then.
    jump : int
        By how many pixels the page may move when a question is chosen.
    table : bool
        Whether its numbers stand in a table.
    """

    name: str
    make: Callable[[], Explorer]
    other: Callable[[], Explorer]
    says: str
    label: str
    result: str
    questions: int
    colors: dict
    refused: tuple = ()
    idle: int = 0
    pictures: int = 1
    slowest: Callable[[], Explorer] | None = None
    slider: int = 0
    jump: int = 30
    table: bool = True

    @functools.cached_property
    def explorer(self):
        return self.make()


FAMILIES = [
    Family(
        "code lengths, entropy and cross-entropy",
        CodeExplorer,
        lambda: CodeExplorer([1, 1, 1, 1], [1, 1, 1, 1]),
        says="cross-entropy 2 bits a symbol",
        label="cross-entropy 2.625 bits a symbol, entropy 1.75, divergence 0.875; "
        "bits of each: A 3, B 3, C 2, D 1",
        result=".parts",
        questions=5,
        colors={("rect.needed", "fill"): BLUE, ("path.best", "stroke"): INK},
        refused=[
            ("n C: how often C comes", "much", "be a number", "2"),
            ("n C: how often C comes", "0", "be positive", "2"),
            ("n C: how often C comes", "2.5", "be a whole number", "2"),
            ("m D: how often D is expected", "65", "be in [1, 64]", "8"),
        ],
    ),
    Family(
        "a convolution",
        ConvolutionExplorer,
        lambda: ConvolutionExplorer("digit 7", stride=2),
        says="map 3 × 3",
        label="digit 3 and the map that the kernel makes of it; row 2, column 1: 18",
        result=".terms",
        questions=4,
        colors={("path[style*='--study']", "fill"): BLUE},
        refused=[("p padding", "3", "be in [0, 2]", "0")],
        slowest=lambda: ConvolutionExplorer("photograph: tower"),
        slider=1,
        table=False,  # the map is one
    ),
    Family(
        "networks that learn in this page",
        lambda: LaboratoryExplorer(steps=100, running=False),
        lambda: LaboratoryExplorer(steps=100, running=False, show="draw"),
        says="they read nothing yet",
        label="After 100 of 100 steps the network reads 67 % of the new digits right. "
        "The learning rate is 0.1.",
        result="[role=img]",
        questions=2,
        table=False,  # nothing stands in it before a training
        colors={("path.study", "stroke"): BLUE},
        refused=[
            ("η learning rate", "0", "be positive", "0.1"),
            ("B digits a step", "300", "be in [1, 256]", "16"),
            ("v steps a second", "2.5", "be a whole number", "100"),
        ],
    ),
    Family(
        "learning rates from Lipschitz constants",
        LipschitzExplorer,
        lambda: LipschitzExplorer(0.1),
        says="Scale 0.1, 32 examples",
        label="Scale 1, 32 examples: the stability limit is 17.7. After 60 steps "
        "published 1/L 10.2, 0.574 of the limit, leaves nothing; "
        "1/L, true bound 0.899, 0.0507 of the limit, leaves 4.96·10⁻⁸; "
        "1/smoothness 3.23, 0.182 of the limit, leaves nothing.",
        result=".chart",
        questions=4,
        colors={("path[style*='--study']", "stroke"): BLUE},
        refused=[
            ("s scale of the feature", "0", "be positive", "1"),
            ("s scale of the feature", "1000", "be in [0.01, 100]", "1"),
            ("m examples in the batch", "7", "be in [8, 512]", "32"),
        ],
        slowest=lambda: LipschitzExplorer(1.0, 512),
    ),
    Family(
        "batch normalization",
        NormalizationExplorer,
        lambda: NormalizationExplorer(library="Keras"),
        says="keras.layers.BatchNormalization(",
        label="output: mean 0, spread 1 (training, by the batch's statistics); "
        "running: mean 1.65, spread 0.847 after 5 batches",
        result="[role=img]",
        questions=4,
        colors={("circle[style*='--study']", "fill"): BLUE, ("path.pin1", "stroke"): RIVAL},
        refused=[
            ("m values in the batch", "1", "be in [2, 32]", "16"),
            ("m values in the batch", "100", "be in [2, 32]", "16"),
            ("n batches seen", "61", "be in [0, 60]", "5"),
            ("ϵ in the root", "0", "be positive", "10⁻⁵"),
            ("c added to the input", "far", "be a number", "4"),
        ],
    ),
    Family(
        "reduce on plateau",
        lambda: PlateauExplorer(CURVES, START, QUESTIONS),
        lambda: PlateauExplorer(CURVES, START.replace(patience=0), QUESTIONS),
        says="patience=0",
        label="12 checks: 5 new bests, 7 bad ones, 0 forgiven; the rate falls 2 times, from 0.2 to 0.05.",
        result="p.muted",
        questions=3,
        colors={("path.study", "stroke"): BLUE, ("circle.better", "fill"): BLUE},
        refused=[("η min minimum learning rate", "0.3", "be at most lr=0.2", "0")],
    ),
    Family(
        "the race of schedules",
        lambda: RaceExplorer(record=RECORD),
        lambda: RaceExplorer("one-cycle", "plateau", 40, record=RECORD),
        says="After 40 steps",
        label="After 100 steps, test accuracy: cosine 72.45 %, constant 72.04 %. cosine is better by 0.40 ± "
        "0.05 points in 5 of 5 seeds, more than chance would give; the test loss of cosine is lower by "
        "0.0200 ± 0.0000 in 5 of 5, more than chance would give.",
        result="p.muted",
        questions=3,
        colors={
            ("path.study.mean", "stroke"): BLUE,
            ("circle.accuracy[style*='--study']", "fill"): BLUE,
            ("circle.accuracy[style*='--rival']", "fill"): RIVAL,
        },
        refused=[("t/T part of the training", "130", "be in [5, 100]", "100")],
        idle=1,  # one question leads to the middle of the same runs
        pictures=2,
    ),
    Family(
        "regression losses",
        RegressionExplorer,
        lambda: RegressionExplorer((0.9, 1.0, 1.0), 0.25),
        says="losses.SmoothL1(beta=0.25)",
        label="least loss at: squared error 0.970 m, absolute error 0.990 m, smooth L1 0.988 m",
        result="[role=img]",
        questions=4,
        colors={
            (".chart .curve.study", "stroke"): BLUE,
            (".chart .curve.pin1", "stroke"): RIVAL,
            (".chart .curve.pin2", "stroke"): THIRD,
        },
        refused=[("β width of the parabola", "0", "be positive", "0.05")],
    ),
    Family(
        "learning-rate schedules",
        lambda: ScheduleExplorer(STAIRS),
        lambda: ScheduleExplorer(
            STAIRS.replace(peak_lr=0.7, step_size=70, gamma=0.7), pinned=[EXAMPLES["CosineDecay"]]
        ),
        says="schedules.StepDecay(peak_lr=0.7, step_size=70, gamma=0.7)",
        label=f"step decay: rate at step 500: 0.01; area under the curve {STAIRS.rates(1000).sum():.4g}",
        result=".code code",
        questions=3,
        colors={(".picture .curve.study", "stroke"): BLUE},
        refused=[
            ("η₀ peak learning rate", "-1", "be positive", "0.1"),
            ("η₀ peak learning rate", "", "be a number", "0.1"),
            ("η₀ peak learning rate", "1e999", "be finite", "0.1"),
            ("s length of a stair", "2.5", "be a whole number", "300"),
            ("γ decay factor", "1.5", "be in (0, 1]", "0.1"),
        ],
        slowest=lambda: ScheduleExplorer(STAIRS, pinned=[EXAMPLES[name] for name in FOUR]),
        jump=60,  # a question pins a curve
    ),
    Family(
        "signals and gradients in a random network",
        SignalExplorer,
        lambda: SignalExplorer(depth=7),
        says="layer 7: 1.41",
        label="In an endlessly wide network layer 50 multiplies the signal by 1, and the gradient on its way "
        "back by 1. In the six networks of width 32 the signal at layer 50 is 0.0496 to 0.57, the gradient "
        "at layer 1 0.0571 to 0.662.",
        result="p.muted",
        questions=5,
        jump=6,
        colors={("path.theory >> nth=0", "stroke"): BLUE, ("path.theory >> nth=1", "stroke"): THIRD},
        refused=[
            ("L layers", "many", "be a number", "50"),
            ("L layers", "2.5", "be a whole number", "50"),
            ("L layers", "61", "be in [2, 60]", "50"),
        ],
    ),
    Family(
        "softmax and its loss",
        lambda: SoftmaxExplorer([2.0, 1.0, 0.0, -1.0], label=1),
        lambda: SoftmaxExplorer([2.0, 1.0, 0.0, -1.0], label=3),
        says="loss −ln p₃ = 3.44 nats",
        label="loss 1.44 nats; probabilities class 0: 0.644; class 1, true: 0.237; class 2: 0.0871; "
        "class 3: 0.0321",
        result=".loss",
        questions=4,
        colors={("rect.probability", "fill"): BLUE, ("rect.target", "stroke"): INK},
        refused=[("z₂ logit", "much", "be a number", "0")],
        idle=1,  # a number added to all logits
    ),
]


@pytest.fixture(params=FAMILIES, ids=lambda family: family.name)
def family(request):
    return request.param


def test_every_family_is_checked():
    checked = [type(family.explorer).__name__ for family in FAMILIES]
    kinds = [name for name in explorers.__all__ if name.endswith("Explorer") and name != "Explorer"]
    assert sorted(checked) == sorted(kinds)


# ---- what Python makes ----


def test_html_is_the_same_each_time_and_names_no_other_place(family):
    html = family.explorer.html()
    assert html == family.make().html()
    assert family.other().html() == family.other().html()
    addresses = set(re.findall(r"https?://[^\"'\s<>)\\]+", html))
    assert addresses == {"http://www.w3.org/2000/svg", "http://www.w3.org/1998/Math/MathML"}


def test_module_is_one_and_never_makes_markup_or_code_from_text(family):
    module = family.explorer._esm
    [export] = re.findall(r"^(?:import|export)\b.*", module, re.M)
    assert export.startswith("export default ")
    words = ("innerHTML", "outerHTML", "insertAdjacentHTML", "eval(", "Function(", "window.")
    assert [word for word in words if word in module] == []


def test_bundle_serves_notebooks_and_pages(family):
    data, _ = family.explorer._repr_mimebundle_()
    assert {"application/vnd.jupyter.widget-view+json", "text/html", "text/plain"} <= set(data)
    assert data["text/plain"] == f"{type(family.explorer).__name__}: Explorer of {family.name}"
    assert data["text/html"] == family.explorer.html()


# ---- what a browser does with it ----

WIDTHS = (320, 760, 1200)  # between two of them the layout changes
DRAWN = "nodes => nodes.map((node) => node.innerHTML)"
RESULT = "nodes => nodes.map((node) => node.getAttribute('aria-label') ?? node.textContent).join('; ')"
# A view is put up, moved from Python and taken down, twice.
MOVED = """async () => {
    const [{ esm, state }, { state: wanted }] = [tools.told(0), tools.told(1)];
    const { default: widget } = await tools.load(esm);
    const [el, views, counts] = [tools.place(), [], []];
    for (const _ of [1, 2]) {
        const model = tools.model(structuredClone(state));
        const count = () => counts.push([el.children.length, model.listeners.length, model.saved]);
        const stop = await widget.render({ model, el });
        Object.assign(model.state, wanted);
        model.listeners.forEach((act) => act());
        views.push(tools.seen(el.firstChild.shadowRoot));
        count();
        stop();
        count();
    }
    return [views, counts];
}"""
# From one end of a slider to the other, in a hundred moves.
SLID = """(i) => {
    const slider = tools.root().querySelectorAll('input[type=range]')[%d];
    slider.value = Number(slider.min) + (slider.max - slider.min) * i / 99;
    slider.dispatchEvent(new Event('input'));
}"""


def stir(page, i):
    """Move whatever kind of control an explorer has."""
    explorer = page.locator(".explorer").nth(i)
    for kind in ("input[type=range]", "[role=slider]"):
        for slider in explorer.locator(f"{kind}:visible").all()[:1]:
            slider.press("Home")
            slider.press("ArrowRight")
    for menu in explorer.locator("select:visible").all()[:1]:
        menu.select_option(index=1)


def test_two_explorers_do_not_disturb_each_other(family, show):
    page = show(family.explorer, family.other())
    for still, moved in ((0, 1), (1, 0)):
        before = seen(page, still), seen(page, moved)
        stir(page, moved)
        assert seen(page, still) == before[0]
        assert seen(page, moved) != before[1]


def test_a_change_from_python_moves_the_page_and_a_view_can_be_taken_down(family, show):
    page = show(family.explorer, family.other())
    assert family.says in page.evaluate("tools.root(1).querySelector('.ex').textContent")
    assert family.says not in page.evaluate("tools.root(0).querySelector('.ex').textContent")
    views, counts = page.evaluate(MOVED)
    assert views == [seen(page, 1)] * 2
    assert counts == [[1, 1, 0], [0, 0, 0]] * 2


def test_questions_set_the_stage_and_reset_clears_it(family, show):
    page = show(family.explorer)
    start, pictures, results = seen(page), set(), [page.locator(family.result).evaluate_all(RESULT)]
    for question in page.locator(".prompt").all():
        question.click()
        assert message(page) == question.text_content()
        assert seen(page) != start
        pictures.add("".join(page.locator(".chart").evaluate_all(DRAWN)))
        results.append(page.locator(family.result).evaluate_all(RESULT))
    assert len(pictures) == len(set(results[1:])) == family.questions
    assert results[1:].count(results[0]) == family.idle
    page.get_by_role("button", name="Reset").click()
    assert seen(page) == start


def test_a_bad_number_is_refused_gently(family, show):
    page = show(family.explorer)
    start = seen(page)
    for name, text, wish, kept in family.refused:
        typed(page, f"{name}, exact value", text)
        assert message(page) == f"{name} must {wish}, got {text or 'nothing'}; {kept} stays."
        assert seen(page) == start


def test_keys_move_a_slider_and_delete_resets_it(family, show):
    page = show(family.explorer)
    start = seen(page)
    for slider in page.locator("input[type=range]:visible").all():
        left = slider.input_value() == slider.get_attribute("max")
        for key in ("ArrowLeft" if left else "ArrowRight", "Home" if left else "End"):
            before = seen(page)
            slider.press(key)
            assert seen(page) != before
        slider.press("Delete")
        assert seen(page)[1:] == start[1:]  # all fields; an axis may stay as it is


def test_the_result_is_said_and_stands_in_a_table(family, show):
    page = show(family.explorer)
    question = page.locator(".prompt").nth(1)
    question.click()
    label = page.get_by_role("img").first.get_attribute("aria-label")
    said = page.get_by_role("status").text_content()
    assert said.startswith(question.text_content()) and label.split("; ")[-1] in said
    if family.table:
        rows = opened_table(page)
        assert len(rows) > 2 and all(row[0] for row in rows)
        page.get_by_role("button", name="Reset").click()
        assert page.locator("tr").evaluate_all(CELLS) != rows


def test_every_control_has_a_name_of_its_own(family, show):
    page = show(family.explorer)
    tree = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    roles = {"slider", "textbox", "button", "combobox", "checkbox", "DisclosureTriangle"}
    nodes = [node for node in tree if node.get("role", {}).get("value") in roles and not node["ignored"]]
    names = [node["name"]["value"].strip() for node in nodes]
    assert all(names) and len(names) == len(set(names))
    assert len(names) == page.locator(f"{CONTROLS}, [role=slider]:visible").count()


def heights(pages):
    return [page.locator(".explorer").bounding_box()["height"] for page in pages]


def test_at_every_width_all_is_shown_where_the_still_picture_stood_and_no_question_moves_it(family, show):
    live = show(family.explorer)
    still = show(family.explorer, java_script_enabled=False, ready=False)
    assert_still(still, family)
    assert still.locator("pre").all_text_contents() == live.locator("pre").all_text_contents()
    room = "all => all.map((picture) => picture.parentElement.clientWidth - picture.clientWidth)"
    for width in WIDTHS:
        resized(live, width)
        still.set_viewport_size({"width": width, "height": 900})
        tall, stood = heights([live, still])
        assert abs(tall + still.locator("noscript").bounding_box()["height"] - stood) <= 6
        assert all(max(page.locator(".picture:visible").evaluate_all(room)) <= 1 for page in (live, still))
        for prompt in live.locator(".prompt").all():
            prompt.click()
            assert heights([live]) == pytest.approx([tall], abs=family.jump)
        live.get_by_role("button", name="Reset").click()
    live.locator(".prompt").first.click()
    for box in live.get_by_label("with the present values").all():
        box.check()
    for width in WIDTHS:
        resized(live, width)
        assert_all_is_shown(live, width)


def assert_still(page, family):
    """What stands there without a script: pictures that say what they are, and the lines of code."""
    assert page.locator("noscript").text_content() == "Without JavaScript this is a still picture."
    pictures = page.get_by_role("img")
    assert pictures.count() == family.pictures
    assert pictures.first.is_visible()
    assert pictures.first.get_attribute("aria-label") == family.label
    assert page.locator("pre:visible").count() == page.locator("pre").count()
    assert page.locator(".picture [tabindex]").count() == 0  # nothing there hears a key


def test_the_picture_follows_the_theme_and_stands_in_print_without_its_controls(family, show):
    page = show(family.explorer, theme="dark")
    read = "(nodes, name) => nodes.map((node) => getComputedStyle(node)[name])"
    for theme in ("dark", "light"):
        page.evaluate("(theme) => { document.documentElement.dataset.theme = theme; }", theme)
        page.wait_for_function(
            "(dark) => tools.root().querySelector('.ex').hasAttribute('data-dark') === dark",
            arg=theme == "dark",
        )
        for (selector, name), color in family.colors.items():
            assert set(page.locator(selector).evaluate_all(read, name)) == {color[theme]}
    page.emulate_media(media="print")
    assert page.locator(".chart:visible").count() == family.pictures
    assert page.locator("button:visible, input:visible, details:visible").count() == 0


def test_an_update_asks_for_no_layout(family, show):
    page = show((family.slowest or family.make)())
    assert layouts(page, SLID % family.slider) < 10  # what stands between two frames is laid out once
