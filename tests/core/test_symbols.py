"""What equations and JavaScript are made of: counted by hand, printed as in a textbook."""

import pytest
import sympy

from helpers.core import symbolic, symbols
from helpers.formulas import rules, schedules

t, a, b = sympy.symbols("t a b", real=True)


def evaluated(expr, **values):
    return expr.subs({sympy.Symbol(name, real=True): value for name, value in values.items()})


@pytest.mark.parametrize(
    "expr, at, value, latex",
    [
        (
            symbols.CountReached(t, a, b),
            {"t": 5, "a": 5, "b": 6},
            1,
            r"\#\left\{m \in \{a, b\} : m \le t\right\}",
        ),
        (symbols.Remainder(t, a), {"t": 17, "a": 5}, 2, r"t \bmod a"),
        (symbols.GeometricSum(a, b), {"a": 3, "b": 4}, 1 + 3 + 9 + 27, r"\sum_{j < b} a^{j}"),
        (symbols.CyclesCompleted(t, a, b), {"t": 14, "a": 2, "b": 2}, 3, None),
        (symbols.CyclesCompleted(t, a, b), {"t": 13, "a": 2, "b": 2}, 2, None),
    ],
)
def test_counted_by_hand(expr, at, value, latex):
    """Two, four and eight steps end at 2, 6 and 14."""
    assert evaluated(expr, **at) == value
    assert latex is None or sympy.latex(expr) == latex
    assert sympy.jscode(expr)  # what it computes is compared in a browser, with every schedule


def test_a_named_value_is_taken_out_and_stays_the_same_value():
    whole = sympy.Add(symbols.named("i", t + 1), symbols.named("i", t * 2), evaluate=False)
    assert isinstance(whole.args[0], symbols.Named)
    rest, values = symbols.split(whole)
    assert sorted(map(str, values)) == ["i", "i'"]
    assert sympy.expand(rest.xreplace(values)) == sympy.expand(whole.doit()) == 3 * t + 1


def test_a_twin_and_a_traced_update_name_every_number():
    schedule = schedules.StepDecay(0.5, step_size=30, gamma=0.1)
    twin = symbolic.twin(schedule)
    assert isinstance(twin, symbolic.Twin) and twin.names.keys() == twin.values.keys()
    assert sorted(twin.values.values()) == [0.1, 0.5, 30]
    traced = symbolic.traced_update(rules.Momentum(0.9))
    assert isinstance(traced, symbolic.TracedUpdate) and list(traced.state) == ["velocity"]
    assert traced.param.free_symbols <= set(traced.names)
