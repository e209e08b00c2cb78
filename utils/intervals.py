"""Intervals that hold an effect as often as they say, when seeds and held-out rows both vary.

A mean over seeds would have been another one with other seeds, and with other held-out rows. Both
are counted: the squared standard error is the part that seeds explain, plus the part that rows
explain, minus the part that belongs to single pairs of both and was counted twice (Cameron, Gelbach
and Miller 2011, https://doi.org/10.1198/jbes.2010.07136).

Student's t is right for differences spread evenly to both sides and too short on one side of skewed
ones; the same t after Hall's transformation, which removes skewness (Hall 1992,
https://doi.org/10.2307/2984183), is nearly right for skewed ones and too short for heavy tails. The
interval here reaches as far as the wider of the two on each side. `python -m tests.coverage` says
by simulation how often it covers.
"""

from __future__ import annotations

import numpy as np
from scipy import stats

CONFIDENCE = 0.95


def confidence_interval(
    values: np.ndarray, level: float = CONFIDENCE, standard_error: float | None = None
) -> tuple[float, float]:
    """Interval of a mean.

    Args:
        values: one number for each seed, shape (seeds,), at least two.
        level: how often intervals made like this one hold the mean, between 0 and 1.
        standard_error: of the mean, where more than seeds varies; that over the seeds by default,
            which is also the least that is used.

    Returns:
        Lower and upper bound; both equal the mean where all values are the same and nothing else
        varies, and both are nan where a value is not finite.
    """
    values = np.asarray(values, dtype="float64")
    if not np.isfinite(values).all():
        return np.nan, np.nan
    mean, count = values.mean(), len(values)
    over_seeds = values.std(ddof=1) / np.sqrt(count) if np.ptp(values) else 0.0
    error = max(over_seeds, standard_error or 0.0)
    if error == 0:
        return float(mean), float(mean)
    reach = stats.t.ppf((1 + level) / 2, count - 1)
    below, above = reach, reach
    if count > 2 and over_seeds > 0:
        # Only what seeds add is skewed; a sum over hundreds of rows is not.
        cubes = (((values - mean) / values.std(ddof=1)) ** 3).sum()
        skew = cubes * count / ((count - 1) * (count - 2)) * (over_seeds / error) ** 3
        below = max(reach, _without_skew(reach, skew, count))
        above = max(reach, -_without_skew(-reach, skew, count))
    return float(mean - below * error), float(mean + above * error)


def _without_skew(t, skew, count):
    """Hall's transformation, inverted: the t of skewed numbers that is as rare as `t`."""
    a, b = skew / (3 * np.sqrt(count)), skew / (6 * np.sqrt(count))
    if abs(a) < 1e-9:
        return t
    return (np.cbrt(1 + 3 * a * (t - b)) - 1) / a


def error_over_seeds_and_rows(differences: np.ndarray, row_ids: np.ndarray) -> float:
    """Standard error of the mean of differences that seeds and rows have caused.

    Args:
        differences: one number for each seed and each of its rows, shape (seeds, rows).
        row_ids: which row each of them is, whole numbers of the same shape; a row that several
            seeds share has one number.

    Returns:
        The standard error, at least that over the seeds.
    """
    differences = np.asarray(differences, dtype="float64")
    seeds = len(differences)
    parts = (differences - differences.mean()) / differences.size
    by_seed = (parts.sum(axis=1) ** 2).sum() * seeds / (seeds - 1)
    _, place = np.unique(row_ids, return_inverse=True)
    sums = np.bincount(place.ravel(), weights=parts.ravel())
    by_row = (sums**2).sum() * len(sums) / (len(sums) - 1)
    return float(np.sqrt(max(by_seed, by_seed + by_row - (parts**2).sum())))
