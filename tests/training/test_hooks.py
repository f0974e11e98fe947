"""Hooks do what they say to a real training."""

import math

import pytest
import torch
from torch.nn import functional as F

from helpers.formulas.schedules import Constant, ReduceOnPlateau
from helpers.training import Diverged, evaluate, fit, models
from helpers.training.hooks import EarlyStopping, Plateau, StopOnDivergence

BLANK = torch.zeros(40, 1, 8, 8), torch.zeros(40, dtype=torch.int64)


@pytest.fixture
def few(digits):
    """Sixty images with a third of the labels wrong, which a network overfits within some epochs; and 300."""
    images, labels = digits
    wrong = labels[:60].clone()
    wrong[::3] = (wrong[::3] + 1) % 10
    return (images[:60], wrong), (images[-300:], labels[-300:])


def trained(train, val, hooks, *, schedule=None, epochs=60, lr=0.1, **changes):
    model = models.small_cnn(seed=1)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0, momentum=0.9)
    settings = dict(loss=F.cross_entropy, schedule=schedule or Constant(lr), batch_size=20) | changes
    return model, fit(model, train, val, optimizer=optimizer, epochs=epochs, hooks=hooks, **settings)


def test_early_stopping_stops_and_returns_to_the_best_look(few):
    stopping = EarlyStopping(patience=5)
    model, history = trained(*few, [stopping])
    best = min(history.val_losses)
    place = history.val_losses.index(best)
    assert len(history.val_losses) == place + 7 < 60  # 5 bad looks are borne, the 6th stops
    assert (stopping.best, stopping.best_step) == (best, history.val_steps[place])
    assert evaluate(model, few[1], F.cross_entropy)[0] == pytest.approx(best, rel=1e-6)
    assert history.val_losses[-1] > best * 1.02
    unstopped, _ = trained(*few, [EarlyStopping(patience=100)], epochs=place + 3)
    assert evaluate(unstopped, few[1], F.cross_entropy)[0] == pytest.approx(best, rel=1e-6)


def test_early_stopping_can_leave_the_weights_and_watch_the_accuracy(few):
    stopping = EarlyStopping(patience=3, metric="accuracy", min_delta=0.5, restore_best=False)
    model, history = trained(*few, [stopping])
    assert len(history.val_steps) == 5  # no look beats the first by 0.5 within the next four
    assert stopping.best == history.val_accuracies[0]
    assert evaluate(model, few[1], F.cross_entropy)[0] == pytest.approx(history.val_losses[-1], rel=1e-6)


def test_a_validation_that_is_not_a_number_is_a_bad_look(few):
    class Look:
        ends_epoch, model, validates = True, torch.nn.Linear(1, 1), True

        def __init__(self, loss):
            self.validation, self.step, self.stopped = {"loss": loss}, 1, False

        def stop(self):
            self.stopped = True

    stopping, stops = EarlyStopping(patience=1), []
    for loss in (math.nan, 2.0, math.nan, 1.0, math.nan, math.nan):
        look = Look(loss)
        stopping(look)
        stops.append(look.stopped)
    assert stopping.best == 1.0
    assert stops == [False] * 5 + [True]


def test_a_hook_starts_afresh_with_each_training_and_its_twin_knows_what_it_remembers(few):
    stopping, twin = EarlyStopping(patience=2), EarlyStopping(patience=2)
    first = trained(*few, [stopping])[1].val_losses
    assert trained(*few, [stopping])[1].val_losses == first
    twin.load_state_dict(stopping.state_dict())
    assert repr(twin.state_dict()) == repr(stopping.state_dict())


def test_a_plateau_lowers_the_rate_when_the_validation_stalls(few):
    rule = ReduceOnPlateau(lr=0.1, factor=0.5, patience=2, threshold=0.0)
    plateau = Plateau(rule)
    _, history = trained(*few, [plateau], schedule=plateau.rate, epochs=30)
    state, wanted = rule.init(), []
    for loss in history.val_losses:
        wanted += [state["lr"]] * 3  # updates an epoch
        state = rule.observe(state, loss)
    assert history.rates == wanted
    assert history.rates[-1] <= 0.05
    twin = Plateau(rule)
    twin.load_state_dict(plateau.state_dict())
    assert plateau.state == twin.state == state


def test_a_divergence_is_stopped_within_the_epoch(few):
    train = tuple(torch.cat([part] * 20) for part in few[0])  # 60 updates an epoch
    with pytest.raises(Diverged, match=r"^loss must stay finite, got loss=(nan|inf) at step") as e:
        trained(train, few[1], [StopOnDivergence(every=5)], lr=1e20, epochs=2)
    assert len(e.value.history.losses) == 5
    words = r"^loss must stay below 100\.0, got a mean of [\d.e+]+ at step \d+, lr=10\.0$"
    with pytest.raises(Diverged, match=words) as e:
        trained(train, few[1], [StopOnDivergence(every=5, limit=100.0)], lr=10.0, epochs=2)
    assert len(e.value.history.losses) < 60
    trained(train, few[1], [StopOnDivergence(every=5, limit=100.0)], epochs=1)
