"""An index of sections for the search page: headings, and the prose under each.

Sphinx's own index knows pages and words. A reader looks for the place that answers, so this one
holds every section of the finished pages, and every term of the glossary: its anchor, its heading
and its sentences, without code, outputs and figures. `book/static/search.js` ranks them. The index
is a script, not JSON, because browsers let a page that is opened as a file load no other kind.

What readers type for the same thing stands in `book/synonyms.yml`.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml
from bs4 import BeautifulSoup, SoupStrainer
from sphinx.util import logging

logger = logging.getLogger(__name__)

FILE = "search_sections.js"
SYNONYMS = "book/synonyms.yml"
HEADINGS = ["h1", "h2", "h3", "h4"]
# What is no prose: code and outputs, figures and what belongs to them, forms, generated tables.
LEFT_OUT = {"annotation", "form", "script", "svg"}
LEFT_OUT_CLASSES = {
    "atlas-summary",
    "atlas-table",
    "cell",
    "chapter-head",
    "effects-figure",
    "eqno",
    "evidence",
    "explorer",
    "figure-data",
    "guess",
    "headerlink",
    "highlight",
    "katex-display",
    "katex-html",
    "playground-on-page",
    "toctree-wrapper",
}
BLOCKS = ["p", "li", "td", "th", "dd"]
# Against a chapter: these pages repeat, define or list what the chapters explain.
WEIGHTS = {
    "notebooks/solutions/": 0.1,
    "notebooks/exercises/": 0.15,
    "book/references": 0.5,
    "book/home": 0.6,
    "book/papers": 0.7,
    "book/glossary": 0.8,
}


def sections_of(page: str) -> list[list[str]]:
    """Anchor, heading and prose of each section of a page's HTML, in their order.

    The first section is the page itself; its anchor is empty. Blocks of prose are separated by
    line ends.
    """
    article = BeautifulSoup(page, "html.parser", parse_only=SoupStrainer("article")).article
    for part in article.find_all(_left_out):
        part.decompose()
    sections, places = [], {}
    for element in article.find_all(["section", "dt", *BLOCKS]):
        if element.name == "section":
            if sections and not element.get("id"):  # a part of a widget
                continue
            heading = element.find(HEADINGS, recursive=False)
            places[id(element)] = [element["id"] if sections else "", _text(heading), []]
        elif element.name == "dt" and element.get("id", "").startswith("term-"):
            places[id(element)] = [element["id"], _text(element), []]
        else:
            _add_prose(element, places)
            continue
        sections.append(places[id(element)])
    return [[anchor, heading, "\n".join(prose)] for anchor, heading, prose in sections]


def _left_out(part):
    return part.name in LEFT_OUT or not LEFT_OUT_CLASSES.isdisjoint(part.get("class", ()))


def _add_prose(block, places):
    """Give a block's text to the term or the section that it stands in."""
    if block.name == "dt" or block.find(BLOCKS):  # what it holds comes by itself
        return
    definition = block if block.name == "dd" else block.find_parent("dd")
    term = definition and definition.find_previous_sibling("dt")
    place = places.get(id(term)) or places.get(id(block.find_parent("section")))
    if place and (text := _text(block)):
        place[2].append(text)


def _text(element):
    return re.sub(r"\s+", " ", element.get_text()).strip()


def read_synonyms(path: Path) -> list[list[str]]:
    """Groups of words that mean the same.

    Raises:
        ValueError: the file holds something else than lists of at least two texts, or a text twice.
    """
    try:
        groups = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        line = error.problem_mark.line + 1
        raise ValueError(f"{path.name} is not YAML: line {line}: {error.problem}") from None
    if not isinstance(groups, list):
        raise ValueError(f"{path.name}: {groups!r} is not a list of lines")
    seen = {}
    for group in groups:
        if not isinstance(group, list) or len(group) < 2 or {type(text) for text in group} != {str}:
            raise ValueError(f"{path.name}: {group!r} is not a list of at least two texts")
        for text in group:
            if text.lower() in seen:
                raise ValueError(
                    f"{path.name}: {text!r} stands there twice, in the lines of "
                    f"{seen[text.lower()]!r} and {group[0]!r}"
                )
            seen[text.lower()] = group[0]
    return groups


def write_index(app, exception):
    """Write the index of all pages."""
    if exception or app.builder.name != "html":
        return
    pages, said = [], set()
    # Solutions last: of them only what their exercises do not say.
    for name in sorted(app.env.found_docs, key=lambda name: ("solutions/" in name, name)):
        address = app.builder.get_target_uri(name)
        sections = sections_of((Path(app.outdir) / address).read_text(encoding="utf-8"))
        for section in sections:
            lines = [line for line in section[2].split("\n") if line not in said or len(line) < 40]
            said.update(lines)
            section[2] = "\n".join(lines)
        weight = next((w for start, w in WEIGHTS.items() if name.startswith(start)), 1)
        pages.append([address, weight, sections])
    try:
        synonyms = read_synonyms(Path(app.srcdir) / SYNONYMS)
    except ValueError as error:
        logger.warning("%s", error, type="search")
        synonyms = []
    for group in leading_nowhere(synonyms, pages):
        logger.warning(
            "%s: nothing on the site is found by %s", SYNONYMS, ", ".join(group), type="search"
        )
    index = json.dumps(
        {"pages": pages, "synonyms": synonyms}, ensure_ascii=False, separators=(",", ":")
    )
    (Path(app.outdir) / FILE).write_text(f"courseSearch({index});\n", encoding="utf-8")


def leading_nowhere(synonyms: list[list[str]], pages: list) -> list[list[str]]:
    """The groups none of whose words stands on a page of the index."""

    def plain(text):
        return re.sub(r"[\W_]+", " ", text).lower()

    texts = [f"{heading} {prose}" for _, _, sections in pages for _, heading, prose in sections]
    everything = plain(" ".join(texts))
    return [group for group in synonyms if not any(plain(text) in everything for text in group)]


def setup(app):
    app.connect("build-finished", write_index)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
