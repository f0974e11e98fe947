"""Real images for the tests of the recipes, and what holds for every record."""

import pytest

from helpers.training import records
from tests.training.hosts import real_data

__all__ = ["assert_summary", "real", "real_data"]


@pytest.fixture
def real(real_data, monkeypatch):
    """Let the data sets be those on this machine."""
    monkeypatch.setenv("CNN_BOOK_DATA", str(real_data))


def assert_summary(record, kind=None):
    """Assert that a record's summary follows from its runs; Python 3.10 rounds a deviation otherwise."""
    both = records.summary(record["runs"], kind), record["summary"]
    now, then = ({"all": one} if kind is None else one for one in both)
    assert list(now) == list(then)
    for name, own in now.items():
        assert then[name].keys() == own.keys()
        for key, value in own.items():
            assert then[name][key] == (None if value is None else pytest.approx(value, rel=1e-12))
