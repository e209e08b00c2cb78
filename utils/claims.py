"""A sentence, the paired measurements behind it, and the verdict they allow.

The effect is the mean over seeds of treatment minus control, both measured with the same seed.
Its 95 % interval is a bias-corrected and accelerated bootstrap over the pairs (Efron 1987,
https://doi.org/10.2307/2289144; `scipy.stats.bootstrap`).
"""

from __future__ import annotations

import dataclasses
import functools
import html
from typing import Literal

import numpy as np
from scipy import stats

SUPPORTED = "supported"
NOT_SUPPORTED = "not supported"
NO_DIFFERENCE = "no difference found"
VERDICTS = (SUPPORTED, NOT_SUPPORTED, NO_DIFFERENCE)

CONFIDENCE = 0.95
RESAMPLES = 9999


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
            decided before looking.

    Raises:
        ValueError: shapes that do not match, fewer than two pairs, repeated seeds, or numbers
            that are not finite.
    """

    id: str
    sentence: str
    treatment: np.ndarray
    control: np.ndarray
    metric: str
    direction: Literal["higher", "lower"]
    seeds: tuple[int, ...]
    smallest_effect: float = 0.0

    def __post_init__(self):
        for name in ("treatment", "control"):
            values = np.asarray(getattr(self, name), dtype="float64")
            if values.shape != (len(self.seeds),):
                raise ValueError(
                    f"{self.id}: {name} has shape {values.shape}; "
                    f"it takes one number for each of the {len(self.seeds)} seeds"
                )
            if not np.isfinite(values).all():
                raise ValueError(f"{self.id}: {name} holds numbers that are not finite")
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

    @property
    def differences(self) -> np.ndarray:
        """Treatment minus control, shape (seeds,)."""
        return self.treatment - self.control

    @property
    def effect(self) -> float:
        """Mean difference, in units of the metric."""
        return float(self.differences.mean())

    @property
    def effect_size(self) -> float:
        """Mean difference in standard deviations of the differences (Cohen's d for pairs)."""
        spread = self.differences.std(ddof=1)
        if spread == 0:
            return float(np.sign(self.effect)) * np.inf if self.effect else 0.0
        return self.effect / float(spread)

    @functools.cached_property
    def interval(self) -> tuple[float, float]:
        """95 % confidence interval of the effect."""
        return confidence_interval(self.differences)

    @property
    def verdict(self) -> str:
        """One of `VERDICTS`: whether the interval lies beyond the smallest effect, and where."""
        low, high = (
            self.interval if self.direction == "higher" else [-x for x in self.interval[::-1]]
        )
        if low > self.smallest_effect:
            return SUPPORTED
        if high < -self.smallest_effect:
            return NOT_SUPPORTED
        return NO_DIFFERENCE

    def record(self) -> dict:
        """Everything that was measured, as plain numbers and strings."""
        return {
            "id": self.id,
            "sentence": self.sentence,
            "metric": self.metric,
            "direction": self.direction,
            "smallest_effect": self.smallest_effect,
            "verdict": self.verdict,
            "effect": self.effect,
            "interval": list(self.interval),
            "effect_size": self.effect_size if np.isfinite(self.effect_size) else None,
            "seeds": list(self.seeds),
            "treatment": self.treatment.tolist(),
            "control": self.control.tolist(),
        }

    def __str__(self):
        return f"{self.sentence}\n{self.verdict} ({len(self.seeds)} paired seeds) [{self.id}]"

    __repr__ = __str__

    def _repr_html_(self):
        low, high = self.interval
        size = f"{self.effect_size:+.1f}" if np.isfinite(self.effect_size) else "not defined"
        beyond = (
            f", differences up to {self.smallest_effect:g} count as none"
            if self.smallest_effect
            else ""
        )
        return (
            f'<div class="claim" id="claim-{html.escape(self.id)}" '
            'style="border-left: 0.3em solid #0072b2; padding: 0.2em 1em; margin: 0.5em 0">'
            f"<p><strong>{html.escape(self.sentence)}</strong></p>"
            f"<p>Verdict: <strong>{self.verdict}</strong>. "
            f"Effect on {html.escape(self.metric)}: {self.effect:+.4f}, "
            f"95 % interval {low:+.4f} to {high:+.4f} "
            f"({self.treatment.mean():.4f} against {self.control.mean():.4f}, "
            f"{len(self.seeds)} paired seeds, effect size {size}{beyond}). "
            f"<code>{html.escape(self.id)}</code></p></div>"
        )

    def _repr_mimebundle_(self, include=None, exclude=None):
        data = {"text/plain": str(self), "text/html": self._repr_html_()}
        return data, {"claim": self.record()}


def confidence_interval(values: np.ndarray) -> tuple[float, float]:
    """95 % bootstrap interval of a mean.

    Args:
        values: shape (seeds,), at least two numbers.

    Returns:
        Lower and upper bound; both equal the mean where all values are the same.
    """
    values = np.asarray(values, dtype="float64")
    if np.ptp(values) == 0:
        return float(values[0]), float(values[0])
    # The generator is the bootstrap's own: the same values always give the same interval.
    interval = stats.bootstrap(
        (values,), np.mean, n_resamples=RESAMPLES, confidence_level=CONFIDENCE,
        method="BCa", rng=np.random.default_rng(0),
    ).confidence_interval  # fmt: skip
    return float(interval.low), float(interval.high)
