r"""Codes: how many bits a message takes, and how many more when the code believes something else.

A code for K symbols is as good as the shares it was made for: a symbol of share :math:`q_k` gets
:math:`-\log_2 q_k` bits. Symbols that come with shares :math:`p_k` then cost the cross-entropy
:math:`-\sum_k p_k \log_2 q_k`, a symbol. Lesson 6 derives it.

>>> truth, belief = shares([8, 4, 2, 2]), shares([2, 2, 4, 8])
>>> entropy(truth), cross_entropy(truth, belief)
(1.75, 2.625)
>>> huffman(truth)
['0', '10', '110', '111']
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from typing import Any

from helpers.core import checks
from helpers.core.mathematics import is_symbolic, log

__all__ = ["code_length", "cross_entropy", "entropy", "huffman", "mean_length", "shares"]


def shares(counts: Sequence[float]) -> list[float]:
    """Return each count's part of their sum.

    Parameters
    ----------
    counts : sequence of float
        Zero or above, not all zero.

    Returns
    -------
    list of float
        They sum to 1.

    Raises
    ------
    ValueError
        If a count is negative or not finite, or if they are all zero, or none.
    """
    _check_each("counts", counts)
    total = sum(counts)
    if not is_symbolic(total) and total == 0:
        raise ValueError(f"counts must have a positive sum, got counts={list(counts)}")
    return [count / total for count in counts]


def code_length(share: Any) -> Any:
    """Return the bits of a symbol in the best code for its share, minus the binary logarithm.

    Parameters
    ----------
    share : float
        In [0, 1].

    Returns
    -------
    float
        Infinite for a share of 0, which has no code word.

    Raises
    ------
    ValueError
        If `share` is not in [0, 1].

    References
    ----------
    .. [1] C. E. Shannon, "A mathematical theory of communication", Bell System Technical Journal 27,
       1948.

    Examples
    --------
    >>> code_length(0.125), code_length(0.0)
    (3.0, inf)
    """
    if is_symbolic(share):
        return -log(share) / log(2)
    checks.require(0 <= share <= 1, "be in [0, 1]", "share", share)
    return 0.0 - math.log2(share) if share > 0 else math.inf


def mean_length(shares: Sequence[float], lengths: Sequence[float]) -> float:
    """Return the bits that a symbol costs on average.

    Parameters
    ----------
    shares : sequence of float
        How often each symbol comes; they sum to 1.
    lengths : sequence of float
        Its bits. What never comes costs nothing, however long.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If there are not as many lengths as shares, or the shares are no distribution.
    """
    _check_shares("shares", shares)
    if len(shares) != len(lengths):
        raise ValueError(f"lengths must be as many as shares, got {len(lengths)} for {len(shares)} shares")
    return sum(share * length for share, length in zip(shares, lengths, strict=True) if share != 0)


def cross_entropy(truth: Sequence[float], belief: Sequence[float]) -> float:
    """Return the bits a symbol when `truth` comes and the code was made for `belief`.

    Parameters
    ----------
    truth, belief : sequence of float
        Two distributions over the same K symbols.

    Returns
    -------
    float
        At least the entropy of `truth`, and that only if they agree; infinite if something comes that
        was believed impossible.

    Raises
    ------
    ValueError
        If they differ in length, or one is no distribution.

    Notes
    -----
    In bits. The loss of the same name is in nats; a nat is 1/ln 2, about 1.44 bits.
    """
    _check_shares("truth", truth)
    _check_shares("belief", belief)
    return mean_length(truth, [code_length(share) for share in belief])


def entropy(shares: Sequence[float]) -> float:
    """Return the bits a symbol of the best code for these shares: 0 to the binary logarithm of K.

    Parameters
    ----------
    shares : sequence of float
        A distribution.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If `shares` is no distribution.
    """
    return mean_length(shares, [code_length(share) for share in shares])


def huffman(shares: Sequence[float]) -> list[str]:
    """Return a code word for each symbol: of all codes with whole bits and no commas one of the shortest.

    Parameters
    ----------
    shares : sequence of float
        How often each symbol comes; any numbers from 0 that are in proportion will do.

    Returns
    -------
    list of str
        Words of "0" and "1", none the beginning of another; one empty word for a single symbol.

    Raises
    ------
    ValueError
        If a share is negative or not finite, or there is none.

    Notes
    -----
    Of groups with equal shares the one that was made first is joined first, which keeps the longest
    word as short as can be.

    References
    ----------
    .. [1] D. A. Huffman, "A method for the construction of minimum-redundancy codes", Proceedings of
       the IRE 40(9), 1952.
    """
    _check_each("shares", shares)
    words = [""] * len(shares)
    groups = [(share, i, [i]) for i, share in enumerate(shares)]
    heapq.heapify(groups)
    for number in range(len(words), 2 * len(words) - 1):
        (few, _, one), (more, _, other) = heapq.heappop(groups), heapq.heappop(groups)
        for bit, members in (("0", one), ("1", other)):
            for i in members:
                words[i] = bit + words[i]
        heapq.heappush(groups, (few + more, number, one + other))
    return words


def _check_each(name: str, numbers: Sequence[float]) -> None:
    if len(numbers) == 0:
        raise ValueError(f"{name} must hold a number, got {name}={list(numbers)}")
    for i, number in enumerate(numbers):
        if not is_symbolic(number):
            checks.non_negative(f"{name}[{i}]", number)


def _check_shares(name: str, numbers: Sequence[float]) -> None:
    _check_each(name, numbers)
    total = sum(numbers)
    if not is_symbolic(total) and not math.isclose(total, 1, abs_tol=1e-6):
        raise ValueError(f"{name} must sum to 1, got a sum of {total}")
