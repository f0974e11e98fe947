"""Every layer against torch and central differences; and a network of them that learns."""

import math
import re

import numpy as np
import pytest
import sympy
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from helpers.core.gradcheck import numerical_gradient
from helpers.formulas import layers, losses, metrics, rules
from helpers.formulas.layers import convolution, normalization, windows
from helpers.formulas.layers.convolution import correlate
from helpers.formulas.layers.windows import Window, in_cache, pair, places, steps_along
from helpers.training.data import digits
from tests.formulas.layer_table import ROWS, backward, forward

CASES = [(name, *case) for name, row in ROWS.items() for case in row.cases]
each_case = pytest.mark.parametrize(("name", "shapes", "options"), CASES)
each_layer = pytest.mark.parametrize("name", ROWS)


def draw(name, shapes, seed=0, dtype=np.float64):
    """Draw inputs that nobody may change; where the layer has edges, no two numbers are close."""
    rng = np.random.default_rng(seed)
    drawn = [rng.standard_normal(shape).astype(dtype) for shape in shapes]
    if ROWS[name].edges:
        ranks = rng.permutation(drawn[0].size).reshape(shapes[0])
        drawn[0] = (0.1 * (ranks - drawn[0].size / 2 + 0.3)).astype(dtype)
    for array in drawn:
        array.setflags(write=False)
    return drawn


def upstream(y, seed=1):
    dy = np.random.default_rng(seed).standard_normal(y.shape).astype(y.dtype)
    dy.setflags(write=False)
    return dy


def refuses(error, message):
    return pytest.raises(error, match="^" + re.escape(message) + "$")


def close(ours, theirs, rtol=1e-10):
    """Compare to a relative tolerance of the largest number, for sums may cancel."""
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=rtol * abs(theirs).max(initial=0))


def test_every_public_member_has_a_row():
    functions = {function.__name__ for row in ROWS.values() for function in row.pair}
    classes = {"Conv2d", "Dropout", "Layer", "Linear", "Sequential"}
    assert set(layers.__all__) == functions | classes
    assert classes <= set(globals()["TRAINABLE"]) | {"Layer", "Sequential"}


class TestEveryLayer:
    @each_case
    def test_torch_agrees(self, name, shapes, options):
        inputs = draw(name, shapes)
        y, cache = forward(name, inputs, options)
        tensors = [torch.tensor(array, requires_grad=True) for array in inputs]
        expected = ROWS[name].torch(*tensors, **options)
        close(y, expected.detach())
        dy = upstream(y)
        expected.backward(torch.tensor(dy))
        for grad, tensor in zip(backward(name, dy, cache), tensors, strict=True):
            close(grad, tensor.grad)
            assert y.dtype == grad.dtype == np.float64

    @each_case
    def test_central_differences_agree(self, name, shapes, options):
        inputs = draw(name, shapes, seed=2)
        y, cache = forward(name, inputs, options)
        dy = upstream(y)
        for i, grad in enumerate(backward(name, dy, cache)):

            def moved(array, i=i):
                return forward(name, [*inputs[:i], array, *inputs[i + 1 :]], options)[0]

            close(grad, numerical_gradient(moved, inputs[i], dy), rtol=1e-7)

    @each_case
    def test_single_precision_is_double_precision_rounded_and_twice_the_same(self, name, shapes, options):
        single = draw(name, shapes, dtype=np.float32)
        double = [array.astype(np.float64) for array in single]
        (y, cache), (exact, exact_cache) = forward(name, single, options), forward(name, double, options)
        assert y.dtype == np.float32 and np.array_equal(y, forward(name, single, options)[0])
        close(y, exact, rtol=2e-6)
        dy = upstream(y)
        ours, again = backward(name, dy, cache), backward(name, dy, cache)
        theirs = backward(name, dy.astype(np.float64), exact_cache)
        for one, two, exact in zip(ours, again, theirs, strict=True):
            assert one.dtype == np.float32 and np.array_equal(one, two)
            close(one, exact, rtol=1e-5)

    @each_layer
    def test_a_gradient_of_another_shape_is_refused(self, name):
        shapes, options = ROWS[name].cases[0]
        y, cache = forward(name, draw(name, shapes), options)
        if name == "dropout":
            return  # regularizers has its own test
        wrong = np.zeros((*y.shape, 2))
        with refuses(ValueError, f"dy must have shape {y.shape}, got {wrong.shape}"):
            backward(name, wrong, cache)

    @each_layer
    def test_what_is_no_array_of_floats_is_refused(self, name):
        shapes, options = ROWS[name].cases[0]
        first, *rest = draw(name, shapes)
        with pytest.raises(TypeError, match=r"^x must be real floating, got x of dtype int64$"):
            forward(name, [first.astype(np.int64), *rest], options)
        if name != "dropout":
            with refuses(TypeError, "x must be a NumPy array, got x of type Tensor"):
                forward(name, [torch.tensor(first), *rest], options)


@st.composite
def geometries(draw):
    """Images, kernels, strides and paddings of any size, fitting or not."""
    small, positive = st.integers(0, 3), st.integers(1, 4)
    n, c, f = draw(st.integers(0, 3)), draw(positive), draw(positive)
    size = draw(st.tuples(st.integers(1, 9), st.integers(1, 9)))
    kernel, stride = draw(st.tuples(positive, positive)), draw(st.tuples(positive, positive))
    return n, c, f, size, kernel, stride, draw(st.tuples(small, small))


def agrees_with_torch(name, inputs, options, on_torch):
    """Compare output and gradients, or the refusals."""
    tensors = [torch.tensor(array, requires_grad=True) for array in inputs]
    kernel = options.get("kernel", inputs[-2].shape[2:] if name == "conv2d" else None)
    padded = [n + 2 * p for n, p in zip(inputs[0].shape[2:], options["padding"], strict=True)]
    if any(k > n for k, n in zip(kernel, padded, strict=True)):
        with pytest.raises(ValueError, match=r"^kernel must fit into the padded image of size"):
            forward(name, inputs, options)
        return
    y, cache = forward(name, inputs, options)
    expected = on_torch(*tensors)
    close(y, expected.detach())
    dy = upstream(y)
    expected.backward(torch.tensor(dy))
    for grad, tensor in zip(backward(name, dy, cache), tensors, strict=True):
        close(grad, tensor.grad)


class TestSizes:
    @settings(max_examples=150)
    @given(geometries(), st.sampled_from([(1, 1), (1, 10**6), (2000, 300), (2**20, 10**6)]))
    def test_convolution_of_any_size_in_groups_and_blocks_of_any_size(self, geometry, limits):
        n, c, f, size, kernel, stride, padding = geometry
        assume(n > 0 or all(k <= s + 2 * p for k, s, p in zip(kernel, size, padding, strict=True)))
        inputs = draw("conv2d", ((n, c, *size), (f, c, *kernel), (f,)))
        options = {"stride": stride, "padding": padding}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(windows, "CACHE", limits[0])
            patch.setattr(convolution, "SMALL", limits[1])
            agrees_with_torch("conv2d", inputs, options, lambda *t: F.conv2d(*t, stride, padding))

    @pytest.mark.parametrize(
        ("name", "on_torch"), [("max_pool2d", F.max_pool2d), ("avg_pool2d", F.avg_pool2d)]
    )
    @settings(max_examples=100)
    @given(geometry=geometries())
    def test_pooling_of_any_size(self, name, on_torch, geometry):
        n, c, _, size, kernel, stride, padding = geometry
        assume(n > 0)
        padding = tuple(min(p, k // 2) for p, k in zip(padding, kernel, strict=True))
        inputs = [np.round(array) for array in draw("conv2d", ((n, c, *size),))]  # many ties
        options = {"kernel": kernel, "stride": stride, "padding": padding}
        agrees_with_torch(name, inputs, options, lambda x: on_torch(x, kernel, stride, padding))

    @settings(max_examples=60)
    @given(
        shape=st.one_of(
            st.tuples(st.integers(2, 9), st.integers(1, 4)),
            st.tuples(st.integers(2, 4), st.integers(1, 4), st.integers(1, 5), st.integers(1, 5)),
        ),
        offset=st.sampled_from([0.0, 3.0, -1e4]),
        cache=st.sampled_from([1, 500, 2**20]),
    )
    def test_batch_norm_of_any_size_offset_and_group(self, shape, offset, cache):
        x, weight, bias = draw("batch_norm", (shape, shape[1:2], shape[1:2]))
        x = x + offset
        start = np.zeros(shape[1]), np.ones(shape[1])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(windows, "CACHE", cache)
            y, saved, (mean, variance) = layers.batch_norm_forward(x, weight, bias, start)
            dy = upstream(y)
            grads = layers.batch_norm_backward(dy, saved)
        tensors = [torch.tensor(array, requires_grad=True) for array in (x, weight, bias)]
        old = [torch.tensor(array) for array in start]
        expected = F.batch_norm(tensors[0], *old, *tensors[1:], training=True)
        expected.backward(torch.tensor(dy))
        tolerance = 1e-10 if offset > -1e4 else 1e-7  # x itself has four digits fewer there
        ours, theirs = (y, mean, variance, *grads), (expected.detach(), *old, *(t.grad for t in tensors))
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)

    def test_windows_and_their_parts(self):
        window = Window.of((3, 2), 2, (1, 0))
        assert window.steps((5, 5)) == (3, 2)
        padded = window.pad(np.ones((1, 1, 5, 5)), value=7.0)
        assert padded.shape == (1, 1, 7, 5) and padded[0, 0, 0, 0] == 7
        assert np.array_equal(window.inside(padded), np.ones((1, 1, 5, 5)))
        views = list(window.views(padded, (3, 2)))
        assert len(views) == 6 and all(np.shares_memory(v, padded) and v.shape == (1, 1, 3, 2) for v in views)
        assert places(2, 3, 2) == [slice(0, 4, 3), slice(1, 5, 3)]

    def test_steps_along_an_axis_may_be_symbols(self):
        assert [steps_along(size, kernel=3, stride=2, padding=1) for size in (5, 6, 7)] == [3, 3, 4]
        n, k, s, p = sympy.symbols("n k s p", integer=True, positive=True)
        assert steps_along(n, k, s, p).subs({n: 6, k: 3, s: 2, p: 1}) == 3

    def test_a_convolution_of_symbols_is_its_formula(self):
        x = np.array(sympy.symbols("x:9")).reshape(1, 1, 3, 3)
        weight = np.array(sympy.symbols("w:4")).reshape(1, 1, 2, 2)
        found = correlate(x, weight, np.array([sympy.Symbol("b")]), Window.of(2, 1, 0))
        assert found.shape == (1, 1, 2, 2)
        assert str(sympy.expand(found[0, 0, 1, 0])) == "b + w0*x3 + w1*x4 + w2*x6 + w3*x7"
        assert pair("stride", (2, 3), lambda name, value: None) == (2, 3)
        assert [g.stop - g.start for g in in_cache(5, windows.CACHE // 2)] == [2, 2, 1]
        assert list(in_cache(0, 10)) == []


class TestPooling:
    def test_of_equal_pixels_the_first_gets_all(self):
        y, cache = layers.max_pool2d_forward(np.zeros((1, 1, 4, 4)), 2)
        expected = np.zeros((4, 4))
        expected[::2, ::2] = 1.0
        assert np.array_equal(layers.max_pool2d_backward(np.ones_like(y), cache)[0, 0], expected)

    def test_a_nan_is_shown(self):
        x = np.zeros((1, 1, 2, 4))
        x[0, 0, 1, 1] = math.nan
        y, cache = layers.max_pool2d_forward(x, 2)
        np.testing.assert_array_equal(y[0, 0], [[math.nan, 0.0]])
        assert layers.max_pool2d_backward(np.ones_like(y), cache).sum() == 1

    def test_the_border_never_wins_and_counts_in_the_mean(self):
        x = np.full((1, 1, 2, 2), -5.0)
        assert np.all(layers.max_pool2d_forward(x, 2, padding=1)[0] == -5)
        assert np.all(layers.avg_pool2d_forward(x, 2, padding=1)[0] == -1.25)


def test_relu_at_0_has_slope_0_whatever_comes_back_and_shows_a_nan():
    _, cache = layers.relu_forward(np.array([0.0, -0.0, -1.0, 1e-300]))
    dy = np.array([math.inf, 1.0, math.nan, 3.0])
    assert np.array_equal(layers.relu_backward(dy, cache), [0, 0, 0, 3])
    assert np.isnan(layers.relu_forward(np.array([math.nan]))[0])


class TestBatchNorm:
    @pytest.mark.parametrize(
        ("momentum", "unbiased", "variance"),
        [(0.1, True, 0.9 + 0.1 * 38 / 3), (0.01, False, 0.99 + 0.01 * 9.5), (0.1, False, 0.9 + 0.1 * 9.5)],
        ids=["torch", "Keras", "Paddle"],
    )
    def test_the_conventions_of_libraries(self, momentum, unbiased, variance):
        x = np.array([[1.0], [2.0], [4.0], [9.0]])
        start = np.zeros(1), np.ones(1)
        options = {"momentum": momentum, "unbiased": unbiased}
        _, _, running = layers.batch_norm_forward(x, np.ones(1), np.zeros(1), start, **options)
        np.testing.assert_allclose(running, [[momentum * 4.0], [variance]], rtol=1e-14)
        assert start[0] == 0 and start[1] == 1

    def test_the_line_and_the_running_statistics_are_those_of_the_layer(self):
        x, weight, bias = draw("batch_norm", ((6, 2), (2,), (2,)))
        start = np.array([1.0, 2.0]), np.array([4.0, 9.0])
        y, _, running = layers.batch_norm_forward(x, weight, bias, start, momentum=0.3, epsilon=0.1)
        batch = x.mean(0), x.var(0)
        slope, shift = normalization.batch_norm_line(*batch, weight, bias, 0.1)
        close(y, slope * x + shift)
        close(np.array(running), np.array(normalization.batch_norm_running(start, batch, 6, 0.3, True)))

    def test_evaluation_leaves_the_statistics_and_uses_them(self):
        x, weight, bias = draw("batch_norm", ((3, 2), (2,), (2,)))
        start = np.array([1.0, 2.0]), np.array([4.0, 9.0])
        y, _, running = layers.batch_norm_forward(x, weight, bias, start, train=False, epsilon=1e-12)
        assert running is start
        close(y, weight * (x - [1, 2]) / [2, 3] + bias)

    @pytest.mark.parametrize("offset", [0.0, 30.0, 1e4])
    def test_single_precision_where_the_mean_is_large(self, offset):
        rng = np.random.default_rng(0)
        x = (rng.standard_normal((16, 3, 8, 8)) + offset).astype(np.float32)
        ones, zeros, dy = np.ones(3, np.float32), np.zeros(3, np.float32), upstream(x)
        y, cache, (_, variance) = layers.batch_norm_forward(x, ones, zeros, (zeros, ones), momentum=1.0)
        values = x.astype(np.float64)
        expected = layers.batch_norm_forward(
            values,
            *(np.float64(a) for a in (ones, zeros)),
            (zeros.astype(np.float64), ones.astype(np.float64)),
            momentum=1.0,
        )
        np.testing.assert_allclose(y, expected[0], atol=3e-4 if offset > 100 else 2e-5)
        np.testing.assert_allclose(variance, expected[2][1], rtol=1e-4)
        exact = layers.batch_norm_backward(dy.astype(np.float64), expected[1])
        for ours, theirs in zip(layers.batch_norm_backward(dy, cache), exact, strict=True):
            close(ours, theirs, 1e-3 if offset > 100 else 1e-4)

    def test_a_channel_of_one_value_becomes_the_bias(self):
        x = np.full((4, 2, 3, 3), 1e6 / 3)
        y, cache, _ = layers.batch_norm_forward(
            x, np.ones(2), np.array([5.0, -1.0]), (np.zeros(2), np.ones(2))
        )
        np.testing.assert_allclose(y[:, 0], 5.0, atol=1e-6)
        assert np.isfinite(layers.batch_norm_backward(upstream(y), cache)[0]).all()

    @given(st.floats(-5, 5), st.floats(0.1, 5))
    def test_shifting_and_stretching_the_input_changes_nothing(self, shift, factor):
        x = draw("batch_norm", ((4, 2, 3, 3),))[0]
        start, weight, bias = (np.zeros(2), np.ones(2)), np.ones(2), np.zeros(2)
        y, cache, _ = layers.batch_norm_forward(x, weight, bias, start, epsilon=1e-14)
        moved = layers.batch_norm_forward(factor * x + shift, weight, bias, start, epsilon=1e-14)[0]
        np.testing.assert_allclose(moved, y, atol=1e-10)
        dx = layers.batch_norm_backward(upstream(y), cache)[0]
        np.testing.assert_allclose([dx.sum(axis=(0, 2, 3)), (dx * y).sum(axis=(0, 2, 3))], 0, atol=1e-11)


def relu():
    return layers.Layer(layers.relu_forward, layers.relu_backward)


def max_pool():
    return layers.Layer(layers.max_pool2d_forward, layers.max_pool2d_backward, kernel=2)


def flatten():
    return layers.Layer(layers.flatten_forward, layers.flatten_backward)


#: For each class that has parameters or a mode of its own: how it is made, and its twin in torch.
TRAINABLE = {
    "Conv2d": (
        lambda rng, dtype: layers.Conv2d(2, 4, 3, rng, stride=2, padding=1, dtype=dtype),
        lambda: nn.Conv2d(2, 4, 3, stride=2, padding=1),
    ),
    "Linear": (lambda rng, dtype: layers.Linear(16, 3, rng, dtype=dtype), lambda: nn.Linear(16, 3)),
    "Dropout": (lambda rng, dtype: layers.Dropout(0.0, rng), lambda: nn.Dropout(0.0)),
}


def network(dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    conv, linear, dropout = (TRAINABLE[name][0](rng, dtype) for name in TRAINABLE)
    return layers.Sequential([conv, relu(), flatten(), dropout, linear])


def network_in_torch(net):
    conv, linear, dropout = (TRAINABLE[name][1]() for name in TRAINABLE)
    twin = nn.Sequential(conv, nn.ReLU(), nn.Flatten(), dropout, linear).double()
    for param, value in zip(twin.parameters(), params_of(net), strict=True):
        param.data = torch.tensor(value)
    return twin


def params_of(net):
    return [value for layer in net.layers for value in layer.params.values()]


class TestSequential:
    def test_it_trains_as_torch_does_and_evaluates_as_torch_does(self):
        net = network()
        twin = network_in_torch(net)
        optimizer = torch.optim.SGD(twin.parameters(), lr=0.1, momentum=0.9)
        rng = np.random.default_rng(1)
        for _ in range(20):
            x, labels = rng.standard_normal((5, 2, 4, 4)), rng.integers(0, 3, 5)
            logits = net.forward(x)
            value, dlogits = losses.softmax_cross_entropy(logits, labels)
            net.backward(dlogits)
            net.step(rules.Momentum(momentum=0.9), lr=0.1)
            loss = F.cross_entropy(twin(torch.tensor(x)), torch.tensor(labels))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            assert float(value) == pytest.approx(loss.item(), rel=1e-9)
        for ours, theirs in zip(params_of(net), twin.parameters(), strict=True):
            np.testing.assert_allclose(ours, theirs.detach(), rtol=1e-9, atol=1e-12)
        close(net.forward(x, train=False), twin.eval()(torch.tensor(x)).detach(), 1e-9)

    def test_central_differences_through_the_whole(self):
        net = network()
        x = draw("conv2d", ((3, 2, 4, 4),))[0]
        dy = upstream(net.forward(x))
        dx = net.backward(dy)
        close(dx, numerical_gradient(net.forward, x, dy), rtol=1e-6)
        conv = net.layers[0]

        def at(weight):
            conv.params["weight"] = weight
            return net.forward(x)

        close(conv.grads["weight"], numerical_gradient(at, conv.params["weight"], dy), rtol=1e-6)

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_parameters_keep_their_type_and_a_schedule_s_rate_may_be_a_numpy_number(self, dtype):
        net = network(dtype)
        before = [value.copy() for value in params_of(net)]
        y = net.forward(draw("conv2d", ((3, 2, 4, 4),), dtype=dtype)[0])
        net.backward(upstream(y))
        net.step(rules.SGD(), lr=np.float64(0.1))
        for old, new in zip(before, params_of(net), strict=True):
            assert new.dtype == dtype and new.shape == old.shape and not np.array_equal(old, new)

    def test_the_seed_decides_the_weights(self):
        for one, same, other in zip(
            params_of(network()), params_of(network()), params_of(network(seed=1)), strict=True
        ):
            assert np.array_equal(one, same)
            assert np.array_equal(one, other) == (one.ndim == 1)

    def test_dropout_drops_in_training_only_and_its_gradient_follows(self):
        layer = layers.Dropout(0.5, np.random.default_rng(0))
        x = np.ones((4, 50))
        y = layer.forward(x)
        assert set(np.unique(y)) == {0.0, 2.0}
        assert np.array_equal(layer.backward(x), y)
        assert np.array_equal(layer.forward(x, train=False), x)
        assert np.array_equal(layer.backward(3 * x), 3 * x)

    def test_what_comes_too_early_is_refused(self):
        net = network()
        with pytest.raises(RuntimeError, match=r"^forward must be called before backward$"):
            net.backward(np.zeros((1, 3)))
        with pytest.raises(RuntimeError, match=r"^backward must be called before step$"):
            net.step(rules.SGD(), lr=0.1)
        with pytest.raises(ValueError, match=r"^rule must take its gradient at the parameters, got rule="):
            net.step(rules.LookAheadNesterov(), lr=0.1)


def images_of(split):
    return (split.images / np.float32(255)).astype(np.float32), split.labels


def train_on_digits(seed, epochs=8, batch=32):
    """Return the accuracy on the held-out digits."""
    data = digits()
    images, labels = images_of(data.train)
    rng = np.random.default_rng(seed)
    net = layers.Sequential(
        [
            *(layers.Conv2d(1, 16, 3, rng, padding=1), relu(), max_pool()),
            *(layers.Conv2d(16, 32, 3, rng, padding=1), relu(), max_pool()),
            *(flatten(), layers.Linear(128, 10, rng)),
        ]
    )
    for epoch in range(epochs):
        for chosen in np.array_split(rng.permutation(len(images)), len(images) // batch):
            logits = net.forward(images[chosen])
            net.backward(losses.softmax_cross_entropy(logits, labels[chosen])[1])
            net.step(rules.SGD(), lr=0.1 * (1 - epoch / epochs))
    held_out, truth = images_of(data.test)
    return metrics.accuracy(net.forward(held_out, train=False), truth)


def test_a_network_of_these_layers_alone_learns_the_digits():
    assert train_on_digits(seed=0) >= 0.95
