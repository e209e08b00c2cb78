"""The exercises of the chapters: a student set and a solution set, each from one source.

A source is a notebook in `notebooks/exercises/sources/`. Tags of its cells say where they go:

    starter       what the student changes; not in the solution set
    solution      only in the solution set
    check         in both: it judges the answer (see `checks`)
    hint          in both, folded
    wrong-answer  in neither: a test runs it in place of the solution, and the check has to say the
                  words that stand in the cell's metadata as "hint"

All other cells go to both. `python -m utils.exercises` makes the two notebooks of each source,
executes them, stores them in `notebooks/exercises/` and `notebooks/solutions/`, and writes them
once more into `_build/exercises/`, for handing out: as notebooks and as pages that can be printed.
"""

from __future__ import annotations

import argparse
import difflib
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import nbformat
import yaml
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from tqdm import tqdm

from . import intact, reports
from .chapters import ROOT
from .jobs import exit_status, write_whole
from .parameters import OneLineError

SOURCES = Path("notebooks") / "exercises" / "sources"
HANDED_OUT = Path("_build") / "exercises"
# Where a set is stored, and the tags of the cells that it leaves out.
SETS = {
    "exercises": {"solution", "wrong-answer"},
    "solutions": {"starter", "wrong-answer"},
}
FOLDERS = {"exercises": "student", "solutions": "solutions"}  # what is handed out
# Code that is folded on the page is left out on paper; what it printed stays.
NOT_ON_PAPER = {"set-up", "check"}
LINK = re.compile(r"\]\((\.\./[^)\s]+?)\.ipynb(#[^)\s]*)?\)")


class ExerciseError(OneLineError):
    """A source that does not exist, or whose cells fail."""


def names() -> list[str]:
    """Names of the sources, such as "02_dropout"."""
    return sorted(path.stem for path in (ROOT / SOURCES).glob("*.ipynb"))


def read(name: str):
    """The source of a chapter's exercises.

    Raises:
        ExerciseError: there is none; names the nearest one.
    """
    if name not in names():
        near = difflib.get_close_matches(name, names(), n=1, cutoff=0.4)
        hint = f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(names())}"
        raise ExerciseError(f"there are no exercises {name!r}{hint}")
    return intact.notebook(ROOT / SOURCES / f"{name}.ipynb")


def tags(cell) -> set[str]:
    """The tags of a cell."""
    return set(cell.metadata.get("tags", []))


def made(source, which: str):
    """The notebook of one set, without outputs.

    Args:
        source: as `read` gives it.
        which: one of `SETS`.
    """
    description = source.metadata["descriptions"][which]
    return nbformat.v4.new_notebook(
        cells=[nbformat.from_dict(cell) for cell in source.cells if not tags(cell) & SETS[which]],
        metadata={
            "kernelspec": source.metadata["kernelspec"],
            "language_info": {"name": "python"},
            "myst": {"html_meta": {"description": description}},
        },
    )


def stored_at(name: str, which: str) -> Path:
    """The file of one set, which the book shows and nbval runs."""
    return ROOT / "notebooks" / which / f"{name}.ipynb"


def run_cells(notebook, folder: Path, kernel: str = "python3") -> None:
    """Run all cells in a kernel that starts in `folder`; outputs are stored in the notebook.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell failed.
    """
    NotebookClient(
        notebook,
        timeout=1800,  # seconds for a cell, as in _config.yml
        kernel_name=kernel,
        record_timing=False,
        extra_arguments=["--log-level=ERROR"],  # each kernel warns that it is a local one
        resources={"metadata": {"path": str(folder)}},
    ).execute()


def _executed(notebook, path):
    language = notebook.metadata["language_info"]
    try:
        run_cells(notebook, ROOT / "notebooks")
    except CellExecutionError as error:
        raise ExerciseError(
            f"{path.relative_to(ROOT)}: a cell stops with {error.ename}: {error.evalue}"
        ) from None
    notebook.metadata["language_info"] = language  # not the version of this Python
    return notebook


def handed_out(notebook):
    """A copy that stands alone: its links lead to the course's site instead of to files."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    site = config["html"]["baseurl"]
    copy = nbformat.from_dict(notebook)
    for cell in copy.cells:
        if cell.cell_type == "markdown":
            cell.source = LINK.sub(lambda link: _on_the_site(site, link), cell.source)
    return copy


def _on_the_site(site, link):
    path = os.path.normpath(Path("notebooks") / "exercises" / link[1])
    return f"]({site}{Path(path).as_posix()}.html{link[2] or ''})"


def page(notebook, *, open_details: bool) -> str:
    """One HTML file for print, without the code that sets up and checks.

    Args:
        notebook: with its outputs.
        open_details: unfold what is folded, since paper cannot.
    """
    copy = nbformat.from_dict(notebook)
    copy.metadata["title"] = copy.cells[0].source.splitlines()[0].lstrip("# ")
    for cell in copy.cells:
        if tags(cell) & NOT_ON_PAPER:
            cell.metadata["transient"] = {"remove_source": True}
        if open_details and cell.cell_type == "markdown":
            cell.source = cell.source.replace("<details>", "<details open>")
    return reports.notebook_page(copy)


def write(name: str) -> None:
    """Make, execute and store both notebooks of a source, and what is handed out.

    Raises:
        ExerciseError: there is no such source, or a cell fails; then neither notebook is changed.
    """
    source = read(name)
    ready = {which: _executed(made(source, which), stored_at(name, which)) for which in SETS}
    for which, notebook in ready.items():
        write_whole(stored_at(name, which), _text(notebook))
        folder = ROOT / HANDED_OUT / FOLDERS[which]
        alone = handed_out(notebook)
        write_whole(folder / f"{name}.ipynb", _text(alone))
        paper = page(alone, open_details=which == "solutions")
        write_whole(folder / f"{name}.html", paper.encode())


def _text(notebook):
    return (nbformat.writes(notebook) + "\n").encode()


def main(given: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m utils.exercises", description=__doc__.splitlines()[0]
    )
    parser.add_argument("names", nargs="*", help="such as 02_dropout; by default all")
    options = parser.parse_args(given)
    return exit_status(lambda: _run(options.names or names()))


def _run(wanted) -> int:
    for name in wanted:
        read(name)  # a wrong name is told before anything runs
    for name in tqdm(wanted, unit="chapter", disable=None):
        write(name)
    print(f"{len(wanted)} student and {len(wanted)} solution notebooks; to hand out: {HANDED_OUT}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
