"""The laboratory: its engine in JavaScript is the book's own arithmetic, its page does what a hand asks."""

import dataclasses
import functools
import json

import numpy as np
import pytest
import quickjs
import torch
from torch.nn import functional as F

from helpers.figures.explorers import LaboratoryExplorer
from helpers.figures.explorers.laboratory import MENUS, CrossEntropy, _fields_of
from helpers.formulas import layers, losses, regularizers, rules, schedules
from helpers.formulas.rules import composition
from helpers.training import data, fit, models
from helpers.training.optimizers import FromRule
from tests.figures.explorer_checks import opened_table, view

EXPLORER = LaboratoryExplorer(sliders=None, seeds=2, steps=100, running=False)
SEED = 5


@pytest.fixture(scope="module")
def engine():
    """Evaluate JavaScript beside the engine: ``engine("network(set).weights.out.length")``."""
    context = quickjs.Context()
    context.eval(EXPLORER._esm.replace("\nexport default ", "\nconst family = ", 1))
    context.eval("const set = decoded(catalog.digits), net = network(set);")
    return lambda code: json.loads(context.eval(f"JSON.stringify((() => {{ {code} }})())"))


def digits():
    known = data.digits()
    return [part.tensors(known.mean, known.std) for part in known.train.holdout(0.2)]


def flat(model):
    return torch.cat([param.detach().reshape(-1) for param in model.parameters()]).numpy()


# ---- chance ----


@pytest.mark.parametrize("seed", [0, 1, 4_000_000_000])
def test_orders_and_first_weights_are_torchs(engine, seed):
    generator = torch.Generator().manual_seed(seed)
    sizes = [1, 2, 240, 1150]
    orders = engine(f"const own = generator({seed}); return {sizes}.map((n) => [...own.permutation(n)]);")
    assert orders == [torch.randperm(n, generator=generator).tolist() for n in sizes]
    weights = engine(f"net.begin(generator({seed})); return [...net.weights.out];")
    assert weights == flat(models.small_cnn((4, 8), seed=seed)).tolist()


def test_images_are_those_of_the_lessons(engine):
    images, labels = (torch.cat(parts) for parts in zip(*digits(), strict=True))
    assert engine("return [...set.labels];") == labels.tolist()
    np.testing.assert_allclose(engine("return set.images.map((x) => [...x]);"), images.flatten(1), atol=1e-6)


# ---- layers ----

RNG = np.random.default_rng(0)
LINEAR = layers.Linear(12, 4, RNG)
LAYERS = {
    "convolution": (
        layers.Conv2d(3, 5, 3, RNG, padding=1),
        (3, 8, 8),
        "{ from: 3, to: 5, side: 8, weight, bias }",
    ),
    "relu": (layers.Layer(layers.relu_forward, layers.relu_backward), (6, 4, 4), "{}"),
    "pooling": (
        layers.Layer(layers.max_pool2d_forward, layers.max_pool2d_backward, kernel=2),
        (2, 8, 8),
        "{ channels: 2, side: 8 }",
    ),
    "linear": (LINEAR, (12,), "{ weight, bias }"),
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_is_the_books_forward_and_backward(engine, name):
    layer, shape, about = LAYERS[name]
    rng = np.random.default_rng(3)
    x = rng.normal(size=(1, *shape))
    x[:, :1] = np.maximum(x[:, :1], 0)  # equal ones in a window
    y = layer.forward(x)
    dy = rng.normal(size=y.shape)
    dx = layer.backward(dy)
    weight, bias = (layer.params.get(key, np.zeros(1)).ravel().tolist() for key in ("weight", "bias"))
    out, slope, *grads = engine(
        f"""const filled = (own, values) => (own.out.set(values), own);
        const weight = filled(numbers({len(weight)}), {weight}), bias = filled(numbers({len(bias)}), {bias});
        const input = filled(numbers({x.size}), {x.ravel().tolist()});
        const layer = {name}(input, {about});
        layer.forward();
        layer.slope.set({dy.ravel().tolist()});
        layer.backward();
        return [layer.out, input.slope, weight.slope, bias.slope].map((values) => [...values]);"""
    )
    np.testing.assert_allclose(out, y.ravel(), atol=1e-6)
    np.testing.assert_allclose(slope, dx.ravel(), atol=1e-6)
    for own, key in zip(grads, ("weight", "bias"), strict=True):
        if key in layer.params:
            np.testing.assert_allclose(own, layer.grads[key].ravel(), atol=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_the_loss_is_the_books(engine, smoothing):
    logits = np.random.default_rng(4).normal(size=10) * 5
    value, grad = losses.softmax_cross_entropy(logits[None], np.array([3]), label_smoothing=smoothing)
    loss = {"kind": "CrossEntropy", "label_smoothing": smoothing}
    found, slope = engine(
        f"""const logits = numbers(10); logits.out.set({logits.tolist()});
        return [lossOf(logits, 3, {json.dumps(loss)}), [...logits.slope]];"""
    )
    np.testing.assert_allclose(found, value, rtol=1e-12)
    np.testing.assert_allclose(slope, grad[0], atol=1e-12)


# ---- trainings ----

GENTLE = {"Adagrad": 0.01, "RMSprop": 0.001, "Adam": 0.002, "AdamW": 0.002, "AMSGrad": 0.002}
TRAININGS = [
    *({"rule": rule, "lr": GENTLE.get(type(rule).__name__, 0.02)} for rule in MENUS["rule"]),
    *({"schedule": schedule} for schedule in MENUS["schedule"]),
    *({"loss": loss} for loss in (CrossEntropy(0.2), losses.SquaredError(), losses.Huber(delta=0.5))),
    *({"penalty": penalty} for penalty in (regularizers.L2(0.05), regularizers.L1(0.01))),
]


@dataclasses.dataclass(frozen=True)
class Penalized(composition.Wrapper):
    """A rule whose gradient is that of the loss and of a penalty."""

    penalty: object = None

    def update(self, param, grad, state, lr):
        return self.rule.update(param, grad + self.penalty.derivative(param), state, lr)


def of_torch(loss):
    """A loss of the laboratory as torch computes it."""
    if isinstance(loss, CrossEntropy):
        return functools.partial(F.cross_entropy, label_smoothing=loss.label_smoothing)
    return lambda logits, labels: loss.formula(logits - F.one_hot(labels, 10)).mean()


@pytest.mark.parametrize("methods", TRAININGS, ids=lambda m: type(next(iter(m.values()))).__name__)
def test_fifty_steps_end_where_fit_does(engine, methods):
    chosen = {name: options[0] for name, options in MENUS.items()} | {"lr": 0.02} | methods
    lr, steps = chosen.pop("lr"), 50
    common = {"lr": lr, "peak_lr": lr, "total_steps": steps, "step_size": 20, "warmup_steps": 10}
    known = vars(chosen["schedule"])
    own = {name: value for name, value in common.items() if name in known}
    chosen["schedule"] = chosen["schedule"].replace(**own)
    train = [part[:400] for part in digits()[0]]
    model = models.small_cnn((4, 8), seed=5)
    history = fit(
        model,
        train,
        loss=of_torch(chosen["loss"]),
        optimizer=FromRule(model.parameters(), Penalized(chosen["rule"], chosen["penalty"]), lr),
        schedule=chosen["schedule"],
        epochs=2,
        batch_size=16,
        seed=5,
    )
    about = _fields_of(chosen) | {"lr": lr, "batch_size": 16, "images": 400, "steps": steps}
    found, weights = engine(
        f"""const about = {json.dumps(about)}, one = training(net, set, 5, about);
        const found = Array.from({{ length: {steps} }}, (_, t) => one.step(rateOf(about, t)));
        return [found, [...one.weights]];"""
    )
    np.testing.assert_allclose(found, history.losses, rtol=1e-4)
    np.testing.assert_allclose(weights, flat(model), atol=1e-4)


def test_a_race_looks_at_new_digits_and_ends(engine):
    explorer = LaboratoryExplorer(seeds=2, steps=100, batch_size=4)
    looks, weights = engine(
        f"""const own = race(net, set, {json.dumps(explorer.state())}), looks = [own.look()];
        while (!own.done) looks.push(own.next());
        return [looks.filter(Boolean), own.runs.map((run) => [...run.weights])];"""
    )
    assert [look["step"] for look in looks] == [0, 20, 40, 60, 80, 100]
    images, labels = digits()[1]
    model = models.small_cnn((4, 8))
    torch.nn.utils.vector_to_parameters(torch.tensor(weights[1]), model.parameters())
    logits = model(images)
    assert looks[-1]["reads"][1] == logits.argmax(1).tolist()
    assert looks[-1]["right"][1] == pytest.approx((logits.argmax(1) == labels).double().mean().item())
    assert looks[-1]["loss"][1] == pytest.approx(F.cross_entropy(logits, labels).item(), rel=1e-5)


# ---- what Python makes ----


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"rule": "Adam"}, TypeError, "rule must be an elementwise Rule"),
        (
            {"rule": rules.LookAheadNesterov()},
            TypeError,
            "rule must be an elementwise Rule that does not look",
        ),
        (
            {"schedule": schedules.PiecewiseConstant((10,), (0.1, 0.2))},
            TypeError,
            "schedule must be a Schedule",
        ),
        (
            {"loss": losses.BinaryCrossEntropy()},
            TypeError,
            "loss must be CrossEntropy or a loss of the error",
        ),
        ({"penalty": 0.1}, TypeError, "penalty must be a Penalty"),
        (
            {"sliders": ("momentum",)},
            ValueError,
            "sliders must be 'batch_size' or .*, got sliders='momentum'",
        ),
        ({"seeds": 9}, ValueError, r"seeds must be in \[1, 8\], got seeds=9"),
        ({"show": "all"}, ValueError, "show must be 'readings' or"),
        ({"seed": -1}, ValueError, "seed must be zero or positive, got seed=-1"),
        ({"label_smoothing": 0.1}, TypeError, "takes rule, schedule"),
    ],
)
def test_errors(arguments, error, message):
    with pytest.raises(error, match=message):
        LaboratoryExplorer(**arguments)


def test_a_schedule_says_where_rate_and_length_start():
    explorer = LaboratoryExplorer(
        rules.Adam(), schedules.CosineDecay(0.002, 300), penalty=regularizers.L1(0.1)
    )
    assert (explorer.lr, explorer.steps, explorer.curves) == (0.002, 300, [])
    assert explorer.rule == {"kind": "Adam", "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}
    assert explorer.penalty == {"kind": "L1", "strength": 0.1}


@pytest.mark.parametrize(
    "asked",
    [
        {"rule": {"kind": "Muon"}},
        {"rule": {"kind": "Momentum", "momentum": 2}},
        {"loss": {"kind": "constructor"}},
        {"show": "toString"},
        {"seed": 0.5},
        {"drawing": [0] * 63},
        {"seeds": 9},
    ],
    ids=str,
)
def test_a_page_knows_what_it_cannot_show(asked):
    known = "(state) => family.family.knows(state)"
    state = EXPLORER.state()
    assert EXPLORER.evaluate(f"({known})({json.dumps(state)})") is True
    assert EXPLORER.evaluate(f"({known})({json.dumps(state | asked)})") is False


# ---- what a browser does with it ----

STEP = """() => Number(tools.root().querySelector('[role=img]').ariaLabel.match(/After (\\d+)/)?.[1] ?? 0)"""
PACE = {"pace": 200, "seeds": 1}


def step(page):
    return page.evaluate(STEP)


def reached(page, n):
    page.wait_for_function(f"() => ({STEP})() >= {n}")


def press(page, name):
    page.get_by_role("button", name=name, exact=True).click()


def rests(page):
    """Whether no step is made for a while."""
    page.wait_for_timeout(60)
    before = step(page)
    page.wait_for_timeout(300)
    return step(page) == before


def slid(page, name, value):
    field = page.get_by_label(f"{name}, exact value")
    field.fill(str(value))
    field.press("Enter")


def test_it_starts_in_view_pauses_steps_goes_on_and_starts_again(show):
    page = show(LaboratoryExplorer(steps=3000, **PACE))
    reached(page, 30)
    press(page, "Pause")
    assert rests(page)
    n = step(page)
    press(page, "One step")
    page.wait_for_function(f"() => ({STEP})() === {n + 1}")
    press(page, "Train")
    reached(page, n + 20)
    press(page, "Pause")
    press(page, "Start again")
    page.wait_for_function(f"() => ({STEP})() === 0")
    assert rests(page)


def test_it_ends_says_so_and_stands_in_the_table(show):
    page = show(LaboratoryExplorer(steps=100, pace=2000, seeds=2))
    reached(page, 100)
    assert rests(page) and page.get_by_role("button", name="One step").is_disabled()
    page.wait_for_function(
        "() => tools.root().querySelector('[role=status]').textContent.startsWith('After 100 of 100 steps')"
    )
    rows = opened_table(page)
    assert [row[0] for row in rows[1:]] == ["20", "40", "60", "80", "100"]
    explorer = LaboratoryExplorer(steps=100, seeds=2)
    look = explorer.evaluate(
        f"""(() => {{ const set = decoded(catalog.digits), about = {json.dumps(explorer.state())};
        const own = race(network(set), set, about);
        for (;;) {{ const look = own.next(); if (own.done) return look; }} }})()"""
    )
    assert rows[-1][3:] == [f"{np.mean(look['loss']):.3g}", f"{round(100 * np.mean(look['right']))} %"]
    press(page, "Train again")
    page.wait_for_function("() => tools.all('path.pin1', (path) => path.getAttribute('d').length)[0] > 20")
    reached(page, 100)


def test_a_moved_rate_acts_at_once_and_anything_else_starts_anew(show):
    page = show(LaboratoryExplorer(steps=3000, **PACE))
    reached(page, 200)  # a second later, for a rate moved right after the start counts from there
    before = step(page)
    slid(page, "η learning rate", 0.02)
    page.wait_for_function("() => tools.all('line.helper', () => 1).length === 2")
    assert step(page) >= before
    assert page.locator("svg text.tick", has_text="0.02").count() == 1
    slid(page, "B digits a step", 8)
    page.wait_for_function(f"() => ({STEP})() < {before}")
    assert page.locator("line.helper").count() == 1
    assert page.locator("text.label", has_text="dashed: rate 0.1").count() == 1


def test_it_rests_out_of_view_and_in_a_hidden_tab(show):
    page = show(LaboratoryExplorer(steps=3000, **PACE))
    reached(page, 10)
    hide = """(hidden) => {
        Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden });
        document.dispatchEvent(new Event('visibilitychange'));
    }"""
    page.evaluate(hide, True)
    assert rests(page)
    page.evaluate(hide, False)
    reached(page, step(page) + 10)
    page.evaluate("document.body.style.paddingTop = '4000px'")
    assert rests(page)
    page.evaluate("document.body.style.paddingTop = ''")
    reached(page, step(page) + 10)
    page.is_spent = True


def test_with_reduced_motion_it_shows_the_result_alone(show):
    page = show(LaboratoryExplorer(steps=100, **PACE), reduced_motion="reduce", ready=False)
    page.evaluate(f"""() => {{ tools.steps = new Set(); setInterval(() => {{
        try {{ tools.steps.add(({STEP})()) }} catch {{}} }}, 5); }}""")
    page.wait_for_selector(".explorer[data-ready]")
    reached(page, 100)
    assert set(page.evaluate("[...tools.steps]")) <= {0, 100}


def test_other_seeds_a_pin_and_a_link(show):
    page = show(LaboratoryExplorer(steps=100, pace=2000, seeds=2), scheme="http")
    reached(page, 100)
    press(page, "Pin")
    press(page, "Other seeds")
    page.wait_for_function(
        "() => tools.all('text.label', (text) => text.textContent).some((t) => t === 'dashed: pinned')"
    )
    press(page, "Link")
    page.reload()
    page.wait_for_selector(".explorer[data-ready]")
    assert '"seed":2' in page.evaluate("decodeURIComponent(location.hash)")
    page.evaluate("history.replaceState(null, '', location.pathname)")


def test_a_drawing_is_read_by_pointer_and_by_keyboard(show):
    page = show(LaboratoryExplorer(steps=100, pace=2000, show="draw", running=False))
    press(page, "One step")
    pad = page.get_by_role("slider", name="pen")
    box = pad.bounding_box()
    page.mouse.move(box["x"] + 10, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + 10, box["y"] + 60)
    page.mouse.up()
    assert pad.get_attribute("aria-valuetext") == "row 4, column 4: ink 16 of 16"
    page.wait_for_function("() => /they read \\d, \\d+ % sure/.test(tools.root().textContent)")
    pad.press("ArrowRight")
    pad.press("Delete")
    assert pad.get_attribute("aria-valuetext") == "row 4, column 5: ink 0 of 16"
    pad.press(" ")
    assert pad.get_attribute("aria-valuetext") == "row 4, column 5: ink 16 of 16"


@pytest.mark.parametrize("view", ["mistakes", "inside", "draw"])
def test_what_is_looked_at_can_be_chosen_on_the_way(show, view):
    page = show(LaboratoryExplorer(sliders=None, steps=3000, **PACE))
    reached(page, 30)
    page.get_by_label("Show").select_option(view)
    before = page.locator(".chart").inner_html()
    n = step(page)
    reached(page, n + 25)
    assert page.locator(".chart").inner_html() != before


def test_where_no_worker_is_allowed_the_page_trains(show):
    explorer = LaboratoryExplorer(steps=100, pace=2000, seeds=2)
    policy = '<meta http-equiv="Content-Security-Policy" content="worker-src \'none\'">'
    page = show(explorer, share=lambda parts: policy + "".join(parts))
    reached(page, 100)
    assert any("worker" in problem for problem in page.problems)
    page.problems.clear()
    page.is_spent = True


def test_a_brief_one_draws_the_share_read_right_alone():
    brief, whole = (view(LaboratoryExplorer(brief=brief), "picture.height") for brief in (True, False))
    assert 150 < whole - brief < 300
    with pytest.raises(TypeError, match="brief must be True or False, got brief=1"):
        LaboratoryExplorer(brief=1)
