"""The fair protocol: equal rows, tries and steps, and test rows that choose nothing."""

import dataclasses
import functools

import numpy as np
import pytest

from utils import models, protocol
from utils.backend import keras
from utils.claims import Claim
from utils.datasets import load, with_validation_rows_of_its_own
from utils.protocol import ProtocolError, compare

SEEDS = (0, 1, 2)


def noisy(seed):
    return load("digits", train_rows=100, label_noise=0.3, seed=seed)


def setting(build=models.baseline, rate=0.001, **more):
    build_model = functools.partial(build, 64, 10, widths=(32,))
    return {"build_model": build_model, "optimizer": keras.optimizers.Adam(rate)} | more


TWO = {
    "none": {"slow": setting(rate=0.0001), "fast": setting(rate=0.01)},
    "dropout": {"low": setting(models.with_dropout), "high": setting(models.with_dropout)},
}


@pytest.fixture(scope="module")
def found():
    return compare(noisy, TWO, seeds=SEEDS, steps=40)


def test_it_judges_each_technique_at_both_ends_at_half_and_all_of_the_ceiling(found):
    assert found.epochs == (10, 20)  # 80 rows make two whole batches of 32
    for ends in found.accuracy.values():
        assert set(ends) == set(protocol.ENDS)
        for measurement in ends.values():
            assert measurement.by_row.shape == (3, 2, 800)
            assert measurement.values == pytest.approx(measurement.by_row.mean(axis=-1))
    assert sum(found.chosen["none"].values()) == len(SEEDS)
    assert isinstance(found.claim("dropout"), Claim)
    assert found.claim("dropout").seeds == SEEDS


def test_a_setting_that_learns_is_chosen_over_one_that_does_not(found):
    assert found.chosen["none"]["fast"] == len(SEEDS)


def test_validation_rows_come_out_of_those_that_are_given_and_are_as_wrong(monkeypatch):
    seen = []

    def recording(given):
        made = with_validation_rows_of_its_own(given)
        seen.append((made, given))  # in any order: seeds are trained side by side
        return made

    monkeypatch.setattr(protocol, "with_validation_rows_of_its_own", recording)
    compare(noisy, {"none": {"": setting()}}, seeds=SEEDS, steps=8)
    told = {given.x_train.tobytes() for _, given in seen}
    assert told == {noisy(seed).x_train.tobytes() for seed in SEEDS}
    wrong = []
    for data, given in seen:
        rows = {row.tobytes() for row in given.x_train}
        assert {row.tobytes() for row in data.x_validation} < rows
        assert {row.tobytes() for row in data.x_train} < rows
        assert (len(data.x_train), len(data.x_validation)) == (80, 20)
        labels = {x.tobytes(): y for x, y in zip(given.x_train, given.y_train_true, strict=True)}
        wrong += [labels[x.tobytes()] != y for x, y in zip(data.x_validation, data.y_validation)]  # noqa: B905
    assert 0.1 < np.mean(wrong) < 0.5


def test_test_rows_choose_nothing():
    """Other test labels change what is reached, and neither setting nor epoch."""

    def other_labels(seed):
        data = noisy(seed)
        return dataclasses.replace(data, y_test=(data.y_test + 1) % 10)

    honest, other = (compare(data, TWO, seeds=SEEDS, steps=40) for data in (noisy, other_labels))
    assert honest.chosen == other.chosen
    assert honest.stopped == other.stopped
    assert honest.accuracy["none"]["chosen"].final.mean() > 0.4
    assert other.accuracy["none"]["chosen"].final.mean() < 0.2


def test_more_rows_get_as_many_steps():
    techniques = {
        "none": {"": setting()},
        "more data": {"": setting(data=lambda seed: load("digits", train_rows=200, seed=seed))},
    }
    found = compare(noisy, techniques, seeds=SEEDS, steps=40)
    assert found.claim("more data").budget["epochs"] == 20


def test_training_ends_at_twice_the_epochs_of_the_best_one():
    class Run:
        epochs = (1, 2, 3, 4, 5, 6, 7, 8)

        def label_outputs(self, rows):
            # The validation loss is lowest at epoch 2, and lower still at epoch 7.
            losses = np.array([3, 1, 2, 2, 2, 2, 0.5, 2.0])
            return np.exp(-np.tile(losses[None, :, None], (1, 1, 5)))

        def correct(self, rows):
            return np.tile(np.arange(8)[None, :, None] % 2 == 0, (1, 1, 5))

    _, loss, last, chosen, stopped = protocol._one(Run(), 1.0)
    assert stopped.all()
    assert loss == pytest.approx(1)
    assert not last.any()  # epoch 4
    assert not chosen.any()  # epoch 2
    assert protocol._one(Run(), 3 / 8)[2].all()  # half of it ends at the ceiling, epoch 3
    assert not protocol._one(Run(), 3 / 8)[4].any()


@pytest.mark.parametrize(
    ("techniques", "said"),
    [
        ({"dropout": {"": setting()}}, "no technique is called 'none'"),
        ({}, "no technique is called 'none'"),
        (TWO | {"L2": {str(k): setting() for k in range(3)}}, "3 settings (L2)"),
        (TWO | {"L2": {}}, "0 settings (L2)"),
    ],
)
def test_what_would_not_be_fair_is_refused_in_one_line(techniques, said):
    with pytest.raises(ProtocolError) as caught:
        compare(noisy, techniques, seeds=SEEDS, steps=40)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_ceiling_below_two_epochs_is_refused():
    with pytest.raises(ProtocolError, match="steps is 2: 80 training rows take 2 steps an epoch"):
        compare(noisy, {"none": {"": setting()}}, seeds=SEEDS, steps=2)
