"""What each technique does where: a grid of conditions, and how its table is read.

`measure_atlas` makes the table. In each condition a network of two hidden layers learns digits for
about `STEPS` steps. The validation rows choose the best epoch; every figure is of the test rows, at
which nothing of the grid was chosen by looking.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from . import figures
from .claims import SUPPORTED, Claim

PATH = Path(__file__).resolve().parents[1] / "book" / "data" / "atlas.parquet"

TRAIN_ROWS = (50, 100, 200, 500, 1000)
LABEL_NOISE = (0.0, 0.2, 0.4)
UNITS = (16, 64, 256)
STEPS = 960
BATCH_SIZE = 32
LEARNING_RATE = 0.001
L2 = 0.001
ENDS = ("final", "best")
SMALLEST_EFFECT = 0.005

COLUMNS = {
    "train_rows": "training rows",
    "label_noise": "fraction of wrong training labels",
    "units": "units in each of the two hidden layers",
    "technique": "one of the techniques; each changes one thing against 'none'",
    "end": "'final': after the last epoch; 'best': after the epoch with the lowest validation loss",
    "seed": "seed of the replicate; decides rows, wrong labels, weights, batches and masks",
    "accuracy": "share of the test rows that are classified correctly, 0 to 1",
    "loss": "mean cross-entropy on the test rows, in nats",
    "best_epoch": "the epoch with the lowest validation loss, counted from 1",
    "effect": "mean over seeds of the accuracy minus that of 'none' with the same seed and end",
    "interval_low": "95 % interval of the effect, lower end",
    "interval_high": "95 % interval of the effect, upper end",
    "joint_interval_low": "the same, wider, so that all techniques of a condition hold at a time",
    "joint_interval_high": "its upper end",
    "verdict": "of the sentence that the technique raises the accuracy, by the joint interval",
    "behind": "whether the technique with the highest mean is better, by a joint interval above 0",
}


def conditions() -> list[dict]:
    """All combinations of training rows, label noise and units."""
    return [
        {"train_rows": rows, "label_noise": noise, "units": units}
        for rows, noise, units in itertools.product(TRAIN_ROWS, LABEL_NOISE, UNITS)
    ]


def name_of(condition: Mapping) -> str:
    """A condition in a few characters, such as "train_rows=50,label_noise=0.2,units=16"."""
    return ",".join(f"{key}={value:g}" for key, value in condition.items())


def epochs_of(train_rows: int) -> int:
    """Epochs that make about `STEPS` steps, so that few rows are not trained on for less."""
    return max(1, round(STEPS / -(-train_rows // BATCH_SIZE)))


def assembled(measured: Iterable[tuple[Mapping, pd.DataFrame]]) -> pd.DataFrame:
    """The atlas from what `measure_atlas.measure` returned for each condition.

    Args:
        measured: pairs of a condition and its table.

    Returns:
        One row per condition, technique, end and seed, with the columns of `COLUMNS`.
    """
    parts = []
    for condition, table in tqdm(list(measured), desc="intervals", unit="condition", disable=None):
        for end in ENDS:
            part = table.rename(columns={f"{end}_accuracy": "accuracy", f"{end}_loss": "loss"})
            part = part.assign(**condition, end=end)
            compared = _compared(part, end)
            parts.append(part.merge(compared, on="technique", how="left"))
    return pd.concat(parts, ignore_index=True)[list(COLUMNS)]


def _compared(table, end):
    """Each technique against "none", and the best of them against the others."""
    by_technique = dict(iter(table.groupby("technique", sort=False)))
    accuracies = {name: rows["accuracy"].to_numpy() for name, rows in by_technique.items()}
    if end == "best":  # "none" at its best epoch is early stopping
        del accuracies["early stopping"]
    best = max(accuracies, key=lambda name: accuracies[name].mean())
    seeds = tuple(by_technique["none"]["seed"])

    def claim(treatment, control, smallest_effect):
        return Claim(
            id=f"{treatment} against {control}",
            sentence=f"{treatment} raises the accuracy that {control} reaches.",
            treatment=accuracies[treatment],
            control=accuracies[control],
            metric="test accuracy",
            direction="higher",
            seeds=seeds,
            smallest_effect=smallest_effect,
            comparisons=len(accuracies) - 1,
        )

    rows = []
    for name in accuracies:
        row = {"technique": name}
        if name != "none":
            against_none = claim(name, "none", SMALLEST_EFFECT)
            row |= {
                "effect": against_none.effect,
                "interval_low": against_none.interval[0],
                "interval_high": against_none.interval[1],
                "joint_interval_low": against_none.joint_interval[0],
                "joint_interval_high": against_none.joint_interval[1],
                "verdict": against_none.verdict,
            }
        row["behind"] = name != best and claim(best, name, 0.0).verdict == SUPPORTED
        rows.append(row)
    return pd.DataFrame(rows)


def load() -> pd.DataFrame:
    """The committed atlas; its `attrs` tell about columns, settings, versions and date."""
    return pd.read_parquet(PATH)


def effects(table: pd.DataFrame, end: str = "final") -> pd.DataFrame:
    """One row per condition and technique, without the seeds.

    Args:
        table: the atlas.
        end: "final" or "best".

    Returns:
        The columns of `COLUMNS` up to the verdict, with the mean accuracy over the seeds in place
        of each one's.
    """
    keys = ["train_rows", "label_noise", "units", "technique"]
    chosen = table[table["end"] == end]
    told = list(COLUMNS)[list(COLUMNS).index("effect") :]
    means = chosen.groupby(keys, sort=False)["accuracy"].mean()
    return chosen.drop_duplicates(keys)[[*keys, *told]].merge(means.reset_index(), on=keys)


def winners(table: pd.DataFrame, end: str = "final") -> pd.DataFrame:
    """Which technique is best in each condition, and whether it makes a difference.

    Returns:
        For each condition the row of `effects` with the highest mean accuracy among the techniques
        whose verdict is "supported" or, where there are none, among all but "none"; and in the
        column "level" the techniques that the highest mean of all cannot be told apart from.
    """
    found = effects(table, end)
    found = found[found["technique"] != "none"].dropna(subset=["effect"])
    rows = []
    for _, group in found.groupby(["train_rows", "label_noise", "units"], sort=False):
        helped = group[group["verdict"] == SUPPORTED]
        best = (group if helped.empty else helped).sort_values("accuracy").iloc[-1]
        level = group[~group["behind"].astype(bool) & (group["technique"] != best["technique"])]
        rows.append(best.to_dict() | {"level": tuple(level["technique"])})
    return pd.DataFrame(rows)


def keras_code(technique: str) -> str:
    """Plain Keras for one technique, as the atlas has trained it; `UNITS` is to be filled in."""
    hidden, output = ['Dense(UNITS, activation="relu")'], 'Dense(10, activation="softmax")'
    arguments = ""
    if technique.startswith("BN"):
        hidden = ["Dense(UNITS, use_bias=False)", "BatchNormalization()", 'Activation("relu")']
    if "dropout" in technique:
        hidden.append(f"Dropout({technique.split()[-1]})")
    if technique == "L2":
        penalty = f", kernel_regularizer=keras.regularizers.L2({L2})"
        hidden, output = [hidden[0][:-1] + penalty + ")"], output[:-1] + penalty + ")"
    if technique == "early stopping":
        stop = "keras.callbacks.EarlyStopping(patience=epochs, restore_best_weights=True)"
        arguments = f",\n    callbacks=[{stop}]"
    layers = "".join(f"    keras.layers.{layer},\n" for layer in [*hidden, *hidden, output])
    return (
        f"import keras\n\nmodel = keras.Sequential([\n    keras.Input((64,)),\n{layers}])\n"
        f"model.compile(\n    keras.optimizers.Adam({LEARNING_RATE}),\n"
        '    "sparse_categorical_crossentropy",\n    metrics=["accuracy"],\n)\n'
        f"model.fit(\n    x_train, y_train, batch_size={BATCH_SIZE}, epochs=epochs,\n"
        f"    validation_data=(x_validation, y_validation){arguments},\n)\n"
    )


def winners_map(table: pd.DataFrame, label_noise: float, end: str = "final") -> figures.Picture:
    """A heat map of the best technique by training rows and width, for one share of wrong labels.

    Args:
        table: the atlas.
        label_noise: one of `LABEL_NOISE`.
        end: "final" or "best".
    """
    won = winners(table, end)
    high = won.loc[won["verdict"] == SUPPORTED, "effect"].max()
    won = won[won["label_noise"] == label_noise]
    values = np.full((len(TRAIN_ROWS), len(UNITS)), np.nan)
    texts = [["no gain\nfound"] * len(UNITS) for _ in TRAIN_ROWS]
    words = []
    for best in won.to_dict("records"):
        where = f"{best['train_rows']} rows, {best['units']} units"
        if best["verdict"] != SUPPORTED:
            words.append(f"{where}: no gain found")
            continue
        row, column = TRAIN_ROWS.index(best["train_rows"]), UNITS.index(best["units"])
        values[row, column] = best["effect"]
        more = f" (+{len(best['level'])})" if best["level"] else ""
        texts[row][column] = f"{best['technique']}{more}\n{best['effect']:+.3f}"
        words.append(f"{where}: {best['technique']}, {best['effect']:+.3f}")
    helped = int(np.isfinite(values).sum())
    labels = f"{label_noise:.0%} wrong labels" if label_noise else "right labels only"
    when = "after the last epoch" if end == "final" else "at the best epoch"
    return figures.heat_map(
        values,
        texts,
        rows=TRAIN_ROWS,
        columns=UNITS,
        title=f"With {labels}, some technique was shown to help in {helped} of {values.size} "
        f"conditions, {when}",
        alt=f"The best technique and its gain in test accuracy with {labels}, {when}. "
        f"{'; '.join(words)}.",
        xlabel="units in each hidden layer",
        ylabel="training rows",
        high=high,
    )
