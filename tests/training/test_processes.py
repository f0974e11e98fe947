"""Two processes are as good as one, and none waits for the dead."""

import os
import subprocess
import sys

import pytest
import torch

from helpers.training import models, processes, records
from helpers.training.runtime import Runtime
from tests.conftest import ROOT
from tests.training import ranks


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    """Run `ranks` in two processes, and return how they ended and the folder of what they wrote."""
    folder = tmp_path_factory.mktemp("ranks")
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--no-python"]
    done = subprocess.run(
        [*launch, sys.executable, ranks.__file__, str(folder)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        errors="replace",
        timeout=processes.TIMEOUT.total_seconds() / 3,  # nobody waits until a process counts as lost
    )
    return done, folder


@pytest.fixture(scope="module")
def seen(job):
    """Return what each of two processes saw."""
    done, folder = job
    assert (folder / "1.pt").is_file(), done.stderr
    return [torch.load(folder / f"{rank}.pt") for rank in range(2)]


def test_each_process_knows_its_place(seen):
    assert [s["places"] for s in seen] == [(0, 0, 2, True), (1, 1, 2, False)]


def test_two_processes_train_as_one_does(seen):
    weights, losses = ranks.three_steps(Runtime("cpu"), models.small_cnn(seed=0))
    start = models.small_cnn(seed=0).state_dict()
    for s in seen:  # the second process began with other weights, and was given those of the first
        found, found_losses = s["steps"]
        assert found_losses == pytest.approx(losses, abs=1e-6)
        for name, weight in weights.items():
            torch.testing.assert_close(found[name], weight, rtol=0, atol=1e-6)
            assert (weight - start[name]).abs().max() > 1e-3
            assert torch.equal(found[name], seen[0]["steps"][0][name])


def test_two_processes_fit_as_one_does(seen):
    """By pieces, clipped, with weight decay: whatever is not linear in the gradient sees the whole one."""
    weights, history, looked = ranks.fitted()
    for s in seen:
        found, found_history, found_look = s["fit"]
        for name, weight in weights.items():
            torch.testing.assert_close(found[name], weight, rtol=0, atol=1e-6)
            assert torch.equal(found[name], seen[0]["fit"][0][name])
        for name in ("rates", "losses", "norms", "val_losses", "val_accuracies"):
            assert found_history[name] == pytest.approx(history[name], abs=1e-6)
        assert found_look == pytest.approx(looked, abs=1e-6)
    assert history["losses"][0] > history["val_losses"][0]


def test_replicas_stay_alike_where_each_sees_other_numbers(seen):
    first, second = (s["normed"] for s in seen)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["1.running_mean"], torch.zeros(4))


def test_gradients_are_added_up_and_unused_parameters_keep_none(seen):
    for s in seen:
        first, second, third, frozen, double = s["gradients"]
        assert torch.equal(first, torch.full((2, 3), 3.0))
        assert torch.equal(second, torch.full((2, 3), 5.0))
        assert (third, frozen) == (None, None)
        assert torch.equal(double, torch.full((2,), 3.0, dtype=torch.float64))


def test_running_statistics_are_averaged_and_counts_stay(seen):
    for s in seen:
        mean, count = s["buffers"]
        assert torch.equal(mean, torch.full((2,), 2.0))
        assert count == 1


def test_a_sum_and_a_list_over_processes(seen):
    assert [s["total"].tolist() for s in seen] == [[2.0, 1.0], [2.0, 1.0]]
    assert [s["gather"] for s in seen] == [[torch.tensor([0]), torch.tensor([1])]] * 2


def test_two_processes_train_one_recipe(job):
    done, folder = job
    assert done.stdout.count("mean") == 1  # one process speaks
    record = records.read(folder / "record.json")
    assert record["runtime"]["processes"] == 2
    assert record["summary"]["accuracy_mean"] > 0.9


def test_a_death_ends_the_job_with_its_traceback(job):
    done, _ = job
    assert done.returncode != 0
    assert "in fail" in done.stderr
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
