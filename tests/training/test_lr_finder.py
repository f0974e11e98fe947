"""The range test suggests rates that train, says when it cannot, and touches nothing."""

import copy
import random

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from helpers.formulas import rules
from helpers.formulas.schedules import CosineDecay
from helpers.training import count_steps, fit, models, optimizers
from helpers.training.hooks import ClipGradient
from helpers.training.lr_finder import NoSuggestion, RangeTest, find_lr, suggest
from helpers.training.runtime import randomness, threads


@pytest.fixture(autouse=True)
def one_thread():
    with threads(1):
        yield


BLANK = torch.zeros(40, 1, 8, 8), torch.zeros(40, dtype=torch.int64)


@pytest.fixture
def train(digits):
    return tuple(part[:1000] for part in digits)


def mlp():
    with randomness(0):
        return nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.1), nn.Linear(64, 10))


def cnn():
    return models.small_cnn(channels=(8, 16), norm=True, seed=0)


def momentum(params):
    return torch.optim.SGD(params, lr=1.0, momentum=0.9)


def ranged(train, model, optimizer, **changes):
    return find_lr(model, train, optimizer=optimizer, **(dict(loss=F.cross_entropy, batch_size=32) | changes))


def ranged_mlp(train, **changes):
    model = mlp()
    return ranged(train, model, momentum(model.parameters()), **changes)


# --- what it suggests --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "network, make",
    [(mlp, momentum), (cnn, momentum), (mlp, lambda params: torch.optim.AdamW(params, lr=1.0))],
    ids=["mlp", "cnn", "adam"],
)
def test_the_suggested_rate_trains_the_digits_better_than_a_far_lower_or_a_far_higher_one(
    digits, train, network, make
):
    model, val = network(), tuple(part[1000:] for part in digits)
    test = ranged(train, model, make(model.parameters()))

    def loss_after(peak_lr):
        model = network()
        length = dict(epochs=4, batch_size=32)
        schedule = CosineDecay(peak_lr, count_steps(train, **length), end_lr=0.0)
        settings = dict(loss=F.cross_entropy, optimizer=make(model.parameters()), schedule=schedule)
        history = fit(model, train, val, **settings, **length)
        return history.val_losses[-1], history.val_accuracies[-1]

    loss, accuracy = loss_after(test.suggestion)
    assert accuracy > 0.92
    assert loss < 0.5 * loss_after(test.suggestion / 20)[0]
    assert loss < 0.5 * loss_after(test.suggestion * 20)[0]


def test_the_rates_grow_by_one_factor_and_the_test_ends_where_the_loss_is_too_high(train):
    test = ranged_mlp(train, low=1e-4, high=100.0, steps=60)
    assert isinstance(test, RangeTest)
    np.testing.assert_allclose(test.rates[1:] / test.rates[:-1], 1e6 ** (1 / 59))
    assert test.rates[0] == 1e-4 and test.rates[-1] < 100  # it ended early
    assert len(test.rates) == len(test.losses) == len(test.smoothed) < 60
    assert test.losses[-1] > 4 * test.smoothed.min() and np.isfinite(test.losses).all()
    assert test.rates[0] < test.suggestion < test.rates[-1]


def test_it_is_fit_with_a_growing_rate(train):
    test, twin = ranged_mlp(train, steps=40, hooks=[ClipGradient(1.0)], seed=3), mlp()
    rates = np.geomspace(1e-6, 10.0, 40)
    hooks = [ClipGradient(1.0), lambda run: run.step < len(test.rates) or run.stop()]
    settings = dict(loss=F.cross_entropy, epochs=2, batch_size=32, seed=3, schedule=lambda i: float(rates[i]))
    history = fit(twin, train, optimizer=momentum(twin.parameters()), hooks=hooks, **settings)
    assert history.losses == test.losses.tolist()


def test_the_mean_is_centered_over_a_decade():
    rates = np.geomspace(1e-4, 1.0, 41)
    losses = np.where(rates < 0.99e-2, 2.0, 1.0)
    smoothed = suggest(rates, np.append(losses[:-1], 9.0), diverged=True).smoothed
    assert smoothed[20] == pytest.approx((5 * 2 + 6 * 1) / 11)  # five steps on either side
    assert smoothed[0] == 2.0


def test_it_says_what_it_did():
    rates = np.geomspace(1e-3, 1.0, 31)
    test = suggest(rates, 2 + np.abs(np.log10(rates) + 1), diverged=False)
    assert test.suggestion == pytest.approx(0.05)
    assert "half of 0.1" in test.reason and "3.55 at the start" in test.reason
    assert repr(test) == f"RangeTest(31 rates from 0.001 to 1, suggestion 0.05: {test.reason})"


# --- what it leaves alone ----------------------------------------------------------------------------


def snapshot(model, optimizer):
    """Everything that a training could change, by value."""
    return copy.deepcopy(
        {
            "weights": model.state_dict(),
            "grads": [None if p.grad is None else p.grad.clone() for p in model.parameters()],
            "modes": [module.training for module in model.modules()],
            "optimizer": optimizer.state_dict(),
            "torch": torch.get_rng_state(),
            "numpy": np.random.get_state(),
            "python": random.getstate(),
            "threads": torch.get_num_threads(),
        }
    )


def same(a, b):
    if isinstance(a, torch.Tensor | np.ndarray):
        return bool((torch.as_tensor(a) == torch.as_tensor(b)).all())
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


@pytest.mark.parametrize(
    "make",
    [
        momentum,
        lambda params: torch.optim.AdamW(params, lr=0.003),
        lambda params: optimizers.FromRule(params, rules.Adam(), lr=0.003),
    ],
    ids=["momentum", "adamw", "our rule"],
)
def test_model_optimizer_and_random_numbers_stay_bit_for_bit(train, make):
    model = cnn()
    optimizer = make(model.parameters())
    F.cross_entropy(model(train[0][:32]), train[1][:32]).backward()
    optimizer.step()  # there is a state, there are gradients, and batch norm has seen something
    model[1].eval()
    before, tensors = snapshot(model, optimizer), [id(p) for p in model.parameters()]
    data = [tensor.clone() for tensor in train]
    ranged(train, model, optimizer, steps=60)
    assert same(before, snapshot(model, optimizer))
    assert [id(p) for p in model.parameters()] == tensors
    assert same(data, list(train))
    with torch.no_grad():  # the comparison can fail
        next(model.parameters())[0] += 1e-7
    assert not same(before, snapshot(model, optimizer))


def test_they_stay_when_it_refuses_and_when_the_model_raises(train):
    model = mlp()
    optimizer = momentum(model.parameters())
    before = snapshot(model, optimizer)
    with pytest.raises(NoSuggestion):
        ranged(train, model, optimizer, high=1e-5)

    def broken(logits, labels):
        raise RuntimeError("no loss")

    with pytest.raises(RuntimeError, match="no loss"):
        ranged(train, model, optimizer, loss=broken)
    assert same(before, snapshot(model, optimizer))


def test_the_same_seed_gives_the_same_test(train):
    first, second, other = (ranged_mlp(train, steps=30, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first.losses, second.losses) and first.suggestion == second.suggestion
    assert not np.array_equal(first.losses, other.losses)


# --- what it refuses -----------------------------------------------------------------------------------


def test_what_shows_no_rate_is_named(train):
    images, labels = train
    noise = torch.randint(10, labels.shape, generator=torch.Generator().manual_seed(0))
    linear, broken = nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), mlp()
    broken[1].weight.data[0, 0] = torch.nan
    for message, model, data, changes in (
        (r"high must be higher, the loss still falls at lr=0\.03", mlp(), train, {"high": 0.03}),
        ("low must be lower, the loss rises from lr=50 on", mlp(), train, {"low": 50.0, "high": 1e6}),
        ("the loss must fall at some rate, it went from", linear, (images * 0, noise), {"high": 0.01}),
        ("the loss must be finite before the first update", broken, train, {}),
    ):
        with pytest.raises(NoSuggestion, match=message) as caught:
            ranged(data, model, momentum(model.parameters()), **changes)
        assert len(caught.value.rates) == len(caught.value.losses)
