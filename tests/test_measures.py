"""What is read off replicates and predictions, on small ones and on ones written by hand."""

import dataclasses

import numpy as np
import pytest

from utils import measures
from utils.backend import keras
from utils.datasets import load
from utils.measures import Measurement
from utils.models import baseline
from utils.training import replicate

# Two replicates, three rows, two classes.
OUTPUTS = np.array([[[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]], [[0.4, 0.6], [0.3, 0.7], [0.1, 0.9]]])
LABELS = np.array([0, 1, 1])


def test_accuracy_is_the_share_of_rows_whose_largest_output_is_the_label_s():
    assert measures.accuracy(OUTPUTS, LABELS) == pytest.approx([2 / 3, 2 / 3])
    assert measures.accuracy(OUTPUTS[0], LABELS) == pytest.approx(2 / 3)


def test_cross_entropy_is_what_keras_computes():
    for outputs, value in zip(OUTPUTS, measures.cross_entropy(OUTPUTS, LABELS), strict=True):
        loss = keras.losses.SparseCategoricalCrossentropy()(LABELS, outputs)
        assert value == pytest.approx(float(loss), rel=1e-5)
    certain = np.array([[[1.0, 0.0]]])
    assert np.isfinite(measures.cross_entropy(certain, np.array([1]))).all()


# Numbers of each seed at each budget, written by hand.


def measurement(epochs, rows=None, ids=None, shift=0.0, seeds=3):
    """Numbers that tell their seed and epoch, and rows whose mean they are."""
    values = np.arange(seeds)[:, None] + np.array(epochs) / 1000 + shift
    if rows is None:
        return Measurement(values, epochs)
    rng = np.random.default_rng(rows)
    by_row = rng.normal(size=(seeds, len(epochs), rows))
    by_row += (values - by_row.mean(axis=-1))[..., None]
    ids = np.tile(np.arange(rows), (seeds, 1)) if ids is None else ids
    return Measurement(values, epochs, by_row, ids)


def test_columns_are_budgets_and_the_last_is_the_whole():
    made = measurement((1, 2, 5, 10))
    assert np.array_equal(made.final, made.values[:, 3])
    assert made.half == 2
    assert measurement((1, 2, 3, 7)).half == 2  # half of an odd budget is rounded down
    assert measurement((1, 2, 9)).half is None
    assert measurement((1,)).half is None
    for wrong in (np.zeros(3), np.zeros((3, 2)), np.zeros((3, 1, 1))):
        with pytest.raises(ValueError, match="one column for each of the 1 budgets"):
            Measurement(wrong, (1,))


def test_halved_keeps_half_and_all_of_the_budget_with_their_rows():
    made = measurement((1, 2, 5, 10), rows=4)
    halved = made.halved()
    assert halved.epochs == (5, 10)
    assert np.array_equal(halved.values, made.values[:, [2, 3]])
    assert np.array_equal(halved.by_row, made.by_row[:, [2, 3]])
    assert np.array_equal(halved.row_ids, made.row_ids)
    alone = measurement((1, 2, 9), rows=4).halved()
    assert alone.epochs == (9,)
    assert alone.by_row.shape == (3, 1, 4)


def test_the_difference_is_taken_seed_by_seed_at_each_budget():
    treatment, control = measurement((1, 2, 4), rows=5, shift=0.5), measurement((1, 2, 4), rows=5)
    difference = treatment - control
    assert difference.epochs == (1, 2, 4)
    assert difference.values == pytest.approx(np.full((3, 3), 0.5))
    assert difference.by_row == pytest.approx(treatment.by_row - control.by_row, abs=1e-6)
    assert difference.by_row.mean(axis=-1) == pytest.approx(difference.values, abs=1e-6)
    assert np.array_equal(difference.row_ids, control.row_ids)


def test_booleans_of_rows_are_subtracted_as_numbers():
    right, wrong = np.ones((2, 1, 3), bool), np.zeros((2, 1, 3), bool)
    ids = np.tile(np.arange(3), (2, 1))
    treatment, control = (Measurement(r.mean(axis=-1), (1,), r, ids) for r in (wrong, right))
    assert (treatment - control).by_row.tolist() == (-np.ones((2, 1, 3))).tolist()


@pytest.mark.parametrize(
    ("mine", "others", "epochs", "columns"),
    [
        ((1, 2, 5, 10), (5, 50, 100), (5, 10), ([2, 3], [1, 2])),
        ((1, 2, 5, 10), (1, 5, 10), (5, 10), ([2, 3], [1, 2])),
        ((1, 2, 5, 10), (100,), (10,), ([3], [0])),
        ((9,), (50, 100), (9,), ([0], [1])),
        ((1, 9), (2, 9), (9,), ([1], [1])),
    ],
)
@pytest.mark.parametrize("rows", [None, 4])
def test_trainings_of_other_lengths_are_compared_at_half_and_all_of_their_budgets(
    mine, others, epochs, columns, rows
):
    treatment, control = measurement(mine, rows), measurement(others, rows)
    difference = treatment - control
    assert difference.epochs == epochs
    expected = treatment.values[:, columns[0]] - control.values[:, columns[1]]
    assert np.array_equal(difference.values, expected)
    if rows:
        expected = treatment.by_row[:, columns[0]] - control.by_row[:, columns[1]]
        assert difference.by_row == pytest.approx(expected, abs=1e-5)


def test_one_number_or_one_for_each_seed_can_be_taken_off():
    made = measurement((1, 2), rows=4)
    for off, column in ((0.5, np.full(3, 0.5)), (np.array([1.0, 2.0, 3.0]),) * 2):
        difference = made - off
        assert np.array_equal(difference.values, made.values - column[:, None])
        assert difference.by_row == pytest.approx(made.by_row - column[:, None, None])
        assert np.array_equal(difference.row_ids, made.row_ids)


def test_without_the_rows_of_both_there_are_none_of_the_difference():
    with_rows, without = measurement((1, 2), rows=4), measurement((1, 2))
    for difference in (with_rows - without, without - with_rows):
        assert difference.by_row is None
        assert difference.row_ids is None
        assert np.array_equal(difference.values, np.zeros((3, 2)))


def test_numbers_of_other_rows_are_refused():
    treatment = measurement((1, 2), rows=4)
    other = measurement((1, 2), rows=4, ids=np.tile([0, 1, 2, 9], (3, 1)))
    fewer = measurement((1, 2), rows=3)
    for control in (other, fewer):
        with pytest.raises(ValueError, match="not judged on the same rows"):
            treatment - control


def test_a_difference_of_two_that_diverged_is_not_a_number_and_not_a_warning(recwarn):
    lost = Measurement(np.full((2, 1), np.inf), (1,))
    assert np.isnan((lost - lost).values).all()
    assert np.isnan((lost - np.array([np.inf, np.inf])).values).all()
    assert not recwarn.list


# What trainings gave.


def noisy(seed):
    return load("digits", train_rows=60, label_noise=0.5, seed=seed)


@pytest.fixture(scope="module")
def results():
    return replicate(
        lambda: baseline(64, 10, widths=(64,)),
        noisy,
        seeds=(0, 1, 2),
        epochs=20,
        measured=("train", "validation", "test"),
        keep_rows=["train", "test"],
    )


def test_a_curve_of_the_history_is_measured_as_it_is(results):
    made = measures.measured(results, "train_loss")
    assert np.array_equal(made.values, results["train_loss"])
    assert (made.epochs, made.by_row) == (results.epochs, None)


def predicted(results):
    """Outputs for the test rows of each seed, and their labels."""
    outputs = results.predict(lambda seed: noisy(seed).x_test)
    return outputs, np.array([noisy(seed).y_test for seed in results.seeds])


def test_test_accuracy_is_that_of_the_predictions(results):
    made = measures.test_accuracy(results, noisy)
    outputs, labels = predicted(results)
    assert made.final == pytest.approx(measures.accuracy(outputs, labels), abs=1e-9)
    assert made.values == pytest.approx(results["test_accuracy"], abs=1e-6)
    assert made.values == pytest.approx(made.by_row.mean(axis=-1))
    assert made.by_row.shape == (3, 20, 800)
    for ids, seed in zip(made.row_ids, results.seeds, strict=True):
        assert np.array_equal(ids, noisy(seed).test_ids)


def test_test_loss_is_that_of_the_predictions(results):
    made = measures.test_loss(results, noisy)
    outputs, labels = predicted(results)
    assert made.final == pytest.approx(measures.cross_entropy(outputs, labels), rel=1e-4)
    assert made.values == pytest.approx(results["test_loss"], rel=1e-4)
    assert made.by_row.mean(axis=-1) == pytest.approx(made.values, rel=1e-4)


def test_the_gap_is_test_loss_minus_training_loss(results):
    made = measures.generalization_gap(results, noisy)
    expected = results["test_loss"] - results["train_loss"]
    assert made.values == pytest.approx(expected, abs=1e-4)
    assert made.by_row.mean(axis=-1) == pytest.approx(made.values, abs=1e-4)
    assert made.row_ids.shape == (3, 800)


def stopped_by_a_loop(numbers, losses):
    """For each budget the number at the epoch with the lowest loss up to it."""
    found = np.empty_like(numbers)
    for seed, budget in np.ndindex(losses.shape):
        best, lowest = 0, np.inf
        for epoch in range(budget + 1):
            if losses[seed, epoch] < lowest:  # false for nan, as with EarlyStopping
                best, lowest = epoch, losses[seed, epoch]
        found[seed, budget] = numbers[seed, best]
    return found


def test_stopped_early_is_a_plain_loop_over_the_epochs(results):
    losses = np.random.default_rng(0).uniform(size=(3, 20))
    losses[0, :3] = np.nan
    losses[1, 5:] = np.nan
    losses[2] = np.inf
    for validation in (results["validation_loss"], losses, np.round(losses, 1)):  # with ties
        given = dataclasses.replace(
            results, history=results.history | {"validation_loss": validation}
        )
        for made in (
            measures.test_accuracy(results, noisy),
            measures.measured(results, "train_loss"),
        ):
            stopped = measures.stopped_early(made, given)
            assert np.array_equal(stopped.values, stopped_by_a_loop(made.values, validation))
            assert stopped.epochs == made.epochs
            if made.by_row is not None:
                assert np.array_equal(stopped.by_row, stopped_by_a_loop(made.by_row, validation))
                assert np.array_equal(stopped.row_ids, made.row_ids)


def test_wrong_labels_count_where_the_network_gives_them_back(results):
    made = measures.wrong_labels_repeated(results, noisy)
    answers = results.predict(lambda seed: noisy(seed).x_train).argmax(axis=-1)
    for k, seed in enumerate(results.seeds):
        data = noisy(seed)
        wrong = data.y_train != data.y_train_true
        assert wrong.sum() == 30
        assert made.final[k] == (answers[k] == data.y_train)[wrong].mean()
    assert made.epochs == results.epochs
    assert made.by_row is None


def test_wrong_labels_are_repeated_by_who_learnt_them_and_by_nobody_else():
    def right(seed):
        data = noisy(seed)
        return dataclasses.replace(data, y_train=data.y_train_true)

    settings = {"seeds": (0, 1), "epochs": 150, "measure_at": [150], "keep_rows": ["train"]}
    fitted = replicate(lambda: baseline(64, 10, widths=(256,)), noisy, **settings)
    assert (measures.wrong_labels_repeated(fitted, noisy).final > 0.9).all()
    assert (measures.wrong_labels_repeated(fitted, right).values == 0).all(), "no label is wrong"


def test_rows_that_were_not_kept_are_asked_for(results):
    given = dataclasses.replace(results, _correct_bits={}, _label_outputs={})
    for measure in (measures.test_accuracy, measures.test_loss, measures.wrong_labels_repeated):
        with pytest.raises(ValueError, match="call replicate with keep_rows="):
            measure(given, noisy)
