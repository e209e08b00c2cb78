"""One fair comparison of techniques, for chapters, for the atlas, and for rows of your own.

A number of labelled rows is given. Validation rows come out of them, with labels as often wrong as
the others'. Each technique gets the same number of tries for its one most important setting, and
the baseline gets its learning rate. Each training goes on until it has stopped improving on its
validation rows: until it took twice the epochs of its best one, or to a ceiling that is the same
number of steps for all. It is judged once, on test rows, at its last epoch and at the epoch that it
chose itself, and both again with half the ceiling.
"""

from __future__ import annotations

import dataclasses
import functools
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from .claims import Claim
from .datasets import Dataset, with_validation_rows_of_its_own
from .measures import Measurement, cross_entropy_of, lowest_so_far, test_ids
from .parameters import OneLineError
from .training import replicate

NONE = "none"
ENDS = ("last", "chosen")
VALIDATION_SHARE = 0.2
LONGEST_WAIT = 2  # times the epochs of the best one


class ProtocolError(OneLineError):
    """A comparison that would not be fair, or cannot be made."""


@dataclasses.dataclass(frozen=True, eq=False)
class Comparison:
    """What the techniques reached.

    Attributes:
        seeds: the seed of each replicate, the same for all techniques.
        epochs: budgets in epochs of the baseline, the ceiling last.
        accuracy: for each technique and each of `ENDS` the test accuracy at every budget.
        chosen: for each technique how many seeds chose which of its settings.
        stopped: for each technique the share of the seeds that stopped before the ceiling.
    """

    seeds: tuple[int, ...]
    epochs: tuple[int, ...]
    accuracy: dict[str, dict[str, Measurement]]
    chosen: dict[str, Counter]
    stopped: dict[str, float]

    def claim(self, technique: str, end: str = "chosen", against: str = NONE, **parts) -> Claim:
        """What a technique did to the test accuracy, against the baseline or another technique.

        Args:
            technique, against: names of the comparison.
            end: one of `ENDS`.
            parts: other parts of the `Claim`, such as its id and context.
        """
        told = {} if against == NONE else {"against": against}
        told = {"subject": technique, "what": "test accuracy", "id": technique} | told | parts
        return Claim(
            treatment=self.accuracy[technique][end],
            control=self.accuracy[against][end],
            metric="accuracy",
            direction="higher",
            seeds=self.seeds,
            **told,
        )


@dataclasses.dataclass(frozen=True, eq=False)
class Reached:
    """What one technique reached: one entry of each part of a `Comparison`."""

    accuracy: dict[str, Measurement]
    chosen: Counter
    stopped: float


def compare(
    data: Callable[[int], Dataset],
    techniques: Mapping[str, Mapping[str, Mapping[str, Any]]],
    *,
    seeds: Iterable[int],
    steps: int,
    batch_size: int = 32,
    budgets: Iterable[float] = (0.5, 1.0),
) -> Comparison:
    """Compare techniques fairly.

    Args:
        data: a function from a seed to the labelled rows that are given, as the training rows of a
            `Dataset`, and to test rows. Its validation rows are not used.
        techniques: for each name, for each setting that it may try, what `training.replicate` takes
            besides data and budget: `build_model`, `optimizer`, `loss`; and "data", where a
            technique is about the rows. One is called "none", and all have equally many settings,
            but for those that have nothing to set.
        seeds: one replicate for each.
        steps: the ceiling, in steps of `batch_size` rows; an incomplete batch is left out.
        batch_size: rows per step; all rows at once where there are fewer.
        budgets: shares of the ceiling at which to judge, ascending, with a half and last the whole.

    Raises:
        ProtocolError: there is no baseline, settings are not equally many, or the ceiling is lower
            than two epochs.
    """
    seeds = tuple(seeds)
    _check(techniques)
    reached = {
        name: train_and_judge(
            data, settings, seeds=seeds, steps=steps, batch_size=batch_size, budgets=budgets
        )
        for name, settings in techniques.items()
    }
    return Comparison(
        seeds,
        reached[NONE].accuracy["last"].epochs,
        {name: one.accuracy for name, one in reached.items()},
        {name: one.chosen for name, one in reached.items()},
        {name: one.stopped for name, one in reached.items()},
    )


def train_and_judge(
    data: Callable[[int], Dataset],
    settings: Mapping[str, Mapping[str, Any]],
    *,
    seeds: Iterable[int],
    steps: int,
    batch_size: int = 32,
    budgets: Iterable[float] = (0.5, 1.0),
    measurements: int | None = None,
    stop_from: float = 0.0,
) -> Reached:
    """One technique of a comparison.

    Args:
        settings: those of this technique.
        measurements: after about how many epochs to measure, at equal distances on a log axis, so
            that large networks are not measured longer than they are trained; by default as
            `training.replicate` does.
        stop_from: share of the ceiling up to which every training goes on; above 0 for networks
            whose validation loss is unsteady in their first epochs.

    The other arguments are those of `compare`.

    Raises:
        ProtocolError: the ceiling is lower than two epochs.
    """
    seeds, budgets = tuple(seeds), tuple(budgets)
    given = functools.cache(lambda seed: with_validation_rows_of_its_own(data(seed)))
    rows = len(given(seeds[0]).x_train)
    epochs = _epochs(rows, steps, batch_size)
    if epochs < 2:
        raise ProtocolError(
            f"steps is {steps}: {rows} training rows take {rows // batch_size} steps an epoch, "
            "and two epochs are the least that can be halved"
        )
    marks = [max(1, int(share * epochs)) for share in budgets]
    shares = [mark / epochs for mark in marks]
    runs = [
        _train(given, dict(setting), seeds, steps, batch_size, shares, measurements)
        for setting in settings.values()
    ]
    ends, picked, early = _judged(runs, shares, stop_from)
    ids = test_ids(seeds, data)
    accuracy = {
        end: Measurement(by_row.mean(axis=-1), tuple(marks), by_row, ids)
        for end, by_row in ends.items()
    }
    return Reached(accuracy, Counter(np.array(list(settings))[picked]), early)


def _check(techniques):
    if NONE not in techniques:
        raise ProtocolError(
            f"no technique is called {NONE!r}; a comparison needs a baseline, not only "
            f"{', '.join(techniques) or 'nothing'}"
        )
    counts = {name: len(settings) for name, settings in techniques.items()}
    tries = {count for count in counts.values() if count > 1}
    if 0 in counts.values() or len(tries) > 1:
        raise ProtocolError(
            "techniques may try "
            + ", ".join(f"{count} settings ({name})" for name, count in counts.items())
            + "; fair is the same number for all that have something to set"
        )


def _epochs(rows, steps, batch_size):
    return round(steps / max(1, rows // batch_size))


def _train(given, setting, seeds, steps, batch_size, shares, measurements):
    data = given
    if "data" in setting:
        own = setting.pop("data")
        data = functools.cache(lambda seed: with_validation_rows_of_its_own(own(seed)))
    rows = len(data(seeds[0]).x_train)
    epochs = _epochs(rows, steps, batch_size)
    if measurements is not None:
        grid = np.geomspace(1, epochs, measurements).tolist() + [s * epochs for s in shares]
        setting["measure_at"] = {max(1, round(epoch)) for epoch in grid}
    return replicate(
        data=data,
        seeds=seeds,
        epochs=epochs,
        batch_size=min(batch_size, rows),
        drop_remainder=True,
        measured=("validation", "test"),
        keep_rows=("validation", "test"),
        **setting,
    )


def _judged(runs, shares, stop_from=0.0):
    """Rows that were correct at each end, shape (seeds, budgets, rows); the setting chosen last."""
    found = [[_one(run, share, stop_from) for share in shares] for run in runs]
    ends = {end: [] for end in ENDS}
    for budget in range(len(shares)):
        tried = [of_run[budget] for of_run in found]
        # The setting that is right most often on the validation rows, or else with less doubt.
        scores = np.array([accuracy - 1e-6 * loss for accuracy, loss, *_ in tried])
        picked = scores.argmax(axis=0)
        for end, position in zip(ENDS, (2, 3), strict=True):
            rows = np.stack([one[position] for one in tried])
            ends[end].append(rows[picked, np.arange(rows.shape[1])])
    early = np.stack([of_run[-1][4] for of_run in found])[picked, np.arange(len(picked))].mean()
    return {end: np.stack(rows, axis=1) for end, rows in ends.items()}, picked, float(early)


def _one(run, share, stop_from=0.0):
    """One setting with a part of the ceiling, for each seed.

    Returns:
        Validation accuracy and cross-entropy at the chosen epoch, the test rows that were correct
        at the last epoch and at the chosen one, and whether it stopped before the ceiling.
    """
    epochs = np.array(run.epochs)
    inside = max(1, int((epochs <= max(1, round(share * epochs[-1]))).sum()))
    losses = cross_entropy_of(run.label_outputs("validation")).mean(axis=-1)
    losses = np.nan_to_num(losses[:, :inside], nan=np.inf)
    best = lowest_so_far(losses)
    waited = epochs[:inside] >= np.maximum(LONGEST_WAIT * epochs[best], stop_from * epochs[-1])
    last = np.where(waited.any(axis=1), waited.argmax(axis=1), inside - 1)
    every = np.arange(len(losses))
    chosen = best[every, last]
    validation, test = run.correct("validation"), run.correct("test")
    return (
        validation[every, chosen].mean(axis=-1), losses[every, chosen],
        test[every, last], test[every, chosen], waited.any(axis=1),
    )  # fmt: skip
