"""What each process does in tests of several: ``torchrun --nproc-per-node 2 ranks.py FOLDER``."""

import pathlib
import sys
from dataclasses import replace

import torch
from torch import nn
from torch.nn import functional as F

from helpers.formulas.schedules import LinearDecay
from helpers.recipes import command, digits
from helpers.training import evaluate, fit, models, processes
from helpers.training.augmentation import Augmentation
from helpers.training.hooks import Augment, ClipGradient
from helpers.training.runtime import Runtime


def images_and_labels():
    """Return 35 random images, so that three batches of 12 end with one of 11, which no two can halve."""
    generator = torch.Generator().manual_seed(1)
    return torch.rand(35, 1, 8, 8, generator=generator), torch.randint(10, (35,), generator=generator)


def fitted(*hooks):
    """Train a network for three steps by `fit`; return its weights, the record and a later evaluation."""
    model, data = models.small_cnn(seed=processes.rank()), images_and_labels()
    settings = dict(
        loss=F.cross_entropy,
        optimizer=torch.optim.SGD(model.parameters(), lr=1, momentum=0.9, weight_decay=1e-3, nesterov=True),
        schedule=LinearDecay(peak_lr=0.5, total_steps=3),
        batch_size=12,
        epochs=1,
        hooks=[ClipGradient(0.5), *hooks],
    )
    with Runtime("cpu", micro_batch_size=4):
        history = fit(model, data, data, **settings)
    return model.state_dict(), history.to_dict(), evaluate(model, data, F.cross_entropy)


def normed():
    """Train a network with batch norm and augmentation, in which each process sees other numbers."""
    model = models.small_cnn((4,), norm=True)
    fit(
        model,
        images_and_labels(),
        loss=F.cross_entropy,
        optimizer=torch.optim.SGD(model.parameters(), lr=1),
        schedule=LinearDecay(peak_lr=0.1, total_steps=6),
        batch_size=12,
        epochs=2,
        hooks=[Augment(Augmentation(shift=1))],
    )
    return model.state_dict()


def summed_gradients():
    """Return what becomes of gradients that all, one, or no process has, and of one that is not wanted."""
    params = [nn.Parameter(torch.zeros(2, 3)) for _ in range(4)] + [nn.Parameter(torch.zeros(2).double())]
    params[3].requires_grad_(False)
    for param in (params[0], params[4]):
        param.grad = torch.full_like(param, processes.rank() + 1.0)
    if processes.rank() == 1:
        params[1].grad = torch.full((2, 3), 5.0)
    processes.sum_gradients(params)
    return [param.grad for param in params]


def averaged_buffers():
    """Return the statistics of a batch norm that saw other images in each process."""
    norm = nn.BatchNorm2d(2, momentum=1.0)
    norm(torch.full((2, 2, 1, 1), 4.0 * processes.rank()))
    processes.average_buffers(norm)
    return norm.running_mean, norm.num_batches_tracked


def agree(folder):
    """Write down what this process saw of everything that processes exchange."""
    seen = {
        "places": (processes.rank(), processes.local_rank(), processes.world_size(), processes.is_main()),
        "fit": fitted(),
        "normed": normed(),
        "gradients": summed_gradients(),
        "buffers": averaged_buffers(),
        "total": processes.total(torch.tensor([1.0, processes.rank()])),
        "gather": processes.gather(torch.tensor([processes.rank()])),
    }
    torch.save(seen, folder / f"{processes.rank()}.pt")


def fail(run):
    """Let the second process fail within its training, while the first one waits for its gradients."""
    if processes.rank() == 1 and run.step == 2:
        raise ArithmeticError("the second process cannot go on")


if __name__ == "__main__":
    agree(pathlib.Path(sys.argv[1]))
    processes.leave = lambda: None  # another group on the same store may meet the addresses of the first
    few = replace(digits.CHOSEN, epochs=4)
    recipe = replace(digits.RECIPE, settings=few, candidates=(few,))
    command.main(recipe, ["--seeds", "0", "--device", "cpu", "--record", f"{sys.argv[1]}/record.json"])
    fitted(fail)
