"""The networks of the course, compared layer by layer with models written out by hand."""

import numpy as np
import pytest

from utils import models
from utils.backend import keras

L = keras.layers


def stripped(value):
    """A configuration without names, seeds and types, which differ between equal models."""
    if isinstance(value, dict):
        dropped = ("name", "seed", "dtype", "registered_name", "build_config")
        return {k: stripped(v) for k, v in value.items() if k not in dropped}
    if isinstance(value, (list, tuple)):
        return [stripped(item) for item in value]
    return value


def described(model):
    return [
        (
            type(layer).__name__,
            stripped(layer.get_config()),
            [tuple(weight.shape) for weight in layer.weights],
            layer.count_params(),
        )
        for layer in model.layers
    ] + [(model.input_shape, model.output_shape, model.count_params())]


def steps(model):
    """The layers' classes, activations in brackets."""
    names = []
    for layer in model.layers:
        function = getattr(layer, "activation", None)
        suffix = f"({function.__name__})" if function else ""
        names.append(type(layer).__name__ + suffix)
    return names


def dropout_of_the_source_text():
    return keras.Sequential(
        [
            keras.Input((20,)),
            L.Dense(64, activation="relu"),
            L.Dropout(0.5),
            L.Dense(64, activation="relu"),
            L.Dropout(0.5),
            L.Dense(10, activation="softmax"),
        ]
    )


def batch_normalization_of_the_source_text():
    return keras.Sequential(
        [
            keras.Input((20,)),
            L.Dense(64, activation="relu"),
            L.BatchNormalization(),
            L.Dense(64, activation="relu"),
            L.BatchNormalization(),
            L.Dense(10, activation="softmax"),
        ]
    )


def combination_of_the_source_text():
    return keras.Sequential(
        [
            keras.Input((64,)),
            L.Dense(256),
            L.BatchNormalization(),
            L.Activation("relu"),
            L.Dropout(0.5),
            L.Dense(10, activation="softmax"),
        ]
    )


@pytest.mark.parametrize(
    ("built", "by_hand", "parameters"),
    [
        (lambda: models.with_dropout(20, 10), dropout_of_the_source_text, 6154),
        (
            lambda: models.with_batch_normalization(20, 10, position="after"),
            batch_normalization_of_the_source_text,
            6666,
        ),
        (
            lambda: models.combined(64, 10, use_bias=True),
            combination_of_the_source_text,
            20234,
        ),
    ],
    ids=["dropout", "batch normalization", "combined"],
)
def test_the_models_of_the_source_text_come_out_layer_by_layer(built, by_hand, parameters):
    model = built()
    assert described(model) == described(by_hand())
    assert model.count_params() == parameters


@pytest.mark.parametrize(
    "other",
    [
        lambda: models.with_dropout(20, 10, dropout_rate=0.4),
        lambda: models.with_dropout(20, 10, widths=(64, 63)),
        lambda: models.with_dropout(20, 10, activation="tanh"),
        lambda: models.with_dropout(20, 10, l2=1e-3),
        lambda: models.with_dropout(21, 10),
        lambda: models.baseline(20, 10),
    ],
)
def test_the_comparison_notices_any_other_model(other):
    assert described(other()) != described(dropout_of_the_source_text())


def test_the_baseline_holds_dense_layers_only():
    expected = ["Dense(relu)", "Dense(relu)", "Dense(softmax)"]
    assert steps(models.baseline(20, 10)) == expected


@pytest.mark.parametrize(
    ("position", "block"),
    [
        ("before", ["Dense(linear)", "BatchNormalization", "Activation(relu)"]),
        ("after", ["Dense(relu)", "BatchNormalization"]),
    ],
)
def test_batch_normalization_stands_where_it_is_asked_to(position, block):
    model = models.with_batch_normalization(20, 10, widths=(8,), position=position)
    assert steps(model) == [*block, "Dense(softmax)"]


@pytest.mark.parametrize(
    ("order", "block"),
    [
        (
            ("batch_normalization", "activation", "dropout"),
            ["Dense(linear)", "BatchNormalization", "Activation(relu)", "Dropout"],
        ),
        (
            ("dropout", "batch_normalization", "activation"),
            ["Dense(linear)", "Dropout", "BatchNormalization", "Activation(relu)"],
        ),
        (
            ("activation", "dropout", "batch_normalization"),
            ["Dense(relu)", "Dropout", "BatchNormalization"],
        ),
        (("activation",), ["Dense(relu)"]),
    ],
)
def test_combined_keeps_the_order_of_its_steps(order, block):
    assert steps(models.combined(20, 10, widths=(8,), order=order)) == [*block, "Dense(softmax)"]


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (lambda: models.with_batch_normalization(20, 10), False),
        (lambda: models.with_batch_normalization(20, 10, position="after"), True),
        (lambda: models.with_batch_normalization(20, 10, use_bias=True), True),
        (lambda: models.combined(20, 10), False),
        (lambda: models.combined(20, 10, order=("dropout", "activation")), True),
        (lambda: models.baseline(20, 10), True),
    ],
)
def test_a_hidden_bias_is_left_out_only_where_batch_normalization_cancels_it(model, expected):
    *hidden, last = [layer for layer in model().layers if isinstance(layer, L.Dense)]
    assert {layer.use_bias for layer in hidden} == {expected}
    assert last.use_bias


def test_widths_give_depth_and_units():
    model = models.with_dropout(20, 10, widths=(5, 6, 7))
    units = [layer.units for layer in model.layers if isinstance(layer, L.Dense)]
    assert units == [5, 6, 7, 10]


def test_rate_activation_and_penalty_reach_every_layer_they_belong_to():
    model = models.combined(20, 10, widths=(5, 6), dropout_rate=0.2, activation="tanh", l2=0.01)
    assert [layer.rate for layer in model.layers if isinstance(layer, L.Dropout)] == [0.2, 0.2]
    assert steps(model).count("Activation(tanh)") == 2
    dense = [layer for layer in model.layers if isinstance(layer, L.Dense)]
    assert [float(layer.kernel_regularizer.l2) for layer in dense] == [0.01] * 3
    assert models.baseline(20, 10).layers[0].kernel_regularizer is None


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: models.with_dropout(20, 10, dropout_rate=1.0), "dropout_rate is 1.0"),
        (lambda: models.with_dropout(20, 10, dropout_rate=-0.1), "dropout_rate is -0.1"),
        (lambda: models.baseline(20, 10, widths=()), "widths is ()"),
        (lambda: models.baseline(20, 10, widths=(8, 0)), "widths is (8, 0)"),
        (lambda: models.with_batch_normalization(20, 10, position="between"), "'between'"),
        (lambda: models.combined(20, 10, order=("dropout",)), "takes 'activation' once"),
        (lambda: models.combined(20, 10, order=("activation",) * 2), "takes 'activation' once"),
        (lambda: models.combined(20, 10, order=("activation", "noise")), "'noise'"),
    ],
)
def test_an_argument_that_makes_no_network_is_refused(build, said):
    with pytest.raises(ValueError, match=r"it takes|allowed") as caught:
        build()
    assert said in str(caught.value)


def test_the_scale_of_the_first_weights_is_a_factor():
    def spread(scale):
        keras.utils.set_random_seed(0)
        return float(models.baseline(64, 10, weight_scale=scale).layers[0].kernel.numpy().std())

    assert spread(3.0) == pytest.approx(3 * spread(1.0), rel=0.05)
    assert spread(0.1) == pytest.approx(0.1 * spread(1.0), rel=0.05)


def test_momentum_and_the_place_of_dropout_reach_the_layers():
    last = models.combined(64, 10, widths=(8, 8), dropout_in="last", momentum=0.8)
    kinds = [type(layer).__name__ for layer in last.layers]
    assert kinds.count("Dropout") == 1
    assert kinds[-2] == "Dropout"
    normalizations = [layer for layer in last.layers if isinstance(layer, L.BatchNormalization)]
    assert [layer.momentum for layer in normalizations] == [0.8, 0.8]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"momentum": 1.0}, "momentum is 1.0; allowed is 0 up to, but not, 1"),
        ({"dropout_in": "first"}, "dropout_in is 'first'; allowed are 'every' and 'last'"),
    ],
)
def test_other_bad_options_are_told(options, says):
    with pytest.raises(ValueError, match=says):
        models.combined(64, 10, **options)
    with pytest.raises(ValueError, match="weight_scale is 0; it must be above 0"):
        models.baseline(64, 10, weight_scale=0)


def test_augmentation_shifts_while_training_and_only_then():
    # A single bright pixel in the middle: shifts of at most one pixel keep its mass.
    picture = np.zeros((1, 8, 8), "float32")
    picture[0, 4, 4] = 1
    model = models.with_augmentation((8, 8), 10, shift=1.0)
    shifted = keras.Sequential(model.layers[:3])
    rows = picture.reshape(1, 64)
    np.testing.assert_array_equal(shifted(rows, training=False), rows)
    moved = np.array([np.ravel(shifted(rows, training=True)) for _ in range(50)])
    assert len(np.unique(moved.round(5), axis=0)) > 25, "a new shift each time"
    np.testing.assert_allclose(moved.sum(axis=1), 1, rtol=1e-4)
    reached = moved.reshape(-1, 8, 8).max(axis=0) > 0
    assert reached[3:6, 3:6].all()
    assert reached.sum() == 9, "at most one pixel to each side"
    with pytest.raises(ValueError, match="shift is -1; it starts at 0 pixels"):
        models.with_augmentation((8, 8), 10, shift=-1)


def trained_statistics(model):
    """Random weights and statistics, as after a training."""
    rng = np.random.default_rng(0)
    model.set_weights(
        [
            rng.normal(0, 0.3, w.shape) if w.ndim > 1 else rng.uniform(0.5, 1.5, w.shape)
            for w in model.get_weights()
        ]
    )
    return model


@pytest.mark.parametrize(
    "build",
    [
        lambda: models.with_batch_normalization(64, 10),
        lambda: models.with_batch_normalization(64, 10, use_bias=True),
        lambda: models.combined(64, 10, widths=(16, 8)),
    ],
)
def test_a_folded_network_computes_the_same_without_batch_normalization(build):
    model = trained_statistics(build())
    folded = models.fold_batch_normalization(model)
    assert not [v for v in folded.layers if isinstance(v, L.BatchNormalization)]
    rows = np.random.default_rng(1).uniform(size=(50, 64)).astype("float32")
    expected = model.predict(rows, verbose=0)
    assert expected.std(axis=0).max() > 0.01, "where all rows get one answer, anything agrees"
    np.testing.assert_allclose(expected, folded.predict(rows, verbose=0), atol=1e-5)


def test_batch_normalization_after_an_activation_cannot_be_folded():
    model = models.with_batch_normalization(64, 10, position="after")
    with pytest.raises(ValueError, match="does not follow a Dense layer without activation"):
        models.fold_batch_normalization(model)
