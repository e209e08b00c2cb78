"""Shows on which machines the chapters were tried, `{machines-table}`, and `{jax-table}`.

What they show is what `python -m tests.machines` and `python -m tests.jax_backend` have measured.
"""

from __future__ import annotations

import json
from pathlib import Path

from course_claims import table_row
from docutils import nodes
from sphinx.util.docutils import SphinxDirective

MEASURED, ON_JAX = "book/data/machines.json", "book/data/on_jax.json"
TITLES = (
    "Machine",
    "Python",
    "TensorFlow",
    "Keras",
    "Cells",
    "Claims to the bit",
    "Other verdicts",
)

JAX_TITLES = ("Claim", "Effect on JAX", "Effect in the chapter", "Seeds", "Within the spread")


class MachinesTable(SphinxDirective):
    def run(self):
        path = Path(self.env.srcdir) / MEASURED
        self.env.note_dependency(MEASURED)
        machines = json.loads(path.read_text(encoding="utf-8"))
        rows = []
        for name, found in machines.items():
            failed = len(found["failed"])
            cells = f"{found['cells']} passed"
            if failed:
                cells = f"{failed} of {found['cells']} failed"
            rows.append(
                table_row(
                    f"{name}, {_chapters(found)}" if "chapters" in found else name,
                    *(found[what] for what in ("python", "tensorflow", "keras")),
                    cells,
                    f"{found['same_to_the_bit']} of {found['claims']}",
                    str(len(found["other_verdicts"])),
                )
            )
        return [_table(TITLES, rows), _turned(machines)]


class JaxTable(SphinxDirective):
    def run(self):
        self.env.note_dependency(ON_JAX)
        found = json.loads((Path(self.env.srcdir) / ON_JAX).read_text(encoding="utf-8"))
        rows = [
            table_row(
                name,
                f"{one['effect']:+.3f}",
                f"{one['stored_on_these_seeds']:+.3f}",
                str(one["seeds"]),
                "agrees" if one["agrees"] else "differs",
            )
            for name, one in found["claims"].items()
        ]
        with_versions = f"With JAX {found['jax']} and Keras {found['keras']}, {found['date']}."
        return [_table(JAX_TITLES, rows), nodes.paragraph("", with_versions)]


def _table(titles, rows):
    group = nodes.tgroup("", *(nodes.colspec() for _ in titles), cols=len(titles))
    group += nodes.thead("", table_row(*titles))
    group += nodes.tbody("", *rows)
    return nodes.table("", group)


def _chapters(found):
    numbers = [stem.split("_")[0].lstrip("0") for stem in found["chapters"]]
    return f"chapter{'s' * (len(numbers) > 1)} {', '.join(numbers)}"


def _turned(machines):
    """The claims whose verdict was another one somewhere."""
    turned = sorted({claim for found in machines.values() for claim in found["other_verdicts"]})
    if not turned:
        return nodes.paragraph("", "No verdict was another one.")
    said = nodes.paragraph("", "So near to a boundary that other arithmetic turned them: ")
    for k, claim in enumerate(turned):
        said += [nodes.Text(", " if k else ""), nodes.literal("", claim)]
    said += nodes.Text(".")
    return said


def setup(app):
    app.add_directive("machines-table", MachinesTable)
    app.add_directive("jax-table", JaxTable)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
