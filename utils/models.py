"""Every network of the course, as plain Keras models built from plain arguments.

Each function stacks hidden blocks `Dense -> ...` and ends in a softmax layer. They differ only in
what a block holds, so a comparison between two of them changes one thing.
"""

from __future__ import annotations

from collections.abc import Sequence

from .backend import keras

STEPS = ("activation", "batch_normalization", "dropout")


def _network(features, classes, widths, activation, order, dropout_rate, l2, use_bias):
    unknown = [step for step in order if step not in STEPS]
    if unknown or len(set(order)) != len(order) or "activation" not in order:
        raise ValueError(
            f"order is {tuple(order)}; it takes 'activation' once, and 'batch_normalization' and "
            "'dropout' at most once"
        )
    if not 0 <= dropout_rate < 1:
        raise ValueError(f"dropout_rate is {dropout_rate}; allowed is 0 up to, but not, 1")
    if not widths or any(width < 1 for width in widths):
        raise ValueError(
            f"widths is {tuple(widths)}; it takes one positive number per hidden layer"
        )
    if use_bias is None:
        # Batch normalisation subtracts the mean, and with it any bias just before it.
        use_bias = order[0] != "batch_normalization"
    penalty = keras.regularizers.L2(l2) if l2 else None
    stack = [keras.Input((features,))]
    for width in widths:
        fused = order[0] == "activation"
        stack.append(
            keras.layers.Dense(
                width,
                activation=activation if fused else None,
                use_bias=use_bias,
                kernel_regularizer=penalty,
            )
        )
        for step in order[1:] if fused else order:
            if step == "activation":
                stack.append(keras.layers.Activation(activation))
            elif step == "batch_normalization":
                stack.append(keras.layers.BatchNormalization())
            else:
                stack.append(keras.layers.Dropout(dropout_rate))
    stack.append(keras.layers.Dense(classes, activation="softmax", kernel_regularizer=penalty))
    return keras.Sequential(stack)


def baseline(
    features: int,
    classes: int,
    *,
    widths: Sequence[int] = (64, 64),
    activation: str = "relu",
    l2: float = 0.0,
) -> keras.Model:
    """The unregularised network: Dense layers and nothing else.

    Args:
        features: length of an input row.
        classes: number of classes; the output is (rows, classes), each row summing to 1.
        widths: units of each hidden layer; its length is the depth.
        activation: name of a Keras activation.
        l2: weight penalty on every kernel, `l2 * sum(w**2)`; 0 for none.

    Returns:
        A built, uncompiled `keras.Sequential`.
    """
    return _network(features, classes, widths, activation, ("activation",), 0.0, l2, True)


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
    order = ("activation", "dropout")
    return _network(features, classes, widths, activation, order, dropout_rate, l2, True)


def with_batch_normalization(
    features: int,
    classes: int,
    *,
    widths: Sequence[int] = (64, 64),
    position: str = "before",
    activation: str = "relu",
    l2: float = 0.0,
    use_bias: bool | None = None,
) -> keras.Model:
    """The baseline with batch normalisation in each hidden block (Ioffe & Szegedy 2015).

    Args:
        position: 'before' or 'after' the activation.
        use_bias: whether the hidden Dense layers have a bias; by default they have none where
            batch normalisation follows at once, since it would cancel it.

    The other arguments and the result are those of `baseline`.
    """
    orders = {
        "before": ("batch_normalization", "activation"),
        "after": ("activation", "batch_normalization"),
    }
    if position not in orders:
        raise ValueError(f"position is {position!r}; allowed are 'before' and 'after'")
    return _network(features, classes, widths, activation, orders[position], 0.0, l2, use_bias)


def combined(
    features: int,
    classes: int,
    *,
    widths: Sequence[int] = (256,),
    dropout_rate: float = 0.5,
    order: Sequence[str] = ("batch_normalization", "activation", "dropout"),
    activation: str = "relu",
    l2: float = 0.0,
    use_bias: bool | None = None,
) -> keras.Model:
    """Batch normalisation and dropout together, in any order within a hidden block.

    Args:
        order: the steps after each hidden Dense layer, from `STEPS`.

    The other arguments and the result are those of `with_dropout` and
    `with_batch_normalization`.
    """
    return _network(features, classes, widths, activation, tuple(order), dropout_rate, l2, use_bias)
