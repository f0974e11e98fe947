"""Whatever trains names what it required and what came: the table is ``refusals.txt``."""

import importlib
import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from helpers.formulas import schedules

TABLE = Path(__file__).with_name("refusals.txt").read_text()
SECTIONS = re.findall(r"^\[(\w+)\]\n((?:.+\n)+)", TABLE, re.MULTILINE)
ROWS = [(name, *row) for name, rows in SECTIONS for row in re.findall(r"(\S.*)\n    (\w+): (.+)\n", rows)]


@pytest.mark.parametrize(("name", "call", "error", "message"), ROWS)
def test_what_does_not_fit_is_refused_with_its_name_and_value(name, call, error, message):
    names = {"math": math, "np": np, "torch": torch, "schedules": schedules}
    for module in (f"helpers.training.{name}", f"tests.training.test_{name}"):
        names |= vars(importlib.import_module(module))
    with pytest.raises((TypeError, ValueError), match="^" + re.escape(message)) as refusal:
        eval(call, names)
    assert refusal.typename == error


def test_no_row_is_lost():
    assert 2 * len(ROWS) + len(SECTIONS) == sum(map(bool, TABLE.splitlines())) - 2
