"""A comparison, the paired measurements behind it, and what may be said after it.

The effect is the mean over seeds of treatment minus control, both measured with the same seed. Of
many claims without an effect, one in twenty would show one by chance. Claims that are made
together are therefore judged by wider intervals, of level 1 - 0.05/comparisons, which all hold at a
time with about 95 % (Bonferroni). `intervals` says how an interval is made.

A claim about trained networks is judged at its whole budget and at half of it. Where both agree it
lasts; where they do not, its sentence names the budget.
"""

from __future__ import annotations

import dataclasses
import functools
import html
import re
from typing import Literal

import numpy as np

from .intervals import CONFIDENCE, confidence_interval
from .measures import Measurement

SUPPORTED = "supported"
OPPOSITE = "opposite found"
NO_DIFFERENCE = "no difference"
UNDECIDED = "undecided"
VERDICTS = (SUPPORTED, OPPOSITE, NO_DIFFERENCE, UNDECIDED)

# Differences up to this size count as none: one value for each metric, for the whole course.
SMALLEST_EFFECT = {
    "accuracy": 0.01,  # one picture in a hundred
    "cross-entropy in nats": 0.02,
    "share of the wrong labels": 0.01,
    "interaction in accuracy": 0.01,
    "epochs": 0.5,
    "number of learning rates": 0.5,
    "ratio of variances": 0.1,
    "mutual information in nats": 0.01,
    "expected calibration error": 0.01,
}


class ShownAsCard:
    """How a notebook shows what has a `record` and a text: as a card, with the record beside it."""

    def __repr__(self):
        return str(self)

    def _repr_html_(self):
        return card(self.record())

    def _repr_mimebundle_(self, include=None, exclude=None):
        data = {"text/plain": str(self), "text/html": self._repr_html_()}
        return data, {"claim": self.record()}


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Claim(ShownAsCard):
    """One empirical sentence of the course.

    The sentence is made of its parts in the direction that was found: "With wrong labels, dropout
    raised the accuracy of a wide network", or "lowered", or "changed ... by less than 0.01".
    Displayed as plain text a claim shows only what is the same on every machine. The rich display
    adds the numbers, and the metadata of the output holds them in full precision under "claim".

    Attributes:
        id: short name, unique in the course, such as "dropout-helps-wide-nets".
        context: where it was asked, such as "With wrong labels"; may be empty.
        subject: the treatment, such as "dropout".
        what: what it is about without an article, such as "accuracy of a wide network".
        against: what the subject is compared with, where that is more than its absence.
        direction: whether the treatment was expected to be "higher" or "lower".
        metric: one of `SMALLEST_EFFECT`.
        treatment: a `Measurement`, or one number per seed, shape (seeds,).
        control: the same, or one number for all seeds, such as chance.
        seeds: the seed of each pair.
        comparisons: how many claims are made together with this one, itself included. The verdict
            allows for all of them.
        standard_errors: of the difference at each budget, over seeds and held-out rows, where the
            measurements do not hold the rows themselves.
        source: where the numbers stand that were not measured by the run that shows the claim.
        measured_by: the command that measures them.

    Where a training diverged, so that a number is not finite, effect and interval are nan and the
    claim is undecided.

    Raises:
        ValueError: shapes that do not match, fewer than two pairs, repeated seeds, or a metric
            that has no smallest effect.
    """

    id: str
    subject: str
    what: str
    treatment: Measurement | np.ndarray
    control: Measurement | np.ndarray | float
    metric: str
    direction: Literal["higher", "lower"]
    seeds: tuple[int, ...]
    context: str = ""
    against: str = ""
    comparisons: int = 1
    standard_errors: tuple[float, ...] | None = None
    source: str = ""
    measured_by: str = ""

    def __post_init__(self):
        for name in ("treatment", "control"):
            given = getattr(self, name)
            if not isinstance(given, Measurement):
                values = np.asarray(given, dtype="float64")
                if name == "control" and values.ndim == 0:
                    values = np.full(len(self.seeds), values)
                if values.ndim != 1:
                    raise ValueError(self._shape_error(name, values.shape))
                object.__setattr__(self, name, Measurement(values[:, None], (1,)))
            values = getattr(self, name).values
            if len(values) != len(self.seeds):
                raise ValueError(self._shape_error(name, values.shape[:1]))
        if len(self.seeds) < 2 or len(set(self.seeds)) != len(self.seeds):
            raise ValueError(
                f"{self.id}: a claim needs at least two pairs, each of a seed of its own"
            )
        if self.direction not in ("higher", "lower"):
            raise ValueError(
                f"{self.id}: direction is {self.direction!r}; it is 'higher' or 'lower'"
            )
        if self.metric not in SMALLEST_EFFECT:
            raise ValueError(
                f"{self.id}: metric is {self.metric!r}; a smallest effect is set for "
                f"{', '.join(SMALLEST_EFFECT)}"
            )
        if self.comparisons < 1:
            raise ValueError(f"{self.id}: comparisons is {self.comparisons}; it starts at 1")

    def _shape_error(self, name, shape):
        return (
            f"{self.id}: {name} has shape {shape}; "
            f"it takes one number for each of the {len(self.seeds)} seeds"
        )

    # What was measured

    @functools.cached_property
    def difference(self) -> Measurement:
        """Treatment minus control, pair by pair, at each budget that both were measured at."""
        if len(self.control.epochs) == 1 and self.control.by_row is None:
            return self.treatment - self.control.final
        return self.treatment - self.control

    @property
    def smallest_effect(self) -> float:
        """Differences up to this size count as none."""
        return SMALLEST_EFFECT[self.metric]

    @property
    def effect(self) -> float:
        """Mean difference at the whole budget, in units of the metric."""
        return self._effect(-1)

    def _effect(self, column):
        differences = self.difference.values[:, column]
        return float(differences.mean()) if np.isfinite(differences).all() else np.nan

    @property
    def effect_size(self) -> float:
        """Mean difference in standard deviations of the differences (Cohen's d for pairs)."""
        if not np.isfinite(self.effect):
            return np.nan
        spread = self.difference.final.std(ddof=1)
        if spread == 0:
            return float(np.sign(self.effect)) * np.inf if self.effect else 0.0
        return self.effect / float(spread)

    def _interval(self, column, level):
        if self.standard_errors is not None:
            error = self.standard_errors[column]
        else:
            error = self.difference.standard_error(column)
        return confidence_interval(self.difference.values[:, column], level, error)

    @functools.cached_property
    def interval(self) -> tuple[float, float]:
        """95 % confidence interval of the effect."""
        return self._interval(-1, CONFIDENCE)

    @property
    def _joint_level(self):
        return 1 - (1 - CONFIDENCE) / self.comparisons

    @functools.cached_property
    def joint_interval(self) -> tuple[float, float]:
        """Interval of level 1 - 0.05/comparisons, by which the claim is judged."""
        return self._interval(-1, self._joint_level)

    # What may be said

    @property
    def verdict(self) -> str:
        """One of `VERDICTS`: where the joint interval lies, seen from the smallest effect."""
        return verdict_of(self.joint_interval, self.smallest_effect, self.direction)

    @functools.cached_property
    def budget(self) -> dict | None:
        """The epochs, what was found at half of them, and the effect over all that were measured.

        None where the claim is not about a budget: it was measured once.
        """
        measured = self.difference
        if measured.half is None or len(measured.epochs) < 2:
            return None
        half = self._interval(measured.half, self._joint_level)
        found = verdict_of(half, self.smallest_effect, self.direction)
        at_half = self._effect(measured.half)
        low, high = self.joint_interval
        # An effect moves by less than it is known to, or by less than counts as a difference.
        still = max(high - low, self.smallest_effect)
        curve = [self._interval(column, CONFIDENCE) for column in range(len(measured.epochs))]
        return {
            "epochs": measured.epochs[-1],
            "half": {"effect": _plain(at_half), "joint_interval": _plain(half), "verdict": found},
            "lasts": bool(found == self.verdict and abs(self.effect - at_half) <= still),
            "over_epochs": {
                "epochs": list(measured.epochs),
                "effect": [_plain(self._effect(c)) for c in range(len(measured.epochs))],
                "interval": [_plain(bounds) for bounds in curve],
            },
        }

    @property
    def lasts(self) -> bool | None:
        """Whether half of the budget says the same; None where there is no budget."""
        return self.budget["lasts"] if self.budget else None

    @property
    def sentence(self) -> str:
        """What was found, in words; it names the budget where half of it says something else."""
        subject, what, small = self.subject, self.what, f"{self.smallest_effect:g}"
        if self.verdict in (SUPPORTED, OPPOSITE):
            higher = (self.direction == "higher") == (self.verdict == SUPPORTED)
            if self.against:
                way = "higher" if higher else "lower"
                found = f"{subject} gave a {way} {what} than {self.against}"
            else:
                found = f"{subject} {'raised' if higher else 'lowered'} the {what}"
        elif self.verdict == NO_DIFFERENCE:
            found = f"{subject} changed the {what} by less than {small}"
            if self.against:
                found = f"{subject} and {self.against} gave the same {what}, within {small}"
        else:
            found = f"it is undecided whether {subject} changed the {what} by more than {small}"
            if self.against:
                found = (
                    f"it is undecided which of {subject} and {self.against} gives a higher {what}"
                )
        return _sentence(self._budget_in_words(), self.context, found)

    @property
    def prediction(self) -> str:
        """What was expected, in words."""
        higher = self.direction == "higher"
        expected = f"{self.subject} {'raises' if higher else 'lowers'} the {self.what}"
        if self.against:
            way = "higher" if higher else "lower"
            expected = f"{self.subject} gives a {way} {self.what} than {self.against}"
        return _sentence(self.context, expected)

    def _budget_in_words(self):
        if self.lasts is not False or re.search(r"\d+ epoch", self.context):  # named already
            return ""
        epochs = self.budget["epochs"]
        return f"after {epochs} epoch{'s' * (epochs != 1)}"

    def record(self) -> dict:
        """All that was measured, as plain numbers and strings; None for what is not finite."""
        return {
            "id": self.id,
            "sentence": self.sentence,
            "prediction": self.prediction,
            "metric": self.metric,
            "direction": self.direction,
            "smallest_effect": self.smallest_effect,
            "verdict": self.verdict,
            "effect": _plain(self.effect),
            "interval": _plain(self.interval),
            "comparisons": self.comparisons,
            "joint_interval": _plain(self.joint_interval),
            "effect_size": _plain(self.effect_size),
            "budget": self.budget,
            "rows_vary": self.difference.by_row is not None or self.standard_errors is not None,
            "source": self.source,
            "measured_by": self.measured_by,
            "seeds": list(self.seeds),
            "treatment": _plain(self.treatment.final),
            "control": _plain(self.control.final),
        }

    # How it is shown

    def __str__(self):
        return f"{self.sentence}\n{self.verdict} ({len(self.seeds)} paired seeds) [{self.id}]"


def verdict_of(joint_interval: tuple[float, float], smallest_effect: float, direction: str) -> str:
    """One of `VERDICTS`.

    Args:
        joint_interval: lower and upper bound of the effect.
        smallest_effect: differences up to this size count as none.
        direction: the expected one, "higher" or "lower".
    """
    low, high = joint_interval
    if direction == "lower":
        low, high = -high, -low
    if low > smallest_effect:
        return SUPPORTED
    if high < -smallest_effect:
        return OPPOSITE
    if -smallest_effect <= low and high <= smallest_effect:
        return NO_DIFFERENCE
    return UNDECIDED


# Colours of their own, which no technique has in the figures.
BADGES = {SUPPORTED: "#6a5acd", OPPOSITE: "#c2255c", NO_DIFFERENCE: "#64707b", UNDECIDED: "#7a828a"}


def card(record: dict) -> str:
    """A claim as HTML: what was found, its verdict, its interval drawn, and the rest folded."""
    verdict, name = record["verdict"], html.escape(record["id"])
    colour = BADGES[verdict]
    parts = [
        f'<div class="claim" id="claim-{name}" style="border-left: 0.3em solid {colour}; '
        'padding: 0.2em 1em; margin: 0.5em 0">',
        f"<p><strong>{html.escape(record['sentence'])}</strong></p>",
        f'<p><span class="verdict" style="border: 1px solid {colour}; border-radius: 0.3em; '
        f'padding: 0 0.4em; white-space: nowrap">{verdict}</span> {_short(record)}</p>',
        _drawn(record, colour),
        f"<details><summary>How it was measured</summary><p>{_numbers(record)} "
        f"<code>{name}</code></p>{_pairs(record, colour)}{_over_epochs(record, colour)}"
        f"<p>{_to_repeat(record)}</p></details></div>",
    ]
    return "".join(parts)


def _short(record):
    if record["effect"] is None:
        finite = sum(
            None not in pair for pair in zip(record["treatment"], record["control"], strict=True)
        )
        return f"Nothing was measured: only {finite} of {len(record['seeds'])} seeds gave a number."
    said = (
        f"Effect on {html.escape(record['metric'])}: {_signed(record['effect'])}, between "
        f"{' and '.join(map(_signed, record['joint_interval']))}."
    )
    if record["verdict"] == OPPOSITE:
        said = f"Expected: {html.escape(record['prediction'])} {said}"
    budget = record["budget"]
    if again := record.get("again"):
        said += (
            f" On {len(record['seeds'])} seeds, {len(again['seeds'])} trained again by this run."
        )
    if record.get("source"):
        command = html.escape(record["measured_by"])
        said += f" Measured once, by <code>{command}</code>, and not by this run."
    if budget and budget["lasts"]:
        said += (
            f" It lasts: {budget['epochs'] // 2} epochs gave the same verdict as "
            f"{budget['epochs']}."
        )
    elif budget and budget["half"]["effect"] is not None:
        half = budget["half"]
        said += (
            f" It depends on the budget: after {budget['epochs'] // 2} epochs it was "
            f"{_signed(half['effect'])} ({half['verdict']})."
        )
    return said


def _numbers(record):
    if record["effect"] is None:
        return f"Expected: {html.escape(record['prediction'])}"
    means = [np.mean(record[group]) for group in ("treatment", "control")]
    size = record["effect_size"]
    together = ""
    if record["comparisons"] > 1:
        together = (
            f"; {_range(record['joint_interval'])} when allowing for all "
            f"{record['comparisons']} claims made together, by which it is judged"
        )
    return (
        f"Expected: {html.escape(record['prediction'])} Found: {_signed(record['effect'])}, "
        f"95 % interval {_range(record['interval'])}{together}; up to "
        f"{record['smallest_effect']:g} counts as none. {_number(means[0])} against "
        f"{_number(means[1])}, {len(record['seeds'])} paired seeds"
        + (", other held-out rows counted in" if record["rows_vary"] else "")
        + f", effect size {'not defined' if size is None else _signed(size, 1)}."
        + (f" Read from {html.escape(record['source'])}." if record.get("source") else "")
        + (_again(record["again"]) if "again" in record else "")
    )


def _again(record):
    if record["effect"] is None:
        return ""
    return (
        f" The {len(record['seeds'])} seeds of this run gave {_signed(record['effect'])}, "
        "as they did when all were trained."
    )


def _drawn(record, colour):
    """The interval beside zero and the field that counts as none."""
    if record["effect"] is None:
        return ""
    small, (low, high) = record["smallest_effect"], record["joint_interval"]
    reach = 1.15 * max(abs(low), abs(high), 1.5 * small)

    def at(x):
        return f"{150 + 140 * x / reach:.1f}"

    words = (
        f"Effect {_signed(record['effect'])}, interval {_range(record['joint_interval'])}, "
        f"beside zero and the smallest effect of {small:g}"
    )
    width = 280 * small / reach
    return (
        f'<svg role="img" aria-label="{words}" viewBox="0 0 300 24" '
        'style="display: block; width: 100%; max-width: 30em; height: 1.9em">'
        f'<rect x="{at(-small)}" y="2" width="{width:.1f}" height="20" fill="#808080" '
        'fill-opacity="0.25"/><line x1="150" x2="150" y1="0" y2="24" stroke="currentColor"/>'
        f'<line x1="{at(low)}" x2="{at(high)}" y1="12" y2="12" stroke="{colour}" stroke-width="3"/>'
        f'<circle cx="{at(record["effect"])}" cy="12" r="5" fill="{colour}"/></svg>'
    )


def _plot(caption, words, drawn, texts):
    """A small drawing of 300 x 110 under its caption, with texts as (x, y, anchor, text)."""
    written = "".join(
        f'<text x="{x}" y="{y}" text-anchor="{anchor}" font-size="11" fill="currentColor">'
        f"{text}</text>"
        for x, y, anchor, text in texts
    )
    return (
        f'<p>{caption}</p><svg role="img" aria-label="{words}" viewBox="0 0 300 110" '
        f'style="display: block; width: 100%; max-width: 30em">{drawn}{written}</svg>'
    )


def _heights(values):
    """Where numbers stand on a drawing, from 90 for the lowest to 10 for the highest."""
    low, high = min(values), max(values)
    return low, high, lambda value: f"{90 - 80 * (value - low) / ((high - low) or 1):.1f}"


def _pairs(record, colour):
    """The two measurements of each seed, joined by a line."""
    pairs = list(zip(record["control"], record["treatment"], strict=True))
    if record["effect"] is None or any(None in pair for pair in pairs):
        return ""
    low, high, at = _heights([value for pair in pairs for value in pair])
    lines = "".join(f"M90,{at(before)}L250,{at(after)}" for before, after in pairs)
    dots = "".join(f"M90,{at(before)}h0M250,{at(after)}h0" for before, after in pairs)
    rose = sum(after > before for before, after in pairs)
    words = f"{len(pairs)} pairs: the treatment is higher in {rose} of them"
    return _plot(
        "Each line joins the two networks of a seed:",
        words,
        f'<path d="{lines}" stroke="{colour}" stroke-opacity="0.5" fill="none"/>'
        f'<path d="{dots}" stroke="{colour}" stroke-width="5" stroke-linecap="round"/>',
        [(84, 94, "end", _number(low)), (84, 16, "end", _number(high)),
         (90, 107, "middle", "control"), (250, 107, "middle", "treatment")],
    )  # fmt: skip


def _over_epochs(record, colour):
    """The effect against the epochs, on a log axis, with its interval."""
    curve = record["budget"]["over_epochs"] if record["budget"] else {"epochs": []}
    if len(curve["epochs"]) < 3:
        return ""
    points = [
        (epoch, effect, *interval)
        for epoch, effect, interval in zip(
            curve["epochs"], curve["effect"], curve["interval"], strict=True
        )
        if effect is not None
    ]
    if len(points) < 3:
        return ""
    epochs, effects, lows, highs = zip(*points, strict=True)
    small = record["smallest_effect"]
    low, high, at = _heights([*lows, *highs, -small, small])
    first, last = np.log(epochs[0]), np.log(epochs[-1])
    across = [f"{60 + 230 * (np.log(epoch) - first) / (last - first):.1f}" for epoch in epochs]

    def joined(values, places=across):
        return "L".join(f"{x},{at(y)}" for x, y in zip(places, values, strict=True))

    words = (
        f"Effect {_signed(effects[0])} after {epochs[0]} and {_signed(effects[-1])} after "
        f"{epochs[-1]} epochs"
    )
    height = float(at(-small)) - float(at(small))
    return _plot(
        "The effect while training goes on, with its interval:",
        words,
        f'<rect x="60" y="{at(small)}" width="230" height="{height:.1f}" fill="#808080" '
        f'fill-opacity="0.25"/><path d="M60,{at(0)}H290" stroke="currentColor"/>'
        f'<path d="M{joined(lows)}L{joined(highs[::-1], across[::-1])}Z" fill="{colour}" '
        f'fill-opacity="0.25"/><path d="M{joined(effects)}" stroke="{colour}" stroke-width="2" '
        'fill="none"/>',
        [(54, 94, "end", _signed(low)), (54, 16, "end", _signed(high)),
         (60, 107, "start", f"epoch {epochs[0]}"), (290, 107, "end", epochs[-1])],
    )  # fmt: skip


def _to_repeat(record):
    if record.get("measured_by"):
        return f"To repeat it: <code>{html.escape(record['measured_by'])}</code>"
    repeat = "To repeat it, run this notebook with another <code>first_seed</code>"
    if "again" in record:
        repeat += f" and <code>seeds = {len(record['seeds'])}</code>"
    return f"{repeat}."


def _sentence(*parts):
    """Parts joined by commas, with one capital letter and a full stop."""
    # "With wrong labels" loses its capital inside of a sentence, "BN" and "L2" keep theirs.
    parts = [p[:1].lower() + p[1:] if p[1:2].islower() else p for p in parts if p]
    joined = ", ".join(parts)
    return f"{joined[:1].upper()}{joined[1:]}."


def _plain(numbers):
    if np.ndim(numbers):
        return [_plain(number) for number in numbers]
    return float(numbers) if np.isfinite(numbers) else None


def _number(number, places=None):
    if places is None:
        places = 1 if abs(number) >= 10 else 3
    text = f"{abs(number):.{places}f}"
    return text if number >= 0 or not float(text) else f"\N{MINUS SIGN}{text}"


def _signed(number, places=None):
    text = _number(number, places)
    return text if text.startswith("\N{MINUS SIGN}") or not float(text) else f"+{text}"


def _range(bounds):
    return f"{_signed(bounds[0])} to {_signed(bounds[1])}"
