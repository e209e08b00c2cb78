"""What is read off replicates: for each seed a number after every measured epoch.

A `Measurement` keeps the budget with the numbers, and where they are means over held-out rows, what
each row contributed, so that a claim can be judged at half of the budget and with other rows in
mind.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from .datasets import Dataset
from .intervals import error_over_seeds_and_rows

if TYPE_CHECKING:  # who reads claims, as a sweep does, need not wait for TensorFlow
    from .training import Replicates


@dataclasses.dataclass(frozen=True, eq=False)
class Measurement:
    """Numbers of each seed at each of some budgets.

    Attributes:
        values: shape (seeds, budgets), the largest budget last.
        epochs: passes over the training rows behind each column, in ascending order.
        by_row: what each held-out row contributed, shape (seeds, budgets, rows), whose mean over
            the rows is `values`; None where the numbers are no means over held-out rows.
        row_ids: which row of the whole dataset each is, shape (seeds, rows), or None.

    Raises:
        ValueError: shapes that do not match.
    """

    values: np.ndarray
    epochs: tuple[int, ...]
    by_row: np.ndarray | None = None
    row_ids: np.ndarray | None = None

    def __post_init__(self):
        if np.ndim(self.values) != 2 or np.shape(self.values)[1] != len(self.epochs):
            raise ValueError(
                f"values has shape {np.shape(self.values)}; it takes one column for each of the "
                f"{len(self.epochs)} budgets"
            )

    @property
    def final(self) -> np.ndarray:
        """The numbers at the whole budget, shape (seeds,)."""
        return self.values[:, -1]

    @property
    def half(self) -> int | None:
        """The column at half of the budget; None where nothing was measured there."""
        middle = self.epochs[-1] // 2
        return self.epochs.index(middle) if middle in self.epochs else None

    def standard_error(self, column: int) -> float | None:
        """Of the mean at one budget, over seeds and rows; None where the rows are not known."""
        if self.by_row is None:
            return None
        return error_over_seeds_and_rows(self.by_row[:, column], self.row_ids)

    def at(self, *columns: int) -> Measurement:
        """Only some of the columns, in ascending order."""
        return self._with(
            self.values[:, columns],
            None if self.by_row is None else self.by_row[:, columns],
            tuple(self.epochs[column] for column in columns),
        )

    def halved(self) -> Measurement:
        """Only the columns at half of the budget, where there is one, and at all of it."""
        return self.at(-1) if self.half is None else self.at(self.half, -1)

    def _with(self, values, by_row, epochs=None):
        return Measurement(
            values, self.epochs if epochs is None else epochs, by_row,
            None if by_row is None else self.row_ids,
        )  # fmt: skip

    def __sub__(self, other) -> Measurement:
        """The difference, pair by pair; numbers or one number for each seed can be taken off too.

        Trainings of different lengths are compared at half and at all of their budgets.
        """
        if not isinstance(other, Measurement):
            off = np.reshape(np.asarray(other, dtype="float64"), (-1, 1))
            with np.errstate(invalid="ignore"):  # inf - inf, where both diverged
                by_row = None if self.by_row is None else self.by_row - off[..., None]
                return self._with(self.values - off, by_row)
        if self.epochs != other.epochs:
            mine, others = self.halved(), other.halved()
            if len(mine.epochs) != len(others.epochs):
                mine, others = (m.at(-1) for m in (mine, others))
            return mine._minus(others)
        return self._minus(other)

    def _minus(self, other):
        with np.errstate(invalid="ignore"):  # inf - inf, where both diverged
            values = self.values - other.values
        if self.by_row is None or other.by_row is None:
            # Without the rows of both, only seeds count as varying.
            return self._with(values, None)
        if not np.array_equal(self.row_ids, other.row_ids):
            raise ValueError("treatment and control were not judged on the same rows")
        with np.errstate(invalid="ignore"):
            by_row = self.by_row.astype("float32") - other.by_row.astype("float32")
        return self._with(values, by_row)


def errors_of_pairs(reached: Mapping[str, Measurement]) -> dict[str, list[float]]:
    """Standard errors of the difference of any two measurements, at each of their budgets.

    A table that holds them can do without the rows.

    Args:
        reached: measurements with their rows, by name.

    Returns:
        For "one | other" a number for each budget.
    """
    return {
        f"{one} | {other}": [
            round((reached[one] - reached[other]).standard_error(column), 7)
            for column in range(len(reached[one].epochs))
        ]
        for one, other in itertools.combinations(reached, 2)
    }


def errors_of(pairs: Mapping[str, Sequence[float]], one: str, other: str) -> tuple[float, ...]:
    """Those of one pair, in either order."""
    pair = f"{one} | {other}"
    return tuple(pairs[pair if pair in pairs else f"{other} | {one}"])


def measured(results: Replicates, metric: str) -> Measurement:
    """A curve of `Replicates.history` as it is, such as "train_loss"."""
    return Measurement(results[metric], results.epochs)


def test_accuracy(results: Replicates, data: Callable[[int], Dataset]) -> Measurement:
    """Share of the test rows that are answered correctly.

    Args:
        results: trained with `keep_rows=["test"]`.
        data: the function from a seed to the rows that it was trained and tested on.
    """
    correct = results.correct("test")
    return Measurement(
        correct.mean(axis=-1), results.epochs, correct, test_ids(results.seeds, data)
    )


def test_loss(results: Replicates, data: Callable[[int], Dataset]) -> Measurement:
    """Mean cross-entropy on the test rows, in nats, without penalty or label smoothing.

    The arguments are those of `test_accuracy`.
    """
    losses = cross_entropy_of(results.label_outputs("test"))
    return Measurement(
        losses.mean(axis=-1, dtype="float64"), results.epochs, losses, test_ids(results.seeds, data)
    )


def stopped_early(measurement: Measurement, results: Replicates) -> Measurement:
    """The same numbers at the epoch with the lowest validation loss, for each seed its own.

    Of every budget only the epochs up to it are looked at, as a patient `EarlyStopping` with
    `restore_best_weights=True` would.

    Args:
        measurement: what was measured of `results` at all of its epochs.
        results: trained with "validation" among the measured sets.
    """
    chosen = lowest_so_far(results["validation_loss"])
    by_row = measurement.by_row
    if by_row is not None:
        by_row = np.take_along_axis(by_row, chosen[..., None], axis=1)
    return measurement._with(np.take_along_axis(measurement.values, chosen, axis=1), by_row)


def lowest_so_far(losses: np.ndarray) -> np.ndarray:
    """After each epoch, the column of the lowest loss up to then; the first of equal ones.

    Args:
        losses: shape (seeds, epochs); a loss that is not a number is never the lowest.

    Returns:
        Whole numbers of the same shape.
    """
    losses = np.nan_to_num(losses, nan=np.inf)
    columns = np.arange(losses.shape[1])
    up_to = np.where(columns <= columns[:, None], losses[:, None, :], np.inf)
    return up_to.argmin(axis=-1)


def generalization_gap(results: Replicates, data: Callable[[int], Dataset]) -> Measurement:
    """Test loss minus training loss, both measured after the epoch in inference mode.

    Only the test rows count as varying. The arguments are those of `test_accuracy`.
    """
    loss = test_loss(results, data)
    by_row = loss.by_row - results["train_loss"][..., None].astype("float32")
    return loss._with(loss.values - results["train_loss"], by_row)


def test_ids(seeds: Sequence[int], data: Callable[[int], Dataset]) -> np.ndarray:
    """The number of each seed's test rows in the whole dataset, shape (seeds, rows)."""
    return np.array([data(seed).test_ids for seed in seeds])


def accuracy(outputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Share of rows whose largest output is the label's.

    Args:
        outputs: shape (..., rows, classes), such as `Replicates.predict` returns.
        labels: whole numbers of shape (rows,), or of a shape that broadcasts to (..., rows).

    Returns:
        Shape (...), from 0 to 1.
    """
    return (np.argmax(outputs, axis=-1) == labels).mean(axis=-1)


def cross_entropy(outputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Mean of the negative logarithm of the probability given to the label.

    Args:
        outputs: probabilities of shape (replicates, rows, classes).
        labels: whole numbers of shape (rows,), or (replicates, rows).

    Returns:
        Shape (replicates,), in nats; no penalty and no label smoothing is in it.
    """
    labels = np.broadcast_to(labels, outputs.shape[:-1])
    given = np.take_along_axis(outputs, labels[..., None], axis=-1)[..., 0]
    return cross_entropy_of(given).mean(axis=-1)


def cross_entropy_of(probabilities: np.ndarray) -> np.ndarray:
    """What each row adds to the cross-entropy, in nats.

    Args:
        probabilities: those that the rows' labels were given, of any shape.
    """
    return -np.log(np.maximum(probabilities, 1e-7))  # the bound that Keras uses


def wrong_labels_repeated(results: Replicates, data: Callable[[int], Dataset]) -> Measurement:
    """Share of the wrongly labelled training rows whose wrong label the network gives back.

    Args:
        results: replicates for which `keep_rows=["train"]` was kept with the labels of `data`, so
            that "correct" there means that the given label is repeated.
        data: the function from a seed to the training rows with their wrong labels.

    Returns:
        From 0 to 1; 0 where no label is wrong.
    """
    repeated = results.correct("train")
    datasets = [data(seed) for seed in results.seeds]
    wrong = np.array([dataset.y_train != dataset.y_train_true for dataset in datasets])
    shares = (repeated & wrong[:, None]).sum(axis=-1) / np.maximum(wrong.sum(axis=-1), 1)[:, None]
    return Measurement(shares, results.epochs)
