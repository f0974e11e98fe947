"""The schedule explorer: any learning-rate schedule, each of its parameters a slider."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, ClassVar

import sympy

from helpers.core import checks, symbolic
from helpers.core.hyperparameters import Hyperparameters, example, hyperparameter, hyperparameters
from helpers.figures.explorers.facts import Facts, code, equation
from helpers.figures.explorers.kit import Explorer, plain
from helpers.formulas import schedules
from helpers.formulas.schedules import Joined, Schedule, Warmup

__all__ = ["Prompt", "ScheduleExplorer"]

#: The run for which the fields' metadata give ranges and examples.
STEPS = 1000
#: How many curves can be pinned.
PINS = 4
#: Begins the name of a method that is warmed up.
WARMUP = "warmup + "
#: What must fit into a schedule's total steps, and how many of them it leaves over at least.
STRETCHES = {
    schedules.OneCycle: {"steps": ["warmup_steps"], "spare": 1},
    schedules.WarmupStableDecay: {"steps": ["warmup_steps", "decay_steps"], "spare": 0},
}


@dataclass(frozen=True)
class Prompt:
    """A question to the reader, and the button that sets up what answers it.

    Parameters
    ----------
    text : str
        The question.
    schedule : Schedule
        What is shown.
    pinned : tuple of Schedule
        What is shown beside it.
    log_axis : bool
        Whether the rate's axis is logarithmic.
    """

    text: str
    schedule: Schedule
    pinned: tuple[Schedule, ...] = ()
    log_axis: bool = False


@dataclass(frozen=True)
class State(Hyperparameters):
    """A schedule as JSON, what is shown of it, and the schedules beside it.

    A schedule is a record, in Python and in the page: ``parts``, one or two of ``{"method": key, "values":
    fields}``, and ``milestones``, empty or the step at which the second part begins. A pin is such a record.
    """

    parts: list
    milestones: list
    total_steps: int
    step: int
    log_axis: bool
    momentum: bool
    pins: list
    # Between what the momentum cycles; the values are torch's.
    lowest: float = hyperparameter(
        r"\beta_{\text{low}}", "lowest momentum", checks.fraction, low=0.0, high=0.99, default=0.85
    )
    highest: float = hyperparameter(
        r"\beta_{\text{high}}", "highest momentum", checks.fraction, low=0.0, high=0.99, default=0.95
    )


class ScheduleExplorer(Explorer):
    """Choose a schedule, move its parameters, compare curves, take the code with you.

    In a live notebook :attr:`schedule` is what the sliders show, ready for ``fit(schedule=...)``; setting
    it moves the sliders.

    Parameters
    ----------
    schedule : Schedule, optional
        What is shown first: one of ``schedules.METHODS``, :class:`~helpers.formulas.schedules.Warmup` of
        one, or :class:`~helpers.formulas.schedules.Joined` of such and another method. Without it, a step
        decay.
    total_steps : int
        Length of the run that is shown, 2 or more. Ranges and examples of parameters in steps scale with it.
    pinned : sequence of Schedule
        Curves shown beside it, at most 4.
    log_axis : bool
        Whether the rate's axis is logarithmic.
    momentum : bool
        Whether the momentum that goes with a cyclic schedule is drawn below its rate.
    prompts : sequence of Prompt, optional
        What to try; without it, three questions about the decays.

    Raises
    ------
    TypeError
        If a schedule is none.
    ValueError
        If `total_steps` is below 2, a schedule is not one that the explorer knows, or more than 4 are pinned.

    Examples
    --------
    >>> from helpers.formulas import schedules
    >>> explorer = ScheduleExplorer(schedules.StepDecay(peak_lr=0.1, step_size=300), total_steps=900)
    >>> explorer.schedule
    StepDecay(peak_lr=0.1, step_size=300, gamma=0.1)
    """

    family: ClassVar[str] = "schedules"
    alt: ClassVar[str] = "Explorer of learning-rate schedules"

    def __init__(
        self,
        schedule: Schedule | None = None,
        total_steps: int = STEPS,
        *,
        pinned: Sequence[Schedule] = (),
        log_axis: bool = False,
        momentum: bool = False,
        prompts: Sequence[Prompt] | None = None,
    ) -> None:
        checks.count("total_steps", total_steps)
        checks.require(total_steps >= 2, "be at least 2", "total_steps", total_steps)
        checks.require(len(pinned) <= PINS, f"have at most {PINS} entries", "pinned", pinned)
        self._total = total_steps
        examples = [_for_run(method, total_steps) for method in schedules.METHODS]
        schedule = _for_run(schedules.StepDecay, total_steps) if schedule is None else schedule
        first = Prompt("", schedule, tuple(pinned), log_axis)
        prompts = _questions(total_steps) if prompts is None else prompts
        others = (s for prompt in (*prompts, first) for s in (prompt.schedule, *prompt.pinned))
        # In the order of the menu. Sliders go back to the last of a name: the first schedule, or an example.
        self._methods = self._forms(*examples, *others, *examples, schedule)
        self.questions = [(prompt.text, _setting(prompt)) for prompt in prompts]
        middle = total_steps // 2
        super().__init__(State(**_setting(first), total_steps=total_steps, step=middle, momentum=momentum))

    @property
    def schedule(self) -> Schedule:
        """What the sliders show; setting it moves them."""
        return self._schedule(self.parts, self.milestones)

    @schedule.setter
    def schedule(self, schedule: Schedule) -> None:
        before = len(self._methods)
        self._methods |= self._forms(schedule) | self._methods
        if len(self._methods) > before:
            self._esm = self._module()
        with self.hold_sync(), self.hold_trait_notifications():
            for name, value in _record(schedule).items():
                setattr(self, name, value)

    @property
    def pinned(self) -> list[Schedule]:
        """The schedules whose curves are pinned."""
        return [self._schedule(**pin) for pin in self.pins]

    def _schedule(self, parts: list[dict], milestones: list[int]) -> Schedule:
        made = tuple(_with(self._methods[part["method"]], part["values"]) for part in parts)
        return Joined(made, milestones=tuple(map(int, milestones))) if milestones else made[0]

    def _forms(self, *several: Schedule) -> dict[str, Schedule]:
        """Each part of the schedules by its name, without a warmup and with one, where that makes sense."""
        forms = {}
        for part in (part for schedule in several for part in _parts(schedule)):
            inner = getattr(part, "inner", part)
            forms[_name(inner)] = inner
            if part is not inner:
                forms[_name(part)] = part
            elif part(0) == part.base_lr == part.rates(self._total).max():  # what climbs needs no warmup
                forms[WARMUP + _name(part)] = _for_run(Warmup, self._total, inner=part)
        return forms

    def catalog(self) -> dict[str, Any]:
        facts = Facts(resize=lambda about: _resized(about, self._total / STEPS))
        pair = Joined((schedules.Constant(0.1), schedules.Constant(0.2)), milestones=(1,))
        rows = {"rows": facts.rows(self.initial), "joint": facts.rows(pair)}
        methods = {name: _method(facts, schedule) for name, schedule in self._methods.items()}
        return {"most": PINS, "methods": methods, **rows, "facts": facts.entries}

    def formulas(self) -> dict[str, dict[str, str]]:
        def traced(of: str) -> dict[str, str]:
            methods = {name: own for name, own in self._methods.items() if hasattr(own, of)}
            varying = (name for name, own in methods.items() if symbolic.expression(own, of)[0] != sympy.true)
            return {name: symbolic.javascript(methods[name], of) for name in varying}

        return {of: traced(of) for of in ("formula", "torch_agrees", "momentum")}


def _method(facts: Facts, schedule: Schedule) -> dict[str, Any]:
    """What the page knows of a method: sliders, equation and code, with places for the values."""
    inner = getattr(schedule, "inner", schedule)
    behind = [row | {"path": ["inner", *row["path"]]} for row in facts.rows(inner)]
    numbers, places = symbolic.latex_template(schedule)
    twin = symbolic.twin(schedule).method
    return {
        "rows": behind + facts.rows(schedule) if inner is not schedule else facts.rows(schedule),
        "values": plain(dataclasses.asdict(schedule)),
        "stretches": STRETCHES.get(type(inner)),
        "symbols": equation(r"\eta_t", symbolic.latex(schedule)),
        "numbers": equation(r"\eta_t", numbers),
        "places": places,
        "code": code(twin, "schedules"),
        "torch": [line for _, line in twin.torch_parts()],
        "base": str(twin.base_lr),
        "python": symbolic.python(symbolic.expression(schedule)[0]),
    }


# ---- a schedule as a record ----


def _parts(schedule: Schedule) -> tuple[Schedule, ...]:
    """What follows one another: two schedules where they are joined, else one."""
    if not isinstance(schedule, Joined):
        return (schedule,)
    fits = len(schedule.schedules) == 2 and not isinstance(schedule.schedules[1], Warmup)
    checks.require(fits, "be joined of two, the second without a warmup", "schedule", schedule)
    return schedule.schedules


def _record(schedule: Schedule) -> dict[str, list]:
    parts = [{"method": _name(part), "values": dataclasses.asdict(part)} for part in _parts(schedule)]
    return plain({"parts": parts, "milestones": schedule.milestones if len(parts) > 1 else []})


def _setting(prompt: Prompt) -> dict[str, Any]:
    pins = [_record(schedule) for schedule in prompt.pinned]
    return {**_record(prompt.schedule), "log_axis": prompt.log_axis, "pins": pins}


def _name(schedule: Schedule) -> str:
    """The name of a formula: its words, and what makes it another formula than the example's."""
    if isinstance(schedule, Warmup):
        return WARMUP + _name(schedule.inner)
    checks.kind(isinstance(schedule, Schedule), "be a Schedule", "schedule", schedule)
    known = ", ".join(method.__name__ for method in schedules.METHODS)
    words = f"be one of {known}, or Warmup of one, or Joined of two"
    checks.require(type(schedule) in schedules.METHODS, words, "schedule", schedule)
    about = hyperparameters(schedule)
    unusual = []
    for field in dataclasses.fields(schedule):
        value, fact = getattr(schedule, field.name), about.get(field.name)
        if fact is None and value != field.default:
            unusual.append(str(value))
        elif isinstance(value, tuple) and len(value) != len(fact.example):
            unusual.append(f"{len(value)} {fact.words}")
    return f"{schedule.words} ({', '.join(unusual)})" if unusual else schedule.words


def _with(schedule: Schedule, values: dict[str, Any]) -> Schedule:
    """The schedule with these fields, as a page without types has sent them."""
    changes = {"inner": _with(schedule.inner, values["inner"])} if isinstance(schedule, Warmup) else {}
    for name, about in hyperparameters(schedule).items():
        kind, value = int if about.integer else float, values[name]
        changes[name] = tuple(map(kind, value)) if isinstance(value, list) else kind(value)
    return schedule.replace(**changes)


# ---- runs of another length than the metadata's ----


def _resized(about: Any, factor: float) -> Any:
    """The same fact for a run `factor` times as long: steps grow with it, what happens in a step shrinks."""
    if about.unit not in ("steps", "per step"):
        return about
    factor = factor if about.unit == "steps" else 1 / factor

    def sized(value: float) -> float:
        return max(1, round(value * factor)) if about.integer else float(f"{value * factor:.2g}")

    low = about.low if about.integer else sized(about.low)
    high = max(sized(about.high), low + 1) if about.integer else sized(about.high)
    if not isinstance(about.example, tuple):
        return dataclasses.replace(about, low=low, high=high, example=sized(about.example))
    entries = accumulate(map(sized, about.example), lambda last, entry: max(entry, last + 1))
    return dataclasses.replace(about, low=low, high=high, example=tuple(entries))  # increasing in any run


def _for_run(method: type, total_steps: int, **other: Any) -> Schedule:
    """The example of a schedule, for a run of this length."""
    factor = total_steps / STEPS
    sized = {name: _resized(about, factor).example for name, about in hyperparameters(method).items()}
    return example(method, **sized, **other)


def _questions(total_steps: int) -> list[Prompt]:
    """What to try with the decays, for a run of this length."""
    stair = max(1, round(0.3 * total_steps))
    stairs = schedules.StepDecay(peak_lr=0.1, step_size=stair, gamma=0.1)
    smooth = schedules.ExponentialDecay(peak_lr=0.1, gamma=0.1, decay_steps=stair)
    inverse = schedules.InverseTimeDecay(peak_lr=0.1, decay_rate=float(f"{10 / total_steps:.2g}"))
    line = schedules.LinearDecay(peak_lr=0.1, total_steps=total_steps)
    cosine = schedules.CosineDecay(peak_lr=0.1, total_steps=total_steps)
    return [
        Prompt("The exponential meets each stair at one corner. Which?", smooth, pinned=(stairs,)),
        Prompt("On a log axis it is a straight line. And 1/t?", inverse, log_axis=True, pinned=(smooth,)),
        Prompt("Cosine or straight line: whose area is larger?", cosine, pinned=(line,)),
    ]
