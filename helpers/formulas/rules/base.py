"""What every update rule is: a frozen formula from a gradient to a step."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from helpers.core import checks
from helpers.core.hyperparameters import Hyperparameters, hyperparameter
from helpers.core.mathematics import zeros_like
from helpers.formulas.schedules.base import LibraryName

__all__ = ["Rule", "decay", "descend", "epsilon", "momentum"]


class Rule(Hyperparameters, ABC):
    """How a gradient becomes a step.

    ``init(param)`` returns the state before the first update, ``update(param, grad, state, lr)`` the
    new parameter and the new state; neither changes what it is given. The learning rate is an
    argument, for it is the schedule's business. Parameters are numbers, arrays, tensors or symbols.
    """

    #: One phrase for menus and tables.
    words: ClassVar[str]
    #: The lesson that derives it.
    lesson: ClassVar[int]
    #: What is remembered from update to update: the entries of the state and their LaTeX.
    state_symbols: ClassVar[dict[str, str]] = {}
    #: Whether each entry's step depends on that entry alone, so that parameters may be laid end to end.
    elementwise: ClassVar[bool] = True
    #: Whether the gradient is wanted elsewhere than at the parameter (see :meth:`gradient_point`).
    looks_ahead: ClassVar[bool] = False
    #: The torch expression that makes the same steps at a constant rate; empty where torch has none.
    torch_code: ClassVar[str] = ""
    #: The same rule elsewhere, and how the convention differs there.
    library_names: ClassVar[tuple[LibraryName, ...]] = ()

    def init(self, param: Any) -> dict[str, Any]:
        """Return the state before the first update: zero of the parameter's kind, and no steps."""
        return {name: 0 if name == "step" else zeros_like(param) for name in self.state_symbols}

    def gradient_point(self, param: Any, state: dict[str, Any]) -> Any:
        """Return where the gradient of the next update is to be taken: at the parameter, for most rules."""
        return param

    @abstractmethod
    def update(self, param: Any, grad: Any, state: dict[str, Any], lr: Any) -> tuple[Any, dict[str, Any]]:
        """Return the parameter and the state after one update.

        Parameters
        ----------
        param, grad : number, array or symbol of one shape
        state : dict
            What :meth:`init` or the update before returned.
        lr : float
            The learning rate of this step.

        Returns
        -------
        param, state
        """

    def torch(self, lr: float) -> str:
        """Return the torch expression that makes the same steps for `params` at the constant rate `lr`."""
        return self.torch_code.format(lr=lr, **vars(self))


def descend(rule: Rule, surface: Any, start: Any, schedule: Callable, steps: int) -> np.ndarray:
    """Return the path that a rule takes, with the very code that trains networks.

    A path that diverges goes on to infinity and NaN; nothing is cut off.

    Parameters
    ----------
    rule : Rule
    surface : callable, or object with a ``gradient``
        ``gradient(point)`` is the gradient at a point.
    start : array_like
        Where the path begins. It is not changed.
    schedule : callable
        ``schedule(step)`` is the rate of the update about to be made.
    steps : int
        Number of updates, above 0.

    Returns
    -------
    ndarray of float64, shape (steps + 1, *start.shape)
        The start and the parameter after each update.

    Examples
    --------
    >>> from helpers.formulas import rules, schedules
    >>> descend(rules.SGD(), lambda w: 2 * w, 1.0, schedules.Constant(0.25), steps=3)
    array([1.   , 0.5  , 0.25 , 0.125])
    """
    checks.count("steps", steps)
    if not callable(schedule):
        raise TypeError(f"schedule must be callable, got schedule={schedule!r}")
    gradient = getattr(surface, "gradient", surface)
    param = np.array(start, dtype=float)
    state, path = rule.init(param), [param]
    with np.errstate(over="ignore", invalid="ignore"):
        for step in range(steps):
            grad = gradient(rule.gradient_point(param, state))
            param, state = rule.update(param, grad, state, schedule(step))
            path.append(param)
    return np.stack(path)


# The fields that many rules share, declared once.


def momentum(default: float = 0.9) -> Any:
    """The part of a velocity that is kept."""
    return hyperparameter(r"\mu", "momentum", checks.fraction, low=0.0, high=0.99, default=default)


def decay(symbol: str, words: str, default: float) -> Any:
    """The part of a running mean that is kept."""
    return hyperparameter(symbol, words, checks.fraction, low=0.0, high=0.9999, default=default)


def epsilon(default: float = 1e-8) -> Any:
    """What keeps a denominator above 0."""
    return hyperparameter(
        r"\epsilon", "epsilon", checks.positive, low=1e-10, high=1e-2, log=True, default=default
    )
