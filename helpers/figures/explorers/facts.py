"""What a page is told of a method: its equation, its code and its parameters, read from itself."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable
from functools import cache
from typing import Any
from xml.etree import ElementTree

from latex2mathml.converter import convert

from helpers.core.checks import Interval
from helpers.core.hyperparameters import Hyperparameter, hyperparameters

__all__ = ["Facts", "allowed", "code", "equation", "mathml", "plain"]

NAMESPACE = "{http://www.w3.org/1998/Math/MathML}"
#: What a browser assumes anyway.
ASSUMED = {"stretchy": "true", "fence": None, "form": None, "columnalign": None, "display": None}


@cache
def mathml(latex: str) -> list:
    r"""Return the MathML of a LaTeX formula as nested lists, without what a browser assumes anyway.

    >>> mathml(r"\eta_0")
    ['math', ['msub', ['mi', 'η'], ['mn', '0']]]
    """
    return _element(ElementTree.fromstring(convert(latex)))


def _element(element: ElementTree.Element) -> list:
    children = [_element(child) for child in element]
    if element.tag == NAMESPACE + "mrow" and len(children) == 1:
        return children[0]
    attributes = {k: v for k, v in element.items() if k not in ASSUMED or ASSUMED[k] not in (None, v)}
    parts = [part for part in (attributes, element.text) if part]
    return [element.tag.removeprefix(NAMESPACE), *parts, *children]


def plain(latex: str) -> str:
    r"""Return a symbol as plain text, for labels in a picture and for those who listen.

    >>> plain(r"\eta_0"), plain(r"\eta_{\text{end}}"), plain("m_{12}")
    ('η₀', 'η end', 'm₁₂')
    """
    base, _, index = latex.partition("_")
    index = re.sub(r"\\text|[{}]", "", index)
    letter = "".join(ElementTree.fromstring(convert(base)).itertext())
    small = index.translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))
    return letter + (small if index.isdigit() else f" {index}" * bool(index))


def allowed(interval: Interval) -> dict[str, Any]:
    """Return an interval as a page reads it: an end that is infinite is left out.

    >>> allowed(Interval(0, ends="[)", integer=True))
    {'low': 0, 'ends': '[)', 'integer': True, 'words': 'zero or positive'}
    """
    facts = dataclasses.asdict(interval) | {"words": interval.words}
    return {name: fact for name, fact in facts.items() if fact not in (-math.inf, math.inf)}


@dataclasses.dataclass
class Facts:
    """The parameters of many methods, each fact once: methods that share a parameter share the fact.

    Parameters
    ----------
    resize : callable
        What becomes of a :class:`.Hyperparameter` before it is entered, such as a range that fits the run.
    """

    resize: Callable[[Hyperparameter], Hyperparameter] = lambda field: field
    entries: list[dict] = dataclasses.field(default_factory=list)

    def rows(self, method: Any) -> list[dict]:
        """Return one row a slider: the path to its value, the index in a tuple included, and its fact."""
        rows = []
        for name, field in hyperparameters(method).items():
            value = getattr(method, name)
            if isinstance(value, tuple):
                entries = ((i, _entry(field, i)) for i in range(len(value)))
                rows += [{"path": [name, i], "fact": self._number(entry, field)} for i, entry in entries]
            else:
                rows.append({"path": [name], "fact": self._number(field)})
        return rows

    def _number(self, field: Hyperparameter, whole: Hyperparameter | None = None) -> int:
        sized = self.resize(field)
        names = ("words", "unit", "low", "high", "log", "integer", "example")
        fact = {name: getattr(sized, name) for name in names}
        fact |= {"symbol": mathml(field.symbol), "plain": plain(field.symbol)}
        fact["allowed"] = allowed(field.check)
        if whole:
            fact |= {"group": whole.words, "ordered": whole.check.increasing}
        if fact not in self.entries:
            self.entries.append(fact)
        return self.entries.index(fact)


def _entry(field: Hyperparameter, i: int) -> Hyperparameter:
    """One entry of a tuple: "boundaries" becomes "boundary", its symbol gets the index."""
    words = field.words[:-3] + "y" if field.words.endswith("ies") else field.words.removesuffix("s")
    symbol = f"{field.symbol}_{{{i + field.first_index}}}"
    return dataclasses.replace(field, words=words, symbol=symbol, check=field.check.check)


def equation(left: str, right: str) -> list[list]:
    r"""Return the MathML of an equation, one line for it and one for each value that it names.

    >>> len(equation("y", r"x^i, \quad i = 2"))
    2
    """
    first, *named = right.split(r", \quad ")
    return [mathml(f"{left} = {first}"), *map(mathml, named)]


def code(method: Any, module: str) -> str:
    """Return the Python that makes a method.

    >>> from helpers.formulas import schedules
    >>> code(schedules.Constant(lr=0.1), "schedules")
    'schedules.Constant(lr=0.1)'
    """
    return re.sub(r"\b([A-Z]\w*)\(", rf"{module}.\1(", repr(method))
