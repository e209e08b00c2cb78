"""Measure how far probabilities can be trusted, with and without masks, ensembles, temperature.

    python -m utils.measure_calibration

writes `book/data/calibration.parquet`. An interrupted run goes on with the same command.
"""

from __future__ import annotations

import datetime
import functools
import inspect
import itertools
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from . import backend, calibration, catalogue, datasets, kept, measures, models, training
from .atlas import BATCH_SIZE, LEARNING_RATE
from .calibration import COLUMNS, MASKS, MEMBERS, METHODS, PATH
from .cost import fingerprint, versions
from .jobs import Job, OneLineParser, digest, exit_status, write_whole
from .measure_atlas import SEEDS
from .measures import Measurement, cross_entropy_of
from .sweeps import add_options, sweep

LABEL_NOISE = (0.0, 0.4)
TRAIN_ROWS, WIDTHS, DROPOUT_RATE = 800, (256, 256), 0.5
EPOCHS = (24, 48)  # half and all of 960 steps


def _data(label_noise, seed):
    data = datasets.load("fashion", train_rows=TRAIN_ROWS, label_noise=label_noise, seed=seed)
    return datasets.with_validation_rows_of_its_own(data)


def probabilities(
    label_noise: float, seed: int, epochs: Sequence[int] = EPOCHS
) -> list[dict[str, np.ndarray]]:
    """What each method says of the test rows of one seed.

    Args:
        label_noise: fraction of wrong labels.
        seed: decides rows, wrong labels and all trainings.
        epochs: when to ask, in ascending order; the trainings end with the last one.

    Returns:
        For each of the epochs, for each of `METHODS`, an array of shape (rows, classes).
    """
    data = _data(label_noise, seed)

    def train(build, members):
        return training.replicate(
            functools.partial(build, data.features, data.classes, widths=WIDTHS),
            data,
            seeds=[10 * seed + member for member in range(members)],
            epochs=epochs[-1],
            batch_size=BATCH_SIZE,
            drop_remainder=True,
            optimizer=backend.keras.optimizers.Adam(LEARNING_RATE),
            measured=("validation",),
            measure_at=epochs,
            keep_weights=epochs,
        )

    plain = train(models.baseline, MEMBERS)
    dropped = train(functools.partial(models.with_dropout, dropout_rate=DROPOUT_RATE), 1)
    return [_said(data, plain.until(epoch), dropped.until(epoch)) for epoch in epochs]


def _said(data, plain, dropped):
    members = plain.predict(data.x_test)
    temperature = calibration.fitted_temperature(
        plain.predict(data.x_validation)[0], data.y_validation
    )
    return {
        "one network": members[0],
        "temperature": calibration.tempered(members[0], temperature),
        "ensemble of five": members.mean(axis=0),
        "dropout": dropped.predict(data.x_test)[0],
        "30 masks": dropped.predict(data.x_test, mask_seed=0, draws=MASKS)[0].mean(axis=0),
    }


def _measured(label_noise, seed):
    """What the methods say, as the content of a file: for each budget, method and test row."""
    labels = _data(label_noise, seed).y_test
    said = probabilities(label_noise, seed)
    stacked = np.array([[at[method] for method in METHODS] for at in said])
    arrays = {
        "of_label": np.take_along_axis(stacked, labels[None, None, :, None], axis=-1)[..., 0],
        "confidence": stacked.max(axis=-1),
        "correct": stacked.argmax(axis=-1) == labels,
    }
    return kept.packed(_code(), arrays)


def _is_measured(path):
    return kept.is_of(path, _code())


def _code():
    modules = (backend, catalogue, datasets, *models.MODULES, *training.MODULES)
    here = (_data, probabilities, _said, calibration.tempered, calibration.fitted_temperature)
    settings = (SEEDS, EPOCHS, TRAIN_ROWS, WIDTHS, DROPOUT_RATE, MASKS, MEMBERS, LEARNING_RATE)
    return digest(*map(inspect.getsource, (*modules, *here)), settings)


def jobs(folder: Path) -> list[Job]:
    """One job for each share of wrong labels and seed, kept in `folder`."""
    return [
        Job(
            f"label_noise={noise:g},seed={seed}",
            folder / f"label_noise={noise:g},seed={seed}.npz",
            _measured,
            (noise, seed),
            _is_measured,
        )
        for noise, seed in itertools.product(LABEL_NOISE, SEEDS)
    ]


def whole(folder: Path) -> pd.DataFrame:
    """The table from the results of all jobs."""
    tables, errors, diagrams = [], {}, {}
    paths = iter([job.path for job in jobs(folder)])
    for noise in LABEL_NOISE:
        files = [dict(np.load(next(paths))) for _ in SEEDS]
        of_label, confidence, correct = (
            np.stack([file[name] for file in files])
            for name in ("of_label", "confidence", "correct")
        )  # each of shape (seeds, budgets, methods, rows)
        losses = cross_entropy_of(of_label)
        places = (range(len(SEEDS)), range(len(EPOCHS)), range(len(METHODS)))
        tables += [
            {
                "label_noise": noise,
                "method": list(METHODS)[method],
                "epochs": EPOCHS[budget],
                "seed": SEEDS[seed],
                "accuracy": correct[seed, budget, method].mean(),
                "cross_entropy": losses[seed, budget, method].mean(dtype="float64"),
                "calibration_error": calibration.expected_calibration_error(
                    confidence[seed, budget, method], correct[seed, budget, method]
                ),
            }
            for seed, budget, method in itertools.product(*places)
        ]
        ids = measures.test_ids(SEEDS, functools.partial(_data, noise))
        errors[f"{noise:g}"] = measures.errors_of_pairs(
            {
                method: Measurement(losses[:, :, k].mean(axis=-1), EPOCHS, losses[:, :, k], ids)
                for k, method in enumerate(METHODS)
            }
        )
        diagrams[f"{noise:g}"] = {
            method: calibration.reliability(
                confidence[:, -1, k].ravel(), correct[:, -1, k].ravel()
            ).to_dict("list")
            for k, method in enumerate(METHODS)
        }
    table = pd.DataFrame(tables)[list(COLUMNS)]
    table.attrs = {
        "columns": COLUMNS,
        "methods": METHODS,
        "errors": errors,
        "reliability": diagrams,
        "versions": versions(),
        "fingerprint": fingerprint(),
        "date": datetime.date.today().isoformat(),
    }
    return table


def main(given: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = OneLineParser(
        prog="python -m utils.measure_calibration", description=__doc__.splitlines()[0]
    )
    add_options(parser, Path("reruns") / "calibration")
    return exit_status(lambda: _run(parser.parse_args(given)))


def _run(options) -> int:
    if sweep(jobs(options.kept), workers=options.workers, scheduler=options.scheduler):
        return 1
    write_whole(PATH, whole(options.kept).to_parquet(index=False, compression="zstd"))
    print(PATH)
    return 0


if __name__ == "__main__":
    # Workers look for functions by the module's own name, not by "__main__".
    from utils import measure_calibration

    sys.exit(measure_calibration.main())
