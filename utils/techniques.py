"""Named techniques with their tries, and the Keras code of each.

The networks are those of chapter 5: two hidden Dense layers, of which a technique changes one
thing. Each may try three values of its one most important setting, as the fair protocol demands;
without any technique that is the learning rate. What a trained setting looks like as code is read
off the Keras objects themselves.
"""

from __future__ import annotations

import difflib
import functools
from collections.abc import Callable, Iterable
from typing import Any

from . import models
from .backend import keras
from .parameters import OneLineError
from .protocol import NONE

LEARNING_RATE = 0.001
LEARNING_RATES = (0.0003, 0.001, 0.003)
LABEL_SMOOTHING = "label_smoothing"


class TechniqueError(OneLineError):
    """A technique that does not exist, or is named twice."""


def _adam(learning_rate=LEARNING_RATE):
    return keras.optimizers.Adam(learning_rate)


def _decaying(decay):
    optimizer = keras.optimizers.AdamW(LEARNING_RATE, weight_decay=decay)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    return optimizer


def smoothed_loss(alpha: float) -> Callable:
    """Cross-entropy with labels that are mixed with an even spread (Szegedy et al. 2016).

    Args:
        alpha: the share of the even spread, 0 to 1
            (https://keras.io/api/losses/probabilistic_losses/#categoricalcrossentropy-class).

    Returns:
        A function of whole-number labels and outputs.
    """

    def loss(labels, outputs):
        one_hot = keras.ops.one_hot(keras.ops.cast(labels, "int32"), outputs.shape[-1])
        return keras.losses.categorical_crossentropy(one_hot, outputs, label_smoothing=alpha)

    setattr(loss, LABEL_SMOOTHING, alpha)
    return loss


def _tries(build, kind, values, training=lambda value: {"optimizer": _adam()}, option=None):
    """Settings by name; `build` gets the value as `option` where there is one."""
    return {
        f"{kind} {value:g}": {
            "build_model": functools.partial(build, **({option: value} if option else {}))
        }
        | training(value)
        for value in values
    }


def _rated(rate):
    return {"optimizer": _adam(rate)}


def _none(build, normalize):
    return _tries(build, "learning rate", LEARNING_RATES, _rated)


def _normalization(build, normalize):
    return _tries(normalize, "learning rate", LEARNING_RATES, _rated)


def _dropout(build, normalize):
    dropped = functools.partial(models.with_dropout, *build.args, **build.keywords)
    return _tries(dropped, "rate", (0.2, 0.5, 0.8), option="dropout_rate")


def _l2(build, normalize):
    return _tries(build, "penalty", (1e-4, 1e-3, 1e-2), option="l2")


def _weight_decay(build, normalize):
    return _tries(build, "decay", (0.1, 0.5, 2.0), lambda x: {"optimizer": _decaying(x)})


def _label_smoothing(build, normalize):
    return _tries(
        build, "alpha", (0.1, 0.3, 0.6), lambda x: {"optimizer": _adam(), "loss": smoothed_loss(x)}
    )


_TECHNIQUES = {
    NONE: _none,
    "dropout": _dropout,
    "batch-normalization": _normalization,
    "l2": _l2,
    "weight-decay": _weight_decay,
    "label-smoothing": _label_smoothing,
}
NAMES = tuple(name for name in _TECHNIQUES if name != NONE)


def named(names: Iterable[str]) -> tuple[str, ...]:
    """The techniques of these names, without the baseline, which is always there.

    Raises:
        TechniqueError: none is called so, one is named twice, or none is named.
    """
    names = tuple(name for name in names if name != NONE)
    for name in names:
        if name not in NAMES:
            near = difflib.get_close_matches(str(name), NAMES, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise TechniqueError(
                f"no technique is called {name!r}{hint or f'; there are {chr(44).join(NAMES)}'}"
            )
        if names.count(name) > 1:
            raise TechniqueError(f"the technique {name!r} is named twice")
    if not names:
        raise TechniqueError(f"no technique is named; there are {', '.join(NAMES)}")
    return names


def settings(technique: str, features: int, classes: int, units: int) -> dict[str, dict[str, Any]]:
    """What a technique may try, as `protocol.compare` takes it.

    Args:
        technique: one of `NAMES`, or "none".
        features, classes: length of a row, and number of classes.
        units: units in each of the two hidden layers.

    Returns:
        For each of three settings what `training.replicate` takes besides data and budget.
    """
    widths = (units, units)
    build = functools.partial(models.baseline, features, classes, widths=widths)
    normalize = functools.partial(
        models.with_batch_normalization, features, classes, widths=widths, momentum=0.9
    )
    return _TECHNIQUES[technique](build, normalize)


# As code


def code(setting: dict[str, Any]) -> str:
    """A setting as Keras code that needs nothing of the course.

    Args:
        setting: one of `settings`.

    Returns:
        Python that defines `build_model` and makes a compiled `model`. Labels are whole numbers.
    """
    network = setting["build_model"]()
    layers = [f"keras.Input(({network.input_shape[1]},)),"]
    layers += [f"keras.layers.{_called(layer)}," for layer in network.layers]
    lines = [
        "import keras",
        "",
        "",
        "def build_model():",
        "    return keras.Sequential(",
        "        [",
    ]
    lines += [f"            {layer}" for layer in layers]
    lines += ["        ]", "    )", "", ""]
    loss = '"sparse_categorical_crossentropy"'
    alpha = getattr(setting.get("loss"), LABEL_SMOOTHING, None)
    if alpha is not None:
        loss = "smoothed"
        lines += [
            "def smoothed(labels, outputs):",
            '    labels = keras.ops.cast(keras.ops.reshape(labels, (-1,)), "int32")',
            "    one_hot = keras.ops.one_hot(labels, outputs.shape[-1])",
            "    return keras.losses.categorical_crossentropy(",
            f"        one_hot, outputs, label_smoothing={alpha:g}",
            "    )",
            "",
            "",
        ]
    rule = setting["optimizer"]
    rate = f"{float(rule.learning_rate):g}"
    decay = f", weight_decay={rule.weight_decay:g}" if rule.weight_decay else ""
    lines += [f"optimizer = keras.optimizers.{type(rule).__name__}({rate}{decay})"]
    if decay:
        lines += ['optimizer.exclude_from_weight_decay(var_names=["bias"])']
    lines += [
        "model = build_model()",
        f'model.compile(optimizer, {loss}, metrics=["accuracy"])',
        "stop = keras.callbacks.EarlyStopping(patience=20, restore_best_weights=True)",
        "# model.fit(x_train, y_train, validation_data=(x_validation, y_validation),",
        "#           epochs=1000, batch_size=32, callbacks=[stop])",
    ]
    return "\n".join(lines) + "\n"


def _called(layer):
    """The call that makes a layer of the course's Dense networks."""
    if isinstance(layer, keras.layers.Dense):
        told = [f"{layer.units}"]
        if layer.activation is not keras.activations.linear:
            told.append(f'activation="{layer.activation.__name__}"')
        if not layer.use_bias:
            told.append("use_bias=False")
        if layer.kernel_regularizer is not None:
            strength = float(layer.kernel_regularizer.l2)
            told.append(f"kernel_regularizer=keras.regularizers.L2({strength:g})")
    elif isinstance(layer, keras.layers.Dropout):
        told = [f"{layer.rate:g}"]
    elif isinstance(layer, keras.layers.BatchNormalization):
        told = [f"momentum={layer.momentum:g}"]
    elif isinstance(layer, keras.layers.Activation):
        told = [f'"{layer.activation.__name__}"']
    else:
        raise TypeError(f"{type(layer).__name__} is no layer of the course's Dense networks")
    return f"{type(layer).__name__}({', '.join(told)})"
