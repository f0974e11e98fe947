'''Search for hyperparameters: a thin layer over Optuna, with any number of workers on any number of machines.

A search is written into a file, which holds all that a worker must know::

    """Peak rate and decay for the small network on the digits."""

    from functools import partial
    from pathlib import Path

    from helpers.formulas.schedules import CosineDecay
    from helpers.training import fit
    from helpers.training.search import Search

    def objective(trial, schedule):
        ...
        history = fit(model, train, val, schedule=schedule, hooks=[trial], ...)
        return history.val_losses[-1]

    search = Search(
        objective,
        {"schedule": partial(CosineDecay, total_steps=400, end_lr=0.0)},
        trials=60,
        stages=2,
        storage=Path(__file__).with_suffix(".journal"),
    )

Whoever runs ``python -m helpers.training.search worker FILE.py``, on this machine or on another that sees
the same folder, takes part; ``python -m helpers.training.search status FILE.py`` shows how it stands, and
with ``--watch`` keeps showing it. From Python, ``search.run()`` is a worker and ``search.result()`` the
result so far. A file with several searches names one: ``FILE.py:NAME``.

The first worker begins the study. One that dies, or is switched off, loses its running trial alone, and
another worker runs that one again with the same values. Optuna is imported when a search is run, and not
before.
'''

from helpers.training.search.reports import Record, Result
from helpers.training.search.searches import Search
from helpers.training.search.spaces import Axis
from helpers.training.search.workers import Trial

__all__ = ["Axis", "Record", "Result", "Search", "Trial"]
