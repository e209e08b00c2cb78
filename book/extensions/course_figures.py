"""Figures that a reader can question: their data as a table, and their numbers drawn anew.

The notebooks' figures hold both in the metadata of their output. Under each figure of a page
stands its table, folded, and where there are numbers a button that lets `figures.js` draw them. The
numbers of a figure are a script of their own, loaded when the button is pressed, so that pages stay
light and work without a server, too.
"""

from __future__ import annotations

import csv
import html
import io
import json
import re
from xml.etree import ElementTree

from course_build import outputs_shown
from course_html import brought_along, describe_figure
from docutils import nodes
from sphinx.util import logging

logger = logging.getLogger(__name__)

BUTTONS = {
    "curves": "Look closer: seeds, bands, values",
    "strips": "Look closer: seeds and values",
    "steps": "Step through",
}


class FigureData(nodes.General, nodes.Element):
    """What stands under a figure."""

    @classmethod
    def of(cls, held: dict) -> FigureData:
        """From the metadata of a figure: title, table as CSV, and numbers as JSON if there are."""
        return cls("", title=held["title"], table=held["table"], numbers=held.get("numbers"))


def figure_of(picture, image) -> nodes.container:
    """A figure that a page draws itself: the image of a `Picture`, described, with its data."""
    describe_figure(image, ElementTree.fromstring(picture._repr_svg_()), picture.alt)
    held = picture._repr_mimebundle_()[1]["figure"]
    image["narrow"] = held["narrow"]
    data = FigureData.of(held)
    return nodes.container("", image, data, classes=["effects-figure"])


def add_data(app, doctree):
    """Put under each figure of a chapter the data that its output holds."""
    docname = app.env.docname
    if not app.env.doc2path(docname).endswith(".ipynb"):
        return
    bundles = [
        bundle
        for bundle in doctree.findall(nodes.container)
        if bundle.get("nb_element") == "mime_bundle"
        and any(kind.get("mime_type") == "image/svg+xml" for kind in bundle.children)
    ]
    outputs = [o for o in outputs_shown(app, docname) if "image/svg+xml" in o.get("data", {})]
    for bundle, output in zip(bundles, outputs, strict=True):
        if held := output["metadata"].get("figure"):
            for image in bundle.findall(nodes.image) if "narrow" in held else ():
                image["narrow"] = held["narrow"]
            bundle.parent.insert(bundle.parent.index(bundle) + 1, FigureData.of(held))
        else:
            logger.warning(
                "figure without data: its output's metadata takes them", location=bundle,
                type="figure",
            )  # fmt: skip


def visit_figure_data(self, node):
    self.body.append('<div class="figure-data">')
    if node["numbers"]:
        script = _script(node["title"], node["numbers"])
        address = brought_along(self.builder, script, ".js")
        kind = json.loads(node["numbers"])["kind"]
        self.body.append(
            f'<button type="button" class="figure-live-button" data-numbers="{address}" '
            f'aria-pressed="false">{BUTTONS[kind]}</button>'
        )
    self.body.append(f"{folded_table(node['title'], node['table'])}</div>")
    raise nodes.SkipNode


def folded_table(title: str, table: str) -> str:
    """The data of a figure, as CSV with a row of headings, folded."""
    return (
        "<details><summary>Data of the figure</summary>"
        f'<div class="figure-table" role="region" tabindex="0" '
        f'aria-label="Data: {html.escape(title)}">{table_html(table)}</div></details>'
    )


def _script(title, numbers):
    return f"courseFigure({json.dumps(title)},{numbers});\n"


def table_html(text: str) -> str:
    """A table in HTML from CSV with a row of headings."""
    head, *rows = csv.reader(io.StringIO(text))
    first = 1 + (head[0] == "" and len(rows) > 1 and len({row[0] for row in rows}) < len(rows))

    def cell(k, value):
        value = re.sub(r"(?<![\w.])-(?=\d)", "\N{MINUS SIGN}", value)
        if k < first:
            return f'<th scope="row">{html.escape(value)}</th>'
        return f"<td>{html.escape(value)}</td>"

    lines = ["".join(cell(k, value) for k, value in enumerate(row)) for row in rows]
    top = "".join(
        f'<th scope="col">{html.escape(name)}</th>' if name else "<td></td>" for name in head
    )
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f'<table class="table"><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>'


def visit_in_text(self, node):
    raise nodes.SkipNode


def add_script(app, pagename, templatename, context, doctree):
    if doctree is not None and any(node["numbers"] for node in doctree.findall(FigureData)):
        app.add_js_file("figures.js", loading_method="defer")


def setup(app):
    # Other builders have no page to question.
    others = dict.fromkeys(("latex", "text", "man", "texinfo"), (visit_in_text, None))
    app.add_node(FigureData, html=(visit_figure_data, None), **others)
    app.connect("doctree-read", add_data)
    app.connect("html-page-context", add_script)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
