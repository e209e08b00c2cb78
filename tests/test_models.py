"""The networks of the course, compared layer by layer with models written out by hand."""

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
