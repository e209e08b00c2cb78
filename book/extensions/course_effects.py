"""Many effects in little room: the cards of the chapters, and all effects of the course at once.

Directives:
    {all-effects}       every claim as a mark with its interval, one panel for each chapter, sorted;
                        each mark is a link to the claim's card
    {chapter-card}      a question that a chapter asks, what it found, and some of its effects. The
                        argument is the chapter, the option question the question, the option
                        effects `label = id; label = id`, and the body what was found

Effects in different units share an axis: they are shown as multiples of the smallest effect that
counts, evenly up to that one and by powers of ten beyond.
"""

from __future__ import annotations

import html
import math

from course_claims import (
    ROLES,
    effect_and_interval_text,
    effect_text,
    evidence_of,
    ledger,
    number_of,
)
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx import addnodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

logger = logging.getLogger(__name__)

# A mark for each verdict, around the point where its path begins; as in `utils.figures`.
MARKS = {
    "supported": "m-3 0a3 3 0 1 0 6 0a3 3 0 1 0-6 0",
    "opposite found": "m-2.8-2.8h5.6v5.6h-5.6z",
    "no difference": "m0-3.6l3.4 6.2h-6.8z",
    "undecided": "m0-3.4l3.4 3.4-3.4 3.4-3.4-3.4z",
}
PANEL, ROW, LEFT = 190, 9, 12  # width of a panel, height of a claim, margin
CARD, CARD_ROW, FROM, TO = 300, 24, 146, 250  # width, height of an effect, ends of the axis
KEY = (
    '<li><svg class="verdict-{role}" viewBox="-5 -5 10 10" aria-hidden="true">'
    '<path d="M0 0{mark}"/></svg> {verdict}</li>'
)


class AllEffects(nodes.General, nodes.Element):
    """Place of the plot of all effects."""


class ChapterName(nodes.inline):
    """Place of a chapter's number and title."""


class CardEffects(nodes.General, nodes.Element):
    """Place of the drawing on a card; `labels` maps labels to claims."""


class AllEffectsDirective(SphinxDirective):
    def run(self):
        evidence_of(self.env).readers.add(self.env.docname)
        node = AllEffects()
        self.set_source_info(node)
        return [node]


class ChapterCardDirective(SphinxDirective):
    has_content = True
    required_arguments = 1
    option_spec = {  # noqa: RUF012
        "question": directives.unchanged_required,
        "effects": directives.unchanged_required,
    }

    def run(self):
        if missing := self.option_spec.keys() - self.options.keys():
            raise self.error(f"{self.name} needs the option {min(missing)}")
        pairs = [pair.partition("=") for pair in self.options["effects"].split(";")]
        labels = {label.strip(): name.strip() for label, _, name in pairs}
        if "" in labels or "" in labels.values() or len(labels) < len(pairs):
            raise self.error("effects are `label = id; label = id`, each with a label of its own")
        evidence_of(self.env).readers.add(self.env.docname)
        chapter, question = self.arguments[0], self.options["question"]
        link = addnodes.pending_xref(
            "", nodes.inline(question, question), refdomain="std", reftype="doc",
            refdoc=self.env.docname, reftarget=f"/{chapter}", refexplicit=True, refwarn=True,
        )  # fmt: skip
        name = ChapterName(docname=chapter)
        effects = CardEffects(labels=labels)
        self.set_source_info(effects)
        card = nodes.container("", classes=["chapter-card"])
        card += nodes.paragraph("", "", name, classes=["chapter-card-name"])
        card += nodes.paragraph("", "", link, classes=["chapter-card-question"])
        self.state.nested_parse(self.content, self.content_offset, card)
        card += effects
        return [card]


class DrawEffects(SphinxPostTransform):
    """Put the drawings at their places, when all chapters were read."""

    default_priority = 8

    def run(self, **kwargs):
        for node in list(self.document.findall(ChapterName)):
            title = self.env.titles[node["docname"]].astext()
            number = number_of(self.env, node["docname"])
            node.replace_self(nodes.Text(f"Chapter {number}: {title}" if number else title))
        for node in list(self.document.findall(CardEffects)):
            node.replace_self(self._card(node))
        for node in list(self.document.findall(AllEffects)):
            node.replace_self(self._all())

    def _card(self, node):
        known = ledger(self.env)
        for name in [name for name in node["labels"].values() if name not in known]:
            logger.warning("there is no claim %s", name, location=node, type="claims")
        records = {
            label: known[name].record for label, name in node["labels"].items() if name in known
        }
        drawn, said = card_drawing(records)
        if self.app.builder.format != "html":
            return nodes.paragraph("", said)
        return nodes.raw("", drawn, format="html")

    def _all(self):
        shown = [one for one in ledger(self.env).values() if one.record["effect"] is not None]
        if self.app.builder.format != "html":
            return nodes.paragraph("", "The plot of all effects stands on the site.")
        chapters = {one.docname: self.env.titles[one.docname].astext() for one in shown}
        axis = Axis(shown, LEFT, PANEL - LEFT)
        panels = "".join(
            _panel(
                axis,
                sorted(
                    (one.record for one in shown if one.docname == docname),
                    key=lambda record: -in_smallest(record, record["effect"]),
                ),
                self.app.builder.get_relative_uri(self.env.docname, docname),
                title,
                number_of(self.env, docname),
            )
            for docname, title in chapters.items()
        )
        key = "".join(
            KEY.format(role=ROLES[verdict], mark=mark, verdict=verdict)
            for verdict, mark in MARKS.items()
        )
        return nodes.raw(
            "", PLOT.format(key=key, panels=panels), format="html", classes=["all-effects"]
        )


def in_smallest(record: dict, value: float) -> float:
    """A value in units of the smallest effect that counts."""
    return value / (record["smallest_effect"] or 1)


class Axis:
    """Where an effect stands between two ends in pixels; half of the axis are negative effects."""

    def __init__(self, shown, start: float, end: float):
        values = [v for one in shown for v in map(abs, _in_units(one.record)) if math.isfinite(v)]
        self.powers = max(1, math.ceil(math.log10(max(values, default=1)) - 1e-9))
        self.middle = (start + end) / 2
        self.unit = (end - start) / 2 / (1 + self.powers)

    def at(self, value: float) -> float:
        """Place of an effect, given in units of the smallest one that counts."""
        size = abs(value)
        away = size if size <= 1 else 1 + min(math.log10(size), self.powers)
        return self.middle + math.copysign(away * self.unit, value)


def _in_units(record):
    return [in_smallest(record, value) for value in (record["effect"], *record["interval"])]


def _mark(record, x, y):
    return f'<path class="mark" d="M{x:.1f} {y:g}{MARKS[record["verdict"]]}"/>'


def _panel(axis, records, address, title, number):
    height = ROW * len(records)
    lines = []
    for k, record in enumerate(records):
        y = ROW * (k + 0.5)
        x, low, high = map(axis.at, _in_units(record))
        words = html.escape(f"{record['sentence']} {effect_and_interval_text(record)}")
        lines.append(
            f'<a href="{html.escape(address)}#claim-{html.escape(record["id"])}" '
            f'class="verdict-{ROLES[record["verdict"]]}" data-verdict="{record["verdict"]}">'
            f'<title>{words}</title><path class="row" d="M0 {y:g}H{PANEL}"/>'
            f'<path class="reach" d="M{low:.1f} {y:g}H{high:.1f}"/>{_mark(record, x, y)}</a>\n'
        )
    powers = [10**k for k in range(axis.powers + 1)]
    ticks = {-v: f"\N{MINUS SIGN}{v}" for v in reversed(powers)} | {v: f"{v}" for v in powers}
    below = "".join(
        f'<text x="{axis.at(value):.1f}" y="{height + 13}">{text}</text>'
        for value, text in ticks.items()
    )
    grid = "".join(f"M{axis.at(value):.1f} 0V{height}" for value in ticks)
    name = f"{number}. {title}" if number else title
    return (
        f'<div class="effects-panel"><p><a class="reference internal" '
        f'href="{html.escape(address)}">{html.escape(name)}</a></p>'
        f'<svg viewBox="0 0 {PANEL} {height + 18}" width="{PANEL}" height="{height + 18}" '
        f'role="group" aria-label="Effects of the chapter {html.escape(title)}">'
        f'<rect class="none" x="{axis.at(-1):.1f}" width="{2 * axis.unit:.1f}" height="{height}"/>'
        f'<path class="grid" d="{grid}"/><path class="zero" d="M{axis.middle:g} 0V{height}"/>'
        f"{below}\n{''.join(lines)}</svg></div>"
    )


def card_drawing(records: dict[str, dict]) -> tuple[str, str]:
    """An SVG of some effects by label, with the intervals that decide, and the same in words."""
    measured = [record for record in records.values() if record["effect"] is not None]
    ends = [in_smallest(r, v) for r in measured for v in r["joint_interval"]]
    reach = 1.05 * max([3.0, *map(abs, ends)])
    middle, unit = (FROM + TO) / 2, (TO - FROM) / 2 / reach
    height = CARD_ROW * len(records)
    lines, said = [], []
    for k, (label, record) in enumerate(records.items()):
        y = CARD_ROW * (k + 0.5)
        said.append(f"{label}: {effect_text(record)}, {record['verdict']}")
        drawn = ""
        if record["effect"] is not None:
            x, low, high = (middle + unit * value for value in _in_units(record))
            thin = [middle + unit * in_smallest(record, v) for v in record["joint_interval"]]
            drawn = (
                f'<path class="together" d="M{thin[0]:.1f} {y:g}H{thin[1]:.1f}"/>'
                f'<path class="reach" d="M{low:.1f} {y:g}H{high:.1f}"/>{_mark(record, x, y)}'
            )
        lines.append(
            f'<g class="verdict-{ROLES[record["verdict"]]}">'
            f'<text x="0" y="{y + 4:g}">{html.escape(label)}</text>{drawn}'
            f'<text class="found" x="{CARD}" y="{y + 4:g}">{effect_text(record)}</text></g>'
        )
    metrics = " and ".join(dict.fromkeys(record["metric"] for record in measured))
    words = f"Effects on {metrics} with their intervals. {'; '.join(said)}."
    return (
        f'<svg class="card-effects" viewBox="0 0 {CARD} {height}" width="{CARD}" height="{height}" '
        f'role="img" aria-label="{html.escape(words)}">'
        f'<rect class="none" x="{middle - unit:.1f}" width="{2 * unit:.1f}" height="{height}"/>'
        f'<path class="zero" d="M{middle:g} 0V{height}"/>{"".join(lines)}</svg>'
    ), words


PLOT = """
<p class="effects-read"><span class="effects-hint">Point at a mark, or choose one with the Tab and
arrow keys; it leads to the card of its claim.</span></p>
<ul class="effects-key" aria-label="Marks">{key}<li><span class="effects-none"></span> counts as
none</li></ul>
<div class="effects-panels">{panels}</div>
"""


def add_script(app, pagename, templatename, context, doctree):
    raw = doctree.findall(nodes.raw) if doctree is not None else ()
    if any("all-effects" in node["classes"] for node in raw):
        app.add_js_file("all_effects.js", loading_method="defer")


def setup(app):
    for node in (AllEffects, ChapterName, CardEffects):
        app.add_node(node)
    app.add_directive("all-effects", AllEffectsDirective)
    app.add_directive("chapter-card", ChapterCardDirective)
    app.add_post_transform(DrawEffects)
    app.connect("html-page-context", add_script)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
