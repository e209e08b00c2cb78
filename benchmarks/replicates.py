"""How long many seeds take: a loop of `fit` against `utils.training`, side by side.

    python -m benchmarks.replicates

The reference job: (Dense 256, batch normalisation, ReLU, dropout 0.5) twice and Dense 10, trained
with adam on the first 500 rows of scikit-learn's digits in batches of 32 for 50 epochs, once for
each of 32 seeds, and validated on the other 1,297 rows after every epoch. The convolutional job:
two convolutions of 16 and 32 filters with pooling and Dense 64, on 1,000 pictures of 28 x 28, for
20 epochs and 8 seeds. The mix: twelve networks as the chapters train them, 20 seeds and 15 epochs
of 500 rows each.

Each way runs in a fresh process, one after the other:

- loop: `build_model(); compile(...); fit(..., validation_data=...)` for each seed, with
  TensorFlow's own settings. A few seeds are timed and the time is extrapolated to all.
- engine: one call of `replicate` for all seeds, with building and tracing.
- engine, traced: the same call once more, when its program is there already.
- jax: where `jax` is installed, Keras on JAX, one training compiled once, in two threads.

What a job takes beside training is told by a second run with twice the epochs: the time by which it
is longer is training.

Imports and loading the data are not timed. The share of the machine's matrix-multiply rate counts
the arithmetic of the Dense layers: per step 2mnk operations forward and 4mnk backward, and 2mnk
for each row that is evaluated.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import json
import os
import platform
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
TRAIN_ROWS, BATCH_SIZE = 500, 32
WIDTHS, FEATURES, CLASSES = (256, 256), 64, 10


def split_digits():
    """Training rows and labels, then those of validation."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    x, y = (x / 16).astype("float32"), y.astype("int32")
    return x[:TRAIN_ROWS], y[:TRAIN_ROWS], x[TRAIN_ROWS:], y[TRAIN_ROWS:]


def build_model():
    """The network of the job, as `models.combined` builds it."""
    import keras

    layers = [keras.Input((FEATURES,))]
    for width in WIDTHS:
        layers += [
            keras.layers.Dense(width, use_bias=False),
            keras.layers.BatchNormalization(),
            keras.layers.Activation("relu"),
            keras.layers.Dropout(0.5),
        ]
    return keras.Sequential([*layers, keras.layers.Dense(CLASSES, activation="softmax")])


def split_pictures():
    """1,000 pictures of 28 x 28 with labels for training, then 797 for validation."""
    x, y, x_validation, y_validation = split_digits()
    x, y = np.concatenate([x, x_validation]), np.concatenate([y, y_validation])
    pictures = np.kron(x.reshape(-1, 8, 8), np.ones((3, 3), "float32"))
    pictures = np.pad(pictures, ((0, 0), (2, 2), (2, 2)))[..., None]
    return pictures[:1000], y[:1000], pictures[1000:], y[1000:]


def build_convolutional():
    """The network of the convolutional job."""
    import keras

    layers = [keras.Input((28, 28, 1))]
    for filters in (16, 32):
        layers += [
            keras.layers.Conv2D(filters, 3, padding="same", activation="relu"),
            keras.layers.MaxPooling2D(),
        ]
    layers += [keras.layers.Flatten(), keras.layers.Dense(64, activation="relu")]
    return keras.Sequential([*layers, keras.layers.Dense(CLASSES, activation="softmax")])


JOBS = {
    "reference": (build_model, split_digits),
    "convolution": (build_convolutional, split_pictures),
}


def time_loop(job: str, seeds: int, epochs: int) -> list[float]:
    """Seconds for a loop of `fit` over that many seeds."""
    import keras
    from tqdm import tqdm

    build, split = JOBS[job]
    x, y, x_validation, y_validation = split()
    started = time.perf_counter()
    for seed in tqdm(range(seeds), desc="loop", unit="seed", leave=False, disable=None):
        keras.utils.set_random_seed(seed)
        model = build()
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        model.fit(
            x,
            y,
            batch_size=BATCH_SIZE,
            epochs=epochs,
            validation_data=(x_validation, y_validation),
            verbose=0,
        )
    return [time.perf_counter() - started]


def time_engine(job: str, seeds: int, epochs: int) -> list[float]:
    """Seconds for one call of `replicate` with that many seeds, and for the same call again."""
    from types import SimpleNamespace

    from utils.training import replicate

    build, split = JOBS[job]
    names = ("x_train", "y_train", "x_validation", "y_validation")
    data = SimpleNamespace(**dict(zip(names, split(), strict=True)))
    seconds = []
    for _ in range(2):
        started = time.perf_counter()
        replicate(
            build,
            data,
            seeds=range(seeds),
            epochs=epochs,
            batch_size=BATCH_SIZE,
            measured=("validation",),
            measure_at="every",
        )
        seconds.append(time.perf_counter() - started)
    return seconds


def mix():
    """Builders of twelve networks as the chapters compare them."""
    from functools import partial

    from utils import models

    shape = (FEATURES, CLASSES)
    narrow, wide = {"widths": (64, 64)}, {"widths": (192, 192)}
    orders = (models.dense.STEPS, models.dense.STEPS[::-1])
    return [
        partial(models.baseline, *shape, **narrow),
        partial(models.baseline, *shape, **wide),
        partial(models.baseline, *shape, **wide, l2=0.001),
        *(partial(models.with_dropout, *shape, **wide, dropout_rate=r) for r in (0.2, 0.5, 0.8)),
        partial(models.with_dropout, *shape, **narrow),
        partial(models.with_batch_normalization, *shape, **wide),
        partial(models.with_batch_normalization, *shape, **wide, position="after"),
        *(partial(models.combined, *shape, **wide, order=order) for order in orders),
        partial(models.with_augmentation, (8, 8), CLASSES, **wide),
    ]


def time_mix(job: str, seeds: int, epochs: int) -> list[float]:
    """Seconds for one call of `replicate` for each network of the mix."""
    from utils.datasets import load
    from utils.training import replicate

    data = load("digits", train_rows=TRAIN_ROWS)
    started = time.perf_counter()
    for build in mix():
        replicate(build, data, seeds=range(seeds), epochs=epochs, batch_size=BATCH_SIZE)
    return [time.perf_counter() - started]


def time_jax(job: str, seeds: int, epochs: int) -> list[float]:
    """Seconds for Keras on JAX: one compiled epoch, run for each seed, two seeds at a time."""
    from concurrent.futures import ThreadPoolExecutor

    import jax
    import keras

    build, split = JOBS[job]
    x, y, x_validation, y_validation = map(jax.numpy.asarray, split())
    full = len(x) // BATCH_SIZE * BATCH_SIZE

    def run():
        model, optimizer = build(), keras.optimizers.Adam()
        optimizer.build(model.trainable_variables)
        loss = keras.losses.sparse_categorical_crossentropy

        def loss_of(weights, others, rows):
            outputs, others = model.stateless_call(weights, others, x[rows], training=True)
            return jax.numpy.mean(loss(y[rows], outputs)), others

        def step(state, rows):
            weights, others, rule = state
            (value, others), gradients = jax.value_and_grad(loss_of, has_aux=True)(
                weights, others, rows
            )
            weights, rule = optimizer.stateless_apply(rule, gradients, weights)
            return (weights, others, rule), value

        @jax.jit
        def epoch(state, order):
            state, _ = jax.lax.scan(step, state, order[:full].reshape(-1, BATCH_SIZE))
            if full < len(x):
                state, _ = step(state, order[full:])
            outputs, _ = model.stateless_call(state[0], state[1], x_validation, training=False)
            correct = jax.numpy.argmax(outputs, axis=-1) == y_validation
            return state, jax.numpy.mean(loss(y_validation, outputs)), jax.numpy.mean(correct)

        def start(seed):
            keras.utils.set_random_seed(seed)
            fresh = build()
            groups = (fresh.trainable_variables, fresh.non_trainable_variables, optimizer.variables)
            return tuple([variable.value for variable in group] for group in groups)

        def train(seed, state):
            rng = np.random.default_rng(seed)
            for _ in range(epochs):
                state, *measured = epoch(state, rng.permutation(len(x)))
            return float(measured[0])

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(train, range(seeds), map(start, range(seeds))))

    started = time.perf_counter()
    run()
    return [time.perf_counter() - started]


WAYS = {"loop": time_loop, "engine": time_engine, "mix": time_mix, "jax": time_jax}


def measure(way: str, job: str, seeds: int, epochs: int) -> dict:
    """Run one way in a process of its own; its seconds and its peak memory in bytes."""
    command = [sys.executable, "-m", "benchmarks.replicates", "--way", way, "--job", job]
    command += ["--seeds", str(seeds), "--epochs", str(epochs)]
    backend = "jax" if way == "jax" else "tensorflow"
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "2", **os.environ, "KERAS_BACKEND": backend}
    # TensorFlow greets on the standard error; where nobody watches the bar, that is dropped.
    messages = None if sys.stderr.isatty() else subprocess.PIPE
    done = subprocess.run(
        command, cwd=ROOT, env=quiet, stdout=subprocess.PIPE, stderr=messages, text=True
    )
    if done.returncode:
        last = (done.stderr or "").strip().rpartition("\n")[2]
        raise SystemExit(f"the {way} ended with status {done.returncode}. {last}".strip())
    return json.loads(done.stdout.splitlines()[-1])


def peak_memory() -> int:
    """The largest memory of this process so far, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if platform.system() == "Darwin" else peak * 1024


def multiply_rate(size: int = 2048, repeats: int = 7) -> float:
    """The best rate of float32 matrix multiplications by NumPy, in operations per second."""
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, size, size), dtype="float32")
    best = np.inf
    for _ in range(repeats):
        started = time.perf_counter()
        a @ b
        best = min(best, time.perf_counter() - started)
    return 2 * size**3 / best


def operations(seeds: int, epochs: int, evaluated_rows: int) -> float:
    """Arithmetic of the Dense layers, with so many rows evaluated after each epoch."""
    sizes = (FEATURES, *WIDTHS, CLASSES)
    weights = sum(n * k for n, k in itertools.pairwise(sizes))
    return seeds * epochs * weights * (6 * TRAIN_ROWS + 2 * evaluated_rows)


def extrapolated(loop: dict, seeds: int, loop_seeds: int) -> tuple[float, str]:
    """Seconds of the loop for all seeds, and how they were found."""
    (seconds,) = loop["seconds"]
    if loop_seeds == seeds:
        return seconds, "measured on all seeds"
    plural = "s" * (loop_seeds > 1)
    return (
        seconds * seeds / loop_seeds,
        f"extrapolated from {loop_seeds} seed{plural}, {seconds:.1f} s",
    )


def report(seeds: int, loop_seeds: int, epochs: int) -> str:
    """Measure all ways and lay the results out as tables."""
    rate = multiply_rate()
    validation_rows = len(split_digits()[2])
    loop = measure("loop", "reference", loop_seeds, epochs)
    engine = measure("engine", "reference", seeds, epochs)
    loop_seconds, how = extrapolated(loop, seeds, loop_seeds)
    rows = [
        ("loop", loop_seconds, loop["memory"]),
        ("engine", engine["seconds"][0], engine["memory"]),
        ("engine, traced", engine["seconds"][1], engine["memory"]),
    ]
    if importlib.util.find_spec("jax"):
        jax = measure("jax", "reference", seeds, epochs)
        rows.append(("jax", jax["seconds"][0], jax["memory"]))
    count = operations(seeds, epochs, validation_rows)
    lines = [
        f"{seeds} seeds, {epochs} epochs, {TRAIN_ROWS} training and {validation_rows} validation "
        f"rows, batches of {BATCH_SIZE}",
        f"matrix multiplication: {rate / 1e9:.0f} GFLOP/s (float32, 2048 x 2048)",
        "",
        f"{'way':<16}{'seconds':>9}{'ratio':>7}{'peak memory':>14}{'GFLOP/s':>9}"
        f"{'share of rate':>15}",
    ]
    for way, seconds, memory in rows:
        lines.append(
            f"{way:<16}{seconds:>9.1f}{loop_seconds / seconds:>7.1f}{memory / 1e6:>11.0f} MB"
            f"{count / seconds / 1e9:>9.1f}{count / seconds / rate:>15.1%}"
        )
    lines += [
        "",
        f"ratio: {loop_seconds / engine['seconds'][0]:.1f}",
        f"loop: {how}; its imports are not counted",
        "engine: all seeds, with building and tracing",
    ]

    few, short = min(seeds, 8), min(epochs, 20)
    fits = min(few, 2)
    loop = measure("loop", "convolution", fits, short)
    engine = measure("engine", "convolution", few, short)
    loop_seconds, how = extrapolated(loop, few, fits)
    lines += [
        "",
        f"convolution, {few} seeds, {short} epochs: loop {loop_seconds:.1f} s ({how}), engine "
        f"{engine['seconds'][0]:.1f} s, {engine['memory'] / 1e6:.0f} MB",
        f"ratio: {loop_seconds / engine['seconds'][0]:.1f}",
    ]

    some, short = min(seeds, 20), min(epochs, 15)
    once, twice = (measure("mix", "reference", some, n)["seconds"][0] for n in (short, 2 * short))
    lines += [
        "",
        f"mix of twelve, {some} seeds, {short} epochs: {once:.1f} s, with twice the epochs "
        f"{twice:.1f} s; not training: {max(0.0, 2 - twice / once):.0%}",
    ]
    return "\n".join(lines)


def positive(text: str) -> int:
    """A whole number from 1, from the command line."""
    number = int(text)
    if number < 1:
        raise ValueError
    return number


class OneLineParser(argparse.ArgumentParser):
    """Says what is wrong in one line, without the usage."""

    def error(self, message):
        self.exit(2, f"{self.prog}: {message}\n")


def main(arguments: list[str] | None = None) -> None:
    positive.__name__ = "positive whole number"  # what argparse calls it in its message
    parser = OneLineParser("benchmarks.replicates", description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=positive, default=32, help="trainings (default 32)")
    parser.add_argument(
        "--loop-seeds", type=positive, default=4, help="seeds on which the loop is timed (4)"
    )
    parser.add_argument("--epochs", type=positive, default=50, help="epochs of each (50)")
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--job", choices=JOBS, default="reference", help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.way:
        if given.way in ("loop", "jax"):
            import keras  # noqa: F401
        else:
            import utils.training  # noqa: F401
        seconds = WAYS[given.way](given.job, given.seeds, given.epochs)
        print(json.dumps({"seconds": seconds, "memory": peak_memory()}))
        return
    if given.loop_seeds > given.seeds:
        parser.error(f"argument --loop-seeds: {given.loop_seeds} is more than --seeds")
    print(report(given.seeds, given.loop_seeds, given.epochs))


if __name__ == "__main__":
    main()
