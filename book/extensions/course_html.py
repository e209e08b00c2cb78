"""Pages that are complete without a script, a font or a picture from another host.

- Formulas are drawn by KaTeX while building. A formula that KaTeX does not understand is a
  warning at its place in the source.
- Figures take their alternative text and their size from the SVG itself, where the notebook that
  drew them put it. A figure without a description is a warning.
- Each page has a description for search engines. A page without one is a warning.
- Code is coloured where a colour says something: names, signs and spaces are left as text, without
  elements of their own. There are thousands of them in a chapter, and each takes time to lay
  out.
"""

from __future__ import annotations

import functools
import hashlib
import html
import re
from pathlib import Path
from xml.etree import ElementTree

from docutils import nodes
from py_mini_racer import JSEvalException, MiniRacer
from pygments.formatters import HtmlFormatter
from pygments.token import Name, Operator, Punctuation, Text
from sphinx.highlighting import PygmentsBridge
from sphinx.transforms import SphinxTransform
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number
from sphinx.util.osutil import relative_uri

logger = logging.getLogger(__name__)

FOLDER = "_static/figures"  # of what figures bring along
KATEX = Path(__file__).parent / "katex" / "katex.min.js"
PIXELS_PER_UNIT = {"": 1, "px": 1, "pt": 4 / 3, "in": 96}
GENERATED_PAGES = {"genindex": "Index", "search": "Search", "404": "Page not found"}


# Formulas


@functools.cache
def _katex():
    engine = MiniRacer()
    engine.eval(KATEX.read_text(encoding="utf-8"))
    return engine


@functools.cache
def formula_html(tex: str, display: bool) -> str:
    """HTML with MathML for one formula.

    Raises:
        ValueError: KaTeX does not understand the formula; its message says where.
    """
    options = {
        "displayMode": display,
        "throwOnError": True,
        "strict": "error",
        "output": "htmlAndMathml",
    }
    try:
        return _katex().call("katex.renderToString", tex, options)
    except JSEvalException as error:
        # The first line holds the message, the rest is the engine's view of the minified script.
        raise ValueError(str(error).splitlines()[0].split("KaTeX parse error: ")[-1]) from None


def _formula(node, tex, display):
    try:
        return formula_html(tex, display)
    except ValueError as error:
        logger.warning("formula: %s", error, location=node, type="katex")
        return f"<code>{html.escape(tex)}</code>"


def visit_math(self, node):
    self.body.append(self.starttag(node, "span", "", CLASS="math notranslate nohighlight"))
    self.body.append(_formula(node, node.astext(), display=False) + "</span>")
    raise nodes.SkipNode


def visit_math_block(self, node):
    self.body.append(self.starttag(node, "div", CLASS="math notranslate nohighlight"))
    if node["number"]:
        number = get_node_equation_number(self, node)
        self.body.append(f'<span class="eqno">({number})')
        self.add_permalink_ref(node, "Link to this equation")
        self.body.append("</span>")
    tex = node.astext().strip()
    if r"\\" in tex and r"\begin{" not in tex:
        tex = r"\begin{split}" + tex + r"\end{split}"
    # A wide one scrolls within its box, on a phone, so that the keyboard must reach it.
    formula = _formula(node, tex, display=True)
    formula = formula.replace('class="katex-display"', 'class="katex-display" tabindex="0"', 1)
    self.body.append(formula + "</div>\n")
    raise nodes.SkipNode


def add_formula_style(app, pagename, templatename, context, doctree):
    if doctree is not None and any(
        next(doctree.findall(kind), None) is not None for kind in (nodes.math, nodes.math_block)
    ):
        app.add_css_file("katex/katex.min.css")


# Figures


def _pixels(length: str) -> int | None:
    """A length such as '504pt' in pixels; None for relative ones such as '100%'."""
    match = re.fullmatch(r"([\d.]+)(|px|pt|in)", length)
    return round(float(match[1]) * PIXELS_PER_UNIT[match[2]]) if match else None


def _size(drawn) -> tuple[int, int] | None:
    """Width and height of an SVG in pixels."""
    size = _pixels(drawn.get("width", "")), _pixels(drawn.get("height", ""))
    return None if None in size else size


def describe_figure(image, drawn, alt: str):
    """Make an image node a figure of the course: described, loaded late, its place kept free.

    Args:
        image: the node.
        drawn: root element of the SVG that it shows.
        alt: what the figure shows, in words.
    """
    image["alt"] = alt
    image["loading"] = "lazy"
    image["classes"].append("course-figure")
    if size := _size(drawn):
        image["pixels"] = size


class DescribeFigures(SphinxTransform):
    """Give each SVG output its own description as alternative text, and its size."""

    default_priority = 400

    def apply(self, **kwargs):
        for output in self.document.findall(nodes.container):
            if output.get("mime_type") == "image/svg+xml":
                for image in output.findall(nodes.image):
                    self._describe(image)

    def _describe(self, image):
        drawn = ElementTree.parse(Path(self.app.srcdir) / image["uri"].lstrip("/")).getroot()
        alt = drawn.get("aria-label", "").strip()
        if not alt:
            logger.warning(
                "figure without a description: the SVG's root element takes an aria-label",
                location=image.parent.parent,  # the bundle of one output; MyST-NB gives it a line
                type="figure",
            )
        describe_figure(image, drawn, alt)


def visit_image(self, node):
    """Write the size as attributes, which keep the place free while the picture loads.

    Docutils would write it as a style, which keeps pictures from shrinking on a phone. Where there
    is a drawing for phones, they load that one instead.
    """
    type(self).visit_image(self, node)
    if "pixels" in node:
        size = 'width="{}" height="{}"'.format(*node["pixels"])
        self.body[-1] = self.body[-1].replace("<img ", f"<img {size} ", 1)
    if "narrow" in node:
        source = _source_for_phones(self.builder, node["narrow"])
        self.body[-1] = f"<picture>{source}{self.body[-1]}</picture>"


def brought_along(builder, text: str, suffix: str) -> str:
    """Write a file of a figure, once, and return its address for the current page."""
    name = f"{FOLDER}/{hashlib.sha256(text.encode()).hexdigest()[:12]}{suffix}"
    file = Path(builder.outdir) / name
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return relative_uri(builder.get_target_uri(builder.current_docname), name)


def _source_for_phones(builder, drawn):
    address = brought_along(builder, drawn, ".svg")
    width, height = _size(ElementTree.fromstring(drawn))
    return (
        f'<source media="(max-width: 40rem)" srcset="{address}" width="{width}" height="{height}">'
    )


def depart_image(self, node):
    type(self).depart_image(self, node)


# Code


class FewerColours(HtmlFormatter):
    """Pygments's HTML without elements around names, signs and spaces."""

    plain = frozenset({Name, Name.Namespace, Operator, Punctuation, Text.Whitespace})

    def format(self, tokensource, outfile):
        told = ((Text if kind in self.plain else kind, text) for kind, text in tokensource)
        return super().format(told, outfile)


# Descriptions and roles


def check_description(app, pagename, templatename, context, doctree):
    """Demand a description of pages with a source, and give one to the generated pages."""
    if 'name="description"' in context.get("metatags", ""):
        return
    if doctree is not None:
        logger.warning(
            "page without a description: its metadata takes myst.html_meta.description",
            location=pagename,
            type="description",
        )
    else:
        text = f"{GENERATED_PAGES.get(pagename, pagename)}: {app.config.project}"
        context["metatags"] = (
            context.get("metatags", "")
            + f'<meta name="description" content="{html.escape(text)}" />'
        )


def make_bibliography_a_list(app, pagename, templatename, context, doctree):
    """Replace a role that is deprecated and that screen readers do not expect inside a list."""
    if "body" in context:
        context["body"] = context["body"].replace('role="doc-biblioentry"', 'role="listitem"')


def setup(app):
    app.add_html_math_renderer("katex", (visit_math, None), (visit_math_block, None))
    app.add_transform(DescribeFigures)
    app.add_node(nodes.image, override=True, html=(visit_image, depart_image))
    PygmentsBridge.html_formatter = FewerColours
    app.connect("html-page-context", add_formula_style)
    app.connect("html-page-context", check_description)
    app.connect("html-page-context", make_bibliography_a_list)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
