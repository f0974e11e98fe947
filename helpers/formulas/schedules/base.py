"""What every schedule is: a frozen formula from the step to the learning rate."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import numpy as np

from helpers.core import checks
from helpers.core.methods import Method, read_libraries

__all__ = ["Schedule", "torch_line"]


class Schedule(Method, ABC):
    """A learning rate for every step.

    ``schedule(step)`` is the rate of the update about to be made: `step` counts the updates made
    so far, so the first is 0. A schedule is pure: it remembers nothing, and asking it twice, or
    plotting it first, changes nothing.
    """

    libraries = read_libraries(Path(__file__).with_name("libraries.md"))

    @property
    def base_lr(self) -> Any:
        """The rate with which an optimizer of another library is made, before its scheduler multiplies."""
        return self.peak_lr

    @property
    def first_lr(self) -> Any:
        """The rate of step 0."""
        return self.base_lr

    @abstractmethod
    def formula(self, t: Any) -> Any:
        """The rate at step `t`, written once for numbers, arrays and symbols."""

    def __call__(self, step: float) -> float:
        """Return the learning rate of one step.

        Parameters
        ----------
        step : int or float
            Updates made so far, zero or more.

        Returns
        -------
        float

        Raises
        ------
        ValueError
            If `step` is negative, infinite or NaN.
        """
        checks.non_negative("step", step)
        return float(self.formula(step))

    def rates(self, steps: Any) -> np.ndarray:
        """Return the learning rates of many steps at once.

        Parameters
        ----------
        steps : int or array_like
            A whole number n stands for the steps 0 to n-1.

        Returns
        -------
        ndarray of float64
            One rate a step, in the shape of `steps`.

        Raises
        ------
        TypeError
            If `steps` is neither a whole number nor an array of numbers.
        ValueError
            If any step is negative, infinite or NaN, or the number of steps is negative.
        """
        if isinstance(steps, Integral):
            checks.index("steps", steps)
            steps = np.arange(steps)
        t = np.asarray(steps)
        many = t.dtype.kind in "iuf" and not isinstance(steps, Real)
        checks.kind(many, "be a whole number or an array of steps", "steps", steps)
        t = t.astype(float)
        if t.size:
            checks.non_negative("step", float(t.min()))  # NaN, where there is one
            checks.finite("step", float(t.max()))
        return np.full(t.shape, self.formula(t), dtype=float)

    def torch(self) -> str:
        """Return the torch expression that gives the same rates, for an `optimizer` made with `base_lr`."""
        starts, lines = zip(*self.torch_parts(), strict=True)
        if len(lines) == 1:
            return lines[0]
        return f"SequentialLR(optimizer, [{', '.join(lines)}], milestones={list(starts[1:])})"

    def torch_agrees(self, t: Any) -> Any:
        """Whether torch's line has this rate at step `t`: some of its classes turn round, or refuse."""
        return True

    def torch_parts(self) -> list[tuple[int, str]]:
        """Return each stretch of the schedule: its first step and the torch expression that holds there.

        Torch cannot put one sequence inside another, so a schedule made of schedules lists all parts.
        """
        return [(0, torch_line(self))]


def torch_line(method: Any) -> str:
    """Return a method's ``torch_code`` with the values of its fields in it."""
    names = re.findall(r"{(\w+)", method.torch_code)
    return method.torch_code.format(**{name: getattr(method, name) for name in names})
