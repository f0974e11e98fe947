"""Where a training runs, in which precision, and from which seed."""

import functools

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from helpers.formulas.schedules import Constant
from helpers.training import data, evaluate, fit, models, runtime
from helpers.training.runtime import Runtime, present


@pytest.fixture
def machine(monkeypatch):
    """Return a function that makes this machine look as if it had other devices."""

    def pretend(gpus=0, capability=(9, 0), mps=False, bf16=True):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda where: capability)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: bf16)
        monkeypatch.setattr(torch, "empty", functools.partial(empty, {"cpu": 1, "cuda": gpus, "mps": mps}))

    def empty(counts, size, device):
        if (device.index or 0) >= counts[device.type]:
            raise RuntimeError("invalid device ordinal")

    return pretend


@pytest.mark.parametrize(
    "cuda, mps, kind", [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")]
)
def test_the_fastest_device_is_picked(cuda, mps, kind, machine):
    machine(gpus=int(cuda), mps=mps)
    assert runtime.device() == torch.device(kind)
    assert Runtime().device == torch.device("cuda:0" if cuda else kind)


def test_threads_are_set_inside_and_restored_whatever_happens():
    before = torch.get_num_threads()
    for block in (runtime.threads(before + 1), Runtime("cpu", threads=before + 1)):
        with pytest.raises(ZeroDivisionError), block:
            assert torch.get_num_threads() == before + 1
            _ = 1 / 0
        assert torch.get_num_threads() == before
    with Runtime("cpu") as used:
        assert torch.get_num_threads() == before and used == Runtime("cpu")


def test_the_innermost_block_counts_and_each_end_restores_what_was():
    outer, inner, plain = Runtime("cpu", threads=1), Runtime("cpu", "bf16"), Runtime("cpu")
    with outer:
        with pytest.raises(ZeroDivisionError), inner, outer, inner:
            assert present("cpu") is inner
            _ = 1 / 0
        assert present("cpu") is outer and torch.get_num_threads() == 1
    assert present("cpu") == plain


def test_a_seed_makes_a_generator_of_its_own():
    state = torch.random.get_rng_state()
    draws = [torch.rand(3, generator=runtime.seeded(seed)) for seed in (0, 0, 1)]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
    assert torch.equal(torch.random.get_rng_state(), state)
    generator = runtime.seeded(4)
    assert runtime.seeded(generator) is generator


def test_global_randomness_is_restored_whatever_happens():
    state = torch.random.get_rng_state()
    with pytest.raises(ZeroDivisionError), runtime.randomness(3):
        first = torch.rand(2)
        _ = 1 / 0
    assert torch.equal(torch.random.get_rng_state(), state)
    with runtime.randomness(3):
        assert torch.equal(torch.rand(2), first)


# --- the object that knows where and how ---------------------------------------------------------------


def test_each_process_takes_a_gpu_of_its_own(machine, monkeypatch):
    machine(gpus=2)
    assert Runtime(torch.device("cuda:1")).device == torch.device("cuda:1")
    for name, value in (("LOCAL_RANK", "1"), ("WORLD_SIZE", "8")):
        monkeypatch.setenv(name, value)
    assert Runtime().device == torch.device("cuda:1")
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(ValueError, match="device must be one of this machine, got device='auto': invalid"):
        Runtime()


def test_the_fastest_is_what_the_machine_can(machine):
    machine()
    assert Runtime.fastest() == Runtime("cpu", "bf16", channels_last=True, deterministic=False)
    assert Runtime.fastest(precision="fp32", threads=1).precision == "fp32"
    machine(bf16=False)
    assert Runtime.fastest().precision == "fp32"
    machine(gpus=1)
    assert Runtime.fastest() == Runtime("cuda:0", "bf16", channels_last=True, deterministic=False)
    assert Runtime.fastest(device="cpu").device == torch.device("cpu")
    machine(gpus=1, capability=(7, 5))
    assert Runtime.fastest().precision == "fp32"
    machine(mps=True)
    assert Runtime.fastest() == Runtime("mps", deterministic=False)


def switches():
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    return matmul.allow_tf32, cudnn.allow_tf32, cudnn.deterministic, cudnn.benchmark


@pytest.mark.filterwarnings("ignore:Please use the new API settings to control TF32")  # torch 2.9 alone
@pytest.mark.parametrize("tf32, deterministic", [(False, True), (True, False)])
def test_a_gpu_is_used_as_asked_and_left_as_it_was(machine, monkeypatch, tf32, deterministic):
    machine(gpus=1)
    entered = []
    monkeypatch.setattr(torch.cuda, "device", lambda where: entered.append(where) or runtime.threads(1))
    before = switches()
    used = Runtime("cuda", "tf32" if tf32 else "fp32", deterministic=deterministic)
    with pytest.raises(ZeroDivisionError), used:
        assert switches() == (tf32, tf32, deterministic, not deterministic)
        _ = 1 / 0
    assert switches() == before
    assert entered == [torch.device("cuda:0")]


def test_images_and_convolutions_get_the_memory_format():
    images, labels = torch.rand(2, 3, 4, 4), torch.zeros(2)
    x, y = Runtime("cpu", channels_last=True).to(images, labels)
    assert x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous()
    assert torch.equal(x, images) and torch.equal(y, labels)
    assert Runtime("cpu").to(images) == (images,)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(16, 2))
    assert Runtime("cpu").prepare(model)[0].weight.is_contiguous()
    assert Runtime("cpu", channels_last=True).prepare(model) is model
    assert model[0].weight.is_contiguous(memory_format=torch.channels_last)


# --- trainings -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def digits():
    sample = data.digits()
    return sample, sample.train.take(300).tensors(sample.mean, sample.std)


def trained(train, model=None, seed=0, **how):
    model = models.small_cnn((8,), norm=True) if model is None else model
    optimizer = torch.optim.SGD(model.parameters(), lr=1, momentum=0.9)
    settings = dict(loss=F.cross_entropy, optimizer=optimizer, epochs=6, batch_size=32, seed=seed)
    with Runtime("cpu", threads=1, **how):
        return model, fit(model, train, schedule=Constant(0.05), **settings)


@pytest.mark.parametrize("how", [{}, {"precision": "bf16", "channels_last": True}])
def test_the_same_seed_gives_the_same_run(digits, how):
    (first, history), (again, same), (_, other) = (trained(digits[1], seed=s, **how) for s in (0, 0, 1))
    assert history.losses == same.losses != other.losses
    for a, b in zip(first.parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b)


def test_layers_compute_in_bf16_and_weights_stay_32_bit(digits):
    sample, train = digits
    plain, wanted = trained(train)
    model, history = trained(train, precision="bf16", channels_last=True)
    assert {value.dtype for value in model.parameters()} == {torch.float32}
    dtypes = []
    model.register_forward_hook(lambda module, images, logits: dtypes.append(logits.dtype))
    with Runtime("cpu", "bf16"):
        evaluate(model, train, F.cross_entropy)
    evaluate(model, train, F.cross_entropy)
    assert dtypes == [torch.bfloat16, torch.float32]
    test = sample.test.tensors(sample.mean, sample.std)
    accuracies = [evaluate(m, test, F.cross_entropy)[1] for m in (plain, model)]
    assert min(accuracies) > 0.85
    assert accuracies[0] == pytest.approx(accuracies[1], abs=0.03)
    assert history.losses != wanted.losses


def test_a_model_that_stays_bytes_trains_as_one_that_is_given_real_numbers(digits):
    sample, train = digits
    pixels = sample.train.take(300).pixels()
    model = nn.Sequential(models.Normalize(sample.mean, sample.std), models.small_cnn((8,), norm=True))
    assert trained(pixels, model)[1].losses == trained(train)[1].losses


# torch's compiler imports parts of torch that it calls deprecated itself.
@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")
@pytest.mark.filterwarnings("ignore:Guards may run slower on Python 3.13.0")  # torch's advice to move on
def test_a_compiled_model_keeps_its_name_and_its_results(digits, monkeypatch):
    """With dynamo's own back end: the usual one calls a C++ compiler for a minute."""
    monkeypatch.setattr(nn.Module, "compile", functools.partialmethod(nn.Module.compile, backend="eager"))
    plain, wanted = trained(digits[1])
    model, history = trained(digits[1], compile=True)
    assert type(model) is nn.Sequential
    assert list(model.state_dict()) == list(plain.state_dict())
    assert model._compiled_call_impl is not None and plain._compiled_call_impl is None
    assert history.losses == pytest.approx(wanted.losses, rel=1e-5)
