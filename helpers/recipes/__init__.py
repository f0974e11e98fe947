"""Whole trainings, each a script to be read in one sitting: data, network, schedule, result.

``python -m helpers.recipes.mnist`` trains and says what came out; ``--help`` lists the rest. Lessons read
what was measured by ``records``, :mod:`helpers.training.records`.
"""

from helpers.training import records

__all__ = ["records"]
