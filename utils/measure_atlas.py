"""Measure the atlas: every technique in every condition, over seeds.

    python -m utils.measure_atlas fashion-convolutional table-dense

writes one file for each part to `book/data/atlas/`, which the course's pages read; without names it
measures all parts. An interrupted run goes on with the same command, and what it shares with a
rerun is described there.
"""

from __future__ import annotations

import datetime
import functools
import inspect
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from . import (
    backend,
    catalogue,
    claims,
    datasets,
    intervals,
    kept,
    measures,
    models,
    protocol,
    training,
)  # fmt: skip
from .atlas import (
    BATCH_SIZE,
    BUDGETS,
    COLUMNS,
    EARLY_STOPPING,
    L2,
    LEARNING_RATE,
    PARTS,
    STEPS,
    Part,
    name_of,
)
from .backend import keras
from .claims import SUPPORTED
from .cost import fingerprint, versions
from .jobs import Job, OneLineParser, digest, exit_status, write_whole
from .measures import Measurement
from .parameters import OneLineError
from .sweeps import add_options, sweep

SEEDS = tuple(range(5000, 5020))
ENDS = {"final": "last", "best": "chosen"}  # in the words of the protocol


class AtlasError(OneLineError):
    """A part that does not exist."""


# The networks. Each takes some data of the condition and the condition, and returns a model.


def _dense(build, **options):
    def network(some, where):
        width = where["units"]
        return build(some.features, some.classes, widths=(width, width), **options)

    return network


def _shifted(some, where):
    return models.with_augmentation(
        some.image_shape,
        some.classes,
        widths=(where["units"],) * 2,
        shift=models.augmentation.SHIFT,
    )


def _convolutional(**options):
    return lambda some, where: models.convolutional_network(
        some.image_shape, some.classes, **options
    )


def _transformer(**options):
    return lambda some, where: models.transformer_encoder(some.image_shape, some.classes, **options)


def _residual(**options):
    return lambda some, where: models.residual_network(some.image_shape, some.classes, **options)


def _one_layer(units):
    return lambda some, where: models.baseline(some.features, some.classes, widths=(units,))


_DENSE = {
    "none": _dense(models.baseline),
    "dropout 0.2": _dense(models.with_dropout, dropout_rate=0.2),
    "dropout 0.5": _dense(models.with_dropout, dropout_rate=0.5),
    "BN": _dense(models.with_batch_normalization, momentum=0.9),
    "BN + dropout 0.5": _dense(models.combined, dropout_rate=0.5, momentum=0.9),
    "L2": _dense(models.baseline, l2=L2),
    "shift": _shifted,
    "64 units": lambda some, where: models.baseline(some.features, some.classes, widths=(64, 64)),
}
_CONVOLUTIONAL = {
    "none": _convolutional(),
    "dropout 0.5": _convolutional(dropout_rate=0.5),
    "dropout 0.2 of pixels": _convolutional(dropout_rate=0.2, dropout_in="pixels"),
    "dropout 0.2 of channels": _convolutional(dropout_rate=0.2, dropout_in="channels"),
    "BN": _convolutional(normalization="batch"),
    "BN + dropout 0.5": _convolutional(normalization="batch", dropout_rate=0.5),
    "BN + dropout 0.2 of pixels": _convolutional(
        normalization="batch", dropout_rate=0.2, dropout_in="pixels"
    ),
    "BN + dropout 0.2 of channels": _convolutional(
        normalization="batch", dropout_rate=0.2, dropout_in="channels"
    ),
    "group normalization": _convolutional(normalization="group"),
    "layer normalization": _convolutional(normalization="layer"),
    "shift and flip": _convolutional(augmentation=("shift", "flip")),
    "cutout": _convolutional(augmentation=("cutout",)),
}
_NETWORKS = {
    "dense": _DENSE,
    "convolutional": _CONVOLUTIONAL,
    "batches": _CONVOLUTIONAL,
    "orders": _CONVOLUTIONAL,
    "transformer": {
        "none": _transformer(),
        "dropout 0.2": _transformer(dropout_rate=0.2),
        "normalized after": _transformer(normalized="after"),
    },
    "residual": {"none": _residual(), "stochastic depth 0.5": _residual(branch_dropout_rate=0.5)},
    "widths": {
        name: _one_layer(int(name.split()[0])) for name in PARTS["fashion-widths"].techniques
    },
}


# What changes the training of the network without any technique.


def _smoothed(labels, outputs):
    one_hot = keras.ops.one_hot(keras.ops.cast(labels, "int32"), outputs.shape[-1])
    return keras.losses.categorical_crossentropy(one_hot, outputs, label_smoothing=0.1)


def _decaying_kernels():
    optimizer = keras.optimizers.AdamW(LEARNING_RATE, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


def _cosine():
    return keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(LEARNING_RATE, STEPS))


_TRAININGS = {
    "label smoothing 0.1": lambda: {"loss": _smoothed},
    "weight decay 0.5": lambda: {"optimizer": _decaying_kernels()},
    "cosine schedule": lambda: {"optimizer": _cosine()},
    "more data": dict,
    "mixup": dict,
}


def _data(part: Part, condition, times=1) -> Callable[[int], datasets.Dataset]:
    @functools.cache
    def data(seed):
        return datasets.load(
            part.dataset,
            train_rows=times * condition["train_rows"],
            label_noise=condition["label_noise"],
            seed=seed,
        )

    return data


def _setting(part, condition, technique, some):
    """What `training.replicate` takes for one technique."""
    networks = _NETWORKS[part.name.partition("-")[2]]
    network = networks.get(technique, networks.get("none"))

    def build_model():
        model = network(some, condition)
        return models.MixedUp(model) if technique == "mixup" else model

    setting = {"build_model": build_model, "optimizer": keras.optimizers.Adam(LEARNING_RATE)}
    setting |= _TRAININGS.get(technique, dict)()
    if technique == "more data":
        setting["data"] = _data(part, condition, times=2)
    return setting


def reach(part: Part, condition, technique: str, seeds=SEEDS) -> dict[str, Measurement]:
    """Train one technique in one condition.

    Args:
        part: a part of the atlas.
        condition: one of its conditions.
        technique: one of its techniques, but for early stopping, which is the first of them at its
            best epoch.
        seeds: one training per seed, the same for all techniques; each seed has rows and wrong
            labels of its own.

    Returns:
        For each end the test accuracy at every budget, with its rows.
    """
    data = _data(part, condition)
    reached = protocol.train_and_judge(
        data,
        {"": _setting(part, condition, technique, data(seeds[0]))},
        seeds=seeds,
        steps=STEPS,
        batch_size=condition.get("batch_size", BATCH_SIZE),
        budgets=BUDGETS,
        measurements=part.measurements,
        stop_from=part.stop_from,
    )
    return {end: reached.accuracy[of_protocol] for end, of_protocol in ENDS.items()}


def trained(part: Part) -> list[str]:
    """The techniques that are trained."""
    return [name for name in part.techniques if name != EARLY_STOPPING]


def compared(
    part: Part, reached: dict[str, dict[str, Measurement]], seeds=SEEDS
) -> tuple[pd.DataFrame, dict]:
    """All techniques of one condition against the first one.

    Args:
        part: the part that they belong to.
        reached: what `reach` returned for each technique.
        seeds: those of the trainings.

    Returns:
        The columns of the part that follow the condition, one row per technique, end, budget and
        seed; and the epochs of the budgets with the standard error of the difference of any two
        techniques at each of them, over seeds and rows, by end and by "one | other".
    """
    tables, errors = [], {}
    for end in ENDS:
        of_end = {name: ends[end] for name, ends in reached.items()}
        if EARLY_STOPPING in part.techniques and end == "final":  # at its best epoch, it is "none"
            of_end[EARLY_STOPPING] = reached[part.techniques[0]]["best"]
        of_end = {name: of_end[name] for name in part.techniques if name in of_end}
        errors[end] = measures.errors_of_pairs(of_end)
        first = of_end[part.techniques[0]]
        for column in range(len(first.epochs)):
            tables.append(_at_budget(part, of_end, column, seeds).assign(end=end))
    told = {"epochs": list(first.epochs), "errors": errors}
    return pd.concat(tables, ignore_index=True), told


def _at_budget(part, reached, column, seeds):
    """Each technique against the first, and the best of them against the others."""
    reached = {name: measurement.at(column) for name, measurement in reached.items()}
    best = max(reached, key=lambda name: reached[name].final.mean())
    first = part.techniques[0]

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
        if name != first:
            against_first = claim(name, first)
            row |= {
                "effect": against_first.effect,
                "interval_low": against_first.interval[0],
                "interval_high": against_first.interval[1],
                "joint_interval_low": against_first.joint_interval[0],
                "joint_interval_high": against_first.joint_interval[1],
                "verdict": against_first.verdict,
            }
        rows.append(pd.DataFrame(row))
    return pd.concat(rows)


def code_of_measure() -> str:
    """Another name whenever the numbers of the atlas may be others."""
    modules = (
        backend, catalogue, datasets, *models.MODULES, *training.MODULES, measures, intervals,
        protocol,
    )  # fmt: skip
    here = (_dense, _shifted, _convolutional, _transformer, _residual, _one_layer, _smoothed,
        _decaying_kernels, _cosine, _data, _setting, reach)  # fmt: skip
    settings = (SEEDS, STEPS, BUDGETS, BATCH_SIZE, LEARNING_RATE, L2)
    return digest(*map(inspect.getsource, (*modules, *here)), settings)


def _measured(part, condition, technique):
    """`reach` as the content of a file."""
    started = time.perf_counter()
    reached = reach(PARTS[part], condition, technique)
    arrays = {
        end: np.packbits(measurement.by_row.astype(bool), axis=-1)
        for end, measurement in reached.items()
    }
    seconds = time.perf_counter() - started
    return kept.packed(
        code_of_measure(), arrays, seconds=seconds, epochs=list(reached["final"].epochs)
    )


def _is_measured(path):
    return kept.is_of(path, code_of_measure())


def jobs(part: Part, folder: Path) -> list[Job]:
    """One job per condition and technique, kept in `folder`."""
    found = []
    for condition in part.conditions():
        for technique in trained(part):
            name = f"{part.name},{name_of(condition)},{technique}"
            path = folder / part.name / f"{name_of(condition)},{technique}.npz"
            found.append(
                Job(name, path, _measured, (part.name, condition, technique), _is_measured)
            )
    return found


def _read(path, ids):
    epochs = tuple(kept.told_by(path)["epochs"])
    with np.load(path) as file:
        return {
            end: Measurement(correct.mean(axis=-1), epochs, correct, ids)
            for end in ENDS
            for correct in [np.unpackbits(file[end], axis=-1, count=ids.shape[1])]
        }


def whole(part: Part, folder: Path) -> pd.DataFrame:
    """A part of the atlas from the results of all its jobs."""
    tables, told, seconds = [], {}, 0
    paths = iter([job.path for job in jobs(part, folder)])
    for condition in part.conditions():
        ids = measures.test_ids(SEEDS, _data(part, condition))
        files = {technique: next(paths) for technique in trained(part)}
        table, told[name_of(condition)] = compared(
            part, {name: _read(path, ids) for name, path in files.items()}
        )
        tables.append(table.assign(**condition))
        seconds += sum(kept.told_by(path)["seconds"] for path in files.values())
    table = pd.concat(tables, ignore_index=True)[part.columns]
    table.attrs = {
        "about": f"Test accuracy of regularization techniques. Data: {part.dataset}, some labels "
        f"wrong. Network: {part.network}.",
        "columns": {name: COLUMNS[name] for name in part.columns},
        "settings": {
            "steps": STEPS,
            "batch_size": BATCH_SIZE,
            "learning_rate": LEARNING_RATE,
            "l2": L2,
            "smallest_effect": claims.SMALLEST_EFFECT["accuracy"],
        },
        "conditions": told,
        "versions": versions(),
        "fingerprint": fingerprint(),
        "date": datetime.date.today().isoformat(),
        "seconds": round(seconds),
    }
    return table


def main(given: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = OneLineParser(
        prog="python -m utils.measure_atlas", description=__doc__.splitlines()[0]
    )
    parser.add_argument("parts", nargs="*", help=f"{', '.join(PARTS)}; all if none is named")
    add_options(parser, Path("reruns") / "atlas")
    return exit_status(lambda: _run(parser.parse_args(given)))


def _run(options) -> int:
    unknown = [name for name in options.parts if name not in PARTS]
    if unknown:
        raise AtlasError(f"no part is called {unknown[0]!r}; there are {', '.join(PARTS)}")
    for name in options.parts or PARTS:
        part = PARTS[name]
        wanted = jobs(part, options.kept)
        if sweep(wanted, workers=options.workers, scheduler=options.scheduler):
            return 1
        table = whole(part, options.kept).to_parquet(index=False, compression="zstd")
        write_whole(part.path, table)
        print(part.path)
    return 0


if __name__ == "__main__":
    # Workers look for functions by the module's own name, not by "__main__".
    from utils import measure_atlas

    sys.exit(measure_atlas.main())
