"""What one learning rate costs: a call of each schedule, next to one step of torch's scheduler.

Run it with ``python -m benchmarks.schedules``. The promise is 2 microseconds a call. Each figure is the
smallest of many short runs that alternate, so that another program's work on the machine does not count.
"""

import math
import subprocess
import sys
import timeit

import torch

from helpers.core.hyperparameters import example
from helpers.formulas import schedules

LIMIT = 2.0  # microseconds
CALLS = 2_000
ROUNDS = 40


def cases():
    """Every schedule at its example values, and what is made of several."""
    cosine, stairs = example(schedules.CosineDecay), example(schedules.StepDecay)
    warm = example(schedules.Warmup, inner=cosine)
    catalog = {method.__name__: example(method) for method in schedules.METHODS}
    catalog["OneCycle, linear"] = example(schedules.OneCycle, anneal="linear")
    catalog["Lambda"] = schedules.Lambda(0.1, decay)
    catalog["Warmup of CosineDecay"] = warm
    catalog["Joined, four parts"] = schedules.Joined((warm, stairs, cosine, stairs), (200, 400, 600))
    return catalog


def decay(t):
    """The function of the Lambda."""
    return 0.95**t


def torch_step(schedule):
    """One step of torch's scheduler for the same rates."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=schedule.base_lr)
    scope = {**vars(torch.optim.lr_scheduler), "math": math, "decay": decay, "optimizer": optimizer}
    scheduler = eval(schedule.replace(**LONG.get(type(schedule), {})).torch(), scope)
    optimizer.step()
    return scheduler.step


#: Torch's one-cycle refuses steps beyond its end.
LONG = {schedules.OneCycle: {"total_steps": 10**9}}


def fastest(functions):
    """Microseconds a call of each function: the smallest of short runs in turn."""
    timers = {name: timeit.Timer(function) for name, function in functions.items()}
    best = dict.fromkeys(timers, math.inf)
    for _ in range(ROUNDS):
        for name, timer in timers.items():
            best[name] = min(best[name], timer.timeit(CALLS) / CALLS * 1e6)
    return best


def import_seconds(module, runs=5):
    """Seconds to import a module in a new interpreter, beside numpy alone: the smallest of some runs."""
    code = f"import time; start = time.perf_counter(); import {module}; print(time.perf_counter() - start)"
    return min(float(subprocess.check_output([sys.executable, "-c", code], text=True)) for _ in range(runs))


def main():
    """Print the tables; say which schedules miss the limit."""
    torch.set_num_threads(1)
    catalog = cases()
    ours = fastest({name: lambda s=schedule: s(437) for name, schedule in catalog.items()})
    theirs = fastest({name: torch_step(schedule) for name, schedule in catalog.items()})
    print(f"{'schedule':<26}{'us a call':>10}{'torch, us a step':>18}{'ratio':>8}")
    for name, time in ours.items():
        print(f"{name:<26}{time:>10.2f}{theirs[name]:>18.2f}{time / theirs[name]:>8.2f}")
    slow = [name for name, time in ours.items() if time > LIMIT]
    print(f"slowest {max(ours.values()):.2f} us; above {LIMIT:g} us: {', '.join(slow) or 'none'}")
    for module in ("helpers.formulas.schedules", "numpy", "torch"):
        print(f"importing {module}: {import_seconds(module):.2f} s")


if __name__ == "__main__":
    main()
