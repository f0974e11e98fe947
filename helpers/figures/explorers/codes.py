"""The explorer of codes: what comes, what is expected, and the bits that a symbol then takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, ClassVar

import sympy
import traitlets

from helpers.core import checks, symbolic
from helpers.core.hyperparameters import Hyperparameters, hyperparameter
from helpers.figures.explorers.base import Explorer, as_javascript
from helpers.figures.explorers.facts import Facts, equation, mathml
from helpers.figures.explorers.pictures import ghost, still_row
from helpers.formulas import codes

__all__ = ["CodeExplorer"]

LETTERS = "ABCDE"
FEWEST, MOST = 2, len(LETTERS)  # symbols that a picture can show
LARGEST = 64  # count of a symbol
RANGE = {"low": 1, "high": LARGEST, "integer": True, "first_index": 0}
TRUTH, BELIEF = (8, 4, 2, 2), (2, 2, 4, 8)


def _count(name: str, value: Any) -> None:
    checks.count(name, value)
    checks.require(value <= LARGEST, f"be at most {LARGEST}", name, value)


@dataclass(frozen=True)
class _Sliders(Hyperparameters):
    """What can be moved: how often each symbol comes, and how often the code expects it."""

    truth: tuple[int, ...] = hyperparameter("n", "comes", checks.each(_count), example=TRUTH, **RANGE)
    belief: tuple[int, ...] = hyperparameter("m", "is expected", checks.each(_count), example=BELIEF, **RANGE)


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

    family = "codes"
    alt: ClassVar[str] = "Explorer of code lengths, entropy and cross-entropy"

    truth = traitlets.List(traitlets.Int()).tag(sync=True)
    belief = traitlets.List(traitlets.Int()).tag(sync=True)
    whole = traitlets.Bool().tag(sync=True)

    def __init__(
        self, truth: Sequence[int] = TRUTH, belief: Sequence[int] = BELIEF, whole: bool = False
    ) -> None:
        n = len(_Sliders(tuple(truth), tuple(belief)).truth)
        checks.require(FEWEST <= n <= MOST, f"have {FEWEST} to {MOST} entries", "truth", tuple(truth))
        checks.require(len(belief) == n, f"have {n} entries, as truth has", "belief", tuple(belief))
        super().__init__(truth=list(map(int, truth)), belief=list(map(int, belief)), whole=bool(whole))

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

    def constants(self) -> dict[str, str]:
        rows, facts = _rows(self)
        about = {"largest": LARGEST, "letters": LETTERS}
        catalog = {"rows": rows, "facts": facts, "prompts": _questions(len(self.truth)), **about}
        catalog |= _equations(len(self.truth))
        return {"catalog": as_javascript(catalog), **_formulas(len(self.truth))}

    def still(self) -> str:
        rows, facts = _rows(self)
        numbers = [*self.truth, *self.belief]
        sliders = [still_row(facts[r["fact"]], x) for r, x in zip(rows, numbers, strict=True)]
        n = len(self.truth)
        prompts = "".join(f'<span class="prompt">{escape(p["text"])}</span>' for p in _questions(n))
        groups = "".join(sliders[:n]) + f'<div style="height: {GAP}px"></div>' + "".join(sliders[n:])
        lines = "".join(f"<span>{line}</span>" for line in _equations(n)["symbols"])
        return (
            f'<div class="prompts"><span class="muted">Try</span>{prompts}</div>'
            '<div class="bar"><span class="check">Words of whole bits (Huffman)</span></div>'
            f'<div class="stage"><div><div class="picture" style="height: {HEIGHT}px">'
            f'{_picture(self)}</div><div class="pinning"></div></div>'
            f'<div><div class="controls">{groups}</div><p class="message"></p></div></div>'
            f'<div class="formula" style="min-height: {FORMULA}px">'
            f'<div class="equation"><div>{lines}</div></div></div>{ghost("summary")}'
        )


def _rows(explorer: CodeExplorer) -> tuple[list[dict], list[dict]]:
    """The sliders and the facts about them; a symbol has a letter in place of a number."""
    facts = Facts()
    rows = facts.rows(_Sliders(tuple(explorer.truth), tuple(explorer.belief)))
    for row in rows:
        fact, letter = facts.told[row["fact"]], LETTERS[row["index"]]
        base = fact["plain"][0]
        fact |= {"symbol": mathml(f"{base}_{{{letter}}}"), "plain": f"{base} {letter}:"}
        fact |= {"words": f"how often {letter} {fact['group']}"}
    return rows, facts.told


def _questions(n: int) -> list[dict[str, Any]]:
    """What to try: a question, and the state that answers it."""
    falling, sure = [16, 8, 4, 2, 2][:n], [61, *[1] * (n - 1)]
    even, wrong = [1] * n, [*[1] * (n - 1), 61]
    told = (
        ("Expect what comes: is anything wasted?", falling, falling, False),
        ("Expect all alike: what does knowing nothing cost?", falling, even, False),
        ("Be sure and wrong: who pays?", falling, wrong, False),
        ("Exchange the two: is it the same?", wrong, falling, False),
        ("Whole bits, one symbol nearly always: what does rounding cost?", sure, sure, True),
    )
    return [{"text": text, "state": {"truth": t, "belief": b, "whole": w}} for text, t, b, w in told]


# ---- the formulas, read from the code that runs ----


def _symbols(name: str, n: int) -> list[sympy.Symbol]:
    return [sympy.Symbol(f"{name}[{k}]", real=True) for k in range(n)]


def _formulas(n: int) -> dict[str, str]:
    """JavaScript of the shares of counts, the length for a share, and the mean length."""
    parts = ", ".join(map(symbolic.one_line, codes.shares(_symbols("n", n))))
    length = symbolic.one_line(codes.code_length(sympy.Symbol("q", real=True)))
    mean = symbolic.one_line(codes.mean_length(_symbols("p", n), _symbols("w", n)))
    return {
        "shares": f"(n) => [{parts}]",
        "codeLength": f"(q) => {length}",
        "meanLength": f"(p, w) => {mean}",
    }


def _equations(n: int) -> dict[str, Any]:
    """The mean length in symbols, and with stand-ins for the present numbers."""
    shares, lengths = _symbols("p", n), _symbols("w", n)
    mean = codes.mean_length(shares, lengths)
    names = {s: rf"p_{{{LETTERS[k]}}}" for k, s in enumerate(shares)}
    names |= {s: rf"\ell_{{{LETTERS[k]}}}" for k, s in enumerate(lengths)}
    stand_ins = {s: str(9_000_001 + i) for i, s in enumerate([*shares, *lengths])}
    total = str(9_000_001 + 2 * n)
    places = {text: s.name for s, text in stand_ins.items()} | {total: "total"}
    return {
        "symbols": equation("H(p, q)", symbolic.printed(mean, names)),
        "values": equation("", f"{symbolic.printed(mean, stand_ins)} = {total}"),
        "places": places,
    }


# ---- the still picture, with the measures of codes.js ----

WIDTH, HEIGHT, LEFT, RIGHT = 720, 372, 40, 22
#: Where no bits lie, how tall the whole axis is; the bar of the sums; between the groups of sliders.
ZERO, TALL, BAR, GAP, FORMULA = 230, 200, (318, 22), 10, 84


def _text(x: float, y: float, text: str, style: str = "", anchor: str = "middle") -> str:
    return f'<text class="{style}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _box(x: float, y: float, wide: float, tall: float, style: str) -> str:
    return f'<rect x="{x:.2f}" y="{y:.2f}" width="{wide:.2f}" height="{tall:.2f}" style="{style}"/>'


def _picture(explorer: CodeExplorer) -> str:
    shares, lengths = codes.shares(explorer.truth), explorer.lengths()
    best = [codes.code_length(share) for share in shares]
    top = 4 if max(*lengths, *best) <= 4 else 8
    unit, across = TALL / top, WIDTH - LEFT - RIGHT
    parts, x = [_text(0, 13, "bits", "name", "start")], float(LEFT)
    for bits in range(0, top + 1, top // 4):
        parts.append(_text(LEFT - 8, ZERO - unit * bits + 4, str(bits), "tick", "end"))
    for letter, share, length, least in zip(LETTERS, shares, lengths, best, strict=False):
        wide, low, high = share * across, min(length, least), max(length, least)
        parts.append(_box(x, ZERO - unit * low, wide, unit * low, "fill: var(--study)"))
        color = EXCESS if length > least else SAVED
        parts.append(_box(x, ZERO - unit * high, wide, unit * (high - low), color))
        parts.append(_text(x + wide / 2, ZERO + 18, letter))
        x += wide
    entropy, total = explorer.entropy(), explorer.cross_entropy()
    scale = across / top
    parts.append(_box(LEFT, BAR[0], scale * entropy, BAR[1], "fill: var(--study)"))
    parts.append(_box(LEFT + scale * entropy, BAR[0], scale * (total - entropy), BAR[1], EXCESS))
    words = f"cross-entropy {total:.4g} bits = entropy {entropy:.4g} + KL {total - entropy:.4g}"
    parts.append(_text(LEFT, BAR[0] - 8, words, "", "start"))
    box = f'viewBox="0 0 {WIDTH} {HEIGHT}"'
    return f'<svg class="chart" {box} role="img" aria-label="{escape(words)}">{"".join(parts)}</svg>'


EXCESS = "fill: var(--rival)"
SAVED = "fill: none; stroke: var(--study); stroke-width: 1.5; stroke-dasharray: 4 3"
