"""Executing chapters, and reading what they hold.

`python -m tests.notebook_runs` runs the chapters and stores their outputs in place: the outputs
that nbval compares and that the recorded numbers come from.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import nbformat
import yaml
from tqdm import tqdm

from utils.chapters import claims_among
from utils.exercises import run_cells

ROOT = Path(__file__).resolve().parents[1]


def notebooks() -> list[Path]:
    """The notebooks of the table of contents, without the exercises (see `utils/exercises.py`)."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text())
    entries = toc.get("chapters", []) + [e for p in toc.get("parts", []) for e in p["chapters"]]
    paths = [ROOT / f"{entry['file']}.ipynb" for entry in entries]
    return [path for path in paths if path.is_file() and path.parent.name == "notebooks"]


def chapters() -> list[Path]:
    """The numbered ones, which make claims; an appendix makes none."""
    return [path for path in notebooks() if path.stem[0].isdigit()]


def execute(
    path: Path,
    *,
    cwd: Path = ROOT,
    before: str = "",
    after: str = "",
    parameters=None,
    until: str = "",
    kernel: str = "python3",
):
    """Run a notebook in a kernel of this Python and return it with its outputs.

    Args:
        path: the notebook, which stays as it is.
        cwd: the kernel's working directory.
        before: code that runs first.
        after: code that runs right after the cell that finds `utils`.
        parameters: values set after the parameters cell, as papermill does.
        until: id of the claim after which the run ends.
        kernel: name of the kernel; by default this Python's.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell failed.
    """
    notebook = nbformat.read(path, as_version=4)
    if until:
        last = next(
            k for k, c in enumerate(notebook.cells) if until in claims_among(c.get("outputs", []))
        )
        del notebook.cells[last + 1 :]
    if after or parameters:
        tagged = next(
            k for k, c in enumerate(notebook.cells) if "parameters" in c.metadata.get("tags", [])
        )
        if after:
            notebook.cells.insert(tagged + 2, nbformat.v4.new_code_cell(after))
        if parameters:
            lines = "\n".join(f"{name} = {value!r}" for name, value in parameters.items())
            injected = nbformat.v4.new_code_cell(lines)
            injected.metadata.tags = ["injected-parameters"]  # papermill's word for it
            notebook.cells.insert(tagged + 1, injected)
    if before:
        notebook.cells.insert(0, nbformat.v4.new_code_cell(before))
    run_cells(notebook, cwd, kernel)
    return notebook


def _store(path: Path) -> float:
    """Execute a chapter in place; returns the seconds it took."""
    started = time.perf_counter()
    notebook = execute(path)
    seconds = time.perf_counter() - started
    notebook.metadata.kernelspec = {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    }
    notebook.metadata.language_info = {"name": "python"}
    unfinished = path.with_suffix(".unfinished")
    nbformat.write(notebook, unfinished)
    os.replace(unfinished, path)
    return seconds


if __name__ == "__main__":
    unknown = set(sys.argv[1:]) - {path.stem for path in notebooks()}
    if unknown:
        sys.exit(f"error: there is no notebook {min(unknown)!r}")
    wanted = [path for path in notebooks() if not sys.argv[1:] or path.stem in sys.argv[1:]]
    for path in tqdm(wanted, unit="notebook", disable=None):
        print(f"{path.relative_to(ROOT)}: {_store(path):.0f} s")
