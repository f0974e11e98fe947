"""The schedule explorer in a real browser, in a page of its own, with the network closed."""

import itertools
import re

import numpy as np
import pytest
from explorers import HOST, STYLE, apart  # of book/_ext

from helpers.figures.explorers import Prompt, ScheduleExplorer, SoftmaxExplorer
from helpers.formulas import schedules
from tests.figures.explorer_checks import (
    CONTROLS,
    assert_all_is_shown,
    heard,
    message,
    points,
    resized,
    seen,
    typed,
    view,
)
from tests.figures.test_explorers import EXAMPLES, FALLING, STAIRS, WARMED


def curve(page, name="study"):
    """The drawn curve in steps and rates, by the numbers that stand at the axes."""
    path, columns, rows = page.evaluate(
        """name => {
            const ticks = (anchor, at) => tools.all(`.tick[text-anchor=${anchor}]`,
                (tick) => [Number(tick.textContent), Number(tick.getAttribute(at))]);
            const [path] = tools.all(`.picture .curve.${name}`, (curve) => curve.getAttribute('d'));
            return [path, ticks('middle', 'x'), ticks('end', 'y')];
        }""",
        name,
    )
    drawn = points(path)
    (x0, px0), (x1, px1) = columns[0], columns[-1]
    (y0, py0), (y1, py1) = rows[0], rows[-1]
    steps = x0 + (drawn[:, 0] - px0) * (x1 - x0) / (px1 - px0)
    rates = y0 + (drawn[:, 1] + 4 - py0) * (y1 - y0) / (py1 - py0)
    return steps, rates, 0.02 * abs((y1 - y0) / (py1 - py0))


def assert_draws(page, schedule, total=1000, name="study"):
    steps, rates, pixel = curve(page, name)
    np.testing.assert_allclose(steps, np.arange(total + 1), atol=0.02)
    np.testing.assert_allclose(rates, schedule.rates(total + 1), atol=pixel, err_msg=str(schedule))


def present(page, i=0):
    """The schedule whose code stands in the page, made by running that code."""
    text = page.locator(".explorer").nth(i).locator(".code code").first.text_content()
    return eval(text, {"schedules": schedules})


def drag(page, slider, part):
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * part, y, steps=6)
    page.mouse.up()


@pytest.mark.parametrize("scheme", ["file", "http"])
def test_a_slider_moves_the_curve_with_the_network_closed(show, scheme):
    page = show(ScheduleExplorer(STAIRS), scheme=scheme)
    stair, factor = (page.get_by_label(name).first for name in ("length of a stair", "decay factor"))
    drag(page, stair, 0.1)
    moved = present(page)
    assert moved == STAIRS.replace(step_size=moved.step_size) and 50 < moved.step_size < 150
    assert_draws(page, moved)
    drag(page, factor, 0.9)
    stair.dblclick()
    assert present(page).step_size == 300 and present(page).gamma > 0.8
    typed(page, "peak learning rate, exact value", "2.5e0")  # beyond the slider
    assert_draws(page, present(page).replace(peak_lr=2.5))


def choose(page, name):
    page.get_by_label("Schedule", exact=True).select_option(EXAMPLES[name].words)


def test_every_schedule_can_be_chosen_and_each_that_falls_can_be_warmed_up(show):
    page = show(ScheduleExplorer(STAIRS))
    box = page.get_by_label("after a warmup")
    for name, schedule in EXAMPLES.items():
        choose(page, name)
        assert present(page) == schedule
        assert box.is_enabled() == (name in FALLING)
        if name in FALLING:
            box.check()
            assert present(page) == WARMED[f"warmed {name}"]
            box.uncheck()


def test_a_reader_joins_two_schedules_and_moves_where_they_meet(show):
    page = show(ScheduleExplorer(STAIRS))
    heights = page.locator(".equation math").count()
    page.get_by_role("checkbox", name="then").check()
    page.get_by_role("combobox", name="Then").select_option("linear decay")
    joined = present(page)
    assert joined.milestones == (500,)
    assert joined.schedules[0] == STAIRS
    typed(page, "milestone, exact value", "200")
    wanted = joined.replace(milestones=(200,))
    assert present(page) == wanted
    assert_draws(page, wanted)
    assert page.locator(".equation math").count() > heights
    assert "step decay, then linear decay" in page.locator("svg [role=img]").first.get_attribute("aria-label")
    page.get_by_role("button", name="Pin this").click()
    page.get_by_role("checkbox", name="then").uncheck()
    assert present(page) == STAIRS
    assert_draws(page, STAIRS)
    assert_draws(page, wanted, name="pin1")


@pytest.mark.parametrize("name", ["Triangular2", "OneCycle"])
def test_the_momentum_of_a_cyclic_schedule_is_drawn_below_it(show, name):
    schedule = EXAMPLES[name]
    page = show(ScheduleExplorer(schedule))
    box = page.get_by_label("momentum", exact=True)
    height = page.locator(".picture").bounding_box()["height"]
    assert page.locator(".picture .curve").count() == 1
    box.check()
    typed(page, "highest momentum, exact value", "0.9")
    path = page.locator(".picture .curve.study").nth(1).get_attribute("d")
    heights = points(path)[:, 1]
    wanted = schedule.momentum(np.arange(1001.0), 0.85, 0.9)
    fall = np.polyfit(wanted, heights, 1)  # higher on the page is smaller
    assert fall[0] < 0
    np.testing.assert_allclose(np.polyval(fall, wanted), heights, atol=0.02)
    torch_line = page.locator(".code code").nth(1).text_content()
    assert "base_momentum=0.85, max_momentum=0.9" in torch_line
    assert "cycle_momentum" not in torch_line
    assert "momentum at step 500" in page.get_by_role("status").text_content()
    assert page.locator(".chart").evaluate("node => node.viewBox.baseVal.height - node.clientHeight") == 0
    choose(page, "CosineDecay")
    assert not box.is_visible()
    assert page.locator(".picture .curve").count() == 1
    page.wait_for_function(
        "(high) => tools.root().querySelector('.chart').viewBox.baseVal.height === high", arg=height
    )


def test_keys_move_a_slider_by_its_step_and_to_its_ends(show):
    page = show(ScheduleExplorer(STAIRS))
    slider = page.get_by_label("length of a stair").first
    for key, size in {"ArrowRight": 301, "ArrowUp": 302, "End": 1000, "Delete": 300}.items():
        slider.press(key)
        assert present(page) == STAIRS.replace(step_size=size)
    page.get_by_label("peak learning rate").first.press("Home")
    assert present(page) == STAIRS.replace(peak_lr=1e-4)


def test_milestones_stay_in_order_and_say_so(show):
    page = show(ScheduleExplorer(EXAMPLES["MultiStepDecay"]))
    typed(page, "m₁ milestone, exact value", "900")
    assert present(page).milestones == (749, 750)
    assert message(page) == "m₁ stops at 749: the milestones stay in order."
    drag(page, page.locator("input[type=range]").nth(2), 0.0)
    assert present(page).milestones == (749, 750)


def test_another_method_keeps_what_both_have_and_values_come_back_as_they_were_left(show):
    page = show(ScheduleExplorer(STAIRS.replace(peak_lr=0.5)))
    choose(page, "CosineDecay")
    assert present(page) == EXAMPLES["CosineDecay"].replace(peak_lr=0.5)
    typed(page, "end learning rate, exact value", "0.01")
    choose(page, "ExponentialDecay")
    assert present(page) == EXAMPLES["ExponentialDecay"].replace(peak_lr=0.5)
    choose(page, "CosineDecay")
    left = EXAMPLES["CosineDecay"].replace(peak_lr=0.5, end_lr=0.01)
    assert present(page) == left
    page.get_by_label("after a warmup").check()
    typed(page, "warmup steps, exact value", "70")
    choose(page, "LinearDecay")
    assert present(page).warmup_steps == 70 and present(page).inner.end_lr == 0.01  # what both have
    choose(page, "CosineDecay")
    page.get_by_label("after a warmup").uncheck()
    assert present(page) == left
    page.get_by_label("after a warmup").check()
    assert present(page) == schedules.Warmup(left, warmup_steps=70)
    choose(page, "OneCycle")  # climbs by itself
    assert present(page) == EXAMPLES["OneCycle"].replace(peak_lr=0.5)


def test_a_slider_goes_back_to_where_its_method_began(show):
    page = show(ScheduleExplorer(STAIRS.replace(gamma=0.3)))
    typed(page, "decay factor, exact value", "0.7")
    page.get_by_label("decay factor").first.press("Delete")
    assert present(page).gamma == 0.3
    choose(page, "MultiStepDecay")
    typed(page, "decay factor, exact value", "0.7")
    page.get_by_label("decay factor").first.press("Delete")
    assert present(page).gamma == EXAMPLES["MultiStepDecay"].gamma


def test_curves_are_pinned_labelled_and_unpinned(show):
    page = show(ScheduleExplorer(STAIRS))
    pin = page.get_by_role("button", name="Pin this curve")
    kinds = ["StepDecay", "CosineDecay", "LinearDecay", "ExponentialDecay"]
    for name in kinds:
        choose(page, name)
        pin.click()
    assert pin.is_disabled()
    for i, name in enumerate(kinds):
        assert_draws(page, EXAMPLES[name], name=f"pin{i + 1}")
    dashes = page.locator(".picture .curve").evaluate_all(
        "n => n.map(c => getComputedStyle(c).strokeDasharray)"
    )
    assert len(set(dashes)) == 5 and dashes[-1] == "none"
    labels = page.locator(".label").all_text_contents()
    assert labels[0] == f"step decay, area {STAIRS.rates(1000).sum():.4g}"
    assert labels[1] == f"cosine decay, area {EXAMPLES['CosineDecay'].rates(1000).sum():.4g}"
    page.get_by_role("button", name="unpin cosine decay").click()
    assert page.locator(".chip").all_text_contents() == [
        " step decay ×",
        " linear decay ×",
        " exponential decay ×",
    ]
    assert_draws(page, EXAMPLES["LinearDecay"], name="pin2")
    assert page.evaluate("document.activeElement.shadowRoot?.activeElement.textContent") == " linear decay ×"


def test_a_curve_is_pinned_once(show):
    page = show(ScheduleExplorer(STAIRS))
    for _ in range(2):
        page.get_by_role("button", name="Pin this curve").click()
    assert page.locator(".chip").count() == 1
    assert message(page) == "this curve is pinned already."
    assert page.locator(".label").count() == 1
    typed(page, "decay factor, exact value", "0.5")
    assert page.locator(".label").first.text_content().startswith("step decay, γ 0.1, area")


def test_the_marker_tells_the_rate_by_mouse_and_by_key(show):
    page = show(ScheduleExplorer(STAIRS))
    knob = page.get_by_role("slider", name="step", exact=True)
    assert knob.get_attribute("aria-valuetext") == "step 500: 0.01"
    knob.focus()
    for key, text in [
        ("ArrowLeft", "step 490: 0.01"),
        ("Shift+ArrowRight", "step 491: 0.01"),
        ("PageDown", "step 391: 0.01"),
        ("Home", "step 0: 0.1"),
        ("End", "step 1000: 0.0001"),
    ]:
        page.keyboard.press(key)
        assert knob.get_attribute("aria-valuetext") == text
    box = page.locator(".chart").first.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.2, box["y"] + 100)
    hovered = int(re.search(r"\d+", knob.get_attribute("aria-valuetext"))[0])
    assert 100 < hovered < 200
    page.mouse.move(box["x"] + 10, box["y"] - 40)
    assert knob.get_attribute("aria-valuetext") == "step 1000: 0.0001"
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.2, box["y"] + 120, steps=4)
    page.mouse.up()
    page.mouse.move(box["x"] + 10, box["y"] - 40)
    assert knob.get_attribute("aria-valuetext") == f"step {hovered}: 0.1"


def test_log_axis_makes_an_exponential_straight(show):
    page = show(ScheduleExplorer(EXAMPLES["ExponentialDecay"].replace(decay_steps=500)))
    page.get_by_label("log axis").check()
    path = page.locator(".curve.study").get_attribute("d")
    y = points(path)[:, 1]
    assert np.ptp(np.diff(y, 2)) < 0.05 and y[-1] > y[0]
    assert page.locator(".tick[text-anchor=end]").all_text_contents() == ["10⁻²", "10⁻¹"]
    choose(page, "CosineDecay")  # its last rate, 0, has no place on the axis


def test_the_equation_shows_symbols_and_values(show):
    page = show(ScheduleExplorer(STAIRS))
    equation = page.locator(".equation")
    assert "".join(equation.text_content().split()) == "ηt=η0γ⌊ts⌋"
    page.get_by_label("with the present values").check()
    assert "".join(equation.text_content().split()) == "ηt=0.1·0.1⌊t300⌋"
    page.get_by_label("length of a stair").first.press("ArrowRight")
    assert "".join(equation.text_content().split()) == "ηt=0.1·0.1⌊t301⌋"


def test_the_table_says_what_the_picture_shows():
    [[head, *rows]] = view(ScheduleExplorer(STAIRS, pinned=[EXAMPLES["CosineDecay"]]), "numbers()")
    assert head == ["step", "step decay", "cosine decay"]
    assert [*map(str, rows[3])] == ["300", f"{STAIRS(300):.4g}", f"{EXAMPLES['CosineDecay'](300):.4g}"]
    assert rows[-1][0] == "area" and float(rows[-1][1]) == pytest.approx(STAIRS.rates(1000).sum(), rel=1e-3)


def test_results_are_said_at_most_twice_a_second(show):
    page = show(ScheduleExplorer(STAIRS))
    slid = """(i) => {
        const slider = tools.root().querySelector('input[type=range]');
        slider.value = 100 + i;
        slider.dispatchEvent(new Event('input'));
    }"""
    times, said = heard(page, slid, 60)
    assert len(said) >= 3
    assert np.diff(times).min() >= 500
    rate = f"{present(page)(500):.4g}"
    assert said[-1].startswith(f"step decay: rate at step 500: {rate}; area under the curve")


def test_a_question_has_a_pinned_curve_to_compare_with(show):
    page = show(ScheduleExplorer(STAIRS))
    for prompt in page.locator(".prompt").all():
        prompt.click()
        assert page.locator(".chip").count() == 1


def test_own_prompts_are_text_and_nothing_else(show):
    text = '<img src=x onerror="window.hacked = 1">${alert(1)}</script><script>window.hacked = 1</script>'
    page = show(ScheduleExplorer(prompts=[Prompt(text, EXAMPLES["CosineDecay"], log_axis=True)]))
    prompt = page.locator(".prompt")
    assert prompt.text_content() == text
    prompt.click()
    assert message(page) == text
    assert present(page) == EXAMPLES["CosineDecay"]
    assert page.evaluate("[window.hacked, document.images.length]") == [None, 0]


def test_copy_buttons_copy_and_select_where_the_clipboard_is_closed(show):
    page = show(ScheduleExplorer(STAIRS), permissions=["clipboard-read", "clipboard-write"], scheme="http")
    for words, code in (("in torch", STAIRS.torch()), ("in this book", f"schedules.{STAIRS!r}")):
        page.get_by_role("button", name=f"copy {words}").click()
        assert page.evaluate("navigator.clipboard.readText()") == code
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.get_by_role("button", name="copy in torch").click()
    page.get_by_role("status").filter(has_text="in torch is selected: copy it").wait_for(state="attached")


def test_keys_stay_with_the_control_that_has_the_focus(show):
    page = show(ScheduleExplorer(STAIRS))
    page.evaluate("window.heard = []; document.addEventListener('keydown', (e) => heard.push(e.key))")
    page.get_by_label("length of a stair").first.press("ArrowRight")
    page.get_by_label("peak learning rate, exact value").press("x")
    page.get_by_text("After.").click()
    page.keyboard.press("x")
    assert page.evaluate("heard") == ["x"]
    assert page.locator(".explorer > [data-lm-suppress-shortcuts]").count() == 1


def test_nothing_global(show):
    page = show()
    names = set(page.evaluate("Object.keys(window)"))
    page = show(ScheduleExplorer(STAIRS))
    assert set(page.evaluate("Object.keys(window)")) == names


def test_a_view_may_be_made_before_it_is_attached(show):
    page = show(ScheduleExplorer(STAIRS), theme="dark")
    before, after = page.evaluate(
        """async () => {
            const { esm, state } = tools.told();
            const { default: widget } = await tools.load(esm);
            const el = document.createElement('div');
            await widget.render({ model: tools.model(state), el });
            const root = el.firstChild.shadowRoot;
            const drawn = () => root.querySelector('.chart').viewBox.baseVal.width;
            const wide = () => root.querySelector('.picture').clientWidth;
            const seen = () => [root.querySelector('.ex').hasAttribute('data-dark'), drawn() - wide()];
            const before = seen();
            tools.place().append(el);
            await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
            return [before, seen()];
        }"""
    )
    assert before == [False, 640]
    assert after == [True, 0]


def test_what_the_page_does_not_know_does_not_move_it(show):
    page = show(ScheduleExplorer(STAIRS))
    code, saved = page.evaluate(
        """async () => {
            const { esm, state } = tools.told();
            const { default: widget } = await tools.load(esm);
            const [model, el] = [tools.model(state), tools.place()];
            await widget.render({ model, el });
            state.parts = [{ method: 'not known yet', values: {} }];
            model.listeners[0]();
            return [el.firstChild.shadowRoot.querySelector('code').textContent, model.saved];
        }"""
    )
    assert (code, saved) == (f"schedules.{STAIRS!r}", 0)


# ---- for every reader ----


def test_every_control_shows_its_focus_from_top_to_bottom(show):
    page = show(ScheduleExplorer(schedules.Warmup(EXAMPLES["CosineDecay"], 100), pinned=[STAIRS]))
    outlines, tops = [], []
    page.locator("body").press("Tab")
    while found := page.evaluate(
        """() => {
            const node = document.activeElement.shadowRoot?.activeElement;
            if (!node) return null;
            const style = getComputedStyle(node);
            const seen = style.outlineStyle !== 'none' || style.strokeWidth === '5px';
            return [seen, node.getBoundingClientRect().top];
        }"""
    ):
        outlines.append(found[0])
        tops.append(found[1])
        assert len(tops) < 100, "the focus does not leave"
        page.keyboard.press("Tab")
    assert len(outlines) >= page.locator(f"{CONTROLS}, [role=slider]:visible").count() and all(outlines)
    assert all(later > earlier - 40 for earlier, later in itertools.pairwise(tops))


def channels(color):
    numbers = [float(x) for x in re.findall(r"[\d.]+(?:e-?\d+)?", color)]
    scale = 1 if color.startswith("color(") else 255
    return np.array([x / scale for x in numbers[:3]]), numbers[3] if len(numbers) > 3 else 1.0


def contrast(color, paper):
    """WCAG's ratio of two CSS colors, the first laid over the second."""
    (ink, alpha), (ground, _) = channels(color), channels(paper)
    light = []
    for c in (alpha * ink + (1 - alpha) * ground, ground):
        linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
        light.append(linear @ [0.2126, 0.7152, 0.0722] + 0.05)
    return max(light) / min(light)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colors_stand_out_in_both_themes(show, theme):
    pinned = [EXAMPLES[n] for n in ("CosineDecay", "LinearDecay", "ExponentialDecay", "Constant")]
    page = show(ScheduleExplorer(STAIRS, pinned=pinned), theme=theme)
    colors = page.evaluate(
        """() => {
            const read = (selector, name) => tools.all(selector, (node) => getComputedStyle(node)[name]);
            const small = '.muted, .unit, button:enabled, label, summary, pre, .message';
            return {
                lines: read('.picture .curve, .axis, line.helper, .knob', 'stroke'),
                small: [...read('svg text:not(.label)', 'fill'), ...read(small, 'color')],
                labels: read('svg .label', 'fill'),
                paper: getComputedStyle(document.documentElement).backgroundColor,
            };
        }"""
    )
    paper = colors["paper"]
    assert min(contrast(c, paper) for c in colors["lines"]) >= 3
    assert min(contrast(c, paper) for c in colors["small"]) >= 4.5
    assert min(contrast(c, paper) for c in colors["labels"]) >= 3


def test_long_equations_fit_into_every_width(show):
    page = show(ScheduleExplorer(STAIRS, pinned=[STAIRS]))
    page.get_by_label("with the present values").check()
    for width in (320, 1200):
        resized(page, width)
        for name in ("CosineRestarts", "CosineDecay"):
            choose(page, name)
            assert_all_is_shown(page, width)
        page.get_by_label("after a warmup").check()
        assert_all_is_shown(page, width)


@pytest.mark.parametrize("scheme", ["file", "http"])
def test_an_explorer_is_the_same_with_its_script_in_a_file(show, folder, scheme):
    explorers = ScheduleExplorer(STAIRS), SoftmaxExplorer()
    inside = show(*explorers, scheme=scheme)

    def in_files(parts):
        html = apart("".join(parts), folder / "scripts", "scripts")
        return f"<style>{STYLE}</style>{html}<script>{HOST}</script>"

    outside = show(*explorers, scheme=scheme, share=in_files)
    assert outside.locator("[data-kit]").count() == 0
    assert [seen(inside, i) for i in range(2)] == [seen(outside, i) for i in range(2)]


def test_an_explorer_below_starts_when_a_reader_comes_near(show):
    page = show(
        ScheduleExplorer(STAIRS), SoftmaxExplorer(), ready=False, share="<p style='height: 5000px'>".join
    )
    first, second = page.locator(".explorer").all()
    page.wait_for_function("host => host.hasAttribute('data-ready')", arg=first.element_handle())
    assert second.get_attribute("data-ready") is None
    second.scroll_into_view_if_needed()
    page.wait_for_function("host => host.hasAttribute('data-ready')", arg=second.element_handle())


def test_a_script_that_fails_leaves_the_picture(show):
    explorer = ScheduleExplorer(STAIRS)
    picture = explorer.still()
    explorer.still = lambda: picture
    explorer._esm = "throw new Error('broken on purpose');"
    page = show(explorer, ready=False)
    page.get_by_text("The sliders did not start: Error: broken on purpose").wait_for()
    assert page.locator(".still .chart").is_visible()
    assert page.problems.pop() == "broken on purpose"


def test_nothing_moves_by_itself(show):
    page = show(ScheduleExplorer(STAIRS), reduced_motion="reduce")
    calls = page.evaluate(
        """async () => {
            const calls = [];
            for (const name of ['setTimeout', 'setInterval', 'requestAnimationFrame']) {
                const own = window[name];
                window[name] = (...rest) => { calls.push(name); return own(...rest); };
            }
            await fetch('data:,');
            return [calls, document.getAnimations().length];
        }"""
    )
    assert calls == [[], 0]
