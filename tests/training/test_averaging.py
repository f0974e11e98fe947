"""Averages of weights agree with torch's, in real trainings; averages of predictions keep their promises."""

import copy
import re

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel, update_bn

from helpers.formulas.schedules import Constant, CosineDecay, CosineRestarts
from helpers.training import evaluate, fit, models
from helpers.training.averaging import EMA, SWA, Ensemble, Flipped, Snapshots, flip_tta
from helpers.training.checkpoints import Checkpoints
from helpers.training.hooks import EarlyStopping


@pytest.fixture(scope="module")
def train(digits):
    return digits[0][:400], digits[1][:400]


@pytest.fixture(scope="module")
def val(digits):
    return digits[0][-400:], digits[1][-400:]


def trained(train, hooks, *, seed=0, epochs=3, schedule=None, model=None, norm=False, **changes):
    model = models.small_cnn(seed=seed, norm=norm) if model is None else model
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0, momentum=0.9)
    settings = dict(loss=F.cross_entropy, batch_size=40) | changes  # ten updates an epoch
    schedule = schedule or Constant(0.05)
    fit(
        model,
        train,
        optimizer=optimizer,
        epochs=epochs,
        seed=seed,
        hooks=hooks,
        schedule=schedule,
        **settings,
    )
    return model


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


def test_ema_that_forgets_at_once_is_the_model(train):
    ema = EMA(0.0)
    model = trained(train, [ema], norm=True)
    assert_alike(ema.model, model, rtol=0, atol=0)


def test_swa_is_torchs_and_the_limit_of_ema(train):
    swa, oracle = SWA(start_step=12, every=5), Oracle(lambda t: t >= 12 and (t - 12) % 5 == 0)
    whole, slow = SWA(start_step=1), EMA(1 - 1e-9)
    trained(train, [swa, oracle, whole, slow], norm=True)
    assert swa.count == 4  # 12, 17, 22, 27
    assert_alike(swa.model, oracle.average.module, rtol=1e-5, atol=1e-7)
    assert_alike(slow.model, whole.model, rtol=1e-4, atol=1e-6)


def test_the_average_of_an_oscillating_path_is_better_than_its_end(train, val):
    ema, swa, ends = EMA(0.95), SWA(start_step=100), []
    noisy = train[1].clone()
    noisy[::4] = (noisy[::4] + 1) % 10  # wrong labels keep the path from settling
    for seed in range(3):
        model = trained((train[0], noisy), [ema, swa], seed=seed, epochs=8, batch_size=20)
        ends.append([evaluate(m, val, F.cross_entropy)[0] for m in (model, ema.model, swa.model)])
    last, by_ema, by_swa = torch.tensor(ends).mean(0).tolist()
    assert by_ema < last
    assert by_swa < last


def test_buffers_are_those_of_the_latest_model(train):
    ema, swa = EMA(0.99), SWA(start_step=1)
    model = trained(train, [ema, swa], norm=True)
    for average in (ema.model, swa.model):
        for mine, its in zip(average.buffers(), model.buffers(), strict=True):
            assert torch.equal(mine, its)


def test_a_copy_is_there_to_be_asked_and_does_not_move_with_the_model(train):
    ema = EMA(0.9)
    model = trained(train, [ema], norm=True)
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


@pytest.mark.parametrize("make", [lambda: EMA(0.9, every=3), lambda: SWA(start_step=4, every=3)])
def test_an_average_starts_afresh_and_goes_on_where_it_was_saved(train, make):
    hook, twin, saved = make(), make(), {}

    def save(run):
        if run.step == 17:
            saved.update(copy.deepcopy(hook.state_dict()))

    def lose_and_restore(run):
        if run.step == 17:
            for param in twin.model.parameters():
                param.zero_()
            twin.load_state_dict(saved)

    trained(train, [hook], seed=1)  # of which the next training knows nothing
    trained(train, [hook, save])
    trained(train, [twin, lose_and_restore])
    assert twin.count == hook.count
    assert_alike(twin.model, hook.model, rtol=0, atol=0)


def test_a_killed_training_goes_on_to_the_same_averages(train, tmp_path):
    def run(folder, dies_at=None):
        hooks = [EMA(0.9), SWA(start_step=5, every=2), Snapshots([6, 14])]
        trained(train, [*hooks, Checkpoints(folder, every=3)], schedule=Dies(dies_at), norm=True)
        ema, swa, snapshots = hooks
        return [(ema.count, swa.count), ema.model, swa.model, *snapshots.models]

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "killed", dies_at=11)
    counts, *resumed = run(tmp_path / "killed")
    wanted, *whole = run(tmp_path / "whole")
    assert counts == wanted == (30, 13)
    assert len(resumed) == len(whole) == 4
    for model, other in zip(resumed, whole, strict=True):
        assert_alike(model, other, rtol=0, atol=0)


class Dies:
    """A constant rate that somebody interrupts."""

    def __init__(self, step):
        self.step = step

    def __call__(self, step):
        if step == self.step:
            raise KeyboardInterrupt
        return 0.05


# Batch normalization


def test_an_average_needs_its_own_statistics(train, val):
    swa = SWA(start_step=1)
    trained(train, [swa], norm=True, epochs=4, schedule=Constant(0.2))
    before = evaluate(swa.model, val, F.cross_entropy)[0]
    update_bn(train[0].split(100), swa.model)
    assert evaluate(swa.model, val, F.cross_entropy)[0] < before


# Snapshots, ensembles, mirrors


def test_snapshots_are_the_models_at_the_ends_of_cycles(train):
    steps = range(10, 31, 10)
    snapshots, path = Snapshots(steps), Path()
    trained(train, [snapshots, path], schedule=CosineRestarts(peak_lr=0.1, period=10), norm=True)
    assert len(snapshots.models) == 3
    for step, model in zip(steps, snapshots.models, strict=True):
        assert_alike(model, path.weights[step - 1], rtol=0, atol=0)
    twin = Snapshots(steps)
    trained(train, [twin], epochs=3, norm=True, schedule=Constant(1e-6))
    twin.load_state_dict(snapshots.state_dict())
    for model, other in zip(twin.models, snapshots.models, strict=True):
        assert_alike(model, other, rtol=0, atol=0)
    trained(train, [twin], norm=True)
    assert len(twin.models) == 3  # of the new training alone


def members_of(train, n=3):
    return [trained(train, [], seed=seed, epochs=4, schedule=CosineDecay(0.1, 40)) for seed in range(n)]


def test_an_ensemble_loses_at_most_the_mean_of_its_members(train, val):
    members = members_of(train)
    ensemble = Ensemble(members)
    seen = [evaluate(model, val, F.cross_entropy) for model in (ensemble, *members)]
    (loss, _), *own = seen
    assert loss < sum(loss for loss, _ in own) / 3
    images, labels = val
    with torch.no_grad():
        logs = ensemble(images)
        probabilities = torch.stack([member(images).softmax(1) for member in members])
        each = torch.stack([F.cross_entropy(m(images), labels, reduction="none") for m in members])
        assert bool((F.cross_entropy(logs, labels, reduction="none") <= each.mean(0) + 1e-5).all())
    torch.testing.assert_close(logs.exp(), probabilities.mean(0), rtol=1e-5, atol=1e-7)
    assert logs.exp().sum(1) == pytest.approx(torch.ones(len(labels)), abs=1e-5)


class Says(nn.Module):
    """A network that knows the probabilities of three images."""

    def __init__(self, *rows):
        super().__init__()
        self.logs = nn.Parameter(torch.tensor(rows).log())

    def forward(self, images):
        return self.logs


def test_the_accuracy_of_an_ensemble_can_be_below_that_of_every_member():
    # For each image two of three are narrowly right, and the third is wrong and sure of it.
    right, wrong = [0.55, 0.45], [0.01, 0.99]
    members = [Says(*(wrong if i == j else right for j in range(3))) for i in range(3)]
    data = torch.zeros(3, 1, 2, 2), torch.zeros(3, dtype=torch.int64)
    seen = [evaluate(model, data, F.cross_entropy) for model in (Ensemble(members), *members)]
    (loss, accuracy), *own = seen
    assert [round(a, 3) for _, a in own] == [0.667] * 3
    assert accuracy == 0.0
    assert loss <= sum(loss for loss, _ in own) / 3


def test_an_ensemble_is_stable_where_probabilities_vanish():
    class Sure(nn.Module):
        def forward(self, images):
            return torch.tensor([[0.0, 1e4]])

    logs = Ensemble([Sure(), Sure()])(torch.zeros(1, 1, 1, 1))
    assert logs.tolist() == [[-1e4, 0.0]]


def test_a_mirror_is_a_mirror_and_both_together_do_not_care(train, val):
    model = members_of(train, 1)[0].eval()
    images = val[0][:50]
    with torch.no_grad():
        assert torch.equal(Flipped(model)(images), model(images.flip(3)))
        both = flip_tta(model)
        torch.testing.assert_close(both(images), both(images.flip(3)), rtol=1e-5, atol=1e-6)
        wanted = (model(images).softmax(1) + model(images.flip(3)).softmax(1)) / 2
        torch.testing.assert_close(both(images).exp(), wanted, rtol=1e-5, atol=1e-7)
    assert sum(p.numel() for p in both.parameters()) == sum(p.numel() for p in model.parameters())


# What is refused


REFUSED = {
    "decay": (lambda: EMA(1.0), "decay must be in [0, 1), got decay=1.0"),
    "every": (lambda: EMA(0.9, every=0), "every must be positive, got every=0"),
    "swa every": (lambda: SWA(1, every=0), "every must be positive, got every=0"),
    "start_step": (lambda: SWA(0), "start_step must be positive, got start_step=0"),
    "steps": (lambda: Snapshots([]), "steps must not be empty, got steps=()"),
    "order": (lambda: Snapshots([2, 2]), "steps must increase from each entry to the next, got steps=(2, 2)"),
    "models": (lambda: Ensemble([]), "models must hold at least one model, got models=[]"),
    "module": (lambda: Ensemble([3]), "int is not a Module subclass"),
    "state": (lambda: EMA(0.9).state_dict(), "model must be known, got model=None"),
    "load": (lambda: Snapshots([1]).load_state_dict({"models": []}), "model must be known, got model=None"),
}


@pytest.mark.parametrize("make, message", REFUSED.values(), ids=REFUSED)
def test_what_is_refused(make, message):
    with pytest.raises((TypeError, ValueError), match=re.escape(message)):
        make()


@pytest.mark.parametrize(
    "hook, message",
    [
        (SWA(31), "start_step must be at most the 30 updates of this training, got start_step=31"),
        (Snapshots([5, 31]), "steps must end within the 30 updates of this training, got steps=(5, 31)"),
    ],
)
def test_what_a_training_is_too_short_for_is_refused_before_it_begins(train, hook, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        trained(train, [hook])
