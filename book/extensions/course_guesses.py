"""Guess first: a picture in which a reader places what to expect, and then sees what was measured.

`book/guesses.yml` holds the tasks, and no result. A guess stands on its chapter's page, below the
text of its heading, since notebooks hold plain Markdown only; the directive `{guess} name` puts one
on another page. What was measured is read from the chapters while building: effects from claims,
curves from the numbers of figures. What a chapter does not show any more is a warning, and so fails
the build.

The page holds the whole picture, the measured part hidden, so that `guess.js` only moves points and
finds words. Without scripts the answer is folded, and drawn when it is unfolded.
"""

from __future__ import annotations

import dataclasses
import difflib
import html
import json
import math
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml
from course_build import outputs_shown
from course_claims import (
    CHAPTERS,
    ROLES,
    SIGNS,
    effect_and_interval_text,
    effect_text,
    evidence_of,
    interval_text,
    ledger,
)
from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

logger = logging.getLogger(__name__)

FILE = "book/guesses.yml"
PAGE = "guess-on-page"  # class of what is written
POINTS = 8  # of a curve that a reader draws
PLOT = 220  # pixels: height of a curve's plot
ROW = 40  # pixels: height of an effect's row
LONGEST = 50  # characters of an effect's label
TICKS = 18  # pixels: height of numbers below an axis
UNITS = {"accuracy": "accuracy", "interaction in accuracy": "accuracy"}  # short names of metrics


class GuessError(Exception):
    """A guess that cannot be made, in one line."""


@dataclasses.dataclass(frozen=True)
class Guess:
    """One entry of `FILE`, which says what each field means."""

    name: str
    chapter: str
    under: str
    ask: str
    axis: Mapping = dataclasses.field(default_factory=dict)
    claim: str = ""
    label: str = ""
    figure: str = ""
    panel: str = ""
    curve: str = ""
    given: str = ""
    effects: Sequence[Mapping] = ()
    rank: bool = False

    def __post_init__(self):
        if sum(map(bool, (self.claim, self.figure, self.effects))) != 1:
            raise GuessError(f"guess {self.name}: it takes one of claim, figure and effects")
        needed = () if self.effects else ("label", "from", "to", "start")
        needed += ("step",) if self.figure else ()
        for place in needed:
            if place not in self.axis:
                raise GuessError(f"guess {self.name}: its axis has no {place}")
        for row in self.effects:
            if set(row) != {"claim", "label", "reach"}:
                raise GuessError(
                    f"guess {self.name}: an effect takes claim, label and reach: {row}"
                )


def read_guesses(file: Path) -> dict[str, Guess]:
    """All guesses by name.

    Raises:
        GuessError: an entry with a field too many or too few.
    """
    found = {}
    for name, entry in yaml.safe_load(file.read_text(encoding="utf-8")).items():
        try:
            found[name] = Guess(name, **entry)
        except TypeError as error:
            raise GuessError(f"guess {name}: {str(error).split('__init__() ')[-1]}") from None
    return found


# What was measured


@dataclasses.dataclass(frozen=True)
class Curve:
    """What a drawn curve is compared with; all sequences are as long as `x`."""

    x: Sequence[float]
    log_x: bool
    xlabel: str
    mean: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    colour: int
    seeds: int
    label: str
    given: Sequence[float] = ()
    small: float = 0.0  # the smallest effect, where the curve is an effect


def _near(name, names):
    close = difflib.get_close_matches(name, names, n=1, cutoff=0)
    return f"; the nearest is {close[0]}" if close else ""


def record_of(guess: Guess, claim: str, records: Mapping[str, dict]) -> dict:
    """The record of a claim that was measured.

    Raises:
        GuessError: there is no such claim, or nothing was measured.
    """
    if claim not in records:
        raise GuessError(f"guess {guess.name}: there is no claim {claim}{_near(claim, records)}")
    if records[claim]["effect"] is None:
        raise GuessError(f"guess {guess.name}: claim {claim} was not measured")
    return records[claim]


def curve_of_claim(guess: Guess, record: dict) -> Curve:
    """The effect of a claim over the epochs.

    Raises:
        GuessError: it was measured at fewer than three budgets, or diverged at some.
    """
    over = record["budget"]["over_epochs"] if record["budget"] else {"epochs": ()}
    if len(over["epochs"]) < 3 or None in over["effect"]:
        raise GuessError(
            f"guess {guess.name}: claim {record['id']} has no effect over the epochs to draw"
        )
    low, high = zip(*over["interval"], strict=True)
    return Curve(
        over["epochs"], True, "epoch", over["effect"], low, high, _colour(guess.label),
        len(record["seeds"]), "measured", small=record["smallest_effect"],
    )  # fmt: skip


def curve_of_figure(guess: Guess, figures: Mapping[str, dict]) -> Curve:
    """A curve of a chapter's figure, by the numbers that its output holds.

    Raises:
        GuessError: there is no such figure, panel or curve, or it has values that are not finite.
    """

    def found(kind, name, among):
        if name not in among:
            raise GuessError(
                f"guess {guess.name}: chapter {guess.chapter} has no {kind} {name!r}"
                f"{_near(name, among)}"
            )
        return among[name]

    numbers = found("figure", guess.figure, figures)
    panels = {panel["heading"]: panel["curves"] for panel in numbers["panels"]}
    curves = {curve["label"]: curve for curve in found("panel", guess.panel, panels)}
    curve = found("curve", guess.curve, curves)
    mean, low, high = curve["band"]
    given = found("curve", guess.given, curves)["band"][0] if guess.given else ()
    if None in [*mean, *low, *high, *given]:
        raise GuessError(f"guess {guess.name}: the curve {guess.curve!r} is not finite everywhere")
    return Curve(
        numbers["x"], numbers["log_x"], numbers["xlabel"], mean, low, high, curve["colour"],
        len(curve["replicates"]), curve["label"], given,
    )  # fmt: skip


def figures_of(app, docname: str) -> dict[str, dict]:
    """The numbers of a chapter's figures of curves, by title."""
    held = [output.get("metadata", {}).get("figure", {}) for output in outputs_shown(app, docname)]
    numbers = {
        figure["title"]: json.loads(figure["numbers"]) for figure in held if "numbers" in figure
    }
    return {title: found for title, found in numbers.items() if found["kind"] == "curves"}


def _colour(label):
    """The place of a technique's colour; what is none has the first that no technique has."""
    from utils.figures import OTHERS, TECHNIQUES

    return next((k for form, k in TECHNIQUES.items() if re.search(form, label)), OTHERS[0])


# Texts


def _minus(text):
    return text.replace("-", "\N{MINUS SIGN}")


def _whole(number):
    return f"{number:g}"


def _places(step):
    """Decimal places that a step needs."""
    return max(0, -math.floor(math.log10(step) + 1e-9))


def _number(value, signed, places):
    text = f"{value:{'+' if signed else ''}.{places}f}"
    return _minus(text if float(text) else text.lstrip("+-"))


def place_text(curve: Curve, x: float) -> str:
    """Such as "after 16 epochs" or "at 64 units in each hidden layer"."""
    if curve.xlabel == "epoch":
        return f"after {x:g} epoch{'s' * (x != 1)}"
    return f"at {x:g} {curve.xlabel}"


def label_of(row: Mapping, record: dict) -> str:
    """The label of an effect; where it does not last, it names the epochs, as all prose has to."""
    budget = record["budget"]
    if budget and not budget["lasts"]:
        return f"{row['label']}, after {budget['epochs']} epochs"
    return row["label"]


# Drawings: from left to right in percent, so that they are as wide as the page without a script,
# and from top to bottom in pixels, so that their place is kept.


def _percent(share):
    return f"{100 * share:.2f}".rstrip("0").rstrip(".") + "%"


def _stretched(height, drawn, classes=""):
    return (
        f'<svg class="{classes}" width="100%" height="{height}" viewBox="0 0 100 {height}" '
        f'preserveAspectRatio="none" aria-hidden="true">{drawn}</svg>'
    )


def _handle(x, y, label, ends, step, value, text, vertical):
    low, high = ends
    return (
        f'<g class="guess-handle" role="slider" tabindex="0" aria-label="{html.escape(label)}" '
        f'aria-orientation="{"vertical" if vertical else "horizontal"}" aria-valuemin="{low:g}" '
        f'aria-valuemax="{high:g}" aria-valuenow="{value:g}" aria-valuetext="{text}" '
        f'data-step="{step:g}"><circle class="guess-reach" cx="{x}" cy="{y}" r="17"/>'
        f'<circle class="guess-point" cx="{x}" cy="{y}" r="7"/></g>'
    )


def _ticks(low, high):
    from matplotlib.ticker import MaxNLocator

    found = MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    return [float(f"{tick:.6g}") for tick in found if low - 1e-9 <= tick <= high + 1e-9]


def _picture(height, label, drawn, classes):
    return (
        f'<div class="guess-plot {classes}"><svg class="guess-picture" height="{height}" '
        f'role="group" aria-label="{html.escape(label)}">{drawn}</svg></div>'
    )


def _line(points):
    return " ".join(f"{x:.2f},{y:.1f}" for x, y in points)


def _control_points(curve):
    """Places in `curve.x` of the points to draw: as evenly spaced as the axis lets them be."""
    scale = [math.log(x) if curve.log_x else x for x in curve.x]
    wanted = [scale[0] + k * (scale[-1] - scale[0]) / (POINTS - 1) for k in range(POINTS)]
    nearest = {min(range(len(scale)), key=lambda k: abs(scale[k] - w)) for w in wanted}
    across = [(s - scale[0]) / (scale[-1] - scale[0]) for s in scale]
    return sorted(nearest), across


def _drawn_curve(guess, curve):
    """The picture of a curve to draw, and what the script has to know."""
    low, high = guess.axis["from"], guess.axis["to"]
    step = guess.axis.get("step", curve.small)
    if min(*curve.low, *curve.given, low) < low or max(*curve.high, *curve.given, high) > high:
        raise GuessError(
            f"guess {guess.name}: its axis goes from {low:g} to {high:g}, and what was measured "
            f"from {min(*curve.low, *curve.given, high):.3g} "
            f"to {max(*curve.high, *curve.given, low):.3g}"
        )
    signed = bool(curve.small)

    def up(value):
        return PLOT * (high - value) / (high - low)

    at, across = _control_points(curve)
    names = [place_text(curve, curve.x[k]) for k in at]
    start = guess.axis["start"]
    text = _number(start, signed, _places(step))
    below = "".join(
        f'<text x="{_percent(across[k])}" y="{PLOT + TICKS}" text-anchor="middle">'
        f"{_whole(curve.x[k])}</text>"
        for k in at
    )
    beside = "".join(
        f'<line class="figure-grid" x1="0" x2="100%" y1="{up(t):.1f}" y2="{up(t):.1f}"/>'
        f'<text x="-8" y="{up(t) + 4:.1f}" text-anchor="end">'
        f"{_minus(f'{t:+g}' if signed and t else f'{t:g}')}</text>"
        for t in _ticks(low, high)
    )
    none = ""
    if signed:
        top, height = up(curve.small), up(-curve.small) - up(curve.small)
        none = (
            f'<rect class="guess-none" x="0" width="100%" y="{top:.1f}" height="{height:.1f}"/>'
            f'<line class="guess-zero" x1="0" x2="100%" y1="{up(0):.1f}" y2="{up(0):.1f}"/>'
        )
    xs = [100 * share for share in across]
    line = {
        name: _line(zip(xs, map(up, values), strict=True))
        for name, values in (("mean", curve.mean), ("low", curve.low), ("high", curve.high))
    }
    back = " ".join(reversed(line["low"].split()))
    given = ""
    if curve.given:
        points = _line(zip(xs, map(up, curve.given), strict=True))
        given = f'<polyline class="guess-given" points="{points}"/>'
    measured = (
        f'<g class="guess-truth figure-colour-{curve.colour}"><polygon class="figure-band" '
        f'points="{line["high"]} {back}"/><polyline class="figure-mean" '
        f'points="{line["mean"]}"/></g>'
    )
    own = f'<polyline class="guess-line" points="{_line((xs[k], up(start)) for k in at)}"/>'
    handles = "".join(
        _handle(_percent(across[k]), f"{up(start):.1f}", name, (low, high), step, start, text, True)
        for k, name in zip(at, names, strict=True)
    )
    drawn = (
        f'<g aria-hidden="true">{beside}{none}{below}<text x="50%" y="{PLOT + 2 * TICKS}" '
        f'text-anchor="middle">{html.escape(curve.xlabel)}{" (log scale)" * curve.log_x}</text></g>'
        f"{_stretched(PLOT, given + measured + own)}{handles}"
    )
    held = {
        "points": [
            {
                "at": name,
                "x": curve.x[k],
                "measured": [round(v[k], 6) for v in (curve.mean, curve.low, curve.high)],
                "said": _estimate(curve, k),
            }
            for k, name in zip(at, names, strict=True)
        ],
        "small": curve.small,
        "step": step,
        "places": _places(step),
    }
    if signed:
        held["turns"] = _turning(curve)
    else:
        turn = min(range(len(curve.mean)), key=lambda k: curve.mean[k])
        held["lowest"] = place_text(curve, curve.x[turn])
        held["rises"] = curve.low[-1] > curve.high[turn]
    key = [_swatch("guess-line", "your guess")]
    if curve.given:
        key.append(_swatch("guess-given", f"{guess.given}: given"))
    words = f"measured: mean of {curve.seeds} seeds, 95 % interval"
    key.append(_swatch(f"figure-mean figure-colour-{curve.colour}", words))
    if signed:
        key.append('<span class="guess-key-none">counts as none</span>')
    picture = _picture(
        PLOT + 2 * TICKS + 6,
        f"Your curve: a point {names[0]} and so on to {names[-1]}",
        drawn,
        "guess-curve",
    )
    return f'<p class="guess-ylabel">{html.escape(guess.axis["label"])}</p>{picture}', key, held


def _turning(curve):
    """Where an effect first turns from one side of zero to the other: the epochs before and after,
    between which its side is not clear, and whether it rises. None where it does not turn."""
    last = None
    for x, mean, low, high in zip(curve.x, curve.mean, curve.low, curve.high, strict=True):
        side = (low > 0 and mean > curve.small) - (high < 0 and mean < -curve.small)
        if side and last and side != last[1]:
            return {"from": last[0], "to": x, "rises": side > 0}
        last = (x, side) if side else last
    return None


def _estimate(curve, k):
    signed = bool(curve.small)
    mean, low, high = (_number(v[k], signed, 3) for v in (curve.mean, curve.low, curve.high))
    return f"{mean} ({low} to {high})"


def _swatch(classes, words):
    return (
        f'<span><svg class="figure-swatch" viewBox="0 0 26 8" aria-hidden="true"><path '
        f'class="{classes}" d="M0,4L26,4"/></svg> {html.escape(words)}</span>'
    )


def _drawn_effects(guess, records):
    """The picture of effects to place, and what the script has to know."""
    scales = {(float(row["reach"]), record["metric"]) for row, record in records}
    each = len(scales) > 1  # every row has an axis of its own
    row_height = ROW + TICKS * each
    drawn, handles, held, colours = "", "", [], set()
    for k, (row, record) in enumerate(records):
        reach, small = float(row["reach"]), record["smallest_effect"]
        if max(map(abs, record["interval"])) > reach:
            raise GuessError(
                f"guess {guess.name}: the axis of {record['id']} goes to {reach:g} on both sides, "
                f"and what was measured from {interval_text(record)}"
            )

        def across(value, reach=reach):
            return _percent((value + reach) / (2 * reach))

        top, middle = k * row_height, k * row_height + 27
        label = label_of(row, record)
        if len(label) > LONGEST:
            raise GuessError(
                f"guess {guess.name}: a label takes up to {LONGEST} characters, as many as a phone "
                f"shows: {label!r}"
            )
        metric = f": {UNITS.get(record['metric'], record['metric'])}" if each else ""
        low, high = map(across, record["interval"])
        colour = _colour(f"{guess.label} {row['label']}".strip())
        colours.add(f"figure-colour-{colour}")
        drawn += (
            f'<text x="0" y="{top + 12}">{html.escape(label)}</text>'
            f'<rect class="guess-none" x="{across(-small)}" width="{_percent(small / reach)}" '
            f'y="{middle - 9}" height="18"/>'
            f'<line class="figure-grid" x1="0" x2="100%" y1="{middle}" y2="{middle}"/>'
            f'<line class="guess-zero" x1="50%" x2="50%" y1="{middle - 11}" y2="{middle + 11}"/>'
            f'<line class="guess-stem" x1="50%" x2="50%" y1="{middle}" y2="{middle}"/>'
            f'<g class="guess-truth figure-colour-{colour}">'
            f'<line class="guess-interval" x1="{low}" x2="{high}" y1="{middle}" y2="{middle}"/>'
            f'<circle class="guess-effect" cx="{across(record["effect"])}" cy="{middle}" r="5"/>'
            "</g>"
        )
        if each or k == len(records) - 1:
            drawn += "".join(
                f'<text x="{across(t)}" y="{middle + 25}" text-anchor="middle">'
                f"{_minus(f'{t:+g}' if t else '0')}</text>"
                for t in _ticks(-reach, reach)
            )
        places = _places(small)
        handles += _handle(
            "50%", str(middle), label + metric, (-reach, reach), small, 0, "0", False
        )
        held.append(
            {
                "label": label,
                "measured": [round(v, 6) for v in (record["effect"], *record["interval"])],
                "small": small,
                "verdict": record["verdict"],
                "said": f"{effect_text(record)} ({interval_text(record)})",
                "step": small,
                "places": places,
            }
        )
    metrics = ", ".join(dict.fromkeys(UNITS.get(m, m) for _, m in sorted(scales, key=str)))
    height = len(records) * row_height + 2 * TICKS * (not each) + 4
    if not each:
        drawn += (
            f'<text x="50%" y="{height - 4}" text-anchor="middle">effect on the {metrics}</text>'
        )
    picture = _picture(
        height,
        f"Your guess: a point for each of {len(records)} effects",
        f'<g aria-hidden="true">{drawn}</g>{handles}',
        "guess-effects",
    )
    only = colours.pop() if len(colours) == 1 else ""
    key = [
        '<span><svg class="figure-swatch" viewBox="0 0 26 14" aria-hidden="true"><circle '
        'class="guess-point" cx="13" cy="7" r="5.5"/></svg> your guess</span>',
        f'<span><svg class="figure-swatch {only}" viewBox="0 0 26 14" aria-hidden="true"><path '
        'class="guess-interval" d="M1,7H25"/><circle class="guess-effect" cx="13" cy="7" r="4"/>'
        "</svg> measured, 95 % interval</span>",
        '<span class="guess-key-none">counts as none</span>',
    ]
    return picture, key, {"effects": held, "rank": guess.rank}


WIDGET = """
<div class="guess" role="group" aria-label="Guess first: {ask}" data-guess="{held}">
<p class="guess-ask">{ask}</p>
<p class="guess-key">{key}</p>
{picture}
<div class="guess-bar"><button type="button" disabled>Commit</button>
<span>Drag, or move a point with the arrow keys.</span></div>
<div class="guess-said" role="status"></div>
<details><summary>What was measured</summary>{answer}</details>
</div>
"""


def widget(guess: Guess, picture: str, key: Sequence[str], held: dict, answer: str) -> str:
    """HTML of a guess, which works once `guess.js` is loaded."""
    return WIDGET.format(
        ask=html.escape(guess.ask.strip()),
        held=html.escape(json.dumps(held, separators=(",", ":"), ensure_ascii=False)),
        key="".join(key),
        picture=picture,
        answer=answer,
    )


# Places in pages, which are filled in when all chapters were read


class GuessPlace(nodes.General, nodes.Element):
    """Place of a guess; `guess` is its name."""


class GuessDirective(SphinxDirective):
    required_arguments = 1

    def run(self):
        place = _place(self.env, self.arguments[0])
        self.set_source_info(place)
        return [place]


def _place(env, name):
    env.note_dependency(FILE)
    evidence_of(env).readers.add(env.docname)
    return GuessPlace(guess=name)


def _read(app):
    try:
        return read_guesses(Path(app.srcdir) / FILE)
    except GuessError as error:
        logger.warning("%s", error, type="guess")
        return {}


def add_to_chapter(app, doctree):
    """Put each guess of a chapter below the text of its heading."""
    docname = app.env.docname
    if docname not in evidence_of(app.env).chapters:
        return
    app.env.note_dependency(FILE)
    sections = {next(s.findall(nodes.title)).astext(): s for s in doctree.findall(nodes.section)}
    after = {}
    for guess in app.course_guesses.values():
        if f"{CHAPTERS}{guess.chapter}" != docname:
            continue
        if guess.under not in sections:
            logger.warning(
                "guess %s: the chapter has no heading %r%s", guess.name, guess.under,
                _near(guess.under, sections), location=docname, type="guess",
            )  # fmt: skip
            continue
        section = sections[guess.under]
        place = after.get(guess.under) or next(
            (k for k, n in enumerate(section) if not isinstance(n, nodes.title | nodes.paragraph)),
            len(section),
        )
        node = _place(app.env, guess.name)
        node.source, node.line = section.source, section.line
        section.insert(place, node)
        after[guess.under] = place + 1


class FillIn(SphinxPostTransform):
    """Draw the guesses at their places."""

    default_priority = 8

    def run(self, **kwargs):
        for place in list(self.document.findall(GuessPlace)):
            try:
                text = self._drawn(place["guess"])
            except GuessError as error:
                logger.warning("%s", error, location=place, type="guess")
                place.parent.remove(place)
            else:
                place.replace_self(nodes.raw("", text, format="html", classes=[PAGE]))

    def _drawn(self, name):
        guesses = self.app.course_guesses
        if name not in guesses:
            raise GuessError(f"there is no guess {name}{_near(name, guesses)}")
        guess = guesses[name]
        if str(self.app.srcdir) not in sys.path:
            sys.path.insert(0, str(self.app.srcdir))
        shown = ledger(self.env)
        records = {claim: found.record for claim, found in shown.items()}

        def told(claim, label=""):
            record, docname = shown[claim]
            address = html.escape(self._address(docname))
            said = f"{html.escape(label)}: " if label else ""
            role = ROLES[record["verdict"]]
            return (
                f'<li>{said}<a class="reference internal" href="{address}#claim-{claim}">'
                f"{html.escape(record['sentence'])}</a> "
                f'<span class="verdict-badge verdict-{role}"><span aria-hidden="true">'
                f"{SIGNS[record['verdict']]}</span> {record['verdict']}</span> "
                f"{effect_and_interval_text(record)}</li>"
            )

        if guess.effects:
            rows = [(row, record_of(guess, row["claim"], records)) for row in guess.effects]
            drawn = _drawn_effects(guess, rows)
            items = [told(row["claim"], label_of(row, record)) for row, record in rows]
            return widget(guess, *drawn, f"<ul>{''.join(items)}</ul>")
        if guess.claim:
            record = record_of(guess, guess.claim, records)
            curve = curve_of_claim(guess, record)
            answer = f"{_table(curve)}<ul>{told(guess.claim)}</ul>"
        else:
            curve = curve_of_figure(guess, figures_of(self.app, f"{CHAPTERS}{guess.chapter}"))
            answer = _table(curve)
        return widget(guess, *_drawn_curve(guess, curve), answer)

    def _address(self, docname):
        if docname == self.env.docname:
            return ""
        return self.app.builder.get_relative_uri(self.env.docname, docname)


def _table(curve):
    at, _ = _control_points(curve)
    rows = "".join(
        f'<tr><th scope="row">{place_text(curve, curve.x[k])}</th>'
        f"<td>{_estimate(curve, k)}</td></tr>"
        for k in at
    )
    head = f"<td></td><th scope='col'>mean of {curve.seeds} seeds (95 % interval)</th>"
    return f'<table class="table"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'


def keep_guesses(app):
    """Read them once, before any page."""
    app.course_guesses = _read(app)


def add_script(app, pagename, templatename, context, doctree):
    if doctree is not None and any(PAGE in node["classes"] for node in doctree.findall(nodes.raw)):
        app.add_js_file("guess.js", loading_method="defer")
        app.add_css_file("guess.css")


def setup(app):
    app.add_node(GuessPlace)
    app.add_directive("guess", GuessDirective)
    app.add_post_transform(FillIn)
    app.connect("builder-inited", keep_guesses)
    # After the claims of a chapter were read, which says what is a chapter.
    app.connect("doctree-read", add_to_chapter, priority=700)
    app.connect("html-page-context", add_script)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
