"""Checks that can fail: break the course, and see its chapters and its tests go red.

`make sabotage` breaks it in all the ways of `tests/sabotage.py`; here a few of them are tried.
"""

from __future__ import annotations

import dataclasses

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError

from tests.notebook_runs import ROOT, chapters, execute
from tests.sabotage import CHANGES, main, sabotage
from utils.chapters import claims_of
from utils.recorded_numbers import changed

pytestmark = pytest.mark.slow

IDENTITY = """
from utils.backend import keras
keras.layers.Dropout.call = lambda self, inputs, training=False: inputs
"""

ONE_SEED = """
from utils.training import replicates, starts
honest_seed, honest_order = starts._seed_of, replicates.epoch_order
starts._seed_of = lambda seed, place: honest_seed(0, place)
replicates.epoch_order = lambda seed, *rest: honest_order(0, *rest)
import utils.datasets as datasets
honest_load = datasets.load
datasets.load = lambda *args, **options: honest_load(*args, **{**options, "seed": 0})
"""

# Held-out rows stand among the training rows as well.
LEAK = """
import dataclasses
import numpy as np
import utils.datasets as datasets
honest_load = datasets.load
def leaking_load(*args, **options):
    data = honest_load(*args, **options)
    x = np.concatenate([data.x_train, data.x_validation, data.x_test])
    held_out = [data.y_validation, data.y_test]
    return dataclasses.replace(
        data, x_train=x, y_train=np.concatenate([data.y_train, *held_out]),
        y_train_true=np.concatenate([data.y_train_true, *held_out]),
    )
datasets.load = leaking_load
"""

# The same, with the guards taken away as well: then the numbers and verdicts must tell.
SILENT_IDENTITY = """
import utils.models as models
def without_dropout(features, classes, *, dropout_rate=0.5, **options):
    return models.baseline(features, classes, **options)
models.with_dropout = without_dropout
"""
SILENT_LEAK = (
    LEAK
    + """
datasets.Dataset.__post_init__ = lambda self: None
"""
)


def red(chapter, sabotage, **parameters):
    with pytest.raises(CellExecutionError) as stopped:
        execute(ROOT / "notebooks" / f"{chapter}.ipynb", after=sabotage, parameters=parameters)
    return str(stopped.value)


def test_dropout_as_the_identity_is_noticed():
    assert "share of dropped units" in red("02_dropout", IDENTITY)


def test_one_seed_for_all_replicates_is_noticed():
    message = red("01_overfitting", ONE_SEED, seeds=3, epochs=2)
    assert "ended with the same weights" in message


@pytest.mark.parametrize("chapter", [path.stem for path in chapters()])
def test_validation_rows_among_the_training_rows_are_noticed(chapter):
    assert "stand in both" in red(chapter, LEAK, seeds=3, epochs=2)


@pytest.mark.parametrize(
    ("chapter", "sabotage", "claim", "told_by"),
    [
        ("02_dropout", SILENT_IDENTITY, "dropout-memorizes-less-noise", "verdict was 'supported'"),
        ("02_dropout", SILENT_LEAK, "dropout-noise-control", "effect was"),
    ],
)
def test_numbers_and_verdicts_tell_where_no_guard_does(chapter, sabotage, claim, told_by):
    """On the machine that the stored numbers come from, and on any other."""
    path = ROOT / "notebooks" / f"{chapter}.ipynb"
    recorded = claims_of(nbformat.read(path, as_version=4))
    fresh = claims_of(execute(path, after=sabotage, until=claim))
    for same in (True, False):
        assert f"{claim}: {told_by}" in "\n".join(changed(recorded, fresh, same_arithmetic=same))


SAMPLE = {
    "wrong-labels-may-be-right": "test_datasets.py::test_label_noise_replaces_exactly_its_share",
    "stopped-early-by-test-rows": "test_protocol.py::test_",
    "the-family-is-forgotten": "test_claims.py::test_",
}


@pytest.mark.parametrize("name", SAMPLE)
def test_a_change_of_the_course_s_own_code_is_noticed(course_copy, name):
    (change,) = (one for one in CHANGES if one.name == name)
    before = (course_copy / change.path).read_bytes()
    told, _ = sabotage(course_copy, change)
    assert told.startswith(SAMPLE[name])
    assert (course_copy / change.path).read_bytes() == before


def test_every_change_fits_the_code_as_it_is_and_has_a_name_of_its_own():
    assert len({change.name for change in CHANGES}) == len(CHANGES) >= 40
    for change in CHANGES:
        assert change.applied(ROOT) != (ROOT / change.path).read_text(encoding="utf-8")
        assert all((ROOT / file).is_file() for file in change.tests)


def test_a_change_that_no_test_tells_is_told(course_copy):
    blind = dataclasses.replace(CHANGES[0], tests=("tests/test_layers.py",), of="docstring")
    assert sabotage(course_copy, blind)[0] == ""
    with pytest.raises(ValueError, match="holds 'nowhere' 0 times, not once"):
        sabotage(course_copy, dataclasses.replace(CHANGES[0], old="nowhere"))


def test_an_unknown_change_is_told_in_one_line(capsys):
    with pytest.raises(SystemExit):
        main(["nothing"])
    assert "no change is called nothing" in capsys.readouterr().err.splitlines()[-1]
