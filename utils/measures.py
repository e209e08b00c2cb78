"""What is read off the predictions of replicates, one number for each of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .datasets import Dataset
from .training import Replicates


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
        labels: whole numbers of shape (rows,).

    Returns:
        Shape (replicates,), in nats; no penalty and no label smoothing is in it.
    """
    given = np.take_along_axis(outputs, np.asarray(labels)[None, :, None], axis=-1)[..., 0]
    return -np.log(np.maximum(given, 1e-7)).mean(axis=-1)  # the bound that Keras uses


def wrong_labels_repeated(results: Replicates, data: Callable[[int], Dataset]) -> np.ndarray:
    """Share of the wrongly labelled training rows whose wrong label the network gives back.

    Args:
        results: trained replicates.
        data: the function from a seed to the training rows with their wrong labels.

    Returns:
        Shape (replicates,), from 0 to 1; 0 where no label is wrong.
    """
    answers = results.predict(lambda seed: data(seed).x_train).argmax(axis=-1)
    datasets = [data(seed) for seed in results.seeds]
    given = np.array([dataset.y_train for dataset in datasets])
    wrong = given != np.array([dataset.y_train_true for dataset in datasets])
    return (wrong & (answers == given)).sum(axis=1) / np.maximum(wrong.sum(axis=1), 1)
