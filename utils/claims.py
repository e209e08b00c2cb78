"""A sentence, the paired measurements behind it, and the verdict they allow.

The effect is the mean over seeds of treatment minus control, both measured with the same seed.
Its 95 % interval is a bias-corrected and accelerated bootstrap over the pairs (Efron 1987,
https://doi.org/10.2307/2289144; `scipy.stats.bootstrap`). Of many claims without an effect, one in
twenty would show one by chance. Claims that are made together are therefore judged by wider
intervals, of level 1 - 0.05/comparisons, which all hold at a time with about 95 % (Bonferroni).
"""

from __future__ import annotations

import dataclasses
import functools
import html
import re
import warnings
from typing import Literal

import numpy as np
from scipy import stats

SUPPORTED = "supported"
NOT_SUPPORTED = "not supported"
NO_DIFFERENCE = "no difference found"
VERDICTS = (SUPPORTED, NOT_SUPPORTED, NO_DIFFERENCE)

CONFIDENCE = 0.95
RESAMPLES = 9999
# Enough for about sixty resamples beyond each end of an interval for twenty comparisons.
RESAMPLES_FOR_VERDICTS = 49_999


@dataclasses.dataclass(frozen=True, eq=False)
class Claim:
    """One empirical sentence of the course.

    Displayed as plain text it shows only what is the same on every machine: id, sentence, verdict
    and number of seeds. The rich display adds the numbers, and the metadata of the output holds
    them in full precision under the key "claim".

    Attributes:
        id: short name, unique in the course, such as "dropout-helps-wide-nets".
        sentence: what is claimed of the treatment against the control.
        treatment, control: one number per seed, arrays of shape (seeds,), in the same order.
        metric: what the numbers are, such as "validation accuracy".
        direction: whether the sentence says that the treatment is "higher" or "lower".
        seeds: the seed of each pair.
        smallest_effect: effects up to this size count as no difference, in units of the metric;
            best decided before looking.
        comparisons: how many claims are made together with this one, itself included. The
            verdict allows for all of them.

    Where a training diverged, so that a number is not finite, effect and interval are nan and no
    difference is found.

    Raises:
        ValueError: shapes that do not match, fewer than two pairs, or repeated seeds.
    """

    id: str
    sentence: str
    treatment: np.ndarray
    control: np.ndarray
    metric: str
    direction: Literal["higher", "lower"]
    seeds: tuple[int, ...]
    smallest_effect: float = 0.0
    comparisons: int = 1

    def __post_init__(self):
        for name in ("treatment", "control"):
            values = np.asarray(getattr(self, name), dtype="float64")
            if values.shape != (len(self.seeds),):
                raise ValueError(
                    f"{self.id}: {name} has shape {values.shape}; "
                    f"it takes one number for each of the {len(self.seeds)} seeds"
                )
            object.__setattr__(self, name, values)
        if len(self.seeds) < 2 or len(set(self.seeds)) != len(self.seeds):
            raise ValueError(
                f"{self.id}: a claim needs at least two pairs, each of a seed of its own"
            )
        if self.direction not in ("higher", "lower"):
            raise ValueError(
                f"{self.id}: direction is {self.direction!r}; it is 'higher' or 'lower'"
            )
        if not self.smallest_effect >= 0:
            raise ValueError(
                f"{self.id}: smallest_effect is {self.smallest_effect}; it starts at 0"
            )
        if self.comparisons < 1:
            raise ValueError(f"{self.id}: comparisons is {self.comparisons}; it starts at 1")

    @property
    def differences(self) -> np.ndarray:
        """Treatment minus control, shape (seeds,)."""
        with np.errstate(invalid="ignore"):  # inf - inf, where both diverged
            return self.treatment - self.control

    @property
    def effect(self) -> float:
        """Mean difference, in units of the metric."""
        differences = self.differences
        return float(differences.mean()) if np.isfinite(differences).all() else np.nan

    @property
    def effect_size(self) -> float:
        """Mean difference in standard deviations of the differences (Cohen's d for pairs)."""
        if not np.isfinite(self.effect):
            return np.nan
        spread = self.differences.std(ddof=1)
        if spread == 0:
            return float(np.sign(self.effect)) * np.inf if self.effect else 0.0
        return self.effect / float(spread)

    @functools.cached_property
    def interval(self) -> tuple[float, float]:
        """95 % confidence interval of the effect."""
        return confidence_interval(self.differences)

    @functools.cached_property
    def joint_interval(self) -> tuple[float, float]:
        """Interval of level 1 - 0.05/comparisons, by which the claim is judged."""
        if self.comparisons == 1:
            return self.interval
        level = 1 - (1 - CONFIDENCE) / self.comparisons
        return confidence_interval(self.differences, level, RESAMPLES_FOR_VERDICTS)

    @property
    def verdict(self) -> str:
        """One of `VERDICTS`: where the joint interval lies, seen from the smallest effect."""
        low, high = self.joint_interval
        if self.direction == "lower":
            low, high = -high, -low
        if low > self.smallest_effect:
            return SUPPORTED
        if high < -self.smallest_effect:
            return NOT_SUPPORTED
        return NO_DIFFERENCE

    def record(self) -> dict:
        """All that was measured, as plain numbers and strings; None for what is not finite."""

        def plain(numbers):
            return [float(x) if np.isfinite(x) else None for x in numbers]

        effect, effect_size = plain([self.effect, self.effect_size])
        return {
            "id": self.id,
            "sentence": self.sentence,
            "metric": self.metric,
            "direction": self.direction,
            "smallest_effect": self.smallest_effect,
            "verdict": self.verdict,
            "effect": effect,
            "interval": plain(self.interval),
            "comparisons": self.comparisons,
            "joint_interval": plain(self.joint_interval),
            "effect_size": effect_size,
            "seeds": list(self.seeds),
            "treatment": plain(self.treatment),
            "control": plain(self.control),
        }

    def __str__(self):
        return f"{self.sentence}\n{self.verdict} ({len(self.seeds)} paired seeds) [{self.id}]"

    __repr__ = __str__

    def _repr_html_(self):
        return (
            f'<div class="claim" id="claim-{html.escape(self.id)}" '
            'style="border-left: 0.3em solid #0072b2; padding: 0.2em 1em; margin: 0.5em 0">'
            f"<p><strong>{html.escape(self.sentence)}</strong></p>"
            f"<p>Verdict: <strong>{self.verdict}</strong>. "
            f"{html.escape(_typeset(self._numbers()))} "
            f"<code>{html.escape(self.id)}</code></p></div>"
        )

    def _numbers(self):
        finite = np.isfinite(self.differences).sum()
        if finite < len(self.seeds):
            return f"Nothing was measured: only {finite} of {len(self.seeds)} seeds gave a number."
        low, high = self.interval
        size = f"{self.effect_size:+.1f}" if np.isfinite(self.effect_size) else "not defined"
        small = f"; up to {self.smallest_effect:g} counts as none" if self.smallest_effect else ""
        together = ""
        if self.comparisons > 1:
            together = "; {:+.4f} to {:+.4f} when allowing for all {} claims of the chapter".format(
                *self.joint_interval, self.comparisons
            )
        return (
            f"Effect on {self.metric}: {self.effect:+.4f}, 95 % interval {low:+.4f} to {high:+.4f}"
            f"{together}{small} ({self.treatment.mean():.4f} against {self.control.mean():.4f}, "
            f"{len(self.seeds)} paired seeds, effect size {size})."
        )

    def _repr_mimebundle_(self, include=None, exclude=None):
        data = {"text/plain": str(self), "text/html": self._repr_html_()}
        return data, {"claim": self.record()}


def _typeset(text):
    """Minus signs for hyphens before numbers; a zero has neither sign."""
    text = re.sub(r"[+-](0\.0+)(?!\d)", r"\1", text)
    return re.sub(r"(?<!\S)-(?=\d)", "\N{MINUS SIGN}", text)


def confidence_interval(
    values: np.ndarray, level: float | None = None, resamples: int | None = None
) -> tuple[float, float]:
    """Bootstrap interval of a mean.

    Args:
        values: shape (seeds,), at least two numbers.
        level: how often intervals made like this one hold the mean, between 0 and 1;
            `CONFIDENCE` by default.
        resamples: number of bootstrap resamples; `RESAMPLES` by default.

    Returns:
        Lower and upper bound; both equal the mean where all values are the same, and both are nan
        where a value is not finite.
    """
    values = np.asarray(values, dtype="float64")
    if not np.isfinite(values).all():
        return np.nan, np.nan
    if np.ptp(values) == 0:
        return float(values[0]), float(values[0])
    # The generator is the bootstrap's own: the same values always give the same interval. BCa is
    # not defined where nearly all values are equal; the percentiles of the resamples then are.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        for method in ("BCa", "percentile"):
            low, high = stats.bootstrap(
                (values,),
                np.mean,
                n_resamples=resamples or RESAMPLES,
                confidence_level=level or CONFIDENCE,
                method=method,
                rng=np.random.default_rng(0),
            ).confidence_interval
            if np.isfinite([low, high]).all():
                break
    return float(low), float(high)
