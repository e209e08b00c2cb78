"""Splits that each seed draws for itself, and errors of one line."""

import dataclasses
import lzma
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer

from tests.notebook_runs import ROOT
from utils import datasets, fashion
from utils.backend import keras
from utils.catalogue import SOURCES
from utils.datasets import DatasetError, load, with_validation_rows_of_its_own

HELD_OUT = ("x_validation", "y_validation", "x_test", "y_test", "test_ids")


def rows(x):
    return {row.tobytes() for row in x}


@pytest.mark.parametrize("seed", range(8))
def test_digits_splits_are_disjoint_and_use_every_row(seed):
    data = load("digits", seed=seed)
    parts = [data.x_train, data.x_validation, data.x_test]
    assert [len(x) for x in parts] == [800, 197, 800]
    assert len(rows(np.concatenate(parts))) == 1797


@pytest.mark.parametrize("seed", range(8))
def test_digits_splits_are_stratified(seed):
    data = load("digits", seed=seed)
    whole = np.concatenate([data.y_train, data.y_validation, data.y_test])
    for y in (data.y_train, data.y_validation, data.y_test):
        expected = np.bincount(whole) * len(y) / len(whole)
        assert np.abs(np.bincount(y, minlength=10) - expected).max() <= 2


def test_each_seed_tests_on_rows_of_its_own_and_all_rows_are_tested_on():
    first, *others = [load("digits", seed=seed) for seed in range(12)]
    for data in others:
        for part in ("x_validation", "x_test"):
            mine, its = (rows(getattr(d, part)) for d in (first, data))
            by_chance = len(mine) ** 2 / 1797
            assert len(mine & its) == pytest.approx(by_chance, abs=0.1 * len(mine))
    tested = np.concatenate([first.test_ids, *(data.test_ids for data in others)])
    assert len(np.unique(tested)) > 1780  # a row is left out by 12 seeds once in a thousand times


@pytest.mark.parametrize("name", ["digits", "noise"])
def test_the_same_seed_holds_out_the_same_rows_however_many_are_trained_on(monkeypatch, name):
    first = load(name, seed=7)
    monkeypatch.setattr(datasets, "_wholes", {})  # the split is computed anew
    for train_rows in (10, 100, 780, 795, 800):
        other = load(name, seed=7, train_rows=train_rows, label_noise=0.5)
        for part in HELD_OUT:
            assert np.array_equal(getattr(other, part), getattr(first, part))


def test_the_numbers_of_test_rows_lead_back_to_the_rows():
    whole = datasets._whole_of("digits", 0)
    for seed in range(3):
        data = load("digits", seed=seed)
        assert np.array_equal(whole.x[data.test_ids], data.x_test)
        assert np.array_equal(whole.y[data.test_ids], data.y_test)
        assert len(np.unique(data.test_ids)) == 800


def test_no_two_seeds_share_a_row_of_noise():
    several = [load("noise", seed=seed) for seed in (0, 1, 2, 1000)]
    ids = np.concatenate([data.test_ids for data in several])
    assert len(np.unique(ids)) == len(ids) == 4 * 1000
    assert all(np.ptp(data.test_ids) < 2000 for data in several)
    assert len(rows(np.concatenate([data.x_test for data in several]))) == 4 * 1000


def test_features_lie_between_0_and_1_in_the_types_that_training_takes():
    data = load("digits")
    assert (data.x_train.min(), data.x_train.max()) == (0, 1)
    assert (data.x_train.dtype, data.y_train.dtype) == ("float32", "int32")


@pytest.mark.parametrize("count", [10, 200, 795])
def test_train_rows_come_from_the_training_pool_and_hold_every_class(count):
    data, everything = load("digits", train_rows=count), load("digits")
    assert len(data.x_train) == len(data.y_train) == count
    assert rows(data.x_train) <= rows(everything.x_train)
    assert set(data.y_train) == set(range(10))


def test_train_rows_keep_their_own_labels():
    everything = load("digits", seed=5)
    label = {x.tobytes(): y for x, y in zip(everything.x_train, everything.y_train, strict=True)}
    data = load("digits", train_rows=300, seed=5)
    assert [label[x.tobytes()] for x in data.x_train] == data.y_train.tolist()


def test_the_same_seed_gives_the_same_rows_and_another_seed_others():
    first, again, other = (load("digits", train_rows=200, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first.x_train, again.x_train)
    assert rows(first.x_train) != rows(other.x_train)


@pytest.mark.parametrize("rate", [0.1, 0.25, 1.0])
def test_label_noise_replaces_exactly_its_share_by_another_class(rate):
    data = load("digits", train_rows=200, label_noise=rate, seed=3)
    wrong = data.y_train != data.y_train_true
    assert wrong.sum() == round(rate * 200)
    assert set(data.y_train) <= set(range(10))
    clean = load("digits", train_rows=200, seed=3)
    assert np.array_equal(data.x_train, clean.x_train)
    assert np.array_equal(data.y_train_true, clean.y_train)
    assert np.array_equal(clean.y_train, clean.y_train_true)


def test_label_noise_and_random_labels_leave_held_out_labels_alone():
    clean = load("digits")
    for spoilt in (load("digits", label_noise=1.0), load("digits", random_labels=True)):
        for part in HELD_OUT:
            assert np.array_equal(getattr(spoilt, part), getattr(clean, part))


def test_random_labels_say_nothing_about_the_rows():
    data = load("digits", random_labels=True)
    agreement = (data.y_train == data.y_train_true).mean()
    assert 0.05 < agreement < 0.15  # 0.1 by chance, with a standard error of 0.0095
    assert np.array_equal(data.y_train_true, load("digits").y_train)
    assert not np.array_equal(data.y_train, load("digits", random_labels=True, seed=1).y_train)


def test_noise_has_the_shapes_of_the_course_and_is_drawn_by_the_seed():
    data, again, other = (load("noise", seed=seed) for seed in (0, 0, 1))
    shapes = [data.x_train.shape, data.x_validation.shape, data.x_test.shape]
    assert shapes == [(800, 20), (200, 20), (1000, 20)]
    assert (data.features, data.classes, data.image_shape) == (20, 10, None)
    assert np.array_equal(data.x_train, again.x_train)
    assert not rows(data.x_train) & rows(other.x_train)
    assert not np.array_equal(data.y_train, other.y_train)


def test_describe_counts_what_is_there():
    text = load("digits", train_rows=200).describe()
    assert text == (
        "digits: 200 training, 197 validation and 800 test rows, 64 features, 10 classes"
    )


@pytest.mark.parametrize(
    ("source", "target"),
    [("train", "validation"), ("train", "test"), ("validation", "test")],
)
def test_a_row_in_two_sets_is_refused_with_the_names_of_both(source, target):
    data = load("digits")
    leaked = getattr(data, f"x_{target}").copy()
    leaked[0] = getattr(data, f"x_{source}")[0]
    names = {"train": "training"}
    with pytest.raises(DatasetError) as caught:
        dataclasses.replace(data, **{f"x_{target}": leaked})
    assert f"both the {names.get(source, source)} and the {target} set" in str(caught.value)


@pytest.mark.parametrize("labels", [slice(0), slice(0, 5)])
def test_rows_without_labels_are_refused(labels):
    data = load("digits")
    with pytest.raises(DatasetError, match="800 training rows"):
        dataclasses.replace(data, y_train=data.y_train[labels])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"name": "cifar"}, "'digits', 'fashion', 'table', 'noise', 'fashion_mnist', 'mnist'"),
        ({"train_rows": 9}, "train_rows is 9; 'digits' allows 10 to 800"),
        ({"train_rows": 801}, "10 to 800"),
        ({"train_rows": 0}, "10 to 800"),
        ({"label_noise": -0.1}, "label_noise is -0.1"),
        ({"label_noise": 1.1}, "from 0 to 1"),
        ({"label_noise": float("nan")}, "from 0 to 1"),
    ],
)
def test_what_cannot_be_loaded_is_refused_in_one_line(arguments, said):
    with pytest.raises(DatasetError) as caught:
        load(**arguments)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_a_failed_download_says_in_one_line_what_to_use_instead(monkeypatch, name):
    def unreachable():
        raise Exception("URL fetch failure:\n  no route to host")

    monkeypatch.setattr(datasets, "_wholes", {})
    monkeypatch.setattr(getattr(keras.datasets, name), "load_data", unreachable)
    with pytest.raises(DatasetError) as caught:
        load(name)
    message = str(caught.value)
    assert "\n" not in message
    assert f"'{name}' could not be downloaded (URL fetch failure: no route to host)" in message
    assert "'digits'" in message


def test_downloaded_pictures_are_cut_like_the_others_without_their_duplicates(monkeypatch):
    rng = np.random.default_rng(0)
    x, x_test = (rng.integers(0, 256, (n, 28, 28), dtype="uint8") for n in (6000, 3000))
    y, y_test = ((np.arange(n) % 10).astype("uint8") for n in (6000, 3000))
    x[1], y[1] = x[0], y[0]  # the real files repeat pictures, too
    x_test[:20], y_test[:20] = x[:20], y[:20]
    monkeypatch.setattr(datasets, "_wholes", {})
    monkeypatch.setattr(keras.datasets.mnist, "load_data", lambda: ((x, y), (x_test, y_test)))
    data = load("mnist")
    assert (len(data.x_train), len(data.x_validation), len(data.x_test)) == (4979, 2000, 2000)
    assert (data.features, data.image_shape, data.x_train.max()) == (784, (28, 28), 1)
    assert np.abs(np.bincount(data.y_validation) - 200).max() <= 1
    assert set(data.test_ids) < set(range(8979))


# Photographs that come with the course, and a table.


@pytest.mark.parametrize("name", ["fashion", "table"])
def test_every_dataset_is_cut_into_disjoint_parts_that_the_catalogue_names(name):
    source = SOURCES[name]
    data, other = load(name, seed=3), load(name, seed=4)
    sizes = [len(y) for y in (data.y_train, data.y_validation, data.y_test)]
    assert sizes == [source.train_rows, source.validation_rows, source.test_rows]
    assert (data.features, data.classes) == (source.features, source.classes)
    assert data.image_shape == source.image_shape
    for y in (data.y_train, data.y_validation, data.y_test):
        whole = np.bincount(np.concatenate([data.y_train, data.y_validation, data.y_test]))
        assert np.abs(np.bincount(y) - whole * len(y) / whole.sum()).max() <= 2
    assert not np.array_equal(np.sort(data.test_ids), np.sort(other.test_ids))


def test_features_of_a_table_are_standardized_on_the_training_rows_only():
    data = load("table", train_rows=100, seed=1)
    assert np.allclose(data.x_train.mean(axis=0), 0, atol=1e-5)
    assert np.allclose(data.x_train.std(axis=0), 1, atol=1e-5)
    held_out = np.concatenate([data.x_validation, data.x_test])
    assert np.abs(held_out.mean(axis=0)).max() > 0.05


def test_a_feature_that_is_the_same_in_all_training_rows_stays_finite(monkeypatch):
    x, y = load_breast_cancer(return_X_y=True)
    x[:, 0] = 7
    monkeypatch.setattr(datasets, "_wholes", {})
    monkeypatch.setitem(datasets._READ, "table", lambda: (x, y))
    data = load("table", train_rows=50)
    assert (data.x_train[:, 0] == 0).all()
    assert (data.x_test[:, 0] == 0).all()


def test_the_photographs_are_those_that_were_chosen():
    pixels, labels = fashion.read()
    assert (pixels.shape, pixels.dtype) == ((8000, 784), np.dtype("uint8"))
    assert np.array_equal(np.bincount(labels), np.full(10, 800))
    assert len(rows(pixels)) == 8000, "none of them twice"
    assert len(fashion.NAMES) == fashion.CLASSES
    assert fashion.PATH.stat().st_size <= 3_000_000
    assert "MIT" in fashion.PATH.with_name("LICENSE-fashion").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda content: content[:-5], "damaged"),
        (lambda content: b"no pictures", "damaged"),
        (lambda content: lzma.compress(bytes(784 * 8000)), "other photographs"),
        (lambda content: None, "cannot be read"),
    ],
)
def test_a_damaged_file_of_photographs_is_told_in_one_line(monkeypatch, tmp_path, damage, said):
    content = damage(fashion.PATH.read_bytes())
    monkeypatch.setattr(fashion, "PATH", tmp_path / "fashion.xz")
    monkeypatch.setattr(datasets, "_wholes", {})
    if content is not None:
        fashion.PATH.write_bytes(content)
    with pytest.raises(fashion.FashionError, match=said) as caught:
        load("fashion")
    assert "\n" not in str(caught.value)


DEBIAN = Path("/usr/share/datasets/fashion-mnist")


@pytest.mark.skipif(not DEBIAN.is_dir(), reason="Debian's dataset-fashion-mnist is not installed")
def test_keras_s_real_files_give_the_same_photographs_again(tmp_path):
    """Where Keras would put its downloads lie Debian's copies of the same files."""
    folder = tmp_path / "datasets" / "fashion-mnist"
    folder.mkdir(parents=True)
    for file in DEBIAN.glob("*.gz"):
        shutil.copy(file, folder)
    code = """
import sys
from pathlib import Path
from utils import datasets, fashion
before, _ = fashion.read()
fashion.PATH = Path(sys.argv[1]) / "fashion.xz"
assert fashion.main() == 0
assert (fashion.read()[0] == before).all()
data = datasets.load("fashion_mnist", train_rows=1000)
assert (len(data.x_train), len(data.x_test), data.image_shape) == (1000, 2000, (28, 28))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path],
        cwd=ROOT,
        env={**os.environ, "KERAS_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_other_files_than_keras_s_leave_the_photographs_alone(monkeypatch, tmp_path, capsys):
    x, y = np.zeros((10, 28, 28), "uint8"), np.arange(10)
    monkeypatch.setattr(keras.datasets.fashion_mnist, "load_data", lambda: ((x, y), (x, y)))
    monkeypatch.setattr(fashion, "PATH", tmp_path / "fashion.xz")
    assert fashion.main() == 1
    assert "other photographs than it did" in capsys.readouterr().err
    assert not fashion.PATH.exists()


# Validation rows that come out of the training rows.


def test_validation_rows_of_its_own_come_out_of_the_training_rows():
    data = load("digits", train_rows=200, label_noise=0.25, seed=3)
    own = with_validation_rows_of_its_own(data)
    assert (len(own.x_train), len(own.x_validation)) == (160, 40)
    for axis in "xy":
        together = [getattr(own, f"{axis}_{part}") for part in ("validation", "train")]
        assert np.array_equal(np.concatenate(together), getattr(data, f"{axis}_train"))
    assert np.array_equal(own.y_train_true, data.y_train_true[40:])
    for part in ("x_test", "y_test", "test_ids"):
        assert getattr(own, part) is getattr(data, part)
    assert len(with_validation_rows_of_its_own(data, 0.005).x_validation) == 1
    assert len(with_validation_rows_of_its_own(data, 0.995).x_train) == 1


def test_validation_rows_of_its_own_are_as_often_wrong_as_the_others():
    shares, classes = [], []
    for seed in range(60):
        data = load("digits", train_rows=200, label_noise=0.25, seed=seed)
        own = with_validation_rows_of_its_own(data)
        true = data.y_train_true[:40]
        shares.append((own.y_validation != true).mean())
        classes.append(np.bincount(true, minlength=10))
    # Forty of 200 rows without replacement: a standard error of 0.061 for each seed.
    assert np.mean(shares) == pytest.approx(0.25, abs=4 * 0.061 / 60**0.5)
    assert np.std(shares) == pytest.approx(0.061, rel=0.4)
    assert np.mean(classes, axis=0) == pytest.approx(np.full(10, 4), abs=1.2)


@pytest.mark.parametrize("share", [0, -0.2, 0.004, 0.996, 1, 1.5])
def test_a_share_that_leaves_no_row_for_one_part_is_refused_in_one_line(share):
    data = load("digits", train_rows=100)
    with pytest.raises(DatasetError, match=f"share is {share} of 100 training rows") as caught:
        with_validation_rows_of_its_own(data, share)
    assert "\n" not in str(caught.value)
