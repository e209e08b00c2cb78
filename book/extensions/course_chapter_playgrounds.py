"""Puts small playgrounds into chapters, whose notebooks cannot hold directives.

Each stands at the end of a section, with a sentence that says what to try. What a reader finds is
measured there and then, so that the sentence asks and states nothing.
"""

from __future__ import annotations

from typing import NamedTuple

from course_playground import playground
from docutils import nodes
from sphinx.util import logging

logger = logging.getLogger(__name__)


class Place(NamedTuple):
    """A playground in a chapter: under which heading, with what to begin, the group of settings
    that it leaves open, and what to try with them."""

    chapter: str
    heading: str
    start: str
    unfolded: str
    sentence: str


PLACES = (
    Place(
        "notebooks/01_overfitting",
        "Early stopping",
        "dropout=0&early_stopping=1&data=circles&rows=120&wrong=0.3&width=32&batch=16&epochs=100",
        "Data",
        "Is it worth stopping early, with three labels in ten wrong? Then give it 600 rows, or no "
        "wrong labels, and see what is left of the effect.",
    ),
    Place(
        "notebooks/02_dropout",
        "A narrow network",
        "dropout=0.5&data=circles&rows=200&wrong=0.3&width=8&epochs=120",
        "Network and training",
        "Three labels in ten are wrong. What does dropout do to two layers of 8 units? Then make "
        "them 64 units wide, and watch the effect over the epochs.",
    ),
    Place(
        "notebooks/03_batch_normalization",
        "Tiny batches",
        "dropout=0&batch_normalization=1&data=spirals&rows=200&wrong=0&width=16&batch=2&epochs=20",
        "Network and training",
        "What does batch normalization do with two rows in a batch? Then set the batch size to 32.",
    ),
)


def insert(app, doctree):
    for place in PLACES:
        if place.chapter != app.env.docname:
            continue
        section = _section(doctree, place.heading)
        if section is None:
            logger.warning(
                "no heading %r for a playground", place.heading, location=place.chapter,
                type="playground",
            )  # fmt: skip
            continue
        said = nodes.paragraph(
            "", "", nodes.strong("", "Try it."), nodes.Text(" " + place.sentence)
        )
        node = playground(app, place.chapter, place.start, small=True, unfolded=place.unfolded)
        below = [k for k, child in enumerate(section) if isinstance(child, nodes.section)]
        section.insert(below[0] if below else len(section), [said, node])


def _section(doctree, heading):
    for title in doctree.findall(nodes.title):
        if title.astext() == heading:
            return title.parent
    return None


def setup(app):
    # After the head of the chapter, whose reading time is about its own text.
    app.connect("doctree-read", insert, priority=600)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
