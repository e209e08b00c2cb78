"""Pictures of replicated results.

Each function draws one message, which is its title, and asks for a text that says the same to
people who do not see it. Colours keep a contrast of 3:1 on white, differ for colour-blind readers,
and come with a line style or marker of their own; a technique has the same one everywhere. Each
figure is drawn twice, for the column of a page and for a phone. What is drawn comes with the
picture as a table, and, where there is more to see than one picture shows, as numbers from which a
page draws it anew.
"""

from __future__ import annotations

import contextvars
import dataclasses
import functools
import io
import json
import re
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from .claims import BADGES, VERDICTS
from .intervals import confidence_interval

COLOURS = ("#0072b2", "#c14a00", "#00785a", "#8f3b76", "#5c5c5c", "#8a6a00")
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)))
MARKERS = ("o", "s", "^", "D", "v", "P")
INK = "#222222"

# What a technique looks like in every figure: the place of its colour, by what its label says.
TECHNIQUES = {
    r"(BN|batch norm).*dropout|dropout.*(BN|batch norm)": 2,
    r"^(none|without)\b|\bno dropout": 4,
    r"dropout|^\d+ masks": 0,
    r"\bBN\b|batch normalization": 1,
}
OTHERS = (3, 5, 2, 4, 0, 1)  # for what is no technique: first the colours that none has

COLUMN, PHONE = 7.4, 3.7  # inches: widths of a page's column and of a phone
PAGE_FONT = "-apple-system, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif"
_width = contextvars.ContextVar("width of figures", default=COLUMN)

STYLE = {
    "font.size": 11,
    "font.family": "sans-serif",
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "legend.frameon": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "course",
    "figure.constrained_layout.use": True,
}


@dataclasses.dataclass(frozen=True, eq=False)
class Picture:
    """A drawn figure with its title and its description.

    Notebooks show it as SVG. The description is part of the file, as the accessible name and as
    metadata, where the build finds the alternative text of the page's image. The metadata of a
    notebook's output holds title, table and numbers under the key "figure".

    Attributes:
        figure: the matplotlib figure.
        title: the figure's message.
        alt: what the data show, for people who do not see the picture.
        table: what is drawn, as people read it.
        numbers: from which a page can draw the figure for a reader to question, or None; "kind" is
            "curves", "strips" or "steps". Values have four significant digits.
        narrow: the same for a phone, its panels below each other, or None.
    """

    figure: Figure
    title: str
    alt: str
    table: pd.DataFrame
    numbers: Mapping[str, Any] | None = None
    narrow: Figure | None = None

    def __post_init__(self):
        if len(self.alt.split()) < 5:
            raise ValueError(
                f"alt is {self.alt!r}; it takes a sentence that says what the data show"
            )

    def __repr__(self):
        return f"Figure: {self.title}"

    # Drawn once: drawing again would move things, since the layout starts from where it ended.
    @functools.cached_property
    def _svg(self):
        return self._drawn(self.figure)

    @functools.cached_property
    def _narrow_svg(self):
        return self._drawn(self.narrow)

    def _drawn(self, figure):
        buffer = io.StringIO()
        with matplotlib.rc_context(STYLE):
            figure.savefig(
                buffer,
                format="svg",
                facecolor="white",
                metadata={
                    "Date": None,
                    "Creator": None,
                    "Title": self.title,
                    "Description": self.alt,
                },
            )
        # A hundredth of a point is finer than any screen. Texts keep their digits.
        drawn = re.sub(
            r' (?:d|x|y)="[^"]*"',
            lambda place: re.sub(r"(\.\d\d)\d+", r"\1", place[0]),
            buffer.getvalue(),
        )
        drawn = re.sub(r"'DejaVu Sans'[^;\"]*", PAGE_FONT, drawn)
        named = f'<svg role="img" aria-label="{escape(self.alt, {chr(34): "&quot;"})}" '
        return drawn[drawn.index("<svg") :].replace("<svg ", named, 1)

    def _repr_svg_(self):
        return self._svg

    def _repr_mimebundle_(self, include=None, exclude=None):
        held = {"title": self.title, "table": self.table.to_csv(index=False, lineterminator="\n")}
        if self.numbers:
            held["numbers"] = json.dumps(self.numbers, separators=(",", ":"), allow_nan=False)
        if self.narrow:
            held["narrow"] = self._narrow_svg
        return {"text/plain": repr(self), "image/svg+xml": self._svg}, {"figure": held}


def plain(text: str) -> str:
    """A text in which matplotlib finds no formula."""
    return text.replace("$", r"\$")


def _short(values):
    """An array as lists of numbers with four significant digits; None for what is not finite."""
    if np.ndim(values):
        return [_short(part) for part in values]
    return float(f"{values:.4g}") if np.isfinite(values) else None


def _estimate(mean, low, high):
    return f"{mean:.4g} ({low:.4g} to {high:.4g})"


def _for_page_and_phone(draw: Callable[..., Picture]) -> Callable[..., Picture]:
    """Let a function draw its figure a second time, as wide as a phone."""

    @functools.wraps(draw)
    def drawn_twice(*args, **words):
        picture = draw(*args, **words)
        before = _width.set(PHONE)
        try:
            return dataclasses.replace(picture, narrow=draw(*args, **words).figure)
        finally:
            _width.reset(before)

    return drawn_twice


def _on_phone():
    return _width.get() == PHONE


def _wrapped(text, inches_of_a_character=0.1, inches=None):
    """A text in lines of so many inches, or as wide as the figure."""
    characters = int((inches or _width.get()) / inches_of_a_character)
    return "\n".join(line for part in text.splitlines() for line in textwrap.wrap(part, characters))


def _canvas(title, columns=1, height=4.0, share_y=True, stack=True):
    """Panels beside each other, or below each other on a phone."""
    title = _wrapped(title)
    shape = (1, columns)
    if _on_phone():
        height = 0.85 * height
        if stack:
            shape = (columns, 1)
            height = 0.9 * height * columns
        height += 0.2 * title.count("\n")
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(_width.get(), height))
        axes = figure.subplots(*shape, sharey=share_y, squeeze=False).flat
        figure.suptitle(title, x=0.01, ha="left", fontsize=12, weight="bold")
    return figure, list(axes)


def _label_y(axes, text):
    """What a vertical axis shows, on a phone in lines that are no longer than the axis."""
    if _on_phone():
        rows = axes.get_gridspec().nrows
        inches = axes.figure.get_figheight() / rows - 1.6  # title, ticks and what stands below
        text = _wrapped(text, 0.066, inches)
    axes.set_ylabel(text)


def _note(figure, text):
    """What lines and fields mean, below the axes."""
    figure.supxlabel(_wrapped(text, 0.085), fontsize=9.5)


def _looks(labels: Iterable[str]) -> dict[str, int]:
    """For each label the place of its colour."""
    found = {
        label: next((k for form, k in TECHNIQUES.items() if re.search(form, label)), None)
        for label in labels
    }
    free = [k for k in OTHERS if k not in found.values()] or list(OTHERS)
    others = [label for label, look in found.items() if look is None]
    return found | {label: free[k % len(free)] for k, label in enumerate(others)}


def _mean_and_band(values):
    """Mean over the first axis and its 95 % interval, each of shape (points,)."""
    values = np.asarray(values, dtype="float64")
    bounds = np.array([confidence_interval(column) for column in values.T])
    return values.mean(axis=0), bounds[:, 0], bounds[:, 1]


def _curves_table(x, xlabel, panels):
    """For each panel and each x, mean and interval of every curve."""
    tables = []
    for heading, curves in panels.items():
        columns = {"": [heading] * len(x)} if len(panels) > 1 else {}
        columns[xlabel] = [f"{value:g}" for value in x]
        for label, values in curves.items():
            columns[f"{label}: mean of {len(values)} seeds (95 % interval)"] = [
                _estimate(*point) for point in zip(*_mean_and_band(values), strict=True)
            ]
        tables.append(pd.DataFrame(columns))
    return pd.concat(tables)


def _curves_numbers(x, xlabel, ylabel, panels, log_x=False):
    looks = _looks(label for curves in panels.values() for label in curves)
    return {
        "kind": "curves",
        "xlabel": xlabel,
        "ylabel": ylabel,
        "log_x": log_x,
        "x": _short(x),
        "panels": [
            {
                "heading": heading,
                "curves": [
                    {
                        "label": label,
                        "colour": looks[label],
                        "replicates": _short(values),
                        "band": _short(_mean_and_band(values)),
                    }
                    for label, values in curves.items()
                ],
            }
            for heading, curves in panels.items()
        ],
    }


def _draw_curves(axes, x, curves):
    looks = _looks(curves)
    for k, (label, values) in enumerate(curves.items()):
        mean, low, high = _mean_and_band(values)
        colour = COLOURS[looks[label]]
        few = len(x) <= 12
        axes.plot(
            x, mean, color=colour, linestyle=LINES[k % len(LINES)], label=label,
            marker=MARKERS[k % len(MARKERS)] if few else None,
        )  # fmt: skip
        axes.fill_between(x, low, high, color=colour, alpha=0.2, linewidth=0)


@_for_page_and_phone
def learning_curves(
    panels: Mapping[str, Mapping[str, np.ndarray]],
    *,
    title: str,
    alt: str,
    ylabel: str,
    epochs: Sequence[int] | None = None,
) -> Picture:
    """Curves over epochs: the mean over seeds with the 95 % interval of that mean as a band.

    Args:
        panels: for each panel's heading, for each curve's label, an array of shape
            (replicates, epochs).
        title: the message.
        alt: what the data show, in a sentence.
        ylabel: the metric.
        epochs: after which epochs was measured; 1, 2, 3 ... by default. Others are drawn on a log
            axis, as they are spaced.
    """
    figure, all_axes = _canvas(title, len(panels))
    (longest,) = {np.shape(values)[1] for curves in panels.values() for values in curves.values()}
    log_x = epochs is not None and list(epochs) != list(range(1, 1 + longest))
    epochs = np.arange(1, 1 + longest) if epochs is None else np.asarray(epochs)
    with matplotlib.rc_context(STYLE):
        for axes, (heading, curves) in zip(all_axes, panels.items(), strict=True):
            _draw_curves(axes, epochs, curves)
            _tick_epochs(axes, epochs, log_x)
            if len(panels) > 1:
                axes.set_title(heading, fontsize=11, weight="normal")
        _label_y(all_axes[0], ylabel)
        all_axes[-1].legend()
    return Picture(
        figure,
        title,
        alt,
        _curves_table(epochs, "epoch", panels),
        _curves_numbers(epochs, "epoch", ylabel, panels, log_x),
    )


def _tick_epochs(axes, epochs, log_x):
    """Ticks at whole epochs; on a log axis at powers of two and at the last."""
    if log_x:
        axes.set_xscale("log", base=2)
        last = int(epochs[-1])
        powers = 2 ** np.arange(0, int(np.log2(last)) + 1, 2)
        axes.set_xticks([*(p for p in powers if p < last / 1.7), last])
        axes.xaxis.set_major_formatter("{x:g}")
        axes.minorticks_off()
    else:
        axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_xlabel("epoch")


@_for_page_and_phone
def effect_over_epochs(
    claims: Mapping[str, Mapping], *, title: str, alt: str, ylabel: str
) -> Picture:
    """How effects depend on how long one trains: on a log axis, beside the line of no effect.

    A grey field holds the differences that count as none. The band is the 95 % interval of the
    effect after each epoch by itself.

    Args:
        claims: for each label what `Claim.record` returns; all of one metric. What was measured
            once is a point at the first epoch.
        title, alt: message and description.
        ylabel: what the effects are measured in.
    """
    figure, (axes,) = _canvas(title)
    tables, looks = [], _looks(claims)
    with matplotlib.rc_context(STYLE):
        axes.axhline(0, color=INK, linewidth=1)
        for k, (label, record) in enumerate(claims.items()):
            once = {name: [record[name]] for name in ("effect", "interval")} | {"epochs": [1]}
            curve = record["budget"]["over_epochs"] if record["budget"] else once
            epochs, effect = np.array(curve["epochs"]), np.array(curve["effect"], float)
            low, high = np.array(curve["interval"], float).T
            if k == 0:
                small = record["smallest_effect"]
                axes.axhspan(-small, small, color=INK, alpha=0.12, linewidth=0)
                _tick_epochs(axes, epochs, log_x=True)
            colour = COLOURS[looks[label]]
            axes.plot(
                epochs, effect, color=colour, linestyle=LINES[k % len(LINES)], label=label,
                marker=MARKERS[k % len(MARKERS)] if len(epochs) == 1 else None,
            )  # fmt: skip
            axes.fill_between(epochs, low, high, color=colour, alpha=0.2, linewidth=0)
            tables.append(
                pd.DataFrame(
                    {
                        "": [label] * len(epochs),
                        "epoch": [str(epoch) for epoch in epochs],
                        "effect (95 % interval)": [
                            f"{e:+.4f} ({a:+.4f} to {b:+.4f})"
                            for e, a, b in zip(effect, low, high, strict=True)
                        ],
                    }
                )
            )
        _label_y(axes, ylabel)
        axes.legend()
        _note(figure, "line: effect, with its 95 % interval; grey: counts as none")
    return Picture(figure, title, alt, pd.concat(tables))


@_for_page_and_phone
def dependence(
    x: Sequence[float],
    curves: Mapping[str, np.ndarray],
    *,
    title: str,
    alt: str,
    xlabel: str,
    ylabel: str,
    log_x: bool = False,
) -> Picture:
    """How a metric depends on a setting: means over seeds with their 95 % intervals.

    Args:
        x: the settings, shape (points,).
        curves: for each label an array of shape (replicates, points).
        title, alt: message and description.
        xlabel, ylabel: what the axes show.
        log_x: whether equal ratios of `x` are drawn equally far apart.
    """
    figure, (axes,) = _canvas(title)
    with matplotlib.rc_context(STYLE):
        if log_x:
            axes.set_xscale("log", base=2)
            axes.set_xticks(list(x), [f"{value:g}" for value in x])
            axes.minorticks_off()
        _draw_curves(axes, np.asarray(x, dtype="float64"), curves)
        axes.set_xlabel(xlabel)
        _label_y(axes, ylabel)
        axes.legend()
    return Picture(
        figure,
        title,
        alt,
        _curves_table(x, xlabel, {"": curves}),
        _curves_numbers(x, xlabel, ylabel, {"": curves}, log_x),
    )


@_for_page_and_phone
def reliability_diagram(tables: Mapping[str, pd.DataFrame], *, title: str, alt: str) -> Picture:
    """How often a network is right at each level of confidence; on the diagonal, as it says.

    Args:
        tables: for each label the result of `calibration.reliability`.
        title, alt: message and description.
    """
    figure, (axes,) = _canvas(title, height=4.6)
    told, looks = [], _looks(tables)
    with matplotlib.rc_context(STYLE):
        axes.plot([0, 1], [0, 1], color=INK, linewidth=1)
        for k, (label, table) in enumerate(tables.items()):
            filled = table[table["share"] > 0.002]  # a few rows say nothing
            axes.plot(
                filled["confidence"], filled["accuracy"], color=COLOURS[looks[label]],
                linestyle=LINES[k % len(LINES)], marker=MARKERS[k % len(MARKERS)], label=label,
            )  # fmt: skip
            told.append(filled.round(3).assign(**{"": label})[["", *table.columns]])
        axes.set_xlabel("confidence: highest probability of a row")
        _label_y(axes, "share of these rows that are right")
        axes.legend()
    return Picture(figure, title, alt, pd.concat(told))


@_for_page_and_phone
def seed_strips(
    groups: Mapping[str, np.ndarray], *, title: str, alt: str, xlabel: str, unit: str = "seed"
) -> Picture:
    """One dot per seed, and the mean of each group with its 95 % interval.

    Args:
        groups: for each label an array of shape (replicates,).
        title, alt: message and description.
        xlabel: the metric.
        unit: what a dot stands for.
    """
    figure, (axes,) = _canvas(title, height=1.7 + 0.6 * len(groups))
    looks = _looks(groups)
    with matplotlib.rc_context(STYLE):
        for k, (label, values) in enumerate(groups.items()):
            values = np.asarray(values, dtype="float64")
            low, high = confidence_interval(values)
            # Dots are spread by rank, so that equal values do not hide each other.
            height = k + 0.24 * np.linspace(-1, 1, len(values))
            colour = COLOURS[looks[label]]
            axes.plot(values, height, linestyle="", marker=MARKERS[k % len(MARKERS)],
                      color=colour, alpha=0.55, markersize=4)  # fmt: skip
            axes.plot([low, high], [k, k], color=INK, linewidth=3, solid_capstyle="butt")
            axes.plot([values.mean()], [k], color=INK, marker="|", markersize=16)
            # Above the dots, since beside them long labels would take the room of the dots.
            axes.annotate(label, (0, k - 0.42), xycoords=axes.get_yaxis_transform(), va="center")
        axes.set_yticks([])
        axes.set_ylim(len(groups) - 0.6, -0.7)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel(_wrapped(xlabel))
        _note(figure, f"dots: a {unit} each; bar: mean and its 95 % interval")
    bands = {
        label: (np.mean(values), *confidence_interval(values)) for label, values in groups.items()
    }
    table = pd.DataFrame(
        {
            "": list(groups),
            f"{xlabel}: mean (95 % interval)": [_estimate(*band) for band in bands.values()],
            "lowest": [f"{np.min(values):.4g}" for values in groups.values()],
            "highest": [f"{np.max(values):.4g}" for values in groups.values()],
            f"number of {unit}s": [str(len(values)) for values in groups.values()],
        }
    )
    numbers = {
        "kind": "strips",
        "xlabel": xlabel,
        "unit": unit,
        "groups": [
            {
                "label": label,
                "colour": looks[label],
                "replicates": _short(values),
                "band": _short(bands[label]),
            }
            for label, values in groups.items()
        ],
    }
    return Picture(figure, title, alt, table, numbers)


@_for_page_and_phone
def effects(records: Mapping[str, Mapping], *, title: str, alt: str, xlabel: str) -> Picture:
    """Effects of claims with their 95 % intervals, one line each, beside the line of no effect.

    Where the records hold it, a thin line is the wider interval that decides the verdict, which
    allows for all claims of the chapter, and a grey field holds the differences that count as none.

    Args:
        records: for each label what `Claim.record` returns.
        title, alt: message and description.
        xlabel: what the effects are measured in.
    """
    # On a phone a label stands above its line, which takes twice the height.
    row = 0.72 if _on_phone() else 0.42
    figure, (axes,) = _canvas(title, height=1.3 + row * len(records))
    decided = all("joint_interval" in record for record in records.values())
    with matplotlib.rc_context(STYLE):
        axes.axvline(0, color=INK, linewidth=1)
        for k, record in enumerate(records.values()):
            if record["effect"] is None:
                continue
            low, high = record["interval"]
            colour = BADGES[record["verdict"]]
            marker = MARKERS[VERDICTS.index(record["verdict"])]
            if decided:
                small = record["smallest_effect"]
                axes.fill_between(
                    [-small, small], k - 0.4, k + 0.4, color=INK, alpha=0.12, linewidth=0
                )
                axes.plot(record["joint_interval"], [k, k], color=colour, linewidth=1)
            axes.plot([low, high], [k, k], color=colour, linewidth=3)
            axes.plot([record["effect"]], [k], color=colour, marker=marker)
            if not _on_phone():
                axes.annotate(
                    record["verdict"], (1.02, k), xycoords=axes.get_yaxis_transform(), va="center"
                )
        if _on_phone():
            for k, (label, record) in enumerate(records.items()):
                axes.annotate(
                    f"{label}: {record['verdict']}", (0, k - 0.45),
                    xycoords=axes.get_yaxis_transform(), va="center", fontsize=10,
                )  # fmt: skip
            axes.set_yticks([])
            axes.spines["left"].set_visible(False)
        else:
            axes.set_yticks(range(len(records)), list(records))
        axes.set_ylim(len(records) - 0.5, -0.75)
        note = "lines: 95 % interval"
        if decided:
            note = "thick: 95 % interval; thin: for all claims together; grey: counts as none"
        axes.set_xlabel(_wrapped(xlabel))
        _note(figure, note)
    found = {label: r for label, r in records.items() if r["effect"] is not None}
    table = pd.DataFrame(
        {
            "": list(found),
            "effect": [f"{r['effect']:+.4f}" for r in found.values()],
            "95 % interval": ["{:+.4f} to {:+.4f}".format(*r["interval"]) for r in found.values()],
            "verdict": [r["verdict"] for r in found.values()],
        }
    )
    if decided:
        together = ["{:+.4f} to {:+.4f}".format(*r["joint_interval"]) for r in found.values()]
        table.insert(3, "interval for all claims together", together)
        table.insert(
            4, "counts as none up to", [f"{r['smallest_effect']:g}" for r in found.values()]
        )
    return Picture(figure, title, alt, table)


def _step_panels(title, headings, columns, *, height, key, left, below):
    """Panels of one size, each of which a page can show alone; figure, axes and their places.

    Margins to the left and below are parts of a panel. They are the same for all, so that axes
    stand still from step to step.
    """
    if _on_phone():
        columns = 1
    rows = -(-len(headings) // columns)
    with matplotlib.rc_context(STYLE | {"figure.constrained_layout.use": False}):
        lines, key = _wrapped(title), _wrapped(key, 0.085)
        above = 0.25 * (lines.count("\n") + 1) + 0.2 * (key.count("\n") + 1) + 0.1  # inches
        figure = Figure(figsize=(_width.get(), above + rows * height))
        top, body = figure.subfigures(2, 1, height_ratios=[above, rows * height])
        top.text(0.01, 0.97, lines, va="top", fontsize=12, weight="bold")
        top.text(0.01, 0, key, va="bottom", fontsize=10)
        cells = body.subfigures(rows, columns, squeeze=False).flat
        margins = {"left": left, "right": 0.97, "bottom": below, "top": 0.86}
        all_axes = [
            cell.subplots(gridspec_kw=margins) for cell, _ in zip(cells, headings, strict=False)
        ]
        for axes, heading in zip(all_axes, headings, strict=True):
            axes.set_title(heading, fontsize=11, weight="normal")
    width, all_height = figure.bbox.size
    places = [
        [box.x0 / width, 1 - box.y1 / all_height, box.width / width, box.height / all_height]
        for box in (axes.figure.bbox for axes in all_axes)
    ]
    return figure, all_axes, _short(places)


def _steps(headings, places, key):
    return {"kind": "steps", "captions": list(headings), "places": places, "key": key}


@_for_page_and_phone
def fitted_functions(
    x: np.ndarray,
    truth: np.ndarray,
    points: tuple[np.ndarray, np.ndarray],
    fits: Mapping[str, np.ndarray],
    *,
    title: str,
    alt: str,
) -> Picture:
    """Fitted curves step by step, with the truth and the training points.

    Args:
        x: where the curves are drawn, shape (points,).
        truth: the function that made the data, shape (points,).
        points: the training rows of the first fit, two arrays of shape (rows,).
        fits: for each step's heading an array of shape (fits, points).
        title, alt: message and description.
    """
    key = "lines: fits; dashed: the truth; dots: training rows of one fit"
    figure, all_axes, places = _step_panels(
        title, fits, 3, height=2.1, key=key, left=0.16, below=0.14
    )
    with matplotlib.rc_context(STYLE):
        for axes, curves in zip(all_axes, fits.values(), strict=True):
            axes.plot(x, np.transpose(curves), color=COLOURS[0], alpha=0.6, linewidth=1.2)
            axes.plot(x, truth, color=COLOURS[1], linestyle="--")
            axes.plot(*points, linestyle="", marker="o", color=INK, markersize=3)
            axes.set_ylim(truth.min() - 1, truth.max() + 1)
    table = pd.DataFrame(
        {
            "": list(fits),
            "mean squared distance of the fits from the truth": [
                f"{np.mean((curves - truth) ** 2):.3g}" for curves in fits.values()
            ],
            "of their mean from the truth": [
                f"{np.mean((np.mean(curves, axis=0) - truth) ** 2):.3g}" for curves in fits.values()
            ],
        }
    )
    return Picture(figure, title, alt, table, _steps(fits, places, key))


@_for_page_and_phone
def thinned_networks(steps: Mapping[str, Sequence[np.ndarray]], *, title: str, alt: str) -> Picture:
    """A small network step by step, with some units switched off.

    Args:
        steps: for each step's heading, for each layer from input to output, what each unit's
            output is multiplied by, shape (units,); 0 switches it off.
        title, alt: message and description.
    """
    key = "circles: units and what their output is multiplied by; crosses: switched off"
    figure, all_axes, places = _step_panels(
        title, steps, 3, height=2.1, key=key, left=0.03, below=0.03
    )
    with matplotlib.rc_context(STYLE):
        for axes, layers in zip(all_axes, steps.values(), strict=True):
            _draw_network(axes, layers)
    table = pd.DataFrame(
        [
            {"": heading}
            | {
                f"factors of layer {k}, unit by unit": " ".join(f"{factor:.3g}" for factor in layer)
                for k, layer in enumerate(layers, start=1)
            }
            for heading, layers in steps.items()
        ]
    )
    return Picture(figure, title, alt, table, _steps(steps, places, key))


def _draw_network(axes, layers):
    at = [
        [(column, row - (len(layer) - 1) / 2) for row in range(len(layer))]
        for column, layer in enumerate(layers)
    ]
    lines, on, off = [], [], []
    for column in range(len(layers) - 1):
        for left, from_factor in zip(at[column], layers[column], strict=True):
            for right, to_factor in zip(at[column + 1], layers[column + 1], strict=True):
                if from_factor and to_factor:
                    lines += [left, right, (np.nan, np.nan)]
    axes.plot(*np.reshape(lines, (-1, 2)).T, color=COLOURS[0], linewidth=0.7)
    for places, layer in zip(at, layers, strict=True):
        for place, factor in zip(places, layer, strict=True):
            (on if factor else off).append(place)
            if factor:
                axes.text(*place, f"{factor:.2g}", color="white", fontsize=8,
                          ha="center", va="center")  # fmt: skip
    axes.plot(*np.reshape(on, (-1, 2)).T, linestyle="", marker="o", color=COLOURS[0], markersize=14)
    axes.plot(*np.reshape(off, (-1, 2)).T, linestyle="", marker="x", color=COLOURS[1],
              markersize=9, markeredgewidth=2)  # fmt: skip
    axes.set_xlim(-0.4, len(layers) - 0.6)
    highest = max(map(len, layers)) / 2
    axes.set_ylim(-highest, highest)
    axes.set_axis_off()


@_for_page_and_phone
def batch_values(
    steps: Mapping[str, Mapping[str, np.ndarray]], *, title: str, alt: str, xlabel: str
) -> Picture:
    """The values of some units for the rows of a batch, step by step.

    Args:
        steps: for each step's heading, for each unit's name, an array of shape (rows,).
        title, alt: message and description.
        xlabel: what the values are.
    """
    key = "dots: one row each; bar: the mean, and one standard deviation to each side"
    figure, all_axes, places = _step_panels(
        title, steps, 2, height=2.1, key=key, left=0.17, below=0.24
    )
    every = np.concatenate([v for units in steps.values() for v in units.values()])
    margin = 0.05 * np.ptp(every)
    rows = []
    with matplotlib.rc_context(STYLE):
        for axes, (heading, units) in zip(all_axes, steps.items(), strict=True):
            axes.axvline(0, color=INK, linewidth=0.8)
            for k, (name, values) in enumerate(units.items()):
                mean, spread = np.mean(values), np.std(values)
                axes.plot(values, np.full(len(values), k), linestyle="", markersize=5, alpha=0.5,
                          marker=MARKERS[k], color=COLOURS[k])  # fmt: skip
                axes.plot([mean - spread, mean + spread], [k + 0.3, k + 0.3], color=INK)
                axes.plot([mean], [k + 0.3], color=INK, marker="|", markersize=9)
                rows.append({"": heading, "unit": name, "mean": f"{mean:.3f}",
                             "standard deviation": f"{spread:.3f}"})  # fmt: skip
            axes.set_yticks(range(len(units)), list(units))
            axes.set_ylim(len(units) - 0.4, -0.6)
            axes.set_xlim(every.min() - margin, every.max() + margin)
            axes.set_xlabel(xlabel)
    return Picture(figure, title, alt, pd.DataFrame(rows).replace("-0.000", "0.000"),
                   _steps(steps, places, key))  # fmt: skip


@_for_page_and_phone
def pictures(
    images: Sequence[np.ndarray], labels: Sequence[str], *, title: str, alt: str
) -> Picture:
    """A row of small grey pictures, dark where the number is high.

    Args:
        images: arrays of shape (height, width), from 0 to 1.
        labels: a text under each.
        title, alt: message and description.
    """
    figure, all_axes = _canvas(title, len(images), height=1.9, stack=False)
    with matplotlib.rc_context(STYLE):
        for axes, image, label in zip(all_axes, images, labels, strict=True):
            axes.imshow(image, cmap="Greys", vmin=0, vmax=1)
            axes.set_xticks([])
            axes.set_yticks([])
            axes.set_xlabel(label)
    table = pd.concat(
        pd.DataFrame(image, columns=[f"column {k}" for k in range(np.shape(image)[1])])
        .map("{:.2f}".format)
        .rename_axis("row")
        .reset_index()
        .assign(**{"": label})
        for image, label in zip(images, labels, strict=True)
    )
    return Picture(figure, title, alt, table[["", *table.columns[:-1]]])


@_for_page_and_phone
def heat_map(
    values: np.ndarray,
    texts: Sequence[Sequence[str]],
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    title: str,
    alt: str,
    xlabel: str,
    ylabel: str,
    high: float,
    diverging: bool = False,
) -> Picture:
    """A grid of fields, darker where the number is further from zero, each with a text.

    Args:
        values: shape (rows, columns); nan where nothing was found, which is hatched.
        texts: what stands in each field.
        rows, columns: labels.
        title, alt: message and description.
        xlabel, ylabel: what columns and rows are.
        high: the number of the darkest field, so that several maps can be compared.
        diverging: whether numbers below zero have a colour of their own.
    """
    figure, (axes,) = _canvas(title, height=1.4 + 0.62 * len(rows))
    # Light enough everywhere for dark text.
    below = ["#f0a35e", "#ffffff"] if diverging else ["#ffffff"]
    shades = LinearSegmentedColormap.from_list("shades", [*below, "#74add1"])
    with matplotlib.rc_context(STYLE):
        axes.imshow(values, cmap=shades, vmin=-high * diverging, vmax=high, aspect="auto")
        for row, column in np.ndindex(*np.shape(values)):
            corner = (column - 0.5, row - 0.5)
            nothing = bool(np.isnan(values[row][column]))
            axes.add_patch(
                Rectangle(
                    corner, 1, 1, fill=False, edgecolor="#bbbbbb", linewidth=0.8,
                    hatch="////" if nothing else None,
                )
            )  # fmt: skip
            axes.text(
                column, row, texts[row][column], ha="center", va="center", fontsize=9,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5} if nothing else None,
            )  # fmt: skip
        axes.set_xticks(range(len(columns)), columns)
        axes.set_yticks(range(len(rows)), rows)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        axes.set_xlabel(xlabel)
        _label_y(axes, ylabel)
    table = pd.DataFrame(texts, columns=[f"{column} {xlabel}" for column in columns])
    table.insert(0, ylabel, [str(row) for row in rows])
    return Picture(figure, title, alt, table.replace("\n", " ", regex=True))
