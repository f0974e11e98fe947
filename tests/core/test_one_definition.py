"""One definition, many readers: number, arrays, equation and JavaScript say the same, at many points."""

import inspect
import math

import numpy as np
import pytest
import sympy
import torch

from helpers.core import symbolic
from helpers.core.hyperparameters import example, hyperparameters
from helpers.core.mathematics import exp
from helpers.formulas import rules, schedules
from tests.formulas.one_definition import by_equation, run
from tests.formulas.schedule_table import POINTS

CLOSE = {"rtol": 1e-12, "atol": 1e-15}

# ---- which methods: a class that nobody listed is found by the last two tests ----


def parameter_sets(cls):
    """The example, every field at either end of its range, and some places in between."""
    about = hyperparameters(cls)
    rng = np.random.default_rng(sum(map(ord, cls.__name__)))
    sets = [{}]
    for name in about:
        sets += [{name: at_part(about[name], part)} for part in (0.0, 1.0)]
    for _ in range(2):
        sets.append({name: at_part(fact, rng.uniform(size=99)) for name, fact in about.items()})
    return sets


def at_part(fact, part):
    """A value at a part of the way from low to high; a tuple has one part each, in order."""
    if isinstance(fact.example, tuple):
        count = len(fact.example)
        values = [at_part_of_one(fact, p) for p in np.broadcast_to(part, 99)[:count]]
        return tuple(v + i for i, v in enumerate(sorted(values))) if fact.integer else tuple(values)
    return at_part_of_one(fact, np.ravel(part)[0])


def at_part_of_one(fact, part):
    if fact.log:
        value = math.exp(math.log(fact.low) * (1 - part) + math.log(fact.high) * part)
    else:
        value = fact.low * (1 - part) + fact.high * part
    value = float(np.clip(value, fact.low, fact.high))
    return round(value) if fact.integer else value


def made(cls, **other):
    """The class at all parameter sets that its checks let through."""
    found = []
    for changes in parameter_sets(cls):
        try:
            found.append(example(cls, **changes, **other))
        except ValueError:
            continue  # fields that do not fit together, such as a climb longer than the whole
    assert len(found) >= 3, f"{cls.__name__} has too few parameter sets"
    return found


def smooth(t):
    return exp(-0.01 * t)


SCHEDULES = {
    **{cls.__name__: made(cls) for cls in schedules.METHODS},
    **{f"Warmup of {cls.__name__}": made(schedules.Warmup, inner=example(cls)) for cls in schedules.METHODS},
    "OneCycle, linear": made(schedules.OneCycle, anneal="linear"),
    "PiecewiseConstant, 4 rates": [schedules.PiecewiseConstant((3, 7, 8), (0.3, 0.1, 0.2, 0.01))],
    "MultiStepDecay, 1 milestone": [schedules.MultiStepDecay(0.1, (5,), 0.5)],
    "Joined": [
        *(s for s in POINTS if isinstance(s, schedules.Joined)),
        schedules.Joined(tuple(schedules.Constant(lr) for lr in (0.3, 0.2, 0.1)), milestones=(5, 9)),
    ],
    "Warmup": [s for s in POINTS if isinstance(s, schedules.Warmup)],
    "Lambda": [schedules.Lambda(0.3, smooth), *(s for s in POINTS if isinstance(s, schedules.Lambda))],
}


def steps_of(schedule):
    """Steps where something may happen: ends and boundaries, one before and one behind, far beyond."""
    numbers = symbolic.twin(schedule).values.values()
    edges = {int(v) for v in numbers if v >= 1 and v == int(v)}
    edges |= {sum(pair) for pair in zip(sorted(edges), sorted(edges)[1:], strict=False)}
    near = {e + d for e in edges for d in (-1, 0, 1)}
    return sorted(float(t) for t in {0, 1, 2, 0.5, 333.25, 1000, 1001, 5000, *near} if t >= 0)


@pytest.fixture(scope="module")
def schedules_by_javascript():
    """What the page computes for all schedules, in one call."""
    methods = {f"{name} {i}": s for name, found in SCHEDULES.items() for i, s in enumerate(found)}
    code = ",".join(f"{key!r}: {symbolic.javascript(s)}" for key, s in methods.items())
    script = (
        f"(jobs) => {{ const f = {{{code}}}; return jobs.map(([k, p, ts]) => ts.map((t) => f[k](t, p))); }}"
    )
    jobs = [[key, fields(s), steps_of(s)] for key, s in methods.items()]
    return dict(zip(methods, run(script, jobs), strict=True))


def fields(method):
    """The method as JavaScript has it: numbers, arrays, objects; a function of a formula is traced away."""
    if isinstance(method, tuple):
        return [fields(part) for part in method]
    if not hasattr(method, "__dataclass_fields__"):
        return None if callable(method) else method
    return {name: fields(getattr(method, name)) for name in method.__dataclass_fields__}


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedule_is_the_same_for_all_its_readers(name, schedules_by_javascript):
    for i, schedule in enumerate(SCHEDULES[name]):
        steps = steps_of(schedule)
        numbers = [schedule(t) for t in steps]
        tensor = torch.tensor(steps, dtype=torch.float64)
        readers = {
            "array": schedule.rates(steps),
            "tensor": np.broadcast_to(np.asarray(schedule.formula(tensor)), len(steps)),
            "equation": by_equation(schedule, [(t,) for t in steps]),
            "JavaScript": schedules_by_javascript[f"{name} {i}"],
        }
        for reader, values in readers.items():
            np.testing.assert_allclose(values, numbers, **CLOSE, err_msg=f"{schedule}: {reader}")


# ---- update rules ----

GRADIENTS = (1.3, -0.7, 0.02, 2.9, -1e-3)
RATES = (0.1, 0.1, 0.03, 0.3, 1e-3)

RULES = {
    **{cls.__name__: made(cls) for cls in rules.METHODS if cls.elementwise},
    **{
        f"{cls.__name__} of {inner.__name__}": made(cls, rule=example(inner))
        for cls in rules.WRAPPERS
        for inner in (rules.Momentum, rules.Adam)
        if cls(rule=example(inner), **{n: f.example for n, f in hyperparameters(cls).items()}).elementwise
    },
}
PATH = """(start, grads, rates, state, p, update) => {
    const path = [];
    let param = start;
    grads.forEach((grad, i) => {
        ({ param, state } = update(param, grad, state, rates[i], p));
        path.push([param, ...Object.values(state)]);
    });
    return path;
}"""


def path_of(rule, start, grads):
    """The parameter and the state after each of some updates."""
    param, state, path = start, rule.init(start), []
    for grad, lr in zip(grads, RATES, strict=True):
        param, state = rule.update(param, grad, state, lr)
        path.append([param, *state.values()])
    return path


def path_by_equations(rule, start):
    """The same by the traced equations, with 30 digits."""
    traced, twin = symbolic.traced_update(rule), symbolic.twin(rule)
    known = {s: sympy.Float(v, 30) for s, v in twin.values.items()}
    param, state, path = start, rule.init(0.0), []
    for grad, lr in zip(GRADIENTS, RATES, strict=True):
        given = {"param": param, "grad": grad, "lr": lr} | {f"state.{k}": v for k, v in state.items()}
        values = known | {sympy.Symbol(k, real=True): sympy.Float(v, 30) for k, v in given.items()}
        state = {}
        for key, expr in traced.state.items():
            state[key] = expr.xreplace(values).doit().evalf(30)
            values[sympy.Symbol(key, real=True)] = state[key]
        param = traced.param.xreplace(values).doit().evalf(30)
        path.append([float(param), *(float(v) for v in state.values())])
    return path


@pytest.fixture(scope="module")
def rules_by_javascript():
    """The paths that the page computes for all rules, in one call."""
    found = {f"{name} {i}": rule for name, several in RULES.items() for i, rule in enumerate(several)}
    code = ",".join(f"{key!r}: {symbolic.update_javascript(rule)}" for key, rule in found.items())
    script = (
        f"([grads, rates, jobs]) => {{ const f = {{{code}}}, path = {PATH};"
        " return jobs.map(([k, p, state]) => path(0.5, grads, rates, state, p, f[k])); }"
    )
    jobs = [[key, fields(rule), rule.init(0.0)] for key, rule in found.items()]
    return dict(zip(found, run(script, [GRADIENTS, RATES, jobs]), strict=True))


@pytest.mark.parametrize("name", RULES)
def test_rule_is_the_same_for_all_its_readers(name, rules_by_javascript):
    for i, rule in enumerate(RULES[name]):
        numbers = path_of(rule, 0.5, GRADIENTS)
        both = [np.array([g, -g]) for g in GRADIENTS]
        readers = {
            "array": first_entries(path_of(rule, np.array([0.5, 0.5]), both)),
            "tensor": first_entries(
                path_of(rule, torch.full((2,), 0.5, dtype=torch.float64), [torch.from_numpy(b) for b in both])
            ),
            "equations": path_by_equations(rule, 0.5),
            "JavaScript": rules_by_javascript[f"{name} {i}"],
        }
        for reader, values in readers.items():
            np.testing.assert_allclose(values, numbers, **CLOSE, err_msg=f"{rule}: {reader}")


def first_entries(path):
    """What a path of arrays says of their first entry; a count of steps is no array."""
    return [[float(value if np.ndim(value) == 0 else value[0]) for value in row] for row in path]


# ---- nothing public is left out ----


def public(base, package):
    """The concrete classes of a package below a base."""
    found, queue = set(), [base]
    while queue:
        queue += (below := queue.pop().__subclasses__())
        found |= {cls for cls in below if cls.__module__.startswith(package) and not inspect.isabstract(cls)}
    return found


def test_every_schedule_has_a_row():
    rows = {type(schedule) for found in SCHEDULES.values() for schedule in found}
    assert public(schedules.Schedule, "helpers.formulas.schedules") == rows


def test_every_rule_has_a_row_or_no_formula_of_one_number():
    rows = {type(rule) for found in RULES.values() for rule in found}
    others = public(rules.Rule, "helpers.formulas.rules") - rows
    assert others == {rules.Clipped}
    with pytest.raises(TypeError, match="needs a whole array"):
        symbolic.update_javascript(rules.Clipped(rules.Momentum(), max_norm=1.0))
