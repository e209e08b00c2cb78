"""Rows and labels, split once into train, validation and test.

The split of real data never changes: `seed` only decides which training rows are used and which
of their labels are wrong, so that replicates differ in their training sets while every one of
them is judged on the same held-out rows. Test rows are for the last cell of a chapter.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from .parameters import OneLineError

SPLIT_SEED = 20140614  # the only seed that ever touches the split


class DatasetError(OneLineError):
    """A dataset that does not exist, cannot be downloaded, or cannot be cut as asked."""


@dataclasses.dataclass(frozen=True, eq=False)
class Dataset:
    """One classification problem, cut into three disjoint sets of rows.

    Attributes:
        name: the name it was loaded by.
        x_train, x_validation, x_test: float32 arrays of shape (rows, features).
        y_train, y_validation, y_test: int32 labels of shape (rows,), from 0 to `classes` - 1.
        y_train_true: the training labels before any label noise; equal to `y_train` without it.
        classes: number of classes.
        image_shape: (height, width) where a row is a picture, otherwise None.

    Raises:
        DatasetError: a row stands in two of the three sets, or lengths do not match.
    """

    name: str
    x_train: np.ndarray
    y_train: np.ndarray
    y_train_true: np.ndarray
    x_validation: np.ndarray
    y_validation: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    classes: int
    image_shape: tuple[int, int] | None

    def __post_init__(self):
        parts = {
            "training": (self.x_train, self.y_train),
            "validation": (self.x_validation, self.y_validation),
            "test": (self.x_test, self.y_test),
        }
        for part, (x, y) in parts.items():
            if not (isinstance(x, np.ndarray) and isinstance(y, np.ndarray)):
                wrong = "y" if isinstance(x, np.ndarray) else "x"
                kind = type(y if wrong == "y" else x).__name__
                name = f"{wrong}_{'train' if part == 'training' else part}"
                raise DatasetError(
                    f"{self.name}: {name} is a {kind}; a dataset holds one array of rows and one "
                    "of labels, so join several inputs along an axis and let the model split them"
                )
            if len(x) != len(y) or not len(x):
                raise DatasetError(f"{self.name}: {len(x)} {part} rows with {len(y)} labels")
        rows = {part: {row.tobytes() for row in x} for part, (x, _) in parts.items()}
        for first, second in (
            ("training", "validation"),
            ("training", "test"),
            ("validation", "test"),
        ):
            shared = len(rows[first] & rows[second])
            if shared:
                raise DatasetError(
                    f"{self.name}: {shared} rows stand in both the {first} and the {second} set; "
                    "a score on them would measure memory, not generalization"
                )

    @property
    def features(self) -> int:
        """Number of features of a row."""
        return self.x_train.shape[1]

    def describe(self) -> str:
        """One line: rows in each set, features, classes."""
        return (
            f"{self.name}: {len(self.x_train)} training, {len(self.x_validation)} validation and "
            f"{len(self.x_test)} test rows, {self.features} features, {self.classes} classes"
        )


@dataclasses.dataclass(frozen=True, eq=False)
class _Pool:
    """All rows of a dataset after the fixed split, before training rows are chosen."""

    x: np.ndarray
    y: np.ndarray
    x_validation: np.ndarray
    y_validation: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    classes: int
    image_shape: tuple[int, int] | None


def _split_off(x, y, rows):
    """Cut `rows` stratified rows off, by the fixed split seed."""
    x, x_off, y, y_off = train_test_split(x, y, test_size=rows, stratify=y, random_state=SPLIT_SEED)
    return x, y, x_off, y_off


def _digits() -> _Pool:
    x, y = load_digits(return_X_y=True)
    x, y = (x / 16).astype("float32"), y.astype("int32")
    x, y, x_test, y_test = _split_off(x, y, 400)
    x, y, x_validation, y_validation = _split_off(x, y, 397)
    return _Pool(x, y, x_validation, y_validation, x_test, y_test, 10, (8, 8))


def _noise(seed: int) -> _Pool:
    # 1000 x 20 normal numbers with labels drawn without looking at them, of which a `fit` with
    # validation_split=0.2 keeps the last 200 back; 200 more rows serve as the test set.
    rng = np.random.default_rng([SPLIT_SEED, seed])
    x = rng.standard_normal((1200, 20), dtype="float32")
    y = rng.integers(0, 10, 1200, dtype="int32")
    return _Pool(x[:800], y[:800], x[800:1000], y[800:1000], x[1000:], y[1000:], 10, None)


def _keras_images(name: str) -> _Pool:
    from .backend import keras

    try:
        (x, y), (x_test, y_test) = getattr(keras.datasets, name).load_data()
    except Exception as error:  # Keras raises bare Exception when a download fails
        reason = " ".join(str(error).split())
        raise DatasetError(
            f"dataset {name!r} could not be downloaded ({reason}); "
            "go online, or use 'digits' or 'noise', which need no download"
        ) from None
    x, x_test = (a.reshape(len(a), -1).astype("float32") / 255 for a in (x, x_test))
    y, y_test = y.astype("int32"), y_test.astype("int32")
    # Held-out sets of 2,000 rows keep many seeds affordable, and both files repeat a few pictures.
    x, first = np.unique(x, axis=0, return_index=True)
    x, y, x_validation, y_validation = _split_off(x, y[first], 2000)
    _, _, x_test, y_test = _split_off(x_test, y_test, 2000)
    seen = {row.tobytes() for row in x} | {row.tobytes() for row in x_validation}
    fresh = np.array([row.tobytes() not in seen for row in x_test])
    return _Pool(x, y, x_validation, y_validation, x_test[fresh], y_test[fresh], 10, (28, 28))


_SOURCES = {
    "digits": _digits,
    "fashion_mnist": lambda: _keras_images("fashion_mnist"),
    "mnist": lambda: _keras_images("mnist"),
}
NAMES = (*_SOURCES, "noise")
_pools: dict[str, _Pool] = {}


def _pool_of(name, seed):
    if name == "noise":  # there is no fixed set of noise: each seed draws its own
        return _noise(seed)
    if name not in _pools:
        _pools[name] = _SOURCES[name]()
    return _pools[name]


def load(
    name: str = "digits",
    *,
    train_rows: int | None = None,
    label_noise: float = 0.0,
    random_labels: bool = False,
    seed: int = 0,
) -> Dataset:
    """Load a dataset and choose its training rows.

    Args:
        name: 'digits' (1,797 pictures of 8 x 8 pixels that come with scikit-learn), 'noise'
            (normal inputs with random labels, the negative control), or 'fashion_mnist' and
            'mnist', which Keras downloads.
        train_rows: how many training rows to use, stratified by class; None uses all.
        label_noise: fraction of the training labels, 0 to 1, that are replaced by another class.
            Validation and test labels are never touched.
        random_labels: draw every training label at random, as Zhang et al. (2017) do
            (https://arxiv.org/abs/1611.03530).
        seed: which training rows, and which wrong labels; for 'noise', all of its numbers.

    Returns:
        A `Dataset`; features lie between 0 and 1, except for 'noise'.

    Raises:
        DatasetError: unknown name, failed download, or an impossible number.
    """
    if name not in NAMES:
        raise DatasetError(f"dataset is {name!r}; allowed are {', '.join(map(repr, NAMES))}")
    if not 0 <= label_noise <= 1:
        raise DatasetError(f"label_noise is {label_noise}; allowed is a fraction from 0 to 1")
    pool = _pool_of(name, seed)
    rows = len(pool.x) if train_rows is None else train_rows
    if not pool.classes <= rows <= len(pool.x):
        raise DatasetError(
            f"train_rows is {train_rows}; {name!r} allows {pool.classes} to {len(pool.x)}"
        )
    rng = np.random.default_rng([seed, SPLIT_SEED])  # not that of `_noise`
    if rows == len(pool.x):
        x, y_true = pool.x, pool.y
    elif rows > len(pool.x) - pool.classes:  # too few rows left over to stratify by
        chosen = rng.permutation(len(pool.x))[:rows]
        x, y_true = pool.x[chosen], pool.y[chosen]
    else:
        x, _, y_true, _ = train_test_split(
            pool.x, pool.y, train_size=rows, stratify=pool.y, random_state=int(rng.integers(2**31))
        )
    y = y_true.copy()
    if random_labels:
        y = rng.integers(0, pool.classes, rows, dtype="int32")
    elif label_noise:
        wrong = rng.permutation(rows)[: round(label_noise * rows)]
        shift = rng.integers(1, pool.classes, len(wrong), dtype="int32")
        y[wrong] = (y_true[wrong] + shift) % pool.classes
    return Dataset(
        name, x, y, y_true, pool.x_validation, pool.y_validation, pool.x_test, pool.y_test,
        pool.classes, pool.image_shape,
    )  # fmt: skip
