"""The twin of a method: its symbols, its equation, its JavaScript, its value."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sympy

from helpers.core import checks, symbolic, symbols
from helpers.core.hyperparameters import Hyperparameters, example, hyperparameter
from helpers.core.mathematics import cos, count_reached, exp, floor, minimum, named, pi, where
from helpers.formulas import schedules
from tests.formulas.one_definition import evaluated_at

number = {"low": 0.0, "high": 9.0, "example": 2.0}


@dataclass(frozen=True)
class Line(Hyperparameters):
    a: float = hyperparameter("a", "slope", checks.finite, **number)
    b: float = hyperparameter("b", "offset", checks.finite, **number)
    form: str = "plain"
    falls: bool = False

    def formula(self, t: Any) -> Any:
        return -self.a * t + self.b if self.falls else self.b + self.a * t


@dataclass(frozen=True)
class Outer(Hyperparameters):
    inner: Line
    parts: tuple
    starts: tuple = hyperparameter("s", "starts", checks.increasing, low=1, high=9, example=(3, 5))

    def formula(self, t: Any) -> Any:
        last = self.parts[0].formula(t) + self.parts[1].formula(t)
        return where(t < self.starts[0], self.inner.formula(t), last)


LINE = Line(2.0, 3.0)
OUTER = Outer(LINE, (Line(1.0, 0.5), Line(0.25, 1.0, falls=True)), starts=(3, 5))


class TestTwin:
    def test_numbers_become_symbols_named_by_their_place(self):
        twin = symbolic.twin(LINE)
        assert (str(twin.method.a), str(twin.method.b)) == ("p.a", "p.b")
        assert twin.values == {twin.method.a: 2.0, twin.method.b: 3.0}
        assert twin.names == {twin.method.a: "a", twin.method.b: "b"}
        assert (twin.method.form, twin.method.falls) == ("plain", False)
        assert isinstance(twin.method, Line)

    def test_methods_and_tuples_inside_are_followed(self):
        method, names = symbolic.twin(OUTER).method, symbolic.twin(OUTER).names
        places = {str(symbol): text for symbol, text in names.items()}
        assert places == {
            "p.inner.a": "a",
            "p.inner.b": "b",
            "p.parts[0].a": "a^{(1)}",
            "p.parts[0].b": "b^{(1)}",
            "p.parts[1].a": "a^{(2)}",
            "p.parts[1].b": "b^{(2)}",
            "p.starts[0]": "s_{1}",
            "p.starts[1]": "s_{2}",
        }
        assert str(method.parts[1].a) == "p.parts[1].a"
        assert method.parts[1].falls

    def test_the_method_itself_is_left_alone(self):
        symbolic.twin(OUTER)
        assert Outer(Line(2.0, 3.0), (Line(1.0, 0.5), Line(0.25, 1.0, falls=True)), starts=(3, 5)) == OUTER


def test_an_equation_keeps_the_order_of_the_code():
    assert symbolic.latex(LINE) == "b + a t"
    assert symbolic.latex(LINE.replace(falls=True)) == "- a t + b"


def test_an_equation_with_its_numbers():
    assert symbolic.latex(LINE.replace(a=1 / 3), values=True) == "3 + 0.333333 t"


def test_a_nested_method_is_one_equation():
    assert symbolic.latex(OUTER) == (
        r"\begin{cases} b + a t & \text{for}\: t < s_{1} \\"
        r"\left(b^{(1)} + a^{(1)} t\right) + \left(- a^{(2)} t + b^{(2)}\right) "
        r"& \text{otherwise} \end{cases}"
    )


def test_javascript_reads_its_numbers_from_p():
    assert symbolic.javascript(LINE) == "(t, p) => p.a*t + p.b"
    text = symbolic.javascript(OUTER)
    assert "\n" not in text
    assert all(place in text for place in ("p.inner.a", "p.parts[0].b", "p.parts[1].a", "p.starts[0]"))


def test_the_value_of_the_traced_expression():
    for t in (0, 1.5, 2.999, 3, 100):
        assert evaluated_at(OUTER, t) == pytest.approx(OUTER.formula(t), rel=1e-15)


def test_a_template_has_a_stand_in_for_each_value_and_filled_in_is_the_equation_with_its_numbers():
    assert symbolic.latex_template(LINE) == ("9000002 + 9000001 t", {"9000001": "p.a", "9000002": "p.b"})
    text, places = symbolic.latex_template(OUTER)
    values = {str(symbol): value for symbol, value in symbolic.twin(OUTER).values.items()}
    for stand_in, place in places.items():
        text = text.replace(stand_in, f"{values[place]:.6g}")
    assert text == symbolic.latex(OUTER, values=True)


def test_two_instances_do_not_share_an_equation():
    assert symbolic.latex(LINE, values=True) != symbolic.latex(LINE.replace(a=7.0), values=True)


@pytest.mark.parametrize(
    "made, value",
    [
        (symbols.log1p(sympy.Rational(1, 2)), math.log(1.5)),
        (symbols.square(sympy.Integer(3)), 9),
        (symbols.minimum(sympy.Integer(3), sympy.Integer(2)), 2),
        (symbols.maximum(sympy.Integer(3), sympy.Integer(2)), 3),
        (symbols.where(sympy.Integer(3) < 2, sympy.Integer(1), sympy.Integer(5)), 5),
    ],
)
def test_a_function_of_symbols_has_the_value_of_its_name(made, value):
    assert float(made.doit()) == pytest.approx(value)


def test_a_function_that_is_shown_as_a_template():
    assert sympy.latex(symbols.shown(r"g\left(#\right)")(sympy.Symbol("x"))) == r"g\left(x\right)"


def test_nothing_is_simplified():
    t = sympy.Symbol("t", real=True)
    assert str(symbolic.trace(lambda t: t + t * 1, t)) == "t + t*1"


@dataclass(frozen=True)
class Everything(Hyperparameters):
    m: tuple = hyperparameter("m", "milestones", checks.increasing, low=1, high=9, example=(3, 5))

    def formula(self, t: Any) -> Any:
        return exp(-floor(t / 2)) * cos(pi * minimum(t, 1)) * 2 ** count_reached(self.m, t)


def test_functions_in_an_equation_and_in_javascript():
    method = Everything((3, 5))
    assert symbolic.latex(method) == (
        r"e^{- \left\lfloor{\frac{t}{2}}\right\rfloor} \cos{\left(\pi \min\left(1, t\right) \right)} "
        r"2^{\#\left\{m \in \{m_{1}, m_{2}\} : m \le t\right\}}"
    )
    assert symbolic.javascript(method) == (
        "(t, p) => Math.pow(2, [p.m[0], p.m[1]].filter((m) => m <= t).length)"
        "*(Math.exp(-Math.floor(t/2))*Math.cos(Math.PI*Math.min(1, t)))"
    )
    for t in (0, 2.5, 3, 4, 5, 7):
        assert evaluated_at(method, t) == pytest.approx(method.formula(t), rel=1e-14)


@dataclass(frozen=True)
class WithNames(Hyperparameters):
    a: float = hyperparameter("a", "slope", checks.finite, **number)

    def formula(self, t: Any) -> Any:
        x = named("x", t - self.a)
        y = named("y", x * x)
        return x + y + self.other(t)

    def other(self, t: Any) -> Any:
        return named("x", 2 * t)


def test_named_values_stand_behind_the_formula_and_are_computed_once():
    method, definitions = WithNames(2.0), r"\quad y = x x, \quad x' = 2 t"
    assert symbolic.latex(method) == rf"\left(x + y\right) + x', \quad x = t - a, {definitions}"
    assert symbolic.latex(method, values=True).endswith(rf"x = t - 2, {definitions}")
    template = rf"\left(x + y\right) + x', \quad x = t - 9000001, {definitions}"
    assert symbolic.latex_template(method) == (template, {"9000001": "p.a"})
    assert symbolic.javascript(method) == (
        "(t, p) => ((x) => ((y) => ((x_) => x_ + (x + y))(2*t))(x*x))(-p.a + t)"
    )
    for t in (0, 1.5, 4):
        assert method.formula(t) == evaluated_at(method, t) == (t - 2) + (t - 2) ** 2 + 2 * t


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (4e-7, r"4 \cdot 10^{-7}"),
        (1.25e20, r"1.25 \cdot 10^{20}"),
        (0.1, "0.1"),
        (1000, "1000"),
        (-2e-9, r"-2 \cdot 10^{-9}"),
    ],
)
def test_a_number_in_an_equation_is_written_as_in_print(value, text):
    assert symbolic.latex(Line(1.0, value), values=True) == f"{text} + 1 t"


def test_a_power_of_a_counted_power_is_braced():
    t = sympy.Symbol("t")
    assert symbolic.printed(count_reached((1, 2), t) ** 2, {}) == (
        r"{\#\left\{m \in \{1, 2\} : m \le t\right\}}^{2}"
    )


#: The equation of every schedule, as it is printed.
EQUATIONS = dict(
    line.split(": ", 1) for line in Path(__file__).with_name("equations.txt").read_text().splitlines()
)


@pytest.mark.parametrize("name", EQUATIONS)
def test_the_equation_of_a_schedule(name):
    assert symbolic.latex(example(getattr(schedules, name))) == EQUATIONS[name]


def test_every_schedule_has_its_equation_here():
    assert set(EQUATIONS) == {method.__name__ for method in schedules.METHODS}


@pytest.mark.parametrize("cls", schedules.METHODS)
def test_python_computes_what_the_method_computes(cls):
    method = example(cls)
    expr, found = symbolic.expression(method)
    fields = {symbol: sympy.Symbol(f"x{i}") for i, symbol in enumerate(found.values)}
    values = {fields[symbol].name: value for symbol, value in found.values.items()}
    text = symbolic.python(expr.xreplace(fields))
    for t in (0, 1, 100, 250, 699, 1000, 1300):
        assert eval(text, {"math": math, "t": t, **values}) == pytest.approx(method(t), rel=1e-12, abs=1e-15)
