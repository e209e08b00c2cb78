"""Lets pages show the atlas, and state its verdicts so that they cannot go stale.

Roles that state a verdict on a technique in a condition and show its effect when training stopped;
where the atlas says otherwise, the build warns, and so fails:
    {atlas-supported}`dropout 0.5: 100 rows, 0.4 noise, 256 units`
    {atlas-opposite}`...`, {atlas-no-difference}`...`, {atlas-undecided}`...`
Role that counts conditions:
    {atlas-count}`dropout 0.5: supported`, {atlas-count}`dropout 0.5: supported, 0.4 noise`
Directives:
    {atlas-map}         a heat map of the best technique, or of the effects of the one that the
                        option technique names; options label-noise, and end (final, best)
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
import hashlib
import html
import importlib
import json
import os
import re
import sys
from pathlib import Path

import pandas as pd
from course_claims import ROLES, SIGNS, table_row
from course_figures import figure_of
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective, SphinxRole

HOME = "book/atlas"
CONDITION = re.compile(
    r"(?P<technique>.+): (?P<rows>\d+) rows, (?P<noise>[\d.]+) noise, (?P<units>\d+) units"
)
EXPLORER = """
<div class="explorer">
<form hidden aria-label="Choose a condition">{fields}</form>
<p class="explorer-without">
Choosing takes JavaScript. The tables of the atlas show all conditions.</p>
<div class="explorer-result" hidden>
<p role="status" aria-live="polite"></p>
<div class="explorer-table" tabindex="0" role="region" aria-label="Effects in this condition">
<table><thead><tr><th scope="col">Technique</th><td></td>
<th scope="col">Effect on test accuracy, 95 % interval</th><th scope="col">Verdict</th></tr></thead>
<tbody></tbody></table></div>
<details><summary>Keras code</summary><pre tabindex="0"></pre>
<button type="button">Copy the code</button></details>
</div>
<script type="application/json">{data}</script>
</div>
"""
SIGN = '<span aria-hidden="true">{}</span> {}'


@functools.cache
def _atlas(root: str):
    """The module `utils.atlas` of the course, and its table."""
    if root not in sys.path:
        sys.path.insert(0, root)
    module = importlib.import_module("utils.atlas")
    table = module.load()
    return (
        module,
        table,
        {
            (end, steps): module.effects(table, end, steps)
            for end in module.ENDS
            for steps in sorted(table["steps"].unique(), reverse=True)
        },
    )


def _open(writer):
    module, table, effects = _atlas(str(writer.env.srcdir))
    writer.env.note_dependency(str(module.DIGITS.path))
    return module, table, effects


def _final(effects):
    """Effects when training stopped, with the whole ceiling."""
    return effects["final", max(steps for _, steps in effects)]


def _signed(number):
    return f"{number:+.3f}".replace("-", "\N{MINUS SIGN}")


def _effect(row):
    return _signed(row["effect"])


def _interval(row):
    return " to ".join(_signed(row[f"interval_{end}"]) for end in ("low", "high"))


class VerdictRole(SphinxRole):
    def run(self):
        _, _, effects = _open(self)
        stated = next(v for v, role in ROLES.items() if f"atlas-{role}" == self.name)
        asked = CONDITION.fullmatch(self.text)
        table = _final(effects).dropna(subset=["effect"])
        if asked:
            table = table[
                (table["technique"] == asked["technique"])
                & (table["train_rows"] == int(asked["rows"]))
                & (table["label_noise"] == float(asked["noise"]))
                & (table["units"] == int(asked["units"]))
            ]
        if not asked or len(table) != 1:
            message = f"the atlas has no condition {self.text!r}"
            return [], [self.inliner.reporter.warning(message, line=self.lineno)]
        row = table.iloc[0]
        messages = []
        if row["verdict"] != stated:
            message = f"{self.text!r}: the page says {stated}, the atlas {row['verdict']}"
            messages.append(self.inliner.reporter.warning(message, line=self.lineno))
        role = ROLES[row["verdict"]]
        text = f"{_effect(row)} ({row['verdict']})"
        address = self.env.app.builder.get_relative_uri(self.env.docname, HOME)
        link = nodes.reference(
            "", text, refuri=f"{address}#all-effects", classes=["verdict", f"verdict-{role}"]
        )
        link["internal"] = True
        return [link], messages


class CountRole(SphinxRole):
    def run(self):
        _, _, effects = _open(self)
        asked = re.fullmatch(r"(.+): ([a-z ]+?)(?:, ([\d.]+) noise)?", self.text)
        table = _final(effects)
        if not asked or asked[1] not in set(table["technique"]) or asked[2] not in ROLES:
            message = f"atlas-count takes `technique: verdict`, but got {self.text!r}"
            return [], [self.inliner.reporter.warning(message, line=self.lineno)]
        chosen = (table["technique"] == asked[1]) & (table["verdict"] == asked[2])
        if asked[3]:
            chosen &= table["label_noise"] == float(asked[3])
        return [nodes.Text(str(chosen.sum()))], []


class MapDirective(SphinxDirective):
    option_spec = {  # noqa: RUF012
        "label-noise": float,
        "end": lambda text: directives.choice(text, ("final", "best")),
        "technique": directives.unchanged_required,
    }

    def run(self):
        module, table, _ = _open(self)
        where = (self.options["label-noise"], self.options.get("end", "final"))
        if technique := self.options.get("technique"):
            if technique not in set(table["technique"]):
                raise self.error(f"the atlas has no technique {technique!r}")
            picture = module.technique_map(table, technique, *where)
        else:
            picture = module.winners_map(table, *where)
        drawn = picture._repr_svg_()
        name = f"atlas-{hashlib.sha256(drawn.encode()).hexdigest()[:16]}.svg"
        file = Path(self.env.doctreedir) / name  # kept as long as the page that shows it
        file.write_text(drawn, encoding="utf-8")
        image = nodes.image(uri="/" + os.path.relpath(file, self.env.srcdir).replace(os.sep, "/"))
        return [figure_of(picture, image)]


class SummaryDirective(SphinxDirective):
    def run(self):
        _, _, effects = _open(self)
        table = _final(effects)
        table = table[table["technique"] != "none"]
        counts = {
            technique: [int((rows["verdict"] == verdict).sum()) for verdict in ROLES]
            for technique, rows in table.groupby("technique", sort=False)
        }
        titles = ("Technique", "helped", "did harm", "no difference", "undecided")
        group = nodes.tgroup("", *(nodes.colspec(colwidth=20) for _ in titles), cols=len(titles))
        group += nodes.thead("", table_row(*titles))
        group += nodes.tbody(
            "", *(table_row(technique, *map(str, numbers)) for technique, numbers in counts.items())
        )
        return [nodes.table("", group, classes=["atlas-summary"])]


class TableDirective(SphinxDirective):
    def run(self):
        _, _, effects = _open(self)
        keys = ["train_rows", "label_noise", "units", "technique"]
        best = effects["best", max(steps for _, steps in effects)]
        both = _final(effects).merge(best, on=keys, suffixes=("", "_best"), how="left")
        rows = []
        for row in both.to_dict("records"):
            best = {k.removesuffix("_best"): v for k, v in row.items() if k.endswith("_best")}
            cells = [row["train_rows"], f"{row['label_noise']:.0%}", row["units"], row["technique"]]
            for one in (row, best):
                cells.append("" if pd.isna(one["accuracy"]) else f"{one['accuracy']:.3f}")
                measured = one["verdict"] in ROLES
                cells.append(f"{_effect(one)}<br>{_interval(one)}" if measured else "")
                cells.append(SIGN.format(SIGNS[one["verdict"]], one["verdict"]) if measured else "")
            tags = ("th scope='row'", *["td"] * (len(cells) - 1))
            rows.append(
                "<tr>"
                + "".join(f"<{t}>{c}</{t.split()[0]}>" for t, c in zip(tags, cells, strict=True))
                + "</tr>"
            )
        heads = ("Rows", "Wrong labels", "Units", "Technique") + (
            "Accuracy", "Effect, 95 % interval", "Verdict"
        ) * 2  # fmt: skip
        drawn = (
            '<div class="atlas-table" tabindex="0" role="region" aria-label="All effects"><table>'
            "<thead><tr><td colspan='4'></td><th colspan='3' scope='colgroup'>When training stopped"
            "</th><th colspan='3' scope='colgroup'>At the chosen epoch</th></tr><tr>"
            + "".join(f"<th scope='col'>{head}</th>" for head in heads)
            + f"</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
        )
        return [nodes.raw("", drawn, format="html")]


class ExplorerDirective(SphinxDirective):
    """A form over all conditions; its script is `book/static/explorer.js`."""

    def run(self):
        module, _, effects = _open(self)
        techniques = [t for t in _final(effects)["technique"].unique() if t != "none"]
        measured = {}
        for (end, steps), table in effects.items():
            for condition in module.DIGITS.conditions():
                rows = table[(table[list(condition)] == pd.Series(condition)).all(axis=1)]
                rows = rows.set_index("technique")
                key = ",".join([end, *(f"{value:g}" for value in [*condition.values(), steps])])
                measured[key] = [
                    self._numbers(rows.loc[technique]) if technique in rows.index else None
                    for technique in techniques
                ]
        data = {
            "techniques": techniques,
            "effects": measured,
            "verdicts": list(ROLES),
            "roles": list(ROLES.values()),
            "signs": [SIGNS[verdict] for verdict in ROLES],
            "code": {name: module.keras_code(name) for name in ["none", *techniques]},
        }
        choices = {
            "rows": ("Labelled rows", {f"{n:g}": n for n in module.TRAIN_ROWS}),
            "noise": ("Wrong labels", {f"{n:g}": f"{n:.0%}" for n in module.LABEL_NOISE}),
            "units": ("Units in each hidden layer", {f"{n:g}": n for n in module.UNITS}),
            "end": ("Measured", {"final": "when training stopped", "best": "at the chosen epoch"}),
            "steps": ("Steps at most", {f"{n}": n for end, n in effects if end == "best"}),
        }
        fields = "".join(
            f'<label>{label} <select name="{name}">'
            + "".join(f'<option value="{value}">{text}</option>' for value, text in options.items())
            + "</select></label>"
            for name, (label, options) in choices.items()
        )
        text = json.dumps(data, separators=(",", ":"), ensure_ascii=False).replace("</", "<\\/")
        node = nodes.raw("", EXPLORER.format(fields=fields, data=text), format="html")
        node["classes"].append("explorer")
        return [node]

    def _numbers(self, row):
        if row["verdict"] not in ROLES:
            return None
        numbers = [round(float(row[n]), 4) for n in ("effect", "interval_low", "interval_high")]
        return [*numbers, list(ROLES).index(row["verdict"]), int(row["behind"])]


def add_explorer_script(app, pagename, templatename, context, doctree):
    if doctree is not None and any("explorer" in n["classes"] for n in doctree.findall(nodes.raw)):
        app.add_js_file("explorer.js", loading_method="defer")


def _signed_effect(effect, verdict):
    """An effect with the sign of its verdict, and the verdict for those who do not see the sign."""
    return (
        f"<td class='verdict-{ROLES[verdict]}'><span aria-hidden='true'>{SIGNS[verdict]}</span> "
        f"{_signed(effect)}<span class='visually-hidden'> {verdict}</span></td>"
    )


def _wide_table(label, head, rows):
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    heads = "".join(f"<th scope='col'>{cell}</th>" for cell in head)
    drawn = (
        f'<div class="atlas-table" tabindex="0" role="region" aria-label="{html.escape(label)}">'
        f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
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
            rows.append(f"<th scope='row'>{technique}</th>{cells}")
        first = found[found["technique"] == part.techniques[0]].set_index("condition")["accuracy"]
        cells = "".join(f"<td>{first[condition]:.3f}</td>" for condition in conditions)
        rows.append(f"<th scope='row'>accuracy of {part.techniques[0]}</th>{cells}")
        made = table.attrs
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
        rows = []
        for carries in module.CARRIES:
            of_it = table[table["", "carries"] == carries]
            heading = f"{carries[:1].upper()}{carries[1:]}: {len(of_it)} of {len(table)}"
            width = len(parts) + 1
            rows.append(f"<th scope='rowgroup' class='carries' colspan='{width}'>{heading}</th>")
            for technique, row in of_it.iterrows():
                cells = ""
                for part in parts:
                    effect, verdict = row[part, "effect"], row[part, "verdict"]
                    cells += "<td></td>" if pd.isna(effect) else _signed_effect(effect, verdict)
                rows.append(f"<th scope='row'>{technique}</th>{cells}")
        head = ["Technique", *(part.replace("-", ", ") for part in parts)]
        label = f"What carries over, {noise:.0%} wrong labels, {count} rows, {end}"
        return [_wide_table(label, head, rows)]


class OriginDirective(SphinxDirective):
    def run(self):
        _, table, _ = _open(self)
        made = table.attrs
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
    app.add_directive("atlas-map", MapDirective)
    app.add_directive("atlas-summary", SummaryDirective)
    app.add_directive("atlas-table", TableDirective)
    app.add_directive("atlas-explorer", ExplorerDirective)
    app.connect("html-page-context", add_explorer_script)
    app.add_directive("atlas-origin", OriginDirective)
    app.add_directive("atlas-part", PartDirective)
    app.add_directive("atlas-carried", CarriedDirective)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
