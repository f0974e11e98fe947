"""The schedule explorer: any learning-rate schedule, each of its parameters a slider."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from html import escape
from typing import Any, ClassVar

import traitlets

from helpers.core import checks, symbolic
from helpers.core.hyperparameters import (
    Hyperparameter,
    Hyperparameters,
    example,
    hyperparameter,
    hyperparameters,
)
from helpers.figures.explorers.base import Explorer, as_javascript
from helpers.figures.explorers.facts import Facts, code, equation, templates
from helpers.figures.explorers.joined import in_turn, pair_code, parts, scripts, stages, torch_code
from helpers.figures.explorers.pictures import ghost, still_chart, still_code, still_row
from helpers.formulas import schedules
from helpers.formulas.schedules import Constant, Joined, Schedule, Warmup

__all__ = ["Prompt", "ScheduleExplorer"]

#: The run for which the fields' metadata give ranges and examples.
STEPS = 1000
#: How many curves can be pinned.
PINS = 4


@dataclasses.dataclass(frozen=True)
class _Momentum(Hyperparameters):
    """Between what the momentum cycles; the values are torch's."""

    low: float = hyperparameter(
        r"\beta_{\text{low}}", "lowest momentum", checks.fraction, low=0.0, high=0.99, default=0.85
    )
    high: float = hyperparameter(
        r"\beta_{\text{high}}", "highest momentum", checks.fraction, low=0.0, high=0.99, default=0.95
    )


@dataclasses.dataclass(frozen=True)
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

    family = "schedules"
    alt: ClassVar[str] = "Explorer of learning-rate schedules"

    method = traitlets.Unicode().tag(sync=True)
    warmup = traitlets.Bool().tag(sync=True)
    joined = traitlets.Bool().tag(sync=True)
    then = traitlets.Unicode().tag(sync=True)
    momentum = traitlets.Bool().tag(sync=True)
    values = traitlets.Dict().tag(sync=True)
    total_steps = traitlets.Int().tag(sync=True)
    step = traitlets.Int().tag(sync=True)
    log_axis = traitlets.Bool().tag(sync=True)
    pins = traitlets.List().tag(sync=True)

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
        self.total_steps = total_steps
        examples = [_for_run(method, total_steps) for method in schedules.METHODS]
        self._warmup = _for_run(Warmup, total_steps, inner=examples[0])
        self._prompts = tuple(_questions(total_steps) if prompts is None else prompts)
        self._known: dict[str, Schedule] = {}
        self._warmed: set[str] = set()
        self._learn(*examples)
        first = self._known["StepDecay"] if schedule is None else schedule
        self._learn(first, *pinned, *(s for p in self._prompts for s in (p.schedule, *p.pinned)))
        for part in parts(first):
            self._known[_key(part)] = _inner(part)
        super().__init__(
            **self._encoded(first),
            step=total_steps // 2,
            log_axis=log_axis,
            momentum=momentum,
            pins=[self._encoded(s) for s in pinned],
        )

    @property
    def schedule(self) -> Schedule:
        """What the sliders show; setting it moves them."""
        return self._decoded(self.state())

    @schedule.setter
    def schedule(self, schedule: Schedule) -> None:
        self._learn(schedule)
        with self.hold_sync(), self.hold_trait_notifications():
            for name, value in self._encoded(schedule).items():
                setattr(self, name, value)

    @property
    def pinned(self) -> list[Schedule]:
        """The schedules whose curves are pinned."""
        return [self._decoded(pin) for pin in self.pins]

    def _learn(self, *found: Schedule) -> None:
        """Make sure that the module has the formula of each schedule, behind a warmup where it is."""
        before = len(self._known), len(self._warmed)
        found_parts = [part for schedule in found for part in parts(schedule)]
        for part in found_parts:
            self._known.setdefault(_key(part), _inner(part))
        self._warmed |= {_key(part) for part in found_parts if self._can_be_warmed(part)}
        if before != (len(self._known), len(self._warmed)) and self.trait_has_value("_esm"):
            self._esm = self._module()

    def _can_be_warmed(self, schedule: Schedule) -> bool:
        """Whether it begins at its highest rate, as what climbs by itself does not; or is warmed already."""
        if isinstance(schedule, Warmup):
            return True
        return bool(schedule(0) == schedule.base_lr == schedule.rates(self.total_steps).max())

    # ---- what the page and the kernel tell each other ----

    def _encoded(self, schedule: Schedule) -> dict[str, Any]:
        first, *others = parts(schedule)
        then = others[0] if others else self._known["CosineDecay"]
        outer = first if isinstance(first, Warmup) else self._warmup
        milestones = schedule.milestones if others else (max(1, self.total_steps // 2),)
        values = {"inner": _numbers(_inner(first)), **_numbers(outer), "then": _numbers(then)}
        told = {"method": _key(first), "warmup": outer is first, "joined": bool(others), "then": _key(then)}
        values |= {"milestones": list(map(int, milestones)), "momentum": _numbers(_Momentum())}
        return {**told, "values": values}

    def _decoded(self, state: dict[str, Any]) -> Schedule:
        values = state["values"]
        first = _changed(self._known[state["method"]], values["inner"])
        first = _changed(self._warmup, values, inner=first) if state["warmup"] else first
        if not state["joined"]:
            return first
        then = _changed(self._known[state["then"]], values["then"])
        return Joined((first, then), milestones=tuple(map(int, values["milestones"])))

    # ---- what the module is told ----

    def constants(self) -> dict[str, str]:
        facts = Facts(resize=lambda about: _resized(about, self.total_steps / STEPS))
        methods, formulas = {}, []
        for key, schedule in self._known.items():
            forms = {"plain": schedule}
            if key in self._warmed:
                forms["warm"] = self._warmup.replace(inner=schedule)
            methods[key] = {
                "words": _words(schedule),
                "rows": facts.rows(schedule),
                "start": _numbers(schedule),
                "within": _stretches(schedule),
                **{form: templates(s, r"\eta_t", "schedules") | stages(s) for form, s in forms.items()},
            }
            texts = ", ".join(scripts(form, s) for form, s in forms.items())
            if hasattr(schedule, "momentum"):
                texts += f", momentum: {symbolic.javascript(schedule, of='momentum')}"
            formulas.append(f"{as_javascript(key)}: {{ {texts} }},")
        pair = Joined((Constant(0.1), Constant(0.2)), milestones=(max(1, self.total_steps // 2),))
        catalog = {"methods": methods, "warmup": {"rows": facts.rows(self._warmup)}}
        catalog["joined"] = {"rows": facts.rows(pair), "code": pair_code(pair)}
        catalog |= {"momentum": {"rows": facts.rows(_Momentum())}, "facts": facts.told}
        catalog["prompts"] = [{"text": prompt.text, "state": self._asked(prompt)} for prompt in self._prompts]
        told = {"catalog": as_javascript(catalog), "formulas": "\n".join(["{", *formulas, "}"])}
        return {**told, "inTurn": in_turn()}

    def _asked(self, prompt: Prompt) -> dict[str, Any]:
        pins = [self._encoded(s) for s in prompt.pinned]
        return {**self._encoded(prompt.schedule), "log_axis": prompt.log_axis, "pins": pins}

    # ---- the still picture ----

    def still(self) -> str:
        schedule = self.schedule
        rates = schedule.rates(self.total_steps + 1)
        title, area = _title(schedule), f"area {rates[:-1].sum():.4g}"
        course = f"from {rates[0]:.4g} at step 0 to {rates[-1]:.4g} at step {self.total_steps}"
        alt = f"{title}, {course}, {area}"
        steps = range(0, self.total_steps + 1, max(1, self.total_steps // 360))
        names = ("step", "learning rate")
        picture = still_chart(list(steps), rates[list(steps)], names, f"{title}, {area}", alt)
        prompts = "".join(f'<span class="prompt">{escape(prompt.text)}</span>' for prompt in self._prompts)
        lines = "".join(equation(r"\eta_t", symbolic.latex(schedule)))
        checks = "".join(ghost("check", words) for words in ("after a warmup", "then", "log axis"))
        return (
            f'<div class="prompts"><span class="muted">Try</span>{prompts}</div>'
            f'<div class="bar"><span class="choice">Schedule: {escape(title)}</span>{checks}</div>'
            f'<div class="stage"><div><div class="picture">{picture}</div><div class="pinning"></div></div>'
            f'<div><div class="controls">{_still_rows(schedule)}</div><p class="message"></p></div></div>'
            f'<div class="formula"><div class="equation"><div>{lines}</div></div>'
            f"{ghost('check', 'with the present values')}</div>"
            f'<div class="codes">{still_code("in this book", code(schedule, "schedules"))}'
            f"{still_code('in torch', torch_code(schedule, self.total_steps))}</div>{ghost('summary')}"
        )


def _inner(schedule: Schedule) -> Schedule:
    return schedule.inner if isinstance(schedule, Warmup) else schedule


def _key(schedule: Schedule) -> str:
    """The name of a formula: its class, and what makes it another formula than the example's."""
    inner = _inner(schedule)
    if not isinstance(inner, Schedule):
        raise TypeError(f"schedule must be a Schedule, got schedule={schedule!r}")
    if type(inner) not in schedules.METHODS:
        known = ", ".join(method.__name__ for method in schedules.METHODS)
        words = f"schedule must be one of {known}, or Warmup of one, or Joined of two"
        raise ValueError(f"{words}, got schedule={schedule!r}")
    return ", ".join([type(inner).__name__, *_unusual(inner)])


def _unusual(schedule: Schedule) -> list[str]:
    """What decides on a formula besides the class, where it is not as in the example, in words."""
    about = hyperparameters(schedule)
    found = []
    for field in dataclasses.fields(schedule):
        value, fact = getattr(schedule, field.name), about.get(field.name)
        if fact is None and value != field.default:
            found.append(str(value))
        if isinstance(value, tuple) and len(value) != len(fact.example):
            found.append(f"{len(value)} {fact.words}")
    return found


def _stretches(schedule: Schedule) -> dict[str, Any] | None:
    """The parts that must fit into a schedule's total steps, as its own check has it; None without any."""
    about = hyperparameters(schedule)
    parts = [n for n, fact in about.items() if fact.unit == "steps" and fact.integer and n != "total_steps"]
    if "total_steps" not in about or not parts:
        return None
    needed = sum(getattr(schedule, name) for name in parts)
    fits = [spare for spare in (-1, 0, 1) if _is_fit(schedule, total_steps=needed + spare)]
    return {"parts": parts, "spare": fits[0]} if -1 not in fits else None


def _is_fit(schedule: Schedule, **changes: Any) -> bool:
    try:
        schedule.replace(**changes)
    except ValueError:
        return False
    return True


def _numbers(method: Schedule) -> dict[str, Any]:
    """The hyperparameters as JSON has them: whole numbers whole, the others floats, tuples lists."""
    numbers = {}
    for name, about in hyperparameters(method).items():
        kind, value = int if about.integer else float, getattr(method, name)
        numbers[name] = [kind(v) for v in value] if isinstance(value, tuple) else kind(value)
    return numbers


def _changed(schedule: Schedule, numbers: dict[str, Any], **other: Any) -> Schedule:
    """The schedule with these hyperparameters, as a page without types has sent them."""
    values = {}
    for name, about in hyperparameters(schedule).items():
        kind, value = int if about.integer else float, numbers[name]
        values[name] = tuple(map(kind, value)) if isinstance(value, list | tuple) else kind(value)
    return schedule.replace(**values, **other)


def _words(schedule: Schedule) -> str:
    unusual = ", ".join(_unusual(schedule))
    return f"{schedule.words} ({unusual})" if unusual else schedule.words


def _title(schedule: Schedule) -> str:
    told = ("warmup + " * isinstance(part, Warmup) + _words(_inner(part)) for part in parts(schedule))
    return ", then ".join(told)


# ---- runs of another length than the metadata's ----


def _resized(about: Hyperparameter, factor: float) -> Hyperparameter:
    """The same fact for a run `factor` times as long: steps grow with it, what happens in a step shrinks."""
    factor = {"steps": factor, "per step": 1 / factor}.get(about.unit, 1.0)
    if factor == 1.0:
        return about

    def sized(value: float) -> float:
        return max(1, round(value * factor)) if about.integer else float(f"{value * factor:.2g}")

    low = about.low if about.integer else sized(about.low)
    high = max(sized(about.high), low + 1) if about.integer else sized(about.high)
    return dataclasses.replace(about, low=low, high=high, example=_each_sized(about.example, sized))


def _each_sized(example: Any, sized: Callable[[float], float]) -> Any:
    """An example, or each entry of one; entries that increase still do in a very short run."""
    if not isinstance(example, tuple):
        return sized(example)
    found: list[float] = []
    for value in example:
        found.append(max([sized(value), *(entry + 1 for entry in found)]))
    return tuple(found)


def _for_run(method: type, total_steps: int, **other: Any) -> Schedule:
    """The example of a schedule, for a run of this length."""
    sized = {name: _resized(about, total_steps / STEPS) for name, about in hyperparameters(method).items()}
    return example(method, **{name: about.example for name, about in sized.items()}, **other)


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


def _still_rows(schedule: Schedule) -> str:
    facts = Facts()
    both = [*parts(schedule)]
    both += [_inner(part) for part in both if isinstance(part, Warmup)]
    both += [schedule] * isinstance(schedule, Joined)
    rows = [(row, _numbers(method)[row["name"]]) for method in both for row in facts.rows(method)]
    numbers = [value if "index" not in row else value[row["index"]] for row, value in rows]
    return "".join(still_row(facts.told[row["fact"]], x) for (row, _), x in zip(rows, numbers, strict=True))
