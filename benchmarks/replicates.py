"""How long many seeds take: a loop of `fit` against `utils.replicates`, side by side.

    python -m benchmarks.replicates

The job: (Dense 256, batch normalisation, ReLU, dropout 0.5) twice and Dense 10, trained with adam
on the first 500 rows of scikit-learn's digits in batches of 32 for 50 epochs, once for each of 32
seeds, and validated on the other 1,297 rows after every epoch.

Each way runs in a fresh process, one after the other:

- loop: `build_model(); compile(...); fit(..., validation_data=...)` for each seed, with
  TensorFlow's own settings. A few seeds are timed and the time is extrapolated to all.
- engine: one call of `replicate` for all seeds, with building and tracing. It measures the
  training rows after every epoch as well, which the loop does not.

Imports and loading the data are not timed. The share of the machine's matrix-multiply rate counts
the arithmetic of the Dense layers: per step 2mnk operations forward and 4mnk backward, and 2mnk
for each row that is evaluated.
"""

from __future__ import annotations

import argparse
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


def time_loop(seeds: int, epochs: int) -> float:
    """Seconds for a loop of `fit` over that many seeds."""
    import keras
    from tqdm import tqdm

    x, y, x_validation, y_validation = split_digits()
    started = time.perf_counter()
    for seed in tqdm(range(seeds), desc="loop", unit="seed", leave=False, disable=None):
        keras.utils.set_random_seed(seed)
        model = build_model()
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        model.fit(
            x,
            y,
            batch_size=BATCH_SIZE,
            epochs=epochs,
            validation_data=(x_validation, y_validation),
            verbose=0,
        )
    return time.perf_counter() - started


def time_engine(seeds: int, epochs: int) -> float:
    """Seconds for one call of `replicate` with that many seeds."""
    from utils.replicates import replicate

    from utils.datasets import Dataset
    from utils.models import combined

    x, y, x_validation, y_validation = split_digits()
    unused = np.full((1, FEATURES), -1, "float32"), np.zeros(1, "int32")  # no test set is needed
    data = Dataset("digits", x, y, y, x_validation, y_validation, *unused, CLASSES, (8, 8))
    started = time.perf_counter()
    replicate(
        lambda: combined(FEATURES, CLASSES, widths=WIDTHS),
        data,
        seeds=range(seeds),
        epochs=epochs,
        batch_size=BATCH_SIZE,
    )
    return time.perf_counter() - started


WAYS = {"loop": time_loop, "engine": time_engine}


def measure(way: str, seeds: int, epochs: int) -> dict:
    """Run one way in a process of its own; its seconds and its peak memory in bytes."""
    command = [sys.executable, "-m", "benchmarks.replicates", "--way", way]
    command += ["--seeds", str(seeds), "--epochs", str(epochs)]
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "2", **os.environ, "KERAS_BACKEND": "tensorflow"}
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


def report(seeds: int, loop_seeds: int, epochs: int) -> str:
    """Measure both ways and lay the results out as a table."""
    rate = multiply_rate()
    validation_rows = len(split_digits()[2])
    loop = measure("loop", loop_seeds, epochs)
    engine = measure("engine", seeds, epochs)
    loop_seconds = loop["seconds"] * seeds / loop_seeds
    rows = [
        ("loop", loop_seconds, loop["memory"], operations(seeds, epochs, validation_rows)),
        (
            "engine",
            engine["seconds"],
            engine["memory"],
            operations(seeds, epochs, validation_rows + TRAIN_ROWS),
        ),
    ]
    lines = [
        f"{seeds} seeds, {epochs} epochs, {TRAIN_ROWS} training and {validation_rows} validation "
        f"rows, batches of {BATCH_SIZE}",
        f"matrix multiplication: {rate / 1e9:.0f} GFLOP/s (float32, 2048 x 2048)",
        "",
        f"{'way':<8}{'seconds':>9}{'peak memory':>14}{'GFLOP/s':>9}{'share of rate':>15}",
    ]
    for way, seconds, memory, count in rows:
        lines.append(
            f"{way:<8}{seconds:>9.1f}{memory / 1e6:>11.0f} MB{count / seconds / 1e9:>9.1f}"
            f"{count / seconds / rate:>15.1%}"
        )
    extrapolated = (
        "measured on all seeds"
        if loop_seeds == seeds
        else f"extrapolated from {loop_seeds} seed{'s' * (loop_seeds > 1)}, {loop['seconds']:.1f} s"
    )
    return "\n".join(
        [
            *lines,
            "",
            f"ratio: {loop_seconds / engine['seconds']:.1f}",
            f"loop: {extrapolated}; its imports are not counted",
            "engine: all seeds, with building and tracing; it also evaluates the training rows "
            "after each epoch, which the loop does not",
        ]
    )


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
    given = parser.parse_args(arguments)
    if given.way:
        if given.way == "loop":
            import keras  # noqa: F401
        else:
            import utils.replicates  # noqa: F401
        seconds = WAYS[given.way](given.seeds, given.epochs)
        print(json.dumps({"seconds": seconds, "memory": peak_memory()}))
        return
    if given.loop_seeds > given.seeds:
        parser.error(f"argument --loop-seeds: {given.loop_seeds} is more than --seeds")
    print(report(given.seeds, given.loop_seeds, given.epochs))


if __name__ == "__main__":
    main()
