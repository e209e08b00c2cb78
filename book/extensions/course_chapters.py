"""What a chapter's page has beside its notebook: a head, and a fold over code that only prepares.

The head says what the chapter takes to read and to run, and what it was last executed with.
The prerequisites are the sentence of the chapter's introduction that begins with "You need". It
moves into the head, so that pages and notebooks have one source. Time and versions come from the
chapter's own output of its cost.
"""

from __future__ import annotations

import datetime
import re

from course_claims import evidence_of
from docutils import nodes
from sphinx.util import logging

logger = logging.getLogger(__name__)

WORDS_PER_MINUTE = 200
OPEN = "show-code"  # tag of a cell whose code is for reading
SET_UP = "parameters and set-up"  # of the fold that begins with the parameters
NEEDED = re.compile(r"You need (?:the )?(.+?)\.(?: The cells run in [^.]+\.)?$")
PACKAGES = {"python": "Python", "tensorflow": "TensorFlow", "keras": "Keras", "numpy": "NumPy"}


def add_head(app, doctree):
    """Put the head under the title of a chapter."""
    docname = app.env.docname
    chapter = evidence_of(app.env).chapters.get(docname)
    if chapter is None:
        return
    facts = {"Prerequisites": _prerequisites(doctree, docname)}
    facts["Reading"] = _reading(doctree, chapter.claims)
    cost = chapter.cost
    if cost and "versions" in cost:
        memory = f"{cost['megabytes'] / 1000:.1f} GB of memory"
        facts["Running"] = f"{_duration(cost['seconds'])} for all cells, {memory}"
        day = datetime.date.fromisoformat(cost["day"])
        versions = ", ".join(f"{label} {cost['versions'][n]}" for n, label in PACKAGES.items())
        facts["Last executed"] = f"{day.day} {day:%B %Y} with {versions}"
    else:
        logger.warning("chapter without its cost: it ends with cost_so_far()", location=docname)
    head = nodes.field_list("", *_fields(facts), classes=["chapter-head"])
    title = next(doctree.findall(nodes.title))
    title.parent.insert(title.parent.index(title) + 1, head)


def fold_code(app, doctree):
    """Fold all code of a notebook but the cells that say that they are for reading.

    Where nothing stands between folded cells, they share one fold. What follows the parameters goes
    into theirs, though a cell there may print what it has loaded.
    """
    cells = [c for c in doctree.findall(nodes.container) if c.get("nb_element") == "cell_code"]
    if not any(OPEN in _tags(cell) for cell in cells):
        return
    prompts = {f"prompt_{way}": app.config[f"nb_code_prompt_{way}"] for way in ("show", "hide")}
    for cell in cells:
        if OPEN not in _tags(cell):
            cell.attributes |= {"hide_mode": "input"} | prompts
    for cell in cells:
        before = _node_before(cell)
        if before in cells and cell.get("hide_mode") and before.get("hide_mode"):
            source, *outputs = before.children
            if not outputs:
                cell.children[0].insert(0, source.children)
                before.parent.remove(before)
                if "parameters" in _tags(before):
                    _name_set_up(cell)
            elif before.get("set_up") and len(cell.children) == 1:
                source += cell.children[0].children
                cell.parent.remove(cell)


def _name_set_up(cell):
    cell["cell_metadata"] = {"tags": ["parameters", *_tags(cell)]}
    cell.attributes |= {"set_up": True}
    cell.attributes |= {f"prompt_{way}": f"{way.title()} {SET_UP}" for way in ("show", "hide")}


def _tags(cell):
    return cell.get("cell_metadata", {}).get("tags", [])


def _node_before(node):
    place = node.parent.index(node)
    return node.parent[place - 1] if place else None


def _fields(facts):
    for name, text in facts.items():
        body = nodes.field_body("", nodes.paragraph("", text))
        yield nodes.field("", nodes.field_name("", name), body)


def _prerequisites(doctree, docname):
    for paragraph in doctree.findall(nodes.paragraph):
        if match := NEEDED.match(" ".join(paragraph.astext().split())):
            paragraph.parent.remove(paragraph)
            return match[1][0].upper() + match[1][1:]
    logger.warning('chapter without prerequisites: "You need ..."', location=docname)
    return "none"


def _reading(doctree, claims):
    texts = [
        *(p.astext() for p in doctree.findall(nodes.paragraph)),
        *(record["sentence"] for record in claims),
    ]
    minutes = sum(len(text.split()) for text in texts) / WORDS_PER_MINUTE
    return f"about {max(1, round(minutes))} minutes, without the code"


def _duration(seconds):
    if seconds < 90:
        return f"about {seconds:.0f} seconds"
    return f"about {seconds / 60:.0f} minutes" if seconds > 600 else f"{seconds / 60:.1f} minutes"


def setup(app):
    app.connect("doctree-read", add_head)
    app.connect("doctree-read", fold_code)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
