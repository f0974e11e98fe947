"""Real images for the tests of training."""

import pytest

from helpers.training import data
from tests.training.hosts import host, real_data

__all__ = ["digits", "host", "real_data"]


@pytest.fixture(scope="session")
def digits():
    """Return the training images of the 8x8 digits as tensors, normalized, and their labels."""
    dataset = data.digits()
    return dataset.train.tensors(dataset.mean, dataset.std)
