"""Run a chapter again with other parameters, once or over a grid.

    python -m utils.rerun --list
    python -m utils.rerun 02_dropout -p dropout_rate=0.3 -p seeds=50
    python -m utils.rerun 02_dropout --grid dropout_rate=0,0.2,0.5 --grid train_rows=100,500
    python -m utils.rerun --report reruns/02_dropout/TABLE.parquet

Everything that is given is checked before a kernel starts. A run that is finished, with the same
code and versions, is not repeated; what was interrupted goes on with the same command.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import datetime
import functools
import itertools
import json
import math
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import papermill
import yaml
from nbclient.exceptions import DeadKernelError
from papermill.exceptions import PapermillExecutionError

from . import chapters, confirmation, reports
from .cost import versions
from .jobs import (
    Failure,
    Job,
    JobError,
    OneLineParser,
    digest,
    exit_status,
    remove_leftovers,
    require_writable,
    tell,
    write_whole,
)
from .parameters import OneLineError, ParameterError, check, one_line
from .sweeps import course_files, sweep

FORMULAS = tuple(
    "=+-@\t\r\n\N{FULLWIDTH EQUALS SIGN}"
)  # with which a cell of a spreadsheet computes
MOST_RUNS = 100_000


class RerunError(OneLineError):
    """A request that cannot be carried out; nothing was run."""


# What is asked for


def read_assignments(
    known: Mapping[str, chapters.Parameter], assignments: Sequence[str], file: str | None
) -> dict[str, Any]:
    """Parameters from `name=value` texts, and from a YAML or JSON file, over which those go.

    Raises:
        ParameterError: an unknown name, or one that is given twice.
        RerunError: the file cannot be read.
    """
    texts = {} if file is None else _parameter_file(file)
    split = [_split(assignment, "-p") for assignment in assignments]
    _refuse_repeated([name for name, _ in split])
    texts |= dict(split)
    return {name: chapters.named(known, name).value(text) for name, text in texts.items()}


def read_grid(known: Mapping[str, chapters.Parameter], axes: Sequence[str]) -> dict[str, list]:
    """Axes of a grid from `name=value,value` texts.

    Raises:
        ParameterError: an unknown name, or a name or value that is given twice.
    """
    split = [_split(axis, "--grid") for axis in axes]
    _refuse_repeated([name for name, _ in split])
    grid = {}
    for name, text in split:
        parameter = chapters.named(known, name)
        grid[name] = [parameter.value(one) for one in text.split(",")]
        repeated = [value for value in grid[name] if grid[name].count(value) > 1]
        if repeated:
            raise ParameterError(f"--grid {name} has {repeated[0]!r} twice")
    return grid


def _split(text, option):
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise ParameterError(f"{option} takes name=value, but got {text!r}")
    return name.strip(), value


def _refuse_repeated(names):
    for name in names:
        if names.count(name) > 1:
            raise ParameterError(f"{name!r} is given twice")


def _parameter_file(file):
    try:
        # As texts, so that 1e-3 and 010 mean here what they mean on the command line.
        text = Path(file).read_text(encoding="utf-8")
        if text.lstrip()[:1] == "{":  # JSON may be indented by tabs, and YAML may not
            text = text.replace("\t", " ")
        node = yaml.compose(text, Loader=yaml.BaseLoader)
    except RecursionError:
        raise RerunError(f"the parameter file {file!r} is nested too deep") from None
    except (OSError, ValueError, yaml.YAMLError) as error:
        reason = getattr(error, "strerror", None) or getattr(error, "problem", None) or error
        raise RerunError(f"the parameter file {file!r} cannot be read: {reason}") from None
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    if not pairs or not all(isinstance(n, yaml.ScalarNode) for pair in pairs for n in pair):
        raise RerunError(f"the parameter file {file!r} holds no lines of the form name: value")
    _refuse_repeated([name.value for name, _ in pairs])
    return {name.value: value.value for name, value in pairs}


# One run


@dataclasses.dataclass(frozen=True, eq=False)
class Request:
    """A chapter and the parameters of one run of it.

    Attributes:
        chapter: name, such as "02_dropout".
        notebook: as it stands in the course, with its outputs.
        source: the same without its outputs, as text.
        code: digest of the source and of what it imports.
        given: the parameters that were asked for; the others keep their defaults.

    Raises:
        ParameterError: a value that is not allowed.
    """

    chapter: str
    notebook: Any
    source: str
    code: str
    given: Mapping[str, Any]

    def __post_init__(self):
        check(**self.parameters)

    @property
    def parameters(self) -> dict[str, Any]:
        """All parameters of the run."""
        defaults = {p.name: p.default for p in chapters.parameters_of(self.notebook).values()}
        return defaults | dict(self.given)

    @property
    def name(self) -> str:
        """What a person calls the run, and its folder."""
        return _name({name: [value] for name, value in self.given.items()}) or "defaults"

    @functools.cached_property
    def identity(self) -> dict[str, Any]:
        """What decides about the numbers of the run; stored with them."""
        return {
            "chapter": self.chapter,
            "parameters": self.parameters,
            "code": self.code,
            "versions": versions(),
        }

    def job(self, folder: Path) -> Job:
        """The run as a unit of work, with its notebook in `folder`."""
        return Job(
            name=f"{self.chapter} with {self.name}",
            path=folder / self.name / f"{self.chapter}.ipynb",
            function=run_notebook,
            arguments=(self.source, dict(self.given), self.identity),
            is_finished=self._is_made,
        )

    def _is_made(self, path):
        made = stored_run(path)
        return made is not None and all(
            made[name] == value for name, value in self.identity.items()
        )


def without_outputs(notebook) -> str:
    """A notebook as text, with its cells only."""
    nothing = {"outputs": [], "execution_count": None}
    cells = [{**cell, **nothing} if cell.cell_type == "code" else cell for cell in notebook.cells]
    return nbformat.writes(nbformat.from_dict({**notebook, "cells": cells}))


def _name(values: Mapping[str, Sequence]) -> str:
    texts = [f"{name}={','.join(map(str, several))}" for name, several in values.items()]
    name = ",".join(texts)
    return name if len(name) <= 120 else f"{name[:100]}...{digest(name)}"


def stored_run(path: Path) -> dict | None:
    """What a finished run wrote about itself into its notebook; None where there is none."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))["metadata"]["course"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def run_notebook(source: str, given: dict, identity: dict, progress: bool = False) -> bytes:
    """Execute a chapter with papermill in a kernel of its own.

    Args:
        source: the notebook as text.
        given: parameters to set.
        identity: what is stored in the notebook about the run.
        progress: whether a terminal sees a bar with the cells.

    Returns:
        The executed notebook as text in UTF-8.

    Raises:
        JobError: a cell failed; holds the notebook as far as it went.
    """
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        chapter, executed = Path(folder) / "chapter.ipynb", Path(folder) / "executed.ipynb"
        chapter.write_text(source, encoding="utf-8")
        failure = None
        try:
            papermill.execute_notebook(
                chapter,
                executed,
                given,
                kernel_name="python3",
                request_save_on_cell_execute=False,
                progress_bar={"disable": None} if progress else False,
                # What kernels say on standard error is no news: that they listen, that they end.
                extra_arguments=["--IPKernelApp.log_level=50"],
                # Where the chapter finds `utils`: the course of this very process.
                resources={"metadata": {"path": str(chapters.ROOT)}},
            )
        except PapermillExecutionError as error:
            failure = f"cell {error.cell_index + 1} stopped with {error.ename}: {error.evalue}"
        except DeadKernelError:
            raise JobError("the kernel died; it may have run out of memory") from None
        notebook = nbformat.read(executed, as_version=4)
    for name in ("input_path", "output_path"):
        notebook.metadata.papermill[name] = f"{identity['chapter']}.ipynb"
    if failure:
        raise JobError(one_line(failure), nbformat.writes(notebook).encode())
    notebook.metadata["course"] = identity | {
        "seconds": round(time.perf_counter() - started, 1),
        "finished": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
    return nbformat.writes(notebook).encode()


def compared(stored, rerun) -> pd.DataFrame:
    """Each claim of a chapter at its defaults beside that of a run."""
    before, now = chapters.claims_of(stored), chapters.claims_of(rerun, again=True)
    return pd.DataFrame(
        [
            {
                "claim": claim,
                "at the defaults": record["verdict"],
                "effect": _signed(record["effect"]),
                # A claim that is not there was renamed since the outputs were stored.
                "this run": now[claim]["verdict"] if claim in now else "not made",
                "effect ": _signed(now[claim]["effect"]) if claim in now else "",
            }
            for claim, record in before.items()
        ]
    )


def _signed(effect):
    return "none measured" if effect is None else f"{effect:+.4f}"


# Many runs


def results(paths: Sequence[Path]) -> pd.DataFrame:
    """What finished runs measured.

    Args:
        paths: their notebooks.

    Returns:
        One row per run, claim and replicate: the run's parameters, the claim with its effect, 95 %
        interval and verdict, whether half of its budget in epochs says the same, the seed with both
        of its numbers, versions, and the seconds that the run took.
    """
    rows = []
    for path in paths:
        notebook = nbformat.read(path, as_version=4)
        run = notebook.metadata.course
        shared = {"chapter": run.chapter, "run": path.parent.name, **run.parameters}
        last = {"seconds": run.seconds, "finished": run.finished, "code": run.code, **run.versions}
        for claim, record in chapters.claims_of(notebook, again=True).items():
            plain = {"claim": claim} | {
                name: record[name]
                for name in (
                    "prediction",
                    "sentence",
                    "metric",
                    "direction",
                    "smallest_effect",
                    "verdict",
                )
            }
            budget = record["budget"] or {"epochs": None, "half": {"effect": None}, "lasts": None}
            low, high = record["interval"]
            numbers = {
                "effect": record["effect"],
                "interval_low": low,
                "interval_high": high,
                "joint_interval_low": record["joint_interval"][0],
                "joint_interval_high": record["joint_interval"][1],
                "comparisons": record["comparisons"],
                "budget": budget["epochs"],
                "effect_at_half": budget["half"]["effect"],
                "lasts": budget["lasts"],
            }
            for seed, treatment, control in zip(
                record["seeds"], record["treatment"], record["control"], strict=True
            ):
                pair = {"seed": seed, "treatment": treatment, "control": control}
                rows.append(shared | plain | numbers | pair | last)
    return pd.DataFrame(rows)


def as_csv(table: pd.DataFrame) -> bytes:
    """A table as CSV in which a spreadsheet finds texts and numbers, and no formula."""

    def text(value):
        return f"'{value}" if isinstance(value, str) and value[:1] in FORMULAS else value

    plain = table.map(text).rename(columns=text)
    # All texts in quotation marks: a carriage return in one would begin a line otherwise.
    return plain.to_csv(index=False, quoting=csv.QUOTE_NONNUMERIC).encode()


# The command


def _arguments(given):
    parser = OneLineParser(
        prog="python -m utils.rerun",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("chapter", nargs="?", help="such as 02_dropout")
    parser.add_argument("--list", action="store_true", help="show the parameters of the chapters")
    parser.add_argument(
        "-p", "--parameter", action="append", default=[], metavar="NAME=VALUE",
        help="set a parameter; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "-f", "--parameter-file", metavar="FILE", help="YAML or JSON with lines name: value"
    )
    parser.add_argument(
        "-g", "--grid", action="append", default=[], metavar="NAME=VALUE,VALUE",
        help="run with each of these values, and with all combinations if repeated",
    )  # fmt: skip
    parser.add_argument(
        "--workers", type=int, metavar="N", help="runs of a grid at a time; default one per core"
    )
    parser.add_argument(
        "--scheduler", metavar="ADDRESS",
        help="do the runs of a grid on a running Dask scheduler, such as tcp://10.0.0.5:8786",
    )  # fmt: skip
    parser.add_argument(
        "--output", type=Path, default=Path("reruns"), metavar="FOLDER",
        help="where the runs are kept; default reruns",
    )  # fmt: skip
    parser.add_argument("--csv", action="store_true", help="write a grid's table as CSV as well")
    parser.add_argument(
        "--report", type=Path, metavar="TABLE", help="turn a table of results into a page"
    )
    options = parser.parse_args(given)
    if options.workers is not None and options.workers < 1:
        parser.error(f"--workers is {options.workers}; it starts at 1")
    only_for_grids = {
        "--csv": options.csv,
        "--workers": options.workers,
        "--scheduler": options.scheduler,
    }
    alone = [name for name, value in only_for_grids.items() if value]
    if alone and not options.grid:
        parser.error(f"{alone[0]} is for grids; give a --grid as well")
    if options.chapter is None and not (options.list or options.report):
        parser.error("name a chapter, such as 02_dropout")
    return options


def _list(chapter):
    for name in [chapter] if chapter else chapters.chapter_names():
        name, notebook = chapters.read(name)
        rows = [
            (p.name, p.kind.__name__, p.default, chapters.allowed(p), p.meaning)
            for p in chapters.parameters_of(notebook).values()
        ]
        columns = ["parameter", "type", "default", "allowed", "meaning"]
        print(f"{name}\n{_plain(pd.DataFrame(rows, columns=columns, dtype=object))}\n")


def _plain(table):
    """A table as text, its words aligned left."""
    widths = {c: max(len(c), *table[c].astype(str).str.len()) for c in table}
    lines = ["  ".join(c.ljust(width) for c, width in widths.items())]
    lines += [
        "  ".join(str(row[c]).ljust(w) for c, w in widths.items()) for _, row in table.iterrows()
    ]
    return "\n".join(f"  {line}".rstrip() for line in lines)


def _run_once(request, folder) -> int:
    job = request.job(folder)
    if not (job.path.exists() and job.is_finished(job.path)):
        try:
            content = run_notebook(*job.arguments, progress=True)
        except JobError as error:
            tell(Failure(job, error.sentence))
            if error.content:
                write_whole(job.failure_path, error.content)
            return 1
        rerun = nbformat.reads(content.decode(), as_version=4)
        write_whole(job.path, content)
        job.failure_path.unlink(missing_ok=True)
    rerun = nbformat.read(job.path, as_version=4)
    page = job.path.with_suffix(".html")
    if not page.exists() or page.stat().st_mtime < job.path.stat().st_mtime:  # as after a grid
        write_whole(page, reports.notebook_page(rerun).encode())
    print(_plain(compared(request.notebook, rerun)))
    trained, confirmed = request.parameters["seeds"], confirmation.SEEDS
    print(f"\nThe chapter's verdicts stand on {confirmed} seeds, those of this run on {trained}")
    print(f"{job.name}: {rerun.metadata.course.seconds:.0f} s")
    print(f"{job.path}\n{page}")
    return 0


def _run_grid(requests, folder, name, options) -> int:
    jobs = [request.job(folder) for request in requests]
    remove_leftovers([folder])  # an unfinished table of a process that is gone
    failures = sweep(jobs, workers=options.workers, scheduler=options.scheduler)
    failed = {failure.job for failure in failures}
    finished = [job.path for job in jobs if job not in failed]
    print(f"{len(finished)} of {len(jobs)} runs are finished, in {folder}")
    if finished:
        table = results(finished)
        path = folder / f"{name}.parquet"
        write_whole(path, table.to_parquet(index=False, compression="zstd"))
        print(path)
        if options.csv:
            write_whole(path.with_suffix(".csv"), as_csv(table))
            print(path.with_suffix(".csv"))
    return int(bool(failures))


def _report(path) -> Path:
    if not path.is_file():
        raise RerunError(f"the table {path} cannot be read: there is no such file")
    try:
        table = pd.read_parquet(path)
    except Exception as error:  # what pandas has written into such a file, a damaged one lacks
        reason = one_line(error)[:150] or type(error).__name__
        raise RerunError(f"the table {path} cannot be read: {reason}") from None
    page = path.with_suffix(".html")
    require_writable(page.parent)
    write_whole(page, reports.sweep_page(table).encode())
    return page


def main(given: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    return exit_status(lambda: _run(given))


def _run(given) -> int:
    options = _arguments(given)
    if options.list:
        _list(options.chapter)
        return 0
    if options.report:
        print(_report(options.report))
        return 0
    name, notebook = chapters.read(options.chapter)
    known = chapters.parameters_of(notebook)
    values = read_assignments(known, options.parameter, options.parameter_file)
    grid = read_grid(known, options.grid)
    _refuse_repeated([*values, *grid])
    named = [key for key in known if key in values or key in grid]  # in the cell's order
    count = math.prod(map(len, grid.values()))
    if count > MOST_RUNS:
        raise RerunError(f"the grid has {count:,} runs; {MOST_RUNS:,} are the most")
    points = [dict(zip(grid, point, strict=True)) for point in itertools.product(*grid.values())]
    source = without_outputs(notebook)
    code = digest(source, *course_files().values())
    requests = [
        Request(name, notebook, source, code, {key: (values | point)[key] for key in named})
        for point in points
    ]
    folder = options.output / name
    require_writable(folder)
    if not grid:
        return _run_once(requests[0], folder)
    whole = {key: [value] for key, value in values.items()} | grid
    return _run_grid(requests, folder, _name({key: whole[key] for key in named}), options)


if __name__ == "__main__":
    # Workers look for functions by the module's own name, not by "__main__".
    from utils import rerun

    sys.exit(rerun.main())
