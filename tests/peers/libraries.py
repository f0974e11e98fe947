"""What other libraries compute: ``make test-peers`` installs them and renews ``records.json`` with this.

A call is Python text in a library's own words, such as ``CosineDecay(0.5, 120, alpha=0.02)``.
"""

import importlib.metadata
import importlib.util
import math
import os
import sys
import types
import warnings

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import keras
import numpy as np
import optax
import paddle
import torch

from tests.peers import records, test_normalization, test_plateau, test_rules, test_schedules

jax.config.update("jax_enable_x64", True)
keras.config.set_floatx("float64")
# Keras's variables do not know the newest way of becoming an array
warnings.filterwarnings("ignore", "__array__ implementation doesn't accept", DeprecationWarning)
warnings.filterwarnings("ignore", "PlateauLRScheduler is deprecated", FutureWarning)


def double(value):
    """Floats in double precision, which jax does not take Python's for."""
    if isinstance(value, tuple):
        return [double(entry) for entry in value]
    return jax.numpy.asarray(value, dtype="float64") if isinstance(value, float) else value


def compiled(schedule):
    """A function from the step to the rate that is compiled once."""
    rate = jax.jit(schedule)
    return lambda step: float(rate(double(float(step))))


def bare_timm():
    """The schedules of timm, without its models: they would need torchvision."""
    bare = types.ModuleType("timm")
    bare.__path__ = list(importlib.util.find_spec("timm").submodule_search_locations)
    sys.modules["timm"] = bare
    return vars(importlib.import_module("timm.scheduler"))


TIMM = bare_timm()


def keras_schedule(cls):
    """A Keras schedule; its precision is that of its first rate."""
    return lambda *args, **options: compiled(cls(*map(double, args), **options))


def timm_schedule(cls):
    """A timm schedule, told the step by hand."""

    def made(lr, **options):
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)
        scheduler = cls(optimizer, **options)
        return lambda step: scheduler.step(step) or optimizer.param_groups[0]["lr"]

    return made


def paddle_schedule(scheduler, last=math.inf, ahead=0):
    """The rates of a Paddle schedule, which goes from step to step, until a last one."""
    rates = []

    def rate(step):
        while len(rates) <= min(step + ahead, last):
            rates.append(scheduler())
            scheduler.step()
        return rates[min(step + ahead, last)]

    return rate


def keras_steps(optimizer):
    """The parameters after all steps of a Keras optimizer."""
    weight = keras.Variable(test_rules.START, dtype="float64")
    optimizer.build([weight])
    for grad in test_rules.GRADS:
        optimizer.apply([jax.numpy.asarray(grad)], [weight])
    return weight.value


def optax_steps(rule):
    """The parameters after all steps of an optax transformation."""
    param = jax.numpy.asarray(test_rules.START)
    state = rule.init(param)
    for grad in test_rules.GRADS:
        change, state = rule.update(jax.numpy.asarray(grad), state, param)
        param = optax.apply_updates(param, change)
    return param


def keras_plateau(metrics, mode="min", **options):
    """The rates of the Keras callback, on an optimizer without a model."""
    callback = keras.callbacks.ReduceLROnPlateau(monitor="loss", mode=mode, **options)
    optimizer = keras.optimizers.SGD(0.5)
    callback.set_model(types.SimpleNamespace(optimizer=optimizer, _compile_metrics=None))
    callback.on_train_begin()
    for epoch, metric in enumerate(metrics):
        callback.on_epoch_end(epoch, {"loss": metric})
        yield float(optimizer.learning_rate.value)


def optax_plateau(metrics, **options):
    """The rates that the factors of optax make."""
    rule = optax.contrib.reduce_on_plateau(**options)
    update, one = jax.jit(rule.update), double((1.0,))[0]
    state = rule.init(one)
    for metric in metrics:
        _, state = update(one, state, value=metric)
        yield 0.5 * float(state.scale)


def timm_plateau(metrics, **options):
    """The rates of timm's wrapper, which is deprecated there."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
    scheduler = TIMM["PlateauLRScheduler"](optimizer, **options)
    for epoch, metric in enumerate(metrics, 1):
        scheduler.step(epoch, metric)
        yield optimizer.param_groups[0]["lr"]


def paddle_plateau(metrics, **options):
    """The rates of Paddle's class."""
    scheduler = paddle.optimizer.lr.ReduceOnPlateau(0.5, **options)
    for metric in metrics:
        scheduler.step(metric)
        yield scheduler()


def keras_batch_norm(**options):
    """The outputs in training and evaluation, and the running statistics."""
    layer = keras.layers.BatchNormalization(axis=1, **options)
    outputs = [layer(x, training=True) for x in test_normalization.BATCHES]
    outputs.append(layer(test_normalization.BATCHES[0], training=False))
    return [*outputs, layer.moving_mean.value, layer.moving_variance.value]


def schedules_of(module, wrap):
    """The classes of a module, wrapped."""
    return {name: wrap(cls) for name, cls in vars(module).items() if isinstance(cls, type)}


NAMES = {
    "Keras": vars(keras.optimizers)
    | schedules_of(keras.optimizers.schedules, keras_schedule)
    | {"plateau": keras_plateau, "batch_norm": keras_batch_norm},
    "optax": vars(optax) | {"plateau": optax_plateau},
    "timm": {name: timm_schedule(cls) for name, cls in TIMM.items() if isinstance(cls, type)}
    | {"plateau": timm_plateau},
    "Paddle": vars(paddle.optimizer.lr) | {"plateau": paddle_plateau, "until": paddle_schedule},
}
PACKAGES = {"Keras": "keras", "optax": "optax", "timm": "timm", "Paddle": "paddlepaddle"}


def computed(library, call):
    """The numbers of a call, in a row."""
    found = eval(call, NAMES[library] | vars(test_plateau))
    if isinstance(found, optax.GradientTransformation):
        found = optax_steps(found)
    elif isinstance(found, keras.optimizers.Optimizer):
        found = keras_steps(found)
    elif isinstance(found, paddle.optimizer.lr.LRScheduler):
        found = paddle_schedule(found)
    elif library == "optax" and callable(found):
        found = compiled(found)
    if callable(found):
        found = [found(step) for step in test_schedules.STEPS]
    return np.concatenate([np.ravel(np.asarray(part)) for part in found])


if __name__ == "__main__":
    calls = {
        call
        for module in (test_schedules, test_plateau, test_rules, test_normalization)
        for call in module.CALLS
    }
    versions = {library: importlib.metadata.version(package) for library, package in PACKAGES.items()}
    records.write(versions, {call: computed(*call) for call in sorted(calls)})
