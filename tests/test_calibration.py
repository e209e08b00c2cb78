"""Calibration: the measures, the methods, and the committed table."""

from __future__ import annotations

import numpy as np
import pytest

from utils import calibration, measure_calibration
from utils.claims import Claim
from utils.cost import fingerprint
from utils.measures import cross_entropy_of
from utils.recorded_numbers import allowed_off

TOLERANCE = 0.03  # of a loss, with the arithmetic of the table


def test_a_network_that_is_right_as_often_as_it_says_has_no_calibration_error():
    confidence = np.repeat([0.25, 0.75], 400)
    correct = np.concatenate([np.arange(400) % 4 == 0, np.arange(400) % 4 != 0])
    assert calibration.expected_calibration_error(confidence, correct) == pytest.approx(0)


def test_a_network_that_is_always_sure_has_its_mistakes_as_error():
    correct = np.arange(100) % 10 != 0
    assert calibration.expected_calibration_error(np.ones(100), correct) == pytest.approx(0.1)
    table = calibration.reliability(np.ones(100), correct)
    assert table["share"].tolist() == [0] * 9 + [1]
    assert table["accuracy"].iloc[-1] == pytest.approx(0.9)


def test_a_temperature_of_one_changes_nothing_and_a_high_one_spreads_evenly():
    said = np.random.default_rng(0).dirichlet(np.ones(10), 50)
    np.testing.assert_allclose(calibration.tempered(said, 1), said)
    np.testing.assert_allclose(calibration.tempered(said, 1e6), 0.1, atol=1e-4)
    assert (calibration.tempered(said, 3).argmax(axis=1) == said.argmax(axis=1)).all()


@pytest.mark.parametrize("temperature", [0.5, 1, 2.5])
def test_the_temperature_that_was_hidden_is_found(temperature):
    rng = np.random.default_rng(1)
    true = rng.dirichlet(np.ones(5), 20_000)
    labels = (true.cumsum(axis=1) > rng.random((len(true), 1))).argmax(axis=1)
    said = calibration.tempered(true, 1 / temperature)
    assert calibration.fitted_temperature(said, labels) == pytest.approx(temperature, rel=0.05)


# The table


def test_the_table_holds_every_method_seed_and_budget():
    table = calibration.load()
    assert list(table) == list(calibration.COLUMNS) == list(table.attrs["columns"])
    groups = table.groupby(["label_noise", "method", "epochs"])["seed"].apply(tuple)
    assert set(groups) == {measure_calibration.SEEDS}
    methods = set(calibration.METHODS)
    assert set(groups.index.get_level_values("method")) == methods
    assert set(groups.index.get_level_values("epochs")) == set(measure_calibration.EPOCHS)
    assert calibration.PATH.stat().st_size < 100_000


def test_temperature_changes_no_answer():
    accuracy = calibration.load().pivot_table(
        index=["label_noise", "epochs", "seed"], columns="method", values="accuracy"
    )
    assert (accuracy["temperature"] == accuracy[calibration.PLAIN]).all()


def test_one_seed_comes_out_the_same_when_it_is_measured_again():
    seed, epochs = measure_calibration.SEEDS[3], measure_calibration.EPOCHS[0]
    (said,) = measure_calibration.probabilities(0.4, seed, [epochs])
    labels = measure_calibration._data(0.4, seed).y_test
    table = calibration.load()
    same = table.attrs["fingerprint"] == fingerprint()
    table = table.set_index(["label_noise", "epochs", "seed", "method"])
    for method, probabilities in said.items():
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-4)
        of_label = probabilities[np.arange(len(labels)), labels]
        stored = table["cross_entropy"].xs((0.4, epochs, method), level=(0, 1, 3))
        off = abs(cross_entropy_of(of_label).mean() - stored[seed])
        assert off <= (TOLERANCE if same else allowed_off(stored)), method
    assert not np.allclose(said["30 masks"], said["dropout"], atol=1e-3)


def test_a_claim_is_read_from_the_table():
    claim = calibration.claim(
        "temperature", metric="cross_entropy", label_noise=0, id="x", context="on photographs"
    )
    assert isinstance(claim, Claim)
    table = calibration.load().query("label_noise == 0 and epochs == 48")
    means = table.groupby("method")["cross_entropy"].mean()
    assert claim.effect == pytest.approx(means["temperature"] - means[calibration.PLAIN])
    assert claim.budget["epochs"] == 48
    low, high = claim.interval
    assert low < claim.effect < high
