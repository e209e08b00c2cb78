"""Shows on which machines the chapters were tried: `{machines-table}`.

What it shows is what `python -m tests.machines` has measured.
"""

from __future__ import annotations

import json
from pathlib import Path

from course_claims import table_row
from docutils import nodes
from sphinx.util.docutils import SphinxDirective

MEASURED = "book/data/machines.json"
TITLES = (
    "Machine",
    "Python",
    "TensorFlow",
    "Keras",
    "Cells",
    "Claims to the bit",
    "Other verdicts",
)


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
                    name,
                    *(found[what] for what in ("python", "tensorflow", "keras")),
                    cells,
                    f"{found['same_to_the_bit']} of {found['claims']}",
                    str(len(found["other_verdicts"])),
                )
            )
        group = nodes.tgroup("", *(nodes.colspec() for _ in TITLES), cols=len(TITLES))
        group += nodes.thead("", table_row(*TITLES))
        group += nodes.tbody("", *rows)
        return [nodes.table("", group), _turned(machines)]


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
    return {"parallel_read_safe": True, "parallel_write_safe": True}
