"""What a compiled program is known by, so that it runs again only where nothing has changed.

A program holds all that the Python code of a model, a loss and an optimizer said when it was
traced. `description` lists that for objects that are Keras's own through and through: every
attribute of every object that can be reached, in an order that does not depend on names. If
anything else is met, such as a function of the reader's, which may look at numbers that nobody
sees from outside, there is no description, and a program is traced anew.

Numbers at which a program looks each time it runs are left out: weights, learning rates, and the
rates and penalties of `program_inputs`.
"""

from __future__ import annotations

import collections
import inspect
import re
import sys
import types
from collections.abc import Hashable

import numpy as np

from ..backend import keras, tf


class ProgramInput(float):
    """A number that Keras sees as a plain float and TensorFlow as an input of the graph.

    Layers may compare it with constants, as `Dropout` does with its rate, but arithmetic goes
    to the tensor, so that the traced program serves other values as well.
    """

    def __new__(cls, value, tensor):
        number = super().__new__(cls, value)
        number.tensor = tensor
        return number

    def __tf_tensor__(self, dtype=None, name=None):
        return self.tensor if dtype is None else tf.cast(self.tensor, dtype)

    def __rsub__(self, other):
        return other - self.tensor


# Where such numbers stand. Only classes whose arithmetic is known to reach the tensor are listed;
# a number in any other place is part of the program.
_PROGRAM_INPUTS = {
    keras.layers.Dropout: ("rate",),
    keras.layers.SpatialDropout1D: ("rate",),
    keras.layers.SpatialDropout2D: ("rate",),
    keras.regularizers.L1: ("l1",),
    keras.regularizers.L2: ("l2",),
    keras.regularizers.L1L2: ("l1", "l2"),
}


def program_inputs(model: keras.Model, optimizer: keras.optimizers.Optimizer) -> list:
    """All (owner, attribute) pairs whose number is an input of the program, in a fixed order."""
    owners = []
    for layer in model._flatten_layers():
        if layer.compute_dtype != "float32":
            return []  # in other types the arithmetic does not reach the tensor
        owners.append(layer)
        owners.extend(vars(layer).values())
    found = [
        (owner, attribute)
        for owner in owners
        for attribute in _PROGRAM_INPUTS.get(type(owner), ())
        if getattr(owner, attribute)
    ]
    if optimizer.weight_decay:
        found.append((optimizer, "weight_decay"))
    return found


# Attributes by which Keras keeps its books; names and paths are counted up from model to model.
_BOOKKEEPING = {
    "name", "_name", "_path", "_parent_path", "_tracker", "_tracked", "_lock", "_auto_config",
    "_call_signature", "_compile_config", "_compiled_trainable_state", "_distribute_strategy",
    "_distribution_strategy", "_trainable_variables_indices", "_object_id", "_id",
    "_nodes", "output_names",
}  # fmt: skip
_OWN = ("keras.", "tensorflow.")  # modules whose code stays what it is while they are imported
_PLAIN = (bool, int, float, complex, str, bytes, type(None), type(...), re.Pattern)


class _Unknown(Exception):
    """Something was met that is not Keras's own."""


def description(*roots: object, inputs: list) -> Hashable | None:
    """All that a program traced from these objects depends on, or None if that is not known.

    Args:
        roots: a Keras model, an optimizer, a loss.
        inputs: the `program_inputs`, whose values are left out.

    Returns:
        Equal for two calls only if both would trace the same program.
    """
    if not _keras_is_as_imported():
        return None
    left_out = {(id(owner), attribute) for owner, attribute in inputs}
    numbers: dict[int, int] = {}
    waiting = collections.deque()

    def told(value):
        if isinstance(value, _PLAIN):
            return type(value).__name__, repr(value)
        if isinstance(value, (list, tuple)):
            return type(value).__name__, tuple(told(item) for item in value)
        if isinstance(value, dict):
            return "dict", tuple((told(key), told(item)) for key, item in value.items())
        if isinstance(value, (set, frozenset)):
            return "set", tuple(sorted(told(item) for item in value))
        if isinstance(value, (np.generic, np.dtype, tf.DType, tf.TensorShape, inspect.Signature)):
            return type(value).__name__, repr(value)
        if isinstance(value, types.ModuleType) and value.__name__.startswith(_OWN):
            return "module", value.__name__
        if isinstance(value, (types.FunctionType, types.BuiltinFunctionType, type)):
            _require_own(value)
            return "code", value.__module__, value.__qualname__
        if isinstance(value, keras.initializers.Initializer):
            _require_own(type(value))
            return ("initializer",)  # what it gives is handed to the program
        if isinstance(value, tf.Tensor) and hasattr(value, "numpy"):
            array = value.numpy()
            return "tensor", array.dtype.str, array.shape, array.tobytes()
        _require_own(type(value))
        if not type(value).__module__.startswith("keras."):
            raise _Unknown  # what TensorFlow's objects hold is not among their attributes
        if id(value) not in numbers:
            numbers[id(value)] = len(numbers)
            waiting.append(value)
        return "object", numbers[id(value)]

    def told_in_full(value):
        kind = (type(value).__module__, type(value).__qualname__)
        if isinstance(value, keras.Variable):
            told_of_it = (value.shape, value.dtype, value.trainable, value.name, value.regularizer,
                value.constraint, value._autocast, value.overwrite_with_gradient)  # fmt: skip
            return kind, tuple(told(item) for item in told_of_it)
        attributes = getattr(value, "__dict__", None)
        if attributes is None:
            raise _Unknown
        return kind, tuple(
            (name, ("input",) if (id(value), name) in left_out else told(attribute))
            for name, attribute in sorted(attributes.items())
            if name not in _BOOKKEEPING and not name.startswith("_self_")
        )

    try:
        listed = [told(root) for root in roots]
        while waiting:
            listed.append(told_in_full(waiting.popleft()))
    except _Unknown:
        return None
    return tuple(listed), _settings()


def _require_own(code):
    """Only what Keras defines can be described: its code is the same as long as it is imported."""
    module = code.__module__ or ""
    if not module.startswith(_OWN):
        raise _Unknown(f"{module}.{getattr(code, '__qualname__', code)}")


def _settings():
    """What is set for all of Keras and TensorFlow and reaches into a program."""
    return (
        keras.config.floatx(), keras.config.epsilon(), keras.config.image_data_format(),
        keras.config.dtype_policy().name, tf.config.optimizer.get_jit(),
        repr(sorted(tf.config.optimizer.get_experimental_options().items())),
    )  # fmt: skip


def _keras_code():
    """Every function and class of Keras, and where it stands."""
    modules = [m for name, m in list(sys.modules.items()) if name.startswith("keras.src")]
    places = [(m, name, v) for m in modules for name, v in list(vars(m).items()) if callable(v)]
    classes = {v for _, _, v in places if isinstance(v, type) and v.__module__.startswith("keras.")}
    places += [
        (kind, name, value)
        for kind in classes
        for name, value in vars(kind).items()
        if callable(value) or isinstance(value, (property, staticmethod, classmethod))
    ]
    return places


_AS_IMPORTED = _keras_code()


def _keras_is_as_imported():
    """Whether no function or method of Keras was replaced since the course was imported."""
    return all(vars(owner).get(name) is value for owner, name, value in _AS_IMPORTED)
