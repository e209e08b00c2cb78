"""Where a training starts: initial weights and masks that belong to a seed and a place.

Keras draws the seeds of initializers and of random layers one after the other, so that one more
`Dropout` layer gives every kernel behind it other numbers. Here a number is drawn for what it
is: the kernel of the second `Dense` layer, the masks of the first `Dropout` layer. Two networks
that differ in one thing then start alike in everything else, which makes their pairs match.
"""

from __future__ import annotations

import collections
import zlib
from collections.abc import Callable, Hashable, Iterator, Sequence

import numpy as np

from ..backend import keras


def seeded_model(
    build_model: Callable[[], keras.Model], seed: int, rows: np.ndarray | None = None
) -> keras.Model:
    """A new model whose initial weights and masks belong to a seed.

    A replicate of that seed starts with the same numbers. Weights that the builder sets itself,
    and those of initializers that were given a seed, stay as they are.

    Args:
        build_model: returns an uncompiled Keras model.
        seed: integer from 0 to 2**31 - 1.
        rows: one or two rows of data, for a model that is built when it is first called.

    Returns:
        The model, with the same weights as in any other network in whose layers of a kind the
        place and the shape are the same.
    """
    return _seeded(build_model, seed, rows)[0]


def build_on_rows(build_model: Callable[[], keras.Model], rows: np.ndarray | None) -> keras.Model:
    """Call the builder, and the model once where it makes its weights when it is first called."""
    model = build_model()
    if not isinstance(model, keras.Model):
        raise ValueError(f"build_model returns a {type(model).__name__}; it takes a keras.Model")
    if rows is not None and not (model.built and model.variables):
        if isinstance(model, keras.Sequential):
            model.build((None, *rows.shape[1:]))  # a call would bind it to so many rows
            return model
        # Calling it may draw random numbers, which `fit` does not do before its first step.
        before = [(variable, variable.numpy()) for variable in model.variables]
        model(rows, training=False)
        for variable, value in before:
            variable.assign(value)
    return model


def drawn_variables(model: keras.Model) -> dict[int, Callable[[int], np.ndarray]]:
    """How to draw those variables of a new model that hold what Keras drew at random.

    Returns:
        For positions in `model.variables`, a function from a seed to a value. A kernel is listed
        if its layer's initializer has no seed of its own and gives just the numbers that stand in
        it; the state of a random layer, if the layer was not given a seed.
    """
    position = {id(variable): k for k, variable in enumerate(model.variables)}
    places: collections.Counter = collections.Counter()
    found = {}
    for layer in model._flatten_layers():
        own = [*layer._trainable_variables, *layer._non_trainable_variables]
        if not own and not layer._seed_generators:
            continue
        kind = type(layer).__name__
        place = (kind, places[kind])
        places[kind] += 1
        for name, initializer in _random_initializers(layer):
            for variable in own:
                k = position.get(id(variable))
                if k is None or k in found:
                    continue
                if factor := _drew(initializer, variable):
                    found[k] = _drawing(initializer, variable, factor, (*place, name))
                    break
        for nth, generator in enumerate(layer._seed_generators):
            k = position.get(id(generator.state))
            if k is not None and generator._initial_seed is None:
                found[k] = _seeding(generator.state.dtype, (*place, f"generator {nth}"))
    return found


def _random_initializers(layer):
    """Names and initializers of a layer that draw numbers and were not given a seed."""
    for name, value in vars(layer).items():
        if isinstance(value, keras.initializers.Initializer) and (
            getattr(value, "_init_seed", 0) is None
        ):
            yield name, value


def _drew(initializer, variable):
    """The factor by which a variable holds the initializer's numbers; 0 if it holds others."""
    try:
        drawn = np.asarray(initializer(variable.shape, variable.dtype))
    except ValueError:  # such as an orthogonal matrix of the shape of a bias
        return 0
    value = np.asarray(variable)
    if np.array_equal(drawn, value):
        return 1
    if not isinstance(initializer, keras.initializers.VarianceScaling) or not drawn.any():
        return 0
    # `EinsumDense`, and attention with it, counts inputs and outputs by its own axes.
    factor = float(np.linalg.norm(value) / np.linalg.norm(drawn))
    return factor if np.allclose(value, factor * drawn, rtol=1e-4, atol=1e-6) else 0


def _drawing(initializer, variable, factor, place):
    kind, settings = type(initializer), initializer.get_config()
    shape, dtype = tuple(variable.shape), variable.dtype

    def draw(seed):
        seeded = kind.from_config({**settings, "seed": _seed_of(seed, place)})
        values = np.asarray(seeded(shape, dtype))
        return values if factor == 1 else values * values.dtype.type(factor)

    return draw


def _seeding(dtype, place):
    return lambda seed: np.array([_seed_of(seed, place), 0], dtype)


def _seed_of(seed, place):
    """A seed below 2**31 that belongs to a replicate's seed and to a place in a network."""
    words = [seed, *(zlib.crc32(str(part).encode()) for part in place)]
    return int(np.random.SeedSequence(words).generate_state(1)[0]) >> 1


def starts(
    build_model: Callable[[], keras.Model],
    seeds: Sequence[int],
    rows: np.ndarray | None,
    describe: Callable[[keras.Model], Hashable | None],
) -> Iterator[tuple[keras.Model, list[np.ndarray]]]:
    """For each seed a model to train and the values that its variables start with.

    Two models are built and compared. If they differ in nothing but what Keras drew at random,
    the values for further seeds are drawn without building more models, which takes longer than
    some trainings do. Otherwise the builder does something of its own, and is called for each
    seed.

    Args:
        build_model: returns an uncompiled Keras model.
        seeds: one for each replicate.
        rows: as in `seeded_model`.
        describe: what a model is known by, or None where that cannot be known.

    Yields:
        A model, which may be that of another seed from which it does not differ, and one array
        for each of `model.variables`.
    """
    built, draws = [], None
    for seed in seeds:
        if draws is not None:
            _, model, values = built[0]
            yield model, [draws[k](seed) if k in draws else v for k, v in enumerate(values)]
            continue
        model, drawn = _seeded(build_model, seed, rows)
        values = [variable.numpy() for variable in model.variables]
        if len(built) < 2:
            known = None if _numpy_was_asked(seed) else describe(model)
            built.append((known, model, values))
            if len(built) == 2 and _alike(*built, drawn):
                draws = drawn
        yield model, values


def _seeded(build_model, seed, rows):
    keras.utils.set_random_seed(seed)
    model = build_on_rows(build_model, rows)
    draws = drawn_variables(model)
    for k, draw in draws.items():
        model.variables[k].assign(draw(seed))
    return model, draws


def _numpy_was_asked(seed):
    """Whether somebody has drawn from NumPy's global generator since it was given this seed."""
    now, then = np.random.get_state(), np.random.RandomState(seed).get_state()
    return now[2] != then[2] or not np.array_equal(now[1], then[1])


def _alike(first, second, drawn):
    """Whether two builds, each a description, a model and values, differ only in what was drawn."""
    (known, _, ones), (also_known, _, others) = first, second
    return (
        known is not None
        and known == also_known
        and all(
            k in drawn or np.array_equal(one, other)
            for k, (one, other) in enumerate(zip(ones, others, strict=True))
        )
    )
