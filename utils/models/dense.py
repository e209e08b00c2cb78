"""Networks of Dense layers, which read any row.

Each function stacks hidden blocks `Dense -> ...` and ends in a softmax layer. They differ only in
what a block holds, so a comparison between two of them changes one thing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..backend import keras

STEPS = ("activation", "batch_normalization", "dropout")
PLACES_OF_DROPOUT = ("every", "last")


def _network(
    features,
    classes,
    *,
    widths,
    order,
    activation,
    l2,
    weight_scale=1.0,
    dropout_rate=0.0,
    dropout_in="every",
    momentum=0.99,
    use_bias=True,
    before=(),
):
    unknown = [step for step in order if step not in STEPS]
    if unknown or len(set(order)) != len(order) or "activation" not in order:
        raise ValueError(
            f"order is {tuple(order)}; it takes 'activation' once, and 'batch_normalization' and "
            "'dropout' at most once"
        )
    if dropout_in not in PLACES_OF_DROPOUT:
        raise ValueError(f"dropout_in is {dropout_in!r}; allowed are 'every' and 'last'")
    if not 0 <= dropout_rate < 1:
        raise ValueError(f"dropout_rate is {dropout_rate}; allowed is 0 up to, but not, 1")
    if not 0 <= momentum < 1:
        raise ValueError(f"momentum is {momentum}; allowed is 0 up to, but not, 1")
    if not weight_scale > 0:
        raise ValueError(f"weight_scale is {weight_scale}; it must be above 0")
    if not widths or any(width < 1 for width in widths):
        raise ValueError(
            f"widths is {tuple(widths)}; it takes one positive number per hidden layer"
        )
    if use_bias is None:
        # Batch normalization subtracts the mean, and with it any bias just before it.
        use_bias = order[0] != "batch_normalization"

    initializer = "glorot_uniform"  # Keras's default
    if weight_scale != 1:
        initializer = keras.initializers.VarianceScaling(
            weight_scale**2, mode="fan_avg", distribution="uniform"
        )

    def dense(units, *, activation=None, use_bias=True):
        return keras.layers.Dense(
            units,
            activation=activation,
            use_bias=use_bias,
            kernel_regularizer=keras.regularizers.L2(l2) if l2 else None,
            kernel_initializer=initializer,
        )

    stack = [keras.Input((features,)), *before]
    for depth, width in enumerate(widths, start=1):
        fused = order[0] == "activation"
        stack.append(dense(width, activation=activation if fused else None, use_bias=use_bias))
        for step in order[1:] if fused else order:
            if step == "activation":
                stack.append(keras.layers.Activation(activation))
            elif step == "batch_normalization":
                stack.append(keras.layers.BatchNormalization(momentum=momentum))
            elif dropout_in == "every" or depth == len(widths):
                stack.append(keras.layers.Dropout(dropout_rate))
    stack.append(dense(classes, activation="softmax"))
    return keras.Sequential(stack)


def baseline(
    features: int,
    classes: int,
    *,
    widths: Sequence[int] = (64, 64),
    activation: str = "relu",
    l2: float = 0.0,
    weight_scale: float = 1.0,
) -> keras.Model:
    """The unregularized network: Dense layers and nothing else.

    Args:
        features: length of an input row.
        classes: number of classes; the output is (rows, classes), each row summing to 1.
        widths: units of each hidden layer; its length is the depth.
        activation: name of a Keras activation.
        l2: weight penalty on every kernel, `l2 * sum(w**2)`; 0 for none.
        weight_scale: factor on all initial weights, above 0; at 1 they are those of Glorot &
            Bengio (2010).

    Returns:
        A built, uncompiled `keras.Sequential`.
    """
    return _network(
        features,
        classes,
        widths=widths,
        order=("activation",),
        activation=activation,
        l2=l2,
        weight_scale=weight_scale,
    )


def with_dropout(
    features: int,
    classes: int,
    *,
    widths: Sequence[int] = (64, 64),
    dropout_rate: float = 0.5,
    activation: str = "relu",
    l2: float = 0.0,
) -> keras.Model:
    """The baseline with dropout after each hidden layer (Srivastava et al. 2014).

    Args:
        dropout_rate: fraction of the units dropped at each training step, 0 <= rate < 1
            (https://keras.io/api/layers/regularization_layers/dropout/).

    The other arguments and the result are those of `baseline`.
    """
    return _network(
        features,
        classes,
        widths=widths,
        order=("activation", "dropout"),
        activation=activation,
        l2=l2,
        dropout_rate=dropout_rate,
    )


def with_batch_normalization(
    features: int,
    classes: int,
    *,
    widths: Sequence[int] = (64, 64),
    position: str = "before",
    activation: str = "relu",
    l2: float = 0.0,
    weight_scale: float = 1.0,
    momentum: float = 0.99,
    use_bias: bool | None = None,
) -> keras.Model:
    """The baseline with batch normalization in each hidden block (Ioffe & Szegedy 2015).

    Args:
        position: 'before' or 'after' the activation.
        momentum: share of the moving averages that a training step keeps, 0 <= momentum < 1
            (https://keras.io/api/layers/normalization_layers/batch_normalization/).
        use_bias: whether the hidden Dense layers have a bias; by default they have none where
            batch normalization follows at once, since it would cancel it.

    The other arguments and the result are those of `baseline`.
    """
    orders = {
        "before": ("batch_normalization", "activation"),
        "after": ("activation", "batch_normalization"),
    }
    if position not in orders:
        raise ValueError(f"position is {position!r}; allowed are 'before' and 'after'")
    return _network(
        features,
        classes,
        widths=widths,
        order=orders[position],
        activation=activation,
        l2=l2,
        weight_scale=weight_scale,
        momentum=momentum,
        use_bias=use_bias,
    )


def combined(
    features: int,
    classes: int,
    *,
    widths: Sequence[int] = (256,),
    dropout_rate: float = 0.5,
    order: Sequence[str] = ("batch_normalization", "activation", "dropout"),
    dropout_in: str = "every",
    activation: str = "relu",
    l2: float = 0.0,
    momentum: float = 0.99,
    use_bias: bool | None = None,
) -> keras.Model:
    """Batch normalization and dropout together, in any order within a hidden block.

    Args:
        order: the steps after each hidden Dense layer, from `STEPS`.
        dropout_in: 'every' hidden block, or only the 'last' one, before the output.

    The other arguments and the result are those of `with_dropout` and
    `with_batch_normalization`.
    """
    return _network(
        features,
        classes,
        widths=widths,
        order=tuple(order),
        activation=activation,
        l2=l2,
        dropout_rate=dropout_rate,
        dropout_in=dropout_in,
        momentum=momentum,
        use_bias=use_bias,
    )


def with_augmentation(
    image_shape: tuple[int, int],
    classes: int,
    *,
    widths: Sequence[int] = (64, 64),
    shift: float = 1.0,
    activation: str = "relu",
    l2: float = 0.0,
) -> keras.Model:
    """The baseline on pictures that are shifted at random, anew at each training step.

    Args:
        image_shape: height and width of the picture that an input row holds; the row has
            height * width numbers.
        shift: largest shift in pixels, up, down and sideways, at least 0; what moves in is 0
            (https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_translation/).

    The other arguments and the result are those of `baseline`.
    """
    if not shift >= 0:
        raise ValueError(f"shift is {shift}; it starts at 0 pixels")
    height, width = image_shape
    # RandomTranslation takes fractions of the picture, and at most the whole of it.
    fractions = [min(1.0, shift / side) for side in (height, width)]
    return _network(
        height * width,
        classes,
        widths=widths,
        order=("activation",),
        activation=activation,
        l2=l2,
        before=(
            keras.layers.Reshape((height, width, 1)),
            keras.layers.RandomTranslation(*fractions, fill_mode="constant"),
            keras.layers.Flatten(),
        ),
    )


def fold_batch_normalization(model: keras.Model) -> keras.Model:
    """The same function at inference, without the batch-normalization layers.

    In inference mode batch normalization is one multiplication and one addition per unit, which
    the Dense layer before it can do (Jacob et al. 2018, section 3.2): with moving mean m, moving
    variance v, scale g, shift b and s = g / sqrt(v + epsilon), the kernel W becomes W s and the
    bias c becomes (c - m) s + b.

    Args:
        model: a Sequential in which each batch normalization follows a Dense layer at once.

    Returns:
        A built, uncompiled `keras.Sequential`, for inference only.

    Raises:
        ValueError: a batch normalization follows something else, such as an activation.
    """
    stack, weights = [keras.Input(model.input_shape[1:])], []
    foldable = False
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            if not foldable:
                raise ValueError(f"{layer.name} does not follow a Dense layer without activation")
            kernel, bias = weights[-2:]
            scale = np.asarray(layer.gamma) / np.sqrt(layer.moving_variance + layer.epsilon)
            weights[-2:] = kernel * scale, (bias - layer.moving_mean) * scale + layer.beta
            foldable = False
            continue
        foldable = isinstance(layer, keras.layers.Dense) and layer.activation is (
            keras.activations.linear
        )
        settings = layer.get_config()
        if isinstance(layer, keras.layers.Dense):
            settings["use_bias"] = True
            bias = layer.bias if layer.use_bias else np.zeros(layer.units, "float32")
            weights += [np.asarray(layer.kernel), np.asarray(bias)]
        stack.append(type(layer).from_config(settings))
    folded = keras.Sequential(stack)
    folded.set_weights(weights)
    return folded
