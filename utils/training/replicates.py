"""Many seeds of one training, in one compiled program.

`replicate` trains the Keras model that a builder returns once for each seed, as a loop of `fit`
would, and either agrees with `fit` or says in one sentence what it cannot do. The step is traced
into a graph a single time (`programs.Program`); for each seed only the contents of the variables
change. Several threads run that one graph at a time, each over variables of its own.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import joblib
import numpy as np
from tqdm import tqdm

from ..backend import keras, tf
from ..datasets import Dataset
from .descriptions import description
from .fitting import epoch_order
from .programs import Compiler, NotTrainable
from .results import Replicates
from .rows import RowsOfSeeds
from .starts import build_on_rows, starts

# What is measured by default, after each epoch or at the epochs that are asked for.
METRICS = (
    "train_loss",
    "train_accuracy",
    "validation_loss",
    "validation_accuracy",
    "running_loss",
    "running_accuracy",
)
# Longer trainings are measured at about so many epochs, at equal distances on a log axis.
MEASURED_EPOCHS = 50
# From so many multiplications per row on, a graphics processor is worth its calls.
GPU_MULTIPLICATIONS = 3_000_000


def replicate(
    build_model: Callable[[], keras.Model],
    data: Dataset | Callable[[int], Dataset],
    *,
    seeds: Iterable[int],
    epochs: int,
    batch_size: int = 32,
    optimizer: str | keras.optimizers.Optimizer = "adam",
    loss: Any = "sparse_categorical_crossentropy",
    metrics: Sequence[Any] = ("accuracy",),
    sample_weight: np.ndarray | Callable[[int], np.ndarray] | None = None,
    class_weight: Mapping[int, float] | None = None,
    reshuffle: bool = True,
    drop_remainder: bool = False,
    measured: Iterable[str] | Mapping[str, Any] = ("train", "validation"),
    measure_at: Iterable[int] | str | None = None,
    keep_rows: Iterable[str] = (),
    keep_best: bool = False,
    keep_weights: Iterable[int] = (),
    device: str | None = None,
    workers: int | None = None,
) -> Replicates:
    """Train one model per seed, as `compile` and `fit` would, and follow all of them.

    Replicate *i* is `seeded_model(build_model, seeds[i])`, visits the rows in
    `batch_orders(seeds[i], ...)`, and draws its dropout masks from the states that its layers
    start with. The same seeds give the same numbers to the bit on the same machine, whatever ran
    before and however many workers there are.

    Args:
        build_model: returns an uncompiled Keras model with one output, the same network whenever
            it is called. It is called for two seeds; for all of them if these two models differ in
            more than what Keras drew at random, or hold code that is not Keras's own.
        data: one `Dataset` for all replicates, or a function from a seed to a `Dataset`, for
            training sets that differ between replicates.
        seeds: different integers from 0 to 2**31 - 1, one per replicate.
        epochs: passes over the training rows, at least 1.
        batch_size: rows per step, at least 1; the last batch of an epoch holds the remainder.
        optimizer: any Keras optimizer, by name or as an object, which is left untouched.
        loss: any Keras loss, by name, as an object, or as a function of labels and outputs.
        metrics: Keras metrics, by name or as functions of labels and outputs.
        sample_weight: weight of each training row in the loss, shape (rows,), or a function from a
            seed to such weights.
        class_weight: weight of the rows of each class; 1 for those not named.
        reshuffle: whether each epoch visits the rows in an order of its own; without it, all
            epochs repeat the first one's, as a seeded `fit` of arrays does on TensorFlow.
        drop_remainder: leave out the rows of each epoch that do not fill a batch.
        measured: sets of rows to measure: "train", "validation" and "test" of the data, or a
            mapping from names to pairs of rows and labels or to functions from a `Dataset` to one.
        measure_at: epochs after which to measure, counted from 1, the last one always among them,
            or "every". By default every epoch, or about `MEASURED_EPOCHS` of a longer training.
        keep_rows: names of measured sets for which to keep, of every row, if it was correct and
            which output its label got: a bit and four bytes for each row, epoch and seed.
        keep_best: also keep the weights after the measured epoch with the lowest validation loss,
            for `Replicates.stopped_early`; by default every epoch is measured then.
        keep_weights: epochs after which to keep the weights, too, for `Replicates.until`; they are
            measured as well.
        device: where to train, such as "/GPU:0"; by default the processor, unless there is a GPU
            and the network is large enough to gain by it.
        workers: trainings that run at a time; by default as many as `joblib.cpu_count` gives, and
            one on a GPU.

    Returns:
        `Replicates`, with histories of shape (replicates, measured epochs).

    Raises:
        NotTrainable: `fit` could train this, but the engine cannot; a `ValueError`.
        ValueError: no seeds, a seed given twice or out of range, no epochs, an empty batch, rows or
            weights that do not match, epochs that the training does not have.
        RuntimeError: two replicates ended with the same weights, so that they are not two
            independent trainings.
    """
    started = time.perf_counter()
    seeds = tuple(int(seed) for seed in seeds)
    if not seeds or len(set(seeds)) != len(seeds) or min(seeds) < 0 or max(seeds) >= 2**31:
        raise ValueError(f"seeds is {seeds}; it takes different integers from 0 to 2**31 - 1")
    if epochs < 1 or batch_size < 1:
        raise ValueError(f"epochs is {epochs} and batch_size {batch_size}; both start at 1")
    if sample_weight is not None and class_weight is not None:
        raise ValueError("sample_weight and class_weight are both given; fit takes one of them")
    rows = RowsOfSeeds(
        data if callable(data) else lambda seed: data,
        sample_weight if callable(sample_weight) else lambda seed: sample_weight,
        class_weight,
        measured if isinstance(measured, Mapping) else {name: name for name in measured},
    )
    plan = _Plan(
        epochs, batch_size, reshuffle, drop_remainder,
        _epochs_to_measure(epochs, measure_at, keep_best, keep_weights := tuple(keep_weights)),
        tuple(keep_rows), keep_best, keep_weights,
    )  # fmt: skip
    for name in plan.keep_rows:
        if name not in rows.measured:
            raise ValueError(
                f"keep_rows names {name!r}; measured are {', '.join(rows.measured) or 'none'}"
            )
    if keep_best and "validation" not in rows.measured:
        raise ValueError("keep_best needs 'validation' among the measured sets")

    first = rows(seeds[0])
    if drop_remainder and len(first.x) < batch_size:
        raise ValueError(f"drop_remainder leaves no batch of {batch_size} of {len(first.x)} rows")
    some_rows = first.x[:2]
    device, why = _choose_device(device, lambda: build_on_rows(build_model, some_rows))
    with tf.device(device):
        compiler = Compiler(
            optimizer, loss, metrics, some_rows, first.y[:2], first.weight is not None, device
        )
        models = starts(build_model, seeds, some_rows, lambda model: description(model, inputs=[]))
        if workers is None:
            workers = 1 if "GPU" in device.upper() else joblib.cpu_count()
        trained = _train_all(models, compiler, rows, plan, seeds, device, workers)
    _require_independent(seeds, [training.weights for training in trained])
    return Replicates(
        seeds=seeds,
        epochs=plan.measure_at,
        history={
            name: np.stack([training.history[name] for training in trained]).astype("float64")
            for name in trained[0].history
        },
        weights=[training.weights for training in trained],
        best_weights=[training.best_weights for training in trained] if keep_best else None,
        weights_after={
            epoch: [training.weights_after[epoch] for training in trained]
            for epoch in plan.keep_weights
        },
        build_model=build_model,
        device=f"{device}: {why}",
        trace_seconds=compiler.trace_seconds,
        seconds=time.perf_counter() - started,
        _rows=some_rows,
        _correct_bits={
            name: (
                np.stack([training.correct[name] for training in trained]),
                len(first.measured[name][0]),
            )
            for name in plan.keep_rows
        },
        _label_outputs={
            name: np.stack([training.label_outputs[name] for training in trained])
            for name in plan.keep_rows
        },
    )


@dataclasses.dataclass(frozen=True)
class _Plan:
    """How each replicate is trained and measured."""

    epochs: int
    batch_size: int
    reshuffle: bool
    drop_remainder: bool
    measure_at: tuple[int, ...]
    keep_rows: tuple[str, ...]
    keep_best: bool
    keep_weights: tuple[int, ...]


@dataclasses.dataclass
class _Training:
    """What one replicate gave.

    `correct` holds packed bits of shape (epochs, bytes), `label_outputs` shape (epochs, rows).
    """

    history: dict[str, np.ndarray]
    correct: dict[str, np.ndarray]
    label_outputs: dict[str, np.ndarray]
    weights: list[np.ndarray]
    best_weights: list[np.ndarray]
    weights_after: dict[int, list[np.ndarray]]


def spaced_epochs(epochs: int) -> tuple[int, ...]:
    """Every epoch or, of a longer training, about `MEASURED_EPOCHS`, with the half and the last.

    Args:
        epochs: how long the training is, at least 1.

    Returns:
        Epochs counted from 1, at equal distances on a log axis as far as whole epochs can be.
    """
    if epochs <= MEASURED_EPOCHS:
        return tuple(range(1, epochs + 1))
    grid = np.geomspace(1, epochs, MEASURED_EPOCHS)
    return tuple(sorted({*np.rint(grid).astype(int).tolist(), epochs // 2, epochs}))


def _epochs_to_measure(epochs, measure_at, keep_best, keep_weights):
    if measure_at == "every" or (measure_at is None and keep_best):
        measure_at = range(1, epochs + 1)
    elif measure_at is None:
        measure_at = spaced_epochs(epochs)
    if isinstance(measure_at, str):
        raise ValueError(f"measure_at is {measure_at!r}; it takes 'every' or epochs from 1")
    asked = sorted({int(epoch) for epoch in (*measure_at, *keep_weights, epochs)})
    if asked[0] < 1 or asked[-1] > epochs:
        raise ValueError(
            f"measure_at names epochs {asked}; it takes whole numbers from 1 to {epochs}"
        )
    return tuple(asked)


def _choose_device(device, build):
    """The device to train on, and why it is that one."""
    if device is not None:
        there = [one.name.removeprefix("/device:") for one in tf.config.list_logical_devices()]
        if str(device).upper().removeprefix("/").removeprefix("DEVICE:") not in there:
            raise ValueError(f"device is {device!r}; this machine has {', '.join(there)}")
        return device, "asked for"
    if not tf.config.list_logical_devices("GPU"):
        return "/CPU:0", "this machine has no GPU that TensorFlow can use"
    count = _multiplications(build())
    compared = f"{count:,} multiplications for each row, where {GPU_MULTIPLICATIONS:,} fill a GPU"
    return ("/GPU:0" if count >= GPU_MULTIPLICATIONS else "/CPU:0"), compared


def _multiplications(model):
    """About how many multiplications one row takes: each kernel, at each place where it is used."""
    count = 0
    for layer in model._flatten_layers(include_self=False):
        kernel = getattr(layer, "kernel", None)
        if isinstance(kernel, keras.Variable):
            try:
                places = [n for n in layer.output.shape[1:-1] if n]
            except AttributeError:  # a layer of a subclassed model is called in nobody's sight
                places = []
            count += int(np.prod(kernel.shape) * np.prod(places, dtype=int))
    return count


def _train_all(models, compiler, rows, plan, seeds, device, workers):
    """One `_Training` for each seed."""
    own_variables = threading.local()
    stopped = threading.Event()

    def train(seed, program, values, initial):
        if stopped.is_set():
            return None
        try:
            with tf.device(device):
                if getattr(own_variables, "program", None) is not program:
                    own_variables.program = program
                    own_variables.all = [tf.Variable(value) for value in initial]
                for variable, value in zip(own_variables.all, initial, strict=True):
                    variable.assign(value)
                return _train(program, own_variables.all, rows(seed), plan, seed, values, stopped)
        except BaseException:
            stopped.set()  # the other trainings are not needed any more
            raise

    with concurrent.futures.ThreadPoolExecutor(max(1, min(workers, len(seeds)))) as pool:
        try:
            # Models are built here, one after the other, since seeding is global to the process;
            # training of the first has begun by the time the last is built.
            running = []
            for seed, (model, start) in zip(seeds, models, strict=True):
                if stopped.is_set():
                    break
                program, values = compiler.program(model)
                if plan.keep_rows and not program.tells_correct:
                    raise NotTrainable(
                        "keep_rows is given, but of these labels and outputs it cannot be told "
                        "which rows are correct; it takes one class for each row"
                    )
                initial = compiler.initial_values(program, start)
                running.append(pool.submit(train, seed, program, values, initial))
            bar = tqdm(running, desc="training", unit="seed", leave=False, disable=None, delay=2)
            return [task.result() for task in bar]
        except BaseException:
            stopped.set()
            pool.shutdown(cancel_futures=True)
            raise


def _train(program, own, rows, plan, seed, values, stopped):
    """Train one replicate over the variables `own`; None if it was stopped."""
    kept = _kept_positions(program.model)
    run_epoch, measure = program.over(own)
    x, y = tf.constant(rows.x), tf.constant(rows.y)
    batch_size = tf.constant(plan.batch_size)
    weight = [] if rows.weight is None else [tf.constant(rows.weight)]
    sets = {name: tuple(map(tf.constant, pair)) for name, pair in rows.measured.items()}
    fed = len(rows.x) // plan.batch_size * plan.batch_size if plan.drop_remainder else len(rows.x)
    history, correct = [], {name: [] for name in plan.keep_rows}
    label_outputs = {name: [] for name in plan.keep_rows}
    lowest, best, weights_after = np.inf, None, {}
    for epoch in range(1, plan.epochs + 1):
        if stopped.is_set():
            return None
        order = epoch_order(seed, (epoch - 1) * plan.reshuffle, len(rows.x))[:fed]
        running = run_epoch(x, y, weight, tf.constant(order), batch_size, values)
        if epoch in plan.keep_weights:
            weights_after[epoch] = [own[k].numpy() for k in kept]
        if epoch not in plan.measure_at:
            continue
        told = {}
        for name, pair in sets.items():
            numbers, rows_correct, of_labels = measure(*pair)
            told |= {f"{name}_{m}": v for m, v in zip(program.measured, numbers, strict=True)}
            if name in correct:
                correct[name].append(np.packbits(rows_correct))
                label_outputs[name].append(of_labels)
        told |= {f"running_{m}": v for m, v in zip(program.running, running, strict=True)}
        history.append(told)
        if plan.keep_best and told["validation_loss"] < lowest:
            lowest = told["validation_loss"]
            best = [own[k].numpy() for k in kept]
    weights = [own[k].numpy() for k in kept]
    return _Training(
        history={name: np.array([told[name] for told in history]) for name in history[0]},
        correct={name: np.array(bits) for name, bits in correct.items()},
        label_outputs={name: np.array(found) for name, found in label_outputs.items()},
        weights=weights,
        best_weights=best or weights,  # nothing is best among nans
        weights_after=weights_after,
    )


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
