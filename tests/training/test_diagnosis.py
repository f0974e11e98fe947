"""Each fault is found in trainings that have it, and nothing in trainings that have none."""

import dataclasses
import itertools
import math
import re

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from helpers.formulas.schedules import Constant, CosineDecay, ExponentialDecay, MultiStepDecay
from helpers.training import Diverged, History, count_steps, fit, models
from helpers.training.curves import Curve, guess_loss, mean_of
from helpers.training.diagnosis import NAMES, Finding, diagnose
from helpers.training.hooks import StopOnDivergence
from helpers.training.runtime import randomness

# Real trainings


def sgd(model, momentum=0.9, weight_decay=0.0):
    return torch.optim.SGD(model.parameters(), lr=1.0, momentum=momentum, weight_decay=weight_decay)


def adam(model):
    return torch.optim.Adam(model.parameters(), lr=1.0)


def scaled(factor, layers=slice(None)):
    """Multiply the initial weights of some layers, leaving biases."""

    def change(model):
        with torch.no_grad():
            for weight in [param for param in model.parameters() if param.ndim > 1][layers]:
                weight.mul_(factor)

    return change


def cosine(lr):
    return lambda n_steps: CosineDecay(peak_lr=lr, total_steps=n_steps)


def constant(lr):
    return lambda n_steps: Constant(lr)


def drop(lr, *places, factor=0.1):
    def schedule(n_steps):
        return MultiStepDecay(peak_lr=lr, milestones=tuple(int(p * n_steps) for p in places), gamma=factor)

    return schedule


def train(
    digits, seed, schedule, *, optimizer=sgd, epochs=15, n=600, wrong=0.0, change=None, hooks=(), **net
):
    images, labels = (part[:n].clone() for part in digits)
    noisy = torch.rand(n, generator=torch.Generator().manual_seed(seed)) < wrong
    labels[noisy] = (labels[noisy] + 1 + seed) % 10
    model = models.small_cnn(seed=seed, **net)
    if change:
        change(model)
    settings = dict(loss=F.cross_entropy, optimizer=optimizer(model), epochs=epochs, batch_size=40, seed=seed)
    settings["hooks"] = hooks
    schedule = schedule(count_steps((images, labels), epochs=epochs, batch_size=40))
    return fit(model, (images, labels), tuple(p[-400:] for p in digits), schedule=schedule, **settings)


NOISY = dict(n=80, wrong=0.3, epochs=60)
FAULTS = {
    "nothing stands out": [
        dict(schedule=cosine(0.05)),
        dict(schedule=cosine(0.01), optimizer=adam, norm=True),
        dict(schedule=drop(0.05, 0.6, 0.85)),
    ],
    "rate too high": [
        dict(schedule=constant(1.0), epochs=8),
        dict(schedule=constant(0.1), optimizer=adam, epochs=10),
    ],
    "rate too low": [dict(schedule=constant(2e-4), epochs=8), dict(schedule=cosine(5e-5), optimizer=adam)],
    "decayed too early": [
        dict(schedule=drop(0.02, 0.12, factor=0.01)),
        dict(schedule=lambda n: ExponentialDecay(peak_lr=0.02, gamma=0.5 ** (20 / n))),
    ],
    "still improving": [
        dict(schedule=constant(0.02), epochs=5),
        dict(schedule=constant(0.001), optimizer=adam, epochs=10),
    ],
    "overfitting": [dict(schedule=constant(0.05), **NOISY)],
    "underfitting": [
        dict(schedule=cosine(0.02), optimizer=adam, channels=(1, 2), norm=True),
        dict(schedule=cosine(0.05), optimizer=lambda model: sgd(model, weight_decay=0.15)),
    ],
    "bad initialization": [
        dict(schedule=constant(0.05), change=scaled(0.15)),
        dict(schedule=cosine(0.02), change=scaled(30.0, slice(-1, None)), epochs=8),
    ],
    "nothing learned": [dict(schedule=constant(0.05), change=scaled(0.0), epochs=8)],
}
CASES = [(name, i) for name, kinds in FAULTS.items() for i in range(len(kinds))]


@pytest.mark.parametrize("name, kind", CASES)
def test_a_fault_is_found_where_it_is(digits, name, kind):
    history = train(digits, kind, **FAULTS[name][kind])
    found = {finding.name: finding for finding in diagnose(history, n_classes=10)}
    # What is wrong from the start can have consequences; no other fault has two names here.
    allowed = {"rate too high", "still improving", "overfitting"} if name == "bad initialization" else set()
    assert name in found
    assert set(found) - {name} <= allowed
    assert all(str(part) for finding in found.values() for part in dataclasses.astuple(finding))
    assert re.search(r"\d", found[name].evidence)


BROKEN = torch.where(torch.arange(64).reshape(8, 8) == 27, math.nan, 0.0)
HIGH = "The loss grew first"
DIVERGENCES = {  # rate, what is added to the images, hooks; what the finding says
    "too high": (1e4, 0.0, [], "The rate was 1e+04", HIGH),
    "in one step": (1e30, 0.0, [], "The rate was 1e+30", "cannot tell which"),
    "images that are not numbers": (0.01, BROKEN, [], "at step 0", "the rate has no part in it"),
    "a limit": (3.0, 0.0, [StopOnDivergence(every=1, limit=2.6)], "loss must stay below 2.6", HIGH),
}


@pytest.mark.parametrize("case", DIVERGENCES)
def test_a_divergence_is_told_from_the_error_and_from_its_history(digits, case):
    lr, noise, hooks, evidence, words = DIVERGENCES[case]
    with pytest.raises(Diverged) as caught:
        train((digits[0] + noise, digits[1]), 0, constant(lr), hooks=hooks)
    records = [caught.value] if hooks else [caught.value, caught.value.history]
    for record in records:
        (finding,) = diagnose(record, n_classes=10)
        assert finding.name == "divergence"
        assert f"at step {caught.value.step}" in finding.evidence and evidence in finding.evidence
        assert words in finding.words


def test_several_trainings_joined_are_one(digits):
    images, labels = (part[:600] for part in digits)
    model, histories = models.small_cnn(seed=3), []
    for seed, lr in enumerate((0.02, 0.02, 0.002)):
        settings = dict(loss=F.cross_entropy, optimizer=sgd(model), epochs=5, batch_size=40, seed=seed)
        val = tuple(part[-400:] for part in digits)
        histories.append(fit(model, (images, labels), val, schedule=Constant(lr), **settings))
    names = [field.name for field in dataclasses.fields(History)]
    whole = History(*(list(itertools.chain(*(getattr(h, name) for h in histories))) for name in names))
    whole.val_steps = [15 * (i + 1) for i in range(15)]
    assert diagnose(histories[0], n_classes=10)[0].name == "still improving"
    assert [finding.name for finding in diagnose(whole, n_classes=10)] == ["nothing stands out"]


def test_a_regression_needs_no_classes(digits):
    images, labels = digits[0][:600], digits[1][:600].float().unsqueeze(1)
    val = digits[0][-400:], digits[1][-400:].float().unsqueeze(1)
    names = []
    for lr in (0.01, 1e-6):
        with randomness(seed=0):
            model = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))
        schedule = cosine(lr)(count_steps((images, labels), epochs=20, batch_size=40))
        settings = dict(loss=F.mse_loss, optimizer=adam(model), epochs=20, batch_size=40)
        history = fit(model, (images, labels), val, schedule=schedule, **settings)
        names.append([finding.name for finding in diagnose(history)])
    assert names == [["nothing stands out"], ["rate too low"]]


# Drawn curves: what the evidence says, what noise and brevity do


def drawn(losses, rates=None, val=(), every=20, norms=()):
    steps = [every * (i + 1) for i in range(len(val))]
    losses = [float(loss) for loss in losses]
    rates = [0.1] * len(losses) if rates is None else list(rates)
    return History(rates=rates, losses=losses, norms=list(norms), val_steps=steps, val_losses=list(val))


def names_of(history, n_classes=10):
    return [finding.name for finding in diagnose(history, n_classes=n_classes)]


FALL = 2.3 * 0.97 ** np.arange(400)


@pytest.mark.parametrize("seed", range(5))
def test_noise_changes_no_finding(seed):
    noise = np.random.default_rng(seed)
    shaken = noise.lognormal(sigma=0.4 * (1 - FALL / 2.3))  # the more is known, the more batches differ
    assert names_of(drawn(FALL * shaken + 0.01)) == ["nothing stands out"]
    creep = 2.35 - 0.0002 * np.arange(400)
    assert names_of(drawn(creep + noise.normal(scale=0.05, size=400), val=creep[19::20])) == ["rate too low"]
    still = 2.3 + noise.normal(scale=0.05, size=400)
    look = 2.3 + noise.normal(scale=0.01, size=20)
    assert names_of(drawn(still, val=look)) == ["nothing learned"]


def test_the_unit_of_the_loss_does_not_matter():
    for curve in (FALL, 2.3 - 0.0005 * np.arange(400), np.full(400, 2.3)):
        assert names_of(drawn(1000 * curve), n_classes=None) == names_of(drawn(curve), n_classes=None)


def test_a_warmup_is_no_plateau():
    rates = np.minimum(1.0, np.arange(1, 401) / 200)
    path = 2.3 / (1 + np.exp(20 * (rates.cumsum() / rates.sum() - 0.35)))
    assert np.argmax(path < 2.2) > 120  # for a third of the steps, little happens
    assert names_of(drawn(path, rates)) == ["nothing stands out"]
    late = 2.3 / (1 + np.exp(80 * (rates.cumsum() / rates.sum() - 0.35)))
    assert names_of(drawn(late, rates)) == ["bad initialization"]


def test_an_early_decay_after_the_loss_has_settled_is_no_fault():
    rates = np.where(np.arange(400) < 100, 0.1, 0.001)
    settled = 0.4 + 1.9 * np.exp(-rates.cumsum() / 0.8)
    cut = 0.4 + 1.9 * np.exp(-rates.cumsum() / 8)
    assert names_of(drawn(settled, rates)) == ["underfitting"]
    (finding,) = diagnose(drawn(cut, rates), n_classes=10)
    assert finding.name == "decayed too early"
    assert "by step 93 of 400" in finding.evidence


def test_overfitting_is_told_with_the_best_look():
    (finding,) = diagnose(drawn(FALL, val=[0.5, 0.3, 0.6, 0.9], every=100), n_classes=10)
    assert finding.name == "overfitting"
    assert "at its best, 0.3, at step 200" in finding.evidence
    (finding,) = diagnose(drawn(FALL, val=[0.6, 0.5, 0.5, 0.5], every=100), n_classes=10)
    assert finding.name == "overfitting"
    assert "best" not in finding.evidence
    two = drawn(FALL, val=[0.5, 0.9], every=200)
    assert str(Finding("a name", "Seen so.", "It means.", "Try.")) == "a name: Seen so. It means. Try."
    assert names_of(two) == ["nothing stands out"]  # two looks are no trend


def test_a_rate_that_is_too_high_is_told_whether_it_came_back():
    spike = 2.3 + 5 * np.exp(-(((np.arange(400) - 50) / 10) ** 2))
    (finding,) = diagnose(drawn(spike), n_classes=10)
    assert "rose to 7.3 about step 5" in finding.evidence
    assert "never came back" in finding.words
    (finding,) = diagnose(drawn(spike * np.linspace(1, 0.3, 400)), n_classes=10)
    assert finding.name == "rate too high"
    assert "never came back" not in finding.words


def test_a_flat_loss_is_told_with_its_gradients():
    flat = np.full(100, 2.3)
    assert "norm of 0.15 at the start" in diagnose(drawn(flat, norms=[0.15] * 100))[0].evidence
    assert "RecordNorms()" in diagnose(drawn(flat))[0].evidence
    without_looks = diagnose(drawn(2.3 - 0.0003 * np.arange(100)), n_classes=10)
    assert [finding.name for finding in without_looks] == ["rate too low"]


def test_a_training_that_explodes_or_loses_its_validation_has_diverged():
    assert names_of(drawn([2.3, 40.0, 900.0])) == ["divergence"]
    (finding,) = diagnose(drawn(FALL, val=[0.5, math.inf]), n_classes=10)
    assert "The validation loss is inf at step 39" in finding.evidence
    (finding,) = diagnose(drawn(FALL, norms=[1.0] * 30 + [math.nan] * 370), n_classes=10)
    assert "The gradient norm is nan at step 30" in finding.evidence


@pytest.mark.parametrize("n", [40, 41, 59, 100])
def test_odd_curves_raise_no_warning(n):
    zero_at_once = [2.3] + [0.0] * (n - 1)
    assert names_of(drawn(zero_at_once, val=[0.0, 0.0, 0.0])) == ["nothing stands out"]
    late_rate = [1e-9] * (n - 1) + [1.0]
    curves = (np.full(n, 2.3), np.linspace(2.3, 0.0, n), np.linspace(1.0, 2.0, n))
    looks = ((), (2.0, 2.0, 2.0, 2.0), (0.0, 1.0, 0.0))
    for case in itertools.product(curves, (None, late_rate, late_rate[::-1]), looks):
        assert set(names_of(drawn(*case))) <= set(NAMES)


# Measures


def test_the_path_is_measured_by_the_rate_spent():
    rates = CosineDecay(peak_lr=0.1, total_steps=400).rates(400)
    tau = rates.cumsum() / rates.sum()
    curve = Curve(drawn(2.3 * (1 - 0.9 * tau), rates), n_classes=10)
    assert curve.guess == guess_loss(drawn([1.0]), 10) == math.log(10)
    assert curve.half == pytest.approx(0.5, abs=0.03)
    assert curve.late == pytest.approx(0.5, abs=0.03)
    assert curve.spent == pytest.approx(0.597 * 400, abs=2)  # x - sin(pi x) / pi... solves to 0.9 there
    assert mean_of(np.arange(4.0), 4).tolist() == [1.5]
