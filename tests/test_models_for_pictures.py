"""Convolutions, transformers and changed pictures: what each argument does, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from utils import models
from utils.backend import keras
from utils.models.augmentation import KINDS, picture_layers
from utils.training import seeded_model

SHAPE = (28, 28)
L = keras.layers


def pictures(count=16, seed=0):
    return np.random.default_rng(seed).uniform(0.1, 1, (count, 784)).astype("float32")


def net(seed=0, **options):
    return seeded_model(lambda: models.convolutional_network(SHAPE, 10, **options), seed)


def kinds(model):
    return [type(layer).__name__ for layer in model.layers]


def inside(model, layer):
    """What a layer of a model is given and gives, in training."""
    seen = []
    call = layer.call
    layer.call = lambda *given, **options: (
        seen.append((given[0], call(*given, **options))) or (seen[-1][1])
    )
    model(pictures(), training=True)
    (pair,) = seen
    return [np.asarray(part) for part in pair]


PLAIN = ["Reshape", *["Conv2D", "Activation", "MaxPooling2D"] * 2, "Flatten", "Dense", "Dense"]


@pytest.mark.parametrize(
    ("options", "more"),
    [
        ({"normalization": "batch"}, {"BatchNormalization"}),
        ({"normalization": "group"}, {"GroupNormalization"}),
        ({"normalization": "layer"}, {"GroupNormalization"}),
        ({"dropout_rate": 0.5}, {"Dropout"}),
        ({"dropout_rate": 0.5, "dropout_in": "pixels"}, {"Dropout"}),
        ({"dropout_rate": 0.5, "dropout_in": "channels"}, {"SpatialDropout2D"}),
        ({"augmentation": KINDS}, {"RandomTranslation", "RandomFlip", "RandomErasing"}),
        ({"l2": 0.01}, set()),
    ],
)
def test_each_argument_adds_its_layers_and_leaves_the_others(options, more):
    plain, changed = net(), net(**options)
    assert kinds(plain) == PLAIN
    assert [kind for kind in kinds(changed) if kind not in more] == PLAIN
    assert set(kinds(changed)) - set(PLAIN) == more
    # Kernels start alike, so that a pair differs in one thing.
    kernels = [
        [np.asarray(layer.kernel) for layer in model.layers if hasattr(layer, "kernel")]
        for model in (plain, changed)
    ]
    assert all(map(np.array_equal, *kernels))
    assert len(changed.losses) == (4 if "l2" in options else 0)


def test_a_normalization_trades_a_bias_for_two_numbers_a_channel():
    for kind in ("batch", "group", "layer"):
        trained = sum(int(np.prod(w.shape)) for w in net(normalization=kind).trainable_weights)
        assert trained == net().count_params() + 8 + 16


def test_weights_before_a_relu_start_as_he_proposes():
    first, second, dense, output = [
        v for v in net(channels=(64, 64), units=256).layers if v.weights
    ]
    for layer, inputs in ((first, 9), (second, 9 * 64), (dense, 7 * 7 * 64)):
        assert np.std(layer.kernel) == pytest.approx(np.sqrt(2 / inputs), rel=0.1)
    assert np.std(output.kernel) == pytest.approx(np.sqrt(2 / (256 + 10)), rel=0.1)


# Dropout.


def test_spatial_dropout_drops_whole_channels_and_the_ordinary_one_does_not():
    for place, whole in (("channels", True), ("pixels", False)):
        model = net(dropout_rate=0.5, dropout_in=place)
        layer = next(v for v in model.layers if "Dropout" in type(v).__name__)
        before, after = inside(model, layer)
        alive = before > 0
        kept = (after != 0) & alive
        share = kept.sum(axis=(1, 2)) / np.maximum(1, alive.sum(axis=(1, 2)))
        assert np.isin(share, (0, 1)).all() == whole
        assert kept.sum() / alive.sum() == pytest.approx(0.5, abs=0.1)
        assert np.allclose(after[kept], 2 * before[kept]), "inverted"


def test_dropout_before_the_output_is_on_the_dense_units():
    model = net(dropout_rate=0.5)
    assert isinstance(model.layers[-2], L.Dropout)
    assert model.layers[-2].input.shape == (None, 64)


def test_stochastic_depth_leaves_whole_branches_out_and_is_the_identity_at_inference():
    build = {
        rate: seeded_model(
            lambda rate=rate: models.residual_network(SHAPE, 10, branch_dropout_rate=rate), 0
        )
        for rate in (0.0, 0.6)
    }
    x = pictures(400)
    assert np.allclose(build[0.0](x, training=False), build[0.6](x, training=False), atol=1e-6)
    dropouts = [layer for layer in build[0.6].layers if isinstance(layer, L.Dropout)]
    assert [layer.rate for layer in dropouts] == pytest.approx([0.2, 0.4, 0.6])
    for layer in dropouts:
        ones = np.ones((4000, 2, 2, 3), "float32")
        masks = np.asarray(layer(ones, training=True))
        assert (masks == masks[:, :1, :1, :1]).all(), "a row's whole branch"
        assert np.mean(masks == 0) == pytest.approx(layer.rate, abs=0.03)
        assert masks.mean() == pytest.approx(1, abs=0.06)


# Normalization.


@pytest.mark.parametrize(
    ("kind", "looks"), [("batch", True), ("group", False), ("layer", False), (None, False)]
)
def test_only_batch_normalization_looks_at_the_batch(kind, looks):
    model, x = net(normalization=kind), pictures()
    alone = np.asarray(model(x[:1], training=True))
    among = np.asarray(model(x, training=True))[:1]
    assert np.allclose(alone, among, atol=1e-5) != looks


def test_group_normalization_has_four_groups_and_layer_normalization_one():
    for kind, groups in (("group", 4), ("layer", 1)):
        model = net(normalization=kind)
        layer = next(v for v in model.layers if isinstance(v, L.GroupNormalization))
        _, after = inside(model, layer)
        grouped = after.reshape(*after.shape[:3], groups, -1)
        assert np.allclose(grouped.mean(axis=(1, 2, 4)), 0, atol=1e-4)
        assert np.allclose(grouped.std(axis=(1, 2, 4)), 1, atol=0.05)


# Changed pictures.


def changed(kind, training, count=300):
    x = pictures(count)
    y = x
    for layer in picture_layers(SHAPE, (kind,)):
        y = layer(y, training=training) if "Random" in type(layer).__name__ else layer(y)
    return x.reshape(-1, *SHAPE), np.asarray(y)[..., 0]


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_are_changed_in_training_only(kind):
    before, after = changed(kind, training=False)
    assert np.array_equal(before, after)
    before, after = changed(kind, training=True)
    assert not np.array_equal(before, after)


def test_a_cutout_is_one_square_of_half_the_height_and_width():
    before, after = changed("cutout", training=True)
    gone = after == 0
    assert np.array_equal(after[~gone], before[~gone])
    rows, columns = gone.any(axis=2), gone.any(axis=1)
    assert np.array_equal(gone, rows[:, :, None] & columns[:, None, :]), "a rectangle"
    # Keras lets it reach over the border, and what is beyond is not erased.
    assert rows.sum(axis=1).max() <= 15
    assert columns.sum(axis=1).max() <= 15
    assert np.median(rows.sum(axis=1)) >= 12


def test_a_flip_turns_every_other_picture():
    before, after = changed("flip", training=True)
    same = (after == before).all(axis=(1, 2))
    turned = (after == before[:, :, ::-1]).all(axis=(1, 2))
    assert (same | turned).all()
    assert turned.mean() == pytest.approx(0.5, abs=0.12)


# A transformer.


def encoder(**options):
    return seeded_model(lambda: models.transformer_encoder(SHAPE, 10, **options), 0)


def test_a_transformer_knows_the_order_of_the_rows_of_a_picture():
    model, x = encoder(), pictures()
    turned = x.reshape(-1, *SHAPE)[:, ::-1].reshape(-1, 784)
    assert not np.allclose(model(x), model(turned), atol=1e-4)
    assert np.allclose(np.sum(model(x), axis=1), 1, atol=1e-5)


def test_layer_normalization_stands_before_or_after_what_is_added():
    for where, last in (("before", L.Add), ("after", L.LayerNormalization)):
        model = encoder(normalized=where)
        normalizations = [v for v in model.layers if isinstance(v, L.LayerNormalization)]
        assert len(normalizations) == (5 if where == "before" else 4)
        attention = next(v for v in model.layers if isinstance(v, L.MultiHeadAttention))
        fed_by = attention.input[0]._keras_history.operation
        assert isinstance(fed_by, L.LayerNormalization) == (where == "before")
        second = [v for v in model.layers if isinstance(v, L.MultiHeadAttention)][1]
        source = second.input[0]._keras_history.operation
        if where == "before":
            source = source.input._keras_history.operation
        assert isinstance(source, last)


def test_dropout_in_a_transformer_acts_in_training_only():
    plain, dropped, x = encoder(), encoder(dropout_rate=0.5), pictures()
    assert np.allclose(plain(x, training=False), dropped(x, training=False), atol=1e-6)
    assert not np.allclose(dropped(x, training=True), dropped(x, training=True), atol=1e-4)
    attention = next(v for v in dropped.layers if isinstance(v, L.MultiHeadAttention))
    assert attention._dropout == 0.5


# What is refused.


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (
            lambda: net(normalization="weight"),
            "normalization is 'weight'; allowed are None, 'batch'",
        ),
        (lambda: net(normalization="group", channels=(6,)), r"channels is \(6,\); 4 groups need"),
        (lambda: net(dropout_rate=1), "dropout_rate is 1; allowed is 0 up to, but not, 1"),
        (lambda: net(dropout_in="nowhere"), "dropout_in is 'nowhere'; allowed are 'output'"),
        (lambda: net(channels=()), r"channels is \(\) and units 64"),
        (lambda: net(augmentation=("blur",)), r"augmentation is \('blur',\); it takes each of"),
        (lambda: net(augmentation=("flip", "flip")), "at most once"),
        (lambda: models.residual_network(SHAPE, 10, blocks=0), "channels is 16 and blocks 0"),
        (
            lambda: models.residual_network(SHAPE, 10, branch_dropout_rate=-1),
            "branch_dropout_rate is -1",
        ),
        (
            lambda: models.residual_network(SHAPE, 10, channels=6, normalization="group"),
            "channels is 6; 4 groups",
        ),
        (lambda: encoder(size=33), "size is 33, heads 2 and blocks 2"),
        (lambda: encoder(normalized="twice"), "normalized is 'twice'; allowed are 'before'"),
        (lambda: encoder(dropout_rate=1.5), "dropout_rate is 1.5"),
    ],
)
def test_bad_arguments_are_told_in_one_line(build, said):
    with pytest.raises(ValueError, match=said) as caught:
        build()
    assert "\n" not in str(caught.value)


# Mixup


def mixed_up(alpha=0.4):
    return seeded_model(lambda: models.MixedUp(models.convolutional_network(SHAPE, 10), alpha), 0)


def test_mixup_mixes_labels_as_it_mixes_pictures():
    rows, labels = np.eye(8, 784, dtype="float32"), np.arange(8)
    mixed, of_labels = (np.asarray(part) for part in mixed_up().mix(rows, labels))
    assert mixed.shape == rows.shape
    assert of_labels.shape == (8, 10)
    np.testing.assert_allclose(of_labels[:, :8], mixed[:, :8], atol=1e-6)
    np.testing.assert_allclose(of_labels.sum(axis=1), 1, atol=1e-6)
    assert ((of_labels > 0.001).sum(axis=1) == 2).any(), "no row was mixed with another"


def test_mixup_is_trained_on_the_cross_entropy_with_the_mixed_label():
    model = mixed_up()
    model.compile("sgd", "sparse_categorical_crossentropy")
    outputs = np.full((2, 10), 0.05, "float32")
    outputs[:, 3], outputs[:, 4] = 0.4, 0.2
    mixed = np.zeros((2, 10), "float32")
    mixed[:, 3], mixed[:, 4] = 0.7, 0.3
    loss = model.compute_loss(None, mixed, keras.ops.convert_to_tensor(outputs), training=True)
    assert float(loss) == pytest.approx(-0.7 * np.log(0.4) - 0.3 * np.log(0.2), rel=1e-4)


def test_mixup_leaves_the_network_and_inference_as_they_are():
    plain, mixing = net(), mixed_up()
    assert plain.count_params() == mixing.count_params()
    np.testing.assert_array_equal(plain(pictures()), mixing(pictures(), training=False))
    plain.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    mixing.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    labels = np.arange(16) % 10
    measured = [m.evaluate(pictures(), labels, verbose=0) for m in (plain, mixing)]
    assert measured[0] == measured[1]


def test_mixup_fires_in_fit_and_mixes_anew_at_each_step():
    model = mixed_up()
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    once, again = (np.asarray(model.mix(pictures(), np.arange(16) % 10)[1]) for _ in range(2))
    assert not np.array_equal(once, again)
    given, mix = [], model.mix
    model.mix = lambda rows, labels: given.append(mix(rows, labels)) or given[-1]
    model.fit(pictures(), np.arange(16) % 10, verbose=0)
    assert given, "fit does not mix"


@pytest.mark.parametrize("alpha", [0, -1, 1.5, float("nan")])
def test_mixup_refuses_an_alpha_that_has_no_distribution(alpha):
    with pytest.raises(ValueError, match=f"alpha is {alpha}; allowed is above 0 up to 1"):
        mixed_up(alpha)
