"""Codes against numbers computed by hand, SciPy, torch, every other code, and messages read back."""

import itertools
import math

import numpy as np
import scipy.stats
import sympy
import torch
from hypothesis import given
from hypothesis import strategies as st

from helpers.core import symbolic
from helpers.formulas import codes, losses

counts = st.lists(st.integers(0, 1000), min_size=2, max_size=12).filter(any)


def decode(bits, words):
    """Return the symbols of a message, reading bit by bit."""
    symbols, word = [], ""
    for bit in bits:
        word += bit
        if word in words:
            symbols.append(words.index(word))
            word = ""
    assert word == ""
    return symbols


def test_numbers_by_hand():
    truth, belief = codes.shares([8, 4, 2, 2]), codes.shares([2, 2, 4, 8])
    assert truth == [0.5, 0.25, 0.125, 0.125]
    assert [codes.code_length(share) for share in (*truth, 1.0, 0.0)] == [1, 2, 3, 3, 0, math.inf]
    assert math.copysign(1, codes.code_length(1.0)) == 1
    assert codes.entropy(truth) == 1.75
    assert codes.cross_entropy(truth, belief) == 0.5 * 3 + 0.25 * 3 + 0.125 * 2 + 0.125 * 1
    assert codes.mean_length(truth, [2, 2, 2, 2]) == 2
    assert codes.huffman(truth) == ["0", "10", "110", "111"]


def test_ends():
    assert codes.entropy([1.0, 0.0]) == 0
    assert codes.cross_entropy([1.0, 0.0], [1.0, 0.0]) == 0  # what never comes costs nothing
    assert codes.cross_entropy([0.5, 0.5], [1.0, 0.0]) == math.inf
    assert codes.code_length(5e-324) == 1074
    assert codes.huffman([7]) == [""]
    assert sorted(map(len, codes.huffman([0, 0, 1]))) == [1, 2, 2]


@given(counts, st.data())
def test_scipy_and_torch_agree(truth, data):
    p = codes.shares(truth)
    q = codes.shares(data.draw(st.lists(st.integers(1, 1000), min_size=len(p), max_size=len(p))))
    np.testing.assert_allclose(codes.entropy(p), scipy.stats.entropy(p, base=2), atol=1e-12)
    waste = codes.cross_entropy(p, q) - codes.entropy(p)
    np.testing.assert_allclose(waste, scipy.stats.entropy(p, q, base=2), atol=1e-9)
    assert waste > -1e-12
    log_q = torch.tensor([q], dtype=torch.float64).log()
    theirs = torch.nn.functional.cross_entropy(log_q, torch.tensor([p], dtype=torch.float64))
    np.testing.assert_allclose(codes.cross_entropy(p, q) * math.log(2), theirs.item(), atol=1e-9)
    nats, _ = losses.kl_divergence(log_q.numpy(), np.array([p]))
    np.testing.assert_allclose(waste * math.log(2), nats, atol=1e-9)


@given(counts)
def test_huffman_is_a_code_and_at_most_a_bit_above_entropy(weights):
    words, p = codes.huffman(weights), codes.shares(weights)
    assert sum(2.0 ** -len(word) for word in words) == 1
    assert not any(b.startswith(a) for a, b in itertools.permutations(words, 2))
    mean = codes.mean_length(p, [len(word) for word in words])
    assert codes.entropy(p) - 1e-9 <= mean <= codes.entropy(p) + 1


@given(counts, st.data())
def test_a_message_comes_back(weights, data):
    message = data.draw(st.lists(st.integers(0, len(weights) - 1), max_size=40))
    words = codes.huffman(weights)
    assert decode("".join(words[symbol] for symbol in message), words) == message


@given(st.lists(st.integers(1, 50), min_size=2, max_size=5))
def test_no_code_of_whole_bits_is_shorter_than_huffman(weights):
    p = codes.shares(weights)
    fit = (
        lengths
        for lengths in itertools.product(range(1, 6), repeat=len(p))
        if sum(2.0**-length for length in lengths) <= 1
    )
    best = min(codes.mean_length(p, lengths) for lengths in fit)
    np.testing.assert_allclose(codes.mean_length(p, list(map(len, codes.huffman(weights)))), best)


def test_symbols_give_the_same_numbers():
    n = sympy.symbols("a b c", positive=True)
    numbers = dict(zip(n, (5, 2, 9), strict=True))
    p = codes.shares(n)
    mean = codes.mean_length(p, [codes.code_length(share) for share in p])
    np.testing.assert_allclose(float(mean.subs(numbers)), codes.entropy(codes.shares([5, 2, 9])))
    assert "Math.log" in symbolic.one_line(mean)


def test_numpy_numbers_are_welcome():
    np.testing.assert_allclose(codes.entropy(codes.shares(np.array([1, 1, 2]))), 1.5)
    assert codes.huffman(np.bincount([0, 0, 1, 2])) == ["0", "10", "11"]
