"""Training on torch: data, models, the loop, files, devices.

>>> from helpers.training import data, fit, models
"""

from helpers.training.history import Diverged, History
from helpers.training.loop import count_steps, evaluate, fit

__all__ = ["Diverged", "History", "count_steps", "evaluate", "fit"]
