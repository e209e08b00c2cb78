"""Models in the style of public Keras examples, each trained by `replicate` and by `fit`.

`python -m tests.engine_models` compares all of them, in about five minutes; names as arguments
choose some. Each is trained twice in one process, with one thing changed in between, so that a
program that is run although it is no longer the right one shows. `tests/test_engine_models.py`
compares a part of them, and what must be refused.
"""

from __future__ import annotations

import dataclasses
import functools
import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np
from tqdm import tqdm

from utils import models
from utils.backend import keras, tf
from utils.datasets import load
from utils.training import ShuffledBatches, replicate, seeded_model

L, O, R = keras.layers, keras.optimizers, keras.regularizers  # noqa: E741
K = keras.ops

TRAIN_ROWS, VALIDATION_ROWS, SEED = 70, 50, 4  # with batches of 16 the last one holds 6


# Rows of every kind.


@functools.cache
def rows(kind: str) -> types.SimpleNamespace:
    """Training and validation rows; inputs and labels of a kind such as "pictures to classes"."""
    digits = load("digits", train_rows=TRAIN_ROWS)
    inputs, _, answers = kind.partition(" to ")
    made = {"x_test": None, "y_test": None}
    for part, count in (("train", TRAIN_ROWS), ("validation", VALIDATION_ROWS)):
        x = getattr(digits, f"x_{part}")[:count]
        y = getattr(digits, f"y_{part}")[:count]
        tokens = np.rint(x[:, 16:28] * 9).astype("int32")  # zeros stand at the start and between
        made[f"x_{part}"] = {
            "features": x,
            "pictures": x.reshape(-1, 8, 8, 1),
            "series": x.reshape(-1, 8, 8),
            "tokens": tokens,
            "padded series": np.where(
                np.arange(8)[None, :, None] < 3 + y[:, None, None] % 5, x.reshape(-1, 8, 8), 0
            ).astype("float32"),
        }[inputs]
        made[f"y_{part}"] = {
            "classes": y,
            "one-hot": np.eye(10, dtype="float32")[y],
            "two": (y % 2).astype("int32"),
            "number": x.mean(axis=1),
            "column": x.mean(axis=1, keepdims=True).astype("float64"),
            "labels": (x[:, 20:30] > 0.5).astype("float32"),
            "signs": np.where(y % 2, 1.0, -1.0).astype("float32"),
            "counts": (y[:, None]).astype("float32"),
            "itself": made[f"x_{part}"],
            "steps": (x.reshape(-1, 8, 8).sum(axis=2, keepdims=True) > 2).astype("int32"),
            "tokens": tokens,
            "numbers of steps": x.reshape(-1, 8, 8).mean(axis=2, keepdims=True),
        }[answers]
    return types.SimpleNamespace(**made)


# The models. Each maker takes the thing that changes, `v`, and returns what `replicate` takes.


@dataclasses.dataclass(frozen=True)
class Example:
    """One row of the table.

    Attributes:
        make: from a value to `build_model` or to a dictionary with it and other arguments of
            `replicate`.
        values: two values of the thing that changes between two trainings.
        kind: of the rows, see `rows`.
        loss, optimizer: as `replicate` takes them; the optimizer as a function that makes one.
        quick: whether `make test` compares it.
        tolerance: by how much numbers may differ; more in half precision.
    """

    make: Callable[[Any], Any]
    values: tuple = (1, 2)
    kind: str = "features to classes"
    loss: Any = "sparse_categorical_crossentropy"
    optimizer: Callable[[], Any] = lambda: "adam"
    quick: bool = False
    tolerance: float = 1e-3


def chain(shape, *layers, classes=10, last="softmax"):
    """A builder of a Sequential with the layers that these functions make."""
    end = [] if classes is None else [lambda: L.Dense(classes, activation=last)]
    return lambda: keras.Sequential([keras.Input(shape), *(make() for make in (*layers, *end))])


def picture(*layers, **settings):
    return chain((8, 8, 1), *layers, **settings)


def flat(*layers, **settings):
    return chain((64,), *layers, **settings)


def conv(filters=4, **settings):
    return lambda: L.Conv2D(filters, 3, padding="same", activation="relu", **settings)


def hidden(units=8, **settings):
    return lambda: L.Dense(units, "relu", **settings)


def functional(shape, code):
    def build():
        given = keras.Input(shape)
        return keras.Model(given, code(given))

    return build


SCALE = 1.0  # a global at which a loss and an activation look


def scaled_relu(x):
    return K.relu(SCALE * x)


def scaled_loss(labels, outputs):
    return SCALE * K.mean(K.square(labels - outputs), axis=-1)


def with_global(value, **arguments):
    global SCALE
    SCALE = float(value)
    return arguments


class Residual(keras.Model):
    """Layers in attributes and a list, one inside of another, and a number in an attribute."""

    def __init__(self, strength):
        super().__init__()
        self.strength = strength
        self.first = L.Dense(16, "relu")
        self.blocks = [L.Dense(16, "relu") for _ in range(2)]
        self.drop = L.Dropout(0.3)
        self.last = L.Dense(10, "softmax")

    def call(self, x, training=False):
        x = self.first(x)
        for block in self.blocks:
            x = x + self.strength * self.drop(block(x), training=training)
        return self.last(x)


class OwnNoise(L.Layer):
    """Draws from a generator of its own, also at inference if it is told so."""

    def __init__(self, spread, always=False):
        super().__init__()
        self.spread, self.always = spread, always
        self.seed_generator = keras.random.SeedGenerator()

    def call(self, x, training=False):
        if training or self.always:
            noise = keras.random.normal(K.shape(x), seed=self.seed_generator)
            return x + self.spread * noise
        return x


class OwnWeights(L.Layer):
    def __init__(self, units, scale):
        super().__init__()
        self.units, self.scale = units, scale

    def build(self, shape):
        self.w = self.add_weight(shape=(shape[-1], self.units), initializer="random_normal")
        self.b = self.add_weight(shape=(self.units,), initializer="zeros")

    def call(self, x):
        return self.scale * (x @ self.w) + self.b


class ActivityPenalty(L.Layer):
    def __init__(self, strength):
        super().__init__()
        self.strength = strength

    def call(self, x):
        self.add_loss(self.strength * K.mean(K.square(x)))
        return x


class OwnStep(keras.Model):
    """A training step that adds noise to the rows and scales its loss."""

    strength = 1.0

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            outputs = self(x, training=True)
            loss = self.strength * self.compute_loss(x, y, outputs)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss)
            else:
                metric.update_state(y, outputs)
        return {metric.name: metric.result() for metric in self.metrics}


class OwnLoss(keras.Model):
    strength = 1.0

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return self.strength * K.mean(K.square(K.one_hot(y, 10) - y_pred))


class Autoencoder(keras.Model):
    """Everything in `train_step` and `test_step`, with a metric of its own."""

    def __init__(self, strength):
        super().__init__()
        self.strength = strength
        self.code = L.Dense(8, "relu")
        self.back = L.Dense(64, "sigmoid")
        self.tracker = keras.metrics.Mean(name="loss")

    @property
    def metrics(self):
        return [self.tracker]

    def call(self, x):
        return self.back(self.code(x))

    def _loss(self, x):
        return self.strength * K.mean(K.square(x - self(x)))

    def train_step(self, data):
        x, _ = data
        with tf.GradientTape() as tape:
            loss = self._loss(x)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        self.tracker.update_state(loss)
        return {"loss": self.tracker.result()}

    def test_step(self, data):
        self.tracker.update_state(self._loss(data[0]))
        return {"loss": self.tracker.result()}


def of_class(kind, strength):
    def build():
        given = keras.Input((64,))
        model = kind(given, L.Dense(10, "softmax")(L.Dense(8, "relu")(given)))
        model.strength = strength
        return model

    return build


class OwnSchedule(O.schedules.LearningRateSchedule):
    """Has no configuration."""

    def __init__(self, start):
        self.start = start

    def __call__(self, step):
        return self.start / (1.0 + 0.1 * K.cast(step, "float32"))


class OwnOptimizer(O.SGD):
    """A number that its configuration does not tell."""

    factor = 1.0

    def update_step(self, gradient, variable, learning_rate):
        super().update_step(self.factor * gradient, variable, learning_rate)


def own_optimizer(factor):
    optimizer = OwnOptimizer(0.1)
    optimizer.factor = factor
    return optimizer


def without_decay_of(names):
    optimizer = O.AdamW(0.01, weight_decay=2.0)
    optimizer.exclude_from_weight_decay(var_names=names)
    return optimizer


def frozen(first):
    """Transfer learning: the first layer is not trained, with weights that the builder sets."""

    def build():
        model = flat(hidden(16), hidden(16))()
        model.layers[0].trainable = not first
        weights = np.random.default_rng(1).normal(0, 0.2, (64, 16))
        model.layers[0].kernel.assign(weights.astype("float32"))
        return model

    return build


def frozen_variable(bias):
    def build():
        model = flat(hidden(16))()
        (model.layers[0].bias if bias else model.layers[0].kernel).trainable = False
        return model

    return build


def two_branches(units):
    def code(x):
        left, right = L.Dense(units, "relu")(x), L.Dense(8, "tanh")(L.Dropout(0.2)(x))
        return L.Dense(10, "softmax")(L.Concatenate()([left, right]))

    return functional((64,), code)


def shared_layer(times):
    def code(x):
        layer, x = L.Dense(16, "relu"), L.Dense(16)(x)
        for _ in range(times):
            x = L.LayerNormalization()(layer(x))
        return L.Dense(10, "softmax")(x)

    return functional((64,), code)


def nested(rate):
    def build():
        inner = keras.Sequential([keras.Input((64,)), L.Dense(16, "relu"), L.Dropout(rate)])
        return keras.Sequential([keras.Input((64,)), inner, L.Dense(10, "softmax")])

    return build


def residual_pictures(filters):
    def code(x):
        x = L.Conv2D(filters, 3, padding="same")(x)
        y = L.Activation("relu")(L.BatchNormalization()(x))
        y = L.Conv2D(filters, 3, padding="same")(y)
        return L.Dense(10, "softmax")(L.GlobalAveragePooling2D()(L.Add()([x, y])))

    return functional((8, 8, 1), code)


def squeeze_and_excite(units):
    def code(x):
        x = L.Conv2D(8, 3, padding="same", activation="relu")(x)
        gate = L.Dense(8, "sigmoid")(L.Dense(units, "relu")(L.GlobalAveragePooling2D()(x)))
        x = L.Multiply()([x, L.Reshape((1, 1, 8))(gate)])
        return L.Dense(10, "softmax")(L.Flatten()(x))

    return functional((8, 8, 1), code)


def transformer(rate):
    def code(x):
        x = L.Dense(16)(x)
        attended = L.MultiHeadAttention(2, 8, dropout=rate)(x, x)
        x = L.LayerNormalization(epsilon=1e-6)(x + L.Dropout(rate)(attended))
        y = L.Dense(16)(L.Dense(32, "gelu")(x))
        x = L.LayerNormalization(epsilon=1e-6)(x + L.Dropout(rate)(y))
        return L.Dense(10, "softmax")(L.GlobalAveragePooling1D()(x))

    return functional((8, 8), code)


def masked_tokens(units, recurrent=L.LSTM, **settings):
    return chain(
        (12,), lambda: L.Embedding(11, 8, mask_zero=True), lambda: recurrent(units, **settings),
        classes=1, last="sigmoid",
    )  # fmt: skip


def masked_steps(units):
    """One answer for each step, with loss and accuracy over the steps that are not masked."""
    return chain(
        (8, 8), lambda: L.Masking(), lambda: L.GRU(units, return_sequences=True),
        classes=1, last="sigmoid",
    )  # fmt: skip


def tagger(units):
    return chain(
        (12,), lambda: L.Embedding(11, 8, mask_zero=True),
        lambda: L.Bidirectional(L.LSTM(units, return_sequences=True)), classes=10,
    )  # fmt: skip


def regularized(place, strength):
    settings = {f"{place}_regularizer": R.L2(strength)}
    return flat(lambda: L.Dense(8, "relu", **settings))


def lambda_model(factor):
    return flat(hidden(), lambda: L.Lambda(lambda x: factor * x))


def deferred(units):
    """Built when it is first called."""
    return lambda: keras.Sequential(
        [L.Dense(units, "relu"), L.Dropout(0.2), L.Dense(10, "softmax")]
    )


def mixed(kind, policy):
    def build():
        before = keras.config.dtype_policy()
        keras.config.set_dtype_policy(policy)
        try:
            return kind()
        finally:
            keras.config.set_dtype_policy(before)

    return build


def weighted(v):
    weights = np.where(np.arange(TRAIN_ROWS) % 2, 1.0, float(v))
    return {"build_model": flat(hidden()), "sample_weight": weights}


def contrastive(margin):
    def loss(labels, outputs):
        wanted = K.one_hot(K.cast(K.reshape(labels, (-1,)), "int32"), 10)
        best = K.max(outputs - 10 * wanted, axis=-1)
        return K.relu(margin + best - K.sum(wanted * outputs, axis=-1))

    return loss


def default_argument(strength):
    def loss(labels, outputs, strength=strength):
        return strength * keras.losses.sparse_categorical_crossentropy(labels, outputs)

    return loss


class LossObject(keras.losses.Loss):
    def __init__(self, strength):
        super().__init__()
        self.strength = strength

    def call(self, labels, outputs):
        return self.strength * keras.losses.sparse_categorical_crossentropy(labels, outputs)


def pinned(seed):
    """Initializer and masks with seeds of their own."""
    return flat(
        lambda: L.Dense(8, "relu", kernel_initializer=keras.initializers.HeNormal(seed=seed)),
        lambda: L.Dropout(0.3, seed=seed),
    )


def with_optimizer(make, build=None):
    return lambda v: {"build_model": build or flat(hidden()), "optimizer": make(v)}


def with_loss(make):
    return lambda v: {"build_model": flat(hidden()), "loss": make(v)}


def random_layer(make):
    return lambda v: picture(lambda: make(v), conv(), L.Flatten)


mse = {"loss": "mse", "kind": "features to number"}
EXAMPLES: dict[str, Example] = {
    # Convolutions.
    "LeNet": Example(
        lambda v: picture(conv(4), L.MaxPooling2D, conv(v), L.Flatten, hidden()),
        kind="pictures to classes",
    ),
    "strided convolution": Example(
        lambda v: picture(lambda: L.Conv2D(4, 3, strides=v, activation="relu"), L.Flatten),
        kind="pictures to classes",
    ),
    "separable convolution": Example(
        lambda v: picture(lambda: L.SeparableConv2D(4, 3, depth_multiplier=v), L.Flatten),
        kind="pictures to classes",
    ),
    "depthwise convolution": Example(
        lambda v: picture(conv(), lambda: L.DepthwiseConv2D(3, dilation_rate=v), L.Flatten),
        kind="pictures to classes",
    ),
    "transposed convolution": Example(
        lambda v: picture(
            conv(v),
            lambda: L.Conv2DTranspose(1, 3, padding="same", activation="sigmoid"),
            classes=None,
        ),
        kind="pictures to itself",
        loss="binary_crossentropy",
    ),
    "one-dimensional convolution": Example(
        lambda v: chain((8, 8), lambda: L.Conv1D(v, 3, padding="causal"), L.GlobalMaxPooling1D),
        kind="series to classes",
    ),
    "residual block with BN": Example(
        residual_pictures, (4, 6), quick=True, kind="pictures to classes"
    ),
    "the course's convolutions, dropped and changed": Example(
        lambda v: (
            lambda: models.convolutional_network(
                (8, 8),
                10,
                normalization="group",
                dropout_rate=v,
                dropout_in="channels",
                augmentation=("shift", "flip", "cutout"),
            )
        ),
        (0.2, 0.5),
    ),
    "the course's residual network": Example(
        lambda v: lambda: models.residual_network((8, 8), 10, blocks=2, branch_dropout_rate=v),
        (0.2, 0.6),
        quick=True,
    ),
    "the course's transformer": Example(
        lambda v: lambda: models.transformer_encoder((8, 8), 10, size=8, dropout_rate=v),
        (0.1, 0.4),
    ),
    "the course's mixup": Example(
        lambda v: lambda: models.MixedUp(models.convolutional_network((8, 8), 10), v),
        (0.2, 0.8),
        quick=True,
    ),
    "squeeze and excitation": Example(squeeze_and_excite, (2, 4), kind="pictures to classes"),
    "upsampling autoencoder": Example(
        lambda v: picture(
            conv(),
            L.MaxPooling2D,
            conv(v),
            L.UpSampling2D,
            lambda: L.Conv2D(1, 3, padding="same", activation="sigmoid"),
            classes=None,
        ),
        kind="pictures to itself",
        loss="mse",
    ),
    "spatial dropout": Example(
        lambda v: picture(conv(), lambda: L.SpatialDropout2D(v), L.Flatten),
        (0.2, 0.6),
        quick=True,
        kind="pictures to classes",
    ),
    # Recurrence.
    "LSTM": Example(lambda v: chain((8, 8), lambda: L.LSTM(v)), (4, 6), kind="series to classes"),
    "GRU with both dropouts": Example(
        lambda v: chain((8, 8), lambda: L.GRU(8, dropout=v, recurrent_dropout=0.2)),
        (0.2, 0.5),
        kind="series to classes",
    ),
    "simple RNN, stacked": Example(
        lambda v: chain(
            (8, 8), lambda: L.SimpleRNN(8, return_sequences=True), lambda: L.SimpleRNN(4 * v)
        ),
        kind="series to classes",
    ),
    "bidirectional": Example(
        lambda v: chain((8, 8), lambda: L.Bidirectional(L.GRU(4 * v))), kind="series to classes"
    ),
    "masked embedding": Example(
        masked_tokens, (4, 6), kind="tokens to two", loss="binary_crossentropy", quick=True
    ),
    "embedding without a mask": Example(
        lambda v: chain(
            (12,),
            lambda: L.Embedding(11, 4 * v),
            L.GlobalAveragePooling1D,
            classes=1,
            last="sigmoid",
        ),
        kind="tokens to two",
        loss="binary_crossentropy",
    ),
    "masked steps": Example(
        masked_steps, (4, 6), kind="padded series to steps", loss="binary_crossentropy", quick=True
    ),
    "tagger with masks": Example(tagger, (4, 6), kind="tokens to tokens"),
    "numbers of steps": Example(
        lambda v: chain(
            (8, 8),
            lambda: L.GRU(4 * v, return_sequences=True),
            lambda: L.TimeDistributed(L.Dense(1)),
            classes=None,
        ),
        kind="series to numbers of steps",
        loss="mae",
    ),
    # Attention.
    "transformer": Example(transformer, (0.1, 0.4), kind="series to classes", quick=True),
    "attention layer": Example(
        lambda v: functional(
            (8, 8),
            lambda x: L.Dense(10, "softmax")(
                L.Flatten()(L.Attention(dropout=v)([L.Dense(8)(x), x]))
            ),
        ),
        (0.0, 0.3),
        kind="series to classes",
    ),
    # Normalization.
    "BN, momentum": Example(
        lambda v: flat(hidden(), lambda: L.BatchNormalization(momentum=v)), (0.9, 0.5)
    ),
    "BN in training mode, renormalized after": Example(
        lambda v: flat(lambda: L.BatchNormalization(epsilon=v), hidden()), (1e-3, 0.5)
    ),
    "layer normalization": Example(
        lambda v: flat(hidden(), lambda: L.LayerNormalization(epsilon=v)), (1e-3, 0.5)
    ),
    "group normalization": Example(
        lambda v: picture(conv(4), lambda: L.GroupNormalization(v), L.Flatten),
        (1, 2),
        kind="pictures to classes",
    ),
    "RMS and unit normalization": Example(
        lambda v: flat(hidden(8 * v), L.RMSNormalization, L.UnitNormalization)
    ),
    "spectral normalization": Example(
        lambda v: flat(lambda: L.SpectralNormalization(L.Dense(8, "relu"), power_iterations=v))
    ),
    "adapted normalization": Example(
        lambda v: (
            lambda: keras.Sequential(
                [
                    keras.Input((64,)),
                    L.Normalization(mean=0.1 * v, variance=2.0),
                    L.Dense(10, "softmax"),
                ]
            )
        ),
    ),
    # Noise and augmentation.
    "dropout": Example(lambda v: flat(hidden(), lambda: L.Dropout(v)), (0.2, 0.6), quick=True),
    "Gaussian dropout and noise": Example(
        lambda v: flat(hidden(), lambda: L.GaussianDropout(v), lambda: L.GaussianNoise(0.2)),
        (0.2, 0.6),
    ),
    "alpha dropout": Example(
        lambda v: flat(lambda: L.Dense(8, "selu"), lambda: L.AlphaDropout(v)), (0.1, 0.5)
    ),
    "noise shape": Example(
        lambda v: chain((8, 8), lambda: L.Dropout(0.5, noise_shape=(None, v, 8)), L.Flatten),
        (1, 8),
        kind="series to classes",
    ),
    "dropout that is always on": Example(
        lambda v: functional(
            (64,), lambda x: L.Dense(10, "softmax")(L.Dropout(v)(L.Dense(8)(x), training=True))
        ),
        (0.1, 0.5),
        quick=True,
    ),
    "own noise layer": Example(lambda v: flat(hidden(), lambda: OwnNoise(v)), (0.1, 1.0)),
    "own noise layer, always on": Example(
        lambda v: flat(hidden(), lambda: OwnNoise(v, always=True)), (0.1, 1.0)
    ),
    "random translation": Example(
        random_layer(lambda v: L.RandomTranslation(v, v)), (0.1, 0.3), kind="pictures to classes"
    ),
    "random flip and rotation": Example(
        lambda v: picture(
            lambda: L.RandomFlip("horizontal"), lambda: L.RandomRotation(v), conv(), L.Flatten
        ),
        (0.1, 0.4),
        kind="pictures to classes",
    ),
    "random contrast and zoom": Example(
        lambda v: picture(
            lambda: L.RandomContrast(v), lambda: L.RandomZoom(0.2), conv(), L.Flatten
        ),
        (0.1, 0.4),
        kind="pictures to classes",
    ),
    # Structure.
    "subclassed, built when called": Example(lambda v: lambda: Residual(v), (0.1, 1.0), quick=True),
    "Sequential without Input": Example(deferred, (8, 16), quick=True),
    "nested": Example(nested, (0.1, 0.5)),
    "shared layer": Example(shared_layer, (1, 3)),
    "two branches": Example(two_branches, (4, 6)),
    "frozen layer with given weights": Example(frozen, (True, False), quick=True),
    "frozen variable": Example(frozen_variable, (True, False)),
    "own weights": Example(lambda v: flat(lambda: OwnWeights(8, v)), (1.0, 3.0)),
    "added loss": Example(lambda v: flat(hidden(), lambda: ActivityPenalty(v)), (0.1, 3.0)),
    "Lambda layer": Example(lambda_model, (1.0, 3.0)),
    "own train_step": Example(lambda v: of_class(OwnStep, v), (1.0, 3.0), quick=True),
    "own compute_loss": Example(lambda v: of_class(OwnLoss, v), (1.0, 3.0), quick=True),
    "autoencoder with steps of its own": Example(
        lambda v: lambda: Autoencoder(v), (1.0, 3.0), kind="features to itself", loss=None
    ),
    "seeds of its own": Example(pinned, (1, 2)),
    # Activations and initializers.
    "closure as activation": Example(
        lambda v: flat(lambda: L.Dense(8, lambda x: K.relu(v * x))), (1.0, 3.0), quick=True
    ),
    "global in an activation": Example(
        lambda v: with_global(v, build_model=flat(lambda: L.Dense(8, scaled_relu))), quick=True
    ),
    "advanced activations": Example(
        lambda v: flat(lambda: L.Dense(8), L.PReLU, lambda: L.LeakyReLU(negative_slope=v)),
        (0.1, 0.5),
    ),
    "orthogonal and truncated initializers": Example(
        lambda v: flat(
            lambda: L.Dense(8, "relu", kernel_initializer="orthogonal"),
            lambda: L.Dense(
                8, kernel_initializer=keras.initializers.TruncatedNormal(stddev=0.1 * v)
            ),
        )
    ),
    # Regularizers and constraints.
    "L2": Example(lambda v: regularized("kernel", v), (0.001, 0.1), quick=True),
    "L1L2 on bias": Example(
        lambda v: flat(lambda: L.Dense(8, bias_regularizer=R.L1L2(v, 0.1))), (0.01, 0.5)
    ),
    "activity regularizer": Example(lambda v: regularized("activity", v), (0.001, 0.1)),
    "orthogonal regularizer": Example(
        lambda v: flat(lambda: L.Dense(8, kernel_regularizer=R.OrthogonalRegularizer(v))),
        (0.001, 0.01),
    ),
    "function as regularizer": Example(
        lambda v: flat(lambda: L.Dense(8, kernel_regularizer=lambda w: v * K.sum(K.abs(w)))),
        (0.001, 0.1),
    ),
    "max norm": Example(
        lambda v: flat(lambda: L.Dense(8, kernel_constraint=keras.constraints.MaxNorm(v))),
        (0.5, 2.0),
    ),
    "unit norm and non-negative": Example(
        lambda v: flat(
            lambda: L.Dense(8, kernel_constraint=keras.constraints.UnitNorm(axis=v)),
            lambda: L.Dense(8, kernel_constraint="non_neg"),
        ),
        (0, 1),
    ),
    # Optimizers and schedules.
    "SGD, Nesterov": Example(
        with_optimizer(lambda v: O.SGD(0.05, momentum=v, nesterov=True)), (0.5, 0.9)
    ),
    "RMSprop, centered": Example(
        with_optimizer(lambda v: O.RMSprop(0.01, rho=v, centered=True)), (0.5, 0.9)
    ),
    "Adam, amsgrad": Example(with_optimizer(lambda v: O.Adam(0.01, amsgrad=v)), (False, True)),
    "Adagrad, Adadelta": Example(
        with_optimizer(lambda v: (O.Adagrad, O.Adadelta)[v - 1](0.1)), (1, 2)
    ),
    "Lion, Nadam": Example(with_optimizer(lambda v: (O.Lion, O.Nadam)[v - 1](0.003)), (1, 2)),
    "Adafactor, Ftrl": Example(
        with_optimizer(lambda v: (O.Adafactor, O.Ftrl)[v - 1](0.01)), (1, 2)
    ),
    "AdamW without decay of biases": Example(
        with_optimizer(without_decay_of), (["bias"], ["kernel"]), quick=True
    ),
    "clipping": Example(
        with_optimizer(lambda v: O.SGD(0.5, **v)), ({"clipvalue": 0.01}, {"global_clipnorm": 0.1})
    ),
    "gradient accumulation": Example(
        with_optimizer(lambda v: O.Adam(0.01, gradient_accumulation_steps=v)), (2, 3)
    ),
    "cosine with restarts": Example(
        with_optimizer(lambda v: O.SGD(O.schedules.CosineDecayRestarts(v, 3))), (0.1, 0.5)
    ),
    "piecewise schedule": Example(
        with_optimizer(lambda v: O.Adam(O.schedules.PiecewiseConstantDecay([v], [0.01, 0.001]))),
        (2, 5),
    ),
    "schedule without configuration": Example(
        with_optimizer(lambda v: O.SGD(OwnSchedule(v))), (0.1, 0.5), quick=True
    ),
    "function as learning rate": Example(with_optimizer(lambda v: O.SGD(lambda: v)), (0.1, 0.5)),
    "own optimizer with an attribute": Example(
        with_optimizer(own_optimizer), (1.0, 3.0), quick=True
    ),
    "sparse gradients": Example(
        with_optimizer(
            lambda v: O.Adam(v),
            chain((12,), lambda: L.Embedding(11, 8), L.Flatten, classes=2),
        ),
        (0.01, 0.1),
        kind="tokens to two",
    ),
    # Losses, labels and weights.
    "regression with Huber": Example(
        lambda v: {
            "build_model": flat(hidden(), classes=1, last=None),
            "loss": keras.losses.Huber(delta=v),
        },
        (0.1, 1.0),
        kind="features to number",
    ),
    "column of labels in double precision": Example(
        lambda v: flat(hidden(4 * v), classes=1, last=None), kind="features to column", loss="mse"
    ),
    "binary from logits": Example(
        lambda v: {
            "build_model": flat(hidden(4 * v), classes=1, last=None),
            "loss": keras.losses.BinaryCrossentropy(from_logits=True),
        },
        kind="features to two",
    ),
    "multi-label": Example(
        lambda v: flat(hidden(4 * v), last="sigmoid"),
        kind="features to labels",
        loss="binary_crossentropy",
    ),
    "label smoothing": Example(
        with_loss(lambda v: keras.losses.CategoricalCrossentropy(label_smoothing=v)),
        (0.1, 0.4),
        kind="features to one-hot",
    ),
    "focal loss": Example(
        lambda v: {
            "build_model": flat(hidden(), last="sigmoid"),
            "loss": keras.losses.BinaryFocalCrossentropy(gamma=v),
        },
        (1.0, 3.0),
        kind="features to labels",
    ),
    "hinge": Example(
        lambda v: flat(hidden(4 * v), classes=1, last="tanh"),
        kind="features to signs",
        loss="hinge",
    ),
    "Poisson": Example(
        lambda v: flat(hidden(4 * v), classes=1, last="exponential"),
        kind="features to counts",
        loss="poisson",
    ),
    "closure as loss": Example(with_loss(contrastive), (0.5, 2.0), quick=True),
    "default argument of a loss": Example(with_loss(default_argument), (1.0, 3.0)),
    "attribute of a loss": Example(with_loss(LossObject), (1.0, 3.0)),
    "global in a loss": Example(
        lambda v: with_global(
            v, build_model=flat(hidden(), classes=1, last=None), loss=scaled_loss
        ),
        kind="features to number",
    ),
    "sample weights": Example(weighted, (0.0, 3.0), quick=True),
    "class weights": Example(
        lambda v: {"build_model": flat(hidden()), "class_weight": {0: float(v), 3: 0.1}}, quick=True
    ),
    # Precision.
    "mixed_bfloat16 with dropout": Example(
        lambda v: mixed(flat(hidden(), lambda: L.Dropout(v)), "mixed_bfloat16"),
        (0.2, 0.5),
        quick=True,
        tolerance=2e-2,
    ),
    "mixed_float16": Example(
        lambda v: mixed(flat(hidden(), lambda: L.Dropout(0.2)), v),
        ("mixed_float16", "float32"),
        tolerance=5e-3,
    ),
    "float64": Example(
        lambda v: mixed(flat(hidden(), lambda: L.Dropout(0.2)), v), ("float64", "float32")
    ),
}


# The comparison.


def arguments_of(example: Example, value: Any) -> dict:
    made = example.make(value)
    made = made if isinstance(made, dict) else {"build_model": made}
    arguments = {"optimizer": example.optimizer(), "loss": example.loss, **made}
    return {**arguments, "metrics": [] if arguments["loss"] is None else ["accuracy"]}


def fitted(arguments: dict, data, epochs: int, batch_size: int) -> dict:
    """Running metrics, loss and accuracy on the validation rows, and weights of a plain `fit`."""
    model = seeded_model(arguments["build_model"], SEED, data.x_train[:2])
    optimizer = arguments["optimizer"]
    model.compile(optimizer, arguments["loss"], metrics=arguments["metrics"], jit_compile=False)
    weights = arguments.get("sample_weight")
    history = model.fit(
        ShuffledBatches(data.x_train, data.y_train, batch_size, SEED, weights),
        class_weight=arguments.get("class_weight"), epochs=epochs, shuffle=False, verbose=0,
    ).history  # fmt: skip
    evaluated = model.evaluate(
        data.x_validation, data.y_validation, batch_size=VALIDATION_ROWS, verbose=0,
        return_dict=True,
    )  # fmt: skip
    own = type(model).compute_loss is not keras.Model.compute_loss or arguments["loss"] is None
    model(data.x_validation[:VALIDATION_ROWS], training=False)  # losses of tensors that exist
    penalties = 0.0 if own else float(sum(K.sum(penalty) for penalty in model.losses))
    return {
        **{f"running_{name}": values for name, values in history.items()},
        "validation_loss": evaluated["loss"] - penalties,
        "validation_accuracy": evaluated.get("accuracy"),
        "weights": model.get_weights(),
    }


def differences(example: Example, value: Any, epochs: int = 2, batch_size: int = 16) -> list[str]:
    """In what `replicate` and `fit` differ by more than 1e-3, in words."""
    data = rows(example.kind)
    found = []
    result = replicate(
        data=data, seeds=[SEED - 1, SEED], epochs=epochs, batch_size=batch_size,
        **arguments_of(example, value),
    )  # fmt: skip
    expected = fitted(arguments_of(example, value), data, epochs, batch_size)

    def compare(name, ours, theirs):
        near = {"atol": example.tolerance, "rtol": example.tolerance, "equal_nan": True}
        if not np.allclose(ours, theirs, **near):
            worst = np.abs(np.asarray(ours, "float64") - np.asarray(theirs, "float64")).max()
            found.append(f"{name} differs by {worst:.2g}")

    for name, theirs in expected.items():
        if name == "weights":
            for k, (ours, weight) in enumerate(zip(result.weights[1], theirs, strict=True)):
                compare(f"weight {k}", ours, weight)
        elif name.startswith("running_"):
            compare(name, result[name][1], theirs)
        elif theirs is not None:
            compare(name, result[name][1, -1], theirs)
    return found


def compared(name: str) -> list[str]:
    """What is wrong with one example, trained with one value and then with the other."""
    example = EXAMPLES[name]
    found = []
    for value in example.values:
        found += [f"{name} ({value}): {line}" for line in differences(example, value)]
    return found


def main(names: list[str]) -> int:
    """Compare the named examples, or all; the exit status."""
    unknown = [name for name in names if name not in EXAMPLES]
    if unknown:
        print(f"there is no example {unknown[0]!r}", file=sys.stderr)
        return 2
    wrong = []
    chosen = names or list(EXAMPLES)
    for name in tqdm(chosen, unit="model", disable=None):
        try:
            wrong += compared(name)
        except Exception as error:
            wrong.append(f"{name}: {type(error).__name__}: {' '.join(str(error).split())[:300]}")
    for line in wrong:
        print(line)
    print(f"{len(chosen)} models, each with two values: {len(wrong)} differences from fit")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
