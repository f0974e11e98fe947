"""Helpers of the book *How CNNs Learn*: formulas, training, figures; compact, and read by its lessons.

The folders are floors, and an import goes down only: ``figures`` and ``recipes`` stand on
``training``, which stands on ``formulas``, which stands on ``core``.
"""

import os

# Threads of torch that wait for each other shall sleep, and not spin on cores that another notebook or worker
# needs: two trainings on two cores ran ten times slower so. It must be said before torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__version__ = "0.1.0"

#: The mark by which a notebook knows this package from any other that is called ``helpers``.
BOOK = "How CNNs Learn"
