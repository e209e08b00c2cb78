"""Many seeds of one training, in one compiled program.

`replicate` trains the Keras model that a builder returns once for each seed. The training loop is
traced into a graph a single time; for each seed only the contents of the variables change. Rates,
penalties and learning rates enter the graph as inputs, so a sweep over them traces nothing new,
and row counts, batch sizes and epochs are free dimensions of the same graph. Several threads run
that one graph at a time, each over variables of its own.

What is trained is the Keras model itself: its layers, its loss, its optimizer's `apply`.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import json
import threading
import time
import types
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import joblib
import numpy as np
from tqdm import tqdm

from .backend import keras, tf
from .datasets import Dataset
from .training import batch_orders

METRICS = (
    "train_loss",
    "train_accuracy",
    "validation_loss",
    "validation_accuracy",
    "running_loss",
    "running_accuracy",
)
_VALIDATION_LOSS = METRICS.index("validation_loss")


@dataclasses.dataclass(frozen=True, eq=False)
class Replicates:
    """What `replicate` measured.

    Attributes:
        seeds: the seed of each replicate.
        history: for each name in `METRICS` a float array of shape (replicates, epochs).
            `train_*` and `validation_*` are measured after each epoch in inference mode and hold
            no weight penalty. `running_*` are what `fit` reports: averages over the epoch's
            batches in training mode, the loss with its penalties.
        weights: for each replicate the final values of `model.get_weights()`.
        best_weights: the same after the epoch with the lowest validation loss; None unless asked.
        build_model: the builder that was given.
        trace_seconds: time spent on building the compiled program; 0 when it was there already.
        seconds: wall time of the whole call, in seconds.
    """

    seeds: tuple[int, ...]
    history: dict[str, np.ndarray]
    weights: list[list[np.ndarray]]
    best_weights: list[list[np.ndarray]] | None
    build_model: Callable[[], keras.Model]
    trace_seconds: float
    seconds: float

    def __len__(self) -> int:
        return len(self.seeds)

    def __getitem__(self, metric: str) -> np.ndarray:
        """The curves of one metric, shape (replicates, epochs)."""
        return self.history[metric]

    def final(self, metric: str) -> np.ndarray:
        """One metric after the last epoch, shape (replicates,)."""
        return self.history[metric][:, -1]

    def stopped_early(self) -> Replicates:
        """The same trainings with the weights that were best on the validation rows.

        They are what `keras.callbacks.EarlyStopping(restore_best_weights=True)` ends with when its
        patience lasts to the last epoch. `history` is still that of the whole training.

        Raises:
            ValueError: `replicate` was not asked to keep them.
        """
        if self.best_weights is None:
            raise ValueError("the best weights were not kept: call replicate with keep_best=True")
        return dataclasses.replace(self, weights=self.best_weights)

    def model(self, replicate: int) -> keras.Model:
        """A Keras model with the final weights of one replicate."""
        model = self.build_model()
        model.set_weights(self.weights[replicate])
        return model

    def predict(
        self,
        x: np.ndarray | Callable[[int], np.ndarray],
        *,
        mask_seed: int | None = None,
        draws: int = 1,
    ) -> np.ndarray:
        """Outputs of every replicate.

        Args:
            x: float array of shape (rows, features), or a function from a replicate's seed to one,
                of the same shape for all seeds.
            mask_seed: None for inference mode. An integer leaves the layers in training mode, with
                masks drawn from that seed and the replicate's own; each draw has masks of its own.
            draws: number of passes; more than one makes sense with `mask_seed` only.

        Returns:
            float32 array of shape (replicates, rows, classes), or (replicates, draws, rows,
            classes) with `mask_seed`.
        """
        training = mask_seed is not None
        if not training and draws != 1:
            raise ValueError(
                f"draws is {draws}; without mask_seed every pass gives the same output"
            )
        with tf.device("/CPU:0"):
            model = self.build_model()
            forward = tf.function(lambda rows: model(rows, training=training))
            rows_of = x if callable(x) else lambda seed: x
            mask_states = [v for v in model.variables if v.name == "seed_generator_state"]
            outputs = []
            for seed, weights in zip(self.seeds, self.weights, strict=True):
                passes, rows = [], tf.constant(rows_of(seed))
                for draw in range(draws):
                    # Training mode moves batch-normalization statistics: start each pass afresh.
                    if draw == 0 or model.non_trainable_weights:
                        model.set_weights(weights)
                    if training:
                        _reseed(mask_states, [mask_seed, seed, draw])
                    passes.append(forward(rows).numpy())
                outputs.append(passes if training else passes[0])
        return np.array(outputs)


def _reseed(states, entropy):
    """Give the states of a model's random layers new values drawn from `entropy`."""
    rng = np.random.default_rng(entropy)
    for state in states:
        state.assign([int(rng.integers(2**31)), 0])


class _ProgramInput(float):
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


def _numbers(model, optimizer):
    """All (owner, attribute) pairs whose number is an input of the program, in a fixed order."""
    owners = []
    for layer in model._flatten_layers():
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


def _structure(value, positions):
    """A configuration without names, seeds, initial values and the numbers that are inputs.

    Connections refer to layers by name; they get the layer's position in the model instead.
    """
    if isinstance(value, dict):
        inputs = {
            attribute
            for owner, attributes in _PROGRAM_INPUTS.items()
            if value.get("class_name") == owner.__name__
            and str(value.get("module")).startswith("keras.")
            for attribute in attributes
        }
        out = {}
        for name, item in value.items():
            if name in ("name", "seed", "seed_generator") or name.endswith("_initializer"):
                continue
            if name == "config" and isinstance(item, dict):
                item = {k: bool(v) if k in inputs else v for k, v in item.items()}
            out[name] = _structure(item, positions)
        return out
    if isinstance(value, (list, tuple)):
        if len(value) == 3 and isinstance(value[0], str) and isinstance(value[1], int):
            return [positions.get(value[0], value[0]), *value[1:]]
        return [_structure(item, positions) for item in value]
    return value


def _code(model, optimizer):
    """The classes and functions that a configuration only names.

    A cell that is run again defines another class of the same name; a function may close over
    another number.
    """
    schedule = getattr(optimizer, "_learning_rate", None)
    parts = [type(optimizer), type(schedule)]
    for layer in model._flatten_layers():
        parts.append(type(layer))
        for name, value in vars(layer).items():
            if isinstance(value, types.FunctionType) and not hasattr(value, "__wrapped__"):
                cells = tuple(id(cell.cell_contents) for cell in value.__closure__ or ())
                parts.append((name, value.__code__, cells))
            elif hasattr(value, "get_config") and not name.endswith("_initializer"):
                parts.append((name, type(value)))
    return tuple(parts)


def _program_key(model, optimizer, loss, x, y):
    positions = {layer.name: k for k, layer in enumerate(model._flatten_layers())}
    network = _structure(keras.saving.serialize_keras_object(model), positions)
    rule = keras.saving.serialize_keras_object(optimizer)
    settings = dict(rule["config"])
    if not isinstance(settings.get("learning_rate"), dict):
        settings.pop("learning_rate", None)
    settings["weight_decay"] = bool(settings.get("weight_decay"))
    # A loss that cannot be named, such as a lambda, stands for itself.
    name = loss if isinstance(loss, str) else id(loss)
    # Two layers may share one penalty object, which the configuration does not tell.
    owners = [id(owner) for owner, _ in _numbers(model, optimizer)]
    shared = [owners.index(owner) for owner in owners]
    described = [network, rule["class_name"], _structure(settings, {}), shared]
    rows = [x.shape[1:], y.shape[1:], str(x.dtype), str(y.dtype)]
    text = json.dumps([*described, *rows], sort_keys=True, default=str)
    return text, name, _code(model, optimizer)


def _accuracy(y, outputs):
    """The accuracy that Keras means by "accuracy" for such labels and outputs, per row."""
    if outputs.shape[-1] == 1:
        return keras.metrics.binary_accuracy(tf.reshape(y, tf.shape(outputs)), outputs)
    if len(y.shape) == len(outputs.shape) and y.shape[-1] == outputs.shape[-1]:
        return keras.metrics.categorical_accuracy(y, outputs)
    return keras.metrics.sparse_categorical_accuracy(y, outputs)


class _Program:
    """One epoch of training and its evaluation, traced once and run over any variables."""

    def __init__(self, model, optimizer, loss, x, y):
        started = time.perf_counter()
        self.loss = loss  # keeps the object alive whose id stands in the key
        loss = keras.losses.get(loss)
        numbers = _numbers(model, optimizer)

        def mean_loss(labels, outputs):
            # `fit` hands the labels to any loss in the shape and type of the outputs, too.
            if len(labels.shape) + 1 == len(outputs.shape) and outputs.shape[-1] == 1:
                labels = labels[..., None]
            return tf.reduce_mean(loss(tf.cast(labels, outputs.dtype), outputs))

        def step(x, y, rows):
            inputs, labels = tf.gather(x, rows), tf.gather(y, rows)
            with tf.GradientTape() as tape:
                outputs = model(inputs, training=True)
                value = mean_loss(labels, outputs)
                if model.losses:
                    value += tf.add_n(model.losses)
                scaled = optimizer.scale_loss(value)
            gradients = tape.gradient(scaled, model.trainable_variables)
            optimizer.apply(gradients, model.trainable_variables)
            accuracy = tf.reduce_mean(_accuracy(labels, outputs))
            return tf.stack([value, accuracy]) * tf.cast(tf.shape(rows)[0], value.dtype)

        def measure(x, y):
            outputs = model(x, training=False)
            return [mean_loss(y, outputs), tf.reduce_mean(_accuracy(y, outputs))]

        def epoch(x, y, x_validation, y_validation, order, batch_size, values):
            saved = [getattr(owner, attribute) for owner, attribute in numbers]
            for k, (owner, attribute) in enumerate(numbers):
                setattr(owner, attribute, _ProgramInput(saved[k], values[k]))
            try:
                count = tf.shape(order)[0]
                _, sums = tf.while_loop(
                    lambda start, sums: start < count,
                    lambda start, sums: (
                        start + batch_size,
                        sums + step(x, y, order[start : tf.minimum(start + batch_size, count)]),
                    ),
                    (0, tf.zeros(2)),
                    parallel_iterations=1,
                )
                running = tf.unstack(sums / tf.cast(count, sums.dtype))
                return tf.stack([*measure(x, y), *measure(x_validation, y_validation), *running])
            finally:
                for (owner, attribute), value in zip(numbers, saved, strict=True):
                    setattr(owner, attribute, value)

        def rows_of(array):
            return tf.TensorSpec((None, *array.shape[1:]), array.dtype)

        self.concrete = tf.function(epoch, autograph=False).get_concrete_function(
            rows_of(x), rows_of(y), rows_of(x), rows_of(y),
            tf.TensorSpec((None,), tf.int32), tf.TensorSpec((), tf.int32),
            tf.TensorSpec((len(numbers),), tf.float32),
        )  # fmt: skip
        position = {id(v.value.handle): k for k, v in enumerate(model.variables)}
        offset = len(position)
        position |= {id(v.value.handle): offset + k for k, v in enumerate(optimizer.variables)}
        # Where each resource that the graph captured is found among the variables of a run.
        self.captured = []
        for capture in self.concrete.captured_inputs:
            if capture.dtype != tf.resource:
                self.captured.append(capture)
            elif id(capture) in position:
                self.captured.append(position[id(capture)])
            else:
                raise ValueError(
                    "the model or optimizer uses a variable that neither of them lists, so it "
                    "cannot differ between seeds; draw random numbers from a "
                    "keras.random.SeedGenerator that is an attribute of the layer"
                )
        # The graph refers to this model's variables; they must live as long as it does.
        self.owners = (model, optimizer)
        self.trace_seconds = time.perf_counter() - started

    def run_epoch(self, handles, arguments):
        """One epoch over the given variables; returns the six `METRICS`."""
        captures = [handles[c] if isinstance(c, int) else c for c in self.captured]
        return tf.raw_ops.StatefulPartitionedCall(
            args=[*arguments, *captures], Tout=[tf.float32], f=self.concrete
        )[0].numpy()


_programs: dict[Any, _Program] = {}
_KEPT_PROGRAMS = 64


def _fresh_optimizer(optimizer):
    """A copy with the same settings and no history, as each replicate starts with one."""
    optimizer = keras.optimizers.get(optimizer)
    if getattr(optimizer, "use_ema", False):
        raise ValueError(
            "use_ema=True is not supported: average the weights of replicates yourself"
        )
    return type(optimizer).from_config(optimizer.get_config())


def _initial_state(build_model, seed):
    """The variables of a model built right after seeding: weights, statistics, mask seeds."""
    keras.utils.set_random_seed(seed)
    return [variable.numpy() for variable in build_model().variables]


# Building a model takes longer than some trainings do, and sweeps build the same ones again.
_states: dict[Any, dict[int, list[np.ndarray]]] = {}
_KEPT_STATES = 16


def _initial_states(key, build_model, seeds):
    """The initial state for each seed, from an earlier call where it trained the same network.

    The first seed's model is always built. If it starts in another way than last time, because
    the builder depends on something that changed, the others are built again, too.
    """
    known = _states.pop(key, {})
    while len(_states) >= _KEPT_STATES:
        del _states[next(iter(_states))]
    _states[key] = known
    for k, seed in enumerate(seeds):
        if k == 0 or seed not in known:
            state = _initial_state(build_model, seed)
            if k == 0 and not (seed in known and all(map(np.array_equal, known[seed], state))):
                known.clear()
            known[seed] = state
        yield known[seed]


def _optimizer_state(optimizer, model, state):
    """The variables of a new optimizer; some of them start as copies of the weights."""
    for variable, value in zip(model.variables, state, strict=True):
        variable.assign(value)
    optimizer = _fresh_optimizer(optimizer)
    optimizer.build(model.trainable_variables)
    return [variable.numpy() for variable in optimizer.variables]


def replicate(
    build_model: Callable[[], keras.Model],
    data: Dataset | Callable[[int], Dataset],
    *,
    seeds: Iterable[int],
    epochs: int,
    batch_size: int = 32,
    optimizer: str | keras.optimizers.Optimizer = "adam",
    loss: Any = "sparse_categorical_crossentropy",
    reshuffle: bool = True,
    keep_best: bool = False,
    workers: int | None = None,
) -> Replicates:
    """Train one model per seed, as `compile` and `fit` would, and follow all of them.

    Replicate *i* starts from `keras.utils.set_random_seed(seeds[i])` and a call of `build_model`,
    visits the rows in `training.batch_orders(seeds[i], ...)`, and draws its dropout masks from
    the state that its layers were built with. The same seeds give the same numbers to the bit on
    the same machine, whatever ran before and however many workers there are.

    Args:
        build_model: returns a built, uncompiled Keras model; called once for each seed.
        data: one `Dataset` for all replicates, or a function from a seed to a `Dataset`, for
            training sets that differ between replicates.
        seeds: different integers from 0 to 2**31 - 1, one per replicate.
        epochs: passes over the training rows, at least 1.
        batch_size: rows per step, at least 1; the last batch of an epoch holds the remainder.
        optimizer: any Keras optimizer, by name or as an object, which is left untouched.
        loss: any Keras loss, by name, as an object, or as a function of labels and outputs.
        reshuffle: whether each epoch visits the rows in an order of its own; without it, all
            epochs repeat the first one's, as a seeded `fit` of arrays does on TensorFlow.
        keep_best: also keep the weights after the epoch with the lowest validation loss, for
            `Replicates.stopped_early`.
        workers: trainings that run at a time; by default as many as `joblib.cpu_count` gives.

    Returns:
        `Replicates`, with histories of shape (replicates, epochs).

    Raises:
        ValueError: no seeds, a seed given twice or out of range, no epochs, an empty batch, or
            an optimizer that keeps moving averages of the weights.
        RuntimeError: two replicates ended with the same weights, so that they are not two
            independent trainings.
    """
    started = time.perf_counter()
    seeds = tuple(int(seed) for seed in seeds)
    if not seeds or len(set(seeds)) != len(seeds) or min(seeds) < 0 or max(seeds) >= 2**31:
        raise ValueError(f"seeds is {seeds}; it takes different integers from 0 to 2**31 - 1")
    if epochs < 1 or batch_size < 1:
        raise ValueError(f"epochs is {epochs} and batch_size {batch_size}; both start at 1")
    data_of = data if callable(data) else lambda seed: data

    with tf.device("/CPU:0"):
        model, rule = build_model(), _fresh_optimizer(optimizer)
        rule.build(model.trainable_variables)
        values = tf.constant(
            [float(getattr(owner, attribute)) for owner, attribute in _numbers(model, rule)],
            tf.float32,
        )
        first = data_of(seeds[0])
        key = _program_key(model, rule, loss, first.x_train, first.y_train)
        program, trace_seconds = _programs.get(key), 0.0
        if program is None:
            program = _Program(model, rule, loss, first.x_train, first.y_train)
            trace_seconds = program.trace_seconds
            while len(_programs) >= _KEPT_PROGRAMS:
                del _programs[next(iter(_programs))]
            _programs[key] = program
        trained = _train_all(
            program, _initial_states(key, build_model, seeds), data_of, seeds, epochs, batch_size,
            values, optimizer, reshuffle, keep_best, workers,
        )  # fmt: skip

    curves, weights, best_weights = zip(*trained, strict=True)
    _require_independent(seeds, weights)
    curves = np.stack(curves).astype("float64")
    return Replicates(
        seeds=seeds,
        history={metric: curves[:, :, k] for k, metric in enumerate(METRICS)},
        weights=list(weights),
        best_weights=list(best_weights) if keep_best else None,
        build_model=build_model,
        trace_seconds=trace_seconds,
        seconds=time.perf_counter() - started,
    )


def _train_all(
    program,
    states,
    data_of,
    seeds,
    epochs,
    batch_size,
    values,
    optimizer,
    reshuffle,
    keep_best,
    workers,
):
    """Histories of shape (epochs, metrics), final and best weights, seed by seed."""
    workers = max(1, min(workers or joblib.cpu_count(), len(seeds)))
    kept = _kept_positions(program.owners[0])
    own_variables = threading.local()
    stopped = threading.Event()

    def train(seed, state):
        if stopped.is_set():
            return None
        try:
            return run(seed, state)
        except BaseException:
            stopped.set()  # the other trainings are not needed any more
            raise

    def run(seed, state):
        dataset = data_of(seed)
        with tf.device("/CPU:0"):
            if not hasattr(own_variables, "all"):
                own_variables.all = [tf.Variable(value) for value in state]
            for variable, value in zip(own_variables.all, state, strict=True):
                variable.assign(value)
            handles = [variable.handle for variable in own_variables.all]
            arrays = [
                tf.constant(array)
                for array in (
                    dataset.x_train,
                    dataset.y_train,
                    dataset.x_validation,
                    dataset.y_validation,
                )
            ]
            history, lowest, best = [], np.inf, None
            for order in batch_orders(seed, epochs, len(dataset.x_train), reshuffle):
                if stopped.is_set():
                    return None
                history.append(
                    program.run_epoch(
                        handles, [*arrays, tf.constant(order), tf.constant(batch_size), values]
                    )
                )
                if keep_best and history[-1][_VALIDATION_LOSS] < lowest:
                    lowest = history[-1][_VALIDATION_LOSS]
                    best = [own_variables.all[k].numpy() for k in kept]
            weights = [own_variables.all[k].numpy() for k in kept]
            return np.array(history), weights, best or weights  # nothing is best among nans

    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        try:
            # Models are built here, one after the other, since seeding is global to the process;
            # training of the first has begun by the time the last is built.
            running = []
            # Nearly all optimizers start alike whatever the weights are: two starts tell.
            rule_state, starts_alike = None, False
            for seed, state in zip(seeds, states, strict=True):
                if stopped.is_set():
                    break
                if not starts_alike:
                    before = rule_state
                    rule_state = _optimizer_state(optimizer, program.owners[0], state)
                    starts_alike = before is not None and all(
                        map(np.array_equal, before, rule_state)
                    )
                running.append(pool.submit(train, seed, [*state, *rule_state]))
            bar = tqdm(running, desc="training", unit="seed", leave=False, disable=None, delay=2)
            return [task.result() for task in bar]
        except BaseException:
            stopped.set()
            pool.shutdown(cancel_futures=True)
            raise


def _kept_positions(model):
    """Where among a model's variables those are that `get_weights` and `set_weights` speak of."""
    listed = {id(variable) for variable in model.weights}
    return [k for k, variable in enumerate(model.variables) if id(variable) in listed]


def _require_independent(seeds: Sequence[int], weights):
    ended: dict[bytes, int] = {}
    for seed, arrays in zip(seeds, weights, strict=True):
        if not all(np.isfinite(array).all() for array in arrays):
            continue  # diverged trainings all end in nan
        content = b"".join(array.tobytes() for array in arrays)
        if content in ended:
            raise RuntimeError(
                f"seeds {ended[content]} and {seed} ended with the same weights; replicates must "
                "differ in initial weights, batch order and masks to count as evidence"
            )
        ended[content] = seed
