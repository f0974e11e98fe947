"""Helpers of the book *How CNNs Learn*: formulas, training, figures; compact, and read by its lessons.

The folders are floors, and an import goes down only: ``figures`` and ``recipes`` stand on
``training``, which stands on ``formulas``, which stands on ``core``.
"""

__version__ = "0.1.0"

#: The mark by which a notebook knows this package from any other that is called ``helpers``.
BOOK = "How CNNs Learn"
