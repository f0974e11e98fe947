"""Whole trainings, each a script to be read in one sitting: data, network, schedule, result.

``python -m helpers.recipes.mnist`` trains and says what came out; ``--help`` lists the rest.
"""
