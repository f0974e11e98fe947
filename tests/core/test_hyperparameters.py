"""One declaration is the check, the metadata and the example."""

import dataclasses
import inspect
import pickle
import re
from dataclasses import dataclass
from typing import Any

import pytest

from helpers.core import checks
from helpers.core.hyperparameters import (
    Hyperparameter,
    Hyperparameters,
    example,
    hyperparameter,
    hyperparameters,
)
from helpers.formulas import rules, schedules


@dataclass(frozen=True)
class Method(Hyperparameters):
    inner: Any
    rate: float = hyperparameter(r"\eta", "rate", checks.positive, low=0.1, high=1.0, example=0.5, log=True)
    steps: int = hyperparameter(
        "T", "steps", checks.count, unit="steps", low=1, high=9, default=3, first_index=0
    )
    form: str = "plain"
    whole: bool = False


def test_metadata_in_the_order_of_declaration():
    about = hyperparameters(Method)
    assert list(about) == ["rate", "steps"]
    assert about == hyperparameters(Method(None, 0.2))
    assert about["rate"] == Hyperparameter(r"\eta", "rate", checks.positive, 0.1, 1.0, 0.5, log=True)
    assert about["steps"].unit == "steps"
    assert about["steps"].integer
    assert about["steps"].first_index == 0
    assert not about["rate"].integer


def test_a_default_is_its_own_example_and_a_field_without_one_is_required():
    assert hyperparameters(Method)["steps"].example == 3
    assert Method(None, 0.2).steps == 3
    with pytest.raises(TypeError, match="rate"):
        Method(None)


def test_an_example_may_differ_from_the_default():
    @dataclass(frozen=True)
    class Other(Hyperparameters):
        power: float = hyperparameter("p", "power", checks.positive, low=1, high=4, default=1.0, example=2.0)

    assert (Other().power, example(Other).power) == (1.0, 2.0)


def test_example_fills_in_and_takes_changes():
    assert example(Method, inner=7) == Method(7, rate=0.5, steps=3)
    assert example(Method, inner=7, rate=0.25).rate == 0.25
    with pytest.raises(TypeError, match="inner"):
        example(Method)


def test_fields_are_checked_when_made_and_when_replaced():
    method = Method(None, 0.2)
    with pytest.raises(ValueError, match=r"^rate must be positive, got rate=-1$"):
        Method(None, -1)
    with pytest.raises(ValueError, match=r"^steps must be positive, got steps=0$"):
        method.replace(steps=0)
    with pytest.raises(TypeError, match=r"^Method takes inner, rate, steps, form, whole, got unknown=1$"):
        method.replace(unknown=1)
    with pytest.raises(TypeError, match=r"^whole must be True or False, got whole='yes' of type str$"):
        method.replace(whole="yes")
    assert method.replace(rate=0.3) == Method(None, 0.3)
    assert method == Method(None, 0.2)


def test_an_argument_that_torch_has_is_refused_with_ours():
    adam, one_cycle = "beta1, beta2, epsilon", "warmup_steps, start_lr, end_lr, anneal"
    for make, message in (
        (
            lambda: rules.Adam(betas=(0.9, 0.99)),
            f"{adam}, got betas=(0.9, 0.99); torch's betas = (beta1, beta2)",
        ),
        (lambda: rules.RMSprop(alpha=0.9), "epsilon, centered, got alpha=0.9; torch's alpha = decay"),
        (
            lambda: schedules.CosineDecay(0.1, T_max=90),
            "peak_lr, total_steps, end_lr, got T_max=90; torch's T_max = total_steps",
        ),
        (
            lambda: schedules.OneCycle(0.1, 100, pct_start=0.3),
            f"{one_cycle}, got pct_start=0.3; torch's pct_start = (warmup_steps + 1) / (total_steps + 1)",
        ),
        (
            lambda: schedules.Triangular(0.1, 3, 4, base_lr=0.01),
            "down_steps, min_lr, got base_lr=0.01; torch's base_lr = min_lr",
        ),
        (lambda: rules.Adam(lr=0.1), f"Adam takes {adam}, got lr=0.1"),
        (lambda: rules.SGD(momentum=0.9), "SGD takes nothing, got momentum=0.9"),
    ):
        with pytest.raises(TypeError, match=f"{re.escape(message)}$"):
            make()


def test_the_signature_is_that_of_the_fields():
    assert list(inspect.signature(rules.Adam).parameters) == ["beta1", "beta2", "epsilon"]
    assert rules.Adam.__signature__.parameters["beta2"].default == 0.999
    assert list(inspect.signature(schedules.Constant(0.1)).parameters) == ["step"]


def test_a_method_is_frozen_hashable_and_survives_pickling():
    method = Method("a", 0.2)
    with pytest.raises(dataclasses.FrozenInstanceError):
        method.rate = 1.0
    assert hash(method) == hash(Method("a", 0.2))
    assert pickle.loads(pickle.dumps(method)) == method
