"""Our update rules and those of Keras and optax, over 12 steps, and how they differ.

One table drives it: for each name that a rule has there, the call that makes the same steps at a constant
rate of 0.1; where the convention differs, the call that one would write first and that makes others.
"""

import numpy as np
import pytest

from helpers.formulas import rules as r
from tests.peers import records

START = np.random.default_rng(0).standard_normal((3, 4))
GRADS = [np.random.default_rng(t + 1).standard_normal((3, 4)) for t in range(12)]
TINY = 1e-300  # an epsilon that changes nothing, wherever it stands

PEERS = [
    ("Keras", r.SGD(), "SGD(0.1)"),
    ("optax", r.SGD(), "sgd(0.1)"),
    ("optax", r.Momentum(0.9), "sgd(0.1, 0.9)"),
    ("Keras", r.HeavyBall(0.9), "SGD(0.1, momentum=0.9)"),
    ("optax", r.EMAMomentum(0.9), "chain(ema(0.9, debias=False), scale(-0.1))"),
    ("optax", r.Nesterov(0.9), "sgd(0.1, 0.9, nesterov=True)"),
    ("Keras", r.StoredAheadNesterov(0.9), "SGD(0.1, momentum=0.9, nesterov=True)"),
    (
        *("Keras", r.Adagrad(TINY, initial=0.1), "Adagrad(0.1, epsilon=0.0)"),
        "Adagrad(0.1, initial_accumulator_value=0.0)",
    ),
    ("optax", r.Adagrad(TINY, initial=0.1), "adagrad(0.1, eps=0.0)"),
    ("Keras", r.RMSprop(0.9, TINY), "RMSprop(0.1, epsilon=0.0)", "RMSprop(0.1, epsilon=1e-3)"),
    (
        *("optax", r.RMSprop(0.9, 1e-3, centered=True)),
        "rmsprop(0.1, eps=1e-3, centered=True, eps_in_sqrt=False)",
        "rmsprop(0.1, eps=1e-3, centered=True)",
    ),
    ("optax", r.Adam(epsilon=1e-3), "adam(0.1, eps=1e-3)"),
    ("Keras", r.Adam(epsilon=TINY), "Adam(0.1, epsilon=0.0)", "Adam(0.1, epsilon=1e-2)"),
    (
        *("Keras", r.AMSGrad(epsilon=TINY), "Adam(0.1, epsilon=0.0, amsgrad=True)"),
        "Adam(0.1, epsilon=1e-2, amsgrad=True)",
    ),
    # a mean of one square needs no correction
    ("optax", r.AMSGrad(0.0, 0.0), "amsgrad(0.1, 0.0, 0.0)", "amsgrad(0.1, 0.0, 0.9)"),
    ("optax", r.AdamW(weight_decay=1e-4), "adamw(0.1)", "adamw(0.1, weight_decay=0.01)"),
    (
        *("Keras", r.AdamW(epsilon=TINY, weight_decay=0.004), "AdamW(0.1, epsilon=0.0)"),
        "AdamW(0.1, epsilon=0.0, weight_decay=0.01)",
    ),
    ("Keras", r.Clipped(r.SGD(), 1.0), "SGD(0.1, clipnorm=1.0)"),
    ("optax", r.Clipped(r.SGD(), 1.0), "chain(clip_by_global_norm(1.0), sgd(0.1))"),
    ("optax", r.WithL2(r.Momentum(0.9), 0.05), "chain(add_decayed_weights(0.05), sgd(0.1, 0.9))"),
    (
        *("optax", r.WithWeightDecay(r.Momentum(0.9), 0.05)),
        "chain(trace(0.9), add_decayed_weights(0.05), scale(-0.1))",
    ),
    ("Keras", r.WithWeightDecay(r.HeavyBall(0.9), 0.05), "SGD(0.1, momentum=0.9, weight_decay=0.05)"),
]
CALLS = [(library, call) for library, _, *calls in PEERS for call in calls]
# Names whose difference is of another kind than the numbers of a constant rate
BY_READING = {
    ("Keras", "Momentum"): "another form, the heavy ball's",
    ("Keras", "Nesterov"): "another form, the stored-ahead one's",
    ("Keras", "WithL2"): "a penalty of the layer, not of the optimizer",
}


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: f"{peer[0]} {peer[1]!r}")
def test_twelve_steps_are_theirs_and_differ_where_the_table_says_so(peer):
    library, rule, same, *first_try = peer
    param, state = START, rule.init(START)
    for grad in GRADS:
        param, state = rule.update(param, grad, state, 0.1)
    np.testing.assert_allclose(param.ravel(), records.numbers(library, same), rtol=1e-11, atol=1e-12)
    for call in first_try:
        assert np.abs(param.ravel() - records.numbers(library, call)).max() > 1e-4


def test_every_name_has_a_row_or_a_reason():
    rows = {(library, type(rule).__name__) for library, rule, *_ in PEERS}
    named = {
        (name.library, rule.__name__)
        for rule in (*r.METHODS, *r.WRAPPERS)
        for name in rule.library_names
        if name.library in ("Keras", "optax")
    }
    assert rows | set(BY_READING) == named and not rows & set(BY_READING)
