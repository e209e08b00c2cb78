"""What each technique does where, and for how long: grids of conditions, and how they are read.

`measure_atlas` makes the tables with the course's protocol. A part of the atlas is one kind of
network on one dataset, which learns in each of several conditions for up to `STEPS` steps. A fifth
of the given rows validates, with labels as often wrong as the others', and chooses the best epoch;
every figure is of test rows.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from . import figures, intact
from .claims import OPPOSITE, SUPPORTED, UNDECIDED, Claim
from .measures import Measurement, errors_of

FOLDER = Path(__file__).resolve().parents[1] / "book" / "data" / "atlas"

TRAIN_ROWS = (100, 200, 400, 800)
LABEL_NOISE = (0.0, 0.2, 0.4)
UNITS = (16, 64, 256)
STEPS = 960
BUDGETS = (0.125, 0.25, 0.5, 1.0)  # shares of the steps
BATCH_SIZE = 32
LEARNING_RATE = 0.001
L2 = 0.001
ENDS = ("final", "best")
NONE = "none"
EARLY_STOPPING = "early stopping"  # the trainings of the baseline, after their best epoch

COLUMNS = {
    "train_rows": "labelled rows that are given, a fifth of them for validation",
    "label_noise": "fraction of wrong labels among them",
    "units": "units in each hidden layer",
    "batch_size": "rows of a step",
    "technique": "one of the techniques; each changes one thing against the first one",
    "end": "'final': when training stopped; 'best': after the epoch that the validation rows chose",
    "steps": "the ceiling, in steps, up to which a training could go on",
    "seed": "seed of the replicate; decides rows, wrong labels, weights, batches and masks",
    "accuracy": "share of the test rows that are classified correctly, 0 to 1",
    "effect": "mean over seeds of the accuracy minus the first one's with the same seed and end",
    "interval_low": "95 % interval of the effect over seeds and test rows, lower end",
    "interval_high": "95 % interval of the effect, upper end",
    "joint_interval_low": "the same, wider, so that all techniques of a condition hold at a time",
    "joint_interval_high": "its upper end",
    "verdict": "of the sentence that the technique raises the accuracy, by the joint interval",
    "behind": "whether the technique with the highest mean is better by more than counts as none",
}


@dataclasses.dataclass(frozen=True)
class Part:
    """One kind of network on one dataset.

    Attributes:
        name: such as "fashion-convolutional".
        dataset: name of the dataset.
        network: the network without any technique, in words.
        axes: values of what makes a condition, by column of `COLUMNS`.
        techniques: what is compared, the one that all others are compared with first.
        measurements: after about how many epochs a training is measured; None for all of those
            that `training.replicate` chooses.
        stop_from: share of the steps up to which every training goes on.
    """

    name: str
    dataset: str
    network: str
    axes: Mapping[str, tuple]
    techniques: tuple[str, ...]
    measurements: int | None = 12
    stop_from: float = BUDGETS[1]

    @property
    def path(self) -> Path:
        """The committed table."""
        return FOLDER / f"{self.name}.parquet"

    def conditions(self) -> list[dict]:
        """All combinations of the axes."""
        return [
            dict(zip(self.axes, values, strict=True))
            for values in itertools.product(*self.axes.values())
        ]

    @property
    def columns(self) -> list[str]:
        """The columns of its table."""
        return [*self.axes, *list(COLUMNS)[list(COLUMNS).index("technique") :]]


def _axes(rows, noise, **more):
    return {"train_rows": rows, "label_noise": noise, **more}


_TRAININGS = ("label smoothing 0.1", "weight decay 0.5", "cosine schedule", "mixup", "more data")
_DENSE = (NONE, "dropout 0.2", "dropout 0.5", "BN", "BN + dropout 0.5", "L2", EARLY_STOPPING)
_CONVOLUTIONAL = (
    NONE, "dropout 0.5", "dropout 0.2 of pixels", "dropout 0.2 of channels", "BN",
    "BN + dropout 0.5", "shift and flip", "cutout", *_TRAININGS, EARLY_STOPPING,
)  # fmt: skip
_NOISE = (0.4, 0.0)
_TWO_LAYERS = "two hidden layers"
_TWO_CONVOLUTIONS = "two convolutions of 8 and 16 channels and a hidden layer of 64 units"

PARTS = {
    part.name: part
    for part in (
        Part(
            "digits-dense", "digits", _TWO_LAYERS,
            _axes(TRAIN_ROWS, LABEL_NOISE, units=UNITS), _DENSE,
            measurements=None, stop_from=0.0,
        ),
        Part(
            "fashion-dense", "fashion", _TWO_LAYERS,
            _axes((800, 200), _NOISE, units=(256,)), (*_DENSE, "shift", *_TRAININGS),
        ),
        Part(
            "table-dense", "table", _TWO_LAYERS,
            _axes((150, 50), _NOISE, units=(256,)), (*_DENSE, "64 units", *_TRAININGS),
        ),
        Part(
            "fashion-convolutional", "fashion", _TWO_CONVOLUTIONS,
            _axes((800, 200), _NOISE), _CONVOLUTIONAL,
        ),
        Part(
            "digits-convolutional", "digits", _TWO_CONVOLUTIONS,
            _axes((400, 200), _NOISE), _CONVOLUTIONAL,
        ),
        Part(
            "fashion-transformer", "fashion",
            "a transformer encoder of two blocks, normalized before attention",
            _axes((800,), _NOISE),
            (NONE, "dropout 0.2", "normalized after", "weight decay 0.5", EARLY_STOPPING),
        ),
        Part(
            "fashion-residual", "fashion",
            "three residual blocks of 16 channels with batch normalization",
            _axes((800,), (0.4,)), (NONE, "stochastic depth 0.5", EARLY_STOPPING),
        ),
        Part(
            "fashion-batches", "fashion", _TWO_CONVOLUTIONS,
            _axes((200,), (0.0,), batch_size=(2, 4, 8, 32)),
            (NONE, "BN", "group normalization", "layer normalization"),
        ),
        Part(
            "fashion-orders", "fashion", _TWO_CONVOLUTIONS + ", each with batch normalization",
            _axes((800,), _NOISE),
            ("BN", *(f"BN + {name}" for name in _CONVOLUTIONAL[1:4])),
        ),
        Part(
            "fashion-widths", "fashion", "one hidden layer",
            _axes((200,), _NOISE),
            tuple(f"{units} units" for units in (32, 2, 4, 8, 16, 64, 256, 1024)),
            stop_from=1.0,
        ),
    )
}  # fmt: skip
DIGITS = PARTS["digits-dense"]


def name_of(condition: Mapping) -> str:
    """A condition in a few characters, such as "train_rows=50,label_noise=0.2,units=16"."""
    return ",".join(f"{key}={value:g}" for key, value in condition.items())


def in_words(condition: Mapping, part: Part) -> str:
    """What tells a condition from the others of its part, such as "800 rows, 40% wrong labels"."""
    words = {
        "train_rows": lambda rows: f"{rows:g} rows",
        "label_noise": lambda noise: f"{noise:.0%} wrong labels" if noise else "right labels",
        "units": lambda units: f"{units:g} units",
        "batch_size": lambda rows: f"{rows:g} rows a step",
    }
    varied = [axis for axis, values in part.axes.items() if len(values) > 1] or list(part.axes)
    return ", ".join(words[axis](condition[axis]) for axis in varied)


def load(part: str = DIGITS.name) -> pd.DataFrame:
    """A committed table."""
    table = intact.table(PARTS[part].path)
    table.attrs = {}  # pandas copies them, and all in them, with each row and column that is taken
    return table


def origin(part: str = DIGITS.name) -> dict:
    """What a committed table tells about its columns, settings, conditions, versions and date."""
    return intact.table(PARTS[part].path).attrs


def effects(table: pd.DataFrame, end: str = "final", steps: int = STEPS) -> pd.DataFrame:
    """One row per condition and technique, without the seeds.

    Args:
        table: a part of the atlas.
        end: "final" or "best".
        steps: the ceiling, a share of `STEPS` from `BUDGETS`.

    Returns:
        The columns of `COLUMNS` up to the verdict, with the mean accuracy over the seeds in place
        of each one's.
    """
    keys = list(table)[: list(table).index("technique") + 1]
    chosen = table[(table["end"] == end) & (table["steps"] == steps)]
    told = list(COLUMNS)[list(COLUMNS).index("effect") :]
    means = chosen.groupby(keys, sort=False)["accuracy"].mean()
    return chosen.drop_duplicates(keys)[[*keys, *told]].merge(means.reset_index(), on=keys)


def claim(
    part: str,
    technique: str,
    *,
    against: str | None = None,
    against_in_words: str | None = None,
    end: str = "final",
    where: Mapping,
    **told,
) -> Claim:
    """A claim that rests on a part of the atlas instead of on trainings of today.

    Args:
        part: name of the part.
        technique, against: two of its techniques; by default against the first one, of which the
            sentence then says nothing.
        against_in_words: what the sentence calls the second one.
        end: "final" or "best"; of "early stopping", which is the best epoch, "final".
        where: the condition, a value for each axis that has several.
        told: parts of the `Claim`, such as its id, context and subject.

    Raises:
        ValueError: the part has no such technique or condition, or the condition is not one.
    """
    table, asked = load(part), PARTS[part]
    words = against_in_words or against or ""
    against = against or asked.techniques[0]
    found = [c for c in asked.conditions() if all(c.get(k) == v for k, v in where.items())]
    unknown = {technique, against} - set(asked.techniques)
    if len(found) != 1 or unknown:
        raise ValueError(
            f"{part} has {len(found)} conditions with {name_of(where)}, and techniques "
            f"{', '.join(asked.techniques)}; a claim is about one condition and two of these"
        )
    (condition,) = found
    rows = table[(table[list(condition)] == pd.Series(condition)).all(axis=1)]
    rows = rows[rows["end"] == end].sort_values(["seed", "steps"])
    seeds = tuple(int(seed) for seed in rows["seed"].unique())
    made = origin(part)["conditions"][name_of(condition)]

    def reached(name):
        of_it = rows[rows["technique"] == name]
        return Measurement(
            of_it["accuracy"].to_numpy().reshape(len(seeds), -1), tuple(made["epochs"])
        )

    return Claim(
        treatment=reached(technique),
        control=reached(against),
        standard_errors=errors_of(made["errors"][end], technique, against),
        source=f"the atlas, part {part}, {name_of(condition)}: {technique} against {against}, "
        f"{end}",
        measured_by=f"python -m utils.measure_atlas {part}",
        metric="accuracy",
        direction="higher",
        against=words,
        seeds=seeds,
        comparisons=len(asked.techniques) - 1,
        **told,
    )


# The conditions in which parts are compared: two layers of 256 units, with many rows or with few.
CARRIED = {
    "digits-dense": (400, 200),
    "table-dense": (150, 50),
    "fashion-dense": (800, 200),
    "digits-convolutional": (400, 200),
    "fashion-convolutional": (800, 200),
    "fashion-transformer": (800, None),
}
SAME = "the same everywhere"
SOMEWHERE = "shown in some, not in others"
TURNS = "turns into its opposite"
OPEN = "undecided everywhere"
CARRIES = (TURNS, SOMEWHERE, SAME, OPEN)


def carried_over(label_noise: float, end: str = "final", few: bool = False) -> pd.DataFrame:
    """What each technique did in every part of the atlas, at one share of wrong labels.

    Args:
        label_noise: 0 or 0.4.
        end: "final" or "best".
        few: whether to compare with few labelled rows instead of many.

    Returns:
        One row per technique that at least two parts measured; the columns "effect" and "verdict"
        for each part of `CARRIED`, as pairs of names, and ("", "carries") with one of `CARRIES`,
        in whose order the rows stand.
    """
    tables = []
    for part, rows in CARRIED.items():
        found = effects(load(part), end)
        found = found[(found["train_rows"] == rows[few]) & (found["label_noise"] == label_noise)]
        if "units" in found:
            found = found[found["units"] == UNITS[-1]]
        found = found.dropna(subset=["effect"]).set_index("technique")[["effect", "verdict"]]
        tables.append(pd.concat({part: found}, axis=1))
    table = pd.concat(tables, axis=1)
    verdicts = table.xs("verdict", axis=1, level=1)
    table = table[verdicts.notna().sum(axis=1) >= 2]

    def carries(verdicts):
        found = set(verdicts.dropna())
        if {SUPPORTED, OPPOSITE} <= found:
            return TURNS
        if found == {UNDECIDED}:
            return OPEN
        return SAME if len(found) == 1 else SOMEWHERE

    table[("", "carries")] = verdicts.loc[table.index].apply(carries, axis=1)
    order = table[("", "carries")].map(CARRIES.index)
    return table.loc[order.sort_values(kind="stable").index]


def winners(table: pd.DataFrame, end: str = "final") -> pd.DataFrame:
    """Which technique is best in each condition, and whether it makes a difference.

    Returns:
        For each condition the row of `effects` with the highest mean accuracy among the techniques
        whose verdict is "supported" or, where there are none, among all but "none"; and in the
        column "level" the techniques that the highest mean of all cannot be told apart from.
    """
    found = effects(table, end)
    found = found[found["technique"] != NONE].dropna(subset=["effect"])
    rows = []
    axes = list(table)[: list(table).index("technique")]
    for _, group in found.groupby(axes, sort=False):
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
        hidden = [
            "Dense(UNITS, use_bias=False)",
            "BatchNormalization(momentum=0.9)",
            'Activation("relu")',
        ]
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


def labels_in_words(label_noise: float) -> str:
    """Such as "40% wrong labels"."""
    return f"{label_noise:.0%} wrong labels" if label_noise else "right labels only"


def end_in_words(end: str) -> str:
    """Of "final" or "best"."""
    return "when training stopped" if end == "final" else "at the chosen epoch"


def _map(values, texts, **told):
    """A field for each number of rows and each width."""
    return figures.heat_map(
        values,
        texts,
        rows=TRAIN_ROWS,
        columns=UNITS,
        xlabel="units in each hidden layer",
        ylabel="labelled rows",
        **told,
    )


def technique_map(
    table: pd.DataFrame, technique: str, label_noise: float, end: str = "final"
) -> figures.Picture:
    """A heat map of one technique's effect, gain and harm, by training rows and width.

    Args:
        table: the atlas.
        technique: its name there.
        label_noise: one of `LABEL_NOISE`.
        end: "final" or "best".
    """
    found = effects(table, end)
    found = found[(found["technique"] == technique) & (found["label_noise"] == label_noise)]
    values = np.full((len(TRAIN_ROWS), len(UNITS)), np.nan)
    texts = [[""] * len(UNITS) for _ in TRAIN_ROWS]
    words = []
    for one in found.to_dict("records"):
        row, column = TRAIN_ROWS.index(one["train_rows"]), UNITS.index(one["units"])
        said = {SUPPORTED: "gain", OPPOSITE: "harm"}.get(one["verdict"], one["verdict"])
        values[row, column] = one["effect"]
        texts[row][column] = f"{one['effect']:+.3f}\n{said}"
        words.append(
            f"{one['train_rows']} rows, {one['units']} units: {one['effect']:+.3f}, {said}"
        )
    helped, harmed = ((found["verdict"] == verdict).sum() for verdict in (SUPPORTED, OPPOSITE))
    labels, when = labels_in_words(label_noise), end_in_words(end)
    return _map(
        values,
        texts,
        title=f"{technique[:1].upper()}{technique[1:]} with {labels}: a gain in {helped}, harm in "
        f"{harmed} of {values.size} conditions, {when}",
        alt=f"Effect of {technique} on test accuracy with {labels}, {when}. {'; '.join(words)}.",
        high=0.1,
        diverging=True,
    )
