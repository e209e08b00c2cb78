"""What a visible `model.fit` needs to be repeatable and comparable.

A seeded `model.fit(x, y)` on the TensorFlow backend visits the rows in the same order in every
epoch. `ShuffledBatches` draws a new order for each epoch from one seed instead, the same orders
that `replicate` uses.
"""

from __future__ import annotations

import numpy as np

from ..backend import keras


def batch_orders(seed: int, epochs: int, rows: int, reshuffle: bool = True) -> np.ndarray:
    """The order in which each epoch visits the training rows.

    Args:
        seed: replicate's seed; two seeds give unrelated orders.
        epochs: number of epochs.
        rows: number of training rows.
        reshuffle: whether each epoch has an order of its own; otherwise all have the first
            epoch's, as in a seeded `fit`.

    Returns:
        int32 array of shape (epochs, rows); each row is a permutation of 0 .. rows - 1. The first
        epochs of a longer run are those of a shorter one.
    """
    return np.stack([epoch_order(seed, epoch * reshuffle, rows) for epoch in range(epochs)])


def epoch_order(seed: int, epoch: int, rows: int) -> np.ndarray:
    """One row of `batch_orders`; epochs are counted from 0."""
    return np.random.default_rng([seed, epoch]).permutation(rows).astype("int32")


class ShuffledBatches(keras.utils.PyDataset):
    """Training rows for `model.fit`, in a new seeded order each epoch.

    Give `shuffle=False` to `fit`, which otherwise permutes the batches once more.

    Args:
        x: float array of shape (rows, ...).
        y: labels of shape (rows, ...).
        batch_size: rows per step; the last batch of an epoch holds the remainder.
        seed: the seed of `batch_orders`.
        sample_weight: weight of each row in the loss, shape (rows,); None for 1 everywhere.
        drop_remainder: leave out the rows of an epoch that do not fill a batch.
    """

    def __init__(
        self, x, y, batch_size: int = 32, seed: int = 0, sample_weight=None, drop_remainder=False
    ):
        super().__init__()
        given = (x, y) if sample_weight is None else (x, y, sample_weight)
        self.arrays = [np.asarray(array) for array in given]
        self.batch_size, self.seed = batch_size, seed
        self.drop_remainder = drop_remainder
        self._epoch = -1

    def __len__(self):
        rows = len(self.arrays[0])
        return rows // self.batch_size if self.drop_remainder else -(-rows // self.batch_size)

    def __getitem__(self, step):
        order = epoch_order(self.seed, max(self._epoch, 0), len(self.arrays[0]))
        rows = order[step * self.batch_size : (step + 1) * self.batch_size]
        return tuple(array[rows] for array in self.arrays)

    # Not on_epoch_end: `fit` calls that once more, after it has looked at the first batches.
    def on_epoch_begin(self):
        self._epoch += 1


class InferenceModeMetrics(keras.callbacks.Callback):
    """Evaluates the training rows after each epoch with dropout off and moving statistics on.

    What `fit` reports for the training rows is a running average over the epoch, with dropout
    on and weights that still change. This callback adds `train_loss` and `train_<metric>` to the
    history, measured as validation figures are, so that the two can be compared.

    Args:
        x: float array of shape (rows, features).
        y: labels of shape (rows,).
    """

    def __init__(self, x, y):
        super().__init__()
        self.x, self.y = x, y

    def on_epoch_end(self, epoch, logs=None):
        measured = self.model.evaluate(
            self.x, self.y, batch_size=len(self.x), return_dict=True, verbose=0
        )
        logs.update({f"train_{name}": value for name, value in measured.items()})
