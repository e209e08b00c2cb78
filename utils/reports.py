"""Notebooks and tables of results as single HTML pages that need nothing else."""

from __future__ import annotations

import html
import numbers

import nbconvert
import pandas as pd
from latex2mathml.converter import convert
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from . import figures
from .claims import VERDICTS
from .pages import POLICY, whole_page
from .parameters import PARAMETERS, OneLineError

# The page's usual scripts would come from other hosts, and formulas need none.
_TEMPLATE = """
{%- extends 'lab/index.html.j2' -%}
{%- block html_head_js -%}{%- endblock -%}
{%- block html_head_js_mathjax -%}{%- endblock -%}
{%- block html_head_js_mermaidjs -%}{%- endblock -%}
"""
_TEXTS = ("chapter", "run", "claim", "prediction", "verdict", "metric")
_NUMBERS = ("effect", "interval_low", "interval_high")


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
    # What a notebook shows is not all ours: whatever it is, it can load and run nothing.
    policy = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    return page.replace("<head>", f"<head>{policy}", 1)


def sweep_page(table: pd.DataFrame) -> str:
    """A table of results, as `rerun.results` makes it, with a picture for each claim.

    Raises:
        ReportError: the table has other columns, or other values in them.
    """
    _require_results(table)
    parameters = [c for c in table.columns if c in PARAMETERS]
    runs = table.drop_duplicates("run")
    varied = [name for name in parameters if runs[name].nunique() > 1]
    fixed = ", ".join(f"{name}={runs[name].iloc[0]}" for name in parameters if name not in varied)
    parts = [
        f"<p>{len(runs)} runs with {html.escape(fixed)}. Each line of a picture is one run, with "
        "the effect of the claim and its 95 % interval.</p>"
    ]
    table = table.astype(dict.fromkeys(_NUMBERS, float))
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


def _require_results(table):
    missing = [c for c in (*_TEXTS, *_NUMBERS) if c not in table]
    if missing:
        raise ReportError(f"the table has no column {missing[0]!r}; it is no table of a rerun")
    if table.empty:
        raise ReportError("the table has no rows")
    for name in _TEXTS:
        odd = [value for value in table[name] if not isinstance(value, str)]
        if odd:
            raise ReportError(f"{name} is {odd[0]!r} in a row of the table; it takes a text")
    for name in _NUMBERS:
        if not all(value is None or isinstance(value, numbers.Real) for value in table[name]):
            raise ReportError(f"the column {name!r} of the table holds what is no number")
    for name in [c for c in table.columns if c in PARAMETERS]:
        if not all(isinstance(value, str | numbers.Real) for value in table[name]):
            raise ReportError(f"the column {name!r} of the table holds no value of a parameter")
    odd = set(table["verdict"]) - set(VERDICTS)
    if odd:
        raise ReportError(f"verdict is {min(odd)!r}; there are {', '.join(VERDICTS)}")


def _effects(claim, rows):
    records = {
        figures.plain(row["label"]): {
            "effect": None if pd.isna(row["effect"]) else row["effect"],
            "interval": (float(row["interval_low"]), float(row["interval_high"])),
            "verdict": row["verdict"],
        }
        for _, row in rows.iterrows()
    }
    counts = rows["verdict"].value_counts()
    verdicts = ", ".join(f"{verdict} in {count}" for verdict, count in counts.items())
    return figures.effects(
        records,
        title=figures.plain(f"{claim}: {verdicts} of {len(rows)} runs"),
        alt="Effects between {:+.4f} and {:+.4f}; {}.".format(
            rows["effect"].min(), rows["effect"].max(), verdicts
        ),
        xlabel=figures.plain(f"effect on {rows['metric'].iloc[0]}"),
    )
