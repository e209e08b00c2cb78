"""Rows of a reader's own: what is refused, in one line, and what each seed is given."""

from __future__ import annotations

import datetime
import shutil

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from utils import compare, own_rows, training
from utils.backend import keras
from utils.datasets import with_validation_rows_of_its_own
from utils.own_rows import OwnRowsError, from_arrays, tells_the_label
from utils.parameters import OneLineError

ROWS = 80
EXAMPLES = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def table(**columns):
    """Rows that are good, but for the columns that are given."""
    rng = np.random.default_rng(0)
    good = {
        "length": rng.normal(5, 2, ROWS),
        "width": rng.normal(size=ROWS),
        "colour": np.tile(["red", "green", "blue", "grey"], ROWS // 4),
        "species": np.repeat(["a", "b"], ROWS // 2),
    }
    return pd.DataFrame(good | columns)


@pytest.fixture
def refused(tmp_path, monkeypatch, capsys):
    """Runs the command on bad rows and returns its one line."""

    def nothing_may_be_trained(*given, **named):
        raise AssertionError("something was trained")

    monkeypatch.setattr(training, "replicate", nothing_may_be_trained)
    monkeypatch.chdir(tmp_path)

    def run(rows, *options, label="species"):
        path = rows
        if isinstance(rows, pd.DataFrame):
            path = tmp_path / "rows.csv"
            rows.to_csv(path, index=False)
        elif isinstance(rows, (str, bytes)):
            path = tmp_path / "rows.csv"
            path.write_bytes(rows.encode() if isinstance(rows, str) else rows)
        before = sorted(tmp_path.rglob("*"))
        labelled = [] if label is None else ["--label", label]
        status = compare.main([str(path), *labelled, "--seeds", "3", *options])
        said = capsys.readouterr()
        assert status == 2, said
        assert said.err.startswith("error: ")
        assert said.err.count("\n") == 1
        assert said.out == ""
        assert sorted(tmp_path.rglob("*")) == before, "something was written"
        return said.err

    return run


def some(value, rows=(3,), of="length"):
    values = table()[of].astype(object)
    for row in rows:
        values[row] = value
    return values


NOISE = np.random.default_rng(1).normal(size=ROWS)
CODES = np.repeat([0, 1], ROWS // 2)
DAYS = pd.date_range("2020-01-01", periods=ROWS)

BAD_TABLES = {
    "too few rows": (table()[::3], "there are 27 rows; 2 classes and a test share of 0.25 need"),
    "one class": (table(species="a"), "all rows have the label 'a'"),
    "a rare class": (table(species=["rare"] * 3 + ["b"] * 77), "the class 'rare' has 3 rows"),
    "a class of one row": (table(species=["c"] + ["b"] * 79), "has 1 row; to train"),
    "a row twice": (pd.concat([table(), table()[5:6]]), "1 row equal to an earlier one, the first"),
    "rows twice": (pd.concat([table(), table()[:7]]), "7 rows equal to an earlier one"),
    "other label, same row": (
        pd.concat([table(), table()[:1].assign(species="b")]), "1 row equal to an earlier one",
    ),
    "copy of the label": (table(copy=table()["species"]), "the column 'copy' alone tells"),
    "recoded label": (table(code=np.where(CODES, "yes", "no")), "the column 'code' alone tells"),
    "label as numbers": (table(code=7 - 3 * CODES), "the column 'code' alone tells"),
    "label with noise": (table(code=CODES + NOISE / 1e6), "the column 'code' alone tells"),
    "label split further": (
        table(code=[f"{c}{k % 2}" for k, c in enumerate(CODES)]), "the column 'code' alone tells",
    ),
    "constant numbers": (table(same=3), "all rows of 'same'"),
    "constant texts": (table(same="x"), "all rows of 'same'"),
    "two constants": (table(one=1, two=2.5), "'one', 'two'"),
    "missing number": (table(length=some(None)), "values are missing in 'length' (1)"),
    "missing text": (table(colour=some(None, (1, 2), "colour")), "missing in 'colour' (2)"),
    "missing label": (table(species=some(None, (1, 2), "species")), "2 rows without a label"),
    "nothing in a column": (table(empty=None), "the column 'empty' has no values"),
    "identifiers": (table(id=[f"case {k}" for k in range(ROWS)]), "'id' has 80 different texts"),
    "a counter": (table(id=range(100, 100 + ROWS)), "the column 'id' counts the rows"),
    "infinite": (table(length=some(np.inf)), "infinite numbers, 1 of them, the first in row 4"),
    "negative infinite": (table(length=some(-np.inf)), "holds infinite numbers"),
    "too large": (table(length=some(1e200)), "holds too large numbers"),
    "numbers and texts": (table(length=some("five")), "numbers and texts, such as 'five' in row 4"),
    "days": (table(day=DAYS.strftime("%Y-%m-%d")), "the column 'day' holds dates"),
    "days of others": (table(day=DAYS.strftime("%d.%m.%Y")), "the column 'day' holds dates"),
    "regression": (table(species=NOISE), "numbers to predict are regression"),
    "whole numbers to predict": (table(species=np.arange(ROWS) * 3), "are regression"),
    "infinite label": (table(species=some(np.inf, of="length")), "are regression"),
    "nothing but the label": (table()[["species"]], "has one column, 'species'"),
}  # fmt: skip

BAD_TEXTS = {
    "nothing": ("", "is empty"),
    "blank lines": ("\n\n\n", "is empty"),
    "only names": ("length,species\n", "holds no rows"),
    "another encoding": ("größe,species\n1,a\n".encode("latin-1"), "is not in UTF-8"),
    "UTF-16": ("length,species\n".encode("utf-16"), "is not in UTF-8"),
    "zero bytes": (b"length,species\n\0,a\n", "holds zero bytes"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "is not in UTF-8"),
    "semicolons": ("length;species\n1;a\n", "separated by ';', and it takes commas"),
    "tabs": ("length\tspecies\n1\ta\n", "it takes commas"),
    "repeated names": ("length,length,species\n1,2,a\n", "2 columns called 'length'"),
    "no name": ("length,,species\n1,2,a\n", "a column without a name"),
    "a long line": ("length,species\n1,a\n2,b,c\n", "has 3 values in line 3"),
    "a short line": ("length,width,species\n1,2,a\n2,b\n", "has 2 values in line 3"),
    "an open quote": ('length,species\n1,"a\n2,b\n', "is no CSV file"),
    "no names": ("1,2\n3,4\n", "numbers in its first line"),
}

BAD_OPTIONS = {
    "unknown label": (["--label", "specis"], "did you mean 'species'?"),
    "no such label": (["--label", "=cmd()"], "--label is '=cmd()', and no column is called so"),
    "unknown drop": (["--drop", "lenght"], "did you mean 'length'?"),
    "label dropped": (["--drop", "species"], "'species', which is the label"),
    "all dropped": (["--drop", "length", "--drop", "width", "--drop", "colour"], "no column is"),
    "unknown technique": (["--techniques", "droput"], "did you mean 'dropout'?"),
    "no technique": (["--techniques", ","], "no technique is named"),
    "only the baseline": (["--techniques", "none"], "no technique is named"),
    "a technique twice": (["--techniques", "l2,l2"], "'l2' is named twice"),
    "negative seeds": (["--seeds", "-3"], "seeds is -3"),
    "no seeds": (["--seeds", "0"], "seeds is 0"),
    "one seed": (["--seeds", "1"], "seeds is 1"),
    "seeds in words": (["--seeds", "many"], "invalid int value: 'many'"),
    "negative first seed": (["--first-seed", "-1"], "first_seed is -1"),
    "no steps": (["--steps", "0"], "steps is 0"),
    "less than two epochs": (["--steps", "1"], "steps is 1"),
    "no units": (["--units", "0"], "units is 0"),
    "no batch": (["--batch-size", "0"], "batch_size is 0"),
    "no test rows": (["--test-share", "0"], "--test-share is 0"),
    "only test rows": (["--test-share", "1"], "--test-share is 1"),
    "not a share": (["--test-share", "nan"], "--test-share is nan"),
    "no workers": (["--workers", "0"], "--workers is 0"),
    "a table with a size": (["--picture-size", "8"], "is for a folder of pictures"),
    "an unknown option": (["--yes"], "unrecognized arguments: --yes"),
    "a file as output": (["--output", "rows.csv"], "is no folder"),
    "below a file": (["--output", "rows.csv/deeper"], "is no folder"),
}


@pytest.mark.parametrize("name", BAD_TABLES)
def test_a_bad_table_is_refused(name, refused):
    rows, said = BAD_TABLES[name]
    assert said in refused(rows)


@pytest.mark.parametrize("name", BAD_TEXTS)
def test_a_bad_file_is_refused(name, refused):
    text, said = BAD_TEXTS[name]
    assert said in refused(text)


@pytest.mark.parametrize("name", BAD_OPTIONS)
def test_a_bad_option_is_refused(name, refused):
    options, said = BAD_OPTIONS[name]
    assert said in refused(table(), *options)


def test_there_are_enough_bad_inputs():
    assert len(BAD_TABLES) + len(BAD_TEXTS) + len(BAD_OPTIONS) + len(BAD_ARRAYS) >= 60


def test_what_is_no_table_is_refused(refused, tmp_path):
    assert "no such file" in refused(tmp_path / "nowhere.csv")
    (tmp_path / "rows.xlsx").write_bytes(b"PK")
    assert "a table is a .csv or .parquet file" in refused(tmp_path / "rows.xlsx")
    (tmp_path / "rows.parquet").write_bytes(b"PAR1 and no more")
    assert "is no Parquet file" in refused(tmp_path / "rows.parquet")
    assert "name the column that is to be predicted" in refused(table(), label=None)


@pytest.mark.parametrize(
    ("column", "said"),
    [
        (DAYS, "the column 'odd' holds dates, such as '2020-01-01"),
        (DAYS.tz_localize("UTC"), "the column 'odd' holds dates"),
        ([datetime.date(2020, 1, 1 + k % 28) for k in range(ROWS)], "the column 'odd' holds dates"),
        ([[k] for k in range(ROWS)], "the column 'odd' holds a ndarray"),
        ([b"x", b"y"] * (ROWS // 2), "the column 'odd' holds a bytes"),
    ],
)
def test_columns_that_only_parquet_can_hold_are_refused(column, said, refused, tmp_path):
    table(odd=column).to_parquet(tmp_path / "rows.parquet")
    assert said in refused(tmp_path / "rows.parquet")


def test_labels_that_are_dates_are_refused(refused, tmp_path):
    table(species=DAYS).to_parquet(tmp_path / "rows.parquet")
    assert "the label is a date" in refused(tmp_path / "rows.parquet")


def test_markup_and_line_breaks_in_names_stay_on_one_line(refused):
    assert "<script>" in refused(table(**{"<script>\n\n": 1}))
    assert len(refused(table(**{"x" * 5000: 1}))) < 400


def good_arrays():
    rows = table()
    return rows[["length", "width"]].to_numpy(), CODES


BAD_ARRAYS = {
    "other lengths": (lambda x, y: (x, y[:-1]), "x has 80 rows and y 79 labels"),
    "no rows": (lambda x, y: (x[:0], y[:0]), "x holds no rows"),
    "one axis": (lambda x, y: (x[:, 0], y), "x has shape (80,)"),
    "a number": (lambda x, y: (3, y), "x has shape ()"),
    "ragged rows": (lambda x, y: ([[1, 2], [3]] * 40, y), "x has rows of different lengths"),
    "one-hot labels": (lambda x, y: (x, np.eye(2)[y]), "y has shape (80, 2)"),
    "a missing label": (lambda x, y: (x, np.where(y, y, np.nan)), "40 rows without a label"),
    "None as label": (lambda x, y: (x, [None, *map(str, y[1:])]), "1 row without a label"),
    "fractions": (lambda x, y: (x, y + 0.5 * (x[:, 0] > 5)), "are regression"),
    "complex numbers": (lambda x, y: (x + 1j, y), "holds a complex"),
    "complex labels": (lambda x, y: (x, y + 1j), "complex number"),
    "lists as labels": (lambda x, y: (x, pd.Series([[1]] * 80)), "holds a list"),
    "nan": (lambda x, y: (np.where(x > 5, np.nan, x), y), "values are missing in 'column 1'"),
    "infinite": (lambda x, y: (np.where(x > 8, np.inf, x), y), "'column 1' holds"),
    "a leak": (lambda x, y: (np.column_stack([x, y]), y), "the column 'column 3' alone tells"),
    "pictures of texts": (lambda x, y: (np.full((80, 2, 2), "a"), y), "arrays of numbers"),
    "pictures with nan": (lambda x, y: (np.full((80, 2, 2), np.nan), y), "missing or infinite"),
    "the same picture": (lambda x, y: (np.ones((80, 2, 2)), y), "79 rows equal"),
    "huge pictures": (lambda x, y: (np.zeros((80, 200, 200)), y), "more than 20,000"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_ARRAYS)
def test_bad_arrays_are_refused(name):
    change, said = BAD_ARRAYS[name]
    with pytest.raises(OneLineError) as caught:
        compare.compare_rows(*change(*good_arrays()), seeds=3)
    assert said in str(caught.value)


def test_names_that_stand_twice_in_a_pandas_table_are_refused():
    x = table()[["length", "width"]]
    x.columns = ["length", "length"]
    with pytest.raises(OwnRowsError, match="2 columns called 'length'"):
        from_arrays(x, CODES)


@EXAMPLES
@given(content=st.binary(max_size=300))
def test_any_bytes_are_refused_in_one_line(refused, content):
    refused(content)


@EXAMPLES
@given(
    cells=st.lists(st.lists(st.text(max_size=6), min_size=3, max_size=3), min_size=1, max_size=12),
    label=st.text(max_size=6).filter(lambda text: not text.startswith("-")),
)
def test_any_short_table_is_refused_in_one_line(refused, cells, label):
    lines = [",".join('"' + cell.replace('"', '""') + '"' for cell in line) for line in cells]
    refused("\n".join(lines).encode("utf-8", "replace"), label=label)


@EXAMPLES
@given(
    y=st.lists(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just([1]),
        max_size=39,
    )
)
def test_any_few_labels_are_refused_in_one_line(y):
    x = np.random.default_rng(0).normal(size=(len(y), 2))
    with pytest.raises(OneLineError) as caught:
        compare.compare_rows(x, y, seeds=3)
    assert "\n" not in str(caught.value)


# Folders of pictures


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A folder of 48 small pictures in two classes."""
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for name, light in (("dark", 0), ("light", 90)):
        (folder / name).mkdir()
        for k in range(24):
            picture = rng.integers(0, 160, (9, 9, 3)) + light
            keras.utils.save_img(folder / name / f"{k}.png", picture, scale=False)
    return folder


def test_pictures_are_read_by_class(pictures):
    rows = own_rows.read_pictures(pictures, picture_size=6)
    assert rows.class_names == ("dark", "light")
    assert (rows.features, len(rows.y)) == (6 * 6 * 3, 48)
    x = rows.dataset(0).x_train
    assert x.min() >= 0
    assert x.max() <= 1
    assert 0.3 < x.mean() < 0.6


def test_bad_folders_are_refused(pictures, refused, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    assert "has no subfolders" in refused(folder, label=None)
    shutil.copytree(pictures / "dark", folder / "dark")
    assert "all rows have the label 'dark'" in refused(folder, label=None)
    (folder / "empty").mkdir()
    assert "the class 'empty' in" in refused(folder, label=None)
    (folder / "empty" / "x.png").write_text("no picture")
    assert "is no picture that can be read" in refused(folder, label=None)
    assert "for tables" in refused(pictures, label="species")
    assert "--picture-size is 2" in refused(pictures, "--picture-size", "2", label=None)
    shutil.copytree(pictures, folder, dirs_exist_ok=True)
    shutil.copy(pictures / "dark" / "0.png", folder / "dark" / "again.png")
    shutil.rmtree(folder / "empty")
    assert "1 row equal to an earlier one" in refused(folder, label=None)


# What each seed is given


def mixed():
    """Numbers and texts with missing values, and a text that stands in two rows only."""
    rows = table(
        length=some(None, range(0, ROWS, 9)).astype(float),
        colour=some(None, range(1, ROWS, 11), "colour"),
        shape=["rare" if k in (7, 60) else "round" if k % 3 else "long" for k in range(ROWS)],
    )
    return from_arrays(rows.drop(columns="species"), rows["species"], impute=True)


def trained_on(rows, seed):
    """The rows that train, as the protocol takes them, with their numbers, and the whole."""
    train, validation, test = rows.cut(seed)
    return with_validation_rows_of_its_own(rows.dataset(seed)), train, validation, test


@pytest.mark.parametrize("seed", range(5))
def test_the_protocol_trains_on_those_rows_by_which_columns_were_standardized(seed):
    rows = from_arrays(*good_arrays())
    data, train, validation, test = trained_on(rows, seed)
    assert data.x_train.mean(axis=0) == pytest.approx([0, 0], abs=1e-5)
    assert data.x_train.std(axis=0) == pytest.approx([1, 1], abs=1e-4)
    x, y = good_arrays()
    mean, deviation = x[train].mean(axis=0), x[train].std(axis=0)
    for part, ids in ((data.x_train, train), (data.x_validation, validation), (data.x_test, test)):
        assert part == pytest.approx((x[ids] - mean) / deviation, abs=1e-5)
    assert data.y_validation.tolist() == y[validation].tolist()
    assert data.test_ids.tolist() == test.tolist()


def test_medians_come_from_training_rows_and_missing_texts_have_a_column():
    rows = mixed()
    x = rows.numbers["length"].to_numpy()
    told = set()
    for seed in range(5):
        train, _, _ = rows.cut(seed)
        encoded = rows._encoded(fitted_on=train)
        filled = np.where(np.isnan(x), np.nanmedian(x[train]), x)
        expected = (filled - filled[train].mean()) / filled[train].std()
        assert encoded[:, 0] == pytest.approx(expected, abs=1e-4)
        column = rows.numbers.shape[1] + rows.levels["colour"].index("missing")
        missing = rows.categories["colour"].isna()
        assert encoded[:, column].tolist() == missing.astype(float).tolist()
        told.add(np.nanmedian(x[train]))
    assert len(told) > 1, "all rows, and not the training rows, gave the median"


def test_texts_that_no_training_row_has_are_zeros():
    rows = mixed()
    column = rows.numbers.shape[1] + len(rows.levels["colour"]) + rows.levels["shape"].index("rare")
    seen = {True: 0, False: 0}
    for seed in range(40):
        train, _, _ = rows.cut(seed)
        trains = bool(np.isin([7, 60], train).any())
        seen[trains] += 1
        assert rows._encoded(fitted_on=train)[7, column] == trains
    assert all(seen.values())


def test_each_seed_tests_on_rows_of_its_own_with_the_classes_in_their_shares():
    rows = from_arrays(*good_arrays())
    tested = [rows.cut(seed)[2] for seed in range(3)]
    assert len({tuple(sorted(ids)) for ids in tested}) == 3
    for seed in range(3):
        parts = rows.cut(seed)
        assert sorted(np.concatenate(parts)) == list(range(ROWS))
        assert [np.bincount(rows.y[ids]).tolist() for ids in parts] == [[24, 24], [6, 6], [10, 10]]


@pytest.mark.parametrize("test_share", [0.05, 0.1, 0.25, 0.5])
@pytest.mark.parametrize("classes", [2, 7])
def test_what_is_just_enough_can_be_cut(test_share, classes):
    least = own_rows.least_of_a_class(test_share)
    many = max(own_rows.least_rows(test_share), 10 * classes)
    y = np.concatenate([np.repeat(range(1, classes), least), np.zeros(many, int)])
    rows = from_arrays(np.random.default_rng(0).normal(size=(len(y), 2)), y, test_share=test_share)
    for seed in range(20):
        assert all(set(rows.y[ids]) == set(range(classes)) for ids in rows.cut(seed))


def test_once_keeps_the_first_of_rows_that_are_the_same():
    rows = pd.concat([table(), table()[:7]])
    kept = from_arrays(rows.drop(columns="species"), rows["species"], once=True)
    assert len(kept.y) == ROWS


def test_rows_that_are_the_same_once_values_are_filled_in_are_told_before_training():
    x = np.column_stack([np.tile(NOISE[:40], 2), np.repeat([np.nan, 7], 40)])
    with pytest.raises(OwnRowsError, match="once missing values are filled in"):
        compare.compare_rows(x, np.tile([0, 1, 1, 0], 20), impute=True, seeds=3)


@pytest.mark.parametrize(
    ("values", "tells"),
    [
        (CODES, True),
        (1 - CODES, True),
        (CODES * 5.0 + NOISE / 100, True),
        (NOISE, False),
        (CODES * 2.0 + NOISE, False),
        (np.where(CODES, np.arange(ROWS) % 2, 1), False),
        (np.where(np.arange(ROWS) == 3, 1 - CODES, CODES), False),
    ],
)
def test_a_leak_is_told_from_a_good_feature(values, tells):
    assert tells_the_label(pd.Series(values, dtype=float), CODES) == tells


def test_good_kinds_of_columns_and_labels_are_read(tmp_path):
    flags = NOISE > 0
    rows = table(
        flag=flags,
        nullable=pd.array(np.where(flags, 3, 5), dtype="Int64"),
        kind=pd.Categorical(np.where(NOISE > 0.3, "p", "q")),
        species=CODES.astype(float),
    )
    rows.to_parquet(tmp_path / "rows.parquet")
    read = own_rows.read_table(tmp_path / "rows.parquet", "species")
    assert read.class_names == ("0", "1")
    assert [*read.numbers] == ["length", "width", "flag", "nullable"]
    assert [*read.categories] == ["colour", "kind"]
    rows.to_csv(tmp_path / "rows.csv", index=False)
    assert own_rows.read_table(tmp_path / "rows.csv", "species").digest == read.digest
