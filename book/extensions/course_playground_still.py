"""The playground's still picture: a network without and with dropout, trained by plain numpy.

Several seeds are trained at once, as one more axis of every array. The picture shows the mean of
their decision surfaces, and what it shows is said in words made of the same numbers.
"""

from __future__ import annotations

import csv
import functools
import io
from typing import NamedTuple

import numpy as np

SEEDS, ROWS, HELD_OUT, UNITS, EPOCHS = 4, 150, 400, 48, 300
WRONG, DROPOUT, LEARNING_RATE = 0.3, 0.3, 0.01
REACH, CELLS, SIDE = 2.0, 32, 256  # of the board: half its side, cells on a side, pixels
COLOURS = "#e69f00", "#009e73"


class Still(NamedTuple):
    """A picture, its size in pixels, what it shows in words, and its numbers as CSV."""

    svg: str
    width: int
    height: int
    alt: str
    table: str


def _circles(random, rows):
    """Rows of both classes for each seed: x of shape (SEEDS, rows, 2), y of shape (SEEDS, rows)."""
    y = np.tile(np.arange(rows) % 2, (SEEDS, 1))
    angle = random.uniform(0, 2 * np.pi, y.shape)
    radius = np.where(y == 1, 0.6, 1.3)
    x = radius[..., None] * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    return x + 0.18 * random.standard_normal(x.shape), y


def _forward(weights, x, masks=(1.0, 1.0)):
    """Logits of shape (SEEDS, rows), and what the layers were given."""
    given = [x]
    for layer, mask in enumerate(masks):
        kernel, bias = weights[2 * layer : 2 * layer + 2]
        given.append(np.maximum(given[-1] @ kernel + bias, 0) * mask)
    return (given[-1] @ weights[4] + weights[5])[..., 0], given


def _gradients(weights, x, y, masks):
    """Of the mean cross-entropy, in the order of the weights."""
    logits, given = _forward(weights, x, masks)
    delta = ((1 / (1 + np.exp(-logits)) - y) / y.shape[1])[..., None]
    found = []
    for layer in (2, 1, 0):
        found += [delta.sum(axis=1, keepdims=True), given[layer].swapaxes(1, 2) @ delta]
        if layer:
            back = delta @ weights[2 * layer].swapaxes(1, 2)
            delta = back * (given[layer] > 0) * masks[layer - 1]
    return found[::-1]


def _trained(dropout):
    """Mean probability of the second class on the board, shape (CELLS, CELLS); held-out accuracy;
    rows, labels and wrong labels of the first seed."""
    random = np.random.default_rng(0)
    x, y = _circles(random, ROWS)
    held_out = _circles(random, HELD_OUT)
    wrong = random.permuted(np.tile(np.arange(ROWS) < WRONG * ROWS, (SEEDS, 1)), axis=1)
    y = np.where(wrong, 1 - y, y)
    weights = []
    for inputs, units in ((2, UNITS), (UNITS, UNITS), (UNITS, 1)):
        kernel = random.standard_normal((SEEDS, inputs, units)) * np.sqrt(2 / inputs)
        weights += [kernel, np.zeros((SEEDS, 1, units))]
    first, second = ([np.zeros_like(w) for w in weights] for _ in range(2))
    for step in range(1, EPOCHS + 1):
        kept = random.uniform(size=(2, SEEDS, ROWS, UNITS)) >= dropout
        for w, g, m, v in zip(
            weights, _gradients(weights, x, y, kept / (1 - dropout)), first, second, strict=True
        ):
            m += 0.1 * (g - m)
            v += 0.001 * (g**2 - v)
            size = LEARNING_RATE * np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
            w -= size * m / (np.sqrt(v) + 1e-7)
    at = ((np.arange(CELLS) + 0.5) / CELLS * 2 - 1) * REACH
    board = np.stack(np.meshgrid(at, at[::-1]), axis=-1).reshape(-1, 2)
    logits, _ = _forward(weights, np.tile(board, (SEEDS, 1, 1)))
    surface = (1 / (1 + np.exp(-logits))).mean(axis=0).reshape(CELLS, CELLS)
    accuracy = ((_forward(weights, held_out[0])[0] > 0) == held_out[1]).mean()
    return surface, float(accuracy), (x[0], y[0], wrong[0])


def _drawn(surface, rows, left):
    """One board as SVG."""
    cell = SIDE / CELLS
    parts = [f'<g transform="translate({left} 26)">']
    for (up, across), probability in np.ndenumerate(surface):
        opacity = 0.04 + 0.5 * abs(2 * probability - 1)
        parts.append(
            f'<rect x="{across * cell:g}" y="{up * cell:g}" width="{cell:g}" height="{cell:g}" '
            f'fill="{COLOURS[int(probability > 0.5)]}" fill-opacity="{opacity:.2f}"/>'
        )
    for (x, y), label, wrong in zip(*rows, strict=True):
        place = (x / REACH + 1) * SIDE / 2, (1 - y / REACH) * SIDE / 2
        ring = "#222" if wrong else "#fff"
        style = f'fill="{COLOURS[label]}" stroke="{ring}" stroke-width="{1.4 if wrong else 0.7}"'
        if label:
            parts.append(
                f'<rect x="{place[0] - 2.5:.1f}" y="{place[1] - 2.5:.1f}" width="5" height="5" '
                f"{style}/>"
            )
        else:
            parts.append(f'<circle cx="{place[0]:.1f}" cy="{place[1]:.1f}" r="2.8" {style}/>')
    return "".join([*parts, "</g>"])


@functools.cache
def still() -> Still:
    """Trains both networks and draws them, in a few seconds, once for a build."""
    boards = {"Baseline": _trained(0.0), f"With dropout {DROPOUT:g}": _trained(DROPOUT)}
    width, height = 2 * SIDE + 24, SIDE + 30
    drawn, said = [], []
    table = io.StringIO()
    rows_of_table = csv.writer(table, lineterminator="\n")
    rows_of_table.writerow(["", "held-out accuracy", "epochs", "seeds"])
    for k, (name, (surface, accuracy, rows)) in enumerate(boards.items()):
        left = k * (SIDE + 24)
        drawn.append(
            f'<text x="{left}" y="16" font-family="sans-serif" font-size="14">{name}</text>'
            + _drawn(surface, rows, left)
        )
        said.append(f"{name.lower()}, held-out accuracy {accuracy:.3f}")
        rows_of_table.writerow([name, f"{accuracy:.3f}", EPOCHS, SEEDS])
    alt = (
        f"Mean decision surfaces of {SEEDS} networks on two circles with {WRONG:.0%} wrong labels, "
        f"after {EPOCHS} epochs: {'; '.join(said)}."
    )
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" aria-label="{alt}">{"".join(drawn)}</svg>'
    )
    return Still(svg, width, height, alt, table.getvalue())
