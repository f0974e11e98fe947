"""A network is what its docstring says, and the same whenever it has the same seed."""

import pytest
import torch
from torch import nn

from helpers.training import data
from helpers.training.models import Normalize, fast_cnn, small_cnn


def test_the_default_network_is_the_one_described():
    model = small_cnn()
    kinds = [type(layer).__name__ for layer in model]
    assert kinds == ["Conv2d", "ReLU", "MaxPool2d", "Conv2d", "ReLU", "MaxPool2d", "Flatten", "Linear"]
    assert [param.numel() for param in model.parameters()] == [144, 16, 4608, 32, 1280, 10]
    model = small_cnn(in_shape=(1, 28, 28), norm=True)
    assert sum(param.numel() for param in model.parameters()) == 20586
    assert [type(layer) for layer in model[:2]] == [nn.Conv2d, nn.BatchNorm2d]


@pytest.mark.parametrize(
    "channels, in_shape", [((4,), (1, 8, 8)), ((2, 3, 4), (3, 8, 13)), ((2,), (2, 2, 3))]
)
@pytest.mark.parametrize("norm", [False, True])
def test_logits_have_a_row_an_image(channels, in_shape, norm):
    model = small_cnn(channels, in_shape, n_classes=3, norm=norm)
    assert model(torch.rand(5, *in_shape)).shape == (5, 3)


def test_the_seed_decides_the_weights_and_nothing_else():
    torch.manual_seed(5)
    wanted = torch.rand(1)
    torch.manual_seed(5)
    first, second, other = small_cnn(seed=1), small_cnn(seed=1), small_cnn(seed=2)
    assert torch.equal(torch.rand(1), wanted)
    for a, b, c in zip(first.parameters(), second.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)
        assert not torch.equal(a, c)
    torch.manual_seed(3)  # and they start as torch's layers start them
    assert torch.equal(small_cnn(seed=3)[0].weight, nn.Conv2d(1, 16, 3, padding=1).weight)


def test_bytes_are_normalized_as_the_split_does_it():
    split = data.digits().train.take(50)
    images, labels = split.tensors([0.3], [0.4])
    pixels, same = split.pixels()
    layer = Normalize([0.3], [0.4])
    assert torch.equal(layer(pixels), images)
    assert torch.equal(same, labels)
    assert not list(layer.parameters())
    assert sorted(layer.state_dict()) == ["mean", "std"]
    assert repr(layer).startswith("Normalize(mean=[0.30")


def test_real_numbers_are_normalized_in_a_copy_and_have_gradients():
    images = torch.full((1, 2, 1, 1), 51.0, requires_grad=True)
    result = Normalize([0.1, 0.2], [0.5, 0.25])(images)
    torch.testing.assert_close(result.flatten(), torch.tensor([0.2, 0.0]))
    result.sum().backward()
    torch.testing.assert_close(images.grad.flatten(), torch.tensor([1 / 127.5, 1 / 63.75]))
    assert torch.equal(images.detach(), torch.full((1, 2, 1, 1), 51.0))
    assert Normalize([0.0], [1.0]).double()(torch.ones(1, 1, 1, 1)).dtype == torch.float64


def test_the_fast_network_pools_first_and_computes_the_same():
    """The maximum of a ReLU is the ReLU of the maximum, and so with a rising affine map between."""
    images = torch.randint(256, (4, 1, 16, 16), dtype=torch.uint8)
    model = fast_cnn((4, 8), (1, 16, 16), mean=[0.5], std=[0.25], seed=1).eval()
    normalize, *layers = model
    x = normalize(images)
    for start in (0, 4):
        convolution, pool, norm, relu = layers[start : start + 4]
        x = pool(relu(norm(convolution(x))))
    torch.testing.assert_close(model(images), layers[-1](layers[-2](x)))
    assert torch.equal(model(images), fast_cnn((4, 8), (1, 16, 16), [0.5], [0.25], seed=1).eval()(images))
