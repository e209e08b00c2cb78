"""Small convolutional networks for pictures of one channel.

All weights before a ReLU start as He et al. (2015, https://arxiv.org/abs/1502.01852) propose.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..backend import keras
from .augmentation import picture_layers

NORMALIZATIONS = (None, "batch", "group", "layer")
DROPOUTS = ("output", "pixels", "channels")
GROUPS = 4  # of channels, where they are normalized in groups


def _normalization(kind, momentum):
    """A layer, or none; each has two trained numbers for every channel."""
    if kind not in NORMALIZATIONS:
        raise ValueError(
            f"normalization is {kind!r}; allowed are {', '.join(map(repr, NORMALIZATIONS))}"
        )
    if kind is None:
        return []
    if kind == "batch":
        return [keras.layers.BatchNormalization(momentum=momentum)]
    # All channels of a row as one group: layer normalization, in Keras's own words.
    return [keras.layers.GroupNormalization(groups=GROUPS if kind == "group" else 1)]


def _convolution(channels, *, use_bias=True, l2=0.0, strides=1):
    return keras.layers.Conv2D(
        channels,
        3,
        strides=strides,
        padding="same",
        use_bias=use_bias,
        kernel_initializer="he_normal",
        kernel_regularizer=keras.regularizers.L2(l2) if l2 else None,
    )


def _check_rate(name, rate):
    if not 0 <= rate < 1:
        raise ValueError(f"{name} is {rate}; allowed is 0 up to, but not, 1")


def convolutional_network(
    image_shape: tuple[int, int],
    classes: int,
    *,
    channels: Sequence[int] = (8, 16),
    units: int = 64,
    normalization: str | None = None,
    momentum: float = 0.9,
    dropout_rate: float = 0.0,
    dropout_in: str = "output",
    augmentation: Sequence[str] = (),
    l2: float = 0.0,
) -> keras.Model:
    """Blocks of convolution, ReLU and pooling, then one Dense layer and the output.

    Args:
        image_shape: height and width of the pictures; a row holds height * width numbers.
        classes: number of classes; the output is (rows, classes), each row summing to 1.
        channels: channels of each 3 x 3 convolution, after which height and width are halved. A
            multiple of four where they are normalized in groups.
        units: units of the Dense layer.
        normalization: None, or before each ReLU 'batch' (mean and variance of a channel over rows
            and pixels), 'group' (of four groups of channels over the pixels of one row; Wu & He
            2018, https://arxiv.org/abs/1803.08494) or 'layer' (of all channels and pixels of one
            row). A normalized layer has no bias of its own, as the normalization has one.
        momentum: share of the moving averages that a step keeps, for 'batch'.
        dropout_rate: fraction that is dropped, 0 <= rate < 1; 0 for no dropout.
        dropout_in: where: 'output', units of the Dense layer, before the output; 'pixels', single
            values after each pooling; 'channels', whole channels there (Tompson et al. 2015,
            https://arxiv.org/abs/1411.4280).
        augmentation: see `picture_layers`.
        l2: penalty on every kernel, `l2 * sum(w**2)`; 0 for none.

    Returns:
        A built, uncompiled `keras.Sequential`.

    Raises:
        ValueError: an argument that is not allowed.
    """
    if dropout_in not in DROPOUTS:
        raise ValueError(
            f"dropout_in is {dropout_in!r}; allowed are {', '.join(map(repr, DROPOUTS))}"
        )
    _check_rate("dropout_rate", dropout_rate)
    if not channels or any(count < 1 for count in channels) or units < 1:
        raise ValueError(
            f"channels is {tuple(channels)} and units {units}; they take positive numbers"
        )
    if normalization == "group" and any(count % GROUPS for count in channels):
        raise ValueError(f"channels is {tuple(channels)}; {GROUPS} groups need multiples of it")
    dropped = {"pixels": keras.layers.Dropout, "channels": keras.layers.SpatialDropout2D}
    penalty = keras.regularizers.L2(l2) if l2 else None
    stack = [keras.Input((image_shape[0] * image_shape[1],))]
    stack += picture_layers(image_shape, augmentation)
    for count in channels:
        stack.append(_convolution(count, use_bias=normalization is None, l2=l2))
        stack += _normalization(normalization, momentum)
        stack += [keras.layers.Activation("relu"), keras.layers.MaxPooling2D()]
        if dropout_rate and dropout_in in dropped:
            stack.append(dropped[dropout_in](dropout_rate))
    stack += [
        keras.layers.Flatten(),
        keras.layers.Dense(
            units, activation="relu", kernel_initializer="he_normal", kernel_regularizer=penalty
        ),
    ]
    if dropout_rate and dropout_in == "output":
        stack.append(keras.layers.Dropout(dropout_rate))
    stack.append(keras.layers.Dense(classes, activation="softmax", kernel_regularizer=penalty))
    return keras.Sequential(stack)


def residual_network(
    image_shape: tuple[int, int],
    classes: int,
    *,
    channels: int = 16,
    blocks: int = 3,
    normalization: str | None = "batch",
    momentum: float = 0.9,
    branch_dropout_rate: float = 0.0,
    augmentation: Sequence[str] = (),
) -> keras.Model:
    """Residual blocks at half of the height and width (He et al. 2016).

    Args:
        channels: channels of every convolution; a multiple of four if normalized in groups.
        blocks: number of residual blocks of two convolutions each.
        branch_dropout_rate: stochastic depth (Huang et al. 2016, https://arxiv.org/abs/1603.09382):
            the share of the rows for which the last block's branch is left out in a training step;
            earlier blocks are left out less, in equal steps from 0. A branch that is kept is
            divided by its probability, so that nothing is scaled at inference.

    The other arguments and the result are those of `convolutional_network`; the result is a
    functional model.
    """
    _check_rate("branch_dropout_rate", branch_dropout_rate)
    if channels < 1 or blocks < 1:
        raise ValueError(f"channels is {channels} and blocks {blocks}; both start at 1")
    if normalization == "group" and channels % GROUPS:
        raise ValueError(f"channels is {channels}; {GROUPS} groups need a multiple of it")

    def convolve(x, *, strides=1, relu=True):
        x = _convolution(channels, use_bias=normalization is None, strides=strides)(x)
        for layer in _normalization(normalization, momentum):
            x = layer(x)
        return keras.layers.Activation("relu")(x) if relu else x

    rows = x = keras.Input((image_shape[0] * image_shape[1],))
    for layer in picture_layers(image_shape, augmentation):
        x = layer(x)
    x = convolve(x, strides=2)
    for depth in range(1, blocks + 1):
        branch = convolve(convolve(x), relu=False)
        if branch_dropout_rate:
            # One mask number for each row: dropout of the whole branch.
            rate = branch_dropout_rate * depth / blocks
            branch = keras.layers.Dropout(rate, noise_shape=(None, 1, 1, 1))(branch)
        x = keras.layers.Activation("relu")(keras.layers.Add()([x, branch]))
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(rows, keras.layers.Dense(classes, activation="softmax")(x))
