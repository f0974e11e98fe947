"""Our update rules and those of Keras and optax, over 12 steps, and how they differ.

One table drives it: for each name that a rule has there, the call that makes the same steps at a constant
rate of 0.1; where the convention differs, the call that one would write first and that makes others.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import optax
import pytest

from helpers.formulas import rules as r
from tests.peers.libraries import jax, keras

START = np.random.default_rng(0).standard_normal((3, 4))
GRADS = [np.random.default_rng(t + 1).standard_normal((3, 4)) for t in range(12)]
TINY = 1e-300  # an epsilon that changes nothing, wherever it stands
K = keras.optimizers


@dataclass(frozen=True)
class Peer:
    """A rule, the same rule in another library, and the call that differs if there is one."""

    ours: r.Rule
    theirs: Callable
    first_try: Callable | None = None

    @property
    def key(self):
        return library_of(self.theirs), type(self.ours).__name__


def chained(*transforms):
    return lambda: optax.chain(*transforms)


PEERS = [
    Peer(r.SGD(), lambda: K.SGD(0.1)),
    Peer(r.SGD(), lambda: optax.sgd(0.1)),
    Peer(r.Momentum(0.9), lambda: optax.sgd(0.1, 0.9)),
    Peer(r.HeavyBall(0.9), lambda: K.SGD(0.1, momentum=0.9)),
    Peer(r.EMAMomentum(0.9), chained(optax.ema(0.9, debias=False), optax.scale(-0.1))),
    Peer(r.Nesterov(0.9), lambda: optax.sgd(0.1, 0.9, nesterov=True)),
    Peer(r.StoredAheadNesterov(0.9), lambda: K.SGD(0.1, momentum=0.9, nesterov=True)),
    Peer(
        r.Adagrad(TINY, initial=0.1),
        lambda: K.Adagrad(0.1, epsilon=0.0),
        lambda: K.Adagrad(0.1, initial_accumulator_value=0.0),
    ),
    Peer(r.Adagrad(TINY, initial=0.1), lambda: optax.adagrad(0.1, eps=0.0)),
    Peer(r.RMSprop(0.9, TINY), lambda: K.RMSprop(0.1, epsilon=0.0), lambda: K.RMSprop(0.1, epsilon=1e-3)),
    Peer(
        r.RMSprop(0.9, 1e-3, centered=True),
        lambda: optax.rmsprop(0.1, eps=1e-3, centered=True, eps_in_sqrt=False),
        lambda: optax.rmsprop(0.1, eps=1e-3, centered=True),
    ),
    Peer(r.Adam(epsilon=1e-3), lambda: optax.adam(0.1, eps=1e-3)),
    Peer(r.Adam(epsilon=TINY), lambda: K.Adam(0.1, epsilon=0.0), lambda: K.Adam(0.1, epsilon=1e-2)),
    Peer(
        r.AMSGrad(epsilon=TINY),
        lambda: K.Adam(0.1, epsilon=0.0, amsgrad=True),
        lambda: K.Adam(0.1, epsilon=1e-2, amsgrad=True),
    ),
    Peer(
        r.AMSGrad(0.0, 0.0),  # a mean of one square needs no correction
        lambda: optax.amsgrad(0.1, 0.0, 0.0),
        lambda: optax.amsgrad(0.1, 0.0, 0.9),
    ),
    Peer(r.AdamW(weight_decay=1e-4), lambda: optax.adamw(0.1), lambda: optax.adamw(0.1, weight_decay=0.01)),
    Peer(
        r.AdamW(epsilon=TINY, weight_decay=0.004),
        lambda: K.AdamW(0.1, epsilon=0.0),
        lambda: K.AdamW(0.1, epsilon=0.0, weight_decay=0.01),
    ),
    Peer(r.Clipped(r.SGD(), 1.0), lambda: K.SGD(0.1, clipnorm=1.0)),
    Peer(r.Clipped(r.SGD(), 1.0), chained(optax.clip_by_global_norm(1.0), optax.sgd(0.1))),
    Peer(r.WithL2(r.Momentum(0.9), 0.05), chained(optax.add_decayed_weights(0.05), optax.sgd(0.1, 0.9))),
    Peer(
        r.WithWeightDecay(r.Momentum(0.9), 0.05),
        chained(optax.trace(0.9), optax.add_decayed_weights(0.05), optax.scale(-0.1)),
    ),
    Peer(r.WithWeightDecay(r.HeavyBall(0.9), 0.05), lambda: K.SGD(0.1, momentum=0.9, weight_decay=0.05)),
]
# Names whose difference is of another kind than the numbers of a constant rate
BY_READING = {
    ("Keras", "Momentum"): "another form, the heavy ball's",
    ("Keras", "Nesterov"): "another form, the stored-ahead one's",
    ("Keras", "WithL2"): "a penalty of the layer, not of the optimizer",
}


@pytest.fixture(autouse=True, scope="module")
def doubles():
    """Let Keras compute in double precision, rates included."""
    before = keras.config.floatx()
    keras.config.set_floatx("float64")
    yield
    keras.config.set_floatx(before)


def our_end(rule):
    param, state = START, rule.init(START)
    for grad in GRADS:
        param, state = rule.update(param, grad, state, 0.1)
    return param


def their_end(make):
    optimizer = make()
    if library_of(make) == "Keras":
        weight = keras.Variable(START, dtype="float64")
        optimizer.build([weight])
        for grad in GRADS:
            optimizer.apply([jax.numpy.asarray(grad)], [weight])
        return np.asarray(weight.value)
    param = jax.numpy.asarray(START)
    state = optimizer.init(param)
    for grad in GRADS:
        change, state = optimizer.update(jax.numpy.asarray(grad), state, param)
        param = optax.apply_updates(param, change)
    return np.asarray(param)


def library_of(make):
    return "Keras" if isinstance(make(), K.Optimizer) else "optax"


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: f"{library_of(peer.theirs)} {peer.ours!r}")
def test_twelve_steps_are_theirs_and_differ_where_the_table_says_so(peer):
    np.testing.assert_allclose(our_end(peer.ours), their_end(peer.theirs), rtol=1e-12, atol=1e-12)
    if peer.first_try:
        assert np.abs(our_end(peer.ours) - their_end(peer.first_try)).max() > 1e-4


def test_every_name_has_a_row_or_a_reason():
    rows = {peer.key for peer in PEERS}
    named = {
        (name.library, rule.__name__)
        for rule in (*r.METHODS, *r.WRAPPERS)
        for name in rule.library_names
        if name.library in ("Keras", "optax")
    }
    assert rows | set(BY_READING) == named and not rows & set(BY_READING)
