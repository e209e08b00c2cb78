"""Train the chapters on all confirmation seeds, and store what their claims say then.

    python -m utils.confirm
    python -m utils.confirm 02_dropout 03_batch_normalization
    python -m utils.confirm --check

Each chapter runs as `utils.rerun` runs it, with `seeds` as many as `--seeds` says. With `--check`
nothing is written: what came out is compared with what is stored, and the exit status is 1 where a
number or verdict is another one. The command goes on after an interruption like a sweep.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import nbformat

from . import chapters, intact
from .confirmation import PATH, SEEDS
from .cost import fingerprint
from .jobs import OneLineParser, digest, exit_status, write_whole
from .parameters import OneLineError
from .recorded_numbers import changed, cost_of
from .rerun import Request, without_outputs
from .sweeps import add_options, course_files, sweep


def requests(names: Sequence[str], seeds: int) -> list[Request]:
    """One run for each chapter, on so many seeds.

    What is stored changes no run of all seeds, so that a run stays finished when it is stored.
    """
    name_of_table = PATH.relative_to(intact.ROOT).as_posix()
    files = [content for name, content in course_files().items() if name != name_of_table]
    found = []
    for name in names:
        name, notebook = chapters.read(name)
        source = without_outputs(notebook)
        found.append(Request(name, notebook, source, digest(source, *files), {"seeds": seeds}))
    return found


def with_runs(before: Mapping, runs: Mapping[str, nbformat.NotebookNode]) -> dict:
    """What is stored, with some chapters written anew.

    Args:
        before: what was stored.
        runs: executed notebooks by chapter, whose `parameters` cell was followed by those of the
            run.
    """
    kept = {name: told for name, told in before["chapters"].items() if name not in runs}
    claims = {k: r for k, r in before["claims"].items() if r["chapter"] not in runs}
    for name, run in runs.items():
        cost = cost_of(run)
        kept[name] = {
            "parameters": dict(run.metadata.course.parameters),
            **{key: cost[key] for key in ("day", "versions", "fingerprint")},
        }
        claims |= {k: {"chapter": name} | r for k, r in chapters.claims_of(run).items()}
    order = chapters.chapter_names()
    return {
        "chapters": {name: kept[name] for name in order if name in kept},
        "claims": dict(sorted(claims.items(), key=lambda one: order.index(one[1]["chapter"]))),
    }


def as_text(table: Mapping) -> str:
    """JSON with a line for each chapter and claim, so that a change shows as one."""
    parts = []
    for part, entries in table.items():
        lines = (f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in entries.items())
        parts.append(f' "{part}": {{\n' + ",\n".join(lines) + "\n }")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def differences(before: Mapping, now: Mapping, names: Sequence[str]) -> list[str]:
    """What some chapters' claims say otherwise than is stored, one line each."""
    lines = []
    for name in names:
        old, new = (
            {k: r for k, r in table["claims"].items() if r["chapter"] == name}
            for table in (before, now)
        )
        same = before["chapters"].get(name, {}).get("fingerprint") == fingerprint()
        lines += [f"{name}: {line}" for line in changed(old, new, same)]
    return lines


def main(given: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = OneLineParser(
        prog="python -m utils.confirm",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("chapters", nargs="*", help="such as 02_dropout; all if none is named")
    parser.add_argument(
        "--seeds", type=int, default=SEEDS, help="of each claim; default %(default)s"
    )
    parser.add_argument("--check", action="store_true", help="compare, and write nothing")
    add_options(parser, Path("reruns") / "confirmation")
    return exit_status(lambda: _run(parser.parse_args(given)))


def _run(options) -> int:
    if options.seeds < 20:
        raise OneLineError(f"--seeds is {options.seeds}; a claim of the course takes 20 at least")
    before = intact.record(PATH) if PATH.is_file() else {"chapters": {}, "claims": {}}
    asked = requests(options.chapters or chapters.chapter_names(), options.seeds)
    jobs = [request.job(options.kept / request.chapter) for request in asked]
    if sweep(jobs, workers=options.workers, scheduler=options.scheduler):
        return 1
    runs = {
        request.chapter: nbformat.read(job.path, as_version=4)
        for request, job in zip(asked, jobs, strict=True)
    }
    table = with_runs(before, runs)
    lines = differences(before, table, list(runs))
    print("\n".join(lines) or "all numbers are those that are stored")
    if options.check:
        return int(bool(lines))
    write_whole(PATH, as_text(table).encode())
    print(PATH)
    return 0


if __name__ == "__main__":
    # Workers look for functions by the module's own name, not by "__main__".
    from utils import confirm

    sys.exit(confirm.main())
