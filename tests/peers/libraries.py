"""The schedules of other libraries as functions from the step to the rate, in double precision."""

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
import optax as _optax
import torch

jax.config.update("jax_enable_x64", True)
keras.config.set_floatx("float64")


def double(value):
    """A number in double precision, for jax."""
    return jax.numpy.asarray(value, dtype="float64")


def compiled(schedule):
    """A function from the step to the rate that is compiled once."""
    rate = jax.jit(schedule)
    return lambda step: float(rate(double(step)))


def keras_schedule(name, lr, *args, **kwargs):
    """A Keras schedule; its precision is that of its first rate."""
    return compiled(getattr(keras.optimizers.schedules, name)(double(lr), *args, **kwargs))


def keras_piecewise(boundaries, values):
    """Keras's piecewise constant, whose values carry the precision."""
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay
    return compiled(schedule(list(boundaries), list(map(double, values))))


def optax(name, *args, **kwargs):
    """An optax schedule; it computes in the precision of the step."""
    return compiled(getattr(_optax, name)(*args, **kwargs))


def optax_pieces(pieces, boundaries):
    """Schedules of optax in a row: each a name and its arguments."""
    return optax("join_schedules", [getattr(_optax, name)(*args) for name, *args in pieces], boundaries)


def _timm():
    """The schedules of timm, without its models: they would need torchvision."""
    if "timm" not in sys.modules:
        bare = types.ModuleType("timm")
        bare.__path__ = list(importlib.util.find_spec("timm").submodule_search_locations)
        sys.modules["timm"] = bare
    return importlib.import_module("timm.scheduler")


def timm(name, lr, **kwargs):
    """A timm schedule, told the step by hand."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)
    scheduler = getattr(_timm(), name)(optimizer, **kwargs)

    def rate(step):
        scheduler.step(step)
        return optimizer.param_groups[0]["lr"]

    return rate


def recursion(first, following):
    """The rates of a schedule that is defined from one step to the next."""
    found = [first]

    def rate(step):
        while len(found) <= step:
            found.append(following(found[-1], len(found)))
        return found[step]

    return rate


class Paddle:
    """The schedules as Paddle 3.3 documents them; the library itself is 200 MB to download.

    They were compared once with the library: they are its rates to 2e-14.
    """

    @staticmethod
    def exponential(lr, gamma):
        """``new = last * gamma``."""
        return recursion(lr, lambda last, t: last * gamma)

    @staticmethod
    def cosine(lr, t_max, eta_min=0.0):
        """The recursion of two cases: a ratio of cosines, and a step of its own where that would be 0/0."""

        def following(last, t):
            if (t - 1 - t_max) % (2 * t_max) == 0:
                return last + (lr - eta_min) * (1 - math.cos(math.pi / t_max)) / 2
            ratio = (1 + math.cos(math.pi * t / t_max)) / (1 + math.cos(math.pi * (t - 1) / t_max))
            return ratio * (last - eta_min) + eta_min

        return recursion(lr, following)

    @staticmethod
    def restarts(lr, t_0, t_mult, eta_min):
        """SGDR with counters."""

        def rate(step):
            since, length = step, t_0
            while since >= length:
                since, length = since - length, length * t_mult
            return eta_min + (lr - eta_min) * (1 + math.cos(math.pi * since / length)) / 2

        return rate

    @staticmethod
    def polynomial(lr, decay_steps, end_lr=1e-4, power=1.0, cycle=False):
        """``cycle`` stretches the length to a multiple; without it time stops at the end."""

        def rate(step):
            length = decay_steps * (math.ceil(step / decay_steps) or 1) if cycle else decay_steps
            return (lr - end_lr) * (1 - min(step, length) / length) ** power + end_lr

        return rate

    @staticmethod
    def noam(d_model, warmup_steps, lr=1.0):
        """Step 0 has the rate 0."""
        return lambda t: lr * d_model**-0.5 * min(t**-0.5 if t else 1, t * warmup_steps**-1.5)

    @staticmethod
    def cyclic(lr, max_lr, up, down, scale=lambda cycle, t: 1.0):
        """The triangle of Smith; ``scale`` is a function of the cycle, counted from 1, and the step."""

        def rate(t):
            total = up + down
            cycle = math.floor(1 + t / total)
            x = 1 + t / total - cycle
            height = x / (up / total) if x <= up / total else (x - 1) / (up / total - 1)
            return lr + (max_lr - lr) * height * scale(cycle, t)

        return rate

    @staticmethod
    def one_cycle(max_lr, total_steps, divide_factor, end_lr, phase_pct, anneal):
        """Rises to ``phase_pct * total_steps - 1``, falls to ``total_steps - 1``."""

        def between(a, b, part):
            return b + (a - b) / 2 * (1 + math.cos(math.pi * part)) if anneal == "cos" else (b - a) * part + a

        def rate(t):
            up = phase_pct * total_steps - 1
            if t <= up:
                return between(max_lr / divide_factor, max_lr, t / up)
            return between(max_lr, end_lr, (t - up) / (total_steps - 1 - up))

        return rate

    @staticmethod
    def warmup(inner, warmup_steps, start_lr, end_lr):
        """The inner schedule's clock starts behind the warmup."""
        return lambda t: (
            start_lr + (end_lr - start_lr) * t / warmup_steps if t < warmup_steps else inner(t - warmup_steps)
        )


def paddle_plateau(lr, metrics, factor, patience, threshold, cooldown):
    """Paddle's reduce on plateau for a relative threshold and a metric that should fall."""
    best, bad, cooling, rates = None, 0, 0, [lr]
    for metric in metrics:
        if cooling:
            cooling -= 1
        elif best is None or metric < best - best * threshold:
            best, bad = metric, 0
        else:
            bad += 1
        if bad > patience:
            cooling, bad = cooldown, 0
            lr = lr * factor if lr - lr * factor > 1e-8 else lr
        rates.append(lr)
    return rates


def keras_plateau(lr, metrics, mode="min", **kwargs):
    """The rates of the Keras callback, on an optimizer without a model."""
    callback = keras.callbacks.ReduceLROnPlateau(monitor="loss", mode=mode, **kwargs)
    optimizer = keras.optimizers.SGD(lr)
    callback.set_model(types.SimpleNamespace(optimizer=optimizer, _compile_metrics=None))
    callback.on_train_begin()
    rates = [lr]
    with warnings.catch_warnings():
        # Keras's variables do not know the newest way of becoming an array
        warnings.filterwarnings("ignore", "__array__ implementation doesn't accept", DeprecationWarning)
        for epoch, metric in enumerate(metrics):
            callback.on_epoch_end(epoch, {"loss": metric})
            rates.append(float(optimizer.learning_rate.value))
    return rates


def optax_plateau(metrics, **kwargs):
    """The factors on the rate that optax has after each metric."""
    rule = _optax.contrib.reduce_on_plateau(**kwargs)
    update = jax.jit(rule.update)
    state, found = rule.init(double([1.0])), [1.0]
    for metric in metrics:
        _, state = update(double([1.0]), state, value=metric)
        found.append(float(state.scale))
    return found


def timm_plateau(lr, metrics, **kwargs):
    """The rates of timm's wrapper, which is deprecated there."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "PlateauLRScheduler is deprecated", FutureWarning)
        scheduler = _timm().PlateauLRScheduler(optimizer, **kwargs)
    rates = [lr]
    for epoch, metric in enumerate(metrics, 1):
        scheduler.step(epoch, metric)
        rates.append(optimizer.param_groups[0]["lr"])
    return rates
