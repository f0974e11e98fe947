"""Training on torch: data, models, the loop, files, devices.

>>> from helpers.training import data, fit, models
"""

from helpers.training.batches import count_steps
from helpers.training.divergence import Diverged
from helpers.training.history import History
from helpers.training.loop import evaluate, fit

__all__ = ["Diverged", "History", "count_steps", "evaluate", "fit"]
