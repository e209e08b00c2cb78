"""Lets pages state verdicts and show numbers that come from the chapters' evidence.

Prose that repeats a result goes stale when the result changes. Here it does not: numbers are
filled in from the claims that the executed chapters show, and a verdict that prose states is
compared with the chapter's verdict. Where they differ, the build warns, and so fails. So it does
where a page states what holds for some epochs only, without a word about epochs beside it.

Roles that state a verdict, and link to the claim:
    {supported}`id`, {opposite}`id`, {no-difference}`id`, {undecided}`id`, each also as
    {supported}`text <id>`
Roles that do not:
    {claim}`id` and {claim}`text <id>` link to a claim
    {effect}`id`, {effect-only}`id`, {treatment}`id`, {control}`id` are numbers
    {epochs}`id` is the number of epochs that a claim is about, {at-half}`id` the effect at half of
    them
    {claim-count}`all`, or one of the verdicts, or `seeds` for the smallest number of seeds, or
    `lasts`, `depends on the epochs`, `no budget`, or `changed` for the verdicts that confirmation
    seeds have changed
Directives:
    {evidence-table}    every claim of the course, with a filter
    {effects-figure}    a picture of some effects; a line of its body is `id: label`
    {run-cost-table}    what running each chapter took
"""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import html
import json
import math
import re
import sys
from pathlib import Path
from typing import NamedTuple

from course_build import outputs_shown
from course_figures import figure_of
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.docutils import ReferenceRole, SphinxDirective, SphinxRole
from sphinx.util.nodes import make_refnode
from sphinx.util.osutil import relative_uri

logger = logging.getLogger(__name__)

CHAPTERS = "notebooks/"
EPOCHS = "claim-epochs"  # class of a number of epochs
# For each verdict the role that states it, which also names its class, and a sign.
ROLES = {
    "supported": "supported",
    "opposite found": "opposite",
    "no difference": "no-difference",
    "undecided": "undecided",
}
SIGNS = {"supported": "✓", "opposite found": "✗", "no difference": "≈", "undecided": "?"}
# Whether half of the epochs say the same, as `Claim.lasts`.
LASTING = {True: "lasts", False: "depends on the epochs", None: "no budget"}
NOT_MEASURED = "not measured"


# What the chapters show


class Chapter(NamedTuple):
    """The records of a chapter's claims, and of the cost of its run if it shows one."""

    claims: list[dict]
    cost: dict | None


class Shown(NamedTuple):
    """A claim's record, and the chapter that shows it."""

    record: dict
    docname: str


@dataclasses.dataclass
class Evidence:
    """Part of Sphinx's environment, which is kept between builds.

    Attributes:
        chapters: what was read, by docname.
        readers: the pages that show some of it.
    """

    chapters: dict[str, Chapter] = dataclasses.field(default_factory=dict)
    readers: set[str] = dataclasses.field(default_factory=set)


def evidence_of(env) -> Evidence:
    """The environment's `Evidence`, which a new environment does not have yet."""
    if not hasattr(env, "course_evidence"):
        env.course_evidence = Evidence()
    return env.course_evidence


def remember_chapter(app, doctree):
    docname = app.env.docname
    # Exercises stand in folders below: their pages claim nothing.
    chapter = docname.startswith(CHAPTERS) and "/" not in _name(docname)
    if chapter and app.env.doc2path(docname).endswith(".ipynb"):
        claims, cost = _shown(outputs_shown(app, docname))
        _check_seeds(app, docname, claims)
        evidence_of(app.env).chapters[docname] = Chapter(claims, cost)


def _shown(outputs):
    """The claims among the outputs of a chapter, and the last of its costs."""
    shown = [output.get("metadata", {}) for output in outputs]
    claims = [metadata["claim"] for metadata in shown if "claim" in metadata]
    costs = [metadata["cost"] for metadata in shown if "cost" in metadata]
    return claims, costs[-1] if costs else None


def _check_seeds(app, docname, claims):
    """A run whose seeds do not give what all of them gave shows its own few, and its notebook says
    by its stored outputs that it should not have to."""
    notebook = json.loads(Path(app.env.doc2path(docname)).read_text(encoding="utf-8"))
    stored, _ = _shown(o for cell in notebook["cells"] for o in cell.get("outputs", []))
    confirmed = {claim["id"] for claim in stored if "again" in claim}
    for claim in claims:
        if claim["id"] in confirmed and "again" not in claim:
            logger.warning(
                "claim %s was found otherwise by the %d seeds of this run than these seeds found "
                "it before, or a parameter or cell is another one: it stands on these seeds alone",
                claim["id"], len(claim["seeds"]), location=docname, type="claims",
            )  # fmt: skip


def forget_page(app, env, docname):
    evidence_of(env).chapters.pop(docname, None)
    evidence_of(env).readers.discard(docname)


def merge_pages(app, env, docnames, other):
    """Take over what a process that read some of the pages has found."""
    found, evidence = evidence_of(other), evidence_of(env)
    for docname in docnames:
        if docname in found.chapters:
            evidence.chapters[docname] = found.chapters[docname]
    evidence.readers |= found.readers & set(docnames)


def chapters_in_order(env) -> dict[str, Chapter]:
    """The chapters by docname, in the order of the table of contents."""
    order = []

    def visit(docname):
        if docname not in order:
            order.append(docname)
            for below in env.toctree_includes.get(docname, []):
                visit(below)

    visit(env.config.root_doc)
    chapters = evidence_of(env).chapters
    return {docname: chapters[docname] for docname in order if docname in chapters}


def ledger(env) -> dict[str, Shown]:
    """All claims of the course by id, in reading order."""
    found = {}
    for docname, chapter in chapters_in_order(env).items():
        for record in chapter.claims:
            found.setdefault(record["id"], Shown(record, docname))
    return found


def number_of(env, docname: str) -> str:
    """A chapter's number in the table of contents, or nothing."""
    return ".".join(map(str, env.toc_secnumbers.get(docname, {}).get("", ())))


def check_ids(app, env):
    """A link to a claim leads to one place, so its id may occur once."""
    first = ledger(env)
    for docname, chapter in chapters_in_order(env).items():
        for record in chapter.claims:
            if record is not first[record["id"]].record:
                logger.warning(
                    "claim %s is shown twice: in %s and in %s",
                    record["id"],
                    first[record["id"]].docname,
                    docname,
                    location=docname,
                    type="claims",
                )


# Pages that show evidence are written again when it changed.


def _digest(env):
    chapters = [(name, env.titles[name].astext(), c) for name, c in chapters_in_order(env).items()]
    return hashlib.sha256(repr(chapters).encode()).hexdigest()


def _digest_file(app):
    return Path(app.doctreedir) / f"evidence.{app.builder.name}.digest"


def pages_to_write_again(app, env):
    file = _digest_file(app)
    current = file.is_file() and file.read_text() == _digest(env)
    return [] if current else sorted(evidence_of(env).readers)


def note_what_is_written(app, exception):
    """Only after the last page, so that a build that was stopped is made up for."""
    if exception is None:
        _digest_file(app).write_text(_digest(app.env))


# Numbers as text


def _places(*numbers):
    """Decimal places: 3, fewer for large numbers, and enough for two digits of small ones."""
    largest = max(map(abs, numbers))
    if largest >= 10:
        return max(0, 2 - math.floor(math.log10(largest)))
    if 0 < largest < 0.01:
        return 1 - math.floor(math.log10(largest))
    return 3


def _text(number, places, plus=""):
    digits = f"{abs(number):.{places}f}"
    if not float(digits):
        return digits
    return ("\N{MINUS SIGN}" if number < 0 else plus) + digits


def _effect_places(record):
    return _places(record["effect"], *record["interval"])


def effect_text(record: dict) -> str:
    """The effect alone, such as "+0.038"."""
    if record["effect"] is None:
        return NOT_MEASURED
    return _text(record["effect"], _effect_places(record), "+")


def at_half_text(record: dict) -> str:
    """The effect at half of the epochs, with as many decimal places as the effect."""
    effect = record["budget"]["half"]["effect"]
    if effect is None:
        return NOT_MEASURED
    places = _places(effect) if record["effect"] is None else _effect_places(record)
    return _text(effect, places, "+")


def lasting(record: dict) -> str:
    """One of `LASTING`."""
    return LASTING[record["budget"]["lasts"] if record["budget"] else None]


def interval_text(record: dict, which: str = "interval") -> str:
    """An interval such as "+0.031 to +0.047", with as many decimal places as the effect."""
    if record["effect"] is None:
        return NOT_MEASURED
    places = _effect_places(record)
    return " to ".join(_text(bound, places, "+") for bound in record[which])


def effect_and_interval_text(record: dict) -> str:
    """Such as "+0.038 (95 % interval +0.031 to +0.047; 20 seeds)"."""
    if record["effect"] is None:
        return NOT_MEASURED
    interval, seeds = interval_text(record), len(record["seeds"])
    return f"{effect_text(record)} (95 % interval {interval}; {seeds} seeds)"


def mean_text(record: dict, group: str) -> str:
    """The mean of "treatment" or "control", with as many decimal places as the other one."""
    if None in record["treatment"] + record["control"]:
        return NOT_MEASURED
    means = {name: sum(record[name]) / len(record[name]) for name in ("treatment", "control")}
    return _text(means[group], _places(*means.values()))


NUMBERS = {
    "effect": effect_and_interval_text,
    "effect-only": effect_text,
    "treatment": lambda record: mean_text(record, "treatment"),
    "control": lambda record: mean_text(record, "control"),
    "at-half": at_half_text,
}


# Places in pages, which are filled in when all chapters were read


class ClaimText(nodes.inline):
    """Place of a text; `kind` is the role's name, `target` and `shown` what the author wrote."""


class ClaimBlock(nodes.General, nodes.Element):
    """Place of a table or figure; `kind` is the directive's name."""


def _place(writer, node):
    writer.set_source_info(node)
    evidence_of(writer.env).readers.add(writer.env.docname)
    return node


class LinkRole(ReferenceRole):
    def run(self):
        shown = self.title if self.has_explicit_title else None
        return [_place(self, ClaimText(kind=self.name, target=self.target, shown=shown))], []


class NumberRole(SphinxRole):
    def run(self):
        return [_place(self, ClaimText(kind=self.name, target=self.text, shown=None))], []


class TableDirective(SphinxDirective):
    def run(self):
        return [_place(self, ClaimBlock(kind=self.name))]


class FigureDirective(SphinxDirective):
    has_content = True
    option_spec = {  # noqa: RUF012
        "title": directives.unchanged_required,
        "xlabel": directives.unchanged_required,
        "alt": directives.unchanged_required,
    }

    def run(self):
        if missing := [name for name in ("title", "xlabel") if name not in self.options]:
            raise self.error(f"{self.name} needs the option {missing[0]}")
        lines = [line.partition(":") for line in self.content if line.strip()]
        labels = {label.strip(): target.strip() for target, _, label in lines}
        if not lines or "" in labels or len(labels) < len(lines):
            raise self.error(f"{self.name} takes lines `id: label`, each with a label of its own")
        return [_place(self, ClaimBlock(kind=self.name, labels=labels, **self.options))]


class FillIn(SphinxPostTransform):
    """Put links, numbers, tables and figures at their places."""

    default_priority = 8

    def run(self, **kwargs):
        places = [*self.document.findall(ClaimText), *self.document.findall(ClaimBlock)]
        if not places:
            return
        self.ledger = ledger(self.env)
        blocks = {
            "evidence-table": self._evidence_table,
            "effects-figure": self._effects_figure,
            "run-cost-table": self._cost_table,
        }
        depending = []  # what was said that holds for some epochs only, and of which claim
        for node in places:
            if isinstance(node, ClaimText):
                self._check_place(node)
                said = self._inline(node)
                node.replace_self(said)
                if self._depends_on_epochs(node):
                    depending.append((said, node))
            else:
                node.replace_self(blocks[node["kind"]](node))
        for said, node in depending:
            self._check_epochs_are_named(said, node)

    def _warn(self, node, message, *arguments):
        logger.warning(message, *arguments, location=node, type="claims")

    def _check_place(self, node):
        parent = node.parent
        while parent is not None and not isinstance(parent, nodes.title):
            parent = parent.parent
        if parent is not None:
            self._warn(node, "a heading cannot hold evidence: menus are made before it is read")

    def _depends_on_epochs(self, node):
        found = self.ledger.get(node["target"])
        stated = node["kind"] in (*ROLES.values(), *NUMBERS)
        return bool(found and stated and lasting(found.record) == LASTING[False])

    def _check_epochs_are_named(self, said, node):
        block = _block(said)
        named = [p for part in block for p in part.findall(nodes.inline) if EPOCHS in p["classes"]]
        if named or re.search(r"\bepochs?\b", " ".join(p.astext() for p in block), flags=re.I):
            return
        record = self.ledger[node["target"]].record
        epochs = record["budget"]["epochs"]
        self._warn(
            node,
            "claim %s depends on the epochs (%s after %d, %s after %d): say for how many it holds "
            "in the same paragraph, list item or table cell, such as after {epochs}`%s` epochs",
            record["id"],
            effect_text(record),
            epochs,
            at_half_text(record),
            epochs // 2,
            record["id"],
        )

    def _find(self, node, target):
        """The claim, or None after a warning."""
        if target in self.ledger:
            return self.ledger[target]
        near = difflib.get_close_matches(target, self.ledger, n=1, cutoff=0)
        hint = f"the nearest is {near[0]}" if near else "no chapter shows a claim"
        self._warn(node, "there is no claim %s; %s", target, hint)
        return None

    # Texts

    def _inline(self, node):
        kind, target = node["kind"], node["target"]
        if kind == "claim-count":
            return self._counted(node)
        found = self._find(node, target)
        if found is None:
            return nodes.literal(target, node["shown"] or target)
        record = found.record
        if kind in ("epochs", "at-half") and record["budget"] is None:
            self._warn(node, "claim %s has no budget: it was measured once", target)
            return nodes.literal(target, target)
        if kind == "epochs":
            text = str(record["budget"]["epochs"])
            return nodes.inline(text, text, classes=["claim-number", EPOCHS])
        if kind in NUMBERS:
            text = NUMBERS[kind](record)
            return nodes.inline(text, text, classes=["claim-number"])
        if kind == "claim":
            return self._link(found, node["shown"] or record["sentence"], ["claim-link"])
        verdict = record["verdict"]
        stated = next(name for name, role in ROLES.items() if role == kind)
        if verdict != stated:
            self._warn(
                node,
                'claim %s is written as "%s" here, but the evidence says "%s": %s',
                target,
                stated,
                verdict,
                effect_and_interval_text(record),
            )
        return self._link(found, node["shown"] or verdict, ["verdict", f"verdict-{ROLES[verdict]}"])

    def _counted(self, node):
        records = [shown.record for shown in self.ledger.values()]
        verdicts, lasts = [record["verdict"] for record in records], list(map(lasting, records))
        counts = {"all": len(records), **{verdict: verdicts.count(verdict) for verdict in ROLES}}
        counts["seeds"] = min((len(record["seeds"]) for record in records), default=0)
        counts |= {said: lasts.count(said) for said in LASTING.values()}
        counts["changed"] = self._changed_at_confirmation()
        if node["target"] not in counts:
            self._warn(node, "claim-count takes one of: %s", ", ".join(counts))
        return nodes.Text(str(counts.get(node["target"], node["target"])))

    def _changed_at_confirmation(self):
        """How many verdicts are others than those that the register says of exploration seeds."""
        path = Path(self.app.srcdir) / "book" / "data" / "register.json"
        if not path.is_file():
            return 0
        explored = json.loads(path.read_text(encoding="utf-8"))["claims"]
        return sum(
            shown.record["verdict"] != explored[name]["explored"]["verdict"]
            for name, shown in self.ledger.items()
            if explored.get(name, {}).get("explored")
        )

    def _link(self, found, text, classes):
        if self.app.builder.format != "html":
            return nodes.inline(text, text, classes=classes)
        record, docname = found
        link = make_refnode(
            self.app.builder,
            self.env.docname,
            docname,
            f"claim-{record['id']}",
            nodes.inline(text, text),
            record["sentence"],
        )
        link["classes"] += classes
        return link

    # Tables

    def _address(self, docname):
        return html.escape(self.app.builder.get_relative_uri(self.env.docname, docname))

    def _title(self, docname):
        return self.env.titles[docname].astext()

    def _evidence_table(self, node):
        if self.app.builder.format != "html":
            items = [
                f"{record['sentence']} {record['verdict']}: {effect_and_interval_text(record)}; "
                f"{'; '.join(_budget_texts(record))}"
                for record, _ in self.ledger.values()
            ]
            return nodes.bullet_list(
                "", *(nodes.list_item("", nodes.paragraph("", item)) for item in items)
            )
        chapters = {docname: self._title(docname) for _, docname in self.ledger.values()}
        rows = "".join(self._evidence_row(shown) for shown in self.ledger.values())
        return nodes.raw(
            "",
            EVIDENCE.format(
                verdicts=_options({verdict: verdict for verdict in ROLES}),
                lasting=_options({said: said for said in LASTING.values()}),
                chapters=_options({_name(docname): t for docname, t in chapters.items()}),
                rows=rows,
            ),
            format="html",
            classes=["evidence"],
        )

    def _evidence_row(self, shown):
        record, docname = shown
        verdict = record["verdict"]
        numbers = [f"{record['metric']} {effect_text(record)}"]
        if record["effect"] is not None:
            numbers[0] += f" (95 % interval {interval_text(record)}; {len(record['seeds'])} seeds)"
            if record["comparisons"] > 1:
                numbers.append(
                    f"{interval_text(record, 'joint_interval')} allowing for all "
                    f"{record['comparisons']} claims made together"
                )
        if record["smallest_effect"]:
            numbers.append(f"no more than {record['smallest_effect']:g} counts as none")
        number = number_of(self.env, docname)
        return ROW.format(
            verdict=verdict,
            role=ROLES[verdict],
            sign=SIGNS[verdict],
            lasting=lasting(record),
            budget="; ".join(_budget_texts(record)[1:]) or "measured once, after all epochs",
            prediction=html.escape(record["prediction"]),
            name=html.escape(_name(docname)),
            address=self._address(docname),
            id=html.escape(record["id"]),
            sentence=html.escape(record["sentence"]),
            effect=effect_text(record),
            numbers="; ".join(map(html.escape, numbers)),
            chapter=html.escape(f"Chapter {number}" if number else self._title(docname)),
            command=html.escape(
                record.get("measured_by")
                or f"papermill {docname}.ipynb out.ipynb -p seeds {len(record['seeds'])}"
            ),
        )

    def _cost_table(self, node):
        costs = {
            docname: chapter.cost
            for docname, chapter in chapters_in_order(self.env).items()
            if chapter.cost
        }
        rows = [
            table_row(
                self._chapter_link(docname), f"{cost['seconds']:.0f}", f"{cost['megabytes']:.0f}"
            )
            for docname, cost in costs.items()
        ]
        total = sum(cost["seconds"] for cost in costs.values())
        rows.append(table_row(nodes.strong("", "all chapters"), f"{total:.0f}", ""))
        group = nodes.tgroup("", *(nodes.colspec(colwidth=width) for width in (50, 25, 25)), cols=3)
        group += nodes.thead("", table_row(nodes.Text("Chapter"), "Seconds", "Megabytes"))
        group += nodes.tbody("", *rows)
        return nodes.table("", group, classes=["run-cost"])

    def _chapter_link(self, docname):
        title = nodes.Text(self._title(docname))
        if self.app.builder.format != "html":
            return title
        return make_refnode(self.app.builder, self.env.docname, docname, None, title)

    # Figures

    def _effects_figure(self, node):
        found = {label: self._find(node, target) for label, target in node["labels"].items()}
        records = {label: shown.record for label, shown in found.items() if shown}
        words = [node["alt"]] if "alt" in node else []
        for label, record in records.items():
            numbers = effect_text(record)
            if record["effect"] is not None:
                numbers += f", 95 % interval {interval_text(record)}"
            words.append(f"{label}: {numbers}, {record['verdict']}.")
        alt = " ".join(words)
        builder = self.app.builder
        if builder.format != "html" or not records:
            return nodes.paragraph("", alt)

        if str(self.app.srcdir) not in sys.path:
            sys.path.insert(0, str(self.app.srcdir))
        from utils.figures import effects

        picture = effects(records, title=node["title"], alt=alt, xlabel=node["xlabel"])
        drawn = picture._repr_svg_()
        name = f"effects-{hashlib.sha256(drawn.encode()).hexdigest()[:16]}.svg"
        file = Path(builder.outdir) / builder.imagedir / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(drawn, encoding="utf-8")

        address = relative_uri(
            builder.get_target_uri(self.env.docname), f"{builder.imagedir}/{name}"
        )
        image = nodes.image(uri=address, candidates={"*": address})
        return figure_of(picture, image)


def _block(node):
    """What is read together with a text: its paragraph, or those of its list item or cell."""
    while isinstance(node, nodes.Inline) or not isinstance(node, nodes.TextElement):
        node = node.parent
    if isinstance(node.parent, nodes.list_item | nodes.entry):
        return [one for one in node.parent if isinstance(one, nodes.TextElement)]
    return [node]


def _budget_texts(record):
    """Such as ["lasts", "40 epochs", "+0.031 after 20: supported"]."""
    texts, budget = [lasting(record)], record["budget"]
    if budget:
        half = f"{at_half_text(record)} after {budget['epochs'] // 2}"
        texts += [f"{budget['epochs']} epochs", f"{half}: {budget['half']['verdict']}"]
    return texts


def _name(docname):
    return docname.removeprefix(CHAPTERS)


def table_row(*cells):
    """A row of a table; a cell is a text or a node."""
    cells = [nodes.Text(cell) if isinstance(cell, str) else cell for cell in cells]
    return nodes.row("", *(nodes.entry("", nodes.paragraph("", "", cell)) for cell in cells))


def _options(labels):
    return "".join(
        f'<option value="{html.escape(value)}">{html.escape(label)}</option>'
        for value, label in labels.items()
    )


# The roles keep the table a table for screen readers where the style stacks its cells.
EVIDENCE = """
<form class="evidence-controls" aria-label="Filter the claims">
<label>Verdict <select name="verdict"><option value="">all</option>{verdicts}</select></label>
<label>Budget <select name="lasts"><option value="">all</option>{lasting}</select></label>
<label>Chapter <select name="chapter"><option value="">all</option>{chapters}</select></label>
<label>Words <input name="words" type="search" autocomplete="off"></label>
<button type="button">Show all</button>
</form>
<p class="evidence-count" role="status" aria-live="polite"></p>
<table class="evidence-table" role="table" aria-label="Claims of the course">
<thead role="rowgroup"><tr role="row">
<th role="columnheader" scope="col">Claim</th>
<th role="columnheader" scope="col">Verdict</th>
<th role="columnheader" scope="col">Effect</th>
<th role="columnheader" scope="col">Budget</th>
<th role="columnheader" scope="col">Card in</th>
</tr></thead>
<tbody role="rowgroup">{rows}</tbody>
</table>
"""
ROW = """
<tr role="row" data-verdict="{verdict}" data-lasts="{lasting}" data-chapter="{name}">
<th role="rowheader" scope="row"><details><summary>{sentence}</summary>
<p>{numbers}. Budget: {budget}. Expected: {prediction}</p>
<p>To repeat it: <code>{command}</code></p></details></th>
<td role="cell"><span class="verdict-badge verdict-{role}">
<span aria-hidden="true">{sign}</span> {verdict}</span></td>
<td role="cell">{effect}</td>
<td role="cell">{lasting}</td>
<td role="cell"><a class="reference internal" href="{address}#claim-{id}">{chapter}<span
class="visually-hidden">: {id}</span></a></td>
</tr>"""


def add_script(app, pagename, templatename, context, doctree):
    if doctree is not None and any("evidence" in n["classes"] for n in doctree.findall(nodes.raw)):
        app.add_js_file("claims_table.js", loading_method="defer")


def setup(app):
    app.add_node(ClaimText)
    app.add_node(ClaimBlock)
    for role in ("claim", *ROLES.values()):
        app.add_role(role, LinkRole())
    for role in ("claim-count", "epochs", *NUMBERS):
        app.add_role(role, NumberRole())
    app.add_directive("evidence-table", TableDirective)
    app.add_directive("run-cost-table", TableDirective)
    app.add_directive("effects-figure", FigureDirective)
    app.add_post_transform(FillIn)
    app.connect("doctree-read", remember_chapter)
    app.connect("env-purge-doc", forget_page)
    app.connect("env-merge-info", merge_pages)
    app.connect("env-updated", pages_to_write_again)
    app.connect("env-check-consistency", check_ids)
    app.connect("build-finished", note_what_is_written)
    app.connect("html-page-context", add_script)
    return {"parallel_read_safe": True, "parallel_write_safe": True, "env_version": 4}
