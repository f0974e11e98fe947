"""Muon: a rule for matrices, whose step has (nearly) equal singular values."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from helpers.core.mathematics import maximum, norm, shown_as
from helpers.formulas.rules.base import Rule, momentum
from helpers.formulas.schedules.base import LibraryName

__all__ = ["Muon", "orthogonalize"]


@shown_as(r"\operatorname{NS}_5\left(#\right)")
def orthogonalize(matrix: Any) -> Any:
    r"""Return a matrix with the same singular vectors and singular values near 1.

    Five Newton-Schulz iterations :math:`X \leftarrow aX + (bG + cG^2)X`, :math:`G = XX^\top`, from the
    matrix over its Frobenius norm. Each singular value :math:`\sigma` goes five times through
    :math:`a\sigma + b\sigma^3 + c\sigma^5`, which takes all above 0.005 to between 0.68 and 1.16 without
    settling at 1. A matrix of zeros stays one; a norm below 1e-7 counts as 1e-7.

    Parameters
    ----------
    matrix : array, shape (n, m)

    Returns
    -------
    array, shape (n, m)
        Of the same kind and type.

    References
    ----------
    .. [1] K. Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024,
       https://kellerjordan.github.io/posts/muon/. Ours works in the type of the matrix, torch's in
       bfloat16.

    Examples
    --------
    >>> import numpy as np
    >>> np.linalg.svd(orthogonalize(np.diag([3.0, 1.0, 0.1])), compute_uv=False).round(2)
    array([1.13, 1.13, 0.75])
    """
    x = matrix / maximum(norm(matrix), 1e-7)
    x = x.T if matrix.shape[0] > matrix.shape[1] else x
    for _ in range(5):
        gram = x @ x.T
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    return x.T if matrix.shape[0] > matrix.shape[1] else x


@shown_as(r"\sqrt{\max\left(1, \tfrac{n}{m}\right)} \operatorname{NS}_5\left(#\right)")
def _direction(velocity: Any) -> Any:
    """Orthogonalize the first axis against all others, larger where there are more rows than columns."""
    if len(velocity.shape) < 2:
        raise ValueError(f"param must have at least 2 axes for Muon, got shape {tuple(velocity.shape)}")
    rows, columns = velocity.shape[0], math.prod(velocity.shape[1:])
    factor = math.sqrt(max(1, rows / columns))
    return factor * orthogonalize(velocity.reshape(rows, columns)).reshape(velocity.shape)


@dataclass(frozen=True)
class Muon(Rule):
    r"""Momentum whose step is orthogonalized: every direction of a matrix is moved by about the rate.

    For hidden layers alone: matrices, and filters of convolutions. Filters of shape
    (C_out, C_in, kH, kW) are taken as a matrix of C_out rows and C_in kH kW columns. Biases, scales of
    batch norm, and by custom the first and the last layer, are left to another rule.

    Parameters
    ----------
    momentum : float
        Part of the velocity that is kept, in [0, 1).

    Notes
    -----
    A matrix of n rows and m columns is moved by
    :math:`\eta \sqrt{\max(1, n/m)} \operatorname{NS}_5(g_t + \mu v_t)`: see :func:`orthogonalize`.

    References
    ----------
    .. [1] K. Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024,
       https://kellerjordan.github.io/posts/muon/.
    """

    momentum: float = momentum(0.95)

    words = "Muon"
    lesson = 15
    elementwise = False
    state_symbols: ClassVar = {"velocity": "v"}
    torch_code = "torch.optim.Muon(params, lr={lr}, weight_decay=0, momentum={momentum})"
    library_names = (
        LibraryName("torch", "Muon", "orthogonalizes in bfloat16, refuses filters, decays by 0.1"),
        LibraryName("Keras", "Muon", "the factor is 0.2 sqrt(max(n, m)); else Adam"),
        LibraryName("optax", "contrib.muon", "corrects the bias of its mean; columns over rows; else Adam"),
    )

    def update(self, param: Any, grad: Any, state: dict[str, Any], lr: Any) -> tuple[Any, dict[str, Any]]:
        velocity = self.momentum * state["velocity"] + grad
        return param - lr * _direction(grad + self.momentum * velocity), {"velocity": velocity}
