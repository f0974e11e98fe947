"""Where a training runs: on which device, in which precision, with how many threads, from which seed.

>>> torch.equal(torch.rand(3, generator=seeded(1)), torch.rand(3, generator=seeded(1)))
True
>>> runtime = Runtime("cpu", channels_last=True)
>>> model = runtime.prepare(torch.nn.Conv2d(3, 4, 3))
>>> (images,) = runtime.to(torch.rand(2, 3, 8, 8))
>>> with runtime, runtime.autocast():
...     model(images).shape
torch.Size([2, 4, 6, 6])
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from helpers.core import checks, seeds
from helpers.training import processes

__all__ = ["Runtime", "device", "present", "randomness", "seeded", "threads"]


@dataclass(frozen=True)
class Runtime:
    """How a training uses the machine: ``with Runtime("cuda", precision="bf16"): fit(...)``.

    Inside the ``with`` block ``fit``, ``evaluate`` and ``find_lr`` run on this device and in this way, and
    torch computes with these threads and switches; after it all is as before. Blocks may stand in each
    other, also the same one; the innermost counts. Under torchrun every process makes its own
    runtime: the n-th on a machine takes the n-th CUDA GPU.

    Parameters
    ----------
    device : str or torch.device
        ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"``; ``"auto"`` picks the fastest that is here, as
        :func:`device` does. The attribute is the ``torch.device`` that was picked.
    precision : str
        ``"fp32"``: 32-bit numbers throughout. ``"tf32"``: convolutions and linear layers on a CUDA GPU
        multiply with 10 of the 23 bits of the fraction. ``"bf16"``: they compute in bfloat16, with 7 bits,
        wherever torch's autocast deems that safe; weights and updates stay 32-bit. Where the processor has
        no instructions for them (an NVIDIA GPU below compute capability 8.0, a CPU without AVX512_BF16),
        ``"tf32"`` changes nothing and ``"bf16"`` is slower than ``"fp32"``.
    channels_last : bool
        Whether images and convolutions are stored with the channels of a pixel side by side: faster, and
        the same result up to rounding; but on Apple's mps it has given wrong results without a word [1]_.
    compile : bool
        Whether the model is compiled by ``torch.compile``. Its first batch then takes a minute or more,
        and on the CPU a C++ compiler must be there.
    threads : int, optional
        CPU threads while it is in use; None leaves them as they are.
    deterministic : bool
        Whether cuDNN is held to algorithms that give the same result every time. Otherwise it tries out
        which is fastest, which pays where speed counts and batches keep their size.
    micro_batch_size : int, optional
        Most images that go through a model in training at once. A larger batch is taken in parts whose
        gradients add up: the same update (but for the statistics of batch normalization) in less memory.

    Raises
    ------
    TypeError, ValueError
        If a name is unknown, a number is not positive, this machine has no such device, or tf32 is asked
        of another device than a CUDA GPU.

    Notes
    -----
    **The same seed gives the same run, to the last bit,** on the same machine with the same versions, the
    same number of threads and of processes. The exceptions, all on a CUDA GPU:

    - ``deterministic=False``: which algorithm is fastest, and so how sums are rounded, may change.
    - Layers whose gradients are added up in the order in which a GPU's threads happen to arrive [2]_:
      adaptive pooling, max-pooling with overlapping windows, reflecting padding, bilinear and bicubic
      ``interpolate``, ``grid_sample``, embeddings, ``gather``, ``scatter_add`` and indexing with an index
      that occurs twice; also a sum of floats by ``cumsum`` or ``bincount``, and cross-entropy with one
      label a pixel. Convolution, batch norm, pooling by windows side by side, linear layers and
      cross-entropy with one label an image, which are what `helpers.training.models` is made of, are not
      among them.
    - ``compile=True``: its autotuning may choose other kernels; ``torch.use_deterministic_algorithms``
      prevents that.
    - Matrix products on more than one CUDA stream, unless ``CUBLAS_WORKSPACE_CONFIG=:4096:8`` is set
      before Python starts.

    References
    ----------
    .. [1] https://github.com/pytorch/pytorch/issues/174345, open in November 2026.
    .. [2] https://docs.pytorch.org/docs/stable/generated/torch.use_deterministic_algorithms.html

    Examples
    --------
    >>> Runtime("cpu", precision="tf32")
    Traceback (most recent call last):
    ValueError: precision must be 'fp32' or 'bf16', got precision='tf32'
    """

    device: str | torch.device = "auto"
    precision: str = "fp32"
    channels_last: bool = False
    compile: bool = False
    threads: int | None = None
    deterministic: bool = True
    micro_batch_size: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "device", _available(self.device))
        names = ("fp32", "tf32", "bf16") if self.device.type == "cuda" else ("fp32", "bf16")
        checks.one_of(*names)("precision", self.precision)
        for name in ("threads", "micro_batch_size"):
            if getattr(self, name) is not None:
                checks.count(name, getattr(self, name))

    @classmethod
    def fastest(cls, **changes: Any) -> Runtime:
        """Return what is fastest here without compiling, for results that need not repeat to the last bit.

        Parameters
        ----------
        **changes
            Fields that shall be otherwise.

        Returns
        -------
        Runtime
            On the fastest device, in bf16 where it has instructions for that, channels last except on mps,
            and with cuDNN free to choose.

        Examples
        --------
        >>> Runtime.fastest(precision="fp32", device="cpu").channels_last
        True
        """
        where = _available(changes.get("device", "auto"))
        precision = "bf16" if _multiplies_bf16(where) else "fp32"
        best = {"precision": precision, "channels_last": where.type != "mps", "deterministic": False}
        return cls(**{"device": where, **best, **changes})

    def prepare(self, model: nn.Module) -> nn.Module:
        """Bring a model to the device, in place, and return it.

        Among several processes, all get the weights of the first. A compiled model stays compiled, under
        its own name and with the same names in its state.
        """
        model.to(self.device)
        if self.channels_last:
            model.to(memory_format=torch.channels_last)
        processes.copy_first(model)
        if self.compile:
            model.compile()
        return model

    def to(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """Return tensors on the device; images, which have four axes, in the memory format chosen."""
        formats = {4: torch.channels_last} if self.channels_last else {}
        keep = torch.preserve_format
        return tuple(x.to(self.device, memory_format=formats.get(x.ndim, keep)) for x in tensors)

    def autocast(self) -> contextlib.AbstractContextManager:
        """Return the block for forward pass and loss, in which layers compute in the precision chosen."""
        if self.precision != "bf16":
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, torch.bfloat16)

    def __enter__(self) -> Runtime:
        with contextlib.ExitStack() as stack:
            if self.threads is not None:
                stack.enter_context(threads(self.threads))
            if self.device.type == "cuda":
                stack.enter_context(torch.cuda.device(self.device))
                stack.enter_context(_cuda_flags(self.precision == "tf32", self.deterministic))
            _BLOCKS.set((*_BLOCKS.get(), (self, stack.pop_all())))
        return self

    def __exit__(self, *error: object) -> None:
        *outer, (_, stack) = _BLOCKS.get()
        _BLOCKS.set(tuple(outer))
        stack.__exit__(*error)


#: The ``with`` blocks in which we are, outermost first, each with what its end restores.
_BLOCKS: ContextVar[tuple[tuple[Runtime, contextlib.ExitStack], ...]] = ContextVar("blocks", default=())


def present(device: str | torch.device) -> Runtime:
    """Return the runtime of the innermost ``with`` block; outside of any, a plain one on this device.

    >>> with Runtime("cpu", threads=1):
    ...     present("cpu").threads
    1
    """
    blocks = _BLOCKS.get()
    return blocks[-1][0] if blocks else Runtime(device)


def _available(name: str | torch.device) -> torch.device:
    """Return the device of that name; the plain name of a GPU means the one of this process."""
    try:
        chosen = device() if name == "auto" else torch.device(name)
        if chosen.type == "cuda" and chosen.index is None:
            chosen = torch.device("cuda", processes.local_rank())
        torch.empty(0, device=chosen)
    except (AssertionError, RuntimeError, TypeError) as error:
        raise ValueError(f"device must be one of this machine, got device={name!r}: {error}") from error
    return chosen


def _multiplies_bf16(where: torch.device) -> bool:
    """Tell whether the device has instructions for bfloat16 numbers, without which they take longer."""
    if where.type == "cuda":
        return torch.cuda.get_device_capability(where) >= (8, 0)
    return where.type == "cpu" and torch.cpu._is_avx512_bf16_supported()


@contextlib.contextmanager
def _cuda_flags(tf32: bool, deterministic: bool) -> Iterator[None]:
    """Set torch's global switches for CUDA, and restore them."""
    # torch 2.9 and later also have `fp32_precision`, but once that is set, reading these raises an error.
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    switches = [
        (matmul, "allow_tf32", tf32),
        (cudnn, "allow_tf32", tf32),
        (cudnn, "deterministic", deterministic),
        (cudnn, "benchmark", not deterministic),
    ]
    before = [getattr(owner, name) for owner, name, _ in switches]
    try:
        for owner, name, value in switches:
            setattr(owner, name, value)
        yield
    finally:
        for (owner, name, _), value in zip(switches, before, strict=True):
            setattr(owner, name, value)


def device() -> torch.device:
    """Return the fastest device here: a CUDA GPU, else Apple's (mps), else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


@contextlib.contextmanager
def threads(n: int) -> Iterator[None]:
    """Let torch compute with `n` CPU threads inside a ``with`` block, and with as many as before after it.

    Two processes side by side should share the cores: with more threads than cores they wait for
    each other, which can slow both down tenfold.

    Raises
    ------
    ValueError
        If `n` is not positive.
    """
    checks.count("n", n)
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def seeded(seed: int | torch.Generator) -> torch.Generator:
    """Return a source of random numbers of its own, so that torch's global one stays untouched.

    Parameters
    ----------
    seed : int or torch.Generator
        A whole number, zero or above. A generator is returned as it is, to go on where it stands.

    Returns
    -------
    torch.Generator

    Raises
    ------
    TypeError, ValueError
        If `seed` is neither.
    """
    if isinstance(seed, torch.Generator):
        return seed
    checks.index("seed", seed)
    return torch.Generator().manual_seed(seeds.shifted(int(seed)))


@contextlib.contextmanager
def randomness(seed: int) -> Iterator[None]:
    """Let torch's global generators start from `seed` inside a ``with`` block, and restore them after it.

    For what takes no generator: the initial weights of torch's layers, the masks of dropout.

    Parameters
    ----------
    seed : int
        Zero or above.

    Examples
    --------
    >>> with randomness(seed=0):
    ...     layer = torch.nn.Linear(2, 1)
    >>> with randomness(seed=0):
    ...     twin = torch.nn.Linear(2, 1)
    >>> torch.equal(layer.weight, twin.weight)
    True
    """
    gpus = [torch.cuda.current_device()] if torch.cuda.is_initialized() else []
    with torch.random.fork_rng(devices=gpus):
        seed = seeds.shifted(seed)
        torch.default_generator.manual_seed(seed)
        if gpus:
            torch.cuda.manual_seed(seed)
        yield
