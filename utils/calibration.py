"""Whether a network is right as often as its probabilities say, measured once and kept as a table.

`measure_calibration` makes the table: networks of two hidden layers of 256 units on photographs,
each followed by one of `METHODS` that turn it into probabilities.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from scipy import optimize

from . import intact
from .claims import Claim
from .measures import Measurement, cross_entropy_of, errors_of

PATH = Path(__file__).resolve().parents[1] / "book" / "data" / "calibration.parquet"
BINS = 10
MEMBERS = 5  # of an ensemble
MASKS = 30
METHODS = {
    "one network": "the softmax output of a network without dropout",
    "temperature": "the same, with the one number that fits its validation rows best",
    "ensemble of five": "the mean of five such networks that differ in their seed",
    "dropout": "the softmax output of a network that was trained with dropout of 0.5",
    "30 masks": "the mean over 30 masks of that network",
}
PLAIN = "one network"
METRICS = {
    "cross_entropy": ("test loss", "cross-entropy in nats"),
    "calibration_error": ("calibration error", "expected calibration error"),
}
COLUMNS = {
    "label_noise": "fraction of wrong labels among the 800 labelled rows",
    "method": "one of the methods",
    "epochs": "passes over the training rows",
    "seed": "seed of the replicate; decides rows, wrong labels, weights, batches and masks",
    "accuracy": "share of the test rows that are classified correctly, 0 to 1",
    "cross_entropy": "mean negative logarithm of the probability of the right class, in nats",
    "calibration_error": "expected calibration error, 0 to 1",
}


def expected_calibration_error(confidence: np.ndarray, correct: np.ndarray) -> float:
    """Mean distance between confidence and accuracy (Guo et al. 2017).

    Rows are put into ten bins of equal width by their confidence; each counts by its share of the
    rows (https://arxiv.org/abs/1706.04599).

    Args:
        confidence: the highest probability of each row, shape (rows,).
        correct: whether the class with that probability is right, shape (rows,).

    Returns:
        0 where every bin is right as often as its rows say, at most 1.
    """
    table = reliability(confidence, correct)
    filled = table["share"] > 0
    gaps = (table["accuracy"] - table["confidence"]).abs()
    return float((table["share"] * gaps)[filled].sum())


def reliability(confidence: np.ndarray, correct: np.ndarray) -> pd.DataFrame:
    """Mean confidence, accuracy and share of the rows in each of ten bins of confidence.

    The arguments are those of `expected_calibration_error`; an empty bin holds nan.
    """
    place = np.minimum((np.asarray(confidence) * BINS).astype(int), BINS - 1)
    count = np.bincount(place, minlength=BINS)
    with np.errstate(invalid="ignore"):
        return pd.DataFrame(
            {
                "confidence": np.bincount(place, confidence, minlength=BINS) / count,
                "accuracy": np.bincount(place, correct, minlength=BINS) / count,
                "share": count / count.sum(),
            }
        )


def tempered(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Softmax outputs as they were if all logits had been divided by a temperature.

    Args:
        probabilities: shape (rows, classes), each row summing to 1.
        temperature: above 0; above 1 the network becomes less sure.
    """
    logits = np.log(np.maximum(probabilities, 1e-30)) / temperature
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def fitted_temperature(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """The temperature with the lowest cross-entropy on some rows, between 1/20 and 20.

    Args:
        probabilities: shape (rows, classes).
        labels: whole numbers of shape (rows,).
    """

    def loss(logarithm):
        of_label = tempered(probabilities, np.exp(logarithm))[np.arange(len(labels)), labels]
        return cross_entropy_of(of_label).mean()

    reach = np.log(20)
    return float(np.exp(optimize.minimize_scalar(loss, bounds=(-reach, reach)).x))


def load() -> pd.DataFrame:
    """The committed table; its `attrs` hold what its columns mean, and reliability by method."""
    return intact.table(PATH)


def diagram(label_noise: float) -> dict[str, pd.DataFrame]:
    """`reliability` of each method at the whole budget, over the test rows of all seeds."""
    tables = load().attrs["reliability"][f"{label_noise:g}"]
    return {method: pd.DataFrame(columns) for method, columns in tables.items()}


def claim(method: str, *, against: str = PLAIN, metric: str, label_noise: float, **told) -> Claim:
    """A claim that rests on the table.

    Args:
        method, against: two of `METHODS`.
        metric: "cross_entropy" or "calibration_error"; both are better when lower.
        label_noise: 0 or 0.4.
        told: parts of the `Claim`, such as its id and context.
    """
    table = load()
    rows = table[table["label_noise"] == label_noise].sort_values(["seed", "epochs"])
    seeds = tuple(int(seed) for seed in rows["seed"].unique())
    epochs = tuple(int(epoch) for epoch in sorted(rows["epochs"].unique()))
    what, unit = METRICS[metric]

    def reached(name):
        numbers = rows[rows["method"] == name][metric].to_numpy()
        return Measurement(numbers.reshape(len(seeds), -1), epochs)

    errors = None
    if metric == "cross_entropy":  # an expected calibration error is no mean over rows
        errors = errors_of(table.attrs["errors"][f"{label_noise:g}"], method, against)
    return Claim(
        treatment=reached(method),
        control=reached(against),
        standard_errors=errors,
        source=f"the table of calibration, label_noise={label_noise:g}: {metric}, {method} "
        f"against {against}",
        measured_by="python -m utils.measure_calibration",
        metric=unit,
        direction="lower",
        seeds=seeds,
        comparisons=len(METHODS) * len(METRICS),
        **({"against": against, "what": what, "subject": method} | told),
    )
