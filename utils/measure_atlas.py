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

import pandas as pd

from . import backend, catalogue, claims, datasets, intervals, measures, models, protocol, training
from .atlas import (
    BATCH_SIZE,
    BUDGETS,
    COLUMNS,
    L2,
    LEARNING_RATE,
    PATH,
    STEPS,
    conditions,
    name_of,
)
from .claims import SUPPORTED
from .cost import versions
from .protocol import NONE
from .sweeps import Job, digest, exit_status, sweep, write_whole

SEEDS = tuple(range(5000, 5020))
ENDS = {"final": "last", "best": "chosen"}  # in the words of the protocol
EARLY_STOPPING = "early stopping"

TECHNIQUES = {
    NONE: models.baseline,
    "dropout 0.2": functools.partial(models.with_dropout, dropout_rate=0.2),
    "dropout 0.5": functools.partial(models.with_dropout, dropout_rate=0.5),
    "BN": functools.partial(models.with_batch_normalization, momentum=0.9),
    "BN + dropout 0.5": functools.partial(models.combined, dropout_rate=0.5, momentum=0.9),
    "L2": functools.partial(models.baseline, l2=L2),
    # The trainings of "none", after the epoch that their validation rows chose.
    EARLY_STOPPING: models.baseline,
}


def measure(
    train_rows: int, label_noise: float, units: int, seeds=SEEDS, techniques=tuple(TECHNIQUES)
) -> pd.DataFrame:
    """Compare the techniques in one condition, with one setting for each.

    Args:
        train_rows, label_noise: the rows that are given, as in `datasets.load`; each seed has rows
            and wrong labels of its own.
        units: units of each of the two hidden layers.
        seeds: one training per seed, the same for all techniques.
        techniques: which of `TECHNIQUES`, "none" among them.

    Returns:
        The columns of `COLUMNS` that follow the condition, one row per technique, end, budget and
        seed.
    """

    @functools.cache
    def data(seed):
        return datasets.load("digits", train_rows=train_rows, label_noise=label_noise, seed=seed)

    some = data(seeds[0])

    def setting(build):
        build_model = functools.partial(build, some.features, some.classes, widths=(units, units))
        optimizer = backend.keras.optimizers.Adam(LEARNING_RATE)
        return {"as it is": {"build_model": build_model, "optimizer": optimizer}}

    found = protocol.compare(
        data,
        {name: setting(TECHNIQUES[name]) for name in techniques if name != EARLY_STOPPING},
        seeds=seeds,
        steps=STEPS,
        batch_size=BATCH_SIZE,
        budgets=BUDGETS,
    )
    tables = []
    for end, of_protocol in ENDS.items():
        reached = {name: ends[of_protocol] for name, ends in found.accuracy.items()}
        if EARLY_STOPPING in techniques and end == "final":  # at its best epoch, it is "none"
            reached[EARLY_STOPPING] = found.accuracy[NONE]["chosen"]
        for column in range(len(found.epochs)):
            tables.append(_compared(reached, column, seeds).assign(end=end))
    return pd.concat(tables, ignore_index=True)


def _compared(reached, column, seeds):
    """Each technique against "none", and the best of them against the others, at one budget."""
    reached = {name: measurement.at(column) for name, measurement in reached.items()}
    best = max(reached, key=lambda name: reached[name].final.mean())

    def claim(treatment, control):
        return claims.Claim(
            id=f"{treatment} against {control}",
            subject=treatment,
            what="test accuracy",
            against=control,
            treatment=reached[treatment],
            control=reached[control],
            metric="accuracy",
            direction="higher",
            seeds=seeds,
            comparisons=max(1, len(reached) - 1),
        )

    rows = []
    for name, measurement in reached.items():
        row = {
            "technique": name,
            "steps": round(BUDGETS[column] * STEPS),
            "seed": seeds,
            "accuracy": measurement.final,
            "behind": name != best and claim(best, name).verdict == SUPPORTED,
        }
        if name != NONE:
            against_none = claim(name, NONE)
            row |= {
                "effect": against_none.effect,
                "interval_low": against_none.interval[0],
                "interval_high": against_none.interval[1],
                "joint_interval_low": against_none.joint_interval[0],
                "joint_interval_high": against_none.joint_interval[1],
                "verdict": against_none.verdict,
            }
        rows.append(pd.DataFrame(row))
    return pd.concat(rows)


def code_of_measure() -> str:
    """Another name whenever the numbers of the atlas may be others."""
    modules = (
        backend, catalogue, datasets, *models.MODULES, *training.MODULES, measures, intervals,
        claims, protocol,
    )  # fmt: skip
    settings = (SEEDS, STEPS, BUDGETS, BATCH_SIZE, LEARNING_RATE, L2, list(TECHNIQUES))
    return digest(*map(inspect.getsource, (*modules, measure, _compared)), settings)


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
    parts = [one.assign(**where) for one, where in zip(tables, conditions(), strict=True)]
    table = pd.concat(parts, ignore_index=True)[list(COLUMNS)]
    table.attrs = {
        "about": "Test accuracy of regularization techniques on digits, with label noise, by "
        "training rows and width; two hidden layers, Adam.",
        "columns": COLUMNS,
        "settings": {
            "steps": STEPS,
            "batch_size": BATCH_SIZE,
            "learning_rate": LEARNING_RATE,
            "l2": L2,
            "smallest_effect": claims.SMALLEST_EFFECT["accuracy"],
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
