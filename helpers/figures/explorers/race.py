"""The explorer of the race: any two schedules at any length, their rates, losses, final scores and tuning."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from helpers.core import checks, symbolic
from helpers.core.hyperparameters import Hyperparameters, hyperparameter
from helpers.figures.explorers.kit import Explorer
from helpers.formulas.comparison import student_quantile
from helpers.formulas.schedules import Schedule
from helpers.formulas.schedules.contestants import CONTESTANTS
from helpers.training import records

__all__ = ["RaceExplorer"]


@dataclass(frozen=True)
class _State(Hyperparameters):
    """Where in the training the numbers are read, and of what."""

    part: int = hyperparameter(
        "t/T", "part of the training", checks.count, unit="%", low=5, high=100, default=100
    )
    first: str = "cosine"
    second: str = "constant"
    steps: int = 1
    training: bool = False


#: A question, the two schedules, the number of the length among the record's, and the part.
QUESTIONS = (
    ("Cosine or a constant rate: when do they cross?", "cosine", "constant", -1, 50),
    ("The same with few steps: does the order hold?", "cosine", "constant", 0, 100),
    ("Linear or cosine: can the seeds tell them apart?", "linear", "cosine", -1, 100),
    ("One-cycle: does it bear a higher peak than a constant rate?", "one-cycle", "constant", 1, 30),
    ("Cosine restarts: what does a restart cost?", "cosine restarts", "cosine", -1, 30),
)


class RaceExplorer(Explorer):
    """Choose two schedules and a length, and see how they ran: rates, losses, test results, tuning.

    Everything is read from a record of :mod:`helpers.recipes.schedule_race`; the rates are computed from the
    schedules that it names. In a live notebook the traits are what the reader sees; :meth:`difference`
    follows them.

    Parameters
    ----------
    first, second : str
        Names of contestants.
    steps : int, optional
        Length of the training, one of the record's; by default the longest.
    part : int
        Where the numbers are read, in percent of the training, 5 to 100.
    training : bool
        Whether the training loss is drawn in place of the validation loss.
    record : dict, optional
        What :func:`helpers.training.records.read` returned; by default the record that comes with the book.

    Raises
    ------
    TypeError, ValueError
        If a name, the length or the part is not one that there is.
    """

    family: ClassVar[str] = "race"
    alt: ClassVar[str] = "Explorer of the race of schedules"
    limited: ClassVar[tuple[str, ...]] = ("part",)

    def __init__(
        self,
        first: str = "cosine",
        second: str = "constant",
        steps: int | None = None,
        *,
        part: int = 100,
        training: bool = False,
        record: dict[str, Any] | None = None,
    ) -> None:
        record = records.kept("schedule-race") if record is None else record
        self._settings, self._results = record["settings"], _results(record)
        lengths = self._settings["lengths"]
        steps = lengths[-1] if steps is None else steps
        for name, value in (("first", first), ("second", second)):
            checks.one_of(*self._results)(name, value)
        checks.one_of(*lengths)("steps", steps)
        self.questions = [
            (text, {"first": a, "second": b, "steps": lengths[length], "part": place, "training": False})
            for text, a, b, length, place in QUESTIONS
            if {a, b} <= set(self._results) and length < len(lengths)  # none about who did not run
        ]
        super().__init__(_State(part, first, second, steps, bool(training)))

    def schedule(self, name: str) -> Any:
        """Return a contestant as it ran: with the peak rate that was chosen for the present length."""
        return CONTESTANTS[name](self._results[name][str(self.steps)]["peak"], self.steps)

    def difference(self, what: str = "accuracy") -> tuple[float, float, int]:
        """Return by how much the first is above the second, seed by seed.

        Parameters
        ----------
        what : str
            ``"accuracy"`` (in percent) or ``"loss"`` (in nats), both on the test set.

        Returns
        -------
        mean, std : float
            Of the differences; the sample standard deviation.
        agreeing : int
            How many of the differences have the sign of their mean.
        """
        checks.one_of("accuracy", "loss")("what", what)
        a, b = (self._results[name][str(self.steps)][what] for name in (self.first, self.second))
        apart = np.array(a, dtype=float) - np.array(b, dtype=float)
        return float(apart.mean()), float(apart.std(ddof=1)), int((apart * apart.mean() > 0).sum())

    def catalog(self) -> dict[str, Any]:
        facts = {name: self._settings[name] for name in ("lengths", "seeds", "peaks", "looks")}
        return facts | {"results": self._results, "student": student_quantile(len(facts["seeds"]))}

    def formulas(self) -> dict[str, str]:
        methods = ((name, self.schedule(name)) for name in self._results)
        return {name: symbolic.javascript(own) for name, own in methods if isinstance(own, Schedule)}


def _results(record: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Of each contestant and length: the choice of the peak rate, and the runs, an entry a seed."""
    names = dict.fromkeys(run["schedule"] for run in record["runs"])
    lengths = record["settings"]["lengths"]
    return {name: {str(steps): _result(record, name, steps) for steps in lengths} for name in names}


def _result(record: dict[str, Any], name: str, steps: int) -> dict[str, Any]:
    def own(key: str) -> list[dict[str, Any]]:
        return [one for one in record[key] if (one["schedule"], one["steps"]) == (name, steps)]

    runs = own("runs")
    method = CONTESTANTS[name](runs[0]["peak_lr"], steps)
    return {
        "peak": runs[0]["peak_lr"],
        "tried": [_thousandths(one["losses"]) for one in own("candidates")],
        "accuracy": [round(100 * run["accuracy"], 2) for run in runs],
        "loss": [run["loss"] for run in runs],
        "train": [_thousandths(run["train_losses"]) for run in runs],
        "val": [_thousandths(run["val_losses"]) for run in runs],
        "rates": [run["rates"] for run in runs if "rates" in run],  # where no formula knows them
        "p": dataclasses.asdict(method),
    }


def _thousandths(losses: list[float | None]) -> list[int | None]:
    """Three decimals are more than a picture shows."""
    return [None if loss is None else round(1000 * loss) for loss in losses]
