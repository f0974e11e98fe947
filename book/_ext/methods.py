"""What a method says of itself: equations, hyperparameters, its names elsewhere, its lesson."""

from __future__ import annotations

import dataclasses
import inspect
import re
from dataclasses import MISSING, dataclass
from typing import Any

import restructured as rst

from helpers.core import symbolic
from helpers.core.checks import Each
from helpers.core.hyperparameters import Hyperparameter, example, hyperparameters
from helpers.core.mathematics import shown_as
from helpers.core.methods import Method
from helpers.formulas import rules, schedules
from helpers.formulas.losses import ElementwiseLoss
from helpers.formulas.regularizers import Penalty
from helpers.formulas.rules import Rule
from helpers.formulas.schedules import Schedule
from helpers.formulas.signals import Activation, Layer
from helpers.formulas.surfaces import Surface

#: The left sides of a family's formulas; ``#`` stands for the arguments, ``@`` for the first of them.
LEFT = {
    Schedule: {"formula": r"\eta_#"},
    ElementwiseLoss: {
        "formula": r"\ell\left(#\right)",
        "derivative": r"\frac{\partial}{\partial @} \ell\left(#\right)",
    },
    Penalty: {
        "formula": r"R\left(#\right)",
        "derivative": r"\frac{\partial}{\partial @} R\left(@\right)",
        "proximal": r"\operatorname{prox}_{\eta R}\left(@\right)",
    },
    Surface: {"formula": r"f\left(#\right)"},
    Activation: {
        "formula": r"\varphi\left(#\right)",
        "derivative": r"\frac{\partial}{\partial @} \varphi\left(#\right)",
    },
    Layer: {"forward": "q_{l+1}", "backward": r"\frac{p_l}{p_{l+1}}"},
}


@shown_as(r"f\left(#\right)")
def f(t: Any) -> Any:
    """Return anything: in an equation it is a letter."""
    return t


@dataclass(frozen=True)
class Inner(Schedule):
    """Any schedule: in the equation of what is made of schedules it is a letter."""

    letter: str
    peak_lr: float = schedules.fields.peak_lr()

    def formula(self, t: Any) -> Any:
        return shown_as(rf"{self.letter}\left(#\right)")(f)(t)


#: What stands in an equation, and in a line of torch, for a field that is no number.
IN_EQUATION = {
    "Schedule": Inner("f", 1.0),
    "tuple[Schedule, ...]": (Inner("f_1", 1.0), Inner("f_2", 1.0)),
    "Rule": rules.SGD(),
    "Callable[[Any], Any]": f,
}
IN_CODE = {
    **IN_EQUATION,
    "Schedule": example(schedules.CosineDecay),
    "tuple[Schedule, ...]": (example(schedules.Constant), example(schedules.CosineDecay)),
}


def is_method(thing: Any) -> bool:
    """Tell a method from its base classes and from everything else."""
    is_one = inspect.isclass(thing) and issubclass(thing, Method)
    return is_one and hasattr(thing, "lesson") and not inspect.isabstract(thing)


def sample(kind: type, others: dict[str, Any]) -> Any:
    """Return an example of a method; fields that are no hyperparameters are looked up by their type."""
    numbers = hyperparameters(kind)
    open_ = [f for f in dataclasses.fields(kind) if f.name not in numbers and f.default is MISSING]
    return example(kind, **{f.name: others[f.type] for f in open_})


def equations(kind: type) -> list[str]:
    """Return the formulas of a method as LaTeX with their left sides, derived from the code that runs."""
    if issubclass(kind, Rule):
        lines = symbolic.update_latex(sample(kind, IN_EQUATION))
    else:
        left = next((sides for base, sides in LEFT.items() if issubclass(kind, base)), {})
        lines = [_formula(kind, name, side) for name, side in left.items() if hasattr(kind, name)]
    return [line.replace(" = ", " &= ", 1) for line in lines] if len(lines) > 1 else lines


def _formula(kind: type, name: str, left: str) -> str:
    texts = kind.argument_symbols
    arguments = list(inspect.signature(getattr(kind, name)).parameters)[1:]  # the first is self
    symbols = [texts.get(argument, argument) for argument in arguments]
    side = left.replace("#", ", ".join(symbols)).replace("@", symbols[0])
    return f"{side} = {symbolic.latex(sample(kind, IN_EQUATION), of=name)}"


def allowed(field: Hyperparameter) -> str:
    """Return which values a field takes, in the words with which its check refuses the others.

    That a number is finite goes without saying.
    """
    if isinstance(check := field.check, Each):
        each = allowed(dataclasses.replace(field, check=check.check))
        return f"each {each}{'; increasing' if check.increasing else ''}"
    return f"a whole number, {check.words}" if check.integer else check.words


def worth_trying(field: Hyperparameter) -> str:
    """Return the range of a field's slider in words."""
    unit = f" {field.unit}" if field.unit else ""
    return f"{field.low:g} to {field.high:g}{unit}{', by factors' if field.log else ''}"


def parameters(kind: type) -> list[str]:
    """Return the table of a method's hyperparameters."""
    rows = [
        [f"``{name}``", f":math:`{field.symbol}`", field.words, allowed(field), worth_trying(field)]
        for name, field in hyperparameters(kind).items()
    ]
    header = ["field", "symbol", "meaning", "allowed", "worth trying"]
    return rst.table(header, rows, "api-facts") if rows else []


def torch_line(kind: type) -> tuple[str, str]:
    """Return an example of a method and the torch expression that does the same; empty without one."""
    if not hasattr(kind, "torch"):
        return "", ""
    method = sample(kind, IN_CODE)
    code = method.torch(lr=0.1) if issubclass(kind, Rule) else method.torch()
    return re.sub(r"<function (\w+) at \w+>", r"\1", repr(method)), code


def elsewhere(kind: type) -> list[str]:
    """Return the names of a method in other libraries, and its line of torch."""
    names = kind.library_names
    rows = [[name.library, f"``{name.name}``", name.difference or "the same"] for name in names]
    lines = rst.table(["library", "name", "difference"], rows, "api-facts") if rows else []
    method, code = torch_line(kind)
    if code:
        lines += [f"In torch, ``{method}`` is", *rst.directive("code-block", "python", [code])]
    return [*rst.directive("rubric", "In other libraries"), *lines] if lines else []
