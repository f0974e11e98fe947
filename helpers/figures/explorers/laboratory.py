"""The laboratory: small networks that learn in the page while the reader moves the learning rate."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Any, ClassVar

import numpy as np
import sympy
import traitlets

from helpers.core import checks, symbolic
from helpers.core.hyperparameters import Hyperparameters, example, hyperparameter
from helpers.figures.explorers.facts import Facts, mathml
from helpers.figures.explorers.kit import Explorer, plain
from helpers.figures.explorers.softmax import log_softmax_javascript
from helpers.formulas import losses, regularizers, rules, schedules
from helpers.training import data

__all__ = ["LaboratoryExplorer"]

#: What can be looked at above the curves.
SHOWS = {
    "readings": "ten new digits",
    "mistakes": "mistakes",
    "inside": "inside a network",
    "draw": "a digit of your own",
}
#: What a schedule has and the state has once for all of them.
COMMON = ("lr", "peak_lr", "total_steps")


@dataclass(frozen=True)
class CrossEntropy(Hyperparameters):
    """The loss :func:`helpers.formulas.losses.softmax_cross_entropy`, as a choice of the laboratory.

    Parameters
    ----------
    label_smoothing : float
        Part of the target that is spread evenly over all classes, in [0, 1).

    Raises
    ------
    TypeError, ValueError
        If it is not such a number.
    """

    label_smoothing: float = hyperparameter(
        r"\epsilon_{\text{soft}}", "label smoothing", checks.fraction, low=0.0, high=0.9, default=0.0
    )

    words = "cross-entropy"


@dataclass(frozen=True)
class NoPenalty(Hyperparameters):
    """Weights cost nothing."""

    words = "none"

    def derivative(self, weight: Any) -> Any:
        """Derivative of the penalty of one weight."""
        return 0 * weight


#: What the menus offer; where nothing is named, the first of each.
MENUS = {
    "rule": tuple(example(kind) for kind in rules.METHODS if not kind.looks_ahead),
    "schedule": (
        schedules.Constant(0.1),
        schedules.StepDecay(0.1, step_size=150),
        *map(example, (schedules.CosineDecay, schedules.OneCycle)),
    ),
    "loss": (CrossEntropy(), losses.SquaredError(), losses.Huber(delta=1.0)),
    "penalty": (NoPenalty(), regularizers.L2(0.01), regularizers.L1(0.001)),
}


@dataclass(frozen=True)
class _State(Hyperparameters):
    """What is trained and how, and what is looked at. Rule, schedule, loss and penalty are their fields."""

    rule: dict
    schedule: dict
    loss: dict
    penalty: dict
    lr: float = hyperparameter(
        r"\eta", "learning rate", checks.positive, low=1e-3, high=10.0, log=True, example=0.1
    )
    batch_size: int = hyperparameter(
        "B", "digits a step", checks.count, low=1, high=256, log=True, default=16
    )
    images: int = hyperparameter(
        "N", "digits to learn from", checks.count, low=10, high=1150, log=True, default=1150
    )
    seeds: int = hyperparameter("R", "networks", checks.count, low=1, high=8, default=5)
    steps: int = hyperparameter("T", "steps in all", checks.count, low=100, high=3000, default=500)
    pace: int = hyperparameter("v", "steps a second", checks.count, low=10, high=2000, log=True, default=100)
    seed: int = 0
    show: str = "readings"
    drawing: tuple = (0,) * 64
    running: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.index("seed", self.seed)
        checks.one_of(*SHOWS)("show", self.show)


class LaboratoryExplorer(Explorer):
    """Networks learn to read digits in the page, while the reader moves the rate and what else is offered.

    They are ``models.small_cnn((4, 8))`` and train as :func:`helpers.training.fit` trains them from the
    same seeds. A moved rate acts at once; after anything else they start anew. In a live notebook the traits
    are the state, and ``curves`` has the looks at a training, a dict each, whenever it pauses or ends.

    Parameters
    ----------
    rule : Rule, optional
        An elementwise one, such as ``rules.Adam()``; gradient descent without it.
    schedule : Schedule, optional
        One with a rate or a peak rate, where the slider of the rate starts; that of the steps starts at its
        length, where it has one. A constant rate without it.
    loss : loss of the error such as losses.Huber, or laboratory.CrossEntropy(label_smoothing), optional
        What is minimized; the error is that of ten outputs, of which the right one should be 1. The
        cross-entropy without it.
    penalty : Penalty, optional
        Added to the loss, for all weights.
    sliders : collection of str, optional
        What can be moved: ``lr``, ``batch_size``, ``images``, ``seeds``, ``steps``, ``pace``, and fields of
        the methods such as ``momentum``. With None all of that, and menus of methods.
    question : str
        What a reader may find out.
    prompts : iterable of (str, dict)
        Buttons: their words, and what each changes of the state; a method stands for its fields.
    brief : bool
        Whether only the share of digits read right is drawn, without the loss and the rate.
    **state
        Other fields of the state, such as ``seeds=1``.

    Raises
    ------
    TypeError, ValueError
        If a method is none that a page can run, or a value or the name of a slider is not fit.

    Examples
    --------
    >>> explorer = LaboratoryExplorer(rules.Momentum(), schedules.CosineDecay(0.1, total_steps=500), seeds=3)
    >>> explorer.lr, explorer.steps, explorer.rule
    (0.1, 500, {'kind': 'Momentum', 'momentum': 0.9})
    """

    family: ClassVar[str] = "laboratory"
    alt: ClassVar[str] = "Explorer of networks that learn in this page"
    limited: ClassVar[Collection[str]] = ("batch_size", "images", "seeds", "steps", "pace")

    def __init__(
        self,
        rule: Any = None,
        schedule: Any = None,
        loss: Any = None,
        penalty: Any = None,
        *,
        sliders: Collection[str] | None = ("lr", "batch_size", "pace"),
        question: str = "Move the learning rate. When do the networks stop learning?",
        prompts: Iterable[tuple[str, dict[str, Any]]] = (
            ("Ten times the rate", {"lr": 1.0}),
            ("A tenth of the rate", {"lr": 0.01}),
        ),
        brief: bool = False,
        **state: Any,
    ) -> None:
        given = zip(MENUS, (rule, schedule, loss, penalty), strict=True)
        own = {group: MENUS[group][0] if method is None else method for group, method in given}
        for group, method in own.items():
            checks.kind(_runs(group, method), REQUIREMENTS[group], group, method)
        self._methods = {group: (*(MENUS[group] if sliders is None else ()), own[group]) for group in own}
        checks.boolean("brief", brief)
        self._sliders, self._question, self._brief = sliders, question, brief
        self.questions = [(words, _fields_of(wishes)) for words, wishes in prompts]
        length = {"steps": own["schedule"].total_steps} if hasattr(own["schedule"], "total_steps") else {}
        super().__init__(_State(**_fields_of(own), **length, **state, lr=own["schedule"].base_lr))
        self.add_traits(curves=traitlets.List().tag(sync=True))

    def _each(self, write: Callable) -> dict[str, dict]:
        """What is written of each method: a table for each group, in which a method is found by its kind."""
        return {
            group: {_kind(m): write(group, m) for m in methods} for group, methods in self._methods.items()
        }

    def rows(self, facts: Facts) -> list[dict]:
        rows = super().rows(facts)
        self._tables = self._each(lambda group, method: _about(group, method, facts))
        methods = (about["rows"] for table in self._tables.values() for about in table.values())
        names = {row["path"][-1] for row in chain(rows, *methods)}
        for name in self._sliders or ():
            checks.one_of(*sorted(names))("sliders", name)
        return rows

    def catalog(self) -> dict[str, Any]:
        own = {"methods": self._tables, "sliders": self._sliders, "question": self._question}
        return own | {"shows": SHOWS, "digits": _digits(), "isBrief": self._brief}

    def formulas(self) -> dict[str, Any]:
        return self._each(_formulas) | {"logProbabilities": log_softmax_javascript(10)}


# ---- methods as the page has them ----

REQUIREMENTS = {
    "rule": "be an elementwise Rule that does not look ahead",
    "schedule": "be a Schedule with lr or peak_lr",
    "loss": "be CrossEntropy or a loss of the error",
    "penalty": "be a Penalty",
}


def _runs(group: str, method: Any) -> bool:
    """Whether a page can train with a method."""
    if group == "rule":
        return isinstance(method, rules.Rule) and method.elementwise and not method.looks_ahead
    if group == "schedule":
        return isinstance(method, schedules.Schedule) and bool({"lr", "peak_lr"} & vars(method).keys())
    if group == "penalty":
        return isinstance(method, (NoPenalty, regularizers.Penalty))
    of_error = isinstance(method, losses.ElementwiseLoss) and not isinstance(
        method, losses.BinaryCrossEntropy
    )
    return of_error or isinstance(method, CrossEntropy)


def _kind(method: Any) -> str:
    return type(method).__name__


def _fields_of(state: dict[str, Any]) -> dict[str, Any]:
    """A state in which each method is a record: its kind and its fields."""
    methods = {name: value for name, value in state.items() if dataclasses.is_dataclass(value)}
    return state | {name: {"kind": _kind(m), **plain(dataclasses.asdict(m))} for name, m in methods.items()}


def _about(group: str, method: Any, facts: Facts) -> dict[str, Any]:
    own = (row for row in facts.rows(method) if row["path"][0] not in COMMON)
    rows = [row | {"path": [group, *row["path"]]} for row in own]
    equation = [mathml(line) for line in symbolic.update_latex(method)] if group == "rule" else []
    return {"words": method.words, "rows": rows, "equation": equation} | _fields_of({"fields": method})


def _formulas(group: str, method: Any) -> Any:
    """What the page computes of a method: traced."""
    if group == "schedule":
        return symbolic.javascript(method)
    if group != "rule":
        both = (of for of in ("formula", "derivative") if hasattr(method, of))
        return {of: symbolic.javascript(method, of) for of in both}
    memory = symbolic.twin(method).method.init(0.0).items()
    first = ", ".join(f"{name}: {symbolic.one_line(sympy.sympify(value))}" for name, value in memory)
    return {"init": f"(p) => ({{ {first} }})", "step": symbolic.update_javascript(method)}


@cache
def _digits() -> dict[str, Any]:
    """The digits to learn from, then new ones: text, a letter a pixel and a capital for a run of zeros."""
    known = data.digits()
    parts = train, new = known.train.holdout(0.2)
    (mean,), (std,) = known.mean, known.std
    pixels = np.rint(np.concatenate([part.images for part in parts]) * (16 / 255)).astype(int).ravel()
    letters = "".join("0123456789abcdefg"[pixel] for pixel in pixels)
    text = re.sub("0{2,27}", lambda run: chr(63 + len(run[0])), letters)
    labels = "".join(map(str, np.concatenate([part.labels for part in parts])))
    shown = [len(train) + int(np.flatnonzero(new.labels == k)[0]) for k in range(10)]
    about = {"mean": mean, "std": std, "side": 8, "channels": [4, 8], "classes": 10, "every": 20}
    return {"pixels": text, "labels": labels, "train": len(train), "shown": shown, **about}
