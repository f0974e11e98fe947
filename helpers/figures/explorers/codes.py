"""The explorer of codes: what comes, what is expected, and the bits that a symbol then takes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import sympy

from helpers.core import checks, symbolic
from helpers.core.hyperparameters import Hyperparameters, hyperparameter
from helpers.figures.explorers.facts import Facts, equation, mathml
from helpers.figures.explorers.kit import Explorer
from helpers.formulas import codes

__all__ = ["CodeExplorer"]

LETTERS = "ABCDE"  # of as many symbols as a picture can show
COUNTS = {"check": checks.Each(checks.count), "low": 1, "high": 64, "first_index": 0}
TRUTH, BELIEF = (8, 4, 2, 2), (2, 2, 4, 8)


@dataclass(frozen=True)
class State(Hyperparameters):
    """How often each symbol comes, how often the code expects it, and whether its words have whole bits."""

    truth: tuple[int, ...] = hyperparameter("n", "comes", example=TRUTH, **COUNTS)
    belief: tuple[int, ...] = hyperparameter("m", "is expected", example=BELIEF, **COUNTS)
    whole: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        n, most = len(self.truth), len(LETTERS)
        checks.require(2 <= n <= most, f"have 2 to {most} entries", "truth", self.truth)
        checks.require(len(self.belief) == n, f"have {n} entries, as truth has", "belief", self.belief)


class CodeExplorer(Explorer):
    """Choose how often symbols come and how often a code expects them, and see the bits they take.

    In a live notebook the traits ``truth``, ``belief`` and ``whole`` are what the reader sees; the
    methods follow them.

    Parameters
    ----------
    truth, belief : sequence of int
        A count from 1 to 64 for each of 2 to 5 symbols; shares are counts divided by their sum.
    whole : bool
        Whether the code has words of whole bits (Huffman's) instead of the best lengths.

    Raises
    ------
    TypeError, ValueError
        If a count is no whole number in that range, or there are not as many of both.

    Examples
    --------
    >>> explorer = CodeExplorer(truth=[8, 4, 2, 2], belief=[1, 1, 1, 1])
    >>> explorer.cross_entropy(), explorer.entropy(), explorer.divergence()
    (2.0, 1.75, 0.25)
    """

    family: ClassVar[str] = "codes"
    alt: ClassVar[str] = "Explorer of code lengths, entropy and cross-entropy"
    limited: ClassVar[Collection[str]] = ("truth", "belief")

    def __init__(
        self, truth: Sequence[int] = TRUTH, belief: Sequence[int] = BELIEF, whole: bool = False
    ) -> None:
        state = State(tuple(truth), tuple(belief), bool(whole))
        n = len(state.truth)
        falling, even = [16, 8, 4, 2, 2][:n], [1] * n
        sure, wrong = [61, *even[1:]], [*even[1:], 61]
        questions = (
            ("Expect what comes: is anything wasted?", falling, falling, False),
            ("Expect all alike: what does knowing nothing cost?", falling, even, False),
            ("Be sure and wrong: who pays?", falling, wrong, False),
            ("Exchange the two: is it the same?", wrong, falling, False),
            ("Whole bits, one symbol nearly always: what does rounding cost?", sure, sure, True),
        )
        self.questions = [(text, {"truth": t, "belief": b, "whole": w}) for text, t, b, w in questions]
        super().__init__(state)

    def words(self) -> list[str]:
        """Return Huffman's code word of each symbol, made for what is expected."""
        return codes.huffman(self.belief)

    def lengths(self) -> list[float]:
        """Return the bits of each symbol."""
        if self.whole:
            return [float(len(word)) for word in self.words()]
        return [codes.code_length(share) for share in codes.shares(self.belief)]

    def cross_entropy(self) -> float:
        """Return the bits a symbol of this code on what comes."""
        return codes.mean_length(codes.shares(self.truth), self.lengths())

    def entropy(self) -> float:
        """Return the bits a symbol of the best code for what comes."""
        return codes.entropy(codes.shares(self.truth))

    def divergence(self) -> float:
        """Return the bits a symbol that this code wastes."""
        return self.cross_entropy() - self.entropy()

    def rows(self, facts: Facts) -> list[dict]:
        rows = super().rows(facts)
        for row in rows:  # a symbol has a letter in place of a number
            fact, letter = facts.entries[row["fact"]], LETTERS[row["path"][1]]
            name = fact["plain"][0]
            fact |= {"symbol": mathml(f"{name}_{{{letter}}}"), "plain": f"{name} {letter}:"}
            fact |= {"words": f"how often {letter} {fact['group']}", "apart": row["path"] == ["belief", 0]}
        return rows

    def catalog(self) -> dict[str, Any]:
        """Return the letters, and the mean length in symbols and with stand-ins for the present numbers."""
        letters = LETTERS[: len(self.truth)]
        mean, symbols = self._mean_length()
        names = [rf"{name}_{{{letter}}}" for name in ("p", r"\ell") for letter in letters]
        *stand_ins, total = [str(9_000_001 + i) for i in range(len(symbols) + 1)]
        left, right = (symbolic.printed(mean, dict(zip(symbols, t, strict=True))) for t in (names, stand_ins))
        lines = equation("H(p, q)", left) + equation("", f"{right} = {total}")
        places = {text: i for i, text in enumerate([*stand_ins, total])}
        return {"letters": letters, "equation": lines, "places": places}

    def formulas(self) -> dict[str, str]:
        shares = codes.shares(_symbols("n", len(self.truth)))
        return {
            "shares": f"(n) => [{', '.join(map(symbolic.one_line, shares))}]",
            "codeLength": f"(q) => {symbolic.one_line(codes.code_length(sympy.Symbol('q', real=True)))}",
            "meanLength": f"(p, w) => {symbolic.one_line(self._mean_length()[0])}",
        }

    def _mean_length(self) -> tuple[sympy.Expr, list[sympy.Symbol]]:
        """The mean length, and the symbols that it is made of: shares, then lengths."""
        shares, lengths = (_symbols(name, len(self.truth)) for name in "pw")
        return codes.mean_length(shares, lengths), shares + lengths


def _symbols(name: str, n: int) -> list[sympy.Symbol]:
    return [sympy.Symbol(f"{name}[{k}]", real=True) for k in range(n)]
