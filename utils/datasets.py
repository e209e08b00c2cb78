"""Rows and labels, split anew by each seed into train, validation and test.

Rows vary as seeds do: a seed decides which rows are for testing, which for validation, which of the
others are trained on, and which of their labels are wrong. A technique is thus judged on all rows
of a dataset, each by networks that have not seen it. Within a pair of trainings, which share their
seed, all of this is the same.
"""

from __future__ import annotations

import dataclasses
import re

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.model_selection import train_test_split

from . import fashion
from .catalogue import SOURCES, Source
from .parameters import OneLineError, one_line

SPLIT_SEED = 20140614  # joins every seed, so that rows are drawn by numbers of their own


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
        test_ids: for each test row its number in the whole dataset, shape (rows,), by which it is
            known again when another seed tests on it too; None where no such number is known.
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
    test_ids: np.ndarray | None = None

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
class _Whole:
    """All rows of a dataset, before a seed cuts it."""

    x: np.ndarray
    y: np.ndarray
    source: Source
    first_id: int = 0
    cut: bool = False  # whether the last rows are set aside as they come, instead of drawn

    @property
    def train_rows(self) -> int:
        """Rows that are left for training, at most."""
        return len(self.x) - self.source.validation_rows - self.source.test_rows


def _digits():
    x, y = load_digits(return_X_y=True)
    return x / 16, y


def _fashion():
    x, y = fashion.read()
    return x / np.float32(255), y


def _noise(seed):
    # 1000 x 20 normal numbers with labels drawn without looking at them, of which a `fit` with
    # validation_split=0.2 keeps the last 200 back; 1000 more rows serve as the test set.
    rng = np.random.default_rng([SPLIT_SEED, seed])
    x = rng.standard_normal((2000, 20), dtype="float32")
    y = rng.integers(0, 10, 2000, dtype="int32")
    return _Whole(x, y, SOURCES["noise"], first_id=2000 * seed, cut=True)


def _keras_images(name):
    from .backend import keras

    try:
        (x, y), (x_test, y_test) = getattr(keras.datasets, name).load_data()
    except Exception as error:  # Keras raises bare Exception when a download fails
        offline = [repr(other) for other, source in SOURCES.items() if not source.downloaded]
        # Keras says "URL fetch failure on ADDRESS: NUMBER -- [Errno NUMBER] what it was".
        reason = re.sub(r"^URL fetch failure on .* -- (\[Errno -?\d+\] )?", "", one_line(error))
        raise DatasetError(
            f"dataset {name!r} could not be downloaded ({reason}); "
            f"go online, or use one that needs no download: {', '.join(offline)}"
        ) from None
    x, y = np.concatenate([x, x_test]), np.concatenate([y, y_test])
    # A picture that stands there twice would be trained and tested on.
    x, first = np.unique(x.reshape(len(x), -1), axis=0, return_index=True)
    return x.astype("float32") / 255, y[first]


_READ = {
    "digits": _digits,
    "fashion": _fashion,
    "table": lambda: load_breast_cancer(return_X_y=True),
    "fashion_mnist": lambda: _keras_images("fashion_mnist"),
    "mnist": lambda: _keras_images("mnist"),
}
NAMES = tuple(SOURCES)
_wholes: dict[str, _Whole] = {}


def _whole_of(name, seed):
    if name == "noise":  # there is no fixed set of noise: each seed draws its own
        return _noise(seed)
    if name not in _wholes:
        x, y = _READ[name]()
        _wholes[name] = _Whole(x.astype("float32"), y.astype("int32"), SOURCES[name])
    return _wholes[name]


def _set_aside(ids, y, rows, rng):
    """Cut `rows` rows off, with the classes in their shares; returns what is left and them."""
    return train_test_split(ids, test_size=rows, stratify=y[ids], random_state=rng)


def _split(whole, rng):
    """Which rows a seed may train on, validates on and tests on."""
    ids = np.arange(len(whole.x))
    if whole.cut:
        return np.split(ids, [whole.train_rows, len(ids) - whole.source.test_rows])
    ids, test = _set_aside(ids, whole.y, whole.source.test_rows, rng)
    ids, validation = _set_aside(ids, whole.y, whole.source.validation_rows, rng)
    return ids, validation, test


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
        name: 'digits' (1,797 pictures of 8 x 8 pixels that come with scikit-learn), 'fashion'
            (8,000 photographs of Fashion-MNIST, 28 x 28, that come with the course), 'table' (569
            rows of 30 measurements in two classes, from scikit-learn), 'noise' (normal inputs with
            random labels, the negative control), or 'fashion_mnist' and 'mnist', which Keras
            downloads.
        train_rows: how many training rows to use, stratified by class; None uses all that a seed
            leaves for training, as in `catalogue.SOURCES`.
        label_noise: fraction of the training labels, 0 to 1, that are replaced by another class.
            Validation and test labels are never touched.
        random_labels: draw every training label at random, as Zhang et al. (2017) do
            (https://arxiv.org/abs/1611.03530).
        seed: which rows train, validate and test, and which labels are wrong; for 'noise', all of
            its numbers. With the same seed, more training rows leave the held-out rows as they are.

    Returns:
        A `Dataset`; features lie between 0 and 1, except for 'noise' and for 'table', whose
        features have mean 0 and standard deviation 1 over the training rows.

    Raises:
        DatasetError: unknown name, failed download, or an impossible number.
    """
    if name not in NAMES:
        raise DatasetError(f"dataset is {name!r}; allowed are {', '.join(map(repr, NAMES))}")
    if not 0 <= label_noise <= 1:
        raise DatasetError(f"label_noise is {label_noise}; allowed is a fraction from 0 to 1")
    whole = _whole_of(name, seed)
    count = whole.train_rows if train_rows is None else train_rows
    classes = whole.source.classes
    if not classes <= count <= whole.train_rows:
        raise DatasetError(
            f"train_rows is {train_rows}; {name!r} allows {classes} to {whole.train_rows}"
        )
    bits = np.random.RandomState(np.random.MT19937(np.random.SeedSequence([seed, SPLIT_SEED])))
    ids, validation, test = _split(whole, bits)
    rng = np.random.default_rng([seed, SPLIT_SEED])  # not that of `_noise`
    if count > len(ids) - classes:  # too few rows would be left over to stratify by
        ids = ids if count == len(ids) else rng.permutation(ids)[:count]
    else:
        ids, _ = train_test_split(
            ids, train_size=count, stratify=whole.y[ids], random_state=int(rng.integers(2**31))
        )
    x, y_true = whole.x[ids], whole.y[ids]
    y = y_true.copy()
    if random_labels:
        y = rng.integers(0, classes, count, dtype="int32")
    elif label_noise:
        wrong = rng.permutation(count)[: round(label_noise * count)]
        shift = rng.integers(1, classes, len(wrong), dtype="int32")
        y[wrong] = (y_true[wrong] + shift) % classes
    features = [x, whole.x[validation], whole.x[test]]
    if whole.source.standardized:
        mean, deviation = x.mean(axis=0), x.std(axis=0)
        deviation[deviation == 0] = 1  # a feature that is the same in a few rows
        features = [(part - mean) / deviation for part in features]
    return Dataset(
        name, features[0], y, y_true, features[1], whole.y[validation], features[2], whole.y[test],
        classes, whole.source.image_shape, whole.first_id + test,
    )  # fmt: skip


def with_validation_rows_of_its_own(data: Dataset, share: float = 0.2) -> Dataset:
    """The same data with validation rows that come out of the training rows.

    Who has a number of labelled rows has to choose with some of them, and their labels are as often
    wrong as those of the others. The rest is left for training; test rows stay as they are.

    Args:
        data: its validation rows are not used.
        share: fraction of the training rows, above 0 and below 1.

    Raises:
        DatasetError: no row would be left for the one or for the other.
    """
    count = round(share * len(data.x_train))
    if not 0 < count < len(data.x_train):
        raise DatasetError(
            f"share is {share} of {len(data.x_train)} training rows; both parts need at least one"
        )
    return dataclasses.replace(  # the rows come in an order that was drawn
        data,
        x_train=data.x_train[count:], y_train=data.y_train[count:],
        y_train_true=data.y_train_true[count:],
        x_validation=data.x_train[:count], y_validation=data.y_train[:count],
    )  # fmt: skip
