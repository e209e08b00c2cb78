"""Pictures of replicated results.

Each function draws one message, which is its title, and asks for a text that says the same to
people who do not see it. Colours keep a contrast of 3:1 on white, differ for colour-blind readers,
and come with a line style or marker of their own.
"""

from __future__ import annotations

import dataclasses
import functools
import io
import textwrap
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

import matplotlib
import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from .claims import VERDICTS, confidence_interval

COLOURS = ("#0072b2", "#c14a00", "#00785a", "#8f3b76", "#5c5c5c", "#8a6a00")
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)))
MARKERS = ("o", "s", "^", "D", "v", "P")
INK = "#222222"

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
    metadata, where the build finds the alternative text of the page's image.

    Attributes:
        figure: the matplotlib figure.
        title: the figure's message.
        alt: what the data show, for people who do not see the picture.
    """

    figure: Figure
    title: str
    alt: str

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
        buffer = io.StringIO()
        with matplotlib.rc_context(STYLE):
            self.figure.savefig(
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
        drawn = buffer.getvalue()
        named = f'<svg role="img" aria-label="{escape(self.alt, {chr(34): "&quot;"})}" '
        return drawn[drawn.index("<svg") :].replace("<svg ", named, 1)

    def _repr_svg_(self):
        return self._svg


def _canvas(title, columns=1, height=3.6, width=7.0, share_y=True):
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(width, height))
        axes = figure.subplots(1, columns, sharey=share_y, squeeze=False)[0]
        figure.suptitle(
            "\n".join(textwrap.wrap(title, int(9 * width))),
            x=0.01,
            ha="left",
            fontsize=12,
            weight="bold",
        )
    return figure, axes


def _mean_and_band(values):
    """Mean over the first axis and its 95 % interval, each of shape (points,)."""
    values = np.asarray(values, dtype="float64")
    bounds = np.array([confidence_interval(column) for column in values.T])
    return values.mean(axis=0), bounds[:, 0], bounds[:, 1]


def _draw_curves(axes, x, curves):
    for k, (label, values) in enumerate(curves.items()):
        mean, low, high = _mean_and_band(values)
        colour = COLOURS[k % len(COLOURS)]
        few = len(x) <= 12
        axes.plot(
            x, mean, color=colour, linestyle=LINES[k % len(LINES)], label=label,
            marker=MARKERS[k % len(MARKERS)] if few else None,
        )  # fmt: skip
        axes.fill_between(x, low, high, color=colour, alpha=0.2, linewidth=0)


def learning_curves(
    panels: Mapping[str, Mapping[str, np.ndarray]], *, title: str, alt: str, ylabel: str
) -> Picture:
    """Curves over epochs: the mean over seeds with the 95 % interval of that mean as a band.

    Args:
        panels: for each panel's heading, for each curve's label, an array of shape
            (replicates, epochs).
        title: the message.
        alt: what the data show, in a sentence.
        ylabel: the metric.
    """
    figure, all_axes = _canvas(title, len(panels))
    with matplotlib.rc_context(STYLE):
        for axes, (heading, curves) in zip(all_axes, panels.items(), strict=True):
            epochs = np.arange(1, 1 + next(iter(curves.values())).shape[1])
            _draw_curves(axes, epochs, curves)
            axes.set_xlabel("epoch")
            if len(panels) > 1:
                axes.set_title(heading, fontsize=11, weight="normal")
        all_axes[0].set_ylabel(ylabel)
        all_axes[-1].legend()
    return Picture(figure, title, alt)


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
        axes.set_ylabel(ylabel)
        axes.legend()
    return Picture(figure, title, alt)


def seed_strips(groups: Mapping[str, np.ndarray], *, title: str, alt: str, xlabel: str) -> Picture:
    """One dot per seed, and the mean of each group with its 95 % interval.

    Args:
        groups: for each label an array of shape (replicates,).
        title, alt: message and description.
        xlabel: the metric.
    """
    figure, (axes,) = _canvas(title, height=1.5 + 0.45 * len(groups))
    with matplotlib.rc_context(STYLE):
        for k, (_, values) in enumerate(groups.items()):
            values = np.asarray(values, dtype="float64")
            low, high = confidence_interval(values)
            # Dots are spread by rank, so that equal values do not hide each other.
            height = k + 0.24 * np.linspace(-1, 1, len(values))
            colour = COLOURS[k % len(COLOURS)]
            axes.plot(values, height, linestyle="", marker=MARKERS[k % len(MARKERS)],
                      color=colour, alpha=0.55, markersize=4)  # fmt: skip
            axes.plot([low, high], [k, k], color=INK, linewidth=3, solid_capstyle="butt")
            axes.plot([values.mean()], [k], color=INK, marker="|", markersize=16)
        axes.set_yticks(range(len(groups)), list(groups))
        axes.invert_yaxis()
        figure.supxlabel(xlabel, fontsize=STYLE["font.size"])  # has room for long texts
    return Picture(figure, title, alt)


def effects(records: Mapping[str, Mapping], *, title: str, alt: str, xlabel: str) -> Picture:
    """Effects of claims with their 95 % intervals, one line each, beside the line of no effect.

    Args:
        records: for each label what `Claim.record` returns.
        title, alt: message and description.
        xlabel: what the effects are measured in.
    """
    # Narrow enough to be read on a phone without scrolling.
    figure, (axes,) = _canvas(title, height=1.3 + 0.42 * len(records), width=5.6)
    looks = {verdict: k for k, verdict in enumerate(VERDICTS)}
    with matplotlib.rc_context(STYLE):
        axes.axvline(0, color=INK, linewidth=1)
        for k, record in enumerate(records.values()):
            if record["effect"] is None:
                continue
            low, high = record["interval"]
            look = looks[record["verdict"]]
            axes.plot([low, high], [k, k], color=COLOURS[look], linewidth=2.5)
            axes.plot([record["effect"]], [k], color=COLOURS[look], marker=MARKERS[look])
            axes.annotate(
                record["verdict"], (1.02, k), xycoords=axes.get_yaxis_transform(), va="center"
            )
        axes.set_yticks(range(len(records)), list(records))
        axes.invert_yaxis()
        figure.supxlabel(xlabel, fontsize=STYLE["font.size"])
    return Picture(figure, title, alt)


def fitted_functions(
    x: np.ndarray,
    truth: np.ndarray,
    points: tuple[np.ndarray, np.ndarray],
    fits: Mapping[str, np.ndarray],
    *,
    title: str,
    alt: str,
) -> Picture:
    """Fitted curves beside each other, with the truth and the training points.

    Args:
        x: where the curves are drawn, shape (points,).
        truth: the function that made the data, shape (points,).
        points: the training rows, two arrays of shape (rows,).
        fits: for each panel's heading an array of shape (fits, points).
        title, alt: message and description.
    """
    figure, all_axes = _canvas(title, len(fits))
    with matplotlib.rc_context(STYLE):
        for axes, (heading, curves) in zip(all_axes, fits.items(), strict=True):
            for k, curve in enumerate(curves):
                axes.plot(x, curve, color=COLOURS[0], alpha=0.6, linewidth=1.2,
                          label="fits" if k == 0 else None)  # fmt: skip
            axes.plot(x, truth, color=COLOURS[1], linestyle="--", label="truth")
            axes.plot(
                *points, linestyle="", marker="o", color=INK, markersize=4, label="training rows"
            )
            axes.set_title(heading, fontsize=11, weight="normal")
            axes.set_ylim(truth.min() - 1, truth.max() + 1)
            axes.set_xlabel("x")
        all_axes[0].set_ylabel("y")
        figure.legend(*all_axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return Picture(figure, title, alt)


def pictures(
    images: Sequence[np.ndarray], labels: Sequence[str], *, title: str, alt: str
) -> Picture:
    """A row of small grey pictures, dark where the number is high.

    Args:
        images: arrays of shape (height, width), from 0 to 1.
        labels: a text under each.
        title, alt: message and description.
    """
    figure, all_axes = _canvas(title, len(images), height=1.9)
    with matplotlib.rc_context(STYLE):
        for axes, image, label in zip(all_axes, images, labels, strict=True):
            axes.imshow(image, cmap="Greys", vmin=0, vmax=1)
            axes.set_xticks([])
            axes.set_yticks([])
            axes.set_xlabel(label)
    return Picture(figure, title, alt)


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
) -> Picture:
    """A grid of fields, darker where the number is higher, each with a text.

    Args:
        values: shape (rows, columns), at least 0; nan where nothing was found, which is hatched.
        texts: what stands in each field.
        rows, columns: labels.
        title, alt: message and description.
        xlabel, ylabel: what columns and rows are.
        high: the number of the darkest field, so that several maps can be compared.
    """
    figure, (axes,) = _canvas(title, height=1.4 + 0.62 * len(rows), width=5.6)
    # Light enough everywhere for dark text.
    shades = LinearSegmentedColormap.from_list("shades", ["#ffffff", "#74add1"])
    with matplotlib.rc_context(STYLE):
        axes.imshow(values, cmap=shades, vmin=0, vmax=high, aspect="auto")
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
        axes.set_ylabel(ylabel)
    return Picture(figure, title, alt)
