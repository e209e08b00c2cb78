"""Measure the atlas: every technique in every condition, over seeds.

    python -m utils.measure_atlas

writes `book/data/atlas.parquet`, which the course's pages read. An interrupted run goes on with the
same command, and what it shares with a rerun is described there.
"""

from __future__ import annotations

import argparse
import datetime
import functools
import inspect
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from . import backend, datasets, measures, models, training
from .atlas import (
    BATCH_SIZE,
    COLUMNS,
    L2,
    LEARNING_RATE,
    PATH,
    SMALLEST_EFFECT,
    STEPS,
    assembled,
    conditions,
    epochs_of,
    name_of,
)
from .cost import versions
from .sweeps import Job, digest, exit_status, sweep, write_whole

SEEDS = tuple(range(20))

TECHNIQUES = {
    "none": models.baseline,
    "dropout 0.2": functools.partial(models.with_dropout, dropout_rate=0.2),
    "dropout 0.5": functools.partial(models.with_dropout, dropout_rate=0.5),
    "BN": models.with_batch_normalization,
    "BN + dropout 0.5": functools.partial(models.combined, dropout_rate=0.5),
    "L2": functools.partial(models.baseline, l2=L2),
    # The trainings of "none", stopped at the epoch with the lowest validation loss.
    "early stopping": models.baseline,
}


def measure(
    train_rows: int, label_noise: float, units: int, seeds=SEEDS, techniques=tuple(TECHNIQUES)
) -> pd.DataFrame:
    """Train the techniques in one condition.

    Args:
        train_rows, label_noise: as in `datasets.load`; each seed has rows and wrong labels of
            its own.
        units: units of each of the two hidden layers.
        seeds: one training per seed, the same for all techniques.
        techniques: which of `TECHNIQUES`.

    Returns:
        One row per technique and seed, with accuracy (0 to 1) and cross-entropy (nats) on the test
        rows after the last epoch ("final") and after the epoch with the lowest validation loss
        ("best"), and that epoch, counted from 1.
    """

    @functools.cache
    def data(seed):
        return datasets.load("digits", train_rows=train_rows, label_noise=label_noise, seed=seed)

    @functools.cache
    def train(build):
        return training.replicate(
            functools.partial(build, test.features, test.classes, widths=(units, units)),
            data,
            seeds=seeds,
            epochs=epochs_of(train_rows),
            batch_size=BATCH_SIZE,
            optimizer=backend.keras.optimizers.Adam(0.001),
            measured=("validation",),
            keep_best=True,
        )

    test = data(seeds[0])
    tables = []
    for technique in techniques:
        early = technique == "early stopping"
        trained = train(TECHNIQUES["none" if early else technique])
        stopped = trained.stopped_early()
        found = {"technique": technique, "seed": seeds}
        for end, run in {"final": stopped if early else trained, "best": stopped}.items():
            outputs = run.predict(test.x_test)
            found[f"{end}_accuracy"] = measures.accuracy(outputs, test.y_test)
            found[f"{end}_loss"] = measures.cross_entropy(outputs, test.y_test)
        found["best_epoch"] = 1 + np.argmin(trained["validation_loss"], axis=1)
        tables.append(pd.DataFrame(found))
    return pd.concat(tables, ignore_index=True)


def code_of_measure() -> str:
    """Another name whenever the numbers of the atlas may be others."""
    modules = (backend, datasets, models, *training.MODULES, measures)
    settings = (SEEDS, STEPS, BATCH_SIZE, L2, list(TECHNIQUES))
    return digest(*map(inspect.getsource, (*modules, measure)), settings)


def _measured(condition):
    """`measure` as the content of a Parquet file."""
    started = time.perf_counter()
    table = measure(**condition)
    table.attrs = {
        "code": code_of_measure(),
        "versions": versions(),
        "seconds": time.perf_counter() - started,
    }
    return table.to_parquet(index=False, compression="zstd")


def _is_measured(path):
    try:
        made = pd.read_parquet(path).attrs
    except (OSError, ValueError):
        return False
    return made.get("code") == code_of_measure() and made.get("versions") == versions()


def jobs(folder: Path) -> list[Job]:
    """One job per condition, kept in `folder`."""
    found = []
    for condition in conditions():
        name = name_of(condition)
        path = folder / f"{name}.parquet"
        found.append(Job(name, path, _measured, (condition,), _is_measured))
    return found


def whole(found: Sequence[Job]) -> pd.DataFrame:
    """The atlas from the results of all jobs."""
    tables = [pd.read_parquet(job.path) for job in found]
    table = assembled(zip(conditions(), tables, strict=True))
    table.attrs = {
        "about": "Test accuracy of regularization techniques on digits, with label noise, by "
        "training rows and width; two hidden layers, Adam.",
        "columns": COLUMNS,
        "settings": {
            "steps": STEPS,
            "batch_size": BATCH_SIZE,
            "learning_rate": LEARNING_RATE,
            "l2": L2,
            "smallest_effect": SMALLEST_EFFECT,
        },
        "versions": versions(),
        "date": datetime.date.today().isoformat(),
        "seconds": round(sum(one.attrs["seconds"] for one in tables)),
    }
    return table


def main(given: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m utils.measure_atlas", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--workers", type=int, help="processes; by default one per core")
    parser.add_argument("--scheduler", help="a running Dask scheduler, such as tcp://10.0.0.5:8786")
    parser.add_argument(
        "--parts", type=Path, default=Path("reruns") / "atlas", metavar="FOLDER",
        help="where finished conditions are kept; default reruns/atlas",
    )  # fmt: skip
    options = parser.parse_args(given)
    return exit_status(lambda: _run(options))


def _run(options) -> int:
    found = jobs(options.parts)
    if sweep(found, workers=options.workers, scheduler=options.scheduler):
        return 1
    write_whole(PATH, whole(found).to_parquet(index=False, compression="zstd"))
    print(PATH)
    return 0


if __name__ == "__main__":
    # Workers look for functions by the module's own name, not by "__main__".
    from utils import measure_atlas

    sys.exit(measure_atlas.main())
