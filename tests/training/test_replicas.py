"""Copies trained side by side are the runs they would have been alone."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from helpers.formulas import rules, schedules
from helpers.training import data, fit, models
from helpers.training.hooks import Plateau
from helpers.training.optimizers import FromRule
from helpers.training.replicas import Replicas, fit_replicas

SEEDS = (3, 4)
SCHEDULES = (schedules.Constant(0.1), schedules.StepDecay(0.2, step_size=5, gamma=0.5))
PLATEAUS = [schedules.ReduceOnPlateau(lr, factor=0.5, patience=0, cooldown=1) for lr in (0.1, 1.5)]
BLANK = torch.zeros(40, 1, 8, 8).double(), torch.zeros(40, dtype=torch.int64)


@pytest.fixture(scope="module")
def digits():
    sets = data.digits()
    images, labels = sets.train.take(50).tensors(sets.mean, sets.std)
    return images.double(), labels


def nets():
    return [models.small_cnn(channels=(3, 4), seed=seed).double() for seed in SEEDS]


SETTINGS = {"loss": F.cross_entropy, "epochs": 2, "batch_size": 16}


def side_by_side(digits, **options):
    settings = {"schedules": SCHEDULES, "seeds": SEEDS} | SETTINGS | options
    return fit_replicas(settings.pop("models", nets()), digits, **settings)


def alone(i, digits, *args, rule=None, **options):
    """Train one of the networks by `fit`; return it and its record."""
    net = nets()[i]
    optimizer = FromRule(net.parameters(), rule or rules.SGD(), lr=0.1)
    return net, fit(net, digits, *args, optimizer=optimizer, seed=SEEDS[i], **(SETTINGS | options))


@pytest.mark.parametrize("rule", [rules.SGD(), rules.Momentum(), rules.Adam()], ids=repr)
def test_each_copy_is_the_run_of_fit(digits, rule):
    """Same starts, same batches (a smaller last one included), same rule: the same losses and weights."""
    result = side_by_side(digits, rule=rule)
    for i, schedule in enumerate(SCHEDULES):
        net, history = alone(i, digits, rule=rule, schedule=schedule)
        np.testing.assert_allclose(result.losses[i], history.losses, rtol=1e-8)
        np.testing.assert_array_equal(result.rates[i], history.rates)
        for mine, theirs in zip(result.model(i, nets()[0]).parameters(), net.parameters(), strict=True):
            torch.testing.assert_close(mine, theirs, rtol=1e-7, atol=1e-10)


def test_the_loss_lowers_the_rate_of_a_plateau_as_in_fit(digits):
    looks = {"watch": {"val": digits}, "watch_every": 4}
    result = side_by_side(digits, schedules=PLATEAUS, epochs=6, **looks)
    for i, hook in enumerate(map(Plateau, PLATEAUS)):
        _, history = alone(i, digits, digits, schedule=hook.rate, hooks=[hook], epochs=6)
        np.testing.assert_array_equal(result.rates[i], history.rates)
        np.testing.assert_allclose(result.losses[i], history.losses, rtol=1e-6)
    assert len(set(result.rates[0])) == 1 and len(set(result.rates[1])) > 1  # only one of them bounces


def test_watching_sees_each_copy(digits):
    result = side_by_side(digits, watch={"train": digits}, watch_every=3)
    steps, losses, accuracies = result.watched["train"]
    assert steps.tolist() == [3, 6, 8] and losses.shape == accuracies.shape == (2, 3)
    for i in range(2):
        logits = result.model(i, nets()[0])(digits[0])
        assert losses[i, -1] == pytest.approx(F.cross_entropy(logits, digits[1]).item(), rel=1e-9)
        assert accuracies[i, -1] == pytest.approx((logits.argmax(1) == digits[1]).double().mean().item())


def test_models_and_data_are_left_alone(digits):
    before, models_ = [d.clone() for d in digits], nets()
    weights = [[p.clone() for p in net.parameters()] for net in models_]
    side_by_side(digits, models=models_)
    assert all(torch.equal(a, b) for a, b in zip(before, digits, strict=True))
    for net, old in zip(models_, weights, strict=True):
        assert all(torch.equal(p, q) for p, q in zip(net.parameters(), old, strict=True))


def test_hook_and_other_parameters(digits):
    total, steps = {}, []

    def add(step, params):
        steps.append(step)
        total.update({name: total.get(name, 0) + stack / 8 for name, stack in params.items()})

    result = side_by_side(digits, hook=add)
    assert steps == list(range(8)) and isinstance(result, Replicas) and len(result) == 2
    averaged, _ = result.evaluate(digits, F.cross_entropy, total)
    assert (averaged != result.evaluate(digits, F.cross_entropy)[0]).all()


@pytest.mark.parametrize("replacement", [False, True])
def test_an_epoch_holds_each_image_once_unless_batches_are_independent(replacement):
    """A linear model on one-hot images moves exactly the weights of the images that it has seen."""
    images, labels = torch.eye(64), torch.zeros(64, dtype=torch.long)
    model = torch.nn.Linear(64, 2, bias=False)
    settings = SETTINGS | {"schedules": [schedules.Constant(1.0)], "seeds": (0,), "epochs": 1}
    result = fit_replicas([model], (images, labels), replacement=replacement, **settings)
    moved = (result.params["weight"][0] != model.weight).any(0)
    assert moved.all() != replacement and result.losses.shape == (1, 4)
