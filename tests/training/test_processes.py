"""Two processes are as good as one, and none waits for the dead."""

import os
import subprocess
import sys

import pytest
import torch

from helpers.training import models, processes, records
from tests.conftest import ROOT
from tests.training import ranks


def start(folder):
    """Run `ranks` in two processes, and return how they ended."""
    launch = "-m torch.distributed.run --standalone --nproc-per-node 2 --no-python"  # at a port of its own
    return subprocess.run(
        [sys.executable, *launch.split(), sys.executable, ranks.__file__, str(folder)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        errors="replace",
        timeout=processes.TIMEOUT.total_seconds() / 3,  # nobody waits until a process counts as lost
    )


def assert_they_fit_as_one_does(seen):
    """By pieces, clipped, with weight decay: whatever is not linear in the gradient sees the whole one."""
    weights, history, looked = ranks.fitted()
    start = models.small_cnn(seed=0).state_dict()
    for s in seen:  # the second process began with other weights, and was given those of the first
        found, found_history, found_look = s["fit"]
        for name, weight in weights.items():
            torch.testing.assert_close(found[name], weight, rtol=0, atol=1e-6)
            assert (weight - start[name]).abs().max() > 1e-4
            assert torch.equal(found[name], seen[0]["fit"][0][name])
        for name in ("rates", "losses", "norms", "val_losses", "val_accuracies"):
            assert found_history[name] == pytest.approx(history[name], abs=1e-6)
        assert found_look == pytest.approx(looked, abs=1e-6)
    assert history["losses"][0] > history["val_losses"][0]


def assert_replicas_stay_alike_where_each_sees_other_numbers(seen):
    first, second = (s["normed"] for s in seen)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["1.running_mean"], torch.zeros(4))


def assert_they_exchange_what_they_should(seen):
    """Places, sums, lists; gradients that all, one or none has or wants; statistics, but not their counts."""
    assert [s["places"] for s in seen] == [(0, 0, 2, True), (1, 1, 2, False)]
    for s in seen:
        assert s["total"].tolist() == [2.0, 1.0] and s["gather"] == [torch.tensor([0]), torch.tensor([1])]
        grads = [grad if grad is None else grad.tolist() for grad in s["gradients"]]
        assert grads == [[[3.0] * 3] * 2, [[5.0] * 3] * 2, None, None, [3.0] * 2]
        assert s["gradients"][4].dtype == torch.float64
        assert [value.tolist() for value in s["buffers"]] == [[2.0, 2.0], 1]


def test_two_processes_are_as_good_as_one_and_a_death_ends_the_job_with_its_traceback(tmp_path):
    """One test, as a start takes seconds."""
    done = start(tmp_path)
    assert all((tmp_path / f"{rank}.pt").is_file() for rank in range(2)), done.stderr
    seen = [torch.load(tmp_path / f"{rank}.pt") for rank in range(2)]
    assert_they_exchange_what_they_should(seen)
    assert_they_fit_as_one_does(seen)
    assert_replicas_stay_alike_where_each_sees_other_numbers(seen)
    assert done.stdout.count("mean") == 1  # one process speaks
    record = records.read(tmp_path / "record.json")
    assert record["runtime"]["processes"] == 2 and record["summary"]["accuracy_mean"] > 0.9
    assert done.returncode != 0 and "in fail" in done.stderr
    assert "ArithmeticError: the second process cannot go on" in done.stderr


def test_alone_everything_stays_as_it_is():
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    param = model[0].weight
    param.grad = torch.ones(2, 2)
    processes.sum_gradients(model.parameters())
    processes.average_buffers(model)
    processes.copy_first(model)
    assert processes.join() is False
    assert processes.gather(param.grad) == [param.grad]
    assert torch.equal(param.grad, torch.ones(2, 2))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert (processes.rank(), processes.local_rank(), processes.world_size()) == (0, 0, 1)
    assert processes.is_main()


def test_leaving_destroys_the_process_group(tmp_path):
    processes.leave()  # there is none
    torch.distributed.init_process_group("gloo", f"file://{tmp_path}/store", rank=0, world_size=1)
    processes.leave()
    assert not torch.distributed.is_initialized()
