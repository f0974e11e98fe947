"""The pieces of an explorer that Python draws, and what it tells the page."""

import re

import numpy as np
import pytest

from helpers.core.hyperparameters import example
from helpers.figures.explorers.base import as_javascript
from helpers.figures.explorers.facts import templates
from helpers.figures.explorers.pictures import ghost, still_chart, still_code, still_row
from helpers.formulas import schedules

HOSTILE = '</script><b>"&'


def test_values_become_javascript_in_a_fixed_order():
    assert as_javascript({"b": 1, "a": [0.5, "x"]}) == '{"b":1,"a":[0.5,"x"]}'
    with pytest.raises(ValueError, match="not JSON compliant"):
        as_javascript(float("nan"))


@pytest.mark.parametrize("method", schedules.METHODS, ids=lambda m: m.__name__)
def test_templates_have_a_place_for_every_value(method):
    """Filling the places of the code with the values gives the object back."""
    schedule = example(method)
    told = templates(schedule, r"\eta_t", "schedules")

    def value(place):
        return repr(eval(place, {"p": schedule}))

    code = re.sub(r"p\.\w+(?:\[\d+\])?", lambda match: value(match[0]), told["code"])
    assert eval(code, {"schedules": schedules}) == schedule
    assert told["places"] and all("<math" in line for kind in ("symbols", "values") for line in told[kind])


def test_a_still_chart_draws_the_curve_and_escapes_what_it_is_told():
    svg = still_chart(np.arange(5.0), np.array([4.0, 3, 2, 1, 0]), ("step", HOSTILE), HOSTILE, HOSTILE)
    assert "<b>" not in svg and svg.count("&lt;b&gt;") == 3
    path = re.search(r'class="curve study" d="M([^"]*)"', svg)[1]
    xs, ys = zip(*(map(float, point.split()) for point in path.split("L")), strict=True)
    assert list(xs) == sorted(xs) and list(ys) == sorted(ys) and len(xs) == 5


def test_rows_and_code_leave_room_for_their_controls():
    fact = {"symbol": "<i>s</i>", "words": HOSTILE, "unit": "steps"}
    row, code = still_row(fact, 12.0), still_code("in torch", HOSTILE)
    assert "&lt;b&gt;" in row and ">12<" in row and ghost("range") in row
    assert "&lt;b&gt;" in code and ghost("button", "copy") in code
