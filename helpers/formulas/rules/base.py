"""What every update rule is: a frozen formula from a gradient to a step."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from helpers.core import checks
from helpers.core.mathematics import zeros_like
from helpers.core.methods import Method, read_libraries

__all__ = ["Rule", "descend"]


class Rule(Method, ABC):
    """How a gradient becomes a step.

    ``init(param)`` returns the state before the first update, ``update(param, grad, state, lr)`` the
    new parameter and the new state; neither changes what it is given. The learning rate is an
    argument, for it is the schedule's business. Parameters are numbers, arrays, tensors or symbols.
    """

    libraries = read_libraries(Path(__file__).with_name("libraries.md"))
    #: What is remembered from update to update: the entries of the state and their LaTeX.
    state_symbols: ClassVar[dict[str, str]] = {}
    #: Whether each entry's step depends on that entry alone, so that parameters may be laid end to end.
    elementwise: ClassVar[bool] = True
    #: Whether the gradient is wanted elsewhere than at the parameter (see :meth:`gradient_point`).
    looks_ahead: ClassVar[bool] = False

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
