"""Averages of weights agree with torch's, in real trainings; averages of predictions keep their promises."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel

from helpers.formulas.schedules import Constant
from helpers.training import fit, models
from helpers.training.averaging import EMA, SWA, Ensemble, Flipped, Snapshots, flip_tta
from helpers.training.checkpoints import Checkpoints
from helpers.training.hooks import EarlyStopping

BLANK = torch.zeros(400, 1, 8, 8), torch.zeros(400, dtype=torch.int64)


@pytest.fixture(scope="module")
def train(digits):
    return digits[0][:400], digits[1][:400]


@pytest.fixture(scope="module")
def val(digits):
    return digits[0][-400:], digits[1][-400:]


def trained(train, hooks, *, seed=0, epochs=3, lr=0.05, norm=False, schedule=None, **changes):
    model = models.small_cnn(seed=seed, norm=norm)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0, momentum=0.9)
    settings = dict(loss=F.cross_entropy, batch_size=40, schedule=schedule or Constant(lr)) | changes
    fit(model, train, optimizer=optimizer, epochs=epochs, seed=seed, hooks=hooks, **settings)
    return model  # after ten updates an epoch


class Oracle:
    """Torch's own mean, fed by the same training."""

    def __init__(self, due):
        self.due = due

    def start(self, run):
        self.average = AveragedModel(run.model)

    def __call__(self, run):
        if self.due(run.step):
            self.average.update_parameters(run.model)


class Path:
    """The weights after every update."""

    def start(self, run):
        self.weights = []

    def __call__(self, run):
        self.weights.append(copy.deepcopy(run.model.state_dict()))


def assert_alike(model, other, **tolerance):
    state, wanted = model.state_dict(), other if isinstance(other, dict) else other.state_dict()
    assert list(state) == list(wanted)
    for name in state:
        torch.testing.assert_close(state[name], wanted[name], **tolerance)


# Averages of weights


def test_ema_without_bias_is_the_weighted_mean_of_what_it_took(train):
    ema, path = EMA(0.8), Path()
    trained(train, [ema, path], epochs=1)
    shares = torch.tensor([0.8 ** (9 - i) for i in range(10)], dtype=torch.float64)
    for name, mine in ema.model.state_dict().items():
        stack = torch.stack([weights[name].double() for weights in path.weights])
        wanted = (shares / shares.sum()) @ stack.flatten(1)
        torch.testing.assert_close(mine.double().flatten(), wanted, rtol=1e-5, atol=1e-6)


def test_swa_is_torchs_and_the_limit_of_ema(train):
    swa, oracle = SWA(start_step=12, every=5), Oracle(lambda t: t >= 12 and (t - 12) % 5 == 0)
    whole, slow = SWA(start_step=1), EMA(1 - 1e-9)
    trained(train, [swa, oracle, whole, slow], norm=True)
    assert swa.count == 4  # 12, 17, 22, 27
    assert_alike(swa.model, oracle.average.module, rtol=1e-5, atol=1e-7)
    assert_alike(slow.model, whole.model, rtol=1e-4, atol=1e-6)


def test_a_copy_has_the_latest_buffers_and_is_there_to_be_asked_and_does_not_move_with_the_model(train):
    ema, swa = EMA(0.99), SWA(start_step=1)
    model = trained(train, [ema, swa], norm=True)
    for average in (ema.model, swa.model):
        assert all(map(torch.equal, average.buffers(), model.buffers()))
    assert model.training
    assert not any(module.training for module in ema.model.modules())
    assert not any(param.requires_grad for param in ema.model.parameters())
    before = copy.deepcopy(ema.model.state_dict())
    with torch.no_grad():
        model[0].weight.zero_()
    assert_alike(ema.model, before, rtol=0, atol=0)


def test_a_training_stopped_before_anything_was_taken_leaves_its_last_weights(train, val):
    swa = SWA(start_step=30)
    stopping = EarlyStopping(patience=0, min_delta=100.0, restore_best=False)
    model = trained(train, [swa, stopping], val=val)
    assert swa.count == 1
    assert_alike(swa.model, model, rtol=0, atol=0)


def test_a_killed_training_goes_on_to_the_same_averages_whatever_was_before(train, tmp_path):
    def run(folder, hooks, dies_at=None):
        def schedule(step):
            if step == dies_at:
                raise KeyboardInterrupt
            return 0.05

        trained(train, [*hooks, Checkpoints(folder, every=4)], schedule=schedule, norm=True)
        ema, swa, snapshots = hooks
        return [(ema.count, swa.count), ema.model, swa.model, *snapshots.models]

    def fresh():
        return [EMA(0.9, every=3), SWA(start_step=5, every=2), Snapshots([6, 14])]

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "killed", fresh(), dies_at=11)
    counts, *resumed = run(tmp_path / "killed", fresh())
    trained(train, used := fresh(), seed=1, norm=True)
    wanted, *whole = run(tmp_path / "whole", used)
    assert counts == wanted == (10, 13)
    assert len(resumed) == len(whole) == 4
    for model, other in zip(resumed, whole, strict=True):
        assert_alike(model, other, rtol=0, atol=0)


# Snapshots, ensembles, mirrors


def test_snapshots_are_the_models_after_their_steps(train):
    steps = range(10, 31, 10)
    snapshots, path = Snapshots(steps), Path()
    trained(train, [snapshots, path], norm=True)
    for step, model in zip(steps, snapshots.models, strict=True):
        assert_alike(model, path.weights[step - 1], rtol=0, atol=0)


def test_an_ensemble_gives_the_logarithm_of_the_mean_probability(val):
    members = [models.small_cnn(seed=seed) for seed in range(3)]
    with torch.no_grad():
        logs = Ensemble(members)(val[0])
        wanted = torch.stack([member(val[0]).softmax(1) for member in members]).mean(0)
    torch.testing.assert_close(logs.exp(), wanted, rtol=1e-5, atol=1e-7)


def test_an_ensemble_is_stable_where_probabilities_vanish():
    class Sure(nn.Module):
        def forward(self, images):
            return torch.tensor([[0.0, 1e4]])

    logs = Ensemble([Sure(), Sure()])(torch.zeros(1, 1, 1, 1))
    assert logs.tolist() == [[-1e4, 0.0]]


def test_a_mirror_is_a_mirror_and_both_together_do_not_care(val):
    model = models.small_cnn()
    images = val[0][:50]
    with torch.no_grad():
        assert torch.equal(Flipped(model)(images), model(images.flip(3)))
        both = flip_tta(model)
        torch.testing.assert_close(both(images), both(images.flip(3)), rtol=1e-5, atol=1e-6)
        wanted = (model(images).softmax(1) + model(images.flip(3)).softmax(1)) / 2
        torch.testing.assert_close(both(images).exp(), wanted, rtol=1e-5, atol=1e-7)
    assert len([*both.parameters()]) == len([*model.parameters()])
