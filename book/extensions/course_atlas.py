"""Lets pages show the atlas, and state its verdicts so that they cannot go stale.

Roles that state a verdict on a technique in a condition and show its effect when training stopped;
where the atlas says otherwise, the build warns, and so fails:
    {atlas-supported}`dropout 0.5: 100 rows, 0.4 noise, 64 units`
    {atlas-opposite}`...`, {atlas-no-difference}`...`, {atlas-undecided}`...`
A condition names the part of the atlas if it is not digits-dense, and, in any order, what its axes
vary; `best` means the chosen epoch, and a number of steps a smaller budget:
    {atlas-opposite}`cutout: fashion-convolutional, 800 rows, 0.4 noise, best`
    {atlas-undecided}`BN: fashion-batches, 2 rows a step, 120 steps`
Roles that state nothing of their own:
    {atlas-count}`dropout 0.5: supported`, {atlas-count}`dropout 0.5: supported, 0.4 noise` count
    conditions of digits-dense, or of the part that is named as well, or of `all parts`
    {atlas-view}`own words <fashion-convolutional, 800 rows, 0.4 noise>` leads to the explorer
    {atlas-answer}`fashion-convolutional, 800 rows, 0.4 noise` says which techniques helped there,
    did harm, made no difference, or are undecided
Directives:
    {atlas-map}         the best gain and the worst harm in each condition of digits-dense, or the
                        effects of the one that the option technique names; options label-noise,
                        and end (final, best)
    {atlas-summary}     in how many conditions each technique helped or did harm
    {atlas-table}       all effects
    {atlas-explorer}    what each technique did in a condition that the reader chooses
    {atlas-origin}      when, with what and how long it was measured
    {atlas-part}        what the techniques did in every condition of the part that it names, when
                        training stopped; option end
    {atlas-carried}     what each technique did in every part at one share of wrong labels, those
                        that turn first; options label-noise, end (final, best), rows (many, few)
"""

from __future__ import annotations

import functools
import html
import importlib
import json
import re
import sys
from urllib.parse import urlencode

import pandas as pd
from course_claims import ROLES, SIGNS, table_row
from course_figures import visit_in_text
from course_html import brought_along
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import ReferenceRole, SphinxDirective, SphinxRole

HOME = "book/atlas"
HELPED, HARMED, NONE_FOUND, UNDECIDED = ROLES
# What a condition is made of: the name in the table, in the address, and how roles write it.
AXES = {
    "train_rows": ("rows", r"([\d]+) rows"),
    "label_noise": ("noise", r"([\d.]+) noise"),
    "units": ("units", r"(\d+) units"),
    "batch_size": ("batch", r"(\d+) rows a step"),
}
DATA = {
    "digits": "digits, 8 x 8 pixels",
    "fashion": "photographs of clothes",
    "table": "a table of 30 measurements",
}
NETWORKS = {
    "dense": "two hidden layers",
    "convolutional": "two convolutions",
    "transformer": "a small transformer",
    "residual": "a residual network",
    "batches": "two convolutions, few rows at a step",
    "orders": "two convolutions with batch normalization",
    "widths": "one hidden layer",
}
# Of a technique that may raise the accuracy.
WORDS = {HELPED: "helped", HARMED: "did harm", NONE_FOUND: "no difference", UNDECIDED: "undecided"}
SIGN = '<span aria-hidden="true">{}</span> {}'


def _module(root):
    """The module `utils.atlas` of the course."""
    if root not in sys.path:
        sys.path.insert(0, root)
    return importlib.import_module("utils.atlas")


@functools.cache
def _table(root: str, part: str):
    return _module(root).load(part)


@functools.cache
def _origin(root: str, part: str):
    return _module(root).origin(part)


@functools.cache
def _found(root: str, part: str, end: str, steps: int):
    """The effects of a part at one end and budget."""
    return _module(root).effects(_table(root, part), end, steps)


def _open(writer):
    """The module and the part digits-dense: its table, and its effects when training stopped."""
    module = _module(str(writer.env.srcdir))
    name = module.DIGITS.name
    return module, _effects_of(writer, name), _table(str(writer.env.srcdir), name)


def _effects_of(writer, part, end="final", steps=None):
    """As `_found`, for a page that is read again when the part changes."""
    root = str(writer.env.srcdir)
    module = _module(root)
    writer.env.note_dependency(str(module.PARTS[part].path))
    return _found(root, part, end, steps or module.STEPS)


def _budgets(module):
    return [round(share * module.STEPS) for share in module.BUDGETS]


def _signed(number):
    text = f"{number:+.3f}".replace("-", "\N{MINUS SIGN}")
    return text if float(f"{number:.3f}") else text[1:]


def _effect(row):
    return _signed(row["effect"])


def _interval(row):
    """The interval by which the verdict is found."""
    return " to ".join(_signed(row[f"joint_interval_{end}"]) for end in ("low", "high"))


# Roles


class Where:
    """What a role asks for: a part, one of its conditions, an end and a budget.

    Raises:
        ValueError: there is no such condition, or there are several.
    """

    def __init__(self, module, text: str):
        words = [word.strip() for word in text.split(",")]
        self.part = next((word for word in words if word in module.PARTS), module.DIGITS.name)
        self.end = "best" if "best" in words else "final"
        self.steps, asked, unknown = module.STEPS, {}, []
        for word in words:
            if match := re.fullmatch(r"(\d+) steps", word):
                self.steps = int(match[1])
            elif word not in (self.part, self.end):
                axis = next((a for a in AXES if re.fullmatch(AXES[a][1], word)), None)
                if axis is None:
                    unknown.append(word)
                else:
                    asked[axis] = float(re.fullmatch(AXES[axis][1], word)[1])
        conditions = [
            condition
            for condition in module.PARTS[self.part].conditions()
            if all(condition.get(axis) == value for axis, value in asked.items())
        ]
        if unknown or len(conditions) != 1 or self.steps not in _budgets(module):
            raise ValueError(f"the atlas has no condition {text!r}, or several")
        (self.condition,) = conditions

    def address(self) -> str:
        """The part of an address that makes the explorer show it.

        A query, since the theme's script takes what follows a # in a link for a CSS selector.
        """
        told = {"part": self.part}
        told |= {AXES[axis][0]: f"{value:g}" for axis, value in self.condition.items()}
        return "?" + urlencode(told | {"end": self.end, "steps": self.steps})

    def rows(self, writer):
        """Its effects, one row per technique, the highest first."""
        found = _effects_of(writer, self.part, self.end, self.steps).dropna(subset=["effect"])
        here = (found[list(self.condition)] == pd.Series(self.condition)).all(axis=1)
        return found[here].sort_values("effect", ascending=False, kind="stable")


def _view(writer, where, text, classes):
    """A link to the explorer."""
    app, page = writer.env.app, writer.env.docname
    address = app.builder.get_relative_uri(page, HOME) if page != HOME else ""
    link = nodes.reference("", text, refuri=address + where.address(), classes=classes)
    link["internal"] = True
    return link


def _verdict_link(writer, where, row, text=None):
    role = ROLES[row["verdict"]]
    text = text or f"{_effect(row)} ({WORDS[row['verdict']]})"
    return _view(writer, where, text, ["verdict", f"verdict-{role}"])


class VerdictRole(SphinxRole):
    def run(self):
        stated = next(v for v, role in ROLES.items() if f"atlas-{role}" == self.name)
        technique, _, condition = self.text.partition(": ")
        try:
            where = Where(_open(self)[0], condition)
            found = where.rows(self).set_index("technique", drop=False)
            if technique not in found.index:
                raise ValueError(f"the atlas has no condition {self.text!r}: no such technique")
        except ValueError as error:
            return [], [self.inliner.reporter.warning(str(error), line=self.lineno)]
        row = found.loc[technique]
        messages = []
        if row["verdict"] != stated:
            message = f"{self.text!r}: the page says {stated}, the atlas {row['verdict']}"
            messages.append(self.inliner.reporter.warning(message, line=self.lineno))
        return [_verdict_link(self, where, row)], messages


class ViewRole(ReferenceRole):
    def run(self):
        try:
            where = Where(_open(self)[0], self.target)
        except ValueError as error:
            return [], [self.inliner.reporter.warning(str(error), line=self.lineno)]
        return [_view(self, where, self.title, ["atlas-view"])], []


class CountRole(SphinxRole):
    def run(self):
        module, found, _ = _open(self)
        technique, _, rest = self.text.partition(": ")
        verdict, *more = [word.strip() for word in rest.split(",")]
        for word in more:
            if word == "all parts":
                found = pd.concat([_effects_of(self, part) for part in module.PARTS])
            elif word in module.PARTS:
                found = _effects_of(self, word)
            elif not re.fullmatch(AXES["label_noise"][1], word):
                verdict = None
        for word in more:
            if noise := re.fullmatch(AXES["label_noise"][1], word):
                found = found[found["label_noise"] == float(noise[1])]
        if technique not in set(found["technique"]) or verdict not in ROLES:
            message = f"atlas-count takes `technique: verdict`, but got {self.text!r}"
            return [], [self.inliner.reporter.warning(message, line=self.lineno)]
        chosen = (found["technique"] == technique) & (found["verdict"] == verdict)
        return [nodes.Text(str(chosen.sum()))], []


class AnswerRole(SphinxRole):
    """Each verdict with the techniques that have it."""

    def run(self):
        try:
            module = _open(self)[0]
            where = Where(module, self.text)
            smallest = importlib.import_module("utils.claims").SMALLEST_EFFECT["accuracy"]
        except ValueError as error:
            return [], [self.inliner.reporter.warning(str(error), line=self.lineno)]
        found, parts = where.rows(self), []
        words = {
            HELPED: "Helped: ",
            HARMED: "Did harm: ",
            NONE_FOUND: f"No more than {smallest:g} either way: ",
            UNDECIDED: "Undecided: ",
        }
        for verdict, said in words.items():
            rows = found[found["verdict"] == verdict].to_dict("records")
            if verdict == HARMED:
                rows.reverse()
            shown = verdict in (HELPED, HARMED)
            if not rows and not shown:
                continue
            parts.append(nodes.strong("", said))
            for k, row in enumerate(rows):
                name = row["technique"]
                link = _verdict_link(self, where, row, f"{name} {_effect(row)}")
                parts += [nodes.Text(", ")] * (k > 0) + [link if shown else nodes.Text(name)]
            parts.append(nodes.Text(". " if rows else "none was shown to. "))
        parts.insert(0, nodes.Text(f"({module.end_in_words(where.end)}) "))
        parts.append(_view(self, where, "All numbers", ["atlas-view"]))
        return [nodes.inline("", "", *parts, classes=["atlas-answer"])], []


# Maps and tables


def _field(mark, role, words, effect):
    """One line of a field: a sign, words and an effect, in the colour of gain or harm."""
    return (
        f'<span class="{_shade(effect, role)}"><span aria-hidden="true">{mark}</span> {words} '
        f"<b>{_signed(effect)}</b></span>"
    )


def _shade(effect, role):
    """The class of a field: gain or harm where it was shown, stronger where it is larger."""
    strength = 1 + (abs(effect) >= 0.03) + (abs(effect) >= 0.1)
    kind = {"supported": "gain", "opposite": "harm"}.get(role)
    return f"atlas-{kind} atlas-{kind}-{strength}" if kind else "atlas-open"


class MapDirective(SphinxDirective):
    option_spec = {  # noqa: RUF012
        "label-noise": float,
        "end": lambda text: directives.choice(text, ("final", "best")),
        "technique": directives.unchanged_required,
    }

    def run(self):
        module, found, table = _open(self)
        noise, end = self.options["label-noise"], self.options.get("end", "final")
        technique = self.options.get("technique")
        if technique and technique not in set(found["technique"]):
            raise self.error(f"the atlas has no technique {technique!r}")
        found = _effects_of(self, module.DIGITS.name, end).dropna(subset=["effect"])
        found = found[found["label_noise"] == noise]
        won = module.winners(table, end)
        fields, counted = {}, {HELPED: 0, HARMED: 0}
        for condition in module.DIGITS.conditions():
            if condition["label_noise"] != noise:
                continue
            here = (found[list(condition)] == pd.Series(condition)).all(axis=1)
            rows = found[here].sort_values("effect", ascending=False).set_index("technique")
            for verdict in counted:
                counted[verdict] += int((rows["verdict"] == verdict).sum())
            if technique:
                lines = [self._of_one(rows.loc[technique])]
            else:
                best = won[(won[list(condition)] == pd.Series(condition)).all(axis=1)].iloc[0]
                lines = self._of_all(rows, best)
            fields[condition["train_rows"], condition["units"]] = "".join(lines)
        labels, when = module.labels_in_words(noise), module.end_in_words(end)
        if technique:
            of_it = found[found["technique"] == technique]["verdict"]
            counted = {verdict: int((of_it == verdict).sum()) for verdict in counted}
            said = (
                f"{technique[:1].upper()}{technique[1:]} with {labels}, {when}: a gain in "
                f"{counted[HELPED]}, harm in {counted[HARMED]} of {len(fields)} conditions"
            )
        else:
            tried = len(found)
            said = (
                f"With {labels}, {when}: of {tried} trials of a technique, {counted[HELPED]} "
                f"showed a gain and {counted[HARMED]} showed harm"
            )
        heads = "".join(f'<th scope="col">{units} units</th>' for units in module.UNITS)
        body = "".join(
            f'<tr><th scope="row">{rows} rows</th>'
            + "".join(f"<td>{fields[rows, units]}</td>" for units in module.UNITS)
            + "</tr>"
            for rows in module.TRAIN_ROWS
        )
        drawn = (
            f'<table class="atlas-map"><caption>{html.escape(said)}</caption>'
            f"<thead><tr><td></td>{heads}</tr></thead><tbody>{body}</tbody></table>"
        )
        return [nodes.raw("", drawn, format="html")]

    def _of_one(self, row):
        word = {HELPED: "gain", HARMED: "harm"}.get(row["verdict"], WORDS[row["verdict"]])
        return _field(SIGNS[row["verdict"]], ROLES[row["verdict"]], word, row["effect"])

    def _of_all(self, rows, best):
        """The best gain that was shown, with how many are level with it, and the worst harm."""
        if best["verdict"] == HELPED:
            level = f" (+{len(best['level'])})" if best["level"] else ""
            words = f"{best['technique']}{level}"
            lines = [_field(SIGNS[HELPED], ROLES[HELPED], words, best["effect"])]
        else:
            lines = ['<span class="atlas-open">no gain found</span>']
        harmful = rows[rows["verdict"] == HARMED]
        if harmful.empty:
            return [*lines, '<span class="atlas-open">no harm found</span>']
        worst = harmful["effect"].idxmin()
        effect = harmful.loc[worst, "effect"]
        return [*lines, _field(SIGNS[HARMED], ROLES[HARMED], worst, effect)]


class SummaryDirective(SphinxDirective):
    def run(self):
        _, table, _ = _open(self)
        table = table[table["technique"] != "none"]
        counts = {
            technique: [int((rows["verdict"] == verdict).sum()) for verdict in ROLES]
            for technique, rows in table.groupby("technique", sort=False)
        }
        titles = ("Technique", *WORDS.values())
        group = nodes.tgroup("", *(nodes.colspec(colwidth=20) for _ in titles), cols=len(titles))
        group += nodes.thead("", table_row(*titles))
        group += nodes.tbody(
            "", *(table_row(technique, *map(str, numbers)) for technique, numbers in counts.items())
        )
        return [nodes.table("", group, classes=["atlas-summary"])]


class TableDirective(SphinxDirective):
    def run(self):
        module, found, _ = _open(self)
        keys = ["train_rows", "label_noise", "units", "technique"]
        best = _effects_of(self, module.DIGITS.name, "best")
        both = found.merge(best, on=keys, suffixes=("", "_best"), how="left")
        bodies = []
        for condition in module.DIGITS.conditions():
            here = (both[list(condition)] == pd.Series(condition)).all(axis=1)
            words = module.in_words(condition, module.DIGITS)
            rows = [f"<tr><th scope='rowgroup' class='carries' colspan='7'>{words}</th></tr>"]
            rows += [f"<tr>{self._row(row)}</tr>" for row in both[here].to_dict("records")]
            bodies.append(f"<tbody>{''.join(rows)}</tbody>")
        heads = ("Technique", *("Accuracy", "Effect, interval that decides", "Verdict") * 2)
        drawn = (
            '<div class="atlas-table" tabindex="0" role="region" aria-label="All effects"><table>'
            "<thead><tr><td></td><th colspan='3' scope='colgroup'>When training stopped"
            "</th><th colspan='3' scope='colgroup'>At the chosen epoch</th></tr><tr>"
            + "".join(f"<th scope='col'>{head}</th>" for head in heads)
            + f"</tr></thead>{''.join(bodies)}</table></div>"
        )
        return [nodes.raw("", drawn, format="html")]

    def _row(self, row):
        best = {k.removesuffix("_best"): v for k, v in row.items() if k.endswith("_best")}
        cells = [f"<th scope='row'>{row['technique']}</th>"]
        for one in (row, best):
            accuracy = "" if pd.isna(one["accuracy"]) else f"{one['accuracy']:.3f}"
            cells.append(f"<td>{accuracy}</td>")
            if one["verdict"] not in ROLES:
                cells.append("<td></td><td></td>")
                continue
            said = SIGN.format(SIGNS[one["verdict"]], WORDS[one["verdict"]])
            shade = _shade(one["effect"], ROLES[one["verdict"]])
            cells.append(
                f"<td><b>{_effect(one)}</b> <span class='of'>{_interval(one)}</span></td>"
                f"<td class='{shade}'>{said}</td>"
            )
        return "".join(cells)


# The explorer


class Explorer(nodes.General, nodes.Element):
    """Its place; what it shows is written by `visit_explorer`."""


class ExplorerDirective(SphinxDirective):
    """A form over all conditions; its script is `book/static/explorer.js`."""

    def run(self):
        module, _, _ = _open(self)
        for part in module.PARTS.values():
            self.env.note_dependency(str(part.path))
        return [Explorer("")]


def opening(root: str) -> tuple[str, dict]:
    """The part and condition where techniques differ most, of those with a gain and a harm."""
    module, widest = _module(root), (0, None)
    for name, part in module.PARTS.items():
        found = _found(root, name, "final", module.STEPS).dropna(subset=["effect"])
        for condition in part.conditions():
            rows = found[(found[list(condition)] == pd.Series(condition)).all(axis=1)]
            width = rows["effect"].max() - rows["effect"].min()
            if {HELPED, HARMED} <= set(rows["verdict"]) and width > widest[0]:
                widest = width, (name, condition)
    return widest[1]


def _thousandths(number):
    return round(float(f"{number:.3f}") * 1000)  # what the tables show, to the last digit


def _key(values):
    return ",".join(f"{value:g}" for value in values)


def numbers_of(root: str, name: str) -> dict:
    """All that the explorer shows of a part, accuracies and effects in thousandths.

    Under `found`, by end and condition, each budget has the accuracy of the first technique and,
    for each of the others, effect, interval, joint interval and verdict; null if it has none.
    """
    module = _module(root)
    part = module.PARTS[name]
    bounds = [f"{joint}interval_{end}" for joint in ("", "joint_") for end in ("low", "high")]

    def numbers(row):
        if row["verdict"] not in ROLES:
            return None
        shown = [_thousandths(row[column]) for column in ("effect", *bounds)]
        return [*shown, list(ROLES).index(row["verdict"]), int(row["behind"])]

    found = {}
    for end in module.ENDS:
        of_end = found[end] = {}
        for steps in _budgets(module):
            keys = list(part.axes)
            for values, rows in _found(root, name, end, steps).groupby(keys, sort=False):
                rows = rows.set_index("technique")
                of_end.setdefault(_key(values), []).append(
                    [
                        _thousandths(rows.loc[part.techniques[0], "accuracy"]),
                        *(
                            numbers(rows.loc[technique]) if technique in rows.index else None
                            for technique in part.techniques[1:]
                        ),
                    ]
                )
    made = _origin(root, name).get("conditions", {})
    told = {"techniques": part.techniques, "found": found}
    if made:
        told["epochs"] = {
            _key(condition.values()): made[module.name_of(condition)]["epochs"]
            for condition in part.conditions()
        }
    if name == module.DIGITS.name:
        told["code"] = {technique: module.keras_code(technique) for technique in part.techniques}
    return told


EXPLORER = """
<div class="explorer" id="explorer">
<form aria-label="Choose data, network and condition">
<label>Data <select name="data"></select></label>
<label>Network <select name="part"></select></label>
<label>Labelled rows <select name="rows"></select></label>
<label>Wrong labels <select name="noise"></select></label>
<label>Units in each hidden layer <select name="units"></select></label>
<label>Rows of a step <select name="batch"></select></label>
<label>Measured <select name="end"><option value="final">when training stopped</option>
<option value="best">at the epoch that validation rows chose</option></select></label>
<label class="explorer-budget"><span>Training</span>
<input name="steps" type="range" min="0" max="3" step="1" value="3"></label>
</form>
<p class="explorer-without">Choosing takes JavaScript. This is {where}, when training stopped; the
tables below show all other conditions.</p>
<div class="explorer-said" role="status" aria-live="polite"></div>
<table class="explorer-table" role="table" aria-label="Effects in this condition">
<thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">Technique</th>
<th role="columnheader" scope="col" class="drawn"><span class="visually-hidden">Drawn</span></th>
<th role="columnheader" scope="col">Effect on test accuracy, interval that decides</th>
<th role="columnheader" scope="col">Verdict</th></tr></thead>
<tbody role="rowgroup">{rows}</tbody></table>
<p class="explorer-key">The dot is the effect against “<span class="first">{first}</span>”, the
thick line its 95 % interval. The thin line allows for all techniques of the condition: it decides,
and its ends are the numbers. The grey band is what counts as no difference, {smallest:g} either
way.</p>
<details class="explorer-code" hidden><summary>Keras code</summary><pre tabindex="0"></pre>
<button type="button">Copy the code</button></details>
<script type="application/json">{data}</script>
</div>
"""
EXPLORER_ROW = """<tr role="row"><th role="rowheader" scope="row">{technique}</th>
<td role="cell" class="drawn"></td>
<td role="cell">{effect} <span class="of">{interval}</span></td>
<td role="cell"><span class="verdict-badge verdict-{role}"><span aria-hidden="true">{sign}</span>
{verdict}</span></td></tr>"""


def visit_explorer(self, node):
    root = str(self.builder.env.srcdir)
    module = _module(root)
    opens, condition = opening(root)
    parts = {}
    for name, part in module.PARTS.items():
        text = json.dumps(numbers_of(root, name), separators=(",", ":"), ensure_ascii=False)
        parts[name] = {
            "data": part.dataset,
            "network": NETWORKS[name.partition("-")[2]],
            "axes": {AXES[axis][0]: values for axis, values in part.axes.items()},
            "src": brought_along(self.builder, f"courseAtlas({json.dumps(name)},{text});\n", ".js"),
        }
    smallest = _origin(root, opens)["settings"]["smallest_effect"]
    data = {
        "parts": parts,
        "data": DATA,
        "verdicts": list(WORDS.values()),
        "roles": list(ROLES.values()),
        "signs": [SIGNS[verdict] for verdict in ROLES],
        "smallest": _thousandths(smallest),
        "steps": _budgets(module),
        "opens": {"part": opens} | {AXES[axis][0]: value for axis, value in condition.items()},
    }
    found = _found(root, opens, "final", module.STEPS).dropna(subset=["effect"])
    found = found[(found[list(condition)] == pd.Series(condition)).all(axis=1)]
    rows = "".join(
        EXPLORER_ROW.format(
            technique=row["technique"],
            effect=_effect(row),
            interval=_interval(row),
            role=ROLES[row["verdict"]],
            sign=SIGNS[row["verdict"]],
            verdict=WORDS[row["verdict"]],
        )
        for row in found.sort_values("effect", ascending=False, kind="stable").to_dict("records")
    )
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False).replace("</", "<\\/")
    network = f"{DATA[module.PARTS[opens].dataset]}, {parts[opens]['network']}"
    self.body.append(
        EXPLORER.format(
            where=f"{network}, {module.in_words(condition, module.PARTS[opens])}",
            rows=rows,
            first=module.PARTS[opens].techniques[0],
            smallest=smallest,
            data=text,
        )
    )
    raise nodes.SkipNode


def add_scripts(app, pagename, templatename, context, doctree):
    if doctree is None:
        return
    if any(doctree.findall(Explorer)):
        app.add_js_file("explorer.js", loading_method="defer")
    if any("choose" in one["classes"] for one in doctree.findall(nodes.container)):
        app.add_js_file("choose.js", loading_method="defer")


def _signed_effect(effect, verdict, label=""):
    """An effect with the sign of its verdict, and its word for those who do not see the sign."""
    label = f' data-label="{html.escape(label)}"' if label else ""
    return (
        f'<td role="cell" class="{_shade(effect, ROLES[verdict])}"{label}>'
        f'<span aria-hidden="true">{SIGNS[verdict]}</span> '
        f'{_signed(effect)}<span class="visually-hidden"> {WORDS[verdict]}</span></td>'
    )


def _row_head(text):
    return f'<th role="rowheader" scope="row">{text}</th>'


def _wide_table(label, head, rows, kind=""):
    """A table whose roles keep it one for screen readers where the style stacks its cells."""
    body = "".join(f'<tr role="row">{row}</tr>' for row in rows)
    heads = "".join(f'<th role="columnheader" scope="col">{cell}</th>' for cell in head)
    drawn = (
        f'<div class="atlas-table {kind}" tabindex="0" role="region" '
        f'aria-label="{html.escape(label)}"><table role="table"><thead role="rowgroup">'
        f'<tr role="row">{heads}</tr></thead><tbody role="rowgroup">{body}</tbody></table></div>'
    )
    return nodes.raw("", drawn, format="html")


class PartDirective(SphinxDirective):
    required_arguments = 1
    option_spec = {"end": lambda text: directives.choice(text, ("final", "best"))}  # noqa: RUF012

    def run(self):
        module, _, _ = _open(self)
        name, end = self.arguments[0], self.options.get("end", "final")
        if name not in module.PARTS:
            raise self.error(f"the atlas has no part {name!r}")
        part = module.PARTS[name]
        self.env.note_dependency(str(part.path))
        table = module.load(name)
        found = module.effects(table, end)
        keys = list(part.axes)
        found["condition"] = [
            module.in_words(dict(zip(keys, values, strict=True)), part)
            for values in found[keys].to_numpy().tolist()
        ]
        conditions = found["condition"].unique()
        rows = []
        for technique in part.techniques[1:]:
            of_it = found[found["technique"] == technique].dropna(subset=["effect"])
            of_it = of_it.set_index("condition")
            if of_it.empty:
                continue
            cells = "".join(
                _signed_effect(of_it["effect"][c], of_it["verdict"][c]) for c in conditions
            )
            rows.append(_row_head(technique) + cells)
        first = found[found["technique"] == part.techniques[0]].set_index("condition")["accuracy"]
        cells = "".join(f'<td role="cell">{first[condition]:.3f}</td>' for condition in conditions)
        rows.append(_row_head(f"accuracy of {part.techniques[0]}") + cells)
        made = _origin(str(self.env.srcdir), name)
        origin = (
            f"{part.network[:1].upper()}{part.network[1:]}; effects on test accuracy against "
            f"“{part.techniques[0]}”, {table['seed'].nunique()} seeds each. Measured on "
            f"{made['date']} in {made['seconds'] / 60:.0f} minutes, summed over the workers."
        )
        head = ("Technique", *conditions)
        return [nodes.paragraph("", origin), _wide_table(f"Effects, {name}, {end}", head, rows)]


class CarriedDirective(SphinxDirective):
    option_spec = {  # noqa: RUF012
        "label-noise": float,
        "end": lambda text: directives.choice(text, ("final", "best")),
        "rows": lambda text: directives.choice(text, ("many", "few")),
    }

    def run(self):
        module, _, _ = _open(self)
        for part in module.CARRIED:
            self.env.note_dependency(str(module.PARTS[part].path))
        noise = self.options["label-noise"]
        end, count = self.options.get("end", "final"), self.options.get("rows", "many")
        table = module.carried_over(noise, end, few=count == "few")
        parts = [part for part in module.CARRIED if part in table.columns.get_level_values(0)]
        short = {
            part: part.replace("-", ", ").replace("convolutional", "conv.").replace("former", ".")
            for part in parts
        }  # for phones
        rows = []
        for carries in module.CARRIES:
            of_it = table[table["", "carries"] == carries]
            heading = f"{carries[:1].upper()}{carries[1:]}: {len(of_it)} of {len(table)}"
            rows.append(
                f'<th role="rowheader" scope="rowgroup" class="carries" '
                f'colspan="{len(parts) + 1}">{heading}</th>'
            )
            for technique, row in of_it.iterrows():
                cells = ""
                for part in parts:
                    effect, verdict = row[part, "effect"], row[part, "verdict"]
                    if pd.isna(effect):
                        cells += '<td role="cell"></td>'
                    else:
                        cells += _signed_effect(effect, verdict, short[part])
                rows.append(_row_head(technique) + cells)
        head = ["Technique", *(part.replace("-", ", ") for part in parts)]
        label = f"What carries over, {noise:.0%} wrong labels, {count} rows, {end}"
        return [_wide_table(label, head, rows, "atlas-carried")]


class OriginDirective(SphinxDirective):
    def run(self):
        module, _, table = _open(self)
        made = _origin(str(self.env.srcdir), module.DIGITS.name)
        versions = ", ".join(f"{name} {version}" for name, version in made["versions"].items())
        text = (
            f"Measured on {made['date']} in {made['seconds'] / 60:.0f} minutes, summed over the "
            f"workers, with {versions}. Each condition has {table['seed'].nunique()} seeds."
        )
        return [nodes.paragraph("", text)]


def setup(app):
    for role in ROLES.values():
        app.add_role(f"atlas-{role}", VerdictRole())
    app.add_role("atlas-count", CountRole())
    app.add_role("atlas-view", ViewRole())
    app.add_role("atlas-answer", AnswerRole())
    others = dict.fromkeys(("latex", "text", "man", "texinfo"), (visit_in_text, None))
    app.add_node(Explorer, html=(visit_explorer, None), **others)
    app.add_directive("atlas-map", MapDirective)
    app.add_directive("atlas-summary", SummaryDirective)
    app.add_directive("atlas-table", TableDirective)
    app.add_directive("atlas-explorer", ExplorerDirective)
    app.connect("html-page-context", add_scripts)
    app.add_directive("atlas-origin", OriginDirective)
    app.add_directive("atlas-part", PartDirective)
    app.add_directive("atlas-carried", CarriedDirective)
    return {"parallel_read_safe": True, "parallel_write_safe": True, "env_version": 2}
