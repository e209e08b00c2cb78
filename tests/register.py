"""The register of what was settled before the confirmation seeds were looked at.

    python -m tests.register --reason "why it is written anew"
    python -m tests.register --read-from-tables --reason "why"
    python -m tests.register --rewritten 02_dropout --reason "why"

runs the chapters, or those that are named, on the exploration seeds, on which settings were found,
and writes `book/data/register.json`: for each chapter its parameters and a digest of its code, for
each claim what it predicts, by which smallest effect it is judged, and what exploration seeds said.
After that `python -m utils.confirm` runs the chapters on the confirmation seeds. A test fails where
a chapter differs from the register in anything but seeds and results, so that nothing is changed in
silence after looking.

Claims that a chapter reads from a table, as from the atlas, rest on no run of the chapter. Of them
the register holds what is read, and the second command writes these entries only. All techniques of
a table are judged in the direction "higher", so that nothing was settled by exploring.

Code that is written anew and gives the same numbers settles nothing anew either. The third command
compares what the stored notebooks show with what the last commit's show, and registers the code if
every claim has the same numbers for every seed.
"""

from __future__ import annotations

import argparse
import ast
import datetime
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import nbformat
from tqdm import tqdm

from tests.notebook_runs import ROOT, chapters, execute
from utils import confirmation, intact
from utils.chapters import claims_of, parameters_of
from utils.confirmation import CHOICE_OF_SEEDS, SEEDS
from utils.jobs import exit_status, write_whole

PATH = ROOT / "book" / "data" / "register.json"
EXPLORATION_SEED = 1000  # the first one
NUMBERS = ("treatment", "control", "joint_interval", "budget", "seeds")
SETTLED = (*confirmation.SETTLED, "source")


# Cells that settle nothing: figures and demonstrations; parameters, and claims from tables, which
# have entries of their own.
NOT_SETTLED = {
    "hide-input", "demonstration", "parameters", "injected-parameters", "read-from-table",
}  # fmt: skip


def code_digest(notebook) -> str:
    """Changes with what a chapter trains, measures and claims, not with its layout or figures."""
    digest = hashlib.sha256()
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        if cell.cell_type == "code" and not NOT_SETTLED & set(tags):
            digest.update(ast.dump(ast.parse(cell.source)).encode())
    return digest.hexdigest()[:16]


def settings_of(notebook) -> dict:
    """The values of the parameters cell, but for the seeds."""
    values = {name: parameter.default for name, parameter in parameters_of(notebook).items()}
    return {name: value for name, value in values.items() if name not in CHOICE_OF_SEEDS}


def load() -> dict:
    """The stored register."""
    return intact.record(PATH)


def entry(record: dict, chapter: str) -> dict:
    """What is settled about a claim, and what exploration seeds said, if any were run."""
    explored = None
    if not record.get("source"):
        explored = {key: record[key] for key in ("verdict", "effect")}
        explored["seeds"] = len(record["seeds"])
    settled = {key: record.get(key, "") for key in SETTLED}
    return {"chapter": chapter} | settled | {"explored": explored}


def _executed(path: Path, folder: Path | None):
    """The chapter on exploration seeds; taken from a folder if that very code was run before."""
    if folder is not None and (folder / path.name).is_file():
        run = nbformat.read(folder / path.name, as_version=4)
        seeds = {(r["seeds"][0], len(r["seeds"])) for r in claims_of(run).values()}
        same_code = code_digest(run) == code_digest(nbformat.read(path, as_version=4))
        if same_code and seeds == {(EXPLORATION_SEED, SEEDS)}:
            return run
    return execute(path, parameters={"first_seed": EXPLORATION_SEED, "seeds": SEEDS})


def _again(names):
    """The stored register without what is written anew: these chapters."""
    old = load() if PATH.is_file() else {"history": [], "chapters": {}, "claims": {}}
    return {
        "exploration_seed": EXPLORATION_SEED,
        "history": old["history"],
        "chapters": {name: kept for name, kept in old["chapters"].items() if name not in names},
        "claims": {k: claim for k, claim in old["claims"].items() if claim["chapter"] not in names},
    }


def _with_tables(register, paths):
    """The register with the claims that the stored notebooks read from tables."""
    measured = {k: claim for k, claim in register["claims"].items() if claim["explored"]}
    for name, path in paths.items():
        shown = claims_of(nbformat.read(path, as_version=4), stored=True)
        measured |= {k: entry(r, name) for k, r in shown.items() if r.get("source")}
    return register | {"claims": measured}


def _differences(path):
    """Names of the claims that the last commit's notebook and this one do not have in common."""
    before = subprocess.run(
        ["git", "show", f"HEAD:{path.relative_to(ROOT).as_posix()}"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    notebooks = (nbformat.reads(before, as_version=4), nbformat.read(path, as_version=4))
    old, new = map(claims_of, notebooks)
    same = {k for k in old.keys() & new.keys() if all(old[k][n] == new[k][n] for n in NUMBERS)}
    return sorted((old.keys() | new.keys()) - same)


def main(arguments=None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.register", description=__doc__.splitlines()[0]
    )
    parser.add_argument("chapters", nargs="*", help="such as 02_dropout; all if none is named")
    parser.add_argument(
        "--read-from-tables", action="store_true", help="only the claims that are read from tables"
    )
    parser.add_argument(
        "--rewritten", action="store_true", help="other code of chapters with the same numbers"
    )
    parser.add_argument("--reason", required=True, help="why the register is written anew")
    parser.add_argument("--executed", type=Path, help="folder with chapters run on these seeds")
    given = parser.parse_args(arguments)
    if not given.reason.strip():
        parser.error("--reason is empty; say why the register is written anew")
    paths = {path.stem: path for path in chapters()}
    unknown = set(given.chapters) - set(paths)
    if unknown:
        parser.error(f"no chapter is called {min(unknown)}; there are {', '.join(paths)}")
    if given.rewritten:
        for name in given.chapters:
            if others := _differences(paths[name]):
                parser.error(f"{name}: not the same numbers as before: {', '.join(others)}")
        register = load()
        for name in given.chapters:
            notebook = nbformat.read(paths[name], as_version=4)
            register["chapters"][name]["code"] = code_digest(notebook)
    elif given.read_from_tables:
        register = _with_tables(load(), paths)
    else:
        register = _again(set(given.chapters) or set(paths))
    register["history"].append(f"{datetime.date.today().isoformat()}: {given.reason.strip()}")
    anew = [] if given.read_from_tables or given.rewritten else given.chapters or paths
    for name in tqdm(anew, unit="chapter", disable=None):
        notebook = nbformat.read(paths[name], as_version=4)
        register["chapters"][name] = {
            "code": code_digest(notebook),
            "parameters": settings_of(notebook),
        }
        explored = claims_of(_executed(paths[name], given.executed), stored=True)
        register["claims"] |= {claim: entry(r, name) for claim, r in explored.items()}
    write_whole(PATH, (json.dumps(register, indent=1, ensure_ascii=False) + "\n").encode())
    print(f"{PATH.relative_to(ROOT)}: {len(register['claims'])} claims")
    return 0


if __name__ == "__main__":
    sys.exit(exit_status(main))
