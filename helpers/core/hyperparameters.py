r"""Hyperparameters: one declaration for the check, the slider, the search space and the tables.

A method (a schedule, an update rule, a surface) is a frozen dataclass whose fields are declared by
:func:`hyperparameter`. The declaration says once what a field means; whoever needs it, reads it.

>>> from dataclasses import dataclass
>>> from helpers.core import checks
>>> @dataclass(frozen=True)
... class Halving(Hyperparameters):
...     lr: float = hyperparameter(r"\eta", "learning rate", checks.positive, low=1e-4, high=1.0, example=0.1)
>>> Halving(lr=-1)
Traceback (most recent call last):
...
ValueError: lr must be positive, got lr=-1
>>> hyperparameters(Halving)["lr"].words
'learning rate'
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

from helpers.core import checks
from helpers.core.checks import Each, Interval

__all__ = ["Hyperparameter", "Hyperparameters", "example", "hyperparameter", "hyperparameters"]


@dataclass(frozen=True)
class Hyperparameter:
    r"""What is known of one field of a method.

    Parameters
    ----------
    symbol : str
        The LaTeX of its symbol, such as ``r"\eta_0"``. A tuple's entries get an index.
    words : str
        Its name in words, such as ``"peak learning rate"``.
    check : Interval or Each
        ``check(name, value)`` raises if the value is not fit (see :mod:`helpers.core.checks`).
    low, high : float
        The range worth exploring: the slider's and the search's, not the range allowed.
    example : number or tuple
        A value that shows what the method does; the slider starts there.
    unit : str
        ``"steps"``, ``"epochs"``, or empty for a pure number.
    log : bool
        Whether the quantity lives on a logarithmic scale.
    first_index : int
        The index of a tuple's first entry in the equation.
    """

    symbol: str
    words: str
    check: Interval | Each
    low: float
    high: float
    example: Any
    unit: str = ""
    log: bool = False
    first_index: int = 1

    @property
    def integer(self) -> bool:
        """Whether it is a whole number."""
        return self.check.integer


def hyperparameter(
    symbol: str, words: str, check: Interval | Each, *, default: Any = MISSING, **facts: Any
) -> Any:
    """Declare a dataclass field together with what is known of it.

    Parameters
    ----------
    symbol, words, check
        See :class:`Hyperparameter`.
    default : optional
        The field's default value; without one the argument is required.
    **facts
        The other fields of :class:`Hyperparameter`; ``example`` falls back to the default.

    Returns
    -------
    dataclasses.Field
    """
    if default is not MISSING:
        facts.setdefault("example", default)
    entry = Hyperparameter(symbol, words, check, **facts)
    return field(default=default, metadata={"hyperparameter": entry})


def hyperparameters(method: object) -> dict[str, Hyperparameter]:
    """Return what is known of each field of a method.

    Parameters
    ----------
    method : dataclass or instance of one
        Fields that were not declared by :func:`hyperparameter` (a wrapped schedule, a choice of
        form) are left out.

    Returns
    -------
    dict
        Field name to :class:`Hyperparameter`, in the order of declaration.
    """
    entries = {f.name: f.metadata.get("hyperparameter") for f in fields(method)}
    return {name: entry for name, entry in entries.items() if entry is not None}


class _FieldSignature:
    """The signature of a class is that of its fields: ``help`` and the API pages would show ``__new__``'s."""

    def __get__(self, instance: object, owner: type) -> inspect.Signature:
        if instance is not None:
            raise AttributeError("__signature__")
        return inspect.Signature(list(inspect.signature(owner.__init__).parameters.values())[1:])


def _torch_arguments(method: type) -> dict[str, str]:
    """Return what each argument of a method's torch line is, where it is made of the method's fields."""
    _, *parts = re.split(r", (\w+)=", getattr(method, "torch_code", "").removesuffix(")"))
    names = {f.name for f in fields(method)}
    pairs = zip(parts[::2], parts[1::2], strict=True)
    return {name: re.sub("[{}']", "", text) for name, text in pairs if {*re.findall(r"{(\w+)", text)} & names}


class Hyperparameters:
    """Base of every method: checks its fields when it is made, and never changes afterwards.

    An argument that it does not have is refused with the names of those that it has; where torch has the
    argument, with what that is made of here.
    """

    __signature__ = _FieldSignature()

    def __new__(cls, *args: Any, **named: Any) -> Any:
        names = [f.name for f in fields(cls)]
        for name in (name for name in named if name not in names):
            ours = _torch_arguments(cls).get(name)
            hint = f"; torch's {name} = {ours}" if ours else ""
            words = f"{cls.__name__} takes {', '.join(names) or 'nothing'}"
            raise TypeError(f"{words}, got {name}={named[name]!r}{hint}")
        return super().__new__(cls)

    def __post_init__(self) -> None:
        for f in fields(self):
            if f.type in ("bool", bool):
                checks.boolean(f.name, getattr(self, f.name))
        for name, entry in hyperparameters(self).items():
            entry.check(name, getattr(self, name))

    def replace(self, **changes: Any) -> Any:
        """Return a copy with some fields changed; the copy is checked like any other."""
        return dataclasses.replace(self, **changes)


def example(method: type, **changes: Any) -> Any:
    """Return an instance with every hyperparameter at its example value.

    Parameters
    ----------
    method : type
        A dataclass whose fields all are hyperparameters or have defaults.
    **changes
        Fields to set otherwise, such as the schedule that a wrapper wraps.

    Returns
    -------
    instance of `method`
    """
    values = {name: entry.example for name, entry in hyperparameters(method).items()}
    return method(**{**values, **changes})
