"""Real images for the tests of training."""

import multiprocessing.forkserver

import pytest

from helpers.training import data
from tests.training import resumable
from tests.training.hosts import host, real_data

__all__ = ["digits", "host", "real_data"]


@pytest.fixture(scope="session")
def digits():
    """Return the training images of the 8x8 digits as tensors, normalized, and their labels."""
    dataset = data.digits()
    return dataset.train.tensors(dataset.mean, dataset.std)


@pytest.fixture(scope="session")
def children():
    """Return a maker of processes that have torch already, and no threads when they begin."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([resumable.__name__])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        multiprocessing.forkserver.ensure_running()
    return context.Process
