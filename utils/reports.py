"""Notebooks and tables of results as single HTML pages that need nothing else."""

from __future__ import annotations

import html

import nbconvert
import pandas as pd
from latex2mathml.converter import convert
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from . import figures
from .pages import whole_page
from .parameters import PARAMETERS, OneLineError

# The page's usual scripts would come from other hosts, and formulas need none.
_TEMPLATE = """
{%- extends 'lab/index.html.j2' -%}
{%- block html_head_js -%}{%- endblock -%}
{%- block html_head_js_mathjax -%}{%- endblock -%}
{%- block html_head_js_mermaidjs -%}{%- endblock -%}
"""


class ReportError(OneLineError):
    """A table that cannot be shown."""


class _WithFormulas(IPythonRenderer):
    """Markdown with its formulas as MathML, which browsers draw by themselves."""

    def inline_math(self, text):
        return convert(text)

    def block_math(self, text):
        return convert(text, display="block")

    multiline_math = block_math


def _markdown(source):
    renderer = _WithFormulas(escape=False)
    return MarkdownWithMath(renderer=renderer).render(source)


def notebook_page(notebook) -> str:
    """A notebook with its outputs as one HTML page."""
    exporter = nbconvert.HTMLExporter(raw_template=_TEMPLATE)
    exporter.register_filter("markdown2html", _markdown)
    page, _ = exporter.from_notebook_node(notebook)
    return page


def sweep_page(table: pd.DataFrame) -> str:
    """A table of results, as `rerun.results` makes it, with a picture for each claim.

    Raises:
        ReportError: the table has other columns.
    """
    needed = ("chapter", "run", "claim", "prediction", "effect", "verdict")
    missing = [c for c in needed if c not in table]
    if missing:
        raise ReportError(f"the table has no column {missing[0]!r}; it is no table of a rerun")
    parameters = [c for c in table.columns if c in PARAMETERS]
    runs = table.drop_duplicates("run")
    varied = [name for name in parameters if runs[name].nunique() > 1]
    fixed = ", ".join(f"{name}={runs[name].iloc[0]}" for name in parameters if name not in varied)
    parts = [
        f"<p>{len(runs)} runs with {html.escape(fixed)}. Each line of a picture is one run, with "
        "the effect of the claim and its 95 % interval.</p>"
    ]
    for claim, rows in table.drop_duplicates(["run", "claim"]).groupby("claim", sort=False):
        rows = rows.assign(
            label=[", ".join(f"{name}={row[name]}" for name in varied) or row["run"]
                   for _, row in rows.iterrows()]
        )  # fmt: skip
        parts.append(f"<h2>{html.escape(claim)}</h2>")
        # What was found has other words in other runs, and so may have what was expected.
        expected = "<br>".join(map(html.escape, rows["prediction"].unique()))
        parts.append(f"<p>Expected: {expected}</p>")
        parts.append(_effects(claim, rows)._repr_svg_())
        shown = ["label", "effect", "interval_low", "interval_high", "verdict"]
        listed = (
            rows[shown]
            .rename(columns={"label": "run"})
            .to_html(index=False, float_format="{:+.4f}".format, border=0, na_rep="none measured")
        )
        parts.append(
            f'<details><summary>Numbers</summary><div class="table">{listed}</div></details>'
        )
    chapter = ", ".join(runs["chapter"].unique())
    return whole_page(f"Reruns of {chapter}", "\n".join(parts))


def _effects(claim, rows):
    records = {
        row["label"]: {
            "effect": None if pd.isna(row["effect"]) else row["effect"],
            "interval": (row["interval_low"], row["interval_high"]),
            "verdict": row["verdict"],
        }
        for _, row in rows.iterrows()
    }
    counts = rows["verdict"].value_counts()
    verdicts = ", ".join(f"{verdict} in {count}" for verdict, count in counts.items())
    return figures.effects(
        records,
        title=f"{claim}: {verdicts} of {len(rows)} runs",
        alt="Effects between {:+.4f} and {:+.4f}; {}.".format(
            rows["effect"].min(), rows["effect"].max(), verdicts
        ),
        xlabel=f"effect on {rows['metric'].iloc[0]}",
    )
