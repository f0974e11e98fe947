"""The rate from the last layer's inputs is what the formulas say of the training set, anew in every epoch."""

import math

import numpy as np
import pytest
import torch
from torch import nn, optim

from helpers.formulas import lipschitz
from helpers.training import Diverged, fit
from helpers.training.last_layer import LastLayerRate

IMAGES = torch.rand(70, 1, 3, 3, generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(70) % 3


def network():
    torch.manual_seed(1)
    return nn.Sequential(
        nn.Flatten(), nn.Linear(9, 5), nn.BatchNorm1d(5), nn.Dropout(0.5), nn.ReLU(), nn.Linear(5, 3)
    )


def trained(own, model, epochs=2):
    settings = {"loss": nn.functional.cross_entropy, "schedule": own.rate, "hooks": [own], "batch_size": 32}
    optimizer = optim.SGD(model.parameters(), lr=1.0, weight_decay=own.l2)
    return fit(model, (IMAGES, LABELS), optimizer=optimizer, epochs=epochs, **settings)


def features(model):
    """Of the two whole batches, as a network in evaluation sees them."""
    model.eval()
    with torch.no_grad():
        return [model[:-1](batch).double().numpy() for batch in (IMAGES[:32], IMAGES[32:64])]


def norm(model):
    return max(param.detach().norm().item() for param in model.parameters())


EXPECTED = {
    "smoothness": lambda a, n: 1 / lipschitz.softmax_smoothness(np.c_[a, np.ones(32)], 0.01),
    "SGD": lambda a, n: 1 / lipschitz.published_softmax(a, 3, 0.01, n),
    "momentum": lambda a, n: lipschitz.published_momentum(1.0, lipschitz.published_softmax(a, 3, 0.01, n))[0],
    "RMSprop": lambda a, n: lipschitz.published_rmsprop(
        1e-6,
        lipschitz.published_softmax(a, 3, 0.01, n),
        lipschitz.published_softmax_square(a, 3, 0.01, n),
    )[0],
}


@pytest.mark.parametrize("rule", EXPECTED)
def test_the_first_rate_is_that_of_the_untrained_network(rule):
    model = network()
    found = [EXPECTED[rule](a, norm(model)) for a in features(model)]
    own = LastLayerRate(rule, IMAGES, 32, scale=0.1, l2=0.01)
    history = trained(own, model)
    if rule != "RMSprop":  # a quotient of two largest numbers, which need not come from one batch
        assert own.rates[0] == pytest.approx(0.1 * min(found))
    assert 0.05 * min(found) < own.rates[0] < 0.2 * max(found)
    assert len(own.rates) == 2 and own.rates[0] != own.rates[1]
    assert history.rates == [own.rates[0]] * 3 + [own.rates[1]] * 3


def test_adam_begins_where_the_authors_set_it_and_remembers():
    model = network()
    bound = max(lipschitz.published_softmax(a, 3) for a in features(model))
    square = max(lipschitz.published_softmax_square(a, 3) for a in features(model))
    own = LastLayerRate("Adam", IMAGES, 32)
    trained(own, model, epochs=3)
    assert own.rates[0] == pytest.approx(lipschitz.published_adam((1.0, 1e-6), bound, square)[0])
    first = own.averages["Adam"][0]
    assert first < 0.9**3 + 0.3  # three looks
    trained(own, network(), epochs=1)
    assert own.averages["Adam"][0] > first  # another training begins anew


def test_it_leaves_modes_as_they_are():
    model = network()
    trained(LastLayerRate("SGD", IMAGES, 32, scale=0.01), model)
    assert all(module.training for module in model.modules())


class Features(nn.Module):
    """Give the same number for every image."""

    def __init__(self, value):
        super().__init__()
        self.value = value

    def forward(self, x):
        return x.flatten(1) * 0 + self.value


@pytest.mark.parametrize(("value", "rate"), [(0.0, math.inf), (math.nan, math.nan)])
def test_dead_or_broken_features_end_the_training(value, rate):
    own = LastLayerRate("SGD", IMAGES, 32)
    with pytest.raises(Diverged):
        trained(own, nn.Sequential(Features(value), nn.Linear(9, 3)))
    assert own.rates[0] == pytest.approx(rate, nan_ok=True)


@pytest.mark.parametrize("rule", ["SGD", "momentum", "RMSprop", "Adam"])
def test_with_l2_the_rules_stand_dead_features(rule):
    own = LastLayerRate(rule, IMAGES, 32, l2=0.1)
    history = trained(own, nn.Sequential(Features(0.0), nn.Linear(9, 3)))
    assert np.isfinite(own.rates).all() and len(history.losses) == 6
