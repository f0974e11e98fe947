"""Batch normalization here and in Keras: outputs and running statistics over some batches."""

import numpy as np
import pytest

from helpers.formulas import layers
from tests.peers import records

BATCHES = [np.random.default_rng(t).normal(3.0, 2.0, (4, 3, 1, 2)) for t in range(5)]
#: Keras collects its statistics in single precision, whatever it is given.
SINGLE = {"rtol": 2e-6, "atol": 2e-6}
#: Keras gives the weight of the old and stores the biased variance; the last are its defaults.
PEERS = {"batch_norm(momentum=0.9)": 0.1, "batch_norm()": 0.01}
CALLS = [("Keras", call) for call in PEERS]


def ours(**options):
    """The outputs in training and evaluation, and the running statistics after all batches."""
    (zeros, ones), outputs = (running := (np.zeros(3), np.ones(3))), []
    for x in BATCHES:
        y, _, running = layers.batch_norm_forward(x, ones, zeros, running, **options)
        outputs.append(y)
    outputs.append(layers.batch_norm_forward(BATCHES[0], ones, zeros, running, train=False, **options)[0])
    return np.concatenate([np.ravel(part) for part in (*outputs, *running)])


@pytest.mark.parametrize(("call", "momentum"), PEERS.items())
def test_keras_gives_the_weight_of_the_old_and_stores_the_biased_variance(call, momentum):
    found = ours(momentum=momentum, epsilon=1e-3, unbiased=False)
    np.testing.assert_allclose(found, records.numbers("Keras", call), **SINGLE)


def test_the_defaults_of_torch_give_other_statistics():
    differences = np.abs(ours() - records.numbers("Keras", "batch_norm()"))
    assert differences[-6:].min() > 0.2
