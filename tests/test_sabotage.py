"""Checks that can fail: break the course in three ways and see its chapters go red."""

from __future__ import annotations

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError

from tests.notebook_runs import ROOT, chapters, execute
from tests.recorded_numbers import changed
from utils.chapters import claims_of

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
        ("01_overfitting", SILENT_LEAK, "overfit-gap", "effect was"),
    ],
)
def test_numbers_and_verdicts_tell_where_no_guard_does(chapter, sabotage, claim, told_by):
    """On the machine that the stored numbers come from, and on any other."""
    path = ROOT / "notebooks" / f"{chapter}.ipynb"
    recorded = claims_of(nbformat.read(path, as_version=4))
    fresh = claims_of(execute(path, after=sabotage, until=claim))
    for same in (True, False):
        assert f"{claim}: {told_by}" in "\n".join(changed(recorded, fresh, same_arithmetic=same))
