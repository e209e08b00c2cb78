"""What a comparison on rows of one's own found, as sentences, tables, pictures and one page."""

from __future__ import annotations

import dataclasses
import functools
import html
import re
from collections.abc import Mapping

import numpy as np
import pandas as pd

from . import figures
from .claims import OPPOSITE, SUPPORTED, UNDECIDED, Claim, card
from .own_rows import OwnRows
from .pages import whole_page, wide
from .protocol import ENDS, NONE, Comparison

EARLY_STOPPING = "early stopping"
FEW_SEEDS = 10


@dataclasses.dataclass(frozen=True, eq=False)
class Findings:
    """A finished comparison.

    Attributes:
        rows: those that it was made on.
        comparison: what the techniques reached.
        tries: for each technique the names of its settings.
        curves: for the baseline and the best technique, each with its setting in words, the test
            accuracy after each of `curve_epochs` epochs, shape (seeds, epochs).
        curve_epochs: after which epochs the curves were measured.
        code: the winner as Python.
        network: the network without any technique, in words.
        steps, batch_size: the ceiling, in steps, and the rows of a step.
        seconds: what all trainings took together.
    """

    rows: OwnRows
    comparison: Comparison
    tries: Mapping[str, tuple[str, ...]]
    curves: Mapping[str, np.ndarray]
    curve_epochs: tuple[int, ...]
    code: str
    network: str
    steps: int
    batch_size: int
    seconds: float

    @functools.cached_property
    def claims(self) -> dict[str, Claim]:
        """For each technique, and for early stopping, what it did to the test accuracy.

        Techniques are at their chosen epoch, as the baseline is; early stopping is the baseline at
        its chosen epoch against its last one. The largest effect comes first.
        """
        reached, count = self.comparison.accuracy, len(self.comparison.accuracy)
        told = {"context": f"on {self.rows.name}", "comparisons": count}
        found = {name: self.comparison.claim(name, **told) for name in reached if name != NONE}
        chosen, last = reached[NONE]["chosen"], reached[NONE]["last"]
        found[EARLY_STOPPING] = Claim(
            id="early-stopping", subject=EARLY_STOPPING, what="test accuracy", treatment=chosen,
            control=last, metric="accuracy", direction="higher", seeds=self.comparison.seeds,
            **told,
        )  # fmt: skip
        effects = {name: np.nan_to_num(claim.effect, nan=-1) for name, claim in found.items()}
        return dict(sorted(found.items(), key=lambda one: -effects[one[0]]))

    @property
    def best(self) -> str:
        """The technique with the highest mean test accuracy, whatever its verdict."""
        return best_of(self.comparison)

    @property
    def winner(self) -> str:
        """The best technique where it was shown to help, and otherwise none."""
        return winner_of(self.comparison)

    def setting(self, technique: str) -> str:
        """The setting that most seeds chose."""
        return self.comparison.chosen[technique].most_common(1)[0][0]

    # What was found, in words

    @property
    def sentence(self) -> str:
        """The answer in a sentence or two."""
        helped, harmed, open_ = (
            [name for name, claim in self.claims.items() if claim.verdict == verdict]
            for verdict in (SUPPORTED, OPPOSITE, UNDECIDED)
        )
        parts = [
            f"{_listed(helped)} raised the test accuracy by more than a hundredth."
            if helped
            else "Nothing was shown to raise the test accuracy by more than a hundredth."
        ]
        if harmed:
            parts.append(f"{_listed(harmed)} lowered it by more than that.")
        if open_:
            parts.append(f"It is undecided for {_listed(open_)}.")
        return " ".join(part[:1].upper() + part[1:] for part in parts)

    @property
    def limits(self) -> list[str]:
        """What the comparison does not show, each in a sentence."""
        rows, seeds = self.rows, self.comparison.seeds
        largest, share = next(iter(rows.shares.items()))
        widest = max(np.ptp(claim.joint_interval) for claim in self.claims.values())
        test_rows = self.comparison.accuracy[NONE]["last"].by_row.shape[-1]
        said = [
            f"{len(rows.y)} rows were there, of which each seed tests on {test_rows}. The widest "
            f"interval is {widest:.3f} wide: an effect that is much smaller than that could not be "
            "seen, whatever it is.",
            "One network was trained: " + self.network + ". Others, wider, deeper or of another "
            "kind, may gain from other techniques.",
            f"Trainings ended at {self.steps} steps of {self.batch_size} rows at the latest.",
            "Each technique had as many tries as the others, and only those that stand in the "
            "table. Another setting may do better.",
            f"The share of the largest class, {largest!r}, is {share:.1%}: who always says "
            f"{largest!r} reaches that accuracy, and more is to be learned only above it."
            + (
                " The classes are unequal, and accuracy says little about the rare ones."
                if share > 1.5 / rows.classes
                else ""
            ),
            "All rows came from one place. Rows that are collected later, or elsewhere, may differ "
            "from them in ways that no split of these rows can show.",
            "The best technique was picked by these very test rows, so that its effect is a little "
            "too large on average; the interval allows for all techniques together.",
        ]
        if len(seeds) < FEW_SEEDS:
            few = f"Only {len(seeds)} seeds were trained, and intervals from so few are wide."
            said.insert(1, few)
        return said

    # What was found, as tables and pictures

    def summary(self) -> pd.DataFrame:
        """One row for each technique, as people read it."""
        lines = []
        for name, claim in self.claims.items():
            trained = NONE if name == EARLY_STOPPING else name
            lines.append(
                {
                    "technique": name,
                    "setting chosen by most seeds": self.setting(trained),
                    "test accuracy": f"{claim.treatment.final.mean():.3f}",
                    "effect": f"{claim.effect:+.3f}",
                    "95 % interval": "{:+.3f} to {:+.3f}".format(*claim.interval),
                    "verdict": claim.verdict,
                    "lasts": {True: "yes", False: "no", None: ""}[claim.lasts],
                    "stopped before the ceiling": f"{self.comparison.stopped[trained]:.0%}",
                }
            )
        return pd.DataFrame(lines)

    def table(self) -> pd.DataFrame:
        """All numbers: one row for each technique, end, budget and seed.

        Columns: technique; end, "last" or "chosen"; epochs, the budget; seed; accuracy on the
        seed's test rows, 0 to 1; effect, the mean over seeds against the baseline at the same end
        and budget, with its 95 % interval from interval_low to interval_high.
        """
        parts = []
        for name, ends in self.comparison.accuracy.items():
            for end in ENDS:
                against = self.comparison.claim(name, end) if name != NONE else None
                for column, epochs in enumerate(ends[end].epochs):
                    part = {
                        "technique": name, "end": end, "epochs": epochs,
                        "seed": self.comparison.seeds, "accuracy": ends[end].values[:, column],
                    }  # fmt: skip
                    effect, low, high = np.nan, np.nan, np.nan
                    if against and against.budget:
                        curve = against.budget["over_epochs"]
                        effect, (low, high) = curve["effect"][column], curve["interval"][column]
                    part |= {"effect": effect, "interval_low": low, "interval_high": high}
                    parts.append(pd.DataFrame(part))
        return pd.concat(parts, ignore_index=True)

    @functools.cached_property
    def effects(self) -> figures.Picture:
        """The effects with their intervals, the largest first."""
        return figures.effects(
            {figures.plain(name): claim.record() for name, claim in self.claims.items()},
            title="What each technique did to the accuracy on test rows",
            alt="Effects on test accuracy, each at its chosen epoch: "
            + "; ".join(f"{n} {c.effect:+.3f}, {c.verdict}" for n, c in self.claims.items())
            + ".",
            xlabel="effect on test accuracy",
        )

    @functools.cached_property
    def learning(self) -> figures.Picture:
        """Test accuracy over the epochs, of the baseline and of the best technique."""
        ends = "; ".join(f"{n} {values[:, -1].mean():.3f}" for n, values in self.curves.items())
        return figures.learning_curves(
            {"": {figures.plain(name): values for name, values in self.curves.items()}},
            title="How the baseline and the best technique learned, if nothing stops them",
            alt=f"Mean test accuracy over the epochs, ending at: {ends}.",
            ylabel="accuracy on test rows",
            epochs=self.curve_epochs,
        )

    # What was found, as HTML

    def __repr__(self):
        return (
            f"a fair comparison of {len(self.claims)} techniques on {self.rows.name}, "
            f"{len(self.comparison.seeds)} seeds"
        )

    def _repr_mimebundle_(self, include=None, exclude=None):
        shown = [
            _table(self.summary()),
            f"<p>{html.escape(self.sentence)}</p>",
            f"<details><summary>The code</summary><pre><code>{html.escape(self.code)}</code></pre>"
            "</details>",
        ]
        return {"text/plain": repr(self), "text/html": "\n".join(shown)}

    def page(self) -> str:
        """All of it as one HTML page that needs nothing else."""
        escape = html.escape
        rows, seeds = self.rows, self.comparison.seeds
        trainings = sum(map(len, self.tries.values())) * len(seeds)
        classes = ", ".join(f"{escape(n)} {share:.1%}" for n, share in rows.shares.items())
        baseline = self.comparison.accuracy[NONE]["chosen"].final.mean()
        chance = next(iter(rows.shares.values()))
        code_of = (
            f"the code of {escape(self.winner)}"
            if self.winner != NONE
            else "no technique was shown to help, so this is the network without any"
        )
        parts = [
            f"<p><strong>{escape(self.sentence)}</strong></p>",
            f"<p>Without any technique, stopped by validation rows, the accuracy on test rows is "
            f"{baseline:.3f}. Who always says the largest class reaches {chance:.3f}.</p>",
            "<h2>What was compared</h2>",
            f"<p>{len(rows.y)} rows of {rows.features} numbers in {rows.classes} classes: "
            f"{classes}. Each of {len(seeds)} seeds sets {rows.test_share:.0%} of the rows aside "
            "for testing, with the classes in their shares. A fifth of the others validates: it "
            "chooses among the tries of a technique, and the epoch. Test rows judge once. The "
            f"network: {escape(self.network)}. {trainings} trainings took "
            f"{self.seconds:.0f} seconds.</p>",
            "<h2>What each technique did</h2>",
            wide("Effects as a picture", self.effects._repr_svg_()),
            wide("Effects as a table", _table(self.summary())),
            "<p>Lasts: after half of the ceiling the verdict is the same.</p>",
            *(card(claim.record()) for claim in self.claims.values()),
            "<h2>How they learned</h2>",
            wide("Learning curves", self.learning._repr_svg_()),
            _numbers(self.learning.table),
            "<h2>What each technique tried</h2>",
            wide("Tries", _table(self._tried())),
            "<h2>The code</h2>",
            f"<p>With the setting that most seeds chose: {code_of}.</p>",
            wide("The code", f"<pre><code>{escape(self.code)}</code></pre>"),
            "<h2>What this does not show</h2>",
            "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in self.limits) + "</ul>",
        ]
        return whole_page(f"What helps on {rows.name}", "\n".join(parts))

    def _tried(self):
        return pd.DataFrame(
            {
                "technique": name,
                **{
                    f"try {k}": f"{setting or 'nothing to set'}: "
                    f"{self.comparison.chosen[name][setting]} of {len(self.comparison.seeds)} seeds"
                    for k, setting in enumerate(settings, start=1)
                },
            }
            for name, settings in self.tries.items()
        ).fillna("")


def best_of(comparison: Comparison) -> str:
    """The technique with the highest mean test accuracy at its chosen epoch, none left out."""
    means = {
        name: np.nan_to_num(ends["chosen"].final.mean(), nan=-1)
        for name, ends in comparison.accuracy.items()
        if name != NONE
    }
    return max(means, key=means.get)


def winner_of(comparison: Comparison) -> str:
    """The best technique where it was shown to help, and otherwise none."""
    best = best_of(comparison)
    claim = comparison.claim(best, comparisons=len(comparison.accuracy))
    return best if claim.verdict == SUPPORTED else NONE


def _listed(names):
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _table(table):
    whole = table.to_html(index=False, escape=True)
    return re.sub(r"<(table|tr|th|td)\b[^>]*>", r"<\1>", whole)


def _numbers(table):
    return f"<details><summary>Numbers</summary>{_table(table)}</details>"
