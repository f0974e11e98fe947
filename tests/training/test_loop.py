"""The loop is the loop one would write by hand, and says what it does."""

import inspect
import json
import math
import re

import numpy as np
import pytest
import torch
from matplotlib import pyplot
from torch import nn
from torch.nn import functional as F

from helpers.formulas import schedules
from helpers.training import Diverged, History, count_steps, evaluate, fit, models, progress, runtime
from helpers.training.hooks import Augment, ClipGradient, RecordNorms
from helpers.training.loop import evaluating, set_rate
from helpers.training.run import Run

COSINE = schedules.CosineDecay(peak_lr=0.2, total_steps=40)
BLANK = torch.zeros(3, 1, 8, 8), torch.zeros(3, dtype=torch.int64)


@pytest.fixture
def train(digits):
    images, labels = digits
    return images[:300], labels[:300]


@pytest.fixture
def val(digits):
    images, labels = digits
    return images[-200:], labels[-200:]


def trained(train, val=None, *, model=None, optimizer=None, **changes):
    """A model after a short training, and its history."""
    model = models.small_cnn(channels=(4, 8), seed=1) if model is None else model
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0, momentum=0.9) if optimizer is None else optimizer
    settings = dict(loss=F.cross_entropy, schedule=COSINE, epochs=4, batch_size=32, seed=7) | changes
    return model, fit(model, train, val, optimizer=optimizer, **settings)


def numbers(model):
    return torch.cat([tensor.detach().double().reshape(-1) for tensor in model.state_dict().values()])


def unmoved(train=BLANK, **changes):
    """Train, and see that a training that is refused has moved nothing."""
    model = models.small_cnn(channels=(4, 8), seed=1)
    before = numbers(model)
    try:
        trained(train, model=model, **changes)
    finally:
        assert torch.equal(numbers(model), before)


# --- the loop itself -------------------------------------------------------------------------------


@pytest.mark.parametrize("clip", [None, 0.3])
def test_it_is_the_loop_one_would_write_by_hand_bit_for_bit(train, val, clip):
    model, history = trained(train, val, hooks=[] if clip is None else [ClipGradient(clip)])

    images, labels = train
    bare = models.small_cnn(channels=(4, 8), seed=1)
    optimizer = torch.optim.SGD(bare.parameters(), lr=1.0, momentum=0.9)
    generator, losses, val_losses, step = torch.Generator().manual_seed(7), [], [], 0
    for _ in range(4):
        for batch in torch.randperm(300, generator=generator).split(32):
            optimizer.param_groups[0]["lr"] = COSINE(step)
            loss = F.cross_entropy(bare(images[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            if clip is not None:
                nn.utils.clip_grad_norm_(bare.parameters(), clip)
            optimizer.step()
            losses.append(loss.item())
            step += 1
        with torch.no_grad():
            val_losses.append(F.cross_entropy(bare(val[0]), val[1]).item())
    assert torch.equal(numbers(model), numbers(bare))
    assert history.losses == losses
    assert history.val_losses == pytest.approx(val_losses, rel=1e-6)


def test_it_learns_real_digits(digits):
    images, labels = digits
    train, val = (images[:1000], labels[:1000]), (images[1000:], labels[1000:])
    steps = count_steps(train, epochs=10, batch_size=32)
    schedule = schedules.CosineDecay(peak_lr=0.1, total_steps=steps)
    _, history = trained(train, val, model=models.small_cnn(), schedule=schedule, epochs=10)
    assert history.val_accuracies[-1] > 0.95
    assert history.losses[0] == pytest.approx(np.log(10), abs=0.3)
    assert np.mean(history.losses[-30:]) < 0.1


def test_dropout_follows_the_seed_and_the_global_random_numbers_stay(train):
    def run():
        with runtime.randomness(0):
            model = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(64, 10))
        return trained(train, model=model)[1].losses

    torch.manual_seed(1)
    wanted = torch.rand(1)
    torch.manual_seed(1)
    first = run()
    assert torch.equal(torch.rand(1), wanted)
    assert run() == first


def test_a_generator_goes_on_where_it_stands(train):
    generator = torch.Generator().manual_seed(7)
    first, _ = trained(train, seed=generator)
    assert torch.equal(numbers(first), numbers(trained(train, seed=7)[0]))
    second, _ = trained(train, seed=generator)
    assert not torch.equal(numbers(first), numbers(second))


def test_the_data_are_untouched_and_validation_changes_nothing_in_the_training(train, val):
    before = [tensor.clone() for tensor in (*train, *val)]
    with_norm = [models.small_cnn(channels=(4, 8), norm=True, seed=1) for _ in range(2)]
    trained(train, val, model=with_norm[0])
    trained(train, model=with_norm[1])
    assert torch.equal(numbers(with_norm[0]), numbers(with_norm[1]))
    assert all(map(torch.equal, (*train, *val), before))


def test_it_takes_ten_arguments_and_no_test_set():
    names = "model train val loss optimizer schedule epochs batch_size seed hooks"
    assert list(inspect.signature(fit).parameters) == names.split()


# --- rates, groups, hooks ----------------------------------------------------------------------------


def test_the_rate_is_set_before_the_update_for_every_group_by_its_scale(train):
    model = models.small_cnn(channels=(4, 8), seed=1)
    groups = [
        {"params": list(model[:3].parameters())},
        {"params": list(model[3:].parameters()), "lr_scale": 0.1},
    ]
    optimizer, seen = torch.optim.SGD(groups, lr=1.0), []
    hooks = [lambda run: seen.append([g["lr"] for g in groups])]
    _, history = trained(train, model=model, optimizer=optimizer, hooks=hooks)
    assert history.rates == COSINE.rates(40).tolist()
    assert seen == [[rate, rate * 0.1] for rate in history.rates]
    assert list(history.steps) == list(range(40))


def test_hooks_come_after_each_update_in_their_order_and_see_the_run(train, val):
    calls = []

    def first(run):
        assert isinstance(run, Run) and run.history.rates[-1] == run.lr
        assert len(run.history.val_steps) == run.epoch
        calls.append(("first", run.step, run.ends_epoch, round(run.loss, 4)))

    _, history = trained(
        train, val, epochs=2, hooks=iter([first, lambda run: calls.append(("second", run.step))])
    )
    assert [name for name, *_ in calls] == ["first", "second"] * 20
    firsts = calls[::2]
    assert [step for _, step, _, _ in firsts] == list(range(1, 21))
    assert [step for _, step, ends, _ in firsts if ends] == [10, 20] == history.val_steps
    assert [loss for *_, loss in firsts] == [round(loss, 4) for loss in history.losses]


def test_a_hook_may_stop_the_training_anywhere(train, val):
    _, history = trained(train, val, hooks=[lambda run: run.step == 14 and run.stop()])
    _, whole = trained(train, val)
    assert history.losses == whole.losses[:14]
    assert history.val_losses == whole.val_losses[:1]
    assert len(history.seconds) == 1


def test_micro_batches_make_the_same_update(train, val):
    whole, history = trained(train, val)
    model, sizes = models.small_cnn(channels=(4, 8), seed=1), []
    model.register_forward_pre_hook(lambda module, args: sizes.append(len(args[0])))
    with runtime.Runtime("cpu", micro_batch_size=5):
        _, again = trained(train, model=model)
    assert sizes == ([5, 5, 5, 5, 5, 5, 2] * 9 + [5, 5, 2]) * 4
    torch.testing.assert_close(numbers(model), numbers(whole), rtol=1e-5, atol=1e-6)
    assert again.losses == pytest.approx(history.losses, rel=1e-5)


def test_augmentation_acts_on_training_batches_alone(train, val):
    seen = []

    def blank(images, labels, generator):
        seen.append(torch.rand(1, generator=generator).item())
        return torch.zeros_like(images), labels

    model, history = trained(train, val, hooks=[Augment(blank)])
    with torch.no_grad():
        assert model(val[0]).std(0).max() > 0.01  # validation images are not blank
    assert history.losses != trained(train, val)[1].losses
    assert len(set(seen)) == 40
    first, seen[:] = list(seen), []
    trained(train, val, hooks=[Augment(blank)])
    assert seen == first


def test_norms_are_recorded_on_request_and_where_a_clip_measures_them(train):
    _, plain = trained(train)
    _, clipped = trained(train, hooks=[ClipGradient(0.3), RecordNorms()])
    _, measured = trained(train, hooks=[RecordNorms()])
    assert plain.norms == []
    assert measured.losses == plain.losses
    assert len(measured.norms) == len(clipped.norms) == 40
    assert measured.norms[0] == clipped.norms[0] > 0.3  # before the clipping

    def norm(run):
        wanted.append(torch.cat([p.grad.reshape(-1) for p in run.model.parameters()]).norm().item())

    wanted = []
    assert trained(train, hooks=[norm, RecordNorms()])[1].norms == pytest.approx(wanted, rel=1e-5)


def test_a_hook_has_five_moments(train):
    class Witness:
        def __init__(self):
            self.calls = []

        def start(self, run):
            self.calls.append(("start", run.step, math.isnan(run.lr)))

        def batch(self, images, labels):
            self.calls.append(("batch", len(images)))
            return -images, labels

        def gradients(self, run):
            self.calls.append(("gradients", run.step, run.lr, run.loss))

        def __call__(self, run):
            self.calls.append(("update", run.step))
            if run.step == 2:
                run.stop()

        def finish(self, run):
            self.calls.append(("finish", run.step, len(run.history.losses)))

    _, history = trained(train, hooks=[witness := Witness()])
    within = [("gradients", i, history.rates[i], history.losses[i]) for i in range(2)]
    first, second = [("batch", 32), within[0], ("update", 1)], [("batch", 32), within[1], ("update", 2)]
    assert witness.calls == [("start", 0, True), *first, *second, ("finish", 2, 2)]
    assert history.losses == trained((-train[0], train[1]))[1].losses[:2]


# --- modes and validation ----------------------------------------------------------------------------


def test_every_part_gets_its_own_mode_back(val):
    model = models.small_cnn(norm=True)
    model[1].eval()
    modes = [module.training for module in model.modules()]
    evaluate(model, val, F.cross_entropy)
    assert [module.training for module in model.modules()] == modes
    with pytest.raises(ZeroDivisionError), evaluating(model):
        assert not any(module.training for module in model.modules())
        _ = 1 / 0
    assert [module.training for module in model.modules()] == modes


def test_a_frozen_part_stays_frozen_and_a_model_in_evaluation_mode_trains(train, val):
    model = models.small_cnn(channels=(4, 8), norm=True, seed=1)
    model[1].eval()
    before = model[1].running_mean.clone()
    trained(train, val, model=model)
    assert torch.equal(model[1].running_mean, before)
    assert not model[1].training
    model.eval()
    trained(train, val, model=model)
    assert all(module.training for module in model.modules())
    assert not torch.equal(model[1].running_mean, before)


@pytest.mark.parametrize("batch_size", [1, 7, 1024])
def test_evaluation_counts_batches_by_their_size_without_gradients_or_new_statistics(val, batch_size):
    def loss(logits, labels):
        assert not logits.requires_grad
        return F.cross_entropy(logits, labels)

    model = models.small_cnn(norm=True)
    before = numbers(model)
    found, accuracy = evaluate(model, val, loss, batch_size=batch_size)
    assert torch.equal(numbers(model), before)
    with evaluating(model):
        logits = model(val[0])
    assert found == pytest.approx(F.cross_entropy(logits, val[1]).item(), rel=1e-5)
    assert accuracy == (logits.argmax(1) == val[1]).double().mean().item()


def test_real_valued_labels_have_a_loss_and_no_accuracy(digits):
    images, labels = digits
    model = models.small_cnn(n_classes=1)
    targets = labels[:50, None].float()
    loss, accuracy = evaluate(model, (images[:50], targets), F.mse_loss, batch_size=16)
    assert loss == pytest.approx(F.mse_loss(model(images[:50]), targets).item(), rel=1e-5)
    assert np.isnan(accuracy)


def test_the_number_of_steps_is_the_trainings(train):
    assert count_steps(train, epochs=4, batch_size=32) == 40 == len(trained(train)[1].losses)
    assert count_steps(train, epochs=1, batch_size=300) == count_steps(train, epochs=1, batch_size=999) == 1


def test_set_rate_returns_the_rate_before_any_scale():
    optimizer = torch.optim.SGD([{"params": [nn.Parameter(torch.zeros(1))], "lr_scale": 3.0}], lr=1.0)
    assert set_rate(optimizer, 0.5) == 0.5
    assert optimizer.param_groups[0]["lr"] == 1.5
    assert type(set_rate(optimizer, np.float64(0.5))) is type(optimizer.param_groups[0]["lr"]) is float


# --- what goes wrong ---------------------------------------------------------------------------------


def test_a_loss_that_is_not_finite_stops_with_its_first_step_and_rate(train):
    schedule = schedules.PiecewiseConstant(boundaries=(13,), values=(0.01, 1e20))
    words = r"^loss must stay finite, got loss=(nan|inf) at step 1[45], lr=1e\+20$"
    with pytest.raises(Diverged, match=words) as e:
        trained(train, schedule=schedule)
    history, step = e.value.history, e.value.step
    assert e.value.lr == 1e20
    assert np.isfinite(history.losses[:step]).all()
    assert not np.isfinite(history.losses[step])
    assert len(history.losses) == 20


def test_a_loss_that_is_not_finite_is_noticed_when_a_hook_stops_before_the_epoch_ends(train):
    with pytest.raises(Diverged, match=re.escape("got loss=nan at step 0, lr=0.2")):
        trained((train[0] * np.nan, train[1]), hooks=[lambda run: run.step == 3 and run.stop()])


def test_a_gradient_that_is_not_finite_stops_with_its_step_though_the_loss_is_finite(train):
    def loss(logits, labels):
        calls.append(0)
        if len(calls) == 24 and logits.requires_grad:
            logits.register_hook(lambda grad: grad * math.inf)
        return F.cross_entropy(logits, labels)

    calls = []
    words = r"^gradient must stay finite, got norm=(nan|inf) at step 23, lr=0\.\d+$"
    with pytest.raises(Diverged, match=words):
        trained(train, loss=loss, hooks=[RecordNorms()])
    calls = []
    with pytest.raises(Diverged, match=r"^loss must stay finite, got loss=nan at step 24"):
        trained(train, loss=loss)


def test_weights_that_are_not_finite_after_the_last_update_are_noticed(train):
    words = r"^weights must stay finite, got NaN or infinity in \S+ after the update at step 39"
    with pytest.raises(Diverged, match=words):
        trained(train, schedule=lambda step: math.inf if step == 39 else 0.1)


def test_fewer_images_than_processes_are_refused_before_the_processes_meet(val, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "3")
    few = (val[0][:2], val[1][:2])
    with pytest.raises(ValueError, match="data must have an image for each of 3 processes, got data=2"):
        evaluate(models.small_cnn(), few, F.cross_entropy)


# --- the record --------------------------------------------------------------------------------------


def test_a_history_survives_json(train, val):
    _, history = trained(train, val)
    assert History.from_dict(json.loads(json.dumps(history.to_dict()))) == history
    assert all(type(value) in (float, int) for values in history.to_dict().values() for value in values)
    assert repr(history).startswith("History(40 steps, 4 epochs, loss ")
    assert history.seconds == sorted(history.seconds)
    assert len(history.seconds) == 4


def test_a_history_draws_what_it_holds(train, val):
    def drawn(history):
        figure = history.plot()
        panels = {axes.get_ylabel(): axes.lines for axes in figure.axes}
        assert figure.axes[-1].get_xlabel() == "step"
        pyplot.close(figure)
        return panels

    _, history = trained(train, val)
    panels = drawn(history)
    assert list(panels) == ["loss", "accuracy", "learning rate"]
    assert [line.get_ydata().tolist() for line in panels["loss"]] == [history.losses, history.val_losses]
    assert panels["accuracy"][0].get_xdata().tolist() == history.val_steps
    assert panels["learning rate"][0].get_ydata().tolist() == history.rates
    assert list(drawn(trained(train)[1])) == ["loss", "learning rate"]


def test_a_bar_is_shown_where_somebody_watches_and_captured_output_stays_empty(train, capfd, monkeypatch):
    trained(train)
    assert capfd.readouterr() == ("", "")
    monkeypatch.setattr(progress, "someone_watches", lambda: True)
    trained(train)
    assert "/40" in capfd.readouterr().err
