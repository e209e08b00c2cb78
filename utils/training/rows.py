"""The rows that a seed trains on and is measured on, as Keras takes them from arrays."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..backend import keras
from .programs import NotTrainable

SETS = ("train", "validation", "test")


@dataclasses.dataclass(frozen=True, eq=False)
class Rows:
    """What one replicate is given.

    Attributes:
        x, y: training rows and labels, shapes (rows, ...).
        weight: the weight of each row, shape (rows,), or None.
        measured: for each named set of rows a pair of rows and labels.
    """

    x: np.ndarray
    y: np.ndarray
    weight: np.ndarray | None
    measured: dict[str, tuple[np.ndarray, np.ndarray]]


class RowsOfSeeds:
    """From a seed to its `Rows`.

    Args:
        data: a function from a seed to a record with `x_train`, `y_train` and so on, as
            `utils.datasets.Dataset` is one.
        sample_weight: a function from a seed to weights of the training rows, or to None.
        class_weight: weight of the rows of each class, or None.
        measured: for each set of rows its name in the data, a pair of rows and labels, or a
            function from the data to such a pair.
    """

    def __init__(
        self,
        data: Callable[[int], Any],
        sample_weight: Callable[[int], np.ndarray | None],
        class_weight: Mapping[int, float] | None,
        measured: Mapping[str, Any],
    ):
        self.data, self.sample_weight = data, sample_weight
        self.class_weight, self.measured = class_weight, dict(measured)
        for name, where in self.measured.items():
            if isinstance(where, str) and where not in SETS:
                raise ValueError(
                    f"measured names {where!r}; it takes 'train', 'validation' and 'test', or a "
                    "mapping from names to rows and labels"
                )
            if name == "running":
                raise ValueError("measured names a set 'running', which is what fit reports")

    def __call__(self, seed: int) -> Rows:
        """The rows of a seed.

        Raises:
            ValueError: rows, labels or weights that are no arrays of numbers, or do not match.
        """
        data = self.data(seed)
        if not hasattr(data, "x_train"):
            raise NotTrainable(
                f"data is a {type(data).__name__}; replicate takes a Dataset of arrays, or a "
                "function from a seed to one"
            )
        x, y = _pair("train", (data.x_train, data.y_train))
        measured = {}
        for name, where in self.measured.items():
            if isinstance(where, str):
                where = getattr(data, f"x_{where}"), getattr(data, f"y_{where}")
            elif callable(where):
                where = where(data)
            measured[name] = _pair(name, where)
        return Rows(x, y, self._weight(seed, y), measured)

    def _weight(self, seed, y):
        if self.class_weight is not None:
            classes = y.argmax(axis=-1) if y.ndim > 1 and y.shape[-1] > 1 else y.reshape(len(y))
            return np.array(
                [self.class_weight.get(int(c), 1.0) for c in np.round(classes)],
                keras.config.floatx(),
            )
        weight = self.sample_weight(seed)
        if weight is None:
            return None
        weight = _array("sample_weight", weight)
        if weight.shape != (len(y),):
            raise NotTrainable(
                f"sample_weight has shape {weight.shape}; replicate takes one weight for each of "
                f"the {len(y)} training rows"
            )
        return weight.astype(keras.config.floatx())


def _pair(name, pair):
    x, y = (_array(f"{part} of {name!r}", a) for part, a in zip("xy", pair, strict=True))
    if len(x) != len(y) or not len(x):
        raise ValueError(f"{name!r} has {len(x)} rows with {len(y)} labels")
    return x, y


def _array(name, given):
    """An array of numbers, with floats in the precision that Keras would give them."""
    if isinstance(given, (list, tuple, dict)) and not np.isscalar(next(iter(given), 0)):
        raise NotTrainable(
            f"{name} is a {type(given).__name__} of {len(given)} parts; replicate takes one array: "
            "join the parts along an axis and let the model split them, or use fit"
        )
    array = np.asarray(given)
    if array.dtype.kind not in "fiub" or array.ndim == 0:
        raise NotTrainable(
            f"{name} holds {array.dtype} of shape {array.shape}; replicate takes numbers, so "
            "turn text and categories into numbers before"
        )
    if array.dtype.kind == "f":
        array = array.astype(keras.config.floatx(), copy=False)
    return array
