"""The explorer of the race: what Python reads from a record, and what the page draws of it."""

import itertools
import json
import re

import numpy as np
import pytest

from helpers.figures.explorers import RaceExplorer
from helpers.formulas.schedules.contestants import CONTESTANTS
from tests.figures.explorer_checks import points, view

PEAKS, SEEDS, LOOKS, LENGTHS = [0.05, 0.1, 0.2], [10, 11, 12, 13, 14], 10, [40, 100]
NAMES = ["constant", "cosine", "warmup + cosine", "one-cycle", "plateau"]


def made_up():
    """A record of the right form; the second contestant is a little better than the first, in every seed."""
    rng = np.random.default_rng(0)
    candidates, runs = [], []
    for steps, (k, name) in itertools.product(LENGTHS, enumerate(NAMES)):
        key, peak = {"schedule": name, "steps": steps}, PEAKS[k % 3]
        for lr in PEAKS:
            second = 0.9 if k or lr == peak else None
            candidates.append(key | {"peak_lr": lr, "losses": [1 + abs(lr - peak), second]})
        for i, seed in enumerate(SEEDS):
            falling = [round(float(x), 4) for x in np.linspace(2.3, 0.6, LOOKS) + 0.1 * rng.random(LOOKS)]
            run = {**key, "peak_lr": peak, "seed": seed, "accuracy": 0.7 + 0.01 * i + 0.004 * (k == 1)}
            run |= {"accuracy": round(run["accuracy"] + 0.001 * rng.random(), 4), "loss": 0.8 - 0.02 * k}
            run |= {"train_losses": falling, "val_losses": [x + 0.05 for x in falling]}
            rates = {"rates": [peak] * 5 + [peak * 0.3] * (LOOKS - 5)} if name == "plateau" else {}
            runs.append(run | rates)
    settings = {"lengths": LENGTHS, "peaks": PEAKS, "seeds": SEEDS, "looks": LOOKS}
    return {"settings": settings, "candidates": candidates, "runs": runs}


RECORD = made_up()
EXPLORER = RaceExplorer(record=RECORD)
ACROSS = 720 - 76  # px


def accuracies(name, steps):
    return [100 * r["accuracy"] for r in RECORD["runs"] if (r["schedule"], r["steps"]) == (name, steps)]


# ---- what Python makes ----


def test_the_difference_is_taken_seed_by_seed():
    explorer = RaceExplorer("cosine", "one-cycle", 40, record=RECORD)
    apart = np.subtract(accuracies("cosine", 40), accuracies("one-cycle", 40))
    mean, std, agreeing = explorer.difference()
    assert mean == pytest.approx(apart.mean(), abs=1e-9)
    assert std == pytest.approx(apart.std(ddof=1), abs=1e-9)
    assert agreeing == explorer.difference("loss")[2] == 5
    explorer.second = "cosine"
    assert explorer.difference() == (0, 0, 0)


def test_a_schedule_has_the_peak_that_was_chosen_for_its_length():
    explorer = RaceExplorer(record=RECORD)
    assert explorer.schedule("one-cycle") == CONTESTANTS["one-cycle"](0.05, 100)
    explorer.steps = 40
    assert explorer.schedule("cosine") == CONTESTANTS["cosine"](0.1, 40)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"first": "luck"}, ValueError, "first must be 'constant' or .* or 'plateau', got first='luck'"),
        ({"second": "luck"}, ValueError, "second must be .*, got second='luck'"),
        ({"steps": 99}, ValueError, "steps must be 40 or 100, got steps=99"),
        ({"part": 0}, ValueError, "part must be positive, got part=0"),
        ({"part": 101}, ValueError, r"part must be in \[5, 100\], got part=101"),
        ({"part": 0.5}, TypeError, "part must be a whole number"),
    ],
)
def test_errors(arguments, error, message):
    with pytest.raises(error, match=message):
        RaceExplorer(record=RECORD, **arguments)
    with pytest.raises(ValueError, match="what must be 'accuracy' or 'loss', got what='luck'"):
        EXPLORER.difference("luck")


def test_questions_are_about_those_who_ran():
    prompts = EXPLORER.evaluate("catalog.prompts")
    assert [prompt["state"]["steps"] for prompt in prompts] == [100, 40, 100]
    assert {name for p in prompts for name in (p["state"]["first"], p["state"]["second"])} <= set(NAMES)


def test_runs_that_the_record_does_not_have_are_not_drawn():
    wishes = [{}, {"first": "luck"}, {"second": "luck"}, {"steps": 99}, {"first": "plateau", "steps": 40}]
    states = json.dumps([EXPLORER.state() | wish for wish in wishes])
    assert EXPLORER.evaluate(f"{states}.map(family.family.knows)") == [True, False, False, False, True]


# What is said of each pair after 40 steps.
SUMMARIES = """%s.map(([first, second]) =>
    view({ ...%s, first, second, steps: 40 }, { widths: [720, 720] }).summary)"""


def test_the_page_says_what_python_says_of_every_pair():
    pairs = list(itertools.product(NAMES, repeat=2))
    summaries = EXPLORER.evaluate(SUMMARIES % (json.dumps(pairs), json.dumps(EXPLORER.state())))
    for (first, second), words in zip(pairs, summaries, strict=True):
        if first == second:
            assert words.endswith("Both are the same runs.")
            continue
        explorer = RaceExplorer(first, second, 40, record=RECORD)
        (mean, std, wins), loss = explorer.difference(), explorer.difference("loss")
        better = first if mean >= 0 else second
        assert f"{better} is better by {abs(mean):.2f} ± {std:.2f} points in {wins} of 5 seeds, " in words
        beyond = abs(mean) * np.sqrt(5) > 2.776 * std
        assert ("more than chance would give" if beyond else "no more than chance gives") in words
        lower = first if loss[0] <= 0 else second
        assert f"the test loss of {lower} is lower by {abs(loss[0]):.4f} ± {loss[1]:.4f} in 5 of 5" in words


def lines(explorer, kind):
    """The points of each path of this kind, in pixels."""
    return [points(path) for path in re.findall(rf'<path class="curve {kind}" d="([^"]*)"', explorer.still())]


@pytest.mark.parametrize("steps", LENGTHS)
@pytest.mark.parametrize("pair", [("cosine", "constant"), ("warmup + cosine", "one-cycle")])
def test_rates_are_the_schedules_own(pair, steps):
    drawn = lines(RaceExplorer(*pair, steps, record=RECORD), r"\w+ rate")
    methods = [CONTESTANTS[name](PEAKS[NAMES.index(name) % 3], steps) for name in pair]
    top = max(PEAKS[NAMES.index(name) % 3] for name in pair)
    at = np.linspace(0, steps - 1, 321)
    for line, method in zip(drawn, methods, strict=True):
        np.testing.assert_allclose(line[:, 0], 54 + ACROSS * at / steps, atol=0.06)
        np.testing.assert_allclose((130 - line[:, 1]) / 90 * top, method.rates(at), atol=2e-4 * top)


def test_plateau_s_rates_are_those_of_its_runs():
    line = lines(RaceExplorer("plateau", "cosine", 40, record=RECORD), r"\w+ rate")[0]
    steps = (line[:, 0] - 54) / ACROSS * 40
    peak = PEAKS[NAMES.index("plateau") % 3]
    wanted = np.where(steps < 19.9, peak, 0.3 * peak)
    clear = np.abs(steps - 20) > 0.2
    np.testing.assert_allclose(((130 - line[:, 1]) / 90 * 0.1)[clear], wanted[clear], atol=1e-4)


@pytest.mark.parametrize("kind", ["val_losses", "train_losses"])
def test_losses_are_the_record_s_each_seed_and_the_mean(kind):
    explorer = RaceExplorer(record=RECORD)
    explorer.training = kind == "train_losses"
    runs = [r[kind] for r in RECORD["runs"] if (r["schedule"], r["steps"]) == ("cosine", 100)]
    for style, wanted in (("study seed", runs), ("study mean", [np.mean(runs, 0)])):
        drawn = np.array([line[:, 1] for line in lines(explorer, style)])
        losses = 0.4 * (2.5 / 0.4) ** ((358 - drawn) / 162)
        np.testing.assert_allclose(losses, np.clip(wanted, 0.4, 2.5), rtol=2e-3)
    shift = 0.5 if explorer.training else 1
    wanted = 54 + ACROSS * (np.arange(LOOKS) + shift) / LOOKS
    np.testing.assert_allclose(lines(explorer, "study mean")[0][:, 0], wanted, atol=0.06)


def test_a_dot_for_each_seed_and_the_mean_between_them():
    picture = RaceExplorer("cosine", "one-cycle", 40, record=RECORD).still()
    xs = np.array(re.findall(r'<circle cx="([\d.]+)"[^>]* class="dot accuracy"', picture), float)
    middles = np.array(re.findall(r'<line class="middle" x1="([\d.]+)"', picture), float)[:2]
    values = [accuracies("cosine", 40), accuracies("one-cycle", 40)]
    scale = np.polyfit(np.concatenate(values), xs, 1)
    np.testing.assert_allclose(np.polyval(scale, np.concatenate(values)), xs, atol=0.01)
    np.testing.assert_allclose(middles, xs.reshape(2, 5).mean(1), atol=0.01)


def test_the_tuning_leaves_out_what_diverged_and_circles_what_was_chosen():
    picture = EXPLORER.still()
    assert picture.count('class="tried') == 6 + 4  # the constant rate's second seed diverged twice
    assert [len(line) for line in lines(EXPLORER, r"\w+ tuning")] == [3, 1]
    xs = [float(x) for x in re.findall(r'<circle cx="([\d.]+)"[^>]* class="chosen"', picture)]
    np.testing.assert_allclose(xs, [54 + ACROSS / 2, 62], atol=0.06)


def test_the_slider_reads_rates_and_losses_where_it_stands():
    explorer = RaceExplorer(steps=100, part=30, record=RECORD)
    runs = [r["val_losses"] for r in RECORD["runs"] if (r["schedule"], r["steps"]) == ("cosine", 100)]
    rate, _, loss, *_ = re.findall(r'<text class="label halo now"[^>]*>([^<]*)<', explorer.still())
    assert rate == f"cosine: {CONTESTANTS['cosine'](0.1, 100)(30):.3g}"
    assert loss.startswith("cosine: ")
    assert float(loss.split()[1]) == pytest.approx(np.mean(runs, 0)[2], abs=2e-3)  # the third of ten looks


def test_the_result_stands_in_a_table():
    _, rows, _, tuning = view(RaceExplorer("cosine", "constant", 40, record=RECORD), "numbers()")
    assert rows[0] == ["seed", "cosine, %", "constant, %", "difference", "cosine, loss", "constant, loss"]
    a, b = accuracies("cosine", 40)[0], accuracies("constant", 40)[0]
    assert [*map(str, rows[1])] == ["10", f"{a:.2f}", f"{b:.2f}", f"{a - b:.2f}", "0.78", "0.8"]
    assert tuning[:3] == [
        ["peak rate", "cosine", "constant"],
        ["0.05", "0.975", "0.95"],
        ["0.1", "0.95", "NaN"],
    ]


def test_choices_move_both_pictures(show):
    page = show(EXPLORER)
    for name, value in {"First": "plateau", "Second": "one-cycle", "Steps": "40"}.items():
        page.get_by_label(name, exact=True).select_option(value)
    page.get_by_label("training loss").check()
    chosen = RaceExplorer("plateau", "one-cycle", 40, record=RECORD)
    assert page.locator("p.muted").text_content().startswith(view(chosen, "summary"))
    assert page.get_by_text("training loss (nats)").count() == 1
