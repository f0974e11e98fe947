"""What a worker does: take a trial, run it, say how it went; and notice when another one has died.

While a trial runs, a thread renews a sign of life in the storage. A trial whose sign has stayed the same
for long has lost its worker: it is ended and put up again, for whoever asks next. How long is measured
by the clock of the one that looks, so that clocks need not agree. Optuna's own sign of life exists for
databases alone, and misses a worker that dies before the first sign; this one serves every storage.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from helpers.training.run import Diverged, Run
from helpers.training.search.plans import Plan, origin
from helpers.training.search.spaces import Axis, build

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

    from helpers.training.search.searches import Search

__all__ = ["Pulse", "Trial", "work"]

#: Runs after the first that a trial gets if its workers die: it may be the trial that kills them.
RETRIES = 3
#: Signs of life that must be missing.
MISSED = 6
#: Seconds between two looks of a worker that waits for others.
POLL = 0.5

Outcome = tuple[str, float | None, str]  # name of the state, value, and a note on it


class Trial:
    """A trial under way, as the objective sees it.

    Given to ``fit`` as a hook, it reports the validation at the end of every epoch: the loss, or the
    accuracy where the search maximizes.

    Parameters
    ----------
    trial : optuna.Trial
        The trial.
    maximize : bool
        Whether larger values are better.

    Attributes
    ----------
    number : int
        Its number in the study, from 0, and the same when it is run again: named after it, a checkpoint
        of the first worker is found by the second.
    """

    def __init__(self, trial: optuna.Trial, maximize: bool = False) -> None:
        self._trial, self._maximize, self.number = trial, maximize, origin(trial)

    def report(self, step: int, value: float) -> None:
        """Report an intermediate value, and end the trial here if it does not look worth finishing.

        Parameters
        ----------
        step : int
            When in the trial, from 0: trials are compared at equal steps.
        value : float
            What the objective would return now.

        Raises
        ------
        optuna.TrialPruned
            To leave the objective; do not catch it.
        """
        import optuna

        if not math.isfinite(value):
            raise optuna.TrialPruned(f"{value} at step {step}")
        self._trial.report(float(value), step)
        if self._trial.should_prune():
            raise optuna.TrialPruned(f"pruned at step {step}")

    def __call__(self, run: Run) -> None:
        if run.ends_epoch and run.history.val_steps:
            seen = run.history.val_accuracies if self._maximize else run.history.val_losses
            self.report(run.epoch, seen[-1])


class Pulse:
    """Who is still alive: the signs of life of all running trials, and since when each has not changed.

    Parameters
    ----------
    grace : float
        Seconds without a new sign after which a trial has lost its worker.
    clock : callable
        Returns seconds; only their differences matter.
    """

    def __init__(self, grace: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.grace, self.clock = grace, clock
        self._seen: dict[int, tuple[Any, float]] = {}

    def stale(self, trials: Iterable[FrozenTrial]) -> list[FrozenTrial]:
        """Return the running trials that have lost their worker."""
        now, running = self.clock(), [trial for trial in trials if trial.state.name == "RUNNING"]
        seen = {}
        for trial in running:
            sign, since = trial.user_attrs.get("beat"), now
            if trial.number in self._seen and self._seen[trial.number][0] == sign:
                since = self._seen[trial.number][1]
            seen[trial.number] = sign, since
        self._seen = seen
        return [trial for trial in running if now - seen[trial.number][1] > self.grace]


def work(search: Search, study: optuna.Study, tell: Callable[[Plan], object] = lambda plan: None) -> None:
    """Run trials until every trial of the search has ended, those of other workers included.

    Parameters
    ----------
    search : Search
        What is searched.
    study : optuna.Study
        Where its trials are kept.
    tell : callable
        ``tell(plan)`` is called after every look at the trials.
    """
    pulse = Pulse(MISSED * search.heartbeat)
    while True:
        for trial in pulse.stale(study.get_trials(deepcopy=False)):
            _give_back(study, trial)
        plan = Plan(search, study.get_trials(deepcopy=False))
        tell(plan)
        if plan.is_complete:
            return
        if plan.has_work:
            _run_one(search, study, pulse)
        else:
            time.sleep(min(POLL, search.heartbeat))


def _run_one(search: Search, study: optuna.Study, pulse: Pulse) -> None:
    from optuna.exceptions import UpdateFinishedTrialError

    trial = study.ask()
    shared = search.storage is not None
    try:
        with _beating(trial, search.heartbeat) if shared else contextlib.nullcontext():
            outcome = _outcome(search, study, trial, pulse)
    except KeyboardInterrupt:
        _give_back(study, study.get_trials(deepcopy=False)[trial.number])
        raise
    except UpdateFinishedTrialError:
        return  # this worker stood still for so long that another one took the trial
    except Exception as error:
        _end(study, trial, ("FAIL", None, f"{type(error).__name__}: {error}"))
        raise
    _end(study, trial, outcome)


def _outcome(search: Search, study: optuna.Study, trial: optuna.Trial, pulse: Pulse) -> Outcome:
    """Choose the values of a trial, run the objective on them, and say how it went."""
    from optuna import TrialPruned

    plan = _settled(search, study, trial, pulse)
    frozen = plan.trials[trial.number]
    if not plan.counts(frozen):
        return "FAIL", None, "one more than the search asked for"
    try:
        parts = build(search.space, _proposed(plan, study, trial, frozen))
    except (TypeError, ValueError) as error:
        return "FAIL", None, str(error)
    try:
        value = search.objective(Trial(trial, search.maximize), **parts)
    except (TrialPruned, Diverged) as reason:
        return "PRUNED", None, str(reason)
    except search.catch as error:
        return "FAIL", None, f"{type(error).__name__}: {error}"
    return _valued(value)


def _valued(value: Any) -> Outcome:
    try:
        value = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"objective must return a number, got {value!r}") from None
    return ("COMPLETE", value, "") if math.isfinite(value) else ("PRUNED", None, f"value {value}")


def _settled(search: Search, study: optuna.Study, trial: optuna.Trial, pulse: Pulse) -> Plan:
    """Return the plan once no trial runs any more of those that decide where this one looks."""
    while True:
        trials = study.get_trials(deepcopy=False)
        plan = Plan(search, trials)
        if not plan.waits(plan.stage(trials[trial.number])):
            return plan
        for lost in pulse.stale(trials):
            _give_back(study, lost)
        time.sleep(min(POLL, search.heartbeat))


def _proposed(plan: Plan, study: optuna.Study, trial: optuna.Trial, frozen: FrozenTrial) -> dict[str, Any]:
    """Return a value for every axis; those of a trial that is run again are what they were.

    The sampler is seeded by the trial's place in the search: the k-th random trial is the same with
    one worker as with many.
    """
    study.sampler = _sampler(plan.search, plan.rank(frozen))
    point = plan.grid_point(frozen) if plan.search.sampler == "grid" else {}
    return {axis.name: _suggest(trial, axis, point) for axis in plan.axes(plan.stage(frozen))}


def _suggest(trial: optuna.Trial, axis: Axis, point: dict[str, Any]) -> Any:
    if axis.name in trial.params:
        return trial.params[axis.name]
    low, high = (point[axis.name],) * 2 if point else (axis.low, axis.high)  # a range of one is not sampled
    suggest = trial.suggest_int if axis.integer else trial.suggest_float
    return suggest(axis.name, low, high, log=axis.log)


def _sampler(search: Search, rank: int) -> optuna.samplers.BaseSampler:
    import optuna

    seed = int(np.random.SeedSequence([search.seed, rank]).generate_state(1)[0])
    kind = optuna.samplers.TPESampler if search.sampler == "tpe" else optuna.samplers.RandomSampler
    return kind(seed=seed)


def _end(study: optuna.Study, trial: optuna.Trial | FrozenTrial, outcome: Outcome) -> None:
    """Write down how a trial ended, unless another worker has ended it for us."""
    from optuna.exceptions import UpdateFinishedTrialError
    from optuna.trial import TrialState

    state, value, note = outcome
    with contextlib.suppress(UpdateFinishedTrialError):
        if note:
            trial.set_user_attr("note", note)
        study.tell(trial.number, value, state=TrialState[state], skip_if_finished=True)


def _give_back(study: optuna.Study, lost: FrozenTrial) -> None:
    """End a trial that has lost its worker, and put it up again.

    It is put up first: whoever dies in between leaves a trial to be ended, and none to be missed.
    """
    import optuna
    from optuna.trial import TrialState

    run = {"origin": origin(lost), "run": lost.user_attrs.get("run", 0) + 1}
    others = (trial.user_attrs for trial in study.get_trials(deepcopy=False))
    put_up = any({key: attrs.get(key) for key in run} == run for attrs in others)
    if run["run"] <= RETRIES and not put_up:
        waiting = optuna.create_trial(
            state=TrialState.WAITING, params=lost.params, distributions=lost.distributions, user_attrs=run
        )
        study.add_trial(waiting)
    with contextlib.suppress(optuna.exceptions.UpdateFinishedTrialError):
        study.tell(lost.number, state=TrialState.FAIL, skip_if_finished=True)


@contextlib.contextmanager
def _beating(trial: optuna.Trial, every: float) -> Iterator[None]:
    """Renew a trial's sign of life while the block runs."""
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(every):
            with contextlib.suppress(Exception):  # a storage that is busy misses one sign, not all
                trial.set_user_attr("beat", time.time())

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
