"""Where a training runs, in which precision, and from which seed."""

import dataclasses
import functools
import re

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from helpers.formulas.schedules import Constant
from helpers.training import data, evaluate, fit, models, runtime
from helpers.training.runtime import Runtime


def test_the_device_is_one_that_is_there():
    assert torch.ones(2, device=runtime.device()).sum().item() == 2


@pytest.mark.parametrize(
    "cuda, mps, kind", [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")]
)
def test_the_fastest_device_is_picked(cuda, mps, kind, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert runtime.device() == torch.device(kind)


def test_threads_are_set_inside_and_restored_whatever_happens():
    before = torch.get_num_threads()
    with pytest.raises(ZeroDivisionError), runtime.threads(before + 1):
        assert torch.get_num_threads() == before + 1
        _ = 1 / 0
    assert torch.get_num_threads() == before
    with pytest.raises(ValueError, match="n must be positive, got n=0"), runtime.threads(0):
        pass


def test_a_seed_makes_a_generator_of_its_own():
    state = torch.random.get_rng_state()
    draws = [torch.rand(3, generator=runtime.seeded(seed)) for seed in (0, 0, 1)]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
    assert torch.equal(torch.random.get_rng_state(), state)
    generator = runtime.seeded(4)
    assert runtime.seeded(generator) is generator


@pytest.mark.parametrize("seed, error", [(-1, ValueError), (1.0, TypeError), (None, TypeError)])
def test_what_is_no_seed(seed, error):
    with pytest.raises(error, match=re.escape(f"got seed={seed}")):
        runtime.seeded(seed)


def test_global_randomness_is_restored_whatever_happens():
    state = torch.random.get_rng_state()
    with pytest.raises(ZeroDivisionError), runtime.randomness(3):
        first = torch.rand(2)
        _ = 1 / 0
    assert torch.equal(torch.random.get_rng_state(), state)
    with runtime.randomness(3):
        assert torch.equal(torch.rand(2), first)


# The object that knows where and how


@pytest.fixture
def machine(monkeypatch):
    """Return a function that makes this machine look as if it had other devices."""

    def pretend(gpus=0, capability=(9, 0), mps=False, bf16=True):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda where: capability)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
        monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: bf16 is not None)
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": bf16}, raising=False)

    return pretend


@pytest.fixture(scope="module")
def digits():
    sample = data.digits()
    few = sample.train.take(300)
    return sample, few.tensors(sample.mean, sample.std)


def trained(train, how, model=None, **changes):
    model = models.small_cnn((8,), norm=True) if model is None else model
    optimizer = torch.optim.SGD(model.parameters(), lr=1, momentum=0.9)
    settings = dict(
        loss=F.cross_entropy, optimizer=optimizer, schedule=Constant(0.05), epochs=6, batch_size=32
    )
    return model, fit(model, train, runtime=how, **{**settings, **changes})


def test_a_runtime_says_which_device_was_picked(machine):
    machine(mps=True)
    assert Runtime().device == torch.device("mps")
    machine(gpus=2, mps=True)
    assert Runtime().device == torch.device("cuda:0")
    assert Runtime(torch.device("cuda:1")).device == torch.device("cuda:1")
    machine()
    assert Runtime().device == torch.device("cpu")
    assert dataclasses.replace(Runtime(), threads=2) == Runtime("cpu", threads=2)


def test_each_process_takes_a_gpu_of_its_own(machine, monkeypatch):
    machine(gpus=2)
    for name, value in (("RANK", "5"), ("LOCAL_RANK", "1"), ("WORLD_SIZE", "8")):
        monkeypatch.setenv(name, value)
    here = Runtime()
    assert (here.device, here.rank, here.world_size, here.is_main) == (torch.device("cuda:1"), 5, 8, False)
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(ValueError, match=re.escape("device must be a device of this machine (1 cpu, 2 cuda")):
        Runtime()


def test_a_runtime_of_its_own_is_the_first_and_only():
    assert (Runtime("cpu").rank, Runtime("cpu").world_size, Runtime("cpu").is_main) == (0, 1, True)


@pytest.mark.parametrize(
    "changes, message",
    [
        (dict(device="cuda"), "of this machine (1 cpu, 0 cuda, 0 mps), got device='cuda:0'"),
        (dict(device="mps"), "of this machine (1 cpu, 0 cuda, 0 mps), got device='mps'"),
        (dict(device="gpu"), "device must be the name of a torch device, got device='gpu'"),
        (dict(device=None), "device must be the name of a torch device, got device=None"),
        (dict(device="cpu:3"), "device must be a device of this machine"),
        (dict(precision="fp16"), "precision must be 'fp32' or 'tf32' or 'bf16', got precision='fp16'"),
        (dict(precision="tf32"), "precision must be 'fp32' on this machine's cpu, got precision='tf32'"),
        (dict(precision="bf16"), "precision must be 'fp32' on this machine's cpu, got precision='bf16'"),
        (dict(threads=0), "threads must be positive, got threads=0"),
    ],
)
@pytest.mark.parametrize("bf16", [False, None], ids=["emulated", "none"])
def test_what_a_small_machine_refuses(machine, bf16, changes, message):
    machine(bf16=bf16)
    with pytest.raises(ValueError, match=re.escape(message)):
        Runtime(**changes)


@pytest.mark.parametrize("precision", ["tf32", "bf16"])
def test_an_older_gpu_computes_in_full_precision_only(machine, precision):
    machine(gpus=1, capability=(7, 5))
    with pytest.raises(ValueError, match="precision must be 'fp32' on this machine's cuda"):
        Runtime(precision=precision)
    assert Runtime.fastest() == Runtime("cuda:0", channels_last=True, deterministic=False)


@pytest.mark.parametrize(
    "changes, message",
    [
        (dict(precision="bf16"), "precision must be 'fp32' on this machine's mps"),
        (dict(channels_last=True), "channels_last must be False on mps, got channels_last=True"),
        (dict(compile=True), "compile must be False on mps, got compile=True"),
    ],
)
def test_what_mps_refuses(machine, monkeypatch, changes, message):
    machine(mps=True)
    with pytest.raises(ValueError, match=re.escape(message)):
        Runtime(**changes)
    assert Runtime.fastest() == Runtime("mps", deterministic=False)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ValueError, match="world_size must be 1 on mps, got world_size=2"):
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


def test_threads_are_those_asked_for_while_in_use():
    before = torch.get_num_threads()
    with Runtime("cpu", threads=before + 1).use() as used:
        assert (torch.get_num_threads(), used.threads) == (before + 1, before + 1)
    with Runtime("cpu").use():
        assert torch.get_num_threads() == before


def switches():
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    return matmul.allow_tf32, cudnn.allow_tf32, cudnn.deterministic, cudnn.benchmark


@pytest.mark.filterwarnings("ignore:Please use the new API settings to control TF32")  # torch 2.9 alone
@pytest.mark.parametrize("tf32", [False, True])
@pytest.mark.parametrize("deterministic", [False, True])
def test_a_gpu_is_used_as_asked_and_left_as_it_was(machine, monkeypatch, tf32, deterministic):
    machine(gpus=1)
    entered = []
    monkeypatch.setattr(torch.cuda, "device", lambda where: entered.append(where) or runtime.threads(1))
    before = switches()
    used = Runtime("cuda", "tf32" if tf32 else "fp32", deterministic=deterministic).use()
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


needs_bf16 = pytest.mark.skipif(
    not runtime._computes_bf16(torch.device("cpu")), reason="this processor does not compute in bfloat16"
)


@needs_bf16
def test_layers_compute_in_bf16_and_weights_stay_32_bit(digits):
    sample, train = digits
    plain, _ = trained(train, Runtime("cpu"))
    model, history = trained(train, Runtime("cpu", "bf16", channels_last=True))
    assert {value.dtype for value in model.parameters()} == {torch.float32}
    with Runtime("cpu", "bf16").autocast():
        assert model(train[0][:2]).dtype == torch.bfloat16
    assert model(train[0][:2]).dtype == torch.float32
    test = sample.test.tensors(sample.mean, sample.std)
    accuracies = [evaluate(m, test, F.cross_entropy)[1] for m in (plain, model)]
    assert min(accuracies) > 0.85
    assert accuracies[0] == pytest.approx(accuracies[1], abs=0.03)
    assert history.losses != trained(train, Runtime("cpu"))[1].losses


@pytest.mark.parametrize(
    "how", [{}, pytest.param({"precision": "bf16", "channels_last": True}, marks=needs_bf16)]
)
def test_the_same_seed_gives_the_same_run(digits, how):
    (first, history), (again, same), (other, _) = (
        trained(digits[1], Runtime("cpu", **how), seed=s) for s in (0, 0, 1)
    )
    assert history.losses == same.losses
    for a, b in zip(first.parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b)
    assert not torch.equal(first[0].weight, other[0].weight)


def test_a_model_that_stays_bytes_trains_as_one_that_is_given_real_numbers(digits):
    sample, train = digits
    pixels, labels = sample.train.take(300).pixels()
    model = nn.Sequential(models.Normalize(sample.mean, sample.std), models.small_cnn((8,), norm=True))
    wanted, found = trained(train, None)[1], trained((pixels, labels), None, model=model)[1]
    assert found.losses == wanted.losses


# torch's compiler imports parts of torch that it calls deprecated itself.
@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")
@pytest.mark.filterwarnings("ignore:Guards may run slower on Python 3.13.0")  # torch's advice to move on
def test_a_compiled_model_keeps_its_name_and_its_results(digits, monkeypatch):
    """With dynamo's own back end: the usual one calls a C++ compiler for a minute."""
    monkeypatch.setattr(nn.Module, "compile", functools.partialmethod(nn.Module.compile, backend="eager"))
    plain, wanted = trained(digits[1], Runtime("cpu"))
    model, found = trained(digits[1], Runtime("cpu", compile=True))
    assert type(model) is nn.Sequential
    assert list(model.state_dict()) == list(plain.state_dict())
    assert model._compiled_call_impl is not None and plain._compiled_call_impl is None
    assert found.losses == pytest.approx(wanted.losses, rel=1e-5)
