"""Gradients derived by hand train a real network, step for step as torch's own do."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

from helpers.formulas import losses
from helpers.training.autograd import as_autograd

WEIGHTS = torch.linspace(0.5, 2.0, 10, dtype=torch.float64)
N = 64
PRED = torch.ones(2, requires_grad=True)


@pytest.fixture(scope="module")
def digits():
    """Return 512 images in float64 with their labels."""
    data = load_digits()
    return torch.as_tensor(data.images[:512] / 16)[:, None], torch.as_tensor(data.target[:512])


def network():
    torch.manual_seed(0)
    layers = [nn.Conv2d(1, 6, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(54, 10)]
    return nn.Sequential(*layers).double()


# what the hand derives, what torch does, and what the labels become; tests/formulas has every loss
ROWS = {
    "Huber": (
        as_autograd(losses.Huber(delta=0.3)),
        lambda pred, target: F.huber_loss(pred, target, delta=0.3),
        lambda labels: F.one_hot(labels, 10).double(),
    ),
    "cross-entropy with options": (
        as_autograd(losses.softmax_cross_entropy, label_smoothing=0.1, class_weights=WEIGHTS),
        lambda logits, labels: F.cross_entropy(logits, labels, WEIGHTS, label_smoothing=0.1),
        lambda labels: labels,
    ),
    "divergence": (
        lambda logits, target: as_autograd(losses.kl_divergence)(logits.log_softmax(1), target),
        lambda logits, target: F.kl_div(logits.log_softmax(1), target, reduction="batchmean"),
        lambda labels: 0.9 * F.one_hot(labels, 10).double() + 0.01,
    ),
}


def trained(model, loss, images, targets, steps=40):
    """Return the losses of some steps with momentum."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    history = []
    for step in range(steps):
        batch = slice(step * N % len(images), step * N % len(images) + N)
        value = loss(model(images[batch]), targets[batch])
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        history.append(value.item())
    return history


@pytest.mark.parametrize("name", ROWS)
def test_a_network_takes_the_same_steps(name, digits):
    by_hand, by_torch, target_of = ROWS[name]
    images, targets = digits[0], target_of(digits[1])
    models = [network() for _ in range(2)]
    start = copy.deepcopy(models[0].state_dict())
    ours, theirs = (trained(m, f, images, targets) for m, f in zip(models, (by_hand, by_torch), strict=True))
    assert ours == pytest.approx(theirs, rel=1e-10)
    for (key, mine), other in zip(
        models[0].state_dict().items(), models[1].state_dict().values(), strict=True
    ):
        torch.testing.assert_close(mine, other, rtol=1e-10, atol=1e-13)
        assert not torch.equal(mine, start[key])
    assert np.mean(ours[-8:]) < np.mean(ours[:8])


def test_torch_agrees_by_its_own_check():
    logits = torch.randn(4, 3, dtype=torch.float64, generator=torch.manual_seed(0), requires_grad=True)
    loss = as_autograd(losses.softmax_cross_entropy, label_smoothing=0.2)
    assert torch.autograd.gradcheck(lambda z: 3 * loss(z, torch.tensor([0, 2, 1, 1])), logits)


def test_a_prediction_without_gradient_gives_the_value_alone_and_the_type_is_kept():
    value = as_autograd(losses.SquaredError())(torch.ones(2), torch.zeros(2))
    assert value == 1 and not value.requires_grad and value.shape == ()
    pred = torch.ones(2, dtype=torch.float32, requires_grad=True)
    value = as_autograd(losses.Huber())(pred, torch.zeros(2))
    value.backward()
    assert value.dtype == pred.grad.dtype == torch.float32
