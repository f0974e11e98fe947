"""Paired comparison: what a few seeds can tell about the difference of two methods.

Contestants that share their starts and batches are compared seed by seed, so that what a seed does to both
cancels. The interval is Student's, for as many pairs as there are.

>>> losses = {"constant": [0.50, 0.62, 0.55, 0.58], "step": [0.44, 0.57, 0.50, 0.51]}
>>> print(compare(losses, "constant"))
against constant, 4 pairs   mean difference   95 % interval
step                                -0.0575   -0.0727 to -0.0423
>>> compare(losses, "constant")["step"].below(-0.02)
True
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from helpers.core import checks

__all__ = ["Comparison", "PairedDifference", "compare", "paired_difference", "student_quantile"]


@dataclass(frozen=True)
class PairedDifference:
    """The mean of a few differences, and how far it can be trusted.

    Parameters
    ----------
    mean : float
        In the unit of what was compared.
    standard_error : float
        Of the mean: sample standard deviation over the root of the number of pairs.
    n_pairs : int
        Two or more.
    confidence : float
        Share of such intervals that hold the true mean, between 0 and 1.

    References
    ----------
    .. [1] Student, "The probable error of a mean", Biometrika 6, 1908.
    """

    mean: float
    standard_error: float
    n_pairs: int
    confidence: float = 0.95

    @property
    def low(self) -> float:
        """Lower end of the interval."""
        return self.mean - self._reach

    @property
    def high(self) -> float:
        """Upper end of the interval."""
        return self.mean + self._reach

    @property
    def _reach(self) -> float:
        return student_quantile(self.n_pairs, self.confidence) * self.standard_error

    def above(self, bound: float = 0.0) -> bool:
        """Return whether the whole interval lies above `bound`."""
        return self.low > bound

    def below(self, bound: float = 0.0) -> bool:
        """Return whether the whole interval lies below `bound`."""
        return self.high < bound

    def within(self, bound: float) -> bool:
        """Return whether the whole interval lies within `bound` of zero: level for all that matters."""
        return -bound < self.low and self.high < bound

    def __str__(self) -> str:
        return f"{self.mean:+.3g} ({self.low:+.3g} to {self.high:+.3g}, {self.n_pairs} pairs)"


class Comparison(dict[str, PairedDifference]):
    """Paired differences of several methods from one of them; `print` makes the table."""

    def __init__(self, differences: Mapping[str, PairedDifference], reference: str) -> None:
        super().__init__(differences)
        self.reference = reference

    def __str__(self) -> str:
        first = next(iter(self.values()))
        head = f"against {self.reference}, {first.n_pairs} pairs"
        width = max(map(len, [head, *self]))
        lines = [f"{head:{width}}   mean difference   {first.confidence:.0%} interval".replace("%", " %")]
        for name, one in self.items():
            lines.append(f"{name:{width}}   {one.mean:+15.4f}   {one.low:+.4f} to {one.high:+.4f}")
        return "\n".join(lines)


def student_quantile(n: int, confidence: float = 0.95) -> float:
    """Return how many standard errors the interval of a mean of `n` numbers reaches to either side.

    >>> round(student_quantile(3), 2), round(student_quantile(8), 2)
    (4.3, 2.36)
    """
    return float(stdtrit(n - 1, (1 + confidence) / 2))


def paired_difference(
    values: Sequence[float], reference: Sequence[float], confidence: float = 0.95
) -> PairedDifference:
    """Return the mean of ``values - reference``, pair by pair, with its standard error.

    Parameters
    ----------
    values, reference : array_like of shape (R,)
        A number for each seed, two or more, in the same order.
    confidence : float
        Between 0 and 1.

    Raises
    ------
    ValueError
        If there are not as many of one as of the other, fewer than two, or one is not finite.
    """
    values, reference = np.asarray(values, float), np.asarray(reference, float)
    checks.shape("values", values, "R")
    checks.shape("reference", reference, "R", R=len(values))
    checks.require(len(values) > 1, "hold two pairs or more", "values", values.tolist())
    difference = values - reference
    finite = bool(np.isfinite(difference).all())
    checks.require(finite, "be finite", "values - reference", difference.tolist())
    checks.require(0 < confidence < 1, "be between 0 and 1", "confidence", confidence)
    error = float(difference.std(ddof=1)) / len(difference) ** 0.5
    return PairedDifference(float(difference.mean()), error, len(difference), confidence)


def compare(runs: Mapping[str, Sequence[float]], reference: str, confidence: float = 0.95) -> Comparison:
    """Return each method's paired difference from one of them.

    Parameters
    ----------
    runs : mapping
        Name of a method to a number for each seed, array_like of shape (R,), in the same order for all.
    reference : str
        The name that the others are compared with.
    confidence : float
        Between 0 and 1.

    Raises
    ------
    ValueError
        If no other method is there, or the numbers do not pair.
    """
    checks.require(reference in runs, f"be one of {sorted(runs)}", "reference", reference)
    others = {name: values for name, values in runs.items() if name != reference}
    checks.require(bool(others), "hold two methods or more", "runs", sorted(runs))
    differences = {name: paired_difference(v, runs[reference], confidence) for name, v in others.items()}
    return Comparison(differences, reference)
