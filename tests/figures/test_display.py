"""What lessons display: equations from the code, names elsewhere, source."""

import re

import pytest

from helpers.core import symbolic
from helpers.core.hyperparameters import example
from helpers.core.methods import LibraryName
from helpers.figures import display
from helpers.formulas import rules, schedules
from helpers.training import fit


@pytest.mark.parametrize("method", schedules.METHODS, ids=lambda m: m.__name__)
def test_a_schedule_has_a_line_from_its_code_and_one_for_each_symbol_that_it_names(method):
    schedule = example(method)
    text = display.equations([schedule]).data
    first, *named = symbolic.latex(schedule).split(r", \quad ")
    lines = rf"\begin{{aligned}}\eta_t &= {first}" + "".join(rf", \\ &\qquad {line}" for line in named)
    assert text == lines + r"\end{aligned}"


def test_the_present_values_on_request():
    schedule = schedules.StepDecay(0.5, step_size=30, gamma=0.1)
    assert r"0.5 \cdot 0.1^" in display.equations([schedule], values=True).data


def test_a_rule_has_a_line_for_its_state_and_one_for_the_parameter():
    text = display.equations([rules.Momentum(), schedules.Constant(0.1)]).data
    assert text.count("&=") == 3 and text.index(r"v_t &=") < text.index(r"\theta_t &=") < text.index(
        r"\eta_t &="
    )


def test_only_the_first_equals_sign_aligns():
    """A case such as t >= w must not break the alignment."""
    schedule = schedules.PiecewiseConstant((10,), (0.1, 0.01))
    assert display.equations([schedule]).data.count("&=") == 1


def test_the_table_holds_every_name_escaped():
    class Odd(schedules.Constant):
        words = "<b>odd</b>"
        library_names = (
            LibraryName("torch", "A<B>", 'x & "y"'),
            LibraryName("Keras", "C"),
        )

    html = display.library_names([Odd]).data
    assert (
        "<b>" not in html
        and "&lt;b&gt;odd" in html
        and "A&lt;B&gt;" in html
        and "x &amp; &quot;y&quot;" in html
    )
    assert re.findall(r"<td>([^<]*)</td>", html)[4:] == ["", "Keras", "C", "the same"]


def test_the_source_is_the_real_one_without_its_docstring():
    text = re.sub(r"<[^>]*>", "", display.show_source(fit).data)
    assert (
        "optimizer.zero_grad()" in text and "Parameters" not in text and text.strip().startswith("def fit(")
    )


def test_a_function_without_docstring_is_shown_whole():
    def plain(x):
        return x + 1

    assert re.sub(r"<[^>]*>", "", display.show_source(plain).data).split() == [
        "def",
        "plain(x):",
        "return",
        "x",
        "+",
        "1",
    ]
