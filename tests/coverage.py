"""How often the course's intervals hold the truth, by simulation.

`python -m tests.coverage` draws differences whose true mean is zero, as they come from seeds alone
and from seeds and held-out rows together, and counts how often the 95 % interval of a claim, the
wider one that decides its verdict, and the deciding intervals of all claims of a family hold zero.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
import pandas as pd
from scipy import stats

from utils.intervals import CONFIDENCE, confidence_interval, error_over_seeds_and_rows

# Numbers with mean 0 and standard deviation 1.
KINDS = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "heavy-tailed (t, 4 degrees)": lambda rng, shape: rng.standard_t(4, shape) / 2**0.5,
    "skewed (gamma, skewness 1)": lambda rng, shape: (rng.standard_gamma(4, shape) - 4) / 2,
    "very skewed (exponential, skewness 2)": lambda rng, shape: rng.standard_gamma(1, shape) - 1,
}
# As of the digits, each seed tests on less than half of the rows that there are.
ROWS, TEST_ROWS = 200, 90


def intervals(values: np.ndarray, level: float, errors: np.ndarray | None = None) -> np.ndarray:
    """What `confidence_interval` gives for each set of values, shape (..., 2), all in one go.

    Args:
        values: finite and not all equal, shape (..., seeds).
        level: how often the intervals hold the mean.
        errors: standard errors of shape (...), or None for those over the seeds.
    """
    count, mean = values.shape[-1], values.mean(axis=-1)
    over_seeds = values.std(axis=-1, ddof=1) / count**0.5
    error = over_seeds if errors is None else np.maximum(over_seeds, errors)
    reach = stats.t.ppf((1 + level) / 2, count - 1)
    skew = stats.skew(values, axis=-1, bias=False) * (over_seeds / error) ** 3
    skew = np.where(np.abs(skew) < 1e-9, 1e-9, skew)
    a, b = skew / (3 * count**0.5), skew / (6 * count**0.5)
    below, above = (
        np.maximum(reach, side * (np.cbrt(1 + 3 * a * (side * reach - b)) - 1) / a)
        for side in (1, -1)
    )
    return np.stack([mean - below * error, mean + above * error], axis=-1)


def drawn(rng, kind: str, families: int, claims: int, seeds: int, rows: bool):
    """Differences of families of claims without an effect.

    Args:
        rng: a generator.
        kind: one of `KINDS`, by which seeds differ; rows and single answers differ normally.
        families, claims, seeds: how many; claims are independent of each other, which is the
            hardest case for a family.
        rows: whether held-out rows add as much to the error as seeds do.

    Returns:
        Means over rows of shape (families, claims, seeds); and with rows also the differences of
        shape (families, claims, seeds, ROWS) and booleans of shape (families, 1, seeds, ROWS) that
        tell which rows a seed was tested on.
    """
    by_seed = KINDS[kind](rng, (families, claims, seeds))
    if not rows:
        return by_seed, None, None
    places = rng.random((families, 1, seeds, ROWS), dtype="float32").argsort(axis=-1)
    tested = places < TEST_ROWS
    spread = np.float32((ROWS / seeds) ** 0.5)
    differences = rng.standard_normal((families, claims, seeds, ROWS), dtype="float32")
    differences += rng.standard_normal((families, claims, 1, ROWS), dtype="float32")
    differences *= spread
    differences += by_seed[..., None].astype("float32")
    differences *= tested
    return differences.sum(axis=-1, dtype="float64") / TEST_ROWS, differences, tested


def errors(differences: np.ndarray, tested: np.ndarray) -> np.ndarray:
    """What `error_over_seeds_and_rows` gives for each claim of `drawn`."""
    seeds = differences.shape[2]
    total = seeds * TEST_ROWS
    mean = differences.sum(axis=(2, 3), keepdims=True, dtype="float64") / total
    parts = (differences - mean.astype("float32")) * tested
    by_seed = (parts.sum(axis=3, dtype="float64") ** 2).sum(axis=2) * seeds / (seeds - 1)
    met = tested.any(axis=2).sum(axis=2)
    by_row = (parts.sum(axis=2, dtype="float64") ** 2).sum(axis=2) * met / (met - 1)
    single = np.einsum("fcsr,fcsr->fc", parts, parts, dtype="float64")
    return np.sqrt(np.maximum(by_seed, by_seed + by_row - single)) / total


def agrees_with_the_course(rng, claims: int = 3, seeds: int = 24) -> bool:
    """Whether the simulated intervals are those of `utils.intervals`, of every kind."""
    for kind in KINDS:
        means, differences, tested = drawn(rng, kind, 2, claims, seeds, rows=True)
        own = errors(differences, tested)
        for level in (CONFIDENCE, 0.997):
            with_rows, alone = intervals(means, level, own), intervals(means, level)
            for place in np.ndindex(own.shape):
                at = [np.flatnonzero(row) for row in tested[place[0], 0]]
                by_row = np.array(
                    [row[ids] for row, ids in zip(differences[place], at, strict=True)]
                )
                error = error_over_seeds_and_rows(by_row, np.array(at))
                for ours, theirs in (
                    (alone, confidence_interval(means[place], level)),
                    (with_rows, confidence_interval(means[place], level, error)),
                ):
                    if not np.allclose(ours[place], theirs, rtol=1e-3, atol=1e-5):
                        return False
    return True


def coverage(
    rng,
    kind: str,
    *,
    families: int,
    claims: int = 16,
    seeds: int = 24,
    rows: bool = False,
    confidence: float = CONFIDENCE,
    count_rows: bool = True,
) -> dict[str, np.ndarray]:
    """Which claims hold the truth, and which families do.

    Args:
        rng, kind, families, claims, seeds, rows: as for `drawn`.
        confidence: of the intervals that are made, whatever they are taken for.
        count_rows: whether intervals count the rows in, where there are any.

    Returns:
        Booleans: "alone" for intervals of single claims and "deciding" for those of claims that are
        judged together, both of shape (families, claims), and "family", shape (families,).
    """
    held = {"alone": [], "deciding": []}
    at_a_time = max(1, 4_000_000 // (claims * seeds * (ROWS if rows else 1)))
    for start in range(0, families, at_a_time):
        some = min(at_a_time, families - start)
        means, differences, tested = drawn(rng, kind, some, claims, seeds, rows)
        own = errors(differences, tested) if rows and count_rows else None
        for name, level in (
            ("alone", confidence),
            ("deciding", 1 - (1 - confidence) / claims),
        ):
            low, high = np.moveaxis(intervals(means, level, own), -1, 0)
            held[name].append((low <= 0) & (high >= 0))
    held = {name: np.concatenate(parts) for name, parts in held.items()}
    return held | {"family": held["deciding"].all(axis=1)}


def share(held: np.ndarray) -> tuple[float, float]:
    """How many hold, and two standard errors of that; claims of one family are independent."""
    found = held.mean()
    return float(found), float(2 * np.sqrt(max(found * (1 - found), 1 / held.size) / held.size))


def table(rng, families: int, seeds: int, claims: int) -> pd.DataFrame:
    """Nominal and found levels for every kind, with and without rows that vary."""
    nominal = {
        "alone": CONFIDENCE,
        "deciding": 1 - (1 - CONFIDENCE) / claims,
        "family": CONFIDENCE,
    }
    lines = []
    for rows in (False, True):
        for kind in KINDS:
            held = coverage(rng, kind, families=families, claims=claims, seeds=seeds, rows=rows)
            for name, level in nominal.items():
                found, error = share(held[name])
                lines.append(
                    {
                        "seeds differ": kind,
                        "rows vary": "yes" if rows else "no",
                        "interval": {
                            "alone": "of one claim",
                            "deciding": f"of one of {claims} claims",
                            "family": f"of {claims} claims, all at a time",
                        }[name],
                        "nominal": f"{level:.4f}",
                        "found": f"{found:.4f}",
                        "two standard errors": f"{error:.4f}",
                    }
                )
    return pd.DataFrame(lines)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.coverage", description=__doc__)
    parser.add_argument("--families", type=int, default=2000, help="families of each kind")
    parser.add_argument("--seeds", type=int, default=24, help="paired seeds of each claim")
    parser.add_argument("--claims", type=int, default=16, help="claims of each family")
    given = parser.parse_args(argv)
    if given.families < 1 or given.seeds < 3 or given.claims < 1:
        print("it takes at least one family, three seeds and one claim", file=sys.stderr)
        return 2
    rng = np.random.default_rng(0)
    if not agrees_with_the_course(rng, seeds=given.seeds):
        print("the intervals simulated here are not those of utils.intervals", file=sys.stderr)
        return 1
    print(f"{given.families * given.claims} claims of each kind, {given.seeds} seeds each")
    print(table(rng, given.families, given.seeds, given.claims).to_string(index=False))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
