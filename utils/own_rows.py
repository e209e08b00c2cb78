"""Rows of a reader's own, checked before anything is trained, and cut anew by each seed.

A table comes from a CSV or Parquet file or from arrays, pictures from a folder with a subfolder for
each class. What would make a comparison meaningless, such as a column that tells the label, is
refused with its name. Each seed draws its own test rows, with the classes in their shares. What is
learned of the columns, their means, deviations, medians and categories, is learned from those rows
alone that will train, so that neither validation rows nor test rows have a say in it.
"""

from __future__ import annotations

import csv
import dataclasses
import difflib
import functools
import io
import math
import numbers
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.impute import SimpleImputer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from .datasets import Dataset, DatasetError, with_validation_rows_of_its_own
from .jobs import digest
from .parameters import OneLineError, one_line
from .protocol import VALIDATION_SHARE

TEST_SHARE = 0.25
LEAST_TRAINING, LEAST_TEST = 20, 10  # rows
MOST_FEATURES = 20_000  # after categories became columns
LARGEST = 1e30  # squares of larger numbers leave float32
MISSING = "missing"
_DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}|\d{1,2}[./]\d{1,2}[./]\d{2,4}")


class OwnRowsError(OneLineError):
    """Rows on which the comparison would not answer the question, or that cannot be read."""


@dataclasses.dataclass(frozen=True, eq=False)
class OwnRows:
    """Labelled rows before a seed cuts them.

    Attributes:
        name: what the rows are called, such as the name of their file.
        numbers: columns of numbers, as they came; nan where a value is to be imputed.
        categories: columns of texts; None where a value is missing.
        y: int32 labels of shape (rows,), from 0 to the number of classes - 1.
        class_names: what each label stands for.
        test_share: fraction of the rows that a seed sets aside for testing.
        standardized: whether numbers get mean 0 and standard deviation 1 over the training rows.
        image_shape: (height, width) where a row is a grey picture, otherwise None.
    """

    name: str
    numbers: pd.DataFrame
    categories: pd.DataFrame
    y: np.ndarray
    class_names: tuple[str, ...]
    test_share: float = TEST_SHARE
    standardized: bool = True
    image_shape: tuple[int, int] | None = None

    @property
    def classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    @functools.cached_property
    def shares(self) -> dict[str, float]:
        """The share of each class in the rows, the largest first."""
        counts = np.bincount(self.y) / len(self.y)
        found = dict(zip(self.class_names, counts.tolist(), strict=True))
        return dict(sorted(found.items(), key=lambda one: -one[1]))

    @functools.cached_property
    def levels(self) -> dict[str, list[str]]:
        """For each column of texts the values that stand in it, in alphabetical order.

        The columns of ones and zeros are the same for all seeds; those of values that a seed does
        not train on hold zeros.
        """
        return {
            name: sorted(column.fillna(MISSING).unique().tolist())
            for name, column in self.categories.items()
        }

    @property
    def features(self) -> int:
        """Length of a row as a network reads it."""
        return self.numbers.shape[1] + sum(map(len, self.levels.values()))

    @functools.cached_property
    def digest(self) -> str:
        """A short name for exactly these rows and how they are cut."""
        return digest(
            self.numbers.to_numpy("float64").tobytes(), self.categories.to_csv(), self.y.tobytes(),
            [*self.numbers], self.class_names, self.test_share, self.standardized,
        )  # fmt: skip

    def cut(self, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The rows that train, that validate and that test, each with the classes in their shares.

        Args:
            seed: a whole number from 0.

        Returns:
            Numbers of rows, in an order that was drawn.
        """
        ids = np.arange(len(self.y))
        bits = np.random.RandomState(np.random.MT19937(np.random.SeedSequence([seed, 20140614])))
        given, test = train_test_split(
            ids, test_size=self.test_share, stratify=self.y, random_state=bits
        )
        count = round(VALIDATION_SHARE * len(given))
        train, validation = train_test_split(
            given, test_size=count, stratify=self.y[given], random_state=bits
        )
        return train, validation, test

    def dataset(self, seed: int) -> Dataset:
        """What one seed is given, as `protocol.compare` takes it.

        Args:
            seed: which rows train, validate and test.

        Returns:
            A `Dataset` whose training rows are all that are given; those that the protocol takes
            for validation come first. Its one validation row is for nobody.

        Raises:
            DatasetError: rows of two sets are the same, as a network reads them.
        """
        train, validation, test = self.cut(seed)
        given = np.concatenate([validation, train])  # the protocol validates with the first ones
        x = self._encoded(fitted_on=train)
        unused = np.full((1, x.shape[1]), np.nan, "float32")
        return Dataset(
            self.name, x[given], self.y[given], self.y[given], unused, self.y[:1], x[test],
            self.y[test], self.classes, self.image_shape, test,
        )  # fmt: skip

    def _encoded(self, fitted_on):
        """All rows as a network reads them, by what the rows `fitted_on` say."""
        x = self.numbers.to_numpy("float64")
        if x.shape[1]:
            if np.isnan(x).any():
                fill = SimpleImputer(strategy="median", keep_empty_features=True)
                x = fill.fit(x[fitted_on]).transform(x)
            if self.standardized:
                x = StandardScaler().fit(x[fitted_on]).transform(x)
        parts = [x]
        for name, levels in self.levels.items():
            values = self.categories[name].fillna(MISSING).to_numpy()
            known = np.isin(levels, values[fitted_on])
            parts.append((values[:, None] == np.array(levels, dtype=object)) & known)
        return np.concatenate([part.astype("float32") for part in parts], axis=1)


# Where rows come from


def read_table(
    path: Path | str,
    label: str,
    *,
    drop: Sequence[str] = (),
    impute: bool = False,
    once: bool = False,
    test_share: float = TEST_SHARE,
) -> OwnRows:
    """Rows of a CSV file with a line of names, in UTF-8 and with commas, or of a Parquet file.

    Args:
        path: ends in .csv or .parquet.
        label: the column that is to be predicted.

    The other arguments are those of `from_arrays`.

    Raises:
        OwnRowsError: the file cannot be read, a column is not there, or the rows do not answer the
            question.
    """
    path = Path(path)
    readers = {".csv": _read_csv, ".parquet": _read_parquet}
    if path.suffix.lower() not in readers:
        raise OwnRowsError(f"{path} ends in {path.suffix!r}; a table is a .csv or .parquet file")
    if not path.is_file():
        raise OwnRowsError(f"{path} cannot be read: there is no such file")
    try:
        table = readers[path.suffix.lower()](path)
    except OSError as error:
        raise OwnRowsError(f"{path} cannot be read: {error.strerror or error}") from None
    if not len(table):
        raise OwnRowsError(f"{path} holds no rows")
    _require_columns(table, [label], "--label")
    if label in drop:
        raise OwnRowsError(f"--drop names {label!r}, which is the label")
    labels = table.pop(label)
    return _checked(_spoken(path.stem), table, labels, drop, impute, once, test_share)


def from_arrays(
    x: Any,
    y: Any,
    *,
    name: str = "your rows",
    drop: Sequence[str] = (),
    impute: bool = False,
    once: bool = False,
    test_share: float = TEST_SHARE,
) -> OwnRows:
    """Rows that are in memory.

    Args:
        x: a pandas table, or an array of numbers: of shape (rows, columns), whose columns are
            called "column 1", "column 2" ..., or with more axes, as pictures have, which are not
            standardized.
        y: labels of shape (rows,), whole numbers or texts.
        name: what the rows are called.
        drop: names of columns that are left out.
        impute: fill in missing values, numbers with the median of the training rows, texts with a
            category of their own.
        once: keep only the first of several rows that are the same.
        test_share: fraction of the rows that a seed sets aside for testing, 0.05 to 0.5.

    Raises:
        OwnRowsError: the rows do not answer the question.
    """
    if not isinstance(y, (pd.Series, np.ndarray)):
        y = np.asarray(y, dtype=object)  # as text, nan would be a class
    if y.ndim != 1:
        raise OwnRowsError(f"y has shape {y.shape}; it takes one label for each row")
    labels = pd.Series(y).reset_index(drop=True).infer_objects()
    if not isinstance(x, pd.DataFrame):
        try:
            x = np.asarray(x)
        except ValueError:
            raise OwnRowsError("x has rows of different lengths") from None
    if np.ndim(x) < 2:
        raise OwnRowsError(f"x has shape {np.shape(x)}; it takes rows and columns")
    if len(x) != len(labels):
        raise OwnRowsError(f"x has {len(x)} rows and y {len(labels)} labels; each row takes one")
    if not len(x):
        raise OwnRowsError("x holds no rows")
    if np.ndim(x) > 2:
        return _from_pictures(name, x, labels, drop, once, test_share)
    if not isinstance(x, pd.DataFrame):
        x = pd.DataFrame(x, columns=[f"column {k}" for k in range(1, 1 + x.shape[1])])
    else:
        x = x.rename(columns=str).reset_index(drop=True)
    return _checked(name, x, labels, drop, impute, once, test_share)


def read_pictures(
    folder: Path | str,
    *,
    picture_size: int = 16,
    once: bool = False,
    test_share: float = TEST_SHARE,
) -> OwnRows:
    """Pictures from a folder that has a subfolder for each class.

    Args:
        folder: its subfolders hold BMP, GIF, JPEG or PNG files
            (https://keras.io/api/data_loading/image/).
        picture_size: height and width to which each picture is brought, 4 to 256 pixels.
        once, test_share: as in `from_arrays`.

    Raises:
        OwnRowsError: there are no classes, a file is no picture, or the rows do not answer the
            question.
    """
    from .backend import keras, tf

    folder = Path(folder)
    if not folder.is_dir():
        raise OwnRowsError(f"{folder} cannot be read: there is no such folder")
    if not 4 <= picture_size <= 256:
        raise OwnRowsError(f"--picture-size is {picture_size}; allowed is 4 to 256 pixels")
    classes = sorted(p.name for p in folder.iterdir() if p.is_dir() and p.name[0] != ".")
    for name in classes:
        if name != _spoken(name):
            raise OwnRowsError(f"the folder {_spoken(name)!r} has a name that is not in UTF-8")
    if not classes:
        raise OwnRowsError(f"{folder} has no subfolders; pictures stand in a folder for each class")
    for name in classes:
        if not any(p.suffix.lower() in _PICTURES for p in (folder / name).rglob("*")):
            raise OwnRowsError(
                f"the class {name!r} in {folder} has no pictures; allowed are "
                f"{', '.join(_PICTURES)}"
            )
    try:
        read = keras.utils.image_dataset_from_directory(
            str(folder), class_names=classes, image_size=(picture_size, picture_size),
            batch_size=None, shuffle=False, verbose=False,
        )  # fmt: skip
        pairs = list(read.as_numpy_iterator())
    except (ValueError, tf.errors.OpError) as error:
        reason = one_line(getattr(error, "message", error))[:150]
        raise OwnRowsError(f"a file in {folder} is no picture that can be read: {reason}") from None
    x = np.stack([picture for picture, _ in pairs])
    labels = pd.Series([classes[label] for _, label in pairs])
    return _from_pictures(_spoken(folder.resolve().name), x, labels, (), once, test_share)


_PICTURES = (".bmp", ".gif", ".jpeg", ".jpg", ".png")  # those of Keras


def _read_csv(path):
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise OwnRowsError(
            f"{path} is not in UTF-8 (byte {error.start}); save it as CSV in UTF-8"
        ) from None
    if not text.strip():
        raise OwnRowsError(f"{path} is empty")
    if "\0" in text:
        raise OwnRowsError(f"{path} is no CSV file: it holds zero bytes")
    try:
        lines = csv.reader(io.StringIO(text), strict=True)
        header = next(line for line in lines if line)
        for line in lines:
            if line and len(line) != len(header):
                raise OwnRowsError(
                    f"{path} has {_count(len(line), 'value')} in line {lines.line_num}, and "
                    f"{_count(len(header), 'name')} in its first line"
                )
    except csv.Error as error:
        raise OwnRowsError(f"{path} is no CSV file: {one_line(error)}") from None
    if len(header) == 1:
        other = [mark for mark in (";", "\t", "|") if mark in header[0]]
        hint = f"; they seem to be separated by {other[0]!r}, and it takes commas" if other else ""
        raise OwnRowsError(
            f"{path} has one column, {_named(header[0])}, and a label needs others{hint}"
        )
    _require_different(header, path)
    if not any(re.search(r"[^\d\s.,eE+-]", name) for name in header):
        raise OwnRowsError(f"{path} has numbers in its first line, where names of columns stand")
    # One more reading, with columns as pandas sees them.
    return pd.read_csv(io.StringIO(text), index_col=False, header=0, names=header, low_memory=False)


def _read_parquet(path):
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(path)
        _require_different(table.column_names, path)
        return table.to_pandas().reset_index(drop=True)
    except OwnRowsError:
        raise
    except OSError:
        raise
    except Exception as error:  # what pandas has written into such a file, a damaged one lacks
        raise OwnRowsError(f"{path} is no Parquet file: {one_line(error)[:150]}") from None


def _require_different(names, path):
    for name in names:
        if not name.strip():
            raise OwnRowsError(f"{path} has a column without a name; give it one or delete it")
        if list(names).count(name) > 1:
            raise OwnRowsError(f"{path} has {list(names).count(name)} columns called {name!r}")


# What is refused


def _checked(name, table, labels, drop, impute, once, test_share):
    _require_columns(table, drop, "--drop")
    table = table.drop(columns=list(drop))
    y, class_names = _labels(labels, test_share)
    if not table.shape[1]:
        raise OwnRowsError("no column is left beside the label")
    if len(set(table.columns)) < table.shape[1]:
        _require_different([*map(str, table.columns)], "the table")
    table, y = _without_repeated(table, y, once)
    _require_rows(y, class_names, test_share)
    of_numbers, of_texts = {}, {}
    for column, values in table.items():
        kind, values = _column(column, values)
        (of_numbers if kind == "number" else of_texts)[column] = values
    tables = [pd.DataFrame(found, index=table.index) for found in (of_numbers, of_texts)]
    rows = OwnRows(name, *tables, y, class_names, test_share)
    columns = {**of_numbers, **of_texts}
    _require_values(columns, impute)
    _require_informative(of_numbers, of_texts)
    _require_no_leak(columns, y)
    if rows.features > MOST_FEATURES:
        most = max(rows.levels, key=lambda name: len(rows.levels[name]))
        raise OwnRowsError(
            f"the rows become {rows.features:,} numbers each, more than {MOST_FEATURES:,}; most of "
            f"the categories stand in {_named(most)}: --drop it"
        )
    return rows


def _from_pictures(name, x, labels, drop, once, test_share):
    if len(drop):
        raise OwnRowsError(f"--drop names {drop[0]!r}; pictures have no columns to drop")
    x = np.asarray(x)
    if x.dtype.kind not in "biuf":
        raise OwnRowsError(f"x holds {x.dtype}; pictures are arrays of numbers")
    if not np.isfinite(x).all():
        raise OwnRowsError("x holds numbers that are missing or infinite; pictures have none")
    x = x.astype("float64")
    if x.ndim == 4 and x.shape[-1] == 3 and np.ptp(x, axis=-1).max() < 1:
        x = x[..., 0]  # grey pictures in three channels
    shape = x.shape[1:3] if x.ndim == 3 or x.shape[3:] == (1,) else None
    if x.min() >= 0 and x.max() > 1:
        x = x / 255 if x.max() <= 255 else x / x.max()
    x = x.reshape(len(x), -1)
    if x.shape[1] > MOST_FEATURES:
        raise OwnRowsError(
            f"a picture has {x.shape[1]:,} numbers, more than {MOST_FEATURES:,}; make it smaller "
            "with --picture-size"
        )
    y, class_names = _labels(labels, test_share)
    # As a network reads them: what differs less is the same picture.
    table, y = _without_repeated(pd.DataFrame(x.astype("float32")), y, once)
    _require_rows(y, class_names, test_share)
    return OwnRows(
        name, table, pd.DataFrame(index=table.index), y, class_names, test_share, False, shape
    )


def _require_columns(table, names, option):
    for name in names:
        if name not in table.columns:
            near = difflib.get_close_matches(str(name), [*map(str, table.columns)], n=1)
            there = ", ".join(_named(column) for column in table.columns[:8])
            hint = f"did you mean {near[0]!r}?" if near else f"there are {there}"
            raise OwnRowsError(f"{option} is {name!r}, and no column is called so; {hint}")


def _labels(labels, test_share):
    """Labels as whole numbers, and the names of the classes."""
    if not 0.05 <= test_share <= 0.5:
        raise OwnRowsError(f"--test-share is {test_share}; allowed is a number from 0.05 to 0.5")
    labels = labels.reset_index(drop=True)
    missing = int(labels.isna().sum())
    if missing:
        raise OwnRowsError(f"{_count(missing, 'row')} without a label; give each one, or delete it")
    kind = labels.dtype.kind if isinstance(labels.dtype, np.dtype) else "O"
    if kind in "mM" or isinstance(labels.dtype, pd.DatetimeTZDtype):
        raise OwnRowsError("the label is a date, and dates are no classes")
    if kind == "c":
        raise OwnRowsError("the label is a complex number, and such numbers are no classes")
    if kind == "f":
        if not np.isfinite(labels).all() or (labels % 1 != 0).any():
            raise OwnRowsError(
                f"the label holds numbers such as {labels[labels % 1 != 0].iloc[0]:g}, and numbers "
                "to predict are regression; this compares classes only"
            )
        labels = labels.astype("int64")
    odd = [one for one in labels if not isinstance(one, (str, bool, np.bool_, numbers.Integral))]
    if kind == "O" and odd:
        raise OwnRowsError(
            f"the label holds a {type(odd[0]).__name__}; classes are texts or whole numbers"
        )
    if kind == "O":
        labels = labels.astype(str)
    names = np.unique(labels.to_numpy())
    if kind in "iuf" and len(names) > max(20, len(labels) // least_of_a_class(test_share)):
        raise OwnRowsError(
            f"the label has {len(names)} different numbers in {len(labels)} rows, and numbers to "
            "predict are regression; this compares classes only"
        )
    if len(names) == 1:
        raise OwnRowsError(f"all rows have the label {str(names[0])!r}; it takes two classes")
    return np.searchsorted(names, labels.to_numpy()).astype("int32"), tuple(map(str, names))


def least_of_a_class(test_share: float) -> int:
    """Rows of a class that are needed so that it is in each of the three sets."""
    return math.ceil(max(1 / test_share, 1 / (VALIDATION_SHARE * (1 - test_share)))) + 1


def least_rows(test_share: float) -> int:
    """Rows that are needed for `LEAST_TRAINING` to train on and `LEAST_TEST` to test on."""
    training = LEAST_TRAINING / ((1 - test_share) * (1 - VALIDATION_SHARE))
    return math.ceil(max(training, LEAST_TEST / test_share)) + 1


def _require_rows(y, class_names, test_share):
    needed = max(least_rows(test_share), 10 * len(class_names))
    if len(y) < needed:
        raise OwnRowsError(
            f"there are {_count(len(y), 'row')}; {len(class_names)} classes and a test share of "
            f"{test_share:g} need at least {needed}"
        )
    counts = np.bincount(y, minlength=len(class_names))
    least = least_of_a_class(test_share)
    if counts.min() < least:
        raise OwnRowsError(
            f"the class {_named(class_names[counts.argmin()])} has {_count(counts.min(), 'row')}; "
            f"to train, to validate and to test it needs at least {least}"
        )


def _without_repeated(table, y, once):
    try:
        repeated = table.duplicated()
    except TypeError:  # a list in a cell, which is refused with its column
        return table, y
    if repeated.any() and not once:
        raise OwnRowsError(
            f"{_count(repeated.sum(), 'row')} equal to an earlier one, the first of them row "
            f"{repeated.to_numpy().argmax() + 1}; one would train and the other test: delete them, "
            "or keep the first of each with --once"
        )
    left = ~repeated.to_numpy()
    return table[left].reset_index(drop=True), y[left]


def _column(name, values):
    """Kind of a column, "number" or "text", and its values as such."""
    of_numpy = isinstance(values.dtype, np.dtype)
    kind = values.dtype.kind if of_numpy else "O"
    if kind in "mM" or isinstance(values.dtype, (pd.DatetimeTZDtype, pd.PeriodDtype)):
        raise OwnRowsError(_about_dates(name, values.dropna().iloc[0] if len(values) else ""))
    nullable = not of_numpy and pd.api.types.is_numeric_dtype(values.dtype)
    if kind in "biuf" or nullable:
        return "number", _numbers(name, values)
    values = values.astype(object)
    there = values.dropna()
    odd = [one for one in there if not isinstance(one, (str, bool, int, float, np.number))]
    if odd:
        if hasattr(odd[0], "isoformat"):
            raise OwnRowsError(_about_dates(name, odd[0]))
        raise OwnRowsError(
            f"the column {_named(name)} holds a {type(odd[0]).__name__}; a value is a number or a "
            "text: --drop it"
        )
    texts = there.astype(str)
    if not there.map(lambda one: isinstance(one, str)).any():
        return "number", _numbers(name, values)
    if len(texts) and texts.str.match(_DATE).mean() > 0.5:
        raise OwnRowsError(_about_dates(name, texts.iloc[0]))
    as_numbers = pd.to_numeric(texts, errors="coerce")
    if as_numbers.notna().all():
        return "number", _numbers(name, pd.to_numeric(values))
    if as_numbers.notna().mean() > 0.5:
        row = as_numbers.index[as_numbers.isna()][0]
        raise OwnRowsError(
            f"the column {_named(name)} holds numbers and texts, such as "
            f"{_named(texts[row])} in row {row + 1}; correct them or --drop it"
        )
    if texts.nunique() > len(texts) / 2:
        raise OwnRowsError(
            f"the column {_named(name)} has {texts.nunique()} different texts in {len(texts)} "
            "rows, as names and numbers of cases have; nothing can be learned from it: --drop it"
        )
    return "text", values.where(values.isna(), values.astype(str)).where(values.notna(), None)


def _about_dates(name, example):
    return (
        f"the column {_named(name)} holds dates, such as {_named(str(example))}; make numbers of "
        "them, such as the year or the days since, or --drop it"
    )


def _numbers(name, values):
    found = pd.to_numeric(values).astype("Float64").to_numpy("float64", na_value=np.nan)
    found = pd.Series(found, index=values.index)
    large = found.abs() > LARGEST
    if large.any():
        some = found[large].iloc[0]
        what = "infinite" if np.isinf(some) else "too large"
        raise OwnRowsError(
            f"the column {_named(name)} holds {what} numbers, {large.sum()} of them, the "
            f"first in row {large.to_numpy().argmax() + 1}; correct them or --drop it"
        )
    return found


def _require_values(columns, impute):
    empty = [name for name, values in columns.items() if values.isna().all()]
    if empty:
        raise OwnRowsError(f"the column {_named(empty[0])} has no values; --drop it")
    missing = {name: int(values.isna().sum()) for name, values in columns.items()}
    missing = {name: count for name, count in missing.items() if count}
    if missing and not impute:
        told = ", ".join(f"{_named(name)} ({count})" for name, count in list(missing.items())[:8])
        more = f" and {len(missing) - 8} more" if len(missing) > 8 else ""
        raise OwnRowsError(
            f"values are missing in {told}{more}; fill them in, or let the median of the training "
            "rows, and a category of its own, stand for them with --impute"
        )


def _require_informative(of_numbers, of_texts):
    """Refuse columns that say the same of all rows, or only which row it is."""
    constant = [
        name
        for name, values in {**of_numbers, **of_texts}.items()
        if values.nunique(dropna=False) == 1
    ]
    if constant:
        told = ", ".join(map(_named, constant[:8])) + (" ..." if len(constant) > 8 else "")
        raise OwnRowsError(
            f"the same value stands in all rows of {told}; nothing can be learned from that: "
            "--drop each of them"
        )
    for name, values in of_numbers.items():
        if len(values) > 2 and (np.diff(values.to_numpy()) == 1).all():
            raise OwnRowsError(
                f"the column {_named(name)} counts the rows; it says where in the file a row "
                "stood: --drop it"
            )


def _require_no_leak(columns, y):
    for name, values in columns.items():
        if tells_the_label(values, y):
            raise OwnRowsError(
                f"the column {_named(name)} alone tells the label of every row, as a copy of it "
                "does; if it was made from the label, or is known only after it, --drop it, and "
                "otherwise no technique is needed"
            )


def tells_the_label(values: pd.Series, y: np.ndarray) -> bool:
    """Whether a column is the label under other names, or with small changes.

    Args:
        values: numbers or texts, shape (rows,).
        y: labels, whole numbers from 0, of the same shape.

    Returns:
        True where each value stands with one label only and there are at most a tenth as many
        values as rows, or where the numbers of each class lie in an interval of their own.
    """
    codes, found = pd.factorize(values, use_na_sentinel=False)
    pure = len(np.unique(np.stack([codes, y]), axis=1).T) == len(found)
    if pure and len(found) <= max(y.max() + 1, len(y) / 10):
        return True
    if values.dtype.kind != "f" or values.isna().any():
        return False
    ordered = y[np.argsort(values.to_numpy(), kind="stable")]
    return pure and int((np.diff(ordered) != 0).sum()) == y.max()


def check_seeds(rows: OwnRows, seeds: Iterable[int]) -> None:
    """Make what each seed is given once, so that nothing stops half-way.

    Raises:
        OwnRowsError: rows of two sets are the same, as a network reads them.
    """
    for seed in seeds:
        try:
            with_validation_rows_of_its_own(rows.dataset(seed), VALIDATION_SHARE)
        except DatasetError as error:
            raise OwnRowsError(
                f"with seed {seed}, once missing values are filled in and categories that do not "
                f"train are zeros, {error}; drop columns with many missing values or rare texts"
            ) from None


def _spoken(name):
    """The name of a file without what can stand in no page and what a terminal would obey."""
    return one_line(name.encode("utf-8", "replace").decode())


def _count(count, what):
    return f"{count:,} {what}" + ("" if count == 1 else "s")


def _named(name):
    text = repr(str(name))
    return text if len(text) <= 60 else f"{text[:56]}...'"
