"""The networks and the loss of the published Lipschitz rate are the authors'."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from helpers.recipes.networks import clipped_cross_entropy, mnist_cnn, resnet

IMAGES = {mnist_cnn: (2, 1, 28, 28), resnet: (2, 3, 32, 32)}
CONVOLUTIONS = {mnist_cnn: 5, resnet: 19 + 2}  # two of the ResNet's stand beside a block


def test_the_networks_have_the_size_that_the_paper_counts():
    assert sum(param.numel() for param in mnist_cnn(32, seed=0).parameters()) == 730_346  # "730K"
    weights = [name for name, weight in resnet(2, seed=0).named_parameters() if weight.ndim > 1]
    assert len([name for name in weights if "past" not in name]) == 20  # layers


@pytest.mark.parametrize("build", IMAGES)
def test_a_network_maps_images_to_logits(build):
    model = build(2, seed=0).eval()
    assert model(torch.rand(IMAGES[build])).shape == (2, 10)
    assert isinstance(model[-1], nn.Linear)
    convolutions = [layer for layer in model.modules() if isinstance(layer, nn.Conv2d)]
    assert len(convolutions) == CONVOLUTIONS[build]


@pytest.mark.parametrize("build", IMAGES)
def test_the_seed_decides_the_weights_and_nothing_else(build):
    before = torch.get_rng_state()
    first, again, other = build(2, seed=3), build(2, seed=3), build(2, seed=4)
    assert torch.equal(torch.get_rng_state(), before)
    assert all((a == b).all() for a, b in zip(first.parameters(), again.parameters(), strict=True))
    assert not torch.equal(first[0].weight, other[0].weight)


@pytest.mark.parametrize("build", IMAGES)
def test_weights_begin_after_he_and_glorot_and_biases_at_zero(build):
    model = build(16, seed=0)
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d) and layer.weight.numel() > 2000:
            fan_in = layer.weight[0].numel()
            assert layer.weight.std().item() == pytest.approx(math.sqrt(2 / fan_in), rel=0.1)
        if isinstance(layer, nn.Linear):
            largest = math.sqrt(6 / (layer.in_features + layer.out_features))
            assert 0.95 * largest < layer.weight.abs().max() <= largest
        if isinstance(layer, (nn.Conv2d, nn.Linear)) and layer.bias is not None:
            assert not layer.bias.any()


def test_the_clipped_loss_is_the_cross_entropy_between_its_limits():
    logits = torch.randn(20, 5, dtype=torch.float64, requires_grad=True)
    labels = torch.arange(20) % 5
    values = [loss(logits, labels) for loss in (clipped_cross_entropy, F.cross_entropy)]
    torch.testing.assert_close(*values)
    torch.testing.assert_close(*[torch.autograd.grad(value, logits)[0] for value in values])


@pytest.mark.parametrize(("lead", "loss"), [(17.0, -math.log(1e-7)), (-17.0, -math.log(1 - 1e-7))])
def test_beyond_its_limits_the_clipped_loss_does_not_pull(lead, loss):
    logits = torch.tensor([[0.0, lead]], dtype=torch.float64, requires_grad=True)
    value = clipped_cross_entropy(logits, torch.tensor([0]))
    value.backward()
    assert value.item() == pytest.approx(loss)
    assert not logits.grad.any()
