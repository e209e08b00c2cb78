"""`replicate` against plain Keras: the same training, only many at once."""

import dataclasses
import functools
import hashlib
import inspect
import json
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from scipy import stats

from utils import models
from utils.backend import keras, tf
from utils.datasets import load
from utils.models.dense import STEPS
from utils.training import (
    METRICS,
    InferenceModeMetrics,
    ShuffledBatches,
    programs,
    replicate,
    replicates,
    seeded_model,
    spaced_epochs,
    starts,
)

pytestmark = pytest.mark.slow

L, O = keras.layers, keras.optimizers  # noqa: E741

ROWS = 100  # with batches of 32 the last one holds 4


@pytest.fixture(scope="module")
def data():
    return load("digits", train_rows=ROWS)


@pytest.fixture
def no_programs(monkeypatch):
    """Every program that the test needs is traced within the test."""
    monkeypatch.setattr(programs, "_programs", {})


def small(**settings):
    return functools.partial(models.combined, 64, 10, widths=(16,), **settings)


def plain(**settings):
    return functools.partial(models.baseline, 64, 10, widths=(16,), **settings)


def stack(*layers):
    """A builder of a network with the given makers of layers between input and output."""
    return lambda: keras.Sequential(
        [keras.Input((64,)), *(make() for make in layers), L.Dense(10, activation="softmax")]
    )


class Penalties(keras.callbacks.Callback):
    """What `evaluate` adds to the loss after each epoch."""

    def on_train_begin(self, logs=None):
        self.values = []

    def on_epoch_end(self, epoch, logs=None):
        self.values.append(float(sum(self.model.losses)))


def fitted(build, data, seed, epochs, measured, batch_size=32, optimizer="adam", loss=None):
    """Metrics of `replicate`, each of shape (epochs,), and final weights from a plain `fit`."""
    model = seeded_model(build, seed)
    optimizer = O.get(optimizer)
    optimizer = type(optimizer).from_config(optimizer.get_config())
    model.compile(optimizer, loss or "sparse_categorical_crossentropy", metrics=["accuracy"])
    if type(optimizer).__name__ == "ScheduleFreeAdamW":
        # It starts from a copy of the weights, which Keras loses when `fit` builds it in a graph.
        optimizer.build(model.trainable_variables)
    penalties = Penalties()
    evaluation = {
        "validation_data": (data.x_validation, data.y_validation),
        "validation_batch_size": len(data.x_validation),
        "callbacks": [penalties, InferenceModeMetrics(data.x_train, data.y_train)],
    }
    history = model.fit(
        ShuffledBatches(data.x_train, data.y_train, batch_size, seed=seed),
        epochs=epochs,
        shuffle=False,
        verbose=0,
        **(evaluation if measured else {}),
    ).history
    history = {name: np.array(values) for name, values in history.items()}
    expected = {"running_loss": history["loss"], "running_accuracy": history["accuracy"]}
    if measured:
        expected |= {
            "train_loss": history["train_loss"] - penalties.values,
            "train_accuracy": history["train_accuracy"],
            "validation_loss": history["val_loss"] - penalties.values,
            "validation_accuracy": history["val_accuracy"],
        }
    return expected, model.get_weights()


def assert_equals_fit(build, data, epochs=2, measured=False, **settings):
    """Same losses and weights as `fit`; where `measured`, also after each epoch."""
    # Seed 4 is trained second, on variables that seed 3 has used.
    result = replicate(build, data, seeds=[3, 4], epochs=epochs, workers=1, **settings)
    expected, weights = fitted(build, data, 4, epochs, measured, **settings)
    for metric, values in expected.items():
        np.testing.assert_allclose(result[metric][1], values, atol=1e-4, rtol=1e-4, err_msg=metric)
    for ours, theirs in zip(result.weights[1], weights, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4, rtol=1e-4, err_msg="weights")
    return result


def numbers(result):
    """All that a call measured, as bytes."""
    parts = [result[metric] for metric in METRICS] + [w for ws in result.weights for w in ws]
    return b"".join(part.tobytes() for part in parts)


# A replicate is a plain fit.


def normalized(**settings):
    return functools.partial(models.with_batch_normalization, 64, 10, widths=(16,), **settings)


MOMENTUM = O.SGD(0.05, momentum=0.9)


@pytest.mark.parametrize(
    ("build", "optimizer"),
    [
        (plain(), "adam"),
        (plain(l2=0.01), MOMENTUM),
        (normalized(), MOMENTUM),
        (normalized(l2=0.01), "adam"),
        (small(), "adam"),
        (small(l2=0.01), "adam"),
        (small(l2=0.01), MOMENTUM),
    ],
    ids=[
        "dense", "L2, momentum", "BN, momentum", "BN, L2", "BN, dropout", "BN, dropout, L2",
        "BN, dropout, L2, momentum",
    ],
)  # fmt: skip
def test_a_replicate_equals_fit_with_the_same_weights_orders_and_masks(build, optimizer, data):
    assert_equals_fit(build, data, epochs=5, measured=True, optimizer=optimizer)


def test_a_replicate_equals_fit_when_the_batch_size_divides_the_rows(data):
    assert_equals_fit(small(), data, batch_size=20)


def test_the_comparison_with_fit_notices_half_the_dropout_rate(data, monkeypatch):
    result = replicate(small(dropout_rate=0.25), data, seeds=[3, 4], epochs=2)
    monkeypatch.setattr(sys.modules[__name__], "replicate", lambda *_, **__: result)
    with pytest.raises(AssertionError, match="running_loss"):
        assert_equals_fit(small(dropout_rate=0.5), data)


OPTIMIZERS = [
    make
    for name, make in inspect.getmembers(O, inspect.isclass)
    if issubclass(make, O.Optimizer)
    and make is not O.Optimizer
    and name not in ("LossScaleOptimizer", "MultiOptimizer")  # they wrap others
]


def test_every_optimizer_that_the_course_could_use_is_compared():
    names = {make.__name__ for make in OPTIMIZERS}
    assert names >= {
        "SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "Adamax", "Nadam", "Ftrl",
        "Lion", "Lamb", "Adafactor",
    }  # fmt: skip


@pytest.mark.parametrize("make", OPTIMIZERS, ids=lambda make: make.__name__)
def test_a_replicate_equals_fit_under_every_optimizer(make, data):
    result = assert_equals_fit(small(), data, optimizer=make(learning_rate=0.01))
    assert np.ptp(result["train_loss"][1]) > 0  # it did train


def test_the_optimizer_that_is_given_is_left_untouched(data):
    optimizer = O.Adam(0.01)
    replicate(plain(), data, seeds=[1], epochs=1, optimizer=optimizer)
    assert not optimizer.built
    assert optimizer.iterations.numpy() == 0


@pytest.mark.parametrize(
    "optimizer",
    [
        O.SGD(O.schedules.ExponentialDecay(0.5, decay_steps=2, decay_rate=0.5)),
        O.Adam(O.schedules.CosineDecay(0.02, decay_steps=6)),
        O.SGD(0.5, clipnorm=0.1),
        O.AdamW(0.01, weight_decay=0.3),
        O.Adam(0.01, weight_decay=0.2),
        O.SGD(0.1, loss_scale_factor=8.0),
    ],
    ids=["exponential", "cosine", "clipnorm", "AdamW", "weight decay", "loss scale"],
)
def test_a_replicate_equals_fit_under_schedules_and_other_settings(optimizer, data):
    assert_equals_fit(small(), data, optimizer=optimizer)


def squared(labels, outputs):
    wanted = tf.one_hot(tf.cast(tf.reshape(labels, [-1]), tf.int32), 10)
    return tf.reduce_sum((wanted - outputs) ** 2, axis=-1)


def test_a_replicate_equals_fit_under_losses_given_as_objects_and_functions(data):
    sparse = keras.losses.SparseCategoricalCrossentropy()
    for loss in (sparse, squared):
        assert_equals_fit(small(), data, loss=loss)


def test_a_replicate_equals_fit_with_one_hot_labels_and_label_smoothing(data):
    eye = np.eye(10, dtype="float32")
    one_hot = dataclasses.replace(
        data, y_train=eye[data.y_train], y_validation=eye[data.y_validation]
    )
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=0.1)
    smooth = assert_equals_fit(small(), one_hot, measured=True, loss=loss)
    sharp = replicate(
        small(), one_hot, seeds=[3, 4], epochs=2, loss="categorical_crossentropy", workers=1
    )
    assert np.abs(smooth["train_loss"] - sharp["train_loss"]).max() > 1e-3


@pytest.mark.parametrize("loss", ["binary_crossentropy", "mse"])
def test_a_replicate_equals_fit_with_one_output(loss, data):
    two = dataclasses.replace(data, y_train=data.y_train % 2, y_validation=data.y_validation % 2)
    build = lambda: keras.Sequential(  # noqa: E731
        [keras.Input((64,)), L.Dense(8, "relu"), L.Dense(1, "sigmoid")]
    )
    assert_equals_fit(build, two, measured=True, loss=loss)


@pytest.mark.parametrize(
    "layer",
    [
        lambda: L.GaussianDropout(0.4),
        lambda: L.GaussianNoise(0.3),
        lambda: L.AlphaDropout(0.3),
        lambda: L.LayerNormalization(epsilon=0.1),
        lambda: L.BatchNormalization(momentum=0.5, gamma_regularizer=keras.regularizers.L2(0.2)),
        lambda: L.Dense(8, activity_regularizer=keras.regularizers.L1L2(0.1, 0.2)),
        lambda: L.Dense(8, kernel_constraint=keras.constraints.MaxNorm(0.5)),
    ],
    ids=["GaussianDropout", "GaussianNoise", "AlphaDropout", "LN", "BN", "activity", "MaxNorm"],
)
def test_a_replicate_equals_fit_with_layers_that_the_engine_does_not_know(layer, data):
    assert_equals_fit(stack(lambda: L.Dense(8, "relu"), layer), data)


# Dropout masks.


def masks(seeds, rate, steps=10, units=64):
    """Masks of shape (replicates, steps, units), read from what one weight per unit learned.

    Inputs of one, a loss that is the output, and one row per step: a step at the learning rate r
    adds -r * mask / (1 - rate) to the weights. With r = 1, 1/4, 1/16 ... a weight holds the masks
    of all steps as digits to the base 4.
    """
    x, y = np.ones((steps, units), "float32"), np.zeros(steps, "int32")
    ones = dataclasses.replace(
        load("noise"), x_train=x, y_train=y, y_train_true=y, x_validation=2 * x[:1],
        y_validation=y[:1], x_test=3 * x[:1], y_test=y[:1],
    )  # fmt: skip

    def build():
        layers = [L.Dropout(rate), L.Dense(1, use_bias=False, kernel_initializer="zeros")]
        return keras.Sequential([keras.Input((units,)), *layers])

    rates = O.schedules.ExponentialDecay(1.0, decay_steps=1, decay_rate=0.25)
    result = replicate(
        build, ones, seeds=seeds, epochs=1, batch_size=1, optimizer=O.SGD(rates), loss=output
    )
    learned = np.stack([weights[0][:, 0] for weights in result.weights])
    digits = np.rint(-learned * (1 - rate) * 4 ** (steps - 1)).astype(int)
    found = np.stack([digits >> 2 * (steps - 1 - k) & 3 for k in range(steps)], axis=1)
    assert set(np.unique(found)) == {0, 1}
    return found


def output(labels, outputs):
    return outputs


@pytest.mark.parametrize("rate", [0.5, 0.25])
def test_masks_have_the_rate_and_differ_between_replicates_and_steps(rate):
    found = masks(range(20), rate)
    assert len({mask.tobytes() for run in found for mask in run}) == 200
    kept = found.mean()
    assert abs(kept - (1 - rate)) < 4 * (rate * (1 - rate) / found.size) ** 0.5
    # Neither two replicates nor two steps agree more often than independent masks do.
    chance = rate**2 + (1 - rate) ** 2
    assert abs((found[:-1] == found[1:]).mean() - chance) < 0.05
    assert abs((found[:, :-1] == found[:, 1:]).mean() - chance) < 0.05


# Many replicates are distributed as many fits.


def same_distribution(ours, theirs):
    """Whether means and spreads agree, as 998 of 1000 pairs of equal distributions do."""
    mean = stats.ttest_ind(ours, theirs, equal_var=False).pvalue
    spread = stats.levene(ours, theirs).pvalue
    return mean > 1e-3 and spread > 1e-3


@pytest.fixture(scope="module")
def fits():
    """Final validation accuracies of 32 plain fits on 200 rows with a dropout rate of 0.8."""
    data = load("digits", train_rows=200)
    finals = []
    model = crowd(0.8)()  # traced once; each seed starts it anew
    model.compile("adam", "sparse_categorical_crossentropy")
    model.optimizer.build(model.trainable_variables)
    start = [variable.numpy() for variable in model.optimizer.variables]
    for seed in range(1000, 1032):
        fresh = seeded_model(crowd(0.8), seed)
        for variable, value in zip(model.variables, fresh.variables, strict=True):
            variable.assign(value)  # states of the masks as well
        for variable, value in zip(model.optimizer.variables, start, strict=True):
            variable.assign(value)
        batches = ShuffledBatches(data.x_train, data.y_train, 25, seed=seed)
        model.fit(batches, epochs=4, shuffle=False, verbose=0)
        guesses = model(data.x_validation).numpy().argmax(axis=1)
        finals.append((guesses == data.y_validation).mean())
    return data, np.array(finals)


def crowd(rate):
    return functools.partial(models.with_dropout, 64, 10, widths=(32,), dropout_rate=rate)


def accuracies(data, rate):
    result = replicate(crowd(rate), data, seeds=range(32), epochs=4, batch_size=25)
    return result.final("validation_accuracy")


def test_mean_and_spread_over_32_replicates_agree_with_32_fits(fits):
    data, theirs = fits
    assert same_distribution(accuracies(data, 0.8), theirs)


def test_half_the_dropout_rate_would_not_agree_with_32_fits(fits):
    data, theirs = fits
    assert not same_distribution(accuracies(data, 0.4), theirs)


def test_replicates_that_vary_too_little_would_not_agree_with_32_fits(fits):
    _, theirs = fits
    assert not same_distribution(theirs.mean() + (theirs - theirs.mean()) / 4, theirs)


# The same seeds give the same numbers.


SEEDS = (5, 6, 7)


def run_of_reference(**settings):
    data = load("digits", train_rows=ROWS)
    return replicate(small(l2=0.01), data, seeds=SEEDS, epochs=2, **settings)


@pytest.fixture(scope="module")
def reference():
    return numbers(run_of_reference())


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_the_number_of_workers_changes_no_bit(workers, reference):
    assert numbers(run_of_reference(workers=workers)) == reference


def test_a_new_trace_after_other_programs_changes_no_bit(reference, data, no_programs):
    keras.utils.set_random_seed(99)
    replicate(plain(), data, seeds=[1], epochs=1, optimizer="sgd")
    again = run_of_reference()
    assert again.trace_seconds > 0
    assert numbers(again) == reference


def test_the_order_and_the_company_of_seeds_change_no_bit(reference, data):
    seeds = (9, *SEEDS[::-1])
    other = replicate(small(l2=0.01), data, seeds=seeds, epochs=2)
    keep = [seeds.index(seed) for seed in SEEDS]
    selected = dataclasses.replace(
        other,
        history={metric: values[keep] for metric, values in other.history.items()},
        weights=[other.weights[k] for k in keep],
    )
    assert numbers(selected) == reference


def test_a_fresh_process_changes_no_bit(reference, request):
    code = (
        "import hashlib, tests.test_replicates as t;"
        "print(hashlib.sha256(t.numbers(t.run_of_reference())).hexdigest())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=request.config.rootpath, capture_output=True, text=True
    )
    assert done.stdout.strip() == hashlib.sha256(reference).hexdigest(), done.stderr


def test_the_first_epochs_of_a_longer_run_are_those_of_a_shorter_one(data):
    short, long = (replicate(small(), data, seeds=[1], epochs=n) for n in (2, 4))
    for metric in METRICS:
        assert np.array_equal(short[metric], long[metric][:, :2])


# Different seeds are different trainings.


def test_seeds_differ_in_initial_weights_and_mask_states():
    first, second = (
        [variable.numpy() for variable in seeded_model(small(), seed).variables] for seed in (1, 2)
    )
    different = [not np.array_equal(a, b) for a, b in zip(first, second, strict=True)]
    names = [variable.path for variable in small()().variables]
    drawn = [("kernel" in name or "seed" in name) for name in names]
    assert different == drawn  # biases and statistics start equal
    assert sum(drawn) == 3


def test_seeds_differ_in_batch_orders_alone(data):
    # With constant initial weights and no dropout, only the order of the rows is left.
    build = lambda: keras.Sequential(  # noqa: E731
        [keras.Input((64,)), L.Dense(10, "softmax", kernel_initializer="zeros")]
    )
    result = replicate(build, data, seeds=[1, 2], epochs=1)
    assert result["running_loss"][0] != result["running_loss"][1]


def test_replicates_that_end_equal_are_refused(data, monkeypatch):
    start, order = starts._seeded, replicates.epoch_order
    monkeypatch.setattr(starts, "_seeded", lambda build, seed, rows: start(build, 0, rows))
    replicate(small(), data, seeds=[1, 2], epochs=1)  # orders still differ
    monkeypatch.setattr(replicates, "epoch_order", lambda seed, *shape: order(0, *shape))
    with pytest.raises(RuntimeError, match="seeds 1 and 2 ended with the same weights"):
        replicate(small(), data, seeds=[1, 2], epochs=1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"seeds": []},
        {"seeds": [1, 2, 1]},
        {"seeds": [-1]},
        {"seeds": [2**31]},
        {"epochs": 0},
        {"batch_size": 0},
        {"optimizer": O.Adam(use_ema=True)},
    ],
    ids=lambda wrong: "-".join(wrong),
)
def test_what_cannot_be_trained_is_refused(wrong, data):
    name = "use_ema" if "optimizer" in wrong else next(iter(wrong))
    with pytest.raises(ValueError, match=name):
        replicate(plain(), data, **{"seeds": [1], "epochs": 1, **wrong})


def test_random_numbers_that_no_seed_reaches_are_refused(data):
    class Noisy(L.Layer):
        def call(self, x):
            return x + keras.random.normal((1,))

    with pytest.raises(ValueError, match="SeedGenerator"):
        replicate(stack(Noisy), data, seeds=[1], epochs=1)


# One program serves a sweep, and only a sweep.


SWEEPS = {
    "dropout rate": [{"build_model": small(dropout_rate=r)} for r in (0.5, 0.1)],
    "L2": [{"build_model": plain(l2=v)} for v in (0.1, 0.001)],
    "L1 and L2": [
        {
            "build_model": stack(
                lambda v=v: L.Dense(8, "relu", kernel_regularizer=keras.regularizers.L1L2(v, v / 2))
            )
        }
        for v in (0.1, 0.001)
    ],
    "activity penalty": [
        {
            "build_model": stack(
                lambda v=v: L.Dense(8, "relu", activity_regularizer=keras.regularizers.L1(v))
            )
        }
        for v in (0.1, 0.01)
    ],
    "penalty on a scale": [
        {
            "build_model": stack(
                lambda v=v: L.BatchNormalization(gamma_regularizer=keras.regularizers.L2(v))
            )
        }
        for v in (0.1, 10.0)
    ],
    "learning rate": [{"optimizer": O.Adam(r)} for r in (0.001, 0.1)],
    "SGD learning rate": [{"optimizer": O.SGD(r, momentum=0.9)} for r in (0.01, 0.2)],
    "weight decay": [{"optimizer": O.AdamW(weight_decay=w)} for w in (0.5, 0.01)],
    "seeds": [{"seeds": seeds} for seeds in ((1, 2), (3,))],
    "rows": [{"data": load("digits", train_rows=rows)} for rows in (100, 37)],
    "batch size": [{"batch_size": size} for size in (32, 500)],
    "epochs": [{"epochs": epochs} for epochs in (1, 3)],
    "initializer": [
        {"build_model": stack(lambda i=i: L.Dense(8, "relu", kernel_initializer=i))}
        for i in ("he_normal", keras.initializers.RandomNormal(stddev=0.3))
    ],
}


def swept(data, settings):
    defaults = {"build_model": small(), "data": data, "seeds": (1, 2), "epochs": 1}
    return replicate(**{**defaults, **settings})


@pytest.mark.parametrize("name", SWEEPS)
def test_a_sweep_traces_once_and_equals_programs_traced_for_each_value(name, data, no_programs):
    together = [swept(data, settings) for settings in SWEEPS[name]]
    assert together[0].trace_seconds > 0
    assert [result.trace_seconds for result in together[1:]] == [0] * (len(together) - 1)
    assert len({numbers(result) for result in together}) == len(together)
    for result, settings in zip(together[1:], SWEEPS[name][1:], strict=True):
        programs._programs.clear()
        alone = swept(data, settings)
        assert alone.trace_seconds > 0
        assert numbers(alone) == numbers(result)


def test_a_functional_model_is_traced_once(data, no_programs):
    def build():
        rows = keras.Input((64,))
        hidden = L.Dense(8, "relu")(rows)
        added = L.Add()([hidden, L.Dense(8)(hidden)])
        return keras.Model(rows, L.Dense(10, "softmax")(added))

    first, second = (replicate(build, data, seeds=[1], epochs=1) for _ in range(2))
    assert first.trace_seconds > 0 == second.trace_seconds


def closed_over(number, layer=False):
    """An activation, or a layer, of a name and a body that do not tell its number."""

    def scaled(x):
        return tf.nn.relu(number * x)

    class Scaled(L.Layer):
        def call(self, x):
            return number * x

    return stack(Scaled) if layer else stack(lambda: L.Dense(8, scaled))


class Dropout(L.Layer):
    """A reader's own layer, which shares only its name with the one of Keras."""

    def __init__(self, rate, **settings):
        super().__init__(**settings)
        self.rate = rate

    def call(self, x):
        return (1 - self.rate) * x


def penalized(first, second, shared):
    def build():
        one = keras.regularizers.L2(first)
        two = one if shared else keras.regularizers.L2(second)
        return keras.Sequential(
            [
                keras.Input((64,)),
                L.Dense(8, "relu", kernel_regularizer=one),
                L.Dense(10, "softmax", kernel_regularizer=two),
            ]
        )

    return build


def another_output(labels, outputs):
    return 2 * squared(labels, outputs)


@pytest.mark.parametrize(
    "pair",
    [
        [{"build_model": functools.partial(models.baseline, 64, 10, widths=(n,))} for n in (8, 9)],
        [{"build_model": plain(activation=name)} for name in ("relu", "tanh")],
        [{"build_model": small(order=order)} for order in (STEPS, STEPS[::-1])],
        [{"build_model": small(dropout_rate=rate)} for rate in (0.0, 0.5)],
        [{"build_model": stack(lambda r=r: L.GaussianDropout(r))} for r in (0.1, 0.6)],
        [{"build_model": stack(lambda r=r: Dropout(r))} for r in (0.1, 0.6)],
        [{"build_model": stack(lambda m=m: L.BatchNormalization(momentum=m))} for m in (0.5, 0.9)],
        [{"build_model": closed_over(number)} for number in (1.0, 3.0)],
        [{"build_model": closed_over(number, layer=True)} for number in (1.0, 3.0)],
        [{"build_model": penalized(0.1, 0.1, True)}, {"build_model": penalized(0.1, 9.0, False)}],
        [{"loss": squared}, {"loss": another_output}],
        [{"loss": squared}, {"loss": "sparse_categorical_crossentropy"}],
        [{"loss": lambda y, p: k * squared(y, p)} for k in (1, 2)],  # noqa: B023
        [{"optimizer": "sgd"}, {"optimizer": "rmsprop"}],
        [{"optimizer": O.SGD(0.1, momentum=m)} for m in (0.9, 0.5)],
        [{"optimizer": O.Adam(beta_1=b)} for b in (0.9, 0.1)],
        [{"optimizer": O.SGD(O.schedules.CosineDecay(r, 9))} for r in (0.1, 0.9)],
    ],
    ids=[
        "width", "activation", "order", "no dropout", "GaussianDropout",
        "layer called Dropout", "BN momentum",
        "activation of the same name", "layer of the same name", "shared penalty", "loss function",
        "loss name", "lambda", "optimizer", "momentum", "beta", "schedule",
    ],
)  # fmt: skip
def test_what_changes_the_program_traces_anew(pair, data, no_programs):
    first, second = (swept(data, settings) for settings in pair)
    assert first.trace_seconds > 0
    assert second.trace_seconds > 0


def test_programs_do_not_pile_up_for_ever(data, no_programs, monkeypatch):
    monkeypatch.setattr(programs, "_KEPT_PROGRAMS", 2)
    for width in (4, 5, 6):
        build = functools.partial(models.baseline, 64, 10, widths=(width,))
        replicate(build, data, seeds=[1], epochs=1)
    assert len(programs._programs) == 2
    assert replicate(build, data, seeds=[2], epochs=1).trace_seconds == 0


# Data per replicate.


def test_each_replicate_trains_on_the_dataset_of_its_seed(data):
    sets = {seed: load("digits", train_rows=50 + seed, seed=seed) for seed in (1, 2)}
    together = replicate(small(), sets.__getitem__, seeds=[1, 2], epochs=2)
    for k, seed in enumerate((1, 2)):
        alone = replicate(small(), sets[seed], seeds=[seed], epochs=2)
        for metric in METRICS:
            assert np.array_equal(together[metric][k], alone[metric][0])
    shared = replicate(small(), sets[1], seeds=[1, 2], epochs=2)
    assert not np.array_equal(together["train_loss"][1], shared["train_loss"][1])


# What is kept of a replicate.


@pytest.fixture(scope="module")
def trained(data):
    return replicate(small(), data, seeds=[1, 2], epochs=3)


def test_shapes_and_names_are_those_that_the_documentation_gives(trained):
    assert len(trained) == 2
    assert set(trained.history) == set(METRICS)
    assert {trained[metric].shape for metric in METRICS} == {(2, 3)}
    assert np.array_equal(trained.final("train_loss"), trained["train_loss"][:, -1])
    assert trained.seconds >= trained.trace_seconds


def test_the_model_of_a_replicate_scores_what_its_history_says(trained, data):
    for k in range(2):
        model = trained.model(k)
        model.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        loss, accuracy = model.evaluate(data.x_validation, data.y_validation, verbose=0)
        assert loss == pytest.approx(trained.final("validation_loss")[k], abs=1e-5)
        assert accuracy == pytest.approx(trained.final("validation_accuracy")[k], abs=1e-6)


def test_predict_equals_the_prediction_of_each_model(trained, data):
    outputs = trained.predict(data.x_validation)
    assert outputs.shape == (2, 197, 10)
    for k in range(2):
        expected = trained.model(k).predict(data.x_validation, verbose=0)
        np.testing.assert_allclose(outputs[k], expected, atol=1e-6)
    with pytest.raises(ValueError, match="draws is 3"):
        trained.predict(data.x_validation, draws=3)


def test_predict_takes_rows_of_their_own_for_each_seed(trained, data):
    rows = {seed: data.x_validation[seed : seed + 30] for seed in trained.seeds}
    outputs = trained.predict(rows.get)
    for k, seed in enumerate(trained.seeds):
        expected = trained.model(k).predict(rows[seed], verbose=0)
        np.testing.assert_allclose(outputs[k], expected, atol=1e-6)


def test_predict_with_a_mask_seed_draws_masks_that_differ_and_repeat(trained, data):
    rows = data.x_validation[:40]
    outputs, again, other = (trained.predict(rows, mask_seed=seed, draws=3) for seed in (1, 1, 2))
    assert outputs.shape == (2, 3, 40, 10)
    assert np.array_equal(outputs, again)
    assert len({draw.tobytes() for run in (outputs, other) for r in run for draw in r}) == 12
    # One draw is not touched by those before it, nor are the kept weights.
    assert np.array_equal(trained.predict(rows, mask_seed=1)[:, 0], outputs[:, 0])
    assert np.array_equal(trained.predict(rows, mask_seed=1, draws=3), outputs)


def test_predict_gives_two_replicates_masks_of_their_own(trained, data):
    # Both replicates get the weights of the first, so that only masks are left to differ.
    twins = dataclasses.replace(trained, weights=[trained.weights[0]] * 2)
    first, second = twins.predict(data.x_validation[:40], mask_seed=1)
    assert not np.array_equal(first, second)
    first, second = twins.predict(data.x_validation[:40])
    assert np.array_equal(first, second)


# Failures stop the whole call.


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_an_error_in_a_worker_comes_out_and_stops_the_rest(error, data):
    calls = []

    def data_of(seed):
        calls.append(seed)
        if seed == 3:
            raise error("seed 3")
        return data

    with pytest.raises(error, match="seed 3"):
        replicate(plain(), data_of, seeds=range(60), epochs=1, workers=2)
    assert len(calls) < 20
    assert not [thread for thread in threading.enumerate() if "ThreadPool" in thread.name]


def test_an_error_in_the_builder_comes_out_and_stops_the_rest(data):
    built = []

    def build():
        built.append(None)
        if len(built) == 2:
            raise OSError("the second model")
        return plain()()

    with pytest.raises(OSError, match="the second model"):
        replicate(build, data, seeds=range(60), epochs=3)
    assert len(built) == 2


@pytest.fixture
def interrupts_arrive():
    """Processes among which tests are spread ignore Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_interrupt_by_the_user_stops_long_trainings_at_once(data, interrupts_arrive):
    def data_of(seed):
        if threading.current_thread() is not threading.main_thread():
            threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
        return data

    started = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        replicate(plain(), data_of, seeds=[1], epochs=30_000)
    assert time.perf_counter() - started < 10  # half a minute, were it not stopped


def test_a_failed_call_leaves_the_next_one_its_numbers(reference, data):
    with pytest.raises(ValueError, match="rows"):
        replicate(small(l2=0.01), lambda seed: data if seed == 5 else fail(), seeds=SEEDS, epochs=2)
    assert numbers(run_of_reference()) == reference


def fail():
    raise ValueError("no rows today")


def test_metrics_are_plain_numbers_that_json_takes(trained):
    kept = json.loads(json.dumps({metric: trained[metric].tolist() for metric in METRICS}))
    assert kept["train_loss"] == trained["train_loss"].tolist()


# Where a training starts.


def counted(build):
    built = []

    def counting():
        built.append(None)
        return build()

    return counting, built


def test_two_models_tell_how_all_seeds_start(data):
    build, built = counted(small())
    together = replicate(build, data, seeds=range(5), epochs=1)
    assert len(built) == 2
    for seed in (0, 4):
        alone = replicate(small(), data, seeds=[seed], epochs=1)
        for one, other in zip(together.weights[seed], alone.weights[0], strict=True):
            assert np.array_equal(one, other)


def test_a_loss_of_the_reader_s_is_traced_for_a_model_that_keras_knows(data):
    result = replicate(small(), data, seeds=range(5), epochs=1, loss=squared, workers=1)
    expected, _ = fitted(small(), data, 4, 1, False, loss=squared)
    assert result["running_loss"][4] == pytest.approx(expected["running_loss"], abs=1e-4)


def own_numbers():
    """A start that the builder draws itself."""
    model = plain()()
    model.layers[0].bias.assign(np.random.standard_normal(16))
    return model


def own_layer():
    class Twice(L.Layer):
        def call(self, x):
            return 2 * x

    return stack(lambda: L.Dense(8), Twice)()


def other_rates():
    return models.with_dropout(64, 10, widths=(16,), dropout_rate=np.random.uniform(0.1, 0.9))


def other_widths():
    """The first two seeds draw one width, the fifth another."""
    return models.baseline(64, 10, widths=(int(np.random.uniform() * 3) * 8 + 8,))


@pytest.mark.parametrize("build", [own_numbers, own_layer, other_rates, other_widths])
def test_a_builder_with_something_of_its_own_is_called_for_each_seed(build, data):
    build, built = counted(build)
    result = replicate(build, data, seeds=range(5), epochs=1, workers=1)
    assert len(built) == 5
    expected, weights = fitted(build, data, 4, 1, False)
    assert result["running_loss"][4] == pytest.approx(expected["running_loss"], abs=1e-4)
    for ours, theirs in zip(result.weights[4], weights, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


def kernels(model):
    return [layer.kernel.numpy() for layer in model.layers if hasattr(layer, "kernel")]


@pytest.mark.parametrize(
    "treatment",
    [
        models.with_dropout,
        models.with_batch_normalization,
        functools.partial(models.combined, order=("dropout", "batch_normalization", "activation")),
        functools.partial(models.baseline, l2=0.1),
        functools.partial(models.baseline, activation="tanh"),
    ],
)
def test_treatment_and_control_of_a_seed_start_with_the_same_kernels(treatment):
    control, other = (
        kernels(seeded_model(lambda: models.baseline(64, 10, widths=(16, 8)), seed))
        for seed in (3, 4)
    )
    ours = kernels(seeded_model(lambda: treatment(64, 10, widths=(16, 8)), 3))
    assert len(ours) == 3
    for k in range(3):
        assert np.array_equal(ours[k], control[k])
        assert not np.array_equal(ours[k], other[k])
    # They are drawn as Keras draws them: within the bounds of Glorot, and filling them.
    bound = (6 / (64 + 16)) ** 0.5
    assert 0.98 * bound < np.abs(ours[0]).max() <= bound


def test_layers_of_one_kind_and_shape_start_differently():
    model = seeded_model(lambda: models.combined(16, 16, widths=(16, 16)), 1)
    first, second, third = kernels(model)
    assert not np.array_equal(first, second)
    assert not np.array_equal(second, third)
    states = [v.numpy()[0] for v in model.variables if v.name == "seed_generator_state"]
    assert len(set(states)) == 2


def test_what_the_builder_sets_or_seeds_stays():
    def build():
        model = keras.Sequential(
            [
                keras.Input((4,)),
                L.Dense(4, kernel_initializer=keras.initializers.GlorotUniform(seed=7)),
                L.Dense(4),
                L.Dropout(0.5, seed=9),
            ]
        )
        model.layers[1].kernel.assign(np.eye(4))
        return model

    one, other = (seeded_model(build, seed) for seed in (1, 2))
    for a, b in zip(one.variables, other.variables, strict=True):
        assert np.array_equal(a, b)
    assert np.array_equal(one.layers[1].kernel, np.eye(4))


# What is measured, and when.


def test_long_trainings_are_measured_on_a_grid_with_the_half_and_the_last(data):
    assert spaced_epochs(40) == tuple(range(1, 41))
    grid = spaced_epochs(1001)
    assert 40 <= len(grid) <= 55
    assert {1, 2, 500, 1001} <= set(grid)
    sparse = replicate(small(), data, seeds=[1], epochs=4, measure_at=[2])
    full = replicate(small(), data, seeds=[1], epochs=4)
    assert sparse.epochs == (2, 4)
    for metric in METRICS:
        assert np.array_equal(sparse[metric], full[metric][:, [1, 3]])
    assert np.array_equal(sparse.after(2, "train_loss"), full["train_loss"][:, 1])
    with pytest.raises(ValueError, match="epoch is 3; measured were 2, 4"):
        sparse.after(3, "train_loss")
    assert replicate(plain(), data, seeds=[1], epochs=60, measure_at="every").epochs[-2] == 59
    for wrong in ([0], [5], "often"):
        with pytest.raises(ValueError, match="measure_at"):
            replicate(small(), data, seeds=[1], epochs=4, measure_at=wrong)


def test_any_sets_of_rows_are_measured_and_row_by_row(data, monkeypatch):
    sets = {
        "test": "test",
        "truth": lambda d: (d.x_train, d.y_train_true),
        "some": (data.x_validation[:70], data.y_validation[:70]),
    }
    settings = {"seeds": [1, 2], "epochs": 2, "measured": sets, "keep_rows": ["some", "test"]}
    result = replicate(small(), data, **settings)
    assert set(result.history) == {
        *(f"{name}_{metric}" for name in sets for metric in ("loss", "accuracy")),
        "running_loss",
        "running_accuracy",
    }
    answers = result.predict(data.x_test).argmax(axis=-1)
    assert result.correct("test").shape == (2, 2, len(data.y_test))
    assert np.array_equal(result.correct("test")[:, -1], answers == data.y_test)
    assert result.correct("some").mean(axis=-1) == pytest.approx(result["some_accuracy"])
    with pytest.raises(ValueError, match=r"call replicate with keep_rows=\['truth'\]"):
        result.correct("truth")
    with pytest.raises(ValueError, match="rows of 'truth' were not kept one by one"):
        result.label_outputs("truth")
    monkeypatch.setattr(programs, "ROWS_AT_A_TIME", 32)  # in parts, with a remainder
    again = replicate(small(), data, **settings)
    np.testing.assert_allclose(again["test_loss"], result["test_loss"], rtol=1e-6)
    assert np.array_equal(again.correct("test"), result.correct("test"))
    np.testing.assert_allclose(
        again.label_outputs("test"), result.label_outputs("test"), rtol=1e-5, atol=1e-7
    )


def test_the_output_of_each_row_s_label_is_the_predicted_probability():
    def data_of(seed):
        return load("digits", train_rows=50, label_noise=0.4, seed=seed)

    settings = {"seeds": [1, 2], "epochs": 3, "measured": ["train", "test"]}
    result = replicate(small(), data_of, **settings, keep_rows=["test", "train"])
    for name, count in (("test", 800), ("train", 50)):
        found = result.label_outputs(name)
        assert (found.shape, found.dtype) == ((2, 3, count), "float32")
        outputs = result.predict(lambda seed, name=name: getattr(data_of(seed), f"x_{name}"))
        labels = np.array([getattr(data_of(seed), f"y_{name}") for seed in result.seeds])
        expected = np.take_along_axis(outputs, labels[..., None], axis=-1)[..., 0]
        np.testing.assert_allclose(found[:, -1], expected, atol=1e-6)
        losses = -np.log(np.maximum(found, 1e-7)).mean(axis=-1)
        np.testing.assert_allclose(losses, result[f"{name}_loss"], rtol=1e-4)
        assert result.correct(name).mean(axis=-1) == pytest.approx(result[f"{name}_accuracy"])
    without = replicate(small(), data_of, **settings)
    assert np.array_equal(without["test_loss"], result["test_loss"])


def test_the_output_of_a_label_is_known_for_one_hot_labels_and_for_one_output(data):
    settings = {"seeds": [1], "epochs": 2, "keep_rows": ["validation"]}
    plain_labels = replicate(small(), data, **settings)
    eye = np.eye(10, dtype="float32")
    one_hot = dataclasses.replace(
        data, y_train=eye[data.y_train], y_validation=eye[data.y_validation]
    )
    hot = replicate(small(), one_hot, **settings, loss="categorical_crossentropy")
    np.testing.assert_allclose(
        hot.label_outputs("validation"), plain_labels.label_outputs("validation"), atol=1e-5
    )
    two = dataclasses.replace(data, y_train=data.y_train % 2, y_validation=data.y_validation % 2)
    build = lambda: keras.Sequential([keras.Input((64,)), L.Dense(1, "sigmoid")])  # noqa: E731
    result = replicate(build, two, **settings, loss="binary_crossentropy")
    yes = result.predict(two.x_validation)[..., 0]
    expected = np.where(two.y_validation == 1, yes, 1 - yes)
    found = result.label_outputs("validation")[:, -1]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert np.array_equal(result.correct("validation")[:, -1], found > 0.5)


def test_measuring_changes_no_training(data):
    def build():
        given = keras.Input((64,))
        always_on = L.Dropout(0.5)(L.Dense(8)(given), training=True)
        return keras.Model(given, L.Dense(10, "softmax")(always_on))

    often = replicate(build, data, seeds=[1], epochs=3)
    once = replicate(build, data, seeds=[1], epochs=3, measured=(), measure_at=[3])
    assert np.array_equal(often["running_loss"][:, -1], once["running_loss"][:, -1])
    for one, other in zip(often.weights[0], once.weights[0], strict=True):
        assert np.array_equal(one, other)


def test_the_remainder_of_an_epoch_can_be_left_out(data):
    whole = replicate(small(), data, seeds=[4], epochs=2, drop_remainder=True)
    model = seeded_model(small(), 4)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    batches = ShuffledBatches(data.x_train, data.y_train, seed=4, drop_remainder=True)
    assert [len(batches[k][0]) for k in range(len(batches))] == [32, 32, 32]
    history = model.fit(batches, epochs=2, shuffle=False, verbose=0).history
    assert whole["running_loss"][0] == pytest.approx(history["loss"], abs=1e-4)
    for ours, theirs in zip(whole.weights[0], model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)
    with pytest.raises(ValueError, match="no batch of 128 of 100 rows"):
        replicate(small(), data, seeds=[4], epochs=1, batch_size=128, drop_remainder=True)


def test_the_device_is_told_and_can_be_chosen(data, request):
    assert replicate(plain(), data, seeds=[1], epochs=1).device.startswith("/CPU:0: ")
    with pytest.raises(ValueError, match="device is '/GPU:7'; this machine has CPU:0"):
        replicate(plain(), data, seeds=[1], epochs=1, device="/GPU:7")
    # On a second device that the process splits off: the same numbers, and the result says where.
    code = (
        "import tensorflow as tf;"
        "cpu = tf.config.list_physical_devices('CPU')[0];"
        "two = [tf.config.LogicalDeviceConfiguration()] * 2;"
        "tf.config.set_logical_device_configuration(cpu, two);"
        "import tests.test_replicates as t;"
        "runs = [t.run_of_reference(device=d) for d in ('/CPU:0', '/CPU:1')];"
        "assert t.numbers(runs[0]) == t.numbers(runs[1]);"
        "print(runs[1].device)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=request.config.rootpath, capture_output=True, text=True
    )
    assert done.stdout.strip() == "/CPU:1: asked for", done.stderr


# Masks at test time.


def test_masks_at_test_time_leave_batch_normalization_alone(data):
    trained = replicate(small(), data, seeds=[1], epochs=30, measured=(), measure_at=[30])
    rows = data.x_validation[:200]
    together = trained.predict(rows, mask_seed=5, draws=2)[0]
    alone = [trained.predict(row[None], mask_seed=5, draws=2)[0, :, 0] for row in rows[:20]]
    np.testing.assert_allclose(np.stack(alone, axis=1), together[:, :20], atol=1e-6)
    with_batch = trained.predict(rows, mask_seed=5, batch_statistics=True)[0, 0]
    one = trained.predict(rows[:1], mask_seed=5, batch_statistics=True)[0, 0]
    assert np.abs(one[0] - with_batch[0]).max() > 0.05


def test_a_mask_at_test_time_drops_units_at_the_rate_and_scales_the_rest():
    build = lambda: keras.Sequential([keras.Input((1000,)), L.Dropout(0.3)])  # noqa: E731
    model = build()
    run = dataclasses.replace(
        replicate(plain(), load("digits", train_rows=50), seeds=[1], epochs=1),
        build_model=build, weights=[model.get_weights()],
    )  # fmt: skip
    outputs = run.predict(np.ones((3, 1000), "float32"), mask_seed=1, draws=4)[0]
    assert np.array_equal(outputs[:, 0], outputs[:, 2])  # one thinned network for all rows
    assert (outputs == 0).mean() == pytest.approx(0.3, abs=0.03)
    assert np.unique(outputs) == pytest.approx([0, 1 / 0.7])
    assert len({draw.tobytes() for draw in outputs}) == 4


@pytest.mark.parametrize(
    "layer",
    [
        lambda: L.AlphaDropout(0.2),
        lambda: OwnDropout(),
        lambda: recurrent(dropout=0.5),
        lambda: recurrent(recurrent_dropout=0.5),
    ],
    ids=["AlphaDropout", "own layer", "dropout in a LSTM", "recurrent dropout"],
)
def test_layers_whose_masks_at_test_time_are_not_known_are_refused(layer, data):
    trained = replicate(stack(layer), data, seeds=[1], epochs=1)
    with pytest.raises(ValueError, match="masks at test time are known for Dropout"):
        trained.predict(data.x_validation, mask_seed=1)


class OwnDropout(L.Layer):
    def call(self, x, training=False):
        return x


def recurrent(**rates):
    return keras.Sequential([L.Reshape((8, 8)), L.LSTM(4, **rates)])


def test_trainings_that_diverged_are_not_taken_for_one_seed(data):
    diverged = replicate(
        plain(), data, seeds=range(3), epochs=2, optimizer=keras.optimizers.SGD(1e30)
    )
    assert all(not np.isfinite(weights[0]).all() for weights in diverged.weights)


def test_without_reshuffling_all_epochs_have_the_first_one_s_order(data):
    seeds = range(2)
    one_order = replicate(plain(), data, seeds=seeds, epochs=2, reshuffle=False)
    reshuffled = replicate(plain(), data, seeds=seeds, epochs=2)
    assert np.array_equal(one_order["train_loss"][:, 0], reshuffled["train_loss"][:, 0])
    assert not np.array_equal(one_order["train_loss"][:, 1], reshuffled["train_loss"][:, 1])


@pytest.mark.parametrize("network", [models.baseline, models.combined])
def test_stopped_early_is_what_early_stopping_restores(network):
    """The same weights, orders and masks, and Keras chooses the epoch."""
    data = load("digits", train_rows=ROWS, label_noise=0.4, seed=3)
    rule = functools.partial(O.SGD, 0.1, momentum=0.9)
    build = functools.partial(network, 64, 10, widths=(128,))
    results = replicate(build, data, seeds=[5], epochs=12, optimizer=rule(), keep_best=True)
    losses = results["validation_loss"][0]
    assert losses.argmin() < len(losses) - 1, "the last epoch would show nothing"

    model = seeded_model(build, 5)
    model.compile(rule(), "sparse_categorical_crossentropy")
    model.fit(
        ShuffledBatches(data.x_train, data.y_train, seed=5),
        shuffle=False,
        epochs=12,
        validation_data=(data.x_validation, data.y_validation),
        validation_batch_size=len(data.x_validation),
        callbacks=[keras.callbacks.EarlyStopping(patience=12, restore_best_weights=True)],
        verbose=0,
    )
    for ours, theirs in zip(results.stopped_early().weights[0], model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)
    last, best = results.predict(data.x_test), results.stopped_early().predict(data.x_test)
    assert not np.allclose(last, best, atol=1e-2)


def test_the_best_weights_must_have_been_asked_for(data):
    results = replicate(plain(), data, seeds=[0], epochs=1)
    with pytest.raises(ValueError, match="keep_best=True"):
        results.stopped_early()


def test_a_diverged_training_ends_where_it_ended_when_no_epoch_is_best(data):
    results = replicate(plain(), data, seeds=[0], epochs=2, optimizer=O.SGD(1e30), keep_best=True)
    assert not np.isfinite(results["validation_loss"]).any()
    assert len(results.stopped_early().weights[0]) == len(results.weights[0])


def test_until_is_the_training_that_ended_there(data):
    build, asked = (
        functools.partial(models.with_dropout, 64, 10),
        {"measured": ("train", "test"), "keep_rows": ("test",)},
    )
    longer = replicate(build, data, seeds=[0, 1], epochs=6, keep_weights=[3], **asked)
    ended, shorter = longer.until(3), replicate(build, data, seeds=[0, 1], epochs=3, **asked)
    assert ended.epochs == shorter.epochs
    for ours, theirs in zip(ended.weights, shorter.weights, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))
    for name, values in shorter.history.items():
        np.testing.assert_array_equal(ended[name], values)
    np.testing.assert_array_equal(ended.correct("test"), shorter.correct("test"))
    np.testing.assert_array_equal(ended.label_outputs("test"), shorter.label_outputs("test"))
    np.testing.assert_array_equal(ended.predict(data.x_test), shorter.predict(data.x_test))
    assert longer.until(6) is longer


def test_until_refuses_an_epoch_whose_weights_were_not_kept(data):
    results = replicate(plain(), data, seeds=[0], epochs=4, keep_weights=[2])
    with pytest.raises(ValueError, match=r"after epoch 3 were not kept: .* keep_weights=\[3\]"):
        results.until(3)
    with pytest.raises(ValueError, match="it takes whole numbers from 1 to 4"):
        replicate(plain(), data, seeds=[0], epochs=4, keep_weights=[5])
