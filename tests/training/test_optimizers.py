"""A rule or a schedule given to torch is the formula itself, through every turn of an optimizer's life."""

import copy
import pickle
import re

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from helpers.core.hyperparameters import example
from helpers.formulas import rules, schedules
from helpers.training.optimizers import FromRule, as_lambda_lr, decay_weights
from helpers.training.runtime import randomness

SCHEDULE = schedules.Warmup(schedules.CosineDecay(peak_lr=0.3, total_steps=15), warmup_steps=5)
WEIGHT = nn.Parameter(torch.ones(2))


def sparse():
    """Return an optimizer of weights whose gradient is sparse."""
    table = nn.Embedding(4, 2, sparse=True)
    table(torch.tensor([1])).sum().backward()
    return FromRule(table.parameters(), rules.SGD(), lr=0.1)


def network():
    with randomness(seed=0):
        convolution = [nn.Conv2d(1, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU()]
        return nn.Sequential(*convolution, nn.Flatten(), nn.Linear(144, 3), nn.Linear(3, 3)).double()


@pytest.fixture
def batch(digits):
    images, labels = digits
    return images[:32].double(), labels[:32] % 3


def steps(model, optimizer, batch, n):
    images, labels = batch
    for _ in range(n):
        optimizer.zero_grad()
        F.cross_entropy(model(images), labels).backward()
        optimizer.step()


def numbers(model):
    return torch.cat([param.detach().reshape(-1) for param in model.parameters()])


EVERY_RULE = [
    *(example(method) for method in rules.METHODS if not method.looks_ahead),
    *(example(wrapper, rule=rules.Adam()) for wrapper in rules.WRAPPERS),
]


@pytest.mark.parametrize("rule", EVERY_RULE, ids=lambda rule: type(rule).__name__)
def test_every_rule_moves_each_parameter_as_its_formula_says(rule, batch):
    model = network()
    learned = list(model.parameters())
    optimizer = FromRule(learned, rule, lr=0.05)
    params = [param.detach().clone() for param in learned]
    states = [rule.init(param) for param in params]
    for _ in range(3):
        steps(model, optimizer, batch, 1)
        pairs = zip(params, [param.grad for param in learned], states, strict=True)
        params, states = zip(*[rule.update(*pair, 0.05) for pair in pairs], strict=True)
    for param, wanted, state in zip(learned, params, states, strict=True):
        torch.testing.assert_close(param.detach(), wanted, rtol=1e-11, atol=1e-14)
        assert optimizer.state[param].keys() == state.keys()
        for key, value in state.items():
            torch.testing.assert_close(optimizer.state[param][key], value, rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("way", ["file", "same", "deepcopy", "pickle"])
def test_a_run_that_is_saved_and_loaded_goes_on_bit_by_bit(way, batch, tmp_path):
    straight, model = network(), network()
    steps(straight, FromRule(straight.parameters(), rules.Adam(), lr=0.05), batch, 8)
    optimizer = FromRule(model.parameters(), rules.Adam(), lr=0.05)
    steps(model, optimizer, batch, 3)
    if way in ("file", "same"):
        torch.save([model.state_dict(), optimizer.state_dict()], tmp_path / "run.pt")
        saved, optimizer_state = torch.load(tmp_path / "run.pt", weights_only=True)
        steps(model, optimizer, batch, 2)  # what goes on after saving must not reach what was saved
        if way == "file":
            model = network()
            optimizer = FromRule(model.parameters(), rules.Adam(), lr=1.0)
        model.load_state_dict(saved)
        optimizer.load_state_dict(optimizer_state)
        assert optimizer.param_groups[0]["lr"] == 0.05
    else:
        copied = copy.deepcopy if way == "deepcopy" else lambda run: pickle.loads(pickle.dumps(run))
        model, optimizer = copied((model, optimizer))
    steps(model, optimizer, batch, 5)
    assert torch.equal(numbers(model), numbers(straight))


def test_parameters_without_a_gradient_are_skipped_and_so_is_their_state():
    a, b, c, d = (nn.Parameter(torch.ones(3, 4, dtype=torch.float64)) for _ in range(4))
    optimizer, twin = FromRule([a, b], rules.Adam(), lr=0.1), torch.optim.Adam([c, d], lr=0.1)
    optimizer.step()  # without any gradient
    assert torch.equal(torch.stack([a, b]), torch.stack([c, d]))
    for both in (True, False, False, True, True):
        for first, second, one in ((a, b, optimizer), (c, d, twin)):
            one.zero_grad()
            ((first**3).sum() + ((second**3).sum() if both else 0.0)).backward()
            one.step()
    torch.testing.assert_close(torch.stack([a, b]), torch.stack([c, d]), rtol=1e-12, atol=0)
    assert optimizer.state[a]["step"] == 5
    assert optimizer.state[b]["step"] == 3


def test_groups_have_their_own_rates_and_may_be_added():
    a, b, c = (nn.Parameter(torch.tensor([1.0])) for _ in range(3))
    optimizer = FromRule([{"params": [a]}, {"params": [b], "lr": 0.5}], rules.SGD(), lr=0.1)
    optimizer.add_param_group({"params": [c], "lr": 0.0})
    (a + b + c).sum().backward()
    optimizer.step()
    assert [round(param.item(), 6) for param in (a, b, c)] == [0.9, 0.5, 1.0]


def test_parameters_of_several_types_and_layouts():
    images = torch.arange(96.0).reshape(2, 3, 4, 4).to(memory_format=torch.channels_last)
    params = list(map(nn.Parameter, (torch.ones(3), torch.ones((), dtype=torch.float64), images)))
    wanted = [param.detach() * 0.8 for param in params]
    sum((param.double() ** 2).sum() for param in params).backward()
    FromRule(params, rules.SGD(), lr=0.1).step()
    for param, value in zip(params, wanted, strict=True):
        torch.testing.assert_close(param.detach(), value)
    assert params[2].is_contiguous(memory_format=torch.channels_last)


def test_parameters_whose_numbers_were_replaced_go_on_from_the_new_ones():
    weight = nn.Parameter(torch.tensor([1.0, 1.0]))
    optimizer = FromRule([weight], rules.SGD(), lr=0.5)
    for _ in range(2):
        weight.data = torch.tensor([3.0, 4.0])
        weight.grad = torch.ones(2)
        optimizer.step()
        assert weight.tolist() == [2.5, 3.5]


def test_a_closure_is_called_with_gradients_on_and_its_loss_returned():
    weight = nn.Parameter(torch.tensor([2.0]))
    optimizer = FromRule([weight], rules.SGD(), lr=0.25)

    def closure():
        optimizer.zero_grad()
        loss = (weight**2).sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 4.0
    assert (weight.item(), weight.grad.item()) == (1.0, 4.0)
    assert weight.is_leaf and weight.requires_grad


def test_the_state_of_another_rule_is_refused_and_nothing_changes(batch):
    model = network()
    other = FromRule(model.parameters(), rules.Adam(), lr=0.05)
    steps(model, other, batch, 1)
    optimizer = FromRule(model.parameters(), rules.Momentum(), lr=0.05)
    steps(model, optimizer, batch, 1)
    before = copy.deepcopy(optimizer.state_dict())
    wanted = "state_dict must hold ['velocity'] for Momentum(momentum=0.9), got ['step', 'm', 'v']"
    with pytest.raises(ValueError, match=re.escape(wanted)):
        optimizer.load_state_dict(other.state_dict())
    for i, state in before["state"].items():
        assert torch.equal(optimizer.state_dict()["state"][i]["velocity"], state["velocity"])


def test_a_lambda_lr_follows_the_schedule_whatever_rate_the_groups_were_made_with():
    groups = [{"params": [nn.Parameter(torch.zeros(1))], "lr": lr} for lr in (1.0, 0.1, 7e-3)]
    groups[2]["lr_scale"] = 0.5
    optimizer = torch.optim.SGD(groups, lr=1.0)
    scheduler = as_lambda_lr(optimizer, SCHEDULE)
    for step in range(25):
        rate = SCHEDULE(step)
        assert scheduler.get_last_lr() == pytest.approx([rate, rate, rate / 2], rel=1e-14, abs=0)
        optimizer.step()
        scheduler.step()


@pytest.mark.parametrize("make", [torch.optim.SGD, lambda params, lr: FromRule(params, rules.SGD(), lr)])
def test_a_lambda_lr_saved_in_the_middle_goes_on(make):
    def begin(lr):
        optimizer = make([nn.Parameter(torch.zeros(1))], lr=lr)
        return optimizer, as_lambda_lr(optimizer, SCHEDULE)

    optimizer, scheduler = begin(lr=1.0)
    for _ in range(7):
        optimizer.step()
        scheduler.step()
    resumed_optimizer, resumed = begin(lr=0.01)
    resumed_optimizer.load_state_dict(optimizer.state_dict())
    resumed.load_state_dict(scheduler.state_dict())
    for step in range(8, 20):
        resumed_optimizer.step()
        resumed.step()
        assert resumed_optimizer.param_groups[0]["lr"] == pytest.approx(SCHEDULE(step), rel=1e-14, abs=0)


def test_what_multiplies_decays_and_what_is_added_does_not():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 3))
    model[0].bias.requires_grad_(False)
    decayed, others = decay_weights(model, 0.1)
    assert [id(p) for p in decayed["params"]] == [id(model[0].weight), id(model[3].weight)]
    assert [id(p) for p in others["params"]] == [id(p) for p in (*model[1].parameters(), model[3].bias)]
    assert (decayed["weight_decay"], others["weight_decay"]) == (0.1, 0.0)
    assert len(decay_weights(nn.Linear(2, 2, bias=False), 0.1)) == 1
