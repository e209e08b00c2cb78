"""The visible `fit`: orders of rows that repeat by seed and metrics in inference mode."""

import numpy as np
import pytest

from utils import models
from utils.backend import keras, tf
from utils.datasets import load
from utils.training import InferenceModeMetrics, ShuffledBatches, batch_orders

ROWS = 70  # with batches of 32 the last one holds 6


class RecordsFirstFeature(keras.Model):
    """A model that remembers the first feature of the rows of each training step."""

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(1)
        self.seen = []

    def call(self, x):
        return self.dense(x)

    def train_step(self, data):
        tf.py_function(lambda column: self.seen.append(column.numpy().astype(int)), [
            data[0][:, 0]
        ], [])  # fmt: skip
        return super().train_step(data)


def numbered_rows(count=ROWS):
    return np.arange(count, dtype="float32")[:, None] * np.ones((1, 2), "float32")


def recorded(data, **arguments):
    """The rows of each step of a `fit`, as one array per step."""
    model = RecordsFirstFeature()
    model.compile("sgd", "mse", run_eagerly=True)
    model.fit(*data, verbose=0, **arguments)
    return model.seen


def test_every_epoch_is_a_permutation_of_its_own():
    orders = batch_orders(3, 6, 50)
    assert (orders.shape, orders.dtype) == ((6, 50), "int32")
    assert (np.sort(orders, axis=1) == np.arange(50)).all()
    assert len({order.tobytes() for order in orders}) == 6


def test_orders_follow_the_seed_and_not_the_number_of_epochs():
    assert np.array_equal(batch_orders(3, 6, 50)[:2], batch_orders(3, 2, 50))
    assert not np.array_equal(batch_orders(3, 1, 50), batch_orders(4, 1, 50))
    # A seed of one epoch is not that of the next: (3, epoch 1) is not (4, epoch 0).
    assert not np.array_equal(batch_orders(3, 2, 50)[1], batch_orders(4, 1, 50)[0])


def test_fit_visits_the_rows_of_shuffled_batches_in_batch_orders():
    x = numbered_rows()
    steps = recorded([ShuffledBatches(x, x[:, 0], 32, seed=5)], epochs=3, shuffle=False)
    assert [len(step) for step in steps] == [32, 32, 6] * 3
    assert np.array_equal(np.concatenate(steps).reshape(3, ROWS), batch_orders(5, 3, ROWS))


def test_documented_fact_fit_permutes_the_batches_unless_it_is_told_not_to():
    """A fact about Keras: when this fails, `shuffle=False` need not be given any more."""
    x = numbered_rows(400)
    steps = recorded([ShuffledBatches(x, x[:, 0], 20, seed=5)], epochs=1)
    order = np.concatenate(steps)
    assert not np.array_equal(order, batch_orders(5, 1, 400)[0])
    assert np.array_equal(np.sort(order), np.arange(400))


def test_shuffled_batches_give_each_row_its_own_label():
    x = numbered_rows()
    batches = ShuffledBatches(x, np.arange(ROWS), 32, seed=1)
    assert len(batches) == 3
    for step in range(3):
        rows, labels = batches[step]
        assert np.array_equal(rows[:, 0], labels)


def test_two_fits_with_one_seed_have_the_same_history_to_the_bit():
    data = load("digits", train_rows=100)

    def history(seed):
        keras.utils.set_random_seed(seed)
        model = models.combined(64, 10, widths=(16,))
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        batches = ShuffledBatches(data.x_train, data.y_train, 32, seed=seed)
        return model.fit(batches, epochs=3, shuffle=False, verbose=0).history

    assert history(1) == history(1)
    assert history(1) != history(2)


def test_inference_mode_metrics_are_those_of_evaluate_and_not_the_running_ones():
    data = load("digits", train_rows=200)
    keras.utils.set_random_seed(0)
    model = models.with_dropout(64, 10, dropout_rate=0.6)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(
        ShuffledBatches(data.x_train, data.y_train),
        epochs=8,
        shuffle=False,
        verbose=0,
        callbacks=[InferenceModeMetrics(data.x_train, data.y_train)],
    ).history
    loss, accuracy = model.evaluate(data.x_train, data.y_train, verbose=0)
    assert history["train_loss"][-1] == pytest.approx(loss, abs=1e-5)
    assert history["train_accuracy"][-1] == pytest.approx(accuracy, abs=1e-6)
    assert len(history["train_accuracy"]) == 8
    # Six units of ten are missing while the running accuracy is measured.
    assert history["train_accuracy"][-1] > history["accuracy"][-1] + 0.1


def test_documented_fact_a_seeded_plain_fit_repeats_its_batch_order():
    """A fact about Keras, not about the course's code.

    When this fails, Keras has changed: correct what the course says of a seeded `fit(x, y)`.
    """
    x = numbered_rows()
    keras.utils.set_random_seed(0)
    steps = recorded([x, x[:, 0]], epochs=3, batch_size=32)
    first, second, third = np.concatenate(steps).reshape(3, ROWS)
    assert not np.array_equal(first, np.arange(ROWS))  # it does shuffle, once
    assert np.array_equal(first, second)
    assert np.array_equal(first, third)


def test_without_reshuffling_every_epoch_has_the_first_one_s_order():
    orders = batch_orders(3, 4, 50)
    repeated = batch_orders(3, 4, 50, reshuffle=False)
    assert all(np.array_equal(order, orders[0]) for order in repeated)
    assert not np.array_equal(orders[0], orders[1])


# What the page of questions says about Keras


def test_early_stopping_restores_the_best_weights_at_the_last_epoch():
    weight = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
    model = keras.Sequential([keras.Input((1,)), weight])
    kept = []
    # Every step leads away from the validation row, so that the first epoch is the best.
    model.compile(keras.optimizers.SGD(0.1), "mse")
    x, y = np.ones((1, 1)), np.full((1, 1), 5.0)
    keeping = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: kept.append(model.get_weights()[0].item())
    )
    stopping = keras.callbacks.EarlyStopping(patience=10, restore_best_weights=True)
    model.fit(
        x, y, epochs=3, shuffle=False, validation_data=(x, 0 * y), callbacks=[keeping, stopping],
        verbose=0,
    )  # fmt: skip
    assert stopping.stopped_epoch == 0
    assert len(set(kept)) == 3
    assert model.get_weights()[0].item() == kept[0]
