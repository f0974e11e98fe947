"""Real images for the tests of the recipes."""

from tests.training.hosts import real_data

__all__ = ["real_data"]
