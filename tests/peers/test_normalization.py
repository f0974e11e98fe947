"""Batch normalization here and in Keras: outputs and running statistics over some batches."""

import numpy as np
import pytest

from helpers.formulas import layers
from tests.peers.libraries import keras

GIVEN = [np.random.default_rng(t).normal(3.0, 2.0, (4, 3, 2, 2)) for t in range(5)]
START = np.zeros(3), np.ones(3)
#: Keras collects its statistics in single precision, whatever it is given.
SINGLE = 2e-6


def ours(**options):
    """The running statistics after five batches, and the outputs in training and evaluation."""
    outputs, running = [], START
    for x in GIVEN:
        y, _, running = layers.batch_norm_forward(x, *START[::-1], running, **options)
        outputs.append(y)
    epsilon = options["epsilon"]
    last = layers.batch_norm_forward(GIVEN[0], *START[::-1], running, train=False, epsilon=epsilon)[0]
    return running, [*outputs, last]


def theirs(**options):
    layer = keras.layers.BatchNormalization(axis=1, **options)
    outputs = [np.asarray(layer(x, training=True)) for x in GIVEN]
    outputs.append(np.asarray(layer(GIVEN[0], training=False)))
    return (np.asarray(layer.moving_mean), np.asarray(layer.moving_variance)), outputs


@pytest.mark.parametrize("kept", [0.99, 0.9])
def test_keras_gives_the_weight_of_the_old_and_stores_the_biased_variance(kept):
    found = ours(momentum=1 - kept, epsilon=1e-3, unbiased=False)
    for mine, other in zip(found, theirs(momentum=kept), strict=True):
        np.testing.assert_allclose(mine, other, rtol=SINGLE, atol=SINGLE)


def test_its_defaults_are_those_named_in_the_documentation():
    for mine, other in zip(ours(momentum=0.01, epsilon=1e-3, unbiased=False), theirs(), strict=True):
        np.testing.assert_allclose(mine, other, rtol=SINGLE, atol=SINGLE)


def test_the_defaults_of_torch_give_other_statistics():
    (mean, variance), _ = ours(momentum=0.1, epsilon=1e-5, unbiased=True)
    (their_mean, their_variance), _ = theirs()
    assert np.abs(mean - their_mean).min() > 0.5 and np.abs(variance - their_variance).min() > 0.5


def test_the_batch_of_the_lesson():
    """Running variance after one step from 1: 0.99 + 0.01 * 9.5."""
    layer = keras.layers.BatchNormalization()
    layer(np.array([[1.0], [2.0], [4.0], [9.0]]), training=True)
    np.testing.assert_allclose(np.asarray(layer.moving_variance), [1.085], rtol=SINGLE)
